"""Routes that describe the desk and the server: for the page, for monitors, for Prometheus."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from picturedesk.routes.seen_words import SeenWordsRoute
from picturedesk.web.access import Caller, Role, needs
from picturedesk.web.bodies import LONGEST_TEXT, MOST_K, MOST_TEXTS
from picturedesk.web.describing import answers, media
from picturedesk.web.here import Here, answered

router = APIRouter(tags=["server"])
OPEN = Depends(needs(Role.ANYONE))


@router.get("/v1/desk", summary="The desk", responses=answers("Desk"))
def desk(here: Here, caller: Annotated[Caller, Depends(needs(Role.READER))]) -> Response:
    """What can be asked of the desk, and what the caller may do."""
    config = here.config
    with here.desk.using() as desk:
        info = {
            "name": desk.folder.root.absolute().name,
            "archive": desk.fitted.read_settings()["archive"],
            "pictures": desk.catalogue.count(),
            "fit": desk.fitted.root.name,
            "routes": list(desk.routes),
            "default_route": desk.blend.default,
            "columns": desk.catalogue.columns(),
            "tags": any(isinstance(route, SeenWordsRoute) for route in desk.blend.routes),
        }
    limits = {
        "k": MOST_K,
        "text": LONGEST_TEXT,
        "texts": MOST_TEXTS,
        "files": config.max_files,
        "megabytes": config.max_megabytes,
        "megapixels": config.max_megapixels,
        "at_once": config.at_once,
    }
    return answered(
        info
        | {
            "role": caller.role.word,
            "caller": caller.name,
            "version": version("picturedesk"),
            "limits": limits,
        }
    )


@router.get("/v1/openapi.json", include_in_schema=False, dependencies=[OPEN])
async def description(request: Request) -> Response:
    """The description of the API."""
    return answered(request.app.openapi())


@router.get(
    "/v1/health",
    summary="Whether the server lives",
    responses=answers("Health"),
    dependencies=[OPEN],
)
async def health() -> Response:
    """Answers as long as the process does; reads nothing."""
    return answered({"status": "ok"})


@router.get(
    "/v1/ready",
    summary="Whether the desk answers",
    responses=answers("Ready"),
    dependencies=[OPEN],
)
def ready(here: Here) -> Response:
    """Answers if the catalogue can be read and jobs can be noted; else 503."""
    with here.desk.using() as desk:
        desk.catalogue.count()
        here.jobs.open_jobs()
        return answered({"status": "ready", "fit": desk.fitted.root.name})


@router.get(
    "/metrics",
    summary="Figures for Prometheus",
    responses=media("text/plain"),
    dependencies=[Depends(needs(Role.READER))],
)
def metrics(request: Request, here: Here) -> Response:
    """Requests, seconds, pictures and jobs, of all workers."""
    with here.desk.using() as desk:
        here.metrics.pictures.set(desk.catalogue.count())
    here.metrics.running.set(len(here.jobs.open_jobs()))
    return Response(here.metrics.text(), media_type=CONTENT_TYPE_LATEST)
