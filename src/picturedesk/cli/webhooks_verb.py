"""The verb webhooks: which addresses are told of choices."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from picturedesk.cli import show
from picturedesk.cli.options import DeskOption, JsonOption
from picturedesk.errors import BadInput

if TYPE_CHECKING:
    from picturedesk.desk.announcing import Address
    from picturedesk.types import Json


class Action(StrEnum):
    """What can be done with addresses."""

    ADD = "add"
    LIST = "list"
    REMOVE = "remove"


def webhooks(
    action: Annotated[
        Action, typer.Argument(metavar="add|list|remove", help="What to do.")
    ] = Action.LIST,
    url: Annotated[
        str,
        typer.Argument(metavar="URL", help="Of a server that takes POST; https, or this machine."),
    ] = "",
    desk: DeskOption = Path("desk"),
    json: JsonOption = False,
) -> None:
    """Add, list or remove the addresses that are told of choices.

    Each choice from then on, and each that is taken back, is sent there by picturedesk serve,
    signed with the secret that is shown once, until the address takes it (docs/security.md).
    """
    from picturedesk.desk.announcing import Addresses

    if (action is Action.LIST) == bool(url):
        wanted = "takes no address" if url else "needs an address"
        raise BadInput(f"webhooks {action.value} {wanted}")
    store = Addresses.of(desk)
    if action is Action.ADD:
        concerned = [store.add(url)]
    elif action is Action.REMOVE:
        concerned = [store.remove(url)]
    else:
        concerned = store.all()
    secret = concerned[0].secret if action is Action.ADD else ""
    if json:
        told = [_facts(address) for address in concerned]
        show.as_json({"action": action.value, "secret": secret, "addresses": told})
        return
    _tell(action, secret, concerned)


def _tell(action: Action, secret: str, concerned: list[Address]) -> None:
    if action is Action.REMOVE:
        show.line(f"{concerned[0].url} is told no more")
        return
    for address in concerned:
        show.line(f"{address.url}  since {address.made}")
    if action is Action.ADD:
        show.line(secret)
        show.note("this secret is shown once: the receiver checks signatures with it")
    elif not concerned:
        show.note("no address is told of choices")


def _facts(address: Address) -> Json:
    return {"url": address.url, "made": address.made}
