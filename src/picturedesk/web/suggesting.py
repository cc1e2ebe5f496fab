"""Routes that ask the desk: pictures for texts and pictures, words and texts for a picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from picturedesk.desk import json_documents
from picturedesk.desk.asking import Asked
from picturedesk.desk.desk import Desk
from picturedesk.disk.artifacts import plain
from picturedesk.errors import BadInput, BadPicture
from picturedesk.explaining import Explanation
from picturedesk.images.kinds import recognise
from picturedesk.types import Json, Suggestions
from picturedesk.web.access import Role, needs
from picturedesk.web.bodies import (
    BYTES,
    FILE,
    LONGEST_TEXT,
    Sent,
    SimilarBody,
    SlotsBody,
    SuggestBody,
    TagsBody,
    TextsBody,
    a_file,
    body_of,
    described,
    form_of,
    with_file,
)
from picturedesk.web.describing import answers
from picturedesk.web.documents import MOST_BYTES, read_document
from picturedesk.web.here import Here, Served, answered
from picturedesk.web.markup import plain_text
from picturedesk.web.originals import picture_of
from picturedesk.web.problems import Refused
from picturedesk.web.uploads import Upload, check_picture, named

router = APIRouter(prefix="/v1", tags=["ask"], dependencies=[Depends(needs(Role.READER))])
_EXPLAINED = 10  # texts at once; each takes a thread for a second or more
_HEAD = 4096  # bytes that tell a picture from a text


@router.post(
    "/suggest",
    summary="Pictures for a text",
    responses=answers("SuggestAnswer"),
    openapi_extra=described(SuggestBody, file=True),
)
def suggest(
    here: Here, sent: Annotated[Sent[SuggestBody], Depends(with_file(SuggestBody))]
) -> Response:
    """The best pictures for a text, HTML or a file (text, HTML, DOCX, or a picture to resemble)."""
    said, file = sent.said, sent.file
    picture = file if file is not None and _is_picture(file) else None
    text, extracted = _text_of(said, None if picture else file)
    if sum(map(bool, (text, said.texts))) > 1:
        raise BadInput("give one text or several texts, not both")
    with here.desk.using() as desk, here.metrics.asking("suggest"), _own_name(picture):
        _require(desk, (*said.like, *said.unlike))
        if picture:
            check_picture(desk, picture, here.config.max_megapixels)
        if said.texts:
            return answered(_several(desk, said))
        like = (*said.like, *([str(picture.path)] if picture else ()))
        question = _question(said, text, like)
        found = _suggested(desk, said, question)
        document = json_documents.answer(found, _explained(desk, said, question, found))
    return answered(document | ({"text": text} if extracted else {}))


def _several(desk: Desk, said: SuggestBody) -> Json:
    if said.like or said.unlike or said.keywords:
        raise BadInput("several texts are asked alone, without pictures and keywords")
    if said.explain and len(said.texts) > _EXPLAINED:
        raise BadInput(f"explain goes with {_EXPLAINED} texts at most: ask for the others later")
    found = desk.suggest(said.texts, *_options(said))
    pairs = zip(said.texts, found, strict=True)
    return {
        "answers": [
            json_documents.answer(one, _explained(desk, said, text, one)) for text, one in pairs
        ]
    }


def _question(said: SuggestBody, text: str, like: Sequence[str]) -> str | Asked:
    if not (like or said.unlike or said.keywords):
        if not text:
            raise BadInput("nothing is asked: give a text, a file, a picture, or a keyword")
        return text
    if said.explain:
        raise BadInput("explain goes with one plain text: leave it, or what else is asked")
    texts = (text,) if text else ()
    return Asked(texts, tuple(like), tuple(said.unlike), tuple(said.keywords))


def _suggested(desk: Desk, said: SuggestBody, question: str | Asked) -> Suggestions:
    return desk.suggest(question, *_options(said))


def _options(
    said: SuggestBody,
) -> tuple[int, str, str, float, float, float, bool, list[str], str, str]:
    """The arguments of ``Desk.suggest`` after the text, in their order."""
    order = (said.diversity, said.fatigue, said.duplicates)
    rights: tuple[list[str], str, str] = ([*said.include], said.territory, said.today)
    return (said.k, said.route, said.where, said.min_confidence, *order, *rights)


def _explained(
    desk: Desk, said: SuggestBody, question: str | Asked, found: Suggestions
) -> Sequence[Explanation] | None:
    if not said.explain or isinstance(question, Asked):
        return None
    explained: Sequence[Explanation] = plain(desk.explain(question, found)) if found else []
    return explained


def _text_of(said: SuggestBody, file: Upload | None) -> tuple[str, bool]:
    """The text that is asked, and whether it was taken out of HTML or of a file."""
    given = [bool(said.text.strip()), bool(said.html.strip()), file is not None]
    if sum(given) > 1:
        raise BadInput("give one of text, html and a file")
    if file is not None:
        text = read_document(_bytes(file), file.name).text
    elif given[1]:
        text = plain_text(said.html)
    else:
        return said.text if given[0] else "", False
    if not text.strip():
        raise BadInput("there is no text in what was given")
    return text[:LONGEST_TEXT], True


def _bytes(file: Upload) -> bytes:
    if file.path.stat().st_size > MOST_BYTES:
        most = f"more than {MOST_BYTES / 1e6:g} megabytes"
        raise Refused(413, "Too large", f"{file.name} has {most}", "save the text alone")
    return file.path.read_bytes()


def _is_picture(file: Upload) -> bool:
    with file.path.open("rb") as opened:
        head = opened.read(_HEAD)
    try:
        recognise(head, file.name)
    except BadPicture:
        return False
    return True


def _require(desk: Desk, keys: Sequence[str]) -> None:
    for key in keys:
        picture_of(desk, key)


@contextmanager
def _own_name(file: Upload | None) -> Iterator[None]:
    """Names the caller's file in errors, not the server's."""
    try:
        yield
    except BadPicture as bad:
        raise named([file] if file else [], bad) from None


def _one_picture(here: Served, desk: Desk, key: str | None, file: Upload | None) -> str:
    """What names the picture for the desk: its key, or the file that came."""
    if (key is None) == (file is None):
        raise BadInput("give one picture: its key, or a file")
    if file is not None:
        check_picture(desk, file, here.config.max_megapixels)
        return str(file.path)
    picture_of(desk, str(key))
    return str(key)


@router.post(
    "/suggest/slots",
    summary="A picture for each passage of a story",
    responses=answers("SuggestSlotsDocument"),
    openapi_extra=described(SlotsBody),
)
def slots(here: Here, sent: Annotated[Sent[SlotsBody], Depends(with_file(SlotsBody))]) -> Response:
    """Divides a long story into passages; none of their pictures comes twice."""
    said = sent.said
    with here.desk.using() as desk, here.metrics.asking("slots"):
        found = desk.slots(
            *(said.text, said.slots, said.k, said.route, said.where, said.fatigue),
            *(said.include, said.territory, said.today),
        )
        return answered(json_documents.passages(found))


@router.post(
    "/similar",
    summary="More like a picture",
    responses=answers("SimilarDocument"),
    openapi_extra=described(SimilarBody, file=True),
)
def similar(
    here: Here, sent: Annotated[Sent[SimilarBody], Depends(with_file(SimilarBody))]
) -> Response:
    """The pictures that are most like one of the catalogue, or like a file."""
    said, file = sent.said, sent.file
    with here.desk.using() as desk, here.metrics.asking("similar"), _own_name(file):
        picture = _one_picture(here, desk, said.picture, file)
        found = desk.similar(
            *(picture, said.k, said.where, said.diversity, said.fatigue, said.duplicates),
            *(said.include, said.territory, said.today),
        )
    return answered(json_documents.similar(file.name if file else picture, found))


@router.post(
    "/tags",
    summary="Words that a picture shows",
    responses=answers("TagsDocument"),
    openapi_extra=described(TagsBody, file=True),
)
def tags(here: Here, sent: Annotated[Sent[TagsBody], Depends(with_file(TagsBody))]) -> Response:
    """The words of the archive that a picture shows, the most telling first."""
    said, file = sent.said, sent.file
    with here.desk.using() as desk, here.metrics.asking("tags"), _own_name(file):
        picture = _one_picture(here, desk, said.picture, file)
        found = desk.tags([picture], said.most)
    return answered(json_documents.tags([file.name if file else picture], found))


@router.post(
    "/texts",
    summary="Texts for a picture",
    responses=answers("TextsDocument"),
    openapi_extra=described(TextsBody, file=True),
)
def texts(here: Here, sent: Annotated[Sent[TextsBody], Depends(with_file(TextsBody))]) -> Response:
    """The texts of the archive that suit a picture best, or those of the texts that are given."""
    said, file = sent.said, sent.file
    with here.desk.using() as desk, here.metrics.asking("texts"), _own_name(file):
        picture = _one_picture(here, desk, said.picture, file)
        found = desk.texts(picture, said.k, said.texts)
    return answered(json_documents.texts(file.name if file else picture, found))


@router.post(
    "/documents",
    summary="The text of a file",
    responses=answers("Document"),
    openapi_extra=body_of(form_of({FILE: BYTES}, (FILE,))),
)
def documents(file: Annotated[Upload, Depends(a_file)]) -> Response:
    """The words of a text, HTML or DOCX file, for an editor to go on with."""
    return answered(read_document(_bytes(file), file.name))
