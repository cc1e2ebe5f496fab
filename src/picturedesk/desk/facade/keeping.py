"""A desk's catalogue: pictures come, change, go, and are found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import picturedesk.checks as checks
from picturedesk.desk.facade.parts import DeskParts
from picturedesk.errors import BadInput
from picturedesk.types import (
    Cell,
    Picture,
    Progress,
    Rejection,
    Suggestion,
    silent,
)

if TYPE_CHECKING:
    from picturedesk.datasets import Columns
    from picturedesk.desk.adding import Addition
    from picturedesk.desk.deciding import Named
    from picturedesk.desk.life_cycle import Hit, Removal
    from picturedesk.desk.migrating import Migration
    from picturedesk.desk.optimizing import Optimized
    from picturedesk.desk.syncing import Sync
    from picturedesk.store.extraction import ExtractConfig


class Keeping(DeskParts):
    """Changes and lists the catalogue; see ``Desk``."""

    def add(
        self,
        pictures: str | Path | Sequence[Picture],
        progress: Progress = silent,
        extract: ExtractConfig | None = None,
        columns: Columns | None = None,
    ) -> Addition:
        """Adds pictures to the catalogue, or updates them; reads only new or changed files.

        Of a picture that the catalogue has, the fields that its source names are replaced, and the
        others stay: a table names those that it has columns for, a folder or file none, Picture
        records those that differ from an empty one. What was set so outlives a fit. Files with
        equal bytes are one picture, with all their names. One transaction.

        ``rejected.csv`` lists files that were left out, until they are added or are gone.

        Args:
            pictures: a folder, a picture file, a table with metadata, or Picture records.
            progress: called as pictures are read.
            extract: limits for this call; None for those of the fit.
            columns: names of a table's columns, if they are not the usual ones.
        """
        from picturedesk.desk.adding import add

        return add(self, pictures, progress, self._reads(progress, extract), columns)

    def sync(
        self,
        folder: str | Path,
        prune: bool = False,
        progress: Progress = silent,
        extract: ExtractConfig | None = None,
    ) -> Sync:
        """Brings the catalogue in line with a folder; pictures elsewhere are left alone.

        New files are added. Moved and renamed files are known by their bytes and not read through
        the network again; the same bytes under several names are listed once, with all names. A
        file that has other bytes than before keeps its metadata. A picture whose last file is gone
        is marked as missing and no longer suggested; it comes back when its file does. Pictures
        that were removed stay out.

        Args:
            folder: with its sub-folders.
            prune: remove pictures whose files are gone instead of marking them.
            progress: called as pictures are read.
            extract: limits for this call; None for those of the fit.

        Raises:
            BadInput: the folder does not exist; or ``prune`` and it has no picture.
        """
        from picturedesk.desk.syncing import sync

        root = checks.existing("folder", folder)
        if not root.is_dir():
            raise BadInput(f"{root} is a file: sync takes a folder; to add one picture, use add")
        if type(prune) is not bool:
            raise checks.refusal("prune", prune, "true or false")
        return sync(self, root, prune, progress, self._reads(progress, extract))

    def edit(
        self, pictures: Named | Sequence[Named], changes: Mapping[str, Cell | Sequence[str] | None]
    ) -> list[Picture]:
        """Changes what is known of pictures, in one transaction; files stay as they are.

        What is set so outlives a fit, and wins over what the archive says.

        Args:
            pictures: of the catalogue: content keys, paths, or records; one or several.
            changes: new values by the names of columns ("caption", "licence", "expiry", own ones);
                None empties a column. Dates are ISO 8601.

        Returns:
            The pictures as they are now, each once.

        Raises:
            BadInput: a picture is not in the catalogue, a column says where its file is, or a value
                does not suit its column.
        """
        from picturedesk.desk.editing import edit

        self._loaded.require_open()
        if isinstance(pictures, str | Path | Picture | Suggestion):
            pictures = [pictures]
        return edit(self, checks.several("pictures", pictures), changes)

    def rejected(self) -> tuple[Rejection, ...]:
        """Files and rows that fits and additions left out, until they get in or are gone."""
        from picturedesk.store.rejected import read_rejections

        return read_rejections(self.fitted.rejected)

    def remove(self, pictures: str | Sequence[str] = (), where: str = "") -> Removal:
        """Removes pictures from the catalogue, in one transaction; files stay.

        They stay out when the archive is fitted again, and when a folder is synced, until ``add``
        brings them back. What the desk has learned from them stays.

        Args:
            pictures: content keys, or names of files; one or several.
            where: SQL condition instead: all pictures that meet it.

        Raises:
            BadInput: neither or both are given, or the condition is invalid.
        """
        from picturedesk.desk.life_cycle import remove

        self._loaded.require_open()
        given = [pictures] if isinstance(pictures, str) else pictures
        names, where = checks.texts("pictures", given), checks.text("where", where)
        if bool(names) == bool(where.strip()):
            raise BadInput("name the pictures to remove, or give a condition; not both")
        return remove(self, names, where)

    def search(self, words: str, k: int = 20, where: str = "") -> tuple[Hit, ...]:
        """The k pictures that words find, best first; also those that may not run now.

        Two rankings are merged: BM25 of captions, tags, texts and tags in own columns and, if the
        desk has word detectors, the words that pictures show (own column "shows"); and the cosine
        of the words with each picture (route direct), which finds what is said otherwise or in
        another language. A picture at rank r has 3 / (60 + r) for its words and 1 / (60 + r) for
        its meaning (reciprocal rank fusion), so that pictures with the words come first.

        Args:
            words: in any language that the desk's text encoder knows; captions in any.
            k: how many, at least 1.
            where: SQL condition; see ``suggest``.
        """
        from picturedesk.desk.life_cycle import search

        words, where = checks.text("words", words), checks.text("where", where)
        return search(self, words, checks.whole_number("k", k, 1), where)

    def migrate(self, to: str, progress: Progress = silent) -> Migration:
        """Moves the catalogue of the current fit to another engine; the desk remembers it.

        Pictures, vectors and what users did are copied and compared; then, in one step, the desk
        uses the new place, and the old one stays as it is. A killed migration is continued by the
        next one to the same place. Later fits write their catalogues into the same engine. This
        object answers from the old place: open the desk again.

        Args:
            to: ``milvus://HOST:PORT/NAME`` for a Milvus server, ``milvus:///FOLDER/FILE.db/NAME``
                for a file of milvus-lite, or "sqlite" for a file in the desk. The number of the
                fit is added to the name.
            progress: called as pictures are copied.

        Raises:
            BadInput: it is no place for a catalogue, the catalogue is there already, or other
                pictures are.
            MissingExtra: the engine is not installed.
            PicturedeskError: the server does not answer, or a fit of the desk is running.
        """
        from picturedesk.desk.migrating import migrate

        self._loaded.require_open()
        checks.encodable("to", to)
        checks.function("progress", progress)
        return migrate(self.folder, to, progress)

    def optimize(self) -> Optimized:
        """Brings the indexes of pictures and archive texts up to date, and measures them.

        From 50,000 pictures or texts on there is an index, so that a question need not be compared
        with all of them. Fits look after both, additions after that of the pictures; what they do
        not have yet is found all the same. Measuring compares typical queries with all, so it
        takes its time.

        Raises:
            MissingExtra: the extra ``index`` is not installed.
        """
        from picturedesk.desk.optimizing import optimized

        self._loaded.require_open()
        return optimized(self)

    def _reads(self, progress: Progress, extract: ExtractConfig | None) -> ExtractConfig:
        """Limits for reading, after the desk and the arguments were checked."""
        from picturedesk.store.extraction import ExtractConfig

        self._loaded.require_open()
        checks.function("progress", progress)
        return checks.optional("extract", extract, ExtractConfig) or self.limits

    def list(
        self, where: str = "", sort: str = "uri", k: int = 100, after: str = ""
    ) -> tuple[Picture, ...]:
        """A page of the catalogue's pictures, also of those that may not run now.

        Args:
            where: SQL condition; see ``suggest``.
            sort: name of a column; with "-" before it, from the highest to the lowest. Pictures
                without a value come last, equal ones are sorted by key.
            k: how many, at least 1.
            after: key of the last picture of the page before; "" for the first page.

        Raises:
            BadInput: an unknown column or key, or an invalid condition.
        """
        return self.catalogue.page(where, sort, after, checks.whole_number("k", k, 1))
