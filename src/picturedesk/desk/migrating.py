"""Moves the catalogue of a desk's current fit to another engine, and back.

Pictures are copied page by page, and the desk remembers the new place when all are there and a
comparison finds no difference: one step, before which everything answers from the old place. A
killed migration is continued by the same command; what is there already is not copied again.
Nothing is removed from the old place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass

import numpy as np

from picturedesk.desk.folder import DeskFolder, FitFolder, address_for
from picturedesk.disk.artifacts import read_record, write_record
from picturedesk.errors import BadInput, Mismatch, MissingArtefact, PicturedeskError
from picturedesk.heads.matcher import Matcher
from picturedesk.routes import Blend
from picturedesk.routes.captions import catalogue_words
from picturedesk.store.catalogue import MILVUS, open_catalogue
from picturedesk.texts.words import words
from picturedesk.types import Catalogue, Changes, Doubles, Entries, Picture, Progress, silent

SQLITE = "sqlite"
_KIND = "migration"
_PAGE = 2000  # pictures that are copied in one change
_ASKED = 5  # vectors that are searched for in both places, to compare the answers


@dataclass(frozen=True, slots=True)
class Migration:
    """The result of a migration.

    Attributes:
        before: where the catalogue was: a path, or an address.
        now: where it is.
        pictures: how many it has.
        copied: how many were copied this time.
        kept: how many were there already, from a migration that was killed or an earlier one.
        removed: how many were there and are in the catalogue no more.
    """

    before: str
    now: str
    pictures: int
    copied: int
    kept: int
    removed: int


@dataclass(slots=True)
class _Counts:
    copied: int = 0
    kept: int = 0
    removed: int = 0


def migrate(folder: DeskFolder, to: str, progress: Progress = silent) -> Migration:
    """See ``Desk.migrate``."""
    with folder.fitting():
        current = folder.require()
        at = _target(to, current)
        target = FitFolder(current.root, at)
        if target.catalogue == current.catalogue:
            raise BadInput(f"the catalogue of {folder.root} is at {to} already")
        blend = Blend.load(current.blend, Matcher.load(current.matcher))
        owner = (blend.fingerprint, blend.layout.width)
        with (
            closing(open_catalogue(current.catalogue, *owner, make=False)) as old,
            _opened(target, owner) as new,
        ):
            counts = _Counts()
            _copy(old, new, counts, progress)
            with folder.changing():
                if not folder.is_current(current):
                    raise PicturedeskError(f"{folder.root} has changed meanwhile: run again")
                again = _Counts()
                _copy(old, new, again, progress)  # what was changed meanwhile; usually nothing
                _compare(old, new)
                current.keep_at(at)
                current.migrating.unlink(missing_ok=True)
                folder.repoint()
                pictures = new.count()
    copied = counts.copied + again.copied
    removed = counts.removed + again.removed
    kept = max(0, pictures - copied)
    return Migration(str(current.catalogue), str(target.catalogue), pictures, copied, kept, removed)


def _target(to: str, current: FitFolder) -> str:
    if to == SQLITE:
        return ""
    if not to.startswith(MILVUS):
        raise BadInput(
            f"{to[:200]!r} is no place for a catalogue: there are {SQLITE}, for a file in the "
            "desk, and addresses such as milvus://HOST:PORT/NAME"
        )
    return address_for(to, current.root.name)


@contextmanager
def _opened(target: FitFolder, owner: tuple[str, int]) -> Iterator[Catalogue]:
    """The new catalogue, marked as one that is being filled."""
    goes_on = target.migrating.exists() and _marked(target) == str(target.catalogue)
    with closing(open_catalogue(target.catalogue, *owner)) as new:
        if target.at and not goes_on and new.count():
            raise BadInput(
                f"{target.at} has {new.count()} pictures: choose another name, or open the desk "
                f'with Desk(…, catalogue="{target.at}") to use them'
            )
        write_record(target.migrating, _KIND, {"to": str(target.catalogue)})
        yield new


def _marked(target: FitFolder) -> str:
    try:
        return str(read_record(target.migrating, _KIND)["to"])
    except (MissingArtefact, Mismatch, KeyError):
        return ""


@dataclass(frozen=True, slots=True)
class _Marks:
    """What a catalogue notes of its pictures."""

    added: frozenset[str]
    named: dict[str, frozenset[str]]

    @classmethod
    def of(cls, catalogue: Catalogue) -> _Marks:
        return cls(frozenset(catalogue.added(limit=catalogue.count())), catalogue.named())

    def equal(self, other: _Marks, key: str) -> bool:
        """Whether both note the same of a picture."""
        alike = (key in self.added) == (key in other.added)
        return alike and self.named.get(key) == other.named.get(key)


def _copy(old: Catalogue, new: Catalogue, counts: _Counts, progress: Progress) -> None:
    """Makes the new catalogue equal to the old one."""
    counts.removed += _keep_out(old, new)
    marks, there = _Marks.of(old), _Marks.of(new)
    done, total, after = 0, old.count(), ""
    progress(0, total, "pictures")
    while True:
        keys = old.keys(after, _PAGE)
        entries = old.fetch(keys)
        last = keys[-1] if len(keys) == _PAGE else ""
        same = _equal(entries, new, marks, there)
        present = _keys_between(new, after, last)
        chosen = [place for place, key in enumerate(keys) if key not in same]
        gone = sorted(present - set(keys))
        replaced = [keys[place] for place in chosen if keys[place] in present]
        if chosen or gone:
            new.change(
                Changes(
                    [entries.pictures[place] for place in chosen],
                    entries.vectors[chosen],
                    removed=[*gone, *replaced],
                    added=marks.added,
                    named=marks.named,
                )
            )
        counts.copied += len(chosen)
        counts.removed += len(gone)
        done += len(keys)
        progress(done, total, "pictures")
        if not last:
            return
        after = last


def _keep_out(old: Catalogue, new: Catalogue) -> int:
    """Lets the same pictures stay out of the new catalogue; returns how many it had of them.

    A catalogue keeps out only what was there: placeholders are added and removed again, where
    nobody reads them.
    """
    wanted, there = old.kept_out(), new.kept_out()
    out, back = sorted(wanted - there), sorted(there - wanted)
    if not out and not back:
        return 0
    known = new.find([*out, *back])
    placeholders = [Picture("", key) for key in (*out, *back) if key not in known]
    nothing = np.zeros((len(placeholders), new.width), dtype=np.float32)
    new.change(Changes(placeholders, nothing))
    new.change(Changes(removed=out, keep_out=True))
    new.change(Changes(removed=back))
    return len(known)


def _equal(entries: Entries, new: Catalogue, marks: _Marks, there: _Marks) -> set[str]:
    """Keys of the entries that the new catalogue has exactly so."""
    known = new.find([picture.key for picture in entries.pictures])
    alike = [
        (picture.key, place)
        for place, picture in enumerate(entries.pictures)
        if known.get(picture.key) == picture and marks.equal(there, picture.key)
    ]
    fetched = new.fetch([key for key, _ in alike]).vectors
    return {
        key
        for (key, place), vector in zip(alike, fetched, strict=True)
        if vector.tobytes() == entries.vectors[place].tobytes()
    }


def _keys_between(catalogue: Catalogue, after: str, last: str) -> set[str]:
    """All keys above ``after``, up to ``last``; "" for no end."""
    found: set[str] = set()
    while page := catalogue.keys(after, _PAGE):
        found |= {key for key in page if not last or key <= last}
        if last and page[-1] >= last:
            break
        after = page[-1]
    return found


def _compare(old: Catalogue, new: Catalogue) -> None:
    """Raises PicturedeskError unless both catalogues say and find the same."""
    some = old.sample(_ASKED)
    said = [word for picture in some.pictures for word in words(catalogue_words(picture))]
    asked: dict[str, Callable[[Catalogue], object]] = {
        "the number of pictures": lambda one: one.count(),
        "columns": lambda one: one.columns(),
        "names of files": lambda one: one.places(),
        "what users set": lambda one: one.named(),
        "what was added": lambda one: one.added(limit=one.count()),
        "what stays out": lambda one: one.kept_out(),
        "the nearest pictures": lambda one: [
            _said(found.entries.pictures, found.scores) for found in one.nearest(some.vectors, 20)
        ],
        "matching words": lambda one: [
            picture.key for picture in one.matching(said, 20).entries.pictures
        ],
    }
    for what, ask in asked.items():
        if ask(old) != ask(new):
            raise PicturedeskError(
                f"{what} differ between the two places: the desk stays where it was; run again"
            )


def _said(pictures: Sequence[Picture], scores: Doubles) -> list[tuple[str, float]]:
    return [(picture.key, score) for picture, score in zip(pictures, scores.tolist(), strict=True)]
