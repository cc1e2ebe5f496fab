"""The level adviser: which levels of a network suit an archive, and what they cost.

A fit calls ``choose_levels``, the command line ``advise_on``, or ``advise_on_networks`` for several
networks; ``advise`` takes arrays.
"""

from __future__ import annotations

from picturedesk.research.adviser.advice import Advice, AdviceConfig, LevelScore, SetScore
from picturedesk.research.adviser.adviser import advise
from picturedesk.research.adviser.candidates import candidates
from picturedesk.research.adviser.choice import (
    ChoiceConfig,
    TextEncoders,
    advise_on,
    choose_levels,
)
from picturedesk.research.adviser.costs import Cost, Costs, measure_costs
from picturedesk.research.adviser.level_data import LevelDataConfig, NetworkConfig
from picturedesk.research.adviser.networks import (
    NetworkAdvice,
    NetworkScore,
    advise_on_networks,
)

__all__ = [
    "Advice",
    "AdviceConfig",
    "ChoiceConfig",
    "Cost",
    "Costs",
    "LevelDataConfig",
    "LevelScore",
    "NetworkAdvice",
    "NetworkConfig",
    "NetworkScore",
    "SetScore",
    "TextEncoders",
    "advise",
    "advise_on",
    "advise_on_networks",
    "candidates",
    "choose_levels",
    "measure_costs",
]
