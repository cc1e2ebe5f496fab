"""The verb keys: who may ask the server of a desk."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from picturedesk.cli import show
from picturedesk.cli.options import DeskOption, JsonOption
from picturedesk.errors import BadInput

if TYPE_CHECKING:
    from picturedesk.types import Json
    from picturedesk.web.access.keys import Key


class Action(StrEnum):
    """What can be done with keys."""

    ADD = "add"
    LIST = "list"
    REMOVE = "remove"


class RoleWord(StrEnum):
    """What a key allows."""

    READER = "reader"
    EDITOR = "editor"
    ADMIN = "admin"


def keys(
    action: Annotated[
        Action, typer.Argument(metavar="add|list|remove", help="What to do.")
    ] = Action.LIST,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Whose key: a person or a program.")
    ] = "",
    role: Annotated[
        RoleWord,
        typer.Option(
            help="With add: reader asks; editor also decides, adds and changes pictures; admin "
            "also fits, measures and goes back.",
            metavar="reader|editor|admin",
        ),
    ] = RoleWord.READER,
    desk: DeskOption = Path("desk"),
    json: JsonOption = False,
) -> None:
    """Make, list or remove the keys of those who may ask the desk's server.

    A new key is shown once: the desk keeps only its hash. A key that is removed holds for no
    request after that.
    """
    from picturedesk.web.access.keys import Keys
    from picturedesk.web.access.roles import Role

    if (action is Action.LIST) == bool(name):
        wanted = "takes no name" if name else "needs a name"
        raise BadInput(f"keys {action.value} {wanted}")
    store = Keys.of(desk)
    secret = ""
    if action is Action.ADD:
        secret, made = store.add(name, Role[role.name])
        concerned = [made]
    elif action is Action.REMOVE:
        concerned = [store.remove(name)]
    else:
        concerned = list(store.all())
    if json:
        show.as_json(
            {"action": action.value, "key": secret, "keys": [_facts(k) for k in concerned]}
        )
        return
    _tell(action, secret, concerned)


def _tell(action: Action, secret: str, concerned: list[Key]) -> None:
    if action is Action.REMOVE:
        show.line(f"The key of {concerned[0].name} is removed")
        return
    for key in concerned:
        show.line(f"{key.name}  {key.role.word}  …{key.last}  made {key.made}")
    if action is Action.ADD:
        show.line(secret)
        show.note("this is shown once: keep it where passwords are kept")
    elif not concerned:
        show.note("the desk has no key: its server listens on this machine only")


def _facts(key: Key) -> Json:
    return {"name": key.name, "role": key.role.word, "made": key.made, "last": key.last}
