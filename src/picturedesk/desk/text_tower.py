"""The text tower of a desk whose backbone is a dual encoder: exported once, checked, opened."""

from __future__ import annotations

import shutil

import numpy as np

from picturedesk.backbones.backbone import Backbone
from picturedesk.backbones.presets import is_dual
from picturedesk.desk.folder import DeskFolder
from picturedesk.errors import PicturedeskError
from picturedesk.texts.sentences import SentenceConfig, SentenceEncoder
from picturedesk.texts.tower import TowerEngine
from picturedesk.types import Progress, TextEncoder, step

# Texts with what tokenizers treat differently: entities, quotes, other scripts, emoji, length.
PROBES = (
    "",
    "a red boat",
    "Two DOGS & 3 cats don't run; “quoted”, &amp;amp; <b>bold</b>!",
    "Ein Fluß im Süden; une forêt d’été",
    "河水上涨 北京 река поднялась",
    "😀👩‍👩‍👧 2024_06\n\tnew line",
    "word " * 300,
)
CHARACTERS = 4  # per token, about; the network would cut a longer sentence off
MOST = 6  # sentences of a text; each costs a pass of the network
TOLERANCE = 1e-3  # largest difference of a vector, as a share of its length


def write_tower(folder: DeskFolder, backbone: Backbone, progress: Progress) -> None:
    """Exports the text tower of a dual encoder, unless the desk has it already.

    Raises:
        MissingExtra: tokenizers or ftfy is not installed.
        PicturedeskError: what was exported gives other vectors than the library it comes from.
    """
    tower = backbone.text_tower
    if tower is None or folder.text_tower.exists():
        return
    with step(progress, "exporting the text tower, or taking it from the cache"):
        tower.write(folder.text_tower)
        expected = tower.encode(PROBES)
        given = TowerEngine.open(folder.text_tower).encode(PROBES)
    apart = np.linalg.norm(given - expected, axis=1) / np.linalg.norm(expected, axis=1)
    worst = float(apart.max())
    if not worst <= TOLERANCE:
        shutil.rmtree(folder.text_tower)
        raise PicturedeskError(
            f"the exported text tower of {backbone.spec.name} differs from open_clip by "
            f"{worst:.1e}, more than {TOLERANCE:.0e}: it was discarded; choose another --backbone"
        )


def open_tower(folder: DeskFolder, backbone: str) -> TextEncoder | None:
    """The text encoder of the backbone's text tower; None if the backbone has none.

    It reads the first sentences of a text, because the network ignores what exceeds its context.

    Args:
        folder: of the desk.
        backbone: name of the backbone in the settings.

    Raises:
        MissingArtefact: the tower is missing or damaged.
        MissingExtra: tokenizers is not installed.
    """
    if not is_dual(backbone):
        return None
    cure = f"remove {folder.backbone} and {folder.text_tower}, then run picturedesk fit again"
    engine = TowerEngine.open(folder.text_tower, cure)
    longest = CHARACTERS * engine.settings.context
    return SentenceEncoder(SentenceConfig(longest=longest, most=MOST), engine)
