"""Routes of bytes: thumbnails and originals of pictures, by content key.

Both never change under their key, so caches may keep them. Knows nothing of where files are.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Response
from pydantic import Field

from picturedesk.web.access import Role, needs
from picturedesk.web.bodies import Body
from picturedesk.web.describing import Responses, media
from picturedesk.web.here import Here
from picturedesk.web.keys import ADDRESS, PictureKey
from picturedesk.web.originals import MEDIA_TYPES, picture_of
from picturedesk.web.ranges import ranged
from picturedesk.web.thumbnails import WIDTHS, Size, best_format, rounded

router = APIRouter(
    prefix="/v1/pictures", tags=["files"], dependencies=[Depends(needs(Role.READER))]
)
_FOREVER = "private, max-age=31536000, immutable"
_UNCHANGED: Responses = {304: {"description": "as the caller has it"}}
_PART: Responses = {206: {"description": "the part that was asked for"}}


class Shown(Body):
    """The size of a thumbnail."""

    width: int = Field(
        320, ge=16, le=WIDTHS[-1], strict=False, description="pixels; the next larger kept width"
    )


@router.get(
    f"/{ADDRESS}/thumbnail",
    summary="A small picture",
    responses=media("image/webp", "image/avif", "image/jpeg", more=_UNCHANGED),
)
def thumbnail(
    here: Here,
    key: PictureKey,
    shown: Annotated[Shown, Query()],
    accept: Annotated[str, Header(include_in_schema=False)] = "",
    if_none_match: Annotated[str, Header(include_in_schema=False)] = "",
) -> Response:
    """WebP or AVIF where the caller accepts it, else JPEG; never larger than the picture."""
    size = Size(key, rounded(shown.width), best_format(accept))
    headers = {"ETag": size.etag, "Cache-Control": _FOREVER, "Vary": "Accept"}
    with here.desk.using() as desk:
        picture_of(desk, key)
        if _has(if_none_match, size.etag):
            return Response(status_code=304, headers=headers)
        data = here.thumbnails.read(desk, size)
    return Response(data, headers=headers, media_type=size.media_type)


@router.get(
    f"/{ADDRESS}/original",
    summary="The file of a picture",
    responses=media(*MEDIA_TYPES.values(), more=_UNCHANGED | _PART),
)
def original(
    here: Here,
    key: PictureKey,
    if_none_match: Annotated[str, Header(include_in_schema=False)] = "",
    if_range: Annotated[str, Header(include_in_schema=False)] = "",
    range_: Annotated[str, Header(alias="range", include_in_schema=False)] = "",
) -> Response:
    """The file as it was added, or a range of its bytes."""
    etag = f'"{key}"'
    headers = {"ETag": etag, "Cache-Control": _FOREVER}
    with here.desk.using() as desk:
        if _has(if_none_match, etag):
            picture_of(desk, key)
            return Response(status_code=304, headers=headers)
        found = here.originals.find(desk, key, desk.limits.decode)
    if if_range and if_range != etag:
        range_ = ""
    return ranged(found, range_, headers)


def _has(if_none_match: str, etag: str) -> bool:
    """Whether the caller's cache has these bytes."""
    known = [one.strip().removeprefix("W/") for one in if_none_match.split(",")]
    return etag in known or "*" in known
