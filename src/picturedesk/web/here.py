"""What every route of a server has: its settings and its parts, made once per process."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request, Response
from pydantic_core import PydanticSerializationError, to_json

from picturedesk.disk.artifacts import plain
from picturedesk.web.config import ServeConfig
from picturedesk.web.jobs import Jobs
from picturedesk.web.metrics import Metrics
from picturedesk.web.opened import OpenDesk
from picturedesk.web.originals import Originals
from picturedesk.web.thumbnails import Thumbnails
from picturedesk.web.webhooks import Sender


@dataclass(frozen=True, slots=True)
class Served:
    """The parts of a server.

    Attributes:
        config: settings.
        desk: open.
        jobs: long work.
        thumbnails: small pictures.
        originals: files of pictures.
        metrics: what is counted.
        incoming: folder for files that requests bring.
        webhooks: delivers what choices announce.
    """

    config: ServeConfig
    desk: OpenDesk
    jobs: Jobs
    thumbnails: Thumbnails
    originals: Originals
    metrics: Metrics
    incoming: Path
    webhooks: Sender


async def _here(request: Request) -> Served:
    # FastAPI would run a plain function in a thread, and each request would wait for it.
    served: Served = request.app.state.served
    return served


Here = Annotated[Served, Depends(_here)]


def answered(document: object, status: int = 200) -> Response:
    """A JSON document as a response; dataclasses become objects, NamedTuples lists."""
    try:
        body = to_json(document, fallback=plain)
    except PydanticSerializationError:  # a name of a file that is not UTF-8
        body = json.dumps(plain(document), separators=(",", ":")).encode()
    return Response(body, status, media_type="application/json")
