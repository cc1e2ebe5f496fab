"""The log of a catalogue: commits, each with what changed. Knows neither SQLite nor vectors.

A change is a commit with frames, which are JSON objects, compressed and divided into parts that
Milvus can hold. The parts are written first; the commit, one row, makes them count. A commit that
is whole replaces all before it, which is then erased: so the log never grows far beyond the records
that it stands for.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from picturedesk.errors import MissingArtefact
from picturedesk.own_columns import FIXED
from picturedesk.store.catalogue.remote.server import COMMIT, LARGEST, PART, Server
from picturedesk.types import Json, Picture

FEW = 1_000_000  # characters of changes that are never condensed
MANY = 1000  # changes after which they are


@dataclass(frozen=True, slots=True)
class Commit:
    """One state of the catalogue.

    Attributes:
        generation: counts the commits.
        fingerprint: of the vectors, "" for an empty catalogue.
        width: of the vectors, W; 0 for an empty catalogue.
        vectors: name of their collection; "" for an empty catalogue.
        token: identifies it; the parts of its frames begin with it.
        frames: of each the number of its parts and their CRC-32.
        base: generation of the last commit that was whole.
        size: characters of its frames.
        since: characters of all frames after that of the base.
    """

    generation: int
    fingerprint: str
    width: int
    vectors: str
    token: str
    frames: tuple[tuple[int, int], ...] = ()
    base: int = 0
    size: int = 0
    since: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether its frames describe all pictures, and not a change."""
        return self.base == self.generation

    @property
    def is_long(self) -> bool:
        """Whether the changes after the base are to be condensed to a whole commit."""
        return self.since > max(self.size, FEW) or self.generation - self.base > MANY


def commits(server: Server, first: int = 0) -> list[Commit]:
    """The commits from a generation on, oldest first."""
    rows = server.texts(f"kind == {COMMIT} and generation >= {first}")
    found = [_commit(json.loads(row["content"])) for row in rows]
    return sorted(found, key=lambda commit: commit.generation)


def write_frames(
    server: Server, token: str, generation: int, frames: Iterable[Json]
) -> tuple[tuple[tuple[int, int], ...], int]:
    """Writes the parts of frames; returns the numbers of parts with sums, and their size."""
    described, size = [], 0
    for number, frame in enumerate(frames):
        text = base64.b64encode(zlib.compress(json.dumps(frame).encode(), 6)).decode()
        parts = [text[start : start + LARGEST] for start in range(0, len(text), LARGEST)]
        ids = _ids(token, number, len(parts))
        server.write(
            [
                {"id": one, "kind": PART, "generation": generation, "content": part}
                for one, part in zip(ids, parts, strict=True)
            ]
        )
        described.append((len(parts), zlib.crc32(text.encode())))
        size += len(text)
    return tuple(described), size


def write_commit(server: Server, commit: Commit) -> None:
    """Makes a change count: from here on, every reader sees it."""
    row = {"id": f"commit-{commit.generation}-{commit.token}", "kind": COMMIT}
    content = json.dumps(asdict(commit))
    server.write([{**row, "generation": commit.generation, "content": content}])


def read_frames(server: Server, commit: Commit) -> Iterator[Json]:
    """The frames of a commit; raises Lost if it was erased meanwhile."""
    for number, (count, known) in enumerate(commit.frames):
        text = "".join(server.texts_of(_ids(commit.token, number, count)))
        if zlib.crc32(text.encode()) != known:
            raise MissingArtefact(
                f"{server.address.text}: frame {number} of change {commit.generation} is not as it "
                "was written: migrate or fit again"
            )
        yield json.loads(zlib.decompress(base64.b64decode(text)))


def erase_before(server: Server, generation: int) -> None:
    """Erases commits and parts before a whole commit."""
    server.erase(f"kind in [{COMMIT}, {PART}] and generation < {generation}")


def erase_after(server: Server, generation: int) -> None:
    """Erases parts without a commit, which a killed writer left."""
    server.erase(f"kind == {PART} and generation > {generation}")


def as_json(picture: Picture) -> list[Any]:
    """A picture for a frame."""
    return [*(getattr(picture, name) for name in FIXED), dict(picture.columns)]


def from_json(values: Sequence[Any]) -> Picture:
    """A picture from a frame."""
    return Picture(*values)


def _commit(content: Json) -> Commit:
    return Commit(**{**content, "frames": tuple((n, crc) for n, crc in content["frames"])})


def _ids(token: str, frame: int, parts: int) -> list[str]:
    return [f"part-{token}-{frame}-{part}" for part in range(parts)]
