"""The level adviser: which levels of a network suit an archive, and what they cost.

``choose_levels`` serves a fit, ``advise_on`` the command line, ``advise`` anybody with arrays.
"""

from __future__ import annotations

from picturedesk.research.adviser.advice import Advice, AdviceConfig, LevelScore, SetScore
from picturedesk.research.adviser.adviser import advise
from picturedesk.research.adviser.candidates import candidates
from picturedesk.research.adviser.choice import ChoiceConfig, Texts, advise_on, choose_levels
from picturedesk.research.adviser.costs import Cost, Costs, measure_costs
from picturedesk.research.adviser.ground import GroundConfig, NetworkConfig

__all__ = [
    "Advice",
    "AdviceConfig",
    "ChoiceConfig",
    "Cost",
    "Costs",
    "GroundConfig",
    "LevelScore",
    "NetworkConfig",
    "SetScore",
    "Texts",
    "advise",
    "advise_on",
    "candidates",
    "choose_levels",
    "measure_costs",
]
