"""An open desk: its folder, and the parts of its fit, each loaded at its first use."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

import numpy as np

import picturedesk.checks as checks
from picturedesk.desk.folder import DeskFolder
from picturedesk.desk.loaded import Loaded
from picturedesk.desk.suggesting import Suggester
from picturedesk.heads.matcher import Matcher
from picturedesk.routes import Blend
from picturedesk.store.archive_memory import ArchiveMemory
from picturedesk.store.catalogue import open_catalogue
from picturedesk.store.held_out import HeldOutTexts
from picturedesk.types import (
    Catalogue,
)

if TYPE_CHECKING:
    from picturedesk.store.extraction import ExtractConfig
    from picturedesk.store.features import FeatureStore


_Parts = TypeVar("_Parts", bound="DeskParts")


def opened_again(desk: _Parts) -> _Parts:
    """The same desk, with the fit that is current now."""
    return type(desk)(desk.folder.root, desk.folder.at)


class DeskParts:
    """The parts of an open desk; see ``Desk``."""

    def __init__(self, path: str | Path, catalogue: str = "") -> None:
        checks.encodable("catalogue", catalogue)
        self.folder = DeskFolder(checks.path("path", path), catalogue)
        self.fitted = self.folder.require()
        self._loaded = Loaded(f"desk {path}")
        self._absolute = os.path.abspath(path)

    def close(self) -> None:
        """Closes all files; a second call does nothing.

        A search that is running in another thread ends, or raises Closed.
        """
        self._loaded.close()

    def __enter__(self) -> Self:
        self._loaded.require_open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[type[Self], tuple[str, str]]:
        """An unpickled copy opens the same folder by itself."""
        return type(self), (self._absolute, self.folder.at)

    @property
    def matcher(self) -> Matcher:
        """Text encoder and heads."""
        return self._loaded.part("matcher", lambda: Matcher.load(self.fitted.matcher))

    @property
    def blend(self) -> Blend:
        """Routes, their weights and the confidence."""
        return self._loaded.part("blend", lambda: Blend.load(self.fitted.blend, self.matcher))

    @property
    def memory(self) -> ArchiveMemory:
        """The archive in the shared space."""
        return self._loaded.part(
            "memory", lambda: ArchiveMemory.open(self.fitted.memory, self.matcher.fingerprint)
        )

    @property
    def held_out(self) -> HeldOutTexts:
        """The held-out texts; suggesting does not read them."""
        return self._loaded.part(
            "held_out", lambda: HeldOutTexts.load(self.fitted.held_out, self.matcher.fingerprint)
        )

    @property
    def catalogue(self) -> Catalogue:
        """The pictures that may be suggested now."""
        return self._loaded.part("catalogue", self._open_catalogue)

    def _open_catalogue(self) -> Catalogue:
        width = self.blend.layout.width
        return open_catalogue(self.fitted.catalogue, self.blend.fingerprint, width, make=False)

    @property
    def limits(self) -> ExtractConfig:
        """Limits for reading pictures, from the fit."""
        from picturedesk.store.extraction import ExtractConfig

        return ExtractConfig.of(self.fitted.read_settings()["config"]["extract"])

    @property
    def suggester(self) -> Suggester:
        """What answers texts; for measuring."""
        return self._loaded.part(
            "suggester",
            lambda: Suggester(self.blend, self.memory, self.catalogue, self._hashes),
        )

    @property
    def _features(self) -> FeatureStore:
        """The level features and perceptual hashes of all pictures."""
        from picturedesk.store.features import FeatureStore

        return self._loaded.part("features", lambda: FeatureStore.open(self.folder.features))

    def _hashes(self, keys: Sequence[str]) -> dict[str, np.uint64]:
        """Perceptual hashes of the pictures with these keys, of those that the desk has read."""
        from picturedesk.store.known_hashes import KnownHashes, hashes_of

        held = self._loaded.part("hashes", lambda: KnownHashes.open(self.fitted.hashes))
        found = held.find(keys)
        others = [key for key in keys if key not in found]
        return found | hashes_of(self._features, others) if others else found

    @property
    def routes(self) -> tuple[str, ...]:
        """The routes that this desk knows; the last one is the default."""
        return self.blend.names
