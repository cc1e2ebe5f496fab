"""Routes of the catalogue: list, add, change and remove pictures; what was left out."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from picturedesk.desk import json_documents
from picturedesk.desk.desk import Desk
from picturedesk.desk.editing import told
from picturedesk.types import Json
from picturedesk.web.access import Caller, Role, needs
from picturedesk.web.bodies import (
    BYTES,
    Body,
    ChangesBody,
    EditBody,
    RemoveBody,
    Sent,
    Where,
    body_of,
    described,
    form_of,
    parsed,
    with_file,
)
from picturedesk.web.deciding import name_of
from picturedesk.web.describing import answers, reference
from picturedesk.web.here import Here, answered
from picturedesk.web.jobs import UPLOAD
from picturedesk.web.keys import ADDRESS, KEY, PictureKey
from picturedesk.web.originals import picture_of
from picturedesk.web.problems import Refused
from picturedesk.web.receiving import Form, Limits, received
from picturedesk.web.uploads import Batch, taken_in

READ = Depends(needs(Role.READER))
WRITE = Depends(needs(Role.EDITOR))
Editor = Annotated[Caller, WRITE]
router = APIRouter(prefix="/v1", tags=["catalogue"])
_MOST_HITS = 1000


class Listing(Body):
    """Which pictures, and in which order."""

    where: Where = ""
    sort: str = Field("uri", min_length=1, max_length=200, description="a column; - for downward")
    limit: int = Field(100, ge=1, le=1000, strict=False)
    after: str = Field("", pattern=f"^$|{KEY}", description="the field after of the page before")
    q: str = Field("", max_length=1000, description="words to look for; best first, not sorted")


@router.get(
    "/pictures", summary="Pictures of the catalogue", responses=answers("Page"), dependencies=[READ]
)
def list_pictures(here: Here, asked: Annotated[Listing, Query()]) -> Response:
    """A page of the pictures that meet a condition and words, also of those that may not run."""
    with here.desk.using() as desk, here.metrics.asking("list"):
        return answered(_found(desk, asked) if asked.q.strip() else _listed(desk, asked))


def _listed(desk: Desk, asked: Listing) -> Json:
    total = desk.catalogue.count(asked.where)
    found = desk.list(asked.where, asked.sort, asked.limit + 1, asked.after)
    page = json_documents.page(found[: asked.limit], len(found) > asked.limit)
    return page | {"total": total}


def _found(desk: Desk, asked: Listing) -> Json:
    """By words: a page of the best hits."""
    pictures = [hit.picture for hit in desk.search(asked.q, _MOST_HITS, asked.where)]
    keys = [picture.key for picture in pictures]
    start = keys.index(asked.after) + 1 if asked.after in keys else 0
    page = pictures[start : start + asked.limit]
    follow = start + len(page) < len(pictures)
    return json_documents.page(page, follow) | {"total": len(pictures)}


@router.get(
    f"/pictures/{ADDRESS}", summary="One picture", responses=answers("picture"), dependencies=[READ]
)
def one_picture(here: Here, key: PictureKey) -> Response:
    """What is known of a picture."""
    with here.desk.using() as desk:
        return answered(picture_of(desk, key))


@router.patch(
    f"/pictures/{ADDRESS}",
    summary="Change a picture",
    responses=answers("picture"),
    dependencies=[WRITE],
    openapi_extra=described(ChangesBody),
)
def change_picture(
    here: Here,
    key: PictureKey,
    sent: Annotated[Sent[ChangesBody], Depends(with_file(ChangesBody))],
) -> Response:
    """New values by the names of columns; null empties one. They outlive a fit."""
    with here.desk.using() as desk:
        picture_of(desk, key)
        (changed,) = desk.edit([key], sent.said.model_extra or {})
    return answered(changed)


@router.delete(
    f"/pictures/{ADDRESS}",
    summary="Remove a picture",
    responses=answers("RemoveDocument"),
    dependencies=[WRITE],
)
def remove_picture(here: Here, key: PictureKey) -> Response:
    """Takes a picture out of the catalogue; its file stays."""
    with here.desk.using() as desk:
        picture_of(desk, key)
        return answered(desk.remove([key]))


@router.post(
    "/pictures/edit",
    summary="Change many pictures",
    responses=answers("EditDocument"),
    dependencies=[WRITE],
    openapi_extra=described(EditBody),
)
def edit(here: Here, sent: Annotated[Sent[EditBody], Depends(with_file(EditBody))]) -> Response:
    """The same new values for all of these pictures, in one transaction."""
    said = sent.said
    with here.desk.using() as desk:
        _require_all(desk, said.keys)
        return answered(json_documents.edited(desk.edit(said.keys, said.changes)))


@router.post(
    "/pictures/remove",
    summary="Remove many pictures",
    responses=answers("RemoveDocument"),
    dependencies=[WRITE],
    openapi_extra=described(RemoveBody),
)
def remove(
    here: Here, sent: Annotated[Sent[RemoveBody], Depends(with_file(RemoveBody))]
) -> Response:
    """Takes pictures out of the catalogue, by their keys or by a condition; their files stay."""
    with here.desk.using() as desk:
        return answered(desk.remove(sent.said.keys, sent.said.where))


def _require_all(desk: Desk, keys: list[str]) -> None:
    known = desk.catalogue.find(keys)
    unknown = next((key for key in keys if key not in known), None)
    if unknown is not None:
        raise Refused(404, "Picture not found", f"the catalogue has no picture {unknown}")


async def _uploaded(request: Request, here: Here) -> AsyncIterator[Form]:
    limits = Limits(here.config.max_files, here.config.max_megabytes * 1e6)
    async with received(request, here.incoming, limits, ("files",), ("metadata",)) as form:
        yield form


@router.post(
    "/pictures",
    summary="Upload pictures",
    responses=answers(
        "Uploaded",
        201,
        {
            202: {
                "description": "many files: a job takes them in",
                "content": {"application/json": {"schema": reference("JobStarted")}},
            }
        },
    ),
    openapi_extra=body_of(
        form_of(
            {
                "files": {"type": "array", "items": BYTES, "minItems": 1},
                "metadata": reference("ChangesBody"),
            },
            ("files",),
            "metadata",
        )
    ),
)
def upload(here: Here, caller: Editor, form: Annotated[Form, Depends(_uploaded)]) -> Response:
    """Adds pictures to the catalogue; metadata holds for all of them.

    A file that is no picture is named among the rejections, with its reason and cure.
    """
    files = tuple(form.named("files"))
    if not files:
        raise Refused(400, "Invalid request", "the form has no file in its field 'files'")
    metadata = parsed(ChangesBody, form.fields.get("metadata", b"{}")).model_extra or {}
    if metadata:
        told(metadata)
    batch = Batch(form.folder, files, metadata, here.config.max_megapixels)
    if len(files) > here.config.at_once:
        here.jobs.require_room()
        form.keep = True
        _settle(batch)
        job = here.jobs.start(UPLOAD, vars_of(batch), name_of(caller))
        return answered({"job": job.as_json()}, 202)
    with here.desk.using() as desk, here.metrics.asking("add"):
        return answered(taken_in(desk, batch, here.config.folder), 201)


def vars_of(batch: Batch) -> Json:
    """A batch as the request of a job."""
    return {
        "folder": str(batch.folder),
        "files": [{"name": one.name, "path": str(one.path)} for one in batch.files],
        "metadata": batch.metadata,
        "max_megapixels": batch.max_megapixels,
    }


def _settle(batch: Batch) -> None:
    """Waits until the files are on the disk: what is acknowledged outlives a power cut."""
    for one in batch.files:
        with one.path.open("rb") as file:
            os.fsync(file.fileno())


@router.get(
    "/rejected",
    summary="What was left out",
    responses=answers("RejectedDocument"),
    dependencies=[READ],
)
def rejected(here: Here) -> Response:
    """Files and rows that fits and additions left out, each with its reason and a cure."""
    with here.desk.using() as desk:
        return answered(json_documents.rejected(desk.rejected()))
