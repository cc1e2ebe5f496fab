"""Puts a desk's measurement into the records of its HTML report."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np

from picturedesk.desk.measure import Measured
from picturedesk.measuring.evaluation import TO_PICTURE, EvaluationRow
from picturedesk.measuring.significance import Difference, paired_difference
from picturedesk.report.desk_page import write_desk_report
from picturedesk.report.desk_records import DeskExample, DeskReport, Suggested
from picturedesk.spacing import evenly_spaced
from picturedesk.store.archive_memory import ArchiveMemory
from picturedesk.store.held_out import TRAIN, HeldOutTexts
from picturedesk.types import Doubles, Ints, Json

_EXAMPLES = 4  # each of found and of missed pictures
_SHOWN = 5  # pictures of an example
_VERSIONS = ("picturedesk", "numpy", "onnxruntime", "scikit-learn")


def write_report(
    path: Path, settings: Json, memory: ArchiveMemory, held_out: HeldOutTexts, measured: Measured
) -> None:
    """Writes the page.

    Args:
        path: the HTML file.
        settings: the desk's, as they were saved.
        memory: the archive in the shared space.
        held_out: the held-out texts.
        measured: on one part of the archive.
    """
    config = settings["config"]
    learned = settings.get("learned", {})
    sample = learned.get("sample")
    held = {part: held_out.parts.count(part) for part in sorted(set(held_out.parts))}
    write_desk_report(
        path,
        DeskReport(
            title=f"Pictures for texts: {settings['archive']}",
            archive=settings["archive"],
            recipe=config["recipe"],
            texts={**held, TRAIN: len(memory) - len(held_out.parts)},
            pictures=len(memory.picture_vectors),
            rejections=settings.get("rejections", 0),
            sample=(sample["pairs"], sample["of"]) if sample else None,
            settings=tuple(_settings(config)),
            evaluation=measured.evaluation,
            whole=measured.whole,
            answers=measured.routes.blend.default,
            differences=_differences(measured, held_out),
            reliability=tuple(measured.reliability.items()),
            doubted=measured.doubted,
            cross_validated=learned.get("cross_validated", {}),
            successes=_examples(memory, held_out, measured, found=True),
            failures=_examples(memory, held_out, measured, found=False),
            versions={name: version(name) for name in _VERSIONS},
        ),
    )


def _settings(config: Json) -> Iterator[tuple[str, str]]:
    for name in ("backbone", "text_encoder", "device"):
        yield name.replace("_", " "), str(config[name])
    yield "sentences", ", ".join(config["sentences"]) or "none"
    yield "levels", ", ".join(config["levels"]) or "those of the preset"
    yield "seed", str(config["split"]["seed"])


def _row(measured: Measured) -> EvaluationRow:
    """The row of the desk's default route."""
    answers = measured.routes.blend.default
    return next(
        row
        for row in measured.evaluation.rows
        if (row.name, row.direction) == (answers, TO_PICTURE)
    )


def _differences(
    measured: Measured, held_out: HeldOutTexts
) -> tuple[tuple[str, str, Difference], ...]:
    """The default route compared with each other route, in recall@10."""
    ours = _row(measured)
    assert ours.queries is not None
    groups = _groups(measured, held_out, ours.queries.queries)
    return tuple(
        (ours.name, row.name, paired_difference(_hits(ours), _hits(row), groups))
        for row in measured.evaluation.rows
        if row.direction == TO_PICTURE and row.queries is not None and row.name != ours.name
    )


def _hits(row: EvaluationRow) -> Doubles:
    assert row.queries is not None
    return row.queries.hits[10].astype(np.float64)


def _groups(measured: Measured, held_out: HeldOutTexts, queries: Ints) -> Ints:
    """Group (Q,) of each query; those that share a picture or near-duplicates have one group."""
    links = measured.routes.relevant
    _, first = np.unique(links[:, 0], return_index=True)
    picture_of = dict(zip(links[first, 0].tolist(), links[first, 1].tolist(), strict=True))
    places = [picture_of[int(query)] for query in queries]
    groups: Ints = held_out.picture_groups[measured.routes.candidates[places]]
    return groups


def _examples(
    memory: ArchiveMemory, held_out: HeldOutTexts, measured: Measured, found: bool
) -> tuple[DeskExample, ...]:
    """A few texts whose picture is first of all pictures, or not among ten, evenly spaced."""
    answers = measured.routes.blend.default
    row = next(
        row for row in measured.whole.rows if (row.name, row.direction) == (answers, TO_PICTURE)
    )
    assert row.queries is not None
    wanted = row.queries.ranks == 1 if found else row.queries.ranks > 10
    places = np.flatnonzero(wanted)
    few = places[evenly_spaced(len(places), _EXAMPLES)]
    return tuple(
        _example(
            memory,
            held_out,
            measured,
            int(row.queries.queries[place]),
            int(row.queries.ranks[place]),
        )
        for place in few
    )


def _example(
    memory: ArchiveMemory, held_out: HeldOutTexts, measured: Measured, query: int, rank: int
) -> DeskExample:
    routes, answers = measured.routes, measured.answers
    best = answers.best[query, :_SHOWN]
    chances: list[float | None] = [None] * len(best)
    together = None
    if len(answers.found):
        chances = list(map(float, answers.found[query, :_SHOWN]))
        together = float(answers.found_of_ten[query])
    right = routes.relevant[routes.relevant[:, 0] == query, 1]
    text = memory.texts(held_out.rows[routes.texts[[query]]])[0]
    shown = zip(memory.pictures(best), answers.right[query, :_SHOWN], chances, strict=True)
    return DeskExample(
        text=text.excerpt,
        suggested=tuple(
            Suggested(picture, bool(is_right), chance) for picture, is_right, chance in shown
        ),
        right=tuple(memory.pictures(routes.candidates[right])),
        rank=rank,
        found=together,
    )
