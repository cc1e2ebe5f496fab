"""A desk's evaluation as a page for people: what is measured, put into the page's records."""

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
from picturedesk.routes import Blend
from picturedesk.routes.scores import top
from picturedesk.store.archive_memory import ArchiveMemory
from picturedesk.types import Doubles, Ints, Json

_EXAMPLES = 4  # of what was found, and of what was missed
_SHOWN = 5  # pictures of an example
_VERSIONS = ("picturedesk", "numpy", "onnxruntime", "scikit-learn")


def write_report(
    path: Path, settings: Json, memory: ArchiveMemory, blend: Blend | None, measured: Measured
) -> None:
    """Writes the page.

    Args:
        path: the HTML file.
        settings: the desk's, as they were saved.
        memory: the archive in the shared space.
        blend: None with the paper's recipe.
        measured: on one part of the archive.
    """
    config = settings["config"]
    answers = "blend" if blend is not None else "direct"
    learned = settings.get("learned", {})
    write_desk_report(
        path,
        DeskReport(
            title=f"Pictures for texts: {settings['archive']}",
            archive=settings["archive"],
            recipe=config["recipe"],
            texts={part: memory.parts.count(part) for part in sorted(set(memory.parts))},
            pictures=len(memory.pictures),
            rejections=settings.get("rejections", 0),
            settings=tuple(_settings(config)),
            evaluation=measured.evaluation,
            answers=answers,
            differences=_differences(measured, memory, answers),
            reliability=tuple(measured.reliability.items()),
            rehearsed=learned.get("rehearsed", {}),
            successes=_examples(memory, blend, measured, answers, found=True),
            failures=_examples(memory, blend, measured, answers, found=False),
            versions={name: version(name) for name in _VERSIONS},
        ),
    )


def _settings(config: Json) -> Iterator[tuple[str, str]]:
    for name in ("backbone", "text_encoder", "sentences", "device"):
        yield name.replace("_", " "), str(config[name])
    yield "levels", ", ".join(config["levels"]) or "those of the preset"
    yield "seed", str(config["split"]["seed"])


def _differences(
    measured: Measured, memory: ArchiveMemory, answers: str
) -> tuple[tuple[str, str, Difference], ...]:
    """What the desk answers by against each other route, in shares found among the first ten."""
    rows = {row.name: row for row in measured.evaluation.rows if row.direction == TO_PICTURE}
    ours = rows[answers]
    assert ours.queries is not None
    groups = _groups(measured, memory, ours.queries.queries)
    return tuple(
        (answers, name, paired_difference(_hits(ours), _hits(row), groups))
        for name, row in rows.items()
        if row.queries is not None and name != answers
    )


def _hits(row: EvaluationRow) -> Doubles:
    assert row.queries is not None
    return row.queries.hits[10].astype(np.float64)


def _groups(measured: Measured, memory: ArchiveMemory, queries: Ints) -> Ints:
    """Queries that share a picture, or near-duplicates of it, are drawn together: (Q,)."""
    links = measured.asked.relevant
    _, first = np.unique(links[:, 0], return_index=True)
    picture_of = dict(zip(links[first, 0].tolist(), links[first, 1].tolist(), strict=True))
    pictures = measured.asked.pictures[[picture_of[int(query)] for query in queries]]
    return memory.groups[pictures]


def _examples(
    memory: ArchiveMemory, blend: Blend | None, measured: Measured, answers: str, found: bool
) -> tuple[DeskExample, ...]:
    """A few texts whose picture came first, or did not come among ten, evenly spaced."""
    row = next(
        row
        for row in measured.evaluation.rows
        if (row.name, row.direction) == (answers, TO_PICTURE)
    )
    assert row.queries is not None
    wanted = row.queries.ranks == 1 if found else row.queries.ranks > 10
    places = np.flatnonzero(wanted)
    few = places[np.linspace(0, len(places) - 1, min(_EXAMPLES, len(places)), dtype=np.int64)]
    return tuple(
        _example(
            memory,
            blend,
            measured,
            answers,
            int(row.queries.queries[place]),
            int(row.queries.ranks[place]),
        )
        for place in few
    )


def _example(
    memory: ArchiveMemory,
    blend: Blend | None,
    measured: Measured,
    answers: str,
    query: int,
    rank: int,
) -> DeskExample:
    asked = measured.asked
    scores = asked.scores[answers][query].astype(np.float64)
    best = top(asked.scores[answers][query : query + 1], _SHOWN)[0]
    right = asked.relevant[asked.relevant[:, 0] == query, 1]
    sure: list[float | None] = [None] * len(best)
    together = None
    if blend is not None and blend.confidence is not None:
        sure = list(map(float, blend.confidence.of_pictures(scores, best)))
        together = blend.confidence.of_ten(scores, float(asked.nearest[query]))
    pictures = [memory.pictures[index] for index in asked.pictures]
    return DeskExample(
        text=memory.excerpts[asked.texts[query]],
        suggested=tuple(
            Suggested(pictures[place], bool(place in right), confidence)
            for place, confidence in zip(best, sure, strict=True)
        ),
        right=tuple(pictures[place] for place in right),
        rank=rank,
        confidence=together,
    )
