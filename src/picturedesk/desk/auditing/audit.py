"""Audits a desk: mispaired pairs, topics without pictures, pictures that never or always come up.

Pairs and what comes up are judged by the direct route with its correction for hubness, which needs
nothing but vectors that the desk has stored. Catalogue pictures are placed by heads that did not
learn from them, so that no pair vouches for itself. Reads; never writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

import picturedesk.checks as checks
from picturedesk.desk.auditing.coverage import Coverage
from picturedesk.desk.auditing.duplicates import rights_conflicts
from picturedesk.desk.auditing.fitness import Fitness, known_texts
from picturedesk.desk.auditing.topics import Naming, cluster
from picturedesk.errors import BadInput
from picturedesk.images.hashes import Hashes
from picturedesk.report.audit_records import Audit, Exposure, SuspectPair, Topic
from picturedesk.routes.blend import Blend
from picturedesk.routes.confidence import TEN
from picturedesk.routes.hubness import HUBNESS
from picturedesk.spacing import evenly_spaced
from picturedesk.store.archive_memory import ArchiveMemory
from picturedesk.types import Bools, Entries, Floats, Ints, Picture, Progress, RowSource, step

_INSTEAD = 3  # pictures that are shown beside a suspect pair
_EXAMPLES = 3  # texts of a topic
_FEWEST = 5  # asked texts of a topic that is told


@dataclass(frozen=True, slots=True)
class AuditConfig:
    """Settings of an audit.

    Attributes:
        most: entries of each list, at most.
        asked: texts of the archive that are asked as if they were new, at most; evenly spaced.
        overused: pictures are told that are suggested this many times as often as usual, or more.

    Raises:
        BadInput: a field is of another kind or outside its range.
    """

    most: int = 50
    asked: int = 400
    overused: float = 3.0

    def __post_init__(self) -> None:
        checks.settings(self)
        if min(self.most, self.asked) < 1 or self.overused <= 1:
            raise BadInput(f"{self}: most and asked start at 1, overused is above 1")


def audit_desk(
    archive: str,
    blend: Blend,
    memory: ArchiveMemory,
    held_out: Ints,
    entries: Entries,
    hashes: Hashes,
    config: AuditConfig,
    progress: Progress,
) -> Audit:
    """All findings.

    Args:
        archive: its name.
        blend: routes and weights.
        memory: the archive in the shared space.
        held_out: rows of its texts that nothing was learned from.
        entries: N pictures of the catalogue.
        hashes: (N,) their perceptual hashes.
        config: settings.
        progress: called as steps begin and end.

    Raises:
        BadInput: no pair of the archive has its picture in the catalogue.
    """
    with step(progress, "comparing texts with pictures"):
        fitness = _fitness(blend, memory, held_out, entries)
        suspects = _suspects(fitness, memory, entries.pictures, config.most)
    with step(progress, "counting what comes up"):
        times = _times(fitness)
    known = np.flatnonzero(known_texts(fitness.texts))
    asked = known[evenly_spaced(len(known), config.asked if blend.confidence else 0)]
    is_weak = Coverage(blend, memory, entries, fitness.links).is_weak(asked, progress)
    with step(progress, "looking for topics"):
        topics = _topics(fitness.texts, memory, known, asked, is_weak)
    with step(progress, "looking for near-duplicates"):
        conflicts = rights_conflicts(entries.pictures, hashes)
    unused = [entries.pictures[row] for row in np.flatnonzero(times == 0).tolist()]
    return Audit(
        archive=archive,
        texts=len(memory),
        pairs=len(fitness.links),
        pictures=len(entries),
        suspects=suspects,
        asked=len(asked),
        weak=_share(is_weak),
        topics=topics[: config.most],
        unused=tuple(unused[: config.most]),
        unused_pictures=len(unused),
        usual_texts=float(times.mean()),
        overused=_overused(times, entries.pictures, config),
        conflicts=tuple(conflicts[: config.most]),
    )


def _fitness(blend: Blend, memory: ArchiveMemory, held_out: Ints, entries: Entries) -> Fitness:
    """Texts and catalogue pictures in the shared space, and the pairs that are in both."""
    parts = blend.layout.split(entries.vectors)
    column_of = {picture.key: column for column, picture in enumerate(entries.pictures)}
    archive = memory.pictures(np.arange(len(memory.picture_vectors), dtype=np.int64))
    columns = np.array([column_of.get(one.key, -1) for one in archive], dtype=np.int64)
    links = np.stack([memory.links[:, 0], columns[memory.links[:, 1]]], axis=1)
    texts = memory.text_vectors
    known = known_texts(texts)
    links = links[(links[:, 1] >= 0) & known[links[:, 0]]]
    if not len(links):
        raise BadInput("no pair of the archive has its picture in the catalogue: add its pictures")
    is_held_out = np.zeros(len(texts), dtype=bool)
    is_held_out[held_out] = True
    vectors = np.ascontiguousarray(parts[blend.block_routes[0].block.name])
    return Fitness(texts, vectors, _offsets(blend, parts), links, is_held_out)


def _offsets(blend: Blend, parts: dict[str, Floats]) -> Floats:
    """Hubness (N,) of pictures, in cosines of the direct route, as far as the blend uses it."""
    direct, weights = blend.block_routes[0].name, blend.weights
    if HUBNESS not in parts or not weights.get(direct):
        return np.zeros(len(next(iter(parts.values()))), dtype=np.float32)
    most = next(route for route in blend.block_routes if route.name == HUBNESS).settings()["most"]
    share = weights.get(HUBNESS, 0.0) / weights[direct]
    offsets: Floats = parts[HUBNESS][:, 0] * np.float32(most * share)
    return offsets


def _suspects(
    fitness: Fitness, memory: ArchiveMemory, pictures: Sequence[Picture], most: int
) -> tuple[SuspectPair, ...]:
    """The worst pairs; they suit each other less than half of all."""
    pairs = fitness.worst_pairs[:most]
    pairs = pairs[fitness.suspicion[pairs] > 0.5]
    texts = memory.texts(fitness.links[pairs, 0])
    ranks = fitness.ranks(pairs)
    return tuple(
        SuspectPair(
            id=text.id,
            text=text.excerpt,
            picture=pictures[fitness.links[pair, 1]],
            suits=float(fitness.suits[pair]),
            suspicion=float(fitness.suspicion[pair]),
            rank=rank,
            pictures=len(pictures),
            instead=_instead(fitness, int(fitness.links[pair, 0]), pictures),
        )
        for pair, text, rank in zip(pairs.tolist(), texts, ranks.tolist(), strict=True)
    )


def _instead(fitness: Fitness, text: int, pictures: Sequence[Picture]) -> tuple[Picture, ...]:
    """The pictures that suit a text best, without those that ran with it."""
    scores = fitness.ranking_scores(np.array([text]))[0]
    scores[fitness.links[fitness.links[:, 0] == text, 1]] = -np.inf
    best = np.argsort(-scores, kind="stable")[:_INSTEAD]
    return tuple(pictures[row] for row in best.tolist() if np.isfinite(scores[row]))


def _times(fitness: Fitness) -> Ints:
    """For how many texts each picture (N,) is among the first ten; its own do not count."""
    times = np.zeros(len(fitness.pictures), dtype=np.int64)
    for best in fitness.best(TEN):
        times += np.bincount(best.ravel(), minlength=len(times))
    return times


def _share(is_weak: Bools) -> float:
    return float(is_weak.mean()) if len(is_weak) else 0.0


def _topics(
    vectors: RowSource, memory: ArchiveMemory, known: Ints, asked: Ints, is_weak: Bools
) -> tuple[Topic, ...]:
    """Topics in which more texts than usual have no good picture; the surest first.

    Args:
        vectors: (T, D) of all texts.
        memory: has their beginnings.
        known: rows (t,) of texts with known words, ascending.
        asked: rows (q,) of those that were asked, ascending.
        is_weak: (q,) whether there is no good picture but their own.
    """
    texts = [text.excerpt for text in memory.texts(known)]
    of_text, naming = cluster(vectors[known]), Naming(texts)
    places = np.searchsorted(known, asked)  # of the asked among the known
    found: list[tuple[float, Topic]] = []
    for topic in np.unique(of_text):
        here = of_text[places] == topic
        surplus = float(is_weak[here].sum() - _share(is_weak) * here.sum())
        if here.sum() < _FEWEST or surplus <= 0:
            continue
        rows = np.flatnonzero(of_text == topic)
        told = Topic(
            words=naming.name(rows),
            texts=len(rows),
            asked=int(here.sum()),
            weak=_share(is_weak[here]),
            examples=tuple(texts[row] for row in places[here & is_weak][:_EXAMPLES].tolist()),
        )
        found.append((surplus / float(np.sqrt(here.sum())), told))
    return tuple(told for _, told in sorted(found, key=lambda one: -one[0]))


def _overused(
    times: Ints, pictures: Sequence[Picture], config: AuditConfig
) -> tuple[Exposure, ...]:
    limit = config.overused * times.mean()
    rows = np.argsort(-times, kind="stable")[: config.most]
    return tuple(
        Exposure(pictures[row], int(times[row])) for row in rows.tolist() if times[row] >= limit
    )
