"""Added pictures stay in a desk when it is fitted again.

A fit replaces the archive's pictures. Pictures that ``add`` put into the catalogue are copied from
the fit before, with their stored features. Pictures that are added during the fit are copied at its
end.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from picturedesk.backbones.backbone import Backbone
from picturedesk.desk.folder import FitFolder
from picturedesk.errors import Mismatch, MissingArtefact
from picturedesk.routes import Blend, Pictures
from picturedesk.store.catalogue import open_catalogue
from picturedesk.store.extraction import ExtractConfig, extract
from picturedesk.store.features import FeatureStore
from picturedesk.types import Catalogue, Floats, Picture, Rejection

_AT_ONCE = 1024  # pictures whose level features are in memory together


class Added:
    """The pictures that were added to the fit before.

    Args:
        path: of its catalogue; None if there is none, or it cannot be read.
        pictures: the pictures to copy, by key.
        rejections: pictures that could not be copied, and why.
        seen: all added pictures, by key.
    """

    def __init__(
        self,
        path: Path | None = None,
        pictures: dict[str, Picture] | None = None,
        rejections: tuple[Rejection, ...] = (),
        seen: dict[str, Picture] | None = None,
    ) -> None:
        self.pictures = pictures or {}
        self.rejections = rejections
        self._seen = seen or {}
        self._path = path
        self._ours: dict[str, Picture] = {}  # the archive's

    @classmethod
    def of(
        cls,
        before: FitFolder | None,
        backbone: Backbone,
        store: FeatureStore,
        config: ExtractConfig,
    ) -> Added:
        """The added pictures of a fit, or none; reads pictures without stored features again."""
        if before is None:
            return cls()
        try:
            pictures = _added(before.catalogue)
        except (MissingArtefact, Mismatch) as error:
            lost = Rejection(str(before.catalogue), str(error), "add again what was added")
            return cls(rejections=(lost,))
        missing = {key: picture for key, picture in pictures.items() if key not in store}
        found = extract([one.uri for one in missing.values()], backbone, store, config).keys
        gone = {key for key, picture in missing.items() if found.get(picture.uri) != key}
        rejections = tuple(
            Rejection(
                pictures[key].uri,
                "it was added, and the file is missing or has changed",
                "add it again",
            )
            for key in sorted(gone)
        )
        kept = {key: picture for key, picture in pictures.items() if key not in gone}
        return cls(before.catalogue, kept, rejections, seen=pictures)

    def fill(
        self,
        catalogue: Catalogue,
        pictures: Sequence[Picture],
        vectors: Floats,
        blend: Blend,
        store: FeatureStore,
    ) -> None:
        """Fills a new catalogue with the archive's pictures and these.

        Args:
            catalogue: an empty one.
            pictures: N of the archive; its metadata of an added picture counts.
            vectors: (N, W) of these pictures.
            blend: of the new fit.
            store: has the features of all pictures.
        """
        self._ours = {picture.key: picture for picture in pictures}
        others = [picture for key, picture in self.pictures.items() if key not in self._ours]
        every = np.concatenate([vectors, catalogue_vectors(others, blend, store)])
        catalogue.replace_all(
            [*pictures, *others], every, blend.fingerprint, added=self.pictures.keys()
        )

    def catch_up(self, made: FitFolder, blend: Blend, store: FeatureStore) -> None:
        """Repeats additions and removals since ``of``, inside ``DeskFolder.changing``."""
        if self._path is None:
            return
        now = _added(self._path)
        new = [picture for key, picture in now.items() if self._seen.get(key) != picture]
        gone = self.pictures.keys() - now.keys()
        if not new and not gone:
            return
        chosen = [self._ours.get(picture.key, picture) for picture in new]
        with closing(open_catalogue(made.catalogue, make=False)) as catalogue:
            catalogue.remove([key for key in gone if key not in self._ours])
            catalogue.add(chosen, catalogue_vectors(chosen, blend, store))


def _added(path: Path) -> dict[str, Picture]:
    """By key, the pictures of a catalogue that did not come with the archive."""
    found: dict[str, Picture] = {}
    with closing(open_catalogue(path, make=False)) as catalogue:
        after = ""
        while keys := catalogue.added(after):
            found |= {picture.key: picture for picture in catalogue.fetch(keys).pictures}
            after = keys[-1]
    return found


def catalogue_vectors(pictures: Sequence[Picture], blend: Blend, store: FeatureStore) -> Floats:
    """Catalogue vectors (N, W) from stored features."""
    keys = [picture.key for picture in pictures]
    parts = [np.empty((0, blend.layout.width), dtype=np.float32)]
    for start in range(0, len(keys), _AT_ONCE):
        some = keys[start : start + _AT_ONCE]
        parts.append(blend.vectors(Pictures(blend.matcher, some, store.read(some))))
    return np.concatenate(parts)
