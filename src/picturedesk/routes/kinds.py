"""The routes of each recipe: a new route is one line here."""

from __future__ import annotations

from picturedesk.routes.captions import CaptionsPlan
from picturedesk.routes.class_names import ClassNamesPlan
from picturedesk.routes.direct import DirectPlan
from picturedesk.routes.hubness import HubnessPlan
from picturedesk.routes.route import RoutePlan
from picturedesk.routes.transfer import NearestTextPlan, TransferPlan
from picturedesk.routes.zero_shot import ZeroShotPlan

BEST: tuple[RoutePlan, ...] = (
    DirectPlan(),
    HubnessPlan(),
    TransferPlan(),
    ClassNamesPlan(),
    CaptionsPlan(),
    ZeroShotPlan(),
)
PAPER: tuple[RoutePlan, ...] = (DirectPlan(), NearestTextPlan())
