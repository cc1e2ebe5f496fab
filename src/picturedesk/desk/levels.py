"""``levels="auto"``: the levels that the adviser recommends, chosen once, stored in the desk."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from picturedesk.backbones.backbone import readable_levels
from picturedesk.desk.folder import DeskFolder
from picturedesk.disk.artifacts import read_record, write_record
from picturedesk.learning.config import DeskConfig
from picturedesk.learning.recipes import fit_texts, open_sentences
from picturedesk.learning.training_pairs import PROBABILITIES, PROJECTED
from picturedesk.parallel import one_blas_thread
from picturedesk.research.adviser import choose_levels
from picturedesk.research.adviser.advice import AdviceConfig
from picturedesk.research.adviser.choice import ChoiceConfig, TextEncoders
from picturedesk.research.adviser.level_data import LevelDataConfig, NetworkConfig
from picturedesk.types import Archive, Progress

AUTO = ("auto",)
KIND = "choice of levels"


@dataclass(frozen=True, slots=True)
class LevelChoice:
    """Which levels a desk reads.

    Attributes:
        read: names of all levels to read; () for those of the settings.
        active: names of those that the heads use; () for all.
    """

    read: tuple[str, ...] = ()
    active: tuple[str, ...] = ()


def choose_for(archive: Archive, root: Path, config: DeskConfig, progress: Progress) -> LevelChoice:
    """The levels of the settings; with ``levels="auto"`` those that the adviser finds best.

    The choice is stored in the desk. Class probabilities and the projected vectors of a dual
    encoder are always read, because the routes class_names and zero_shot need them.
    """
    if config.levels != AUTO:
        return LevelChoice()
    folder = DeskFolder(root)
    if not folder.levels.exists():
        choice = ChoiceConfig(
            NetworkConfig(config.backbone, config.weights, config.device),
            LevelDataConfig(split=config.split, seed=config.split.seed, extract=config.extract),
            AdviceConfig(best=config.best),
        )
        encoders = TextEncoders(fit_texts(config), open_sentences(config))
        with one_blas_thread():
            chosen = choose_levels(archive, folder.adviser, choice, encoders, progress)
        write_record(folder.levels, KIND, {"levels": chosen})
        shutil.rmtree(folder.adviser, ignore_errors=True)
    cure = f"remove {folder.levels}, then run picturedesk fit again"
    active = tuple(read_record(folder.levels, KIND, cure)["levels"])
    there = {level.module for level in readable_levels(config.backbone)}
    needed = there & {PROBABILITIES, PROJECTED} if config.recipe == "best" else set()
    return LevelChoice((*active, *sorted(needed - set(active))), active)
