"""What a desk's catalogue holds of a picture: its vectors, and the fingerprint they go by."""

from __future__ import annotations

from collections.abc import Sequence

from picturedesk.disk.artifacts import fingerprint
from picturedesk.heads.matcher import Matcher
from picturedesk.routes import Blend, CatalogueSpace
from picturedesk.store.archive_memory import ArchiveMemory
from picturedesk.types import Floats


def catalogue_space(matcher: Matcher, blend: Blend | None) -> CatalogueSpace:
    """The layout of the vectors."""
    return CatalogueSpace(matcher.width) if blend is None else blend.space


def catalogue_fingerprint(matcher: Matcher, blend: Blend | None) -> str:
    """Hash of all that decides a catalogue vector."""
    if blend is None:
        return matcher.fingerprint
    return fingerprint([matcher.fingerprint, blend.fingerprint])


def catalogue_vectors(
    matcher: Matcher,
    blend: Blend | None,
    memory: ArchiveMemory,
    keys: Sequence[str],
    features: Floats,
) -> Floats:
    """Level features (N, ΣD_l) of the pictures with these keys → catalogue vectors (N, W)."""
    fused = matcher.pictures(features)
    if blend is None:
        return fused
    probabilities = None
    if blend.probabilities:
        probabilities = features[:, matcher.backbone.columns(blend.probabilities)]
    texts = memory.texts_of("train")
    links = memory.links_among(texts, keys)
    return blend.pictures(fused, probabilities, memory.text_vectors[texts], links)
