"""Finished rows of an experiment on disk, so that a killed run continues at the next row.

Each job (one or a few rows of one seed) is a folder of JSON and arrays, there whole or not at all.
Its fingerprint covers data, settings and versions; a job with another one is measured again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from picturedesk.disk.arrays import read_arrays, write_arrays
from picturedesk.disk.artifacts import (
    array_fingerprint,
    atomic_folder,
    fingerprint,
    plain,
    read_manifest,
    write_manifest,
)
from picturedesk.errors import Mismatch, MissingArtefact
from picturedesk.measuring.metrics import PerQuery
from picturedesk.research.reproduction.config import ReproduceConfig
from picturedesk.research.reproduction.data import Prepared
from picturedesk.research.reproduction.experiment import (
    DEPTHS,
    CandidateSet,
    Measured,
    Row,
    Shown,
)
from picturedesk.types import Json

KIND = "measured rows"
VERSION = 1  # raise it when a row is computed or measured in another way
_LIBRARIES = ("picturedesk", "numpy", "scipy", "scikit-learn", "torch")
_SHOWN = ("queries", "ranks", "first", "scores")

Arrays = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Finished:
    """A job that ran.

    Attributes:
        rows: what it measured.
        seconds: how long it took; it ran on one core.
    """

    rows: tuple[Measured, ...]
    seconds: float


class KeptRows:
    """The finished jobs of one data set.

    Args:
        folder: holds one folder for each job; made when the first one is kept.
        data: fingerprint of the data; see ``data_fingerprint``.
    """

    def __init__(self, folder: Path, data: str) -> None:
        self._folder = folder
        self._data = data

    def read(self, name: str, seed: int, settings: object) -> Finished | None:
        """A job's result; None if it has none of these settings, or its files are damaged."""
        folder, wanted = self._place(name, seed, settings)
        try:
            manifest = read_manifest(folder, KIND)
            arrays = read_arrays(folder, manifest)
        except (MissingArtefact, Mismatch, OSError):
            return None
        if manifest.get("fingerprint") != wanted:
            return None
        rows = [_row(content, arrays) for content in manifest["rows"]]
        return Finished(tuple(rows), float(manifest["seconds"]))

    def write(self, name: str, seed: int, settings: object, finished: Finished) -> None:
        """Keeps a job's result, whole or not at all."""
        folder, known = self._place(name, seed, settings)
        rows = [_as_json(row, place) for place, row in enumerate(finished.rows)]
        arrays: dict[str, npt.NDArray[Any]] = {}
        for place, row in enumerate(finished.rows):
            arrays |= _arrays(row, place)
        content = {"job": name, "seed": seed, "fingerprint": known, "rows": rows}
        with atomic_folder(folder) as temporary:
            write_arrays(temporary, arrays)
            content |= {"seconds": round(finished.seconds, 3)}
            write_manifest(temporary, KIND, content)

    def _place(self, name: str, seed: int, settings: object) -> tuple[Path, str]:
        """Folder and fingerprint of a job."""
        versions = {library: metadata.version(library) for library in _LIBRARIES}
        known = fingerprint([VERSION, versions, self._data, name, seed, plain(settings)])
        readable = "".join(mark if mark.isalnum() else "-" for mark in name).strip("-")
        return self._folder / f"seed-{seed}" / f"{readable}-{known}", known


def data_fingerprint(
    prepared: Prepared, sets: tuple[CandidateSet, ...], config: ReproduceConfig
) -> str:
    """Hash of everything that all rows depend on: texts, pictures, parts, candidates, LSA."""
    archive = prepared.ready.archive
    arrays: dict[str, npt.NDArray[Any]] = {
        "features": prepared.features,
        "groups": prepared.ready.groups,
        "links": archive.links,
    }
    for one in sets:
        arrays |= {f"{one.name} texts": one.texts, f"{one.name} pictures": one.pictures}
    texts = sha256()
    for text, part in zip(archive.texts, archive.parts, strict=True):
        for words in (text.id, text.whole, part):
            texts.update(words.encode("utf-8", "surrogatepass") + b"\0")
    return fingerprint(
        [
            array_fingerprint(arrays),
            texts.hexdigest(),
            prepared.ready.keys,
            prepared.spec.fingerprint,
            config.lsa,
            config.validate,
        ]
    )


def _as_json(row: Measured, place: int) -> Json:
    """A row without its arrays, which are named ``<place>.…``."""
    sets = [
        {"name": name, "candidates": found.candidates, "left_out": found.left_out}
        for name, found in row.per_query.items()
    ]
    content = {"place": place, "row": plain(row.row), "validated": row.validated, "sets": sets}
    return content | ({"tied": row.shown.tied} if row.shown else {})


def _arrays(row: Measured, place: int) -> dict[str, npt.NDArray[Any]]:
    found: dict[str, npt.NDArray[Any]] = {}
    for number, one in enumerate(row.per_query.values()):
        found[f"{place}.{number}.queries"] = one.queries
        found[f"{place}.{number}.ranks"] = one.ranks
        found[f"{place}.{number}.ndcg10"] = one.ndcg10
    if row.shown is not None:
        found |= {f"{place}.shown.{name}": getattr(row.shown, name) for name in _SHOWN}
    return found


def _row(content: Json, arrays: Arrays) -> Measured:
    place = content["place"]
    found = {
        str(one["name"]): _per_query(one, f"{place}.{number}", arrays)
        for number, one in enumerate(content["sets"])
    }
    shown = None
    if "tied" in content:
        shown = Shown(content["tied"], *(arrays[f"{place}.shown.{name}"] for name in _SHOWN))
    return Measured(Row(**content["row"]), found, content["validated"], shown)


def _per_query(content: Json, name: str, arrays: Arrays) -> PerQuery:
    ranks = arrays[f"{name}.ranks"]
    return PerQuery(
        queries=arrays[f"{name}.queries"],
        ranks=ranks,
        hits={k: np.less_equal(ranks, k) for k in DEPTHS},
        reciprocal_ranks=1.0 / ranks,
        ndcg10=arrays[f"{name}.ndcg10"],
        candidates=content["candidates"],
        left_out=content["left_out"],
    )
