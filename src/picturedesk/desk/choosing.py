"""Editors' choices in a desk: the archive memory follows the log, and a fit learns from it.

The log (``store.choices``) is the truth. In the archive memory, a choice is a text of its own with
the picture that was taken, so that the transfer route knows it at the next query. What the log has
and the memory lacks, after a kill or in a new fit, is put there by ``follow``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from picturedesk.heads.matcher import Matcher
from picturedesk.store.archive_memory import ArchiveMemory, ArchiveText, excerpt
from picturedesk.store.features import FeatureStore
from picturedesk.types import Archive, Catalogue, Changes, Choice, Ints, Picture, Rejection, Text

_PREFIX = "choice:"  # of the ids of texts that come from the log


def text_id(choice: Choice) -> str:
    """The id of a choice's text among those of the archive."""
    return f"{_PREFIX}{choice.number}"


def is_choice(identifier: str) -> bool:
    """Whether a text's id is that of a choice."""
    return identifier.startswith(_PREFIX)


def follow(
    memory: ArchiveMemory, matcher: Matcher, store: FeatureStore, choices: Sequence[Choice]
) -> int:
    """Makes an archive memory agree with the log; a second call changes nothing.

    Args:
        memory: of the matcher.
        matcher: places texts and pictures.
        store: has the level features of the pictures; a choice whose picture it lacks is left out.
        choices: of the log, those that were taken back included.

    Returns:
        How many choices were new to the memory.
    """
    rows = memory.text_rows([text_id(choice) for choice in choices])
    known = dict(zip(choices, rows.tolist(), strict=True))
    gone = [choice for choice, row in known.items() if choice.undone and row >= 0]
    if gone:
        linked = memory.links_of(np.array([known[choice] for choice in gone], dtype=np.int64))
        linked_rows = set(linked[:, 0].tolist())
        for choice in gone:
            if known[choice] in linked_rows:
                memory.remove(text_id(choice), choice.picture)
    new = [
        choice
        for choice, row in known.items()
        if row < 0 and not choice.undone and choice.picture in store
    ]
    if new:
        _remember(memory, matcher, store, new)
    return len(new)


def _remember(
    memory: ArchiveMemory, matcher: Matcher, store: FeatureStore, choices: Sequence[Choice]
) -> None:
    keys = list(dict.fromkeys(choice.picture for choice in choices))
    place = {key: index for index, key in enumerate(keys)}
    archived = _archived(memory, keys)
    records = [archived.get(key) or Picture(uri="", key=key) for key in keys]
    texts = [choice.text for choice in choices]
    memory.add(
        [ArchiveText(text_id(choice), excerpt(choice.text)) for choice in choices],
        matcher.placed(matcher.text_encoder.encode(texts)),
        None,
        records,
        matcher.pictures(store.read(keys), keys),
        np.array([(index, place[one.picture]) for index, one in enumerate(choices)], np.int64),
    )


def _archived(memory: ArchiveMemory, keys: Sequence[str]) -> dict[str, Picture]:
    """By key, the records of those pictures that the archive memory has."""
    rows = memory.picture_rows(keys)
    return {picture.key: picture for picture in memory.pictures(rows[rows >= 0])}


def counted(
    catalogue: Catalogue, memory: ArchiveMemory, keys: Iterable[str], valid: Sequence[Choice]
) -> None:
    """Notes in the catalogue how often pictures ran, and when last, by archive and choices.

    Args:
        catalogue: with the pictures; keys that it lacks are left out.
        memory: its records have what the archive says.
        keys: of the pictures.
        valid: all choices that were not taken back.
    """
    found = catalogue.find(list(keys))
    archived, nothing = _archived(memory, list(found)), Picture(uri="")
    times: dict[str, list[str]] = {key: [] for key in found}
    for choice in valid:
        if choice.picture in times:
            times[choice.picture].append(choice.time)
    updated = [
        _used(picture, archived.get(key, nothing), times[key]) for key, picture in found.items()
    ]
    catalogue.change(Changes(updated=updated))


def _used(picture: Picture, archived: Picture, times: Sequence[str]) -> Picture:
    return replace(
        picture,
        uses=archived.uses + len(times),
        last_used=max([archived.last_used, *times]),
    )


def with_choices(
    archive: Archive, choices: Sequence[Choice], pictures: Mapping[str, Picture]
) -> Archive:
    """An archive with editors' choices as texts of its training part, which count more.

    Args:
        archive: as read.
        choices: that were not taken back.
        pictures: by key, those that were taken or passed over, as the catalogue has them. A choice
            whose picture is not there is left out.
    """
    place = {picture.uri: index for index, picture in enumerate(archive.pictures)}
    shown = list(archive.pictures)

    def index_of(key: str) -> int:
        picture = pictures[key]
        if picture.uri not in place:
            place[picture.uri] = len(shown)
            shown.append(picture)
        return place[picture.uri]

    first = len(archive.texts)
    kept = [choice for choice in choices if choice.picture in pictures]
    links = [(first + n, index_of(choice.picture)) for n, choice in enumerate(kept)]
    against = [
        (first + n, index_of(key))
        for n, choice in enumerate(kept)
        for key in choice.rejected
        if key in pictures
    ]
    lost = tuple(
        Rejection(
            f"choice {choice.number}",
            "its picture is not in the catalogue",
            "add the picture again, or take the choice back",
        )
        for choice in choices
        if choice.picture not in pictures
    )
    texts = tuple(Text(text_id(one), one.text, date=one.time, decided=True) for one in kept)
    names = tuple(text.id for text in texts) if archive.groups else ()
    return replace(
        archive,
        texts=archive.texts + texts,
        pictures=tuple(shown),
        links=_joined(archive.links, links),
        parts=archive.parts + ("train",) * len(texts),
        groups=archive.groups + names,
        rejections=archive.rejections + lost,
        against=_joined(archive.against, against),
    )


def _joined(pairs: Ints, more: Sequence[tuple[int, int]]) -> Ints:
    return np.concatenate([pairs, np.array(more, dtype=np.int64).reshape(-1, 2)])
