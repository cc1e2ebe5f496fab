"""The level adviser: which levels of a network suit an archive, and what they cost.

``choose_levels`` serves a fit, ``advise_on`` the command line, ``advise`` anybody with arrays.
"""

from __future__ import annotations

from picturedesk.advice.advice import Advice, AdviceConfig, LevelScore, SetScore
from picturedesk.advice.adviser import advise
from picturedesk.advice.candidates import candidates
from picturedesk.advice.choice import ChoiceConfig, Texts, advise_on, choose_levels
from picturedesk.advice.costs import Cost, Costs, measure_costs
from picturedesk.advice.ground import GroundConfig, NetworkConfig

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
