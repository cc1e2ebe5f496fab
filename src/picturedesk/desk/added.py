"""What users did to a catalogue stays when the desk is fitted again.

A fit replaces the archive's pictures. What users did is taken over from the fit before: pictures
that were added are copied, with their stored features; pictures that were removed stay out; fields
that were set by hand win over those of the archive. What happens during the fit is taken over at
its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from picturedesk.backbones.backbone import Backbone
from picturedesk.datasets.given import merged
from picturedesk.desk.folder import FitFolder
from picturedesk.desk.reading import see, shown_again
from picturedesk.errors import Mismatch, MissingArtefact
from picturedesk.routes import Blend
from picturedesk.store.catalogue import open_catalogue
from picturedesk.store.extraction import ExtractConfig, extract
from picturedesk.store.features import FeatureStore
from picturedesk.types import Catalogue, Changes, Picture, Rejection

_AT_ONCE = 20_000  # pictures of a transaction, whose vectors are in memory together


@dataclass(frozen=True, slots=True)
class _Done:
    """What users did to a catalogue.

    Attributes:
        added: the pictures that were added, by key.
        edited: other pictures with fields that were set by hand, by key.
        named: key → those fields.
        kept_out: keys of removed pictures.
    """

    added: dict[str, Picture] = field(default_factory=dict)
    edited: dict[str, Picture] = field(default_factory=dict)
    named: dict[str, frozenset[str]] = field(default_factory=dict)
    kept_out: frozenset[str] = frozenset()

    @classmethod
    def of(cls, path: Path | str) -> _Done:
        """Of the catalogue in a file, or at an address."""
        with closing(open_catalogue(path, make=False)) as catalogue:
            keys = catalogue.added(limit=catalogue.count())
            named = catalogue.named()
            edited = catalogue.find([*(named.keys() - set(keys))])
            return cls(catalogue.find(keys), edited, named, catalogue.kept_out())

    def known(self, key: str) -> Picture | None:
        """The record of an added or edited picture."""
        return self.added.get(key) or self.edited.get(key)

    def applied(self, picture: Picture) -> Picture:
        """A picture of the archive with the fields that were set by hand."""
        known = self.known(picture.key)
        return merged(picture, known, self.named.get(picture.key, ())) if known else picture


class Added:
    """What users did to the catalogue of the fit before.

    Args:
        path: of its catalogue; None if there is none, or it cannot be read.
        done: what they did.
        gone: keys of added pictures that cannot be copied.
        rejections: why.
    """

    def __init__(
        self,
        path: Path | str | None = None,
        done: _Done | None = None,
        gone: frozenset[str] = frozenset(),
        rejections: tuple[Rejection, ...] = (),
    ) -> None:
        self.rejections = rejections
        self._done = done or _Done()
        self._gone = gone
        self._path = path
        self._ours: dict[str, Picture] = {}  # the archive's

    @classmethod
    def of(
        cls,
        before: FitFolder | None,
        backbone: Backbone,
        store: FeatureStore,
        config: ExtractConfig,
    ) -> Added:
        """What was done since a fit; reads added pictures without stored features again."""
        if before is None:
            return cls()
        try:
            done = _Done.of(before.catalogue)
        except (MissingArtefact, Mismatch) as error:
            lost = Rejection(str(before.catalogue), str(error), "add again what was added")
            return cls(rejections=(lost,))
        missing = {key: picture for key, picture in done.added.items() if key not in store}
        found = extract([one.uri for one in missing.values()], backbone, store, config).keys
        gone = {key for key, picture in missing.items() if found.get(picture.uri) != key}
        rejections = tuple(
            Rejection(
                done.added[key].uri,
                "it was added, and the file is missing or has changed",
                "add it again",
            )
            for key in sorted(gone)
        )
        return cls(before.catalogue, done, frozenset(gone), rejections)

    def fill(
        self,
        catalogue: Catalogue,
        pictures: Sequence[Picture],
        blend: Blend,
        store: FeatureStore,
    ) -> None:
        """Fills a new catalogue with the archive's pictures and what users did.

        Args:
            catalogue: an empty one.
            pictures: N of the archive; of an added picture, its metadata count unless set by hand.
            blend: of the new fit.
            store: has the features of all pictures.
        """
        done = self._done
        self._ours = {picture.key: picture for picture in pictures}
        added = {key: picture for key, picture in done.added.items() if key not in self._gone}
        kept = [one for one in pictures if one.key not in done.kept_out]
        every = [*kept, *(one for key, one in added.items() if key not in self._ours)]
        for start in range(0, max(len(every), 1), _AT_ONCE):
            some = every[start : start + _AT_ONCE]
            keys = [picture.key for picture in some]
            seen = see(keys, blend, store)
            shown = shown_again([self._present(key, done) for key in keys], seen)
            by_add = {key for key in keys if key in added}
            named = {key: done.named[key] for key in keys if key in done.named}
            if start:
                catalogue.change(Changes(shown, seen.vectors, added=by_add, named=named))
                continue
            catalogue.replace_all(
                shown,
                seen.vectors,
                blend.fingerprint,
                added=by_add,
                named=named,
                kept_out=done.kept_out,
            )

    def catch_up(self, made: FitFolder, blend: Blend, store: FeatureStore) -> None:
        """Repeats what was done since ``of``, inside ``DeskFolder.changing``."""
        if self._path is None:
            return
        before, now = self._done, _Done.of(self._path)
        changed = [
            key
            for key in {**now.added, **now.edited}
            if now.known(key) != before.known(key) or now.named.get(key) != before.named.get(key)
        ]
        back = [key for key in before.kept_out - now.kept_out if key in self._ours]
        gone = [key for key in before.added if key not in now.added and key not in self._ours]
        out = sorted(now.kept_out - before.kept_out)
        put = [key for key in dict.fromkeys((*changed, *back)) if key not in now.kept_out]
        if not put and not gone and not out:
            return
        seen = see(put, blend, store)
        pictures = shown_again([self._present(key, now) for key in put], seen)
        with closing(open_catalogue(made.catalogue, make=False)) as catalogue:
            catalogue.change(Changes(removed=gone))
            catalogue.change(
                Changes(
                    pictures,
                    seen.vectors,
                    removed=out,
                    added=now.added.keys(),
                    named=now.named,
                    keep_out=True,
                )
            )

    def _present(self, key: str, done: _Done) -> Picture:
        """The record of a picture: the archive's with what was set by hand, or the added one."""
        ours = self._ours.get(key)
        return done.applied(ours) if ours is not None else done.added[key]
