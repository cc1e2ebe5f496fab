"""``levels="auto"``: the levels that the adviser recommends, chosen once and kept in the desk."""

from __future__ import annotations

import shutil
from dataclasses import replace

from picturedesk.backbones.backbone import readable_levels
from picturedesk.desk.folder import DeskFolder
from picturedesk.disk.artifacts import read_json, write_json
from picturedesk.learning.best_config import PROBABILITIES
from picturedesk.learning.config import DeskConfig
from picturedesk.learning.recipes import fit_texts, open_sentences
from picturedesk.research.adviser import choose_levels
from picturedesk.research.adviser.advice import AdviceConfig
from picturedesk.research.adviser.choice import ChoiceConfig, TextEncoders
from picturedesk.research.adviser.level_data import LevelDataConfig, NetworkConfig
from picturedesk.types import Archive, Progress

AUTO = ("auto",)


def resolved(
    archive: Archive, folder: DeskFolder, config: DeskConfig, progress: Progress
) -> tuple[DeskConfig, tuple[str, ...]]:
    """Settings with levels by name, and those of them that the heads read, () for all.

    The class probabilities are read in any case: the class-name route needs them.
    """
    if config.levels != AUTO:
        return config, ()
    if not folder.levels.exists():
        chosen = choose_levels(
            archive,
            folder.adviser,
            ChoiceConfig(
                NetworkConfig(config.backbone, config.weights, config.device),
                LevelDataConfig(split=config.split, seed=config.split.seed, extract=config.extract),
                AdviceConfig(best=config.best),
            ),
            TextEncoders(fit_texts(config), open_sentences(config)),
            progress,
        )
        write_json(folder.levels, {"levels": chosen})
        shutil.rmtree(folder.adviser, ignore_errors=True)
    active = tuple(read_json(folder.levels)["levels"])
    there = {level.module for level in readable_levels(config.backbone)}
    if config.recipe == "best" and PROBABILITIES in there and PROBABILITIES not in active:
        return replace(config, levels=(*active, PROBABILITIES)), active
    return replace(config, levels=active), active
