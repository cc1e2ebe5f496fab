"""Adds pictures to a desk, or updates those that it has.

A second addition of a picture updates the fields that its source names, and leaves the others.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import picturedesk.checks as checks
from picturedesk.datasets.given import Given, merged
from picturedesk.desk.facade.parts import opened_again
from picturedesk.desk.optimizing import keep_fast
from picturedesk.desk.reading import Reader, Seen, reading, shown_again
from picturedesk.disk.tar_members import absolute
from picturedesk.store.sources import is_there
from picturedesk.types import Catalogue, Changes, Picture, Progress, Rejection

if TYPE_CHECKING:
    from picturedesk.datasets import Columns
    from picturedesk.desk.facade.keeping import Keeping
    from picturedesk.store.extraction import ExtractConfig


@dataclass(frozen=True, slots=True)
class Addition:
    """The result of ``Desk.add``.

    Attributes:
        new: pictures that were new to the catalogue.
        updated: pictures that were in the catalogue, whose named fields were replaced.
        read: files whose bytes were read; the others were known by path, size and time.
        rejections: files that were left out.
        catalogue: pictures in the catalogue now.
    """

    new: int
    updated: int
    read: int
    rejections: tuple[Rejection, ...]
    catalogue: int


@dataclass(frozen=True, slots=True)
class Told:
    """All that one call says of a picture.

    Attributes:
        picture: with its key.
        named: the fields and own columns that were named.
        uris: names of its bytes.
    """

    picture: Picture
    named: frozenset[str]
    uris: tuple[str, ...]


def add(
    desk: Keeping,
    pictures: str | Path | Sequence[Picture],
    progress: Progress,
    config: ExtractConfig,
    columns: Columns | None = None,
) -> Addition:
    """See ``Desk.add``."""
    given, command = _given(pictures, columns)
    uris = [picture.uri for picture in given.pictures]
    with reading(desk.folder, desk.blend, config, progress) as reader:
        extraction = reader.read(uris)
        told = told_of(given, extraction.keys)
        known = desk.catalogue.find([*told])
        seen = reader.see([key for key in told if key not in known])
        rejections = given.rejections + extraction.rejections
        with desk.folder.changing():
            current = desk.folder.is_current(desk.fitted)
            if current:
                new = desk.catalogue.change(_changes(desk.catalogue, told, seen, reader))
                list_rejected(desk, rejections, command, uris)
    if not current:  # another fit became current; the features are in the store
        with opened_again(desk) as again:
            return replace(again.add(pictures, progress, config, columns), read=extraction.read)
    keep_fast(desk.catalogue, desk.blend)
    return Addition(
        new=new,
        updated=len(told) - new,
        read=extraction.read,
        rejections=rejections,
        catalogue=desk.catalogue.count(),
    )


def list_rejected(
    desk: Keeping, rejected: Sequence[Rejection], command: str, tried: Sequence[str]
) -> None:
    """Brings ``rejected.csv`` up to date."""
    from picturedesk.store.rejected import write_rejections

    again = command != "add"  # without a path, another add may try other pictures
    write_rejections(desk.fitted.rejected, rejected, command, tried, again)


def told_of(given: Given, keys: Mapping[str, str]) -> dict[str, Told]:
    """By key, what is said of each picture that could be read.

    Args:
        given: may name the same bytes several times.
        keys: uri → key of the pictures that could be read.
    """
    told: dict[str, Told] = {}
    for picture, named in zip(given.pictures, given.fields, strict=True):
        key = keys.get(picture.uri)
        if key is None:
            continue
        before = told.get(key)
        if before is None:
            told[key] = Told(replace(picture, key=key), named, (picture.uri, *picture.names))
        else:
            new = named - before.named  # of two words about the same bytes the first counts
            told[key] = Told(
                merged(before.picture, picture, new),
                before.named | new,
                tuple(dict.fromkeys((*before.uris, picture.uri, *picture.names))),
            )
    return told


def placed(picture: Picture, uris: Collection[str]) -> Picture:
    """The picture under the names of its bytes that are there; it is missing if none is.

    Args:
        picture: with the names that were known.
        uris: names that are there for certain.
    """
    certain = {absolute(uri): uri for uri in uris}
    names = {absolute(uri): uri for uri in (picture.uri, *picture.names)} | certain
    there = [uri for path, uri in names.items() if path in certain or is_there(uri)]
    if not there:
        return replace(picture, missing=True)
    several = tuple(there) if len(there) > 1 else ()
    return replace(picture, uri=there[0], names=several, missing=False)


def _given(pictures: str | Path | Iterable[Picture], columns: Columns | None) -> tuple[Given, str]:
    """The pictures, and the command that rejected.csv names."""
    from picturedesk.datasets import absolute_spec, given_pictures

    if isinstance(pictures, str | Path):
        return given_pictures(pictures, columns), f"add {absolute_spec(pictures)}"
    return Given.of(checks.several_of("pictures", pictures, Picture)), "add"


def _changes(catalogue: Catalogue, told: Mapping[str, Told], seen: Seen, reader: Reader) -> Changes:
    """The changes of the catalogue, inside ``DeskFolder.changing``."""
    known = catalogue.find([*told])
    new = [key for key in told if key not in known]
    if not {*new} <= {*seen.keys}:  # some were removed meanwhile
        seen = reader.see(new)
    updated = [
        placed(merged(picture, told[key].picture, told[key].named), told[key].uris)
        for key, picture in known.items()
    ]
    fresh = [placed(replace(told[key].picture, names=()), told[key].uris) for key in new]
    return Changes(
        shown_again(fresh, seen),
        seen.vector_rows(new),
        updated=updated,
        added=told.keys(),
        named={key: one.named for key, one in told.items()},
    )
