"""Pictures that a question names: files, and content keys of pictures that a desk knows.

Reads; never writes. Files that the desk has not read are read into a store of their own, which is
gone afterwards.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import picturedesk.checks as checks
from picturedesk.errors import BadInput, BadPicture
from picturedesk.heads.matcher import Matcher
from picturedesk.routes import Blend, Pictures
from picturedesk.routes.seen_words import SeenWordsPlan, SeenWordsRoute
from picturedesk.store.features import FeatureStore
from picturedesk.types import Floats

if TYPE_CHECKING:
    from picturedesk.store.extraction import ExtractConfig

SHOWN = 10  # words that a picture shows, at most


def names_of(picture: object) -> list[str]:
    """One picture or several, each a path or a content key, as text."""
    if isinstance(picture, str | Path):
        return [str(checks.path("picture", picture))]
    given = checks.several("picture", picture)
    return [str(checks.path(f"picture[{place}]", one)) for place, one in enumerate(given)]


def shown_words(blend: Blend, pictures: Pictures) -> list[tuple[str, ...]]:
    """The words that each of N pictures shows; no words if the desk has no detectors."""
    for route in blend.routes:
        if isinstance(route, SeenWordsRoute):
            return [tuple(tag.word for tag in tags) for tags in route.tags(pictures, SHOWN)]
    return [()] * len(pictures.keys)


def word_detectors(blend: Blend, desk: str) -> SeenWordsRoute:
    """The route that knows which words a picture shows.

    Args:
        blend: of the desk.
        desk: its folder, for the message.

    Raises:
        BadInput: there is none.
    """
    for route in blend.routes:
        if isinstance(route, SeenWordsRoute):
            return route
    raise BadInput(
        f"desk {desk} has no word detectors: the recipe best learns them from "
        f"{SeenWordsPlan().fewest_pictures} pictures on, where torch is installed (pip install "
        "'picturedesk[train]'); fit it again so"
    )


def read_given(
    names: Sequence[str], matcher: Matcher, store: Path, backbone: Path, limits: ExtractConfig
) -> Pictures:
    """The pictures with their features; a picture that is named twice is there twice.

    Args:
        names: N paths or content keys.
        matcher: of the desk.
        store: file of the desk's level features.
        backbone: folder of the backbone that filled it; used only for pictures it does not have.
        limits: for reading.

    Raises:
        BadPicture: a file cannot be read, or is none.
    """
    from picturedesk.store.sources import stored_key

    levels = matcher.levels
    with FeatureStore.open(store) as known:
        keys = {name: name if name in known else stored_key(name, known) for name in names}
        there = [key for key in keys.values() if key]
        rows = dict(zip(there, known.read(there, levels), strict=True))
    new = [name for name, key in keys.items() if not key]
    if new:
        found, features = _read(new, levels, backbone, limits)
        keys |= found
        rows |= features
    chosen = [str(keys[name]) for name in names]
    wide = sum(span.stop - span.start for span in matcher.level_columns().values())
    stacked = np.array([rows[key] for key in chosen], dtype=np.float32).reshape(len(chosen), wide)
    return Pictures(matcher, chosen, stacked)


def _read(
    names: Sequence[str], levels: Sequence[str], folder: Path, limits: ExtractConfig
) -> tuple[dict[str, str], dict[str, Floats]]:
    """Name → content key, and content key → level features (ΣD_l,)."""
    from picturedesk.backbones.backbone import Backbone
    from picturedesk.store.extraction import extract

    backbone = Backbone.load(folder)
    with (
        tempfile.TemporaryDirectory(prefix="picturedesk-") as own,
        FeatureStore.open(Path(own) / "features.db", backbone.spec) as store,
    ):
        done = extract(names, backbone, store, limits)
        if done.rejections:
            first = done.rejections[0]
            raise BadPicture(first.source, first.reason, first.cure)
        keys = list(done.keys.values())
        return done.keys, dict(zip(keys, store.read(keys, levels), strict=True))
