"""Small archives to remember: every number and word tells where it belongs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from picturedesk.store.archive_memory import ArchiveMemory, ArchiveText
from picturedesk.types import Floats, Ints, Picture

WIDTH = 6
MATCHER = "0123456789abcdef"
LARGE = 10**6  # texts, which a memory is made for


def vector_of(name: str) -> Floats:
    """The vector (WIDTH,) that belongs to an id or a key."""
    seed = int.from_bytes(name.encode("utf-8", "surrogatepass"), "big")
    vector = np.random.default_rng(seed).normal(size=WIDTH)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def vectors_of(names: Sequence[str]) -> Floats:
    rows = [vector_of(name) for name in names]
    return np.stack(rows) if rows else np.zeros((0, WIDTH), dtype=np.float32)


def stored(memory: ArchiveMemory, names: Sequence[str]) -> Floats:
    """Their vectors as a memory has them: large ones round."""
    vectors = vectors_of(names)
    if isinstance(memory.text_vectors, np.ndarray):
        return vectors
    return vectors.astype(np.float16).astype(np.float32)


def text(name: str) -> ArchiveText:
    return ArchiveText(name, f"begins with {name}")


def picture(name: str, caption: str = "") -> Picture:
    return Picture(f"{name}.jpg", name, caption, f"by {name}", "cc0", "2026-01-01", (name, "a tag"))


def links(*pairs: tuple[int, int]) -> Ints:
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def add_pairs(memory: ArchiveMemory, *pairs: tuple[str, str], groups: Ints | None = None) -> None:
    """Adds pairs of id and key, in one call."""
    ids = list(dict.fromkeys(name for name, _ in pairs))
    keys = list(dict.fromkeys(key for _, key in pairs))
    memory.add(
        [text(name) for name in ids],
        vectors_of(ids),
        groups,
        [picture(key) for key in keys],
        vectors_of(keys),
        links(*[(ids.index(name), keys.index(key)) for name, key in pairs]),
    )


def pairs_in(memory: ArchiveMemory) -> set[tuple[str, str]]:
    """The pairs of id and key that it holds."""
    texts = memory.texts(memory.links[:, 0])
    pictures = memory.pictures(memory.links[:, 1])
    return {(t.id, p.key) for t, p in zip(texts, pictures, strict=True)}


def check_whole(memory: ArchiveMemory) -> None:
    """Fails unless every row has the words and the vector that belong to it."""
    texts = memory.texts(range(len(memory)))
    pictures = memory.pictures(range(len(memory.picture_vectors)))
    ids, keys = [t.id for t in texts], [p.key for p in pictures]
    assert texts == [text(name) for name in ids]
    assert [p.uri for p in pictures] == [f"{key}.jpg" for key in keys]
    np.testing.assert_array_equal(memory.text_vectors[:], stored(memory, ids))
    np.testing.assert_array_equal(memory.picture_vectors[:], stored(memory, keys))
    assert memory.groups.shape == (len(memory),)
    assert memory.text_rows(ids).tolist() == list(range(len(ids)))
    assert memory.picture_rows(keys).tolist() == list(range(len(keys)))
    assert len(pairs_in(memory)) == len(memory.links)


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}
