"""Writes a desk's rankings of held-out texts for TREC's tools."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from picturedesk.desk.measure import RouteScores
from picturedesk.desk.reading import archive_features
from picturedesk.measuring.trec import RunWriter, open_run, write_qrels

if TYPE_CHECKING:
    from picturedesk.desk.facade.measuring import Measuring


def export_trec(desk: Measuring, folder: Path, part: str) -> None:
    """See ``Desk.export_trec``."""
    with ExitStack() as stack:
        features = stack.enter_context(archive_features(desk.memory, desk.folder.features))
        scores = RouteScores(desk.memory, desk.held_out, features, part, desk.blend)
        rows = desk.held_out.rows[scores.texts]
        queries = ["_".join(text.id.split()) for text in desk.memory.texts(rows)]
        documents = [picture.key for picture in desk.memory.pictures(scores.candidates)]
        write_qrels(folder / "qrels.txt", queries, documents, scores.relevant)
        runs: dict[str, RunWriter] = {}
        for _, block in scores.blocks():
            for name, values in block.items():
                if name not in runs:
                    tag = name.replace(", ", "-").replace(" ", "-").replace(":", "-")
                    run = open_run(folder / f"{tag}.run", queries, documents, tag=tag)
                    runs[name] = stack.enter_context(run)
                runs[name].write(values)
