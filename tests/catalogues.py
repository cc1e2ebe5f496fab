"""Every engine behind the Protocol Catalogue, and pictures and vectors to fill them with."""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from picturedesk.store.catalogue import open_catalogue, remove_catalogue
from picturedesk.store.catalogue.database import State, read_state
from picturedesk.store.catalogue.sqlite import SqliteCatalogue
from picturedesk.testing import DictCatalogue
from picturedesk.types import Catalogue, Changes, Entries, Floats, Found, Picture

D = 8
MILVUS = "MILVUS_URI"  # of a server for the tests; else they use a file of milvus-lite


_given: list[str] = []  # addresses that the test has used


def next_on_milvus() -> str:
    """The address of a catalogue that no test has used; skips where Milvus is not installed."""
    pytest.importorskip("pymilvus", reason="catalogues on Milvus need the extra 'milvus'")
    _given.append(f"{_milvus()}/t{secrets.token_hex(4)}")
    return _given[-1]


def forget_milvus() -> None:
    """Removes the catalogues of a test from a server, which many would slow down."""
    while _given:
        address = _given.pop()
        if MILVUS in os.environ:
            remove_catalogue(address)


@cache
def _milvus() -> str:
    if given := os.environ.get(MILVUS):
        return given.rstrip("/")
    pytest.importorskip("milvus_lite", reason="catalogues on Milvus need the extra 'milvus'")
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # its log waits for the disk
    folder = tempfile.mkdtemp(dir=memory)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    address = f"milvus://{folder}/lite.db"
    keeper = open_catalogue(f"{address}/keeper")  # else the file would be closed after each test
    atexit.register(keeper.close)
    return address


def state_of(catalogue: SqliteCatalogue) -> State:
    """Its manifest now."""
    with catalogue._file.reading() as reader:
        return read_state(reader)


class Indexed(SqliteCatalogue):
    """Has an index from the first picture on, brought up to date after ``changes`` changes."""

    index_from = 1
    changes = 0  # 0: after each; 1: the first alone, and all others are searched beside the index

    def change(self, changes: Changes) -> int:
        new = super().change(changes)
        self._bring_up_to_date()
        return new

    def replace_all(self, *given: Any, **options: Any) -> None:
        super().replace_all(*given, **options)
        self._bring_up_to_date()

    def _bring_up_to_date(self) -> None:
        if not (state_of(self).index and self.changes):
            self.optimize()


class Behind(Indexed):
    """Has an index of its first pictures, and searches all later ones beside it."""

    changes = 1


ENGINES: dict[str, Callable[[Path, str, int], Catalogue]] = {
    "sqlite": lambda folder, *owner: open_catalogue(folder / "catalogue", *owner),
    "indexed": lambda folder, *owner: Indexed.open(folder / "catalogue", *owner),
    "behind": lambda folder, *owner: Behind.open(folder / "catalogue", *owner),
    "dictionary": lambda folder, *owner: DictCatalogue(*owner),
    "milvus": lambda folder, *owner: open_catalogue(next_on_milvus(), *owner),
}


def make_pictures(count: int, start: int = 0) -> list[Picture]:
    licences, tags = ("cc0", "cc-by", ""), (("Sport", "München"), ("city",), ())
    return [
        Picture(
            uri=f"/photos/{n}.jpg",
            key=f"{n:04d}",
            caption=f"caption {n}",
            licence=licences[n % 3],
            date=f"20{n % 20:02d}-05-01",
            tags=tags[n % 3],
        )
        for n in range(start, start + count)
    ]


def make_vectors(count: int, seed: int = 0, width: int = D) -> Floats:
    vectors = np.random.default_rng(seed).standard_normal((count, width))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def captioned(*captions: str, start: int = 0) -> list[Picture]:
    return [Picture(f"{n}.jpg", f"{n:04d}", text) for n, text in enumerate(captions, start)]


def add_captions(catalogue: Catalogue, *captions: str, start: int = 0) -> None:
    pictures = captioned(*captions, start=start)
    catalogue.add(pictures, make_vectors(len(pictures), width=catalogue.width))


def keys_of(found: Found | Entries) -> list[str]:
    entries = found.entries if isinstance(found, Found) else found
    return [picture.key for picture in entries.pictures]


def scores_by_key(found: Found) -> dict[str, float]:
    return dict(zip(keys_of(found), found.scores.tolist(), strict=True))


def spoken(catalogue: Catalogue, words: Sequence[str], where: str = "") -> dict[str, float]:
    """BM25 of all that match, by key."""
    return scores_by_key(catalogue.matching(words, catalogue.count(), where))
