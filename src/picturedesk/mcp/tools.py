"""What an assistant may do with a desk: suggest, similar, tags, choose.

Answers are the JSON documents of the command line. Pictures are named by their content keys only:
an assistant repeats what it has read somewhere, so that no path and no address is ever opened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import Field

from picturedesk.desk import json_documents
from picturedesk.desk.asking import Asked
from picturedesk.desk.desk import Desk
from picturedesk.disk.artifacts import plain
from picturedesk.errors import BadInput, PicturedeskError
from picturedesk.web.access.roles import LOCAL, Caller, Role
from picturedesk.web.opened import OpenDesk

_LONGEST = 200_000  # characters of a text
_WORD = 200  # characters of a keyword
_SEVERAL = 20  # keywords, pictures

Key = Annotated[
    str, Field(pattern="^[0-9a-f]{32}$", description="content key of a picture, from an answer")
]
Count = Annotated[int, Field(ge=1, le=50, description="how many, at most")]
Where = Annotated[
    str,
    Field(
        max_length=10_000,
        description="SQL condition on the columns key, uri, caption, credit, licence, date, tags "
        "and others, e.g. \"licence = 'cc0' AND has_tag(tags, 'sea')\"; empty for all pictures",
    ),
]
Story = Annotated[str, Field(min_length=1, max_length=_LONGEST)]
Keywords = Annotated[
    list[Annotated[str, Field(max_length=_WORD)]],
    Field(max_length=_SEVERAL, description="words that captions, tags and pictures should have"),
]
Keys = Annotated[list[Key], Field(max_length=_SEVERAL)]
Answer = dict[str, Any]


class Tools:
    """The tools on one desk.

    Args:
        desk: open.
    """

    def __init__(self, desk: OpenDesk) -> None:
        self._desk = desk

    @property
    def reading(self) -> tuple[Callable[..., Answer], ...]:
        """Those that change nothing."""
        return (self.suggest, self.similar, self.tags)

    def suggest(
        self,
        text: Story,
        context: Context,
        k: Count = 5,
        where: Where = "",
        keywords: Keywords | None = None,
        like: Keys | None = None,
    ) -> Answer:
        """Suggest pictures of the desk for a text, the best first.

        Each has its file (uri), caption, credit, licence, the chance that it is the right one, and
        archive texts that speak for it. "doubt" says why there may be no good picture.
        """
        with self._for(context, Role.READER) as desk:
            if not keywords and not like:
                return _document(json_documents.answer(desk.suggest(text, k, where=where)))
            for key in like or ():
                _check(desk, key)
            asked = Asked(texts=(text,), like=tuple(like or ()), keywords=tuple(keywords or ()))
            return _document(json_documents.answer(desk.suggest(asked, k, where=where)))

    def similar(self, picture: Key, context: Context, k: Count = 5, where: Where = "") -> Answer:
        """Show the pictures of the desk that are most like one of them."""
        with self._for(context, Role.READER) as desk:
            _check(desk, picture)
            return _document(json_documents.similar(picture, desk.similar(picture, k, where)))

    def tags(self, picture: Key, context: Context, k: Count = 10) -> Answer:
        """Tell which words of the archive's texts a picture shows, each with its probability."""
        with self._for(context, Role.READER) as desk:
            _check(desk, picture)
            return _document(json_documents.tags([picture], [desk.tags(picture, k)]))

    def choose(
        self,
        text: Story,
        picture: Key,
        context: Context,
        rejected: Annotated[
            list[Key],
            Field(max_length=1000, description="pictures that were seen and not taken"),
        ]
        | None = None,
    ) -> Answer:
        """Store that this picture was taken for this text. The desk learns from it at once.

        Only for a decision that a person has made.
        """
        caller = caller_of(context)
        with self._for(context, Role.EDITOR) as desk:
            return _document(desk.choose(text, picture, rejected or [], caller.name))

    @contextmanager
    def _for(self, context: Context, role: Role) -> Iterator[Desk]:
        """The desk, for a caller of this role or a higher one; errors as the assistant reads them.

        Raises:
            ToolError: the caller may not, or the desk cannot.
        """
        caller = caller_of(context)
        if caller.role < role:
            raise ToolError(f"this needs a key with the role {role.word}: ask for one")
        try:
            with self._desk.using() as desk:
                yield desk
        except PicturedeskError as error:
            raise ToolError(str(error)) from None


def caller_of(context: Context) -> Caller:
    """Who asks: whose key came with the request; the user of this machine where none can come."""
    request = context.request_context.request
    if request is None:
        return LOCAL
    caller: Caller = request.scope["state"]["caller"]
    return caller


def _document(answer: object) -> Answer:
    document: Answer = plain(answer)
    return document


def _check(desk: Desk, key: str) -> None:
    """Raises BadInput unless the catalogue has the picture: a key is never opened as a file."""
    if not desk.catalogue.find([key]):
        raise BadInput(f"no picture has the key {key}: take one from an answer")
