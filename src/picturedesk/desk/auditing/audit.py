"""Audits a desk: mispaired pairs, topics without pictures, pictures that never or always come up.

Scores are those of the direct route with its correction for hubness, which need nothing but
vectors that the desk has stored. Catalogue pictures are placed by heads that did not learn from
them, so that no pair vouches for itself. Reads; never writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

import picturedesk.checks as checks
from picturedesk.desk.auditing.duplicates import rights_conflicts
from picturedesk.desk.auditing.fitness import Fitness
from picturedesk.desk.auditing.topics import Naming, cluster
from picturedesk.errors import BadInput
from picturedesk.images.hashes import Hashes
from picturedesk.report.audit_records import Audit, Exposure, SuspectPair, Topic
from picturedesk.routes.blend import Blend
from picturedesk.routes.confidence import TEN
from picturedesk.routes.hubness import HUBNESS
from picturedesk.store.archive_memory import ArchiveMemory
from picturedesk.types import Bools, Doubles, Entries, Floats, Ints, Picture, Progress, step

_INSTEAD = 3  # pictures that are shown beside a suspect pair
_EXAMPLES = 3  # texts of a topic
_FEWEST = 5  # texts of a topic that is told
_ENOUGH = 20  # held-out pairs that say how well a right picture suits


@dataclass(frozen=True, slots=True)
class AuditConfig:
    """Settings of an audit.

    Attributes:
        most: entries of each list, at most.
        weak: a text has no good picture if the best one of others suits it less than this share of
            the archive's pairs do, 0 to 1.
        overused: pictures are told that are suggested this many times as often as usual, or more.

    Raises:
        BadInput: a field is of another kind or outside its range.
    """

    most: int = 50
    weak: float = 0.25
    overused: float = 5.0

    def __post_init__(self) -> None:
        checks.settings(self)
        checks.share("weak", self.weak)
        if self.most < 1 or self.overused <= 1:
            raise BadInput(f"{self}: most starts at 1, overused is above 1")


@dataclass(frozen=True, slots=True, eq=False)
class _Ranked:
    """What pictures come up for the archive's texts, their own not counted.

    Attributes:
        times: (N,) for how many texts each picture is among the first ten.
        suits: (T,) how well the best picture suits each text, in deviations of its scores with
            texts; NaN for texts without a known word.
    """

    times: Ints
    suits: Doubles

    @classmethod
    def of(cls, fitness: Fitness) -> _Ranked:
        times = np.zeros(len(fitness.pictures), dtype=np.int64)
        suits = np.full(len(fitness.texts), np.nan)
        for rows, best in fitness.best(TEN):
            times += np.bincount(best.ravel(), minlength=len(times))
            texts, first = np.asarray(fitness.texts)[rows], fitness.pictures[best[:, 0]]
            cosines = np.einsum("qd,qd->q", texts, first).astype(np.float64)
            suits[rows] = fitness.of_pictures.standardised(cosines, best[:, 0])
        return cls(times, suits)


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
    with step(progress, "asking with all texts"):
        ranked = _Ranked.of(fitness)
        is_weak = ranked.suits < _threshold(fitness, config.weak)
    with step(progress, "looking for topics"):
        topics = _topics(fitness, memory, is_weak, config.most)
    with step(progress, "looking for near-duplicates"):
        conflicts = rights_conflicts(entries.pictures, hashes)
    unused = [entries.pictures[row] for row in np.flatnonzero(ranked.times == 0)]
    return Audit(
        archive=archive,
        texts=len(memory),
        pairs=len(fitness.links),
        pictures=len(entries),
        suspects=suspects,
        weak=_share(is_weak, ranked.suits),
        topics=topics,
        unused=tuple(unused[: config.most]),
        unused_pictures=len(unused),
        usual_texts=float(ranked.times.mean()),
        overused=_overused(ranked.times, entries.pictures, config),
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
    links = links[(links[:, 1] >= 0) & np.asarray(texts).any(axis=1)[links[:, 0]]]
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


def _threshold(fitness: Fitness, share: float) -> float:
    """How well a picture must suit a text: all but a share of the archive's pairs do.

    From held-out pairs if there are enough: those that were learned from suit better.
    """
    texts, pictures = fitness.links.T
    suits = fitness.of_pictures.standardised(fitness.own, pictures)
    held_out = fitness.held_out[texts]
    chosen = suits[held_out] if held_out.sum() >= _ENOUGH else suits
    return float(np.quantile(chosen, share))


def _share(is_weak: Bools, suits: Doubles) -> float:
    """Share of weak ones among the texts that were asked."""
    return float(is_weak.sum() / max(np.isfinite(suits).sum(), 1))


def _topics(
    fitness: Fitness, memory: ArchiveMemory, is_weak: Bools, most: int
) -> tuple[Topic, ...]:
    """Topics in which more texts than usual have no good picture; the surest first."""
    known = np.flatnonzero(np.asarray(fitness.texts).any(axis=1)).astype(np.int64)
    texts = [text.excerpt for text in memory.texts(known)]
    of_text, naming = cluster(np.asarray(fitness.texts)[known]), Naming(texts)
    weak, usual = is_weak[known], float(is_weak[known].mean())
    found: list[tuple[float, Topic]] = []
    for topic in np.unique(of_text):
        rows = np.flatnonzero(of_text == topic)
        surplus = float(weak[rows].sum() - usual * len(rows))
        if len(rows) < _FEWEST or surplus <= 0:
            continue
        examples = rows[weak[rows]][:_EXAMPLES]
        told = Topic(
            words=naming.name(rows),
            texts=len(rows),
            weak=float(weak[rows].mean()),
            examples=tuple(texts[row] for row in examples.tolist()),
        )
        found.append((surplus / np.sqrt(len(rows)), told))
    ranked = sorted(found, key=lambda one: -one[0])
    return tuple(topic for _, topic in ranked[:most])


def _overused(
    times: Ints, pictures: Sequence[Picture], config: AuditConfig
) -> tuple[Exposure, ...]:
    limit = config.overused * times.mean()
    rows = np.argsort(-times, kind="stable")[: config.most]
    return tuple(
        Exposure(pictures[row], int(times[row])) for row in rows.tolist() if times[row] >= limit
    )
