"""The routes of each recipe: a new route is one line here."""

from __future__ import annotations

from picturedesk.routes.captions import CaptionsPlan
from picturedesk.routes.class_names import ClassNamesPlan
from picturedesk.routes.direct import DIRECT, DirectPlan
from picturedesk.routes.hubness import JOINT_HUBNESS, HubnessPlan
from picturedesk.routes.route import RoutePlan
from picturedesk.routes.seen_words import SEEN_WORDS, SeenWordsPlan
from picturedesk.routes.towers import TOWERS, TowersPlan
from picturedesk.routes.transfer import NearestTextPlan, TransferPlan
from picturedesk.routes.zero_shot import ZeroShotPlan

# The routes that are trained come last: the first folds show whether they add anything, and if not,
# the others need not train them. A route may build on those before it.
BEST: tuple[RoutePlan, ...] = (
    DirectPlan(),
    HubnessPlan(),
    TransferPlan(),
    ClassNamesPlan(),
    CaptionsPlan(),
    ZeroShotPlan(),
    TowersPlan(),
    SeenWordsPlan(),
    HubnessPlan(JOINT_HUBNESS, mix=((DIRECT, 1.0), (TOWERS, 0.5), (SEEN_WORDS, 0.2))),
)
PAPER: tuple[RoutePlan, ...] = (DirectPlan(), NearestTextPlan())
