"""Stores editors' decisions: the log first, then the archive memory and the catalogue follow.

All that changes a desk happens inside its lock for changes. A kill between the two leaves the log
ahead; whatever is decided next, and the next fit, lets the others follow.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import picturedesk.checks as checks
from picturedesk.desk.announcing import Addresses, announce
from picturedesk.desk.choosing import counted, follow, with_choices
from picturedesk.desk.folder import DeskFolder, FitFolder
from picturedesk.disk.tar_members import absolute
from picturedesk.errors import BadInput
from picturedesk.heads.matcher import Matcher
from picturedesk.store.archive_memory import ArchiveMemory
from picturedesk.store.catalogue import open_catalogue
from picturedesk.store.choices import ChoiceLog
from picturedesk.store.features import FeatureStore
from picturedesk.types import Archive, Catalogue, Choice, Picture, Suggestion

Named = str | Path | Picture | Suggestion
"""A picture: its content key, one of its paths, or a record of it."""


def now() -> str:
    """This moment, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def keys_of(catalogue: Catalogue, named: Sequence[Named]) -> list[str]:
    """Content keys of pictures of the catalogue, in their order.

    Raises:
        BadInput: one is not in the catalogue.
    """
    names = [_name(one) for one in named]
    there = catalogue.find(names)
    if len(there) < len(set(names)):
        by_place = {place: key for key, places in catalogue.places().items() for place in places}
    else:
        by_place = {}
    found = []
    for name in names:
        key = name if name in there else by_place.get(name) or by_place.get(absolute(name))
        if key is None:
            raise BadInput(f"{name} is not in the catalogue: picturedesk list shows what is")
        found.append(key)
    return found


def _name(given: Named) -> str:
    if isinstance(given, Suggestion):
        return given.picture.key
    return given.key if isinstance(given, Picture) else str(checks.path("picture", given))


def decide(
    folder: DeskFolder,
    fitted: FitFolder,
    matcher: Matcher,
    choice: Choice | None = None,
    undone: int = 0,
) -> Choice:
    """Writes a decision, or takes one back, inside ``DeskFolder.changing``.

    Args:
        folder: of the desk.
        fitted: its current fit.
        matcher: of this fit.
        choice: the decision; None to take one back.
        undone: number of the decision to take back.
    """
    if choice is None and not folder.choices.exists():
        raise BadInput(f"there is no choice {undone}: nothing has been chosen yet")
    urls = [address.url for address in Addresses(folder).all()]
    with ChoiceLog.open(folder.choices) as log:
        written = log.add(choice) if choice is not None else log.undo(undone)
        apply_choices(folder, fitted, matcher, _all(log), [written.picture])
        if urls:
            announce(folder, fitted, log, written, urls)
    return written


def apply_choices(
    folder: DeskFolder,
    fitted: FitFolder,
    matcher: Matcher,
    choices: Sequence[Choice],
    keys: Iterable[str],
) -> None:
    """Lets a fit's archive memory and catalogue follow the log, inside ``DeskFolder.changing``.

    Args:
        folder: of the desk.
        fitted: the fit.
        matcher: of the fit.
        choices: of the log, those that were taken back included.
        keys: of the pictures whose use is counted anew.
    """
    with (
        FeatureStore.open(folder.features) as store,
        ArchiveMemory.open(fitted.memory, matcher.fingerprint) as memory,
        closing(open_catalogue(fitted.catalogue, make=False)) as catalogue,
    ):
        follow(memory, matcher, store, choices)
        counted(catalogue, memory, keys, [choice for choice in choices if not choice.undone])


def follow_choices(folder: DeskFolder, fitted: FitFolder, matcher: Matcher) -> None:
    """Lets a fit follow all choices of the desk, inside ``DeskFolder.changing``."""
    if folder.choices.exists():
        with ChoiceLog.open(folder.choices, make=False) as log:
            choices = _all(log)
        keys = {choice.picture for choice in choices}
        apply_choices(folder, fitted, matcher, choices, keys)


def _all(log: ChoiceLog) -> list[Choice]:
    return log.page(limit=len(log))


def including_choices(folder: DeskFolder, archive: Archive) -> Archive:
    """The archive with the choices of a desk that is fitted again; as it is without any."""
    if not folder.choices.exists() or not folder.pointer.exists():
        return archive
    with ChoiceLog.open(folder.choices, make=False) as log:
        choices = log.valid()
    if not choices:
        return archive
    keys = dict.fromkeys(key for one in choices for key in (one.picture, *one.rejected))
    with closing(open_catalogue(folder.require().catalogue, make=False)) as catalogue:
        return with_choices(archive, choices, catalogue.find(list(keys)))
