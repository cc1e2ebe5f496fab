"""Reads pictures into a desk: level features, vectors for its catalogue, words that they show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from picturedesk.backbones.backbone import Backbone
from picturedesk.desk.given import shown_words
from picturedesk.errors import MissingArtefact
from picturedesk.images import with_file_facts
from picturedesk.parallel import cpus, side_by_side
from picturedesk.routes import Blend, Pictures
from picturedesk.store.archive_memory import ArchiveMemory
from picturedesk.store.catalogue import rounded
from picturedesk.store.extraction import ExtractConfig, Extraction, extract
from picturedesk.store.features import FeatureStore
from picturedesk.types import Cell, Floats, Picture, Progress, RowSource

if TYPE_CHECKING:
    from picturedesk.desk.folder import DeskFolder

SHOWS = "shows"
"""Own column with the words that a picture shows, where the desk has word detectors."""

_AT_ONCE = 1024  # pictures whose level features are in memory together


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What a desk computes of N pictures.

    Attributes:
        keys: N content keys.
        vectors: (N, W) for the catalogue.
        shows: N tuples of words; empty ones if the desk has no word detectors.
        facts: N records of what the files and their pixels say.
    """

    keys: tuple[str, ...]
    vectors: Floats
    shows: tuple[tuple[str, ...], ...]
    facts: tuple[Mapping[str, Cell], ...]

    def vector_rows(self, keys: Sequence[str]) -> Floats:
        """The vectors of some of the keys, in their order."""
        places = {key: place for place, key in enumerate(self.keys)}
        return self.vectors[[places[key] for key in keys]]

    @property
    def words(self) -> Mapping[str, tuple[str, ...]]:
        """Key → the words that the picture shows."""
        return dict(zip(self.keys, self.shows, strict=True))

    @property
    def facts_of(self) -> Mapping[str, Mapping[str, Cell]]:
        """Key → what the file says."""
        return dict(zip(self.keys, self.facts, strict=True))


def see(keys: Sequence[str], blend: Blend, store: FeatureStore) -> Seen:
    """Vectors, shown words and facts of pictures with stored features; some in memory at a time."""

    def seen(pictures: Pictures) -> tuple[Floats, list[tuple[str, ...]]]:
        return rounded(blend.vectors(pictures)), shown_words(blend, pictures)

    vectors = [np.empty((0, blend.layout.width), dtype=np.float32)]
    shows: list[tuple[str, ...]] = []
    blocks = [list(keys[start : start + _AT_ONCE]) for start in range(0, len(keys), _AT_ONCE)]
    together = cpus()
    for start in range(0, len(blocks), together):
        read = [
            Pictures(blend.matcher, some, store.read(some))
            for some in blocks[start : start + together]
        ]
        # A single block, as of a few pictures that are added, needs no threads.
        for placed, words in side_by_side(seen, read) if len(blocks) > 1 else map(seen, read):
            vectors.append(placed)
            shows += words
    facts = tuple(store.facts(keys))
    return Seen(tuple(keys), np.concatenate(vectors), tuple(shows), facts)


def shown_again(pictures: Sequence[Picture], seen: Seen) -> list[Picture]:
    """The pictures with the words that they show, in place of earlier ones, as an own column.

    What their files say fills the fields that nobody has named.
    """
    words, facts, found = seen.words, seen.facts_of, []
    for given in pictures:
        picture = with_file_facts(given, facts.get(given.key, {}))
        columns = {name: value for name, value in picture.columns.items() if name != SHOWS}
        if words.get(picture.key):
            columns[SHOWS] = words[picture.key]
        found.append(picture if columns == picture.columns else replace(picture, columns=columns))
    return found


@contextmanager
def archive_features(memory: ArchiveMemory, path: Path) -> Iterator[RowSource]:
    """Level features (P, ΣD_l) of the archive's pictures, from the desk's feature store."""
    rows = np.arange(len(memory.picture_vectors), dtype=np.int64)
    with FeatureStore.open(path) as store:
        yield store.rows([picture.key for picture in memory.pictures(rows)])


class Reader:
    """Reads files into the feature store of a desk.

    Args:
        backbone: of the desk.
        store: of the desk, open.
        blend: of its current fit.
        config: limits.
        progress: called as pictures are read.
    """

    def __init__(
        self,
        backbone: Backbone,
        store: FeatureStore,
        blend: Blend,
        config: ExtractConfig,
        progress: Progress,
    ) -> None:
        self._backbone = backbone
        self._store = store
        self._blend = blend
        self._config = config
        self._progress = progress

    def read(self, uris: Sequence[str]) -> Extraction:
        """Adds features of new and changed files to the store."""
        return extract(uris, self._backbone, self._store, self._config, self._progress)

    def see(self, keys: Sequence[str]) -> Seen:
        """Vectors and shown words of pictures that have been read."""
        return see(keys, self._blend, self._store)


@contextmanager
def reading(
    folder: DeskFolder, blend: Blend, config: ExtractConfig, progress: Progress
) -> Iterator[Reader]:
    """A Reader; the feature store is closed at the end of the block."""
    if not folder.features.exists():
        raise MissingArtefact(f"{folder.features} does not exist: run picturedesk fit again")
    backbone = Backbone.load(folder.backbone)
    with FeatureStore.open(folder.features, backbone.spec) as store:
        yield Reader(backbone, store, blend, config, progress)
