"""The layout of a desk folder, its current fit, and the locks for changing it.

Knows names, not contents.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from picturedesk.disk.artifacts import read_record, write_record
from picturedesk.disk.lock import locked
from picturedesk.errors import Mismatch, MissingArtefact
from picturedesk.types import Json

KIND = "desk"
SETTINGS = "fit"
PLACE = "place of a catalogue"
KEPT = 5  # fits: the current one and those before it that one can go back to
_PATIENCE = 60.0  # seconds that an addition waits for another addition or the end of a fit
_HIDDEN = "."  # first character of the names of fits that are being made or removed


_FIT = re.compile(r"(_\d{4,})?(?=\?|\Z)")  # ends the name in an address


def address_for(address: str, fit: str) -> str:
    """The address of a fit's catalogue on a server, beside those of other fits.

    Args:
        address: as the user named it, or that of another fit's catalogue.
        fit: name of the fit's folder, "0003".
    """
    return _FIT.sub(f"_{fit}", address, count=1)


@dataclass(frozen=True, slots=True)
class FitFolder:
    """The names inside the folder of one fit.

    ::

        desk/fits/0001/
          settings.json      settings, archive and outcome
          matcher/           text encoder and heads
          blend/             routes, weights and confidence
          memory/            the archive in the shared space
          held_out/          held-out texts, for measuring
          catalogue.db       pictures that may be suggested: metadata and vectors
          catalogue.json     where they are instead, if the desk was migrated to a server
          migrating.json     where they are being copied to, while that is not finished
          hashes/            perceptual hashes of very many pictures
          rejected.csv       what was left out, why, a cure, and by which command
          reports/           evaluation.json, report.html
    """

    root: Path
    at: str = ""  # address of its catalogue on a server; "" for its own file

    @classmethod
    def of(cls, root: Path) -> FitFolder:
        """The fit in a folder, with the address that is noted there.

        Raises:
            MissingArtefact: the note is damaged.
        """
        place = cls(root).place
        return cls(root, read_record(place, PLACE)["address"] if place.exists() else "")

    def keep_at(self, address: str) -> FitFolder:
        """Notes that the catalogue is at an address from now on; "" for its own file."""
        if address:
            write_record(self.place, PLACE, {"address": address})
        else:
            self.place.unlink(missing_ok=True)
        return FitFolder(self.root, address)

    @property
    def settings(self) -> Path:
        """Settings and outcome of the fit."""
        return self.root / "settings.json"

    def read_settings(self) -> Json:
        """Settings and outcome; raises MissingArtefact or Mismatch where they are damaged."""
        return read_record(self.settings, SETTINGS)

    def write_settings(self, content: Json) -> None:
        """Notes settings and outcome."""
        write_record(self.settings, SETTINGS, content)

    @property
    def matcher(self) -> Path:
        """The matcher."""
        return self.root / "matcher"

    @property
    def blend(self) -> Path:
        """Routes, weights and confidence."""
        return self.root / "blend"

    @property
    def memory(self) -> Path:
        """The archive memory."""
        return self.root / "memory"

    @property
    def held_out(self) -> Path:
        """The held-out texts."""
        return self.root / "held_out"

    @property
    def catalogue(self) -> Path | str:
        """The catalogue: a file, or its address."""
        return self.at or self.catalogue_file

    @property
    def catalogue_file(self) -> Path:
        """The file of the catalogue, where it is not on a server."""
        return self.root / "catalogue.db"

    @property
    def place(self) -> Path:
        """The record of the catalogue's address; missing if it is in its own file."""
        return self.root / "catalogue.json"

    @property
    def migrating(self) -> Path:
        """The record of where a migration that did not finish copies to."""
        return self.root / "migrating.json"

    @property
    def hashes(self) -> Path:
        """Perceptual hashes of the catalogue's pictures; missing if they are few."""
        return self.root / "hashes"

    @property
    def rejected(self) -> Path:
        """The table of what was left out."""
        return self.root / "rejected.csv"

    @property
    def reports(self) -> Path:
        """HTML reports, and the evaluation."""
        return self.root / "reports"

    @property
    def evaluation(self) -> Path:
        """The evaluation at the end of the fit."""
        return self.reports / "evaluation.json"

    @property
    def report(self) -> Path:
        """The evaluation as an HTML report."""
        return self.reports / "report.html"


@dataclass(frozen=True, slots=True)
class DeskFolder:
    """The names inside a desk folder; starts and finishes fits.

    ::

        desk/
          desk.json          the current fit, and how pictures are read
          fits/              one folder per fit: the current one and those before it
          choices.db         what editors decided, for all fits
          webhooks.json      addresses that are told of choices, with their secrets
          outbox.db          what is still to be told to them
          backbone/          ONNX graph of the frozen network, with its manifest
          text_tower/        of a dual encoder: ONNX graph of its text tower, and its tokenizer
          levels.json        the chosen levels, with --levels auto
          features.db        level features of every picture, by content hash

    A new fit is made beside the others, under a hidden name; ``make_current`` renames it and then
    replaces desk.json, in one step. After a kill, desk.json still names a complete fit.
    """

    root: Path
    at: str = ""  # address of a catalogue to use instead of the current fit's own; "" for none

    @property
    def pointer(self) -> Path:
        """The record that names the current fit."""
        return self.root / "desk.json"

    @property
    def fits(self) -> Path:
        """The folder of the fits."""
        return self.root / "fits"

    @property
    def backbone(self) -> Path:
        """The exported backbone."""
        return self.root / "backbone"

    @property
    def text_tower(self) -> Path:
        """The exported text tower of a dual encoder; missing for other backbones."""
        return self.root / "text_tower"

    @property
    def levels(self) -> Path:
        """The levels that the adviser chose; missing if the settings name them."""
        return self.root / "levels.json"

    @property
    def adviser(self) -> Path:
        """Features of all candidate levels, while the adviser works."""
        return self.root / "adviser"

    @property
    def features(self) -> Path:
        """The feature store."""
        return self.root / "features.db"

    @property
    def choices(self) -> Path:
        """What editors decided; missing before the first choice."""
        return self.root / "choices.db"

    @property
    def webhooks(self) -> Path:
        """Addresses that are told of choices; missing before the first one."""
        return self.root / "webhooks.json"

    @property
    def outbox(self) -> Path:
        """What is still to be told to them; missing before the first address."""
        return self.root / "outbox.db"

    def all_fits(self) -> list[FitFolder]:
        """The fits that are kept, oldest first."""
        return [FitFolder.of(self.fits / name) for name in sorted(self._names())]

    def require(self) -> FitFolder:
        """The current fit.

        Raises:
            MissingArtefact: there is no desk, its first fit did not finish, or it is damaged.
            Mismatch: another version made the desk.
        """
        self._refuse_old()
        again = f"picturedesk fit ARCHIVE --desk {self.root}"
        if not self.pointer.exists():
            raise MissingArtefact(f"{self.root} is not a desk: make one with {again}")
        current = self._current()
        if not current:
            raise MissingArtefact(
                f"the fit of {self.root} did not finish: run the same picturedesk fit again, "
                "it continues where it stopped"
            )
        root = self.fits / current
        if not root.is_dir():
            raise MissingArtefact(f"{root} does not exist: fit again with {again}")
        return FitFolder(root, self.at) if self.at else FitFolder.of(root)

    def is_current(self, fitted: FitFolder) -> bool:
        """Whether this fit is still the current one, and its catalogue where it was."""
        if self._current() != fitted.root.name:
            return False
        return (self.at or FitFolder.of(fitted.root).at) == fitted.at

    def reads(self) -> Json:
        """How pictures are read, as ``begin`` wrote it; {} if desk.json is missing or damaged."""
        if not self._has_read():
            return {}
        try:
            return dict(read_record(self.pointer, KIND)["reads"])
        except (MissingArtefact, Mismatch):
            return {}

    def fitting(self) -> AbstractContextManager[None]:
        """The lock of a fit, held all the time; raises PicturedeskError if another fit runs."""
        held = f"another fit of {self.root} is running: wait until it has ended"
        return locked(self.root / ".fitting", 0.0, held)

    def changing(self) -> AbstractContextManager[None]:
        """The lock for changing the catalogue, or the current fit."""
        held = f"another process has been changing {self.root} for {_PATIENCE:g} s: run again later"
        return locked(self.root / ".changing", _PATIENCE, held)

    def begin(self, reads: Json) -> FitFolder | None:
        """Prepares a fit, inside ``fitting``: removes what killed fits left.

        Args:
            reads: how pictures are read.

        Returns:
            The current fit, None if there is none. If desk.json is damaged, the last fit: the new
            fit will write desk.json again.

        Raises:
            Mismatch: another version made the desk.
        """
        self._refuse_old()
        for left in self.fits.glob(f"{_HIDDEN}*"):
            shutil.rmtree(left, ignore_errors=True)
        if not self.pointer.exists() or not self._has_read():
            self._point("", reads)
        try:
            current = self._current()
        except (MissingArtefact, Mismatch):
            current = max(self._names(), default="")
        return FitFolder.of(self.fits / current) if current in self._names() else None

    @contextmanager
    def new_fit(self, before: FitFolder | None = None) -> Iterator[FitFolder]:
        """A folder for a fit, inside ``fitting``; removed unless ``make_current`` was called.

        Args:
            before: the result of ``begin``; if its catalogue is on a server, the new one is too.
        """
        number = max((int(name) for name in self._names()), default=0) + 1
        building = self.fits / f"{_HIDDEN}{number:04d}"
        building.mkdir(parents=True)
        try:
            made = FitFolder(building)
            at = before.at if before is not None else ""
            yield made.keep_at(address_for(at, f"{number:04d}")) if at else made
        finally:
            shutil.rmtree(building, ignore_errors=True)

    def make_current(self, made: FitFolder, before: FitFolder | None, reads: Json) -> FitFolder:
        """Makes a fit of ``new_fit`` the current one, inside ``fitting`` and ``changing``.

        Args:
            made: the new fit.
            before: the result of ``begin``; kept in any case, for desks that are open.
            reads: how pictures are read.
        """
        name = made.root.name.removeprefix(_HIDDEN)
        os.replace(made.root, self.fits / name)
        self._point(name, reads)
        newest = sorted(self._names())[-KEPT:]
        kept = {name, before.root.name if before else "", *newest}
        for old in self._names() - kept:
            hidden = self.fits / f"{_HIDDEN}{old}.old"
            os.replace(self.fits / old, hidden)  # first, so that no incomplete fit is left
            shutil.rmtree(hidden, ignore_errors=True)
        return FitFolder.of(self.fits / name)

    def repoint(self) -> None:
        """Writes desk.json again, so that servers see that the catalogue is elsewhere."""
        self._point(self._current(), self.reads())

    def go_back(self, fitted: FitFolder) -> None:
        """Makes an older fit the current one, inside ``fitting`` and ``changing``."""
        self._point(fitted.root.name, self.reads())

    def _refuse_old(self) -> None:
        if (self.root / "settings.json").exists() and not self.pointer.exists():
            raise Mismatch(
                f"{self.root} was fitted by another version of picturedesk: fit it again in "
                "another folder with picturedesk fit ARCHIVE --desk NEW"
            )

    def _has_read(self) -> bool:
        """Whether there is anything that depends on how pictures are read."""
        made = (self.backbone, self.text_tower, self.features, self.levels, self.adviser)
        return any(path.exists() for path in made) or bool(self._names())

    def _names(self) -> set[str]:
        return {path.name for path in self.fits.glob("*") if path.name.isdecimal()}

    def _current(self) -> str:
        return str(read_record(self.pointer, KIND)["fit"])

    def _point(self, name: str, reads: Json) -> None:
        write_record(self.pointer, KIND, {"fit": name, "reads": reads})
