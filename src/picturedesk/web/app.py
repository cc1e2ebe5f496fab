"""The application: routes, errors, description, and the parts of one process."""

from __future__ import annotations

import ctypes
import logging
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version
from pathlib import Path

import anyio
import anyio.to_thread
from fastapi import FastAPI
from threadpoolctl import threadpool_limits

from picturedesk.errors import PicturedeskError
from picturedesk.web import (
    bodies,
    deciding,
    files,
    job_routes,
    pages,
    pictures,
    quality,
    state,
    suggesting,
)
from picturedesk.web.access import guarded
from picturedesk.web.access.asgi import ASGIApp
from picturedesk.web.config import ServeConfig
from picturedesk.web.counting import Counting
from picturedesk.web.describing import describe
from picturedesk.web.here import Served
from picturedesk.web.jobs import Jobs
from picturedesk.web.metrics import Metrics
from picturedesk.web.opened import OpenDesk
from picturedesk.web.originals import Originals
from picturedesk.web.own_schemas import OWN
from picturedesk.web.problems import handle_errors
from picturedesk.web.thumbnails import Thumbnails
from picturedesk.web.webhooks import Sender

_ROUTERS = (state, suggesting, pictures, files, deciding, quality, job_routes, pages)
_ARENA_MAX = -8  # of glibc's mallopt: M_ARENA_MAX
_WATCH = 5.0  # seconds between two looks at jobs whose process was killed
_STALE = 86_400.0  # seconds after which files of a request that was killed are removed
_LOG = logging.getLogger(__name__)


def create_app(config: ServeConfig) -> ASGIApp:
    """The ASGI application that serves a desk.

    Opens the desk when the application starts, and closes it when it ends.
    """
    app = FastAPI(
        title="Picturedesk",
        version=version("picturedesk"),
        summary="Suggests pictures for texts.",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        lifespan=lambda app: _running(app, config),
    )
    app.state.routes = [route for module in _ROUTERS for route in module.router.routes]
    for module in _ROUTERS:
        app.include_router(module.router)
    handle_errors(app)
    describe(app, _bodies(), OWN)
    counting = Counting(app, lambda: getattr(getattr(app.state, "served", None), "metrics", None))
    return guarded(counting, config.access)


def _bodies() -> dict[str, type[bodies.Body]]:
    """What requests may say, by name."""
    found = vars(bodies).values()
    records = [one for one in found if isinstance(one, type) and issubclass(one, bodies.Body)]
    return {one.__name__: one for one in records if one.__name__.endswith("Body")}


@asynccontextmanager
async def _running(app: FastAPI, config: ServeConfig) -> AsyncIterator[None]:
    anyio.to_thread.current_default_thread_limiter().total_tokens = config.threads
    served = await anyio.to_thread.run_sync(made, config)
    app.state.served = served
    served.webhooks.start()
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_watch, served)
            yield
            tasks.cancel_scope.cancel()
    finally:
        await anyio.to_thread.run_sync(served.webhooks.stop)
        served.desk.close()
        served.jobs.close()


def made(config: ServeConfig) -> Served:
    """The parts of a server; opens the desk."""
    _keep_few_heaps()
    threadpool_limits(1)  # requests run beside each other; more would wait for each other, busily
    folder = config.folder
    folder.mkdir(parents=True, exist_ok=True)
    _sweep(folder / "incoming")
    originals = Originals()
    return Served(
        config=config,
        desk=OpenDesk(config.desk),
        jobs=Jobs(folder, config.desk),
        thumbnails=Thumbnails(folder / "thumbnails", originals, config.thumbnail_megabytes),
        originals=originals,
        metrics=Metrics(),
        incoming=folder / "incoming",
        webhooks=Sender(config.desk),
    )


def _keep_few_heaps() -> None:
    """Lets glibc keep two heaps, where it has eight a core: what threads free is used again."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 2)


def _sweep(incoming: Path) -> None:
    """Removes files of requests that were killed long ago."""
    for path in incoming.glob("*"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > _STALE:
                shutil.rmtree(path, ignore_errors=True)


async def _watch(served: Served) -> None:
    """Lets jobs go on whose process was killed."""
    while True:
        try:
            await anyio.to_thread.run_sync(served.jobs.revive)
        except (PicturedeskError, OSError) as error:
            _LOG.error("jobs cannot be looked after: %s", error)
        await anyio.sleep(_WATCH)
