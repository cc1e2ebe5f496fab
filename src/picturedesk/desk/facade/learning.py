"""What a desk learns: fits, their versions, and editors' choices."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

import picturedesk.checks as checks
from picturedesk.desk.facade.parts import DeskParts, opened_again
from picturedesk.desk.folder import DeskFolder
from picturedesk.errors import BadInput
from picturedesk.types import (
    Archive,
    Choice,
    Json,
    Progress,
    silent,
    step,
)

if TYPE_CHECKING:
    from picturedesk.datasets import Columns
    from picturedesk.desk.deciding import Named
    from picturedesk.desk.fit import FitReport
    from picturedesk.desk.versions import Version
    from picturedesk.learning.config import DeskConfig


class Learning(DeskParts):
    """Fits a desk, and stores what editors decide; see ``Desk``."""

    @classmethod
    def fit(
        cls,
        archive: str | Path | Archive,
        path: str | Path,
        config: DeskConfig | None = None,
        progress: Progress = silent,
        columns: Columns | None = None,
    ) -> Self:
        """Learns from an archive; makes a desk whose catalogue has the archive's pictures.

        Args:
            archive: a file or folder (see ``open_archive``), or an Archive.
            path: the desk folder; a killed fit is continued.
            config: settings; the default is the recipe ``best`` with the default backbone.
            progress: called as pictures are read and folds or epochs are finished.
            columns: names of a table's columns, if they are not the usual ones.
        """
        cls.fit_report(archive, path, config, progress, columns)
        return cls(path)

    @classmethod
    def fit_report(
        cls,
        archive: str | Path | Archive,
        path: str | Path,
        config: DeskConfig | None = None,
        progress: Progress = silent,
        columns: Columns | None = None,
    ) -> FitReport:
        """Like ``fit``; returns what was used, what was left out, and the time of each step."""
        from picturedesk.datasets import Columns, absolute_spec, open_archive
        from picturedesk.desk.deciding import including_choices
        from picturedesk.desk.fit import check_settings, fit_desk
        from picturedesk.desk.levels import choose_for
        from picturedesk.learning.config import DeskConfig

        root = checks.path("path", path)
        settings = checks.optional("config", config, DeskConfig) or DeskConfig()
        checks.function("progress", progress)
        columns = checks.optional("columns", columns, Columns) or Columns()
        source: Json = {"archive": "", "columns": columns}
        if not isinstance(archive, Archive):
            source["archive"] = absolute_spec(archive)
            with step(progress, "opening the archive"):
                archive = open_archive(archive, columns)
        check_settings(DeskFolder(root), settings)
        archive = including_choices(DeskFolder(root), archive)
        levels = choose_for(archive, root, settings, progress)
        return fit_desk(archive, root, settings, progress, levels, source)

    def refit(
        self, archive: str | Path | Archive | None = None, progress: Progress = silent
    ) -> FitReport:
        """Fits again with the same settings, and learns from the choices since.

        Args:
            archive: None for the file or folder that the desk was fitted on.
            progress: called as pictures are read and folds or epochs are finished.

        Raises:
            BadInput: where the archive was read from is not known, or it is not there any more.
        """
        from picturedesk.datasets import Columns
        from picturedesk.learning.saved_config import restored

        settings = self.fitted.read_settings()
        source = settings["source"]
        archive = source["archive"] if archive is None else archive
        if isinstance(archive, str) and not archive:
            raise BadInput("the desk was fitted on records, not on a file: give the archive")
        config, columns = restored(settings["config"]), Columns(**source["columns"])
        return self.fit_report(archive, self.folder.root, config, progress, columns)

    def versions(self) -> list[Version]:
        """The fits that the desk keeps, oldest first: five at most, the current one included."""
        from picturedesk.desk.versions import versions

        return versions(self.folder)

    def rollback(self, number: int | None = None) -> Version:
        """Makes an older fit the current one; returns it.

        Pictures that were added or removed since, changed metadata and choices are carried over.
        Desks that are open keep answering from the fit that they opened: open the desk again.

        Args:
            number: of the version; None for the one before the current one.

        Raises:
            BadInput: there is no such version.
            PicturedeskError: a fit of this desk is running.
        """
        from picturedesk.desk.going_back import go_back

        if number is not None:
            number = checks.whole_number("number", number, 1)
        return go_back(self.folder, number)

    def choose(
        self,
        text: str,
        picture: Named,
        rejected: Sequence[Named] = (),
        who: str = "",
        time: str = "",
    ) -> Choice:
        """Stores an editor's decision: this picture was taken for this text.

        The transfer route knows it at the next query; the next fit learns from it, more than from
        a pair of the archive, and a little from what was passed over. Once this returns, the
        decision is on disk.

        Args:
            text: in full length.
            picture: of the catalogue: its content key, one of its paths, or a record of it.
            rejected: pictures that were seen and not taken.
            who: decided.
            time: ISO 8601, when; "" for now.

        Raises:
            BadInput: a picture is not in the catalogue, or the text is empty.
        """
        from picturedesk.desk.deciding import keys_of, now

        checks.text("text", text)
        named = [picture, *checks.several("rejected", rejected)]
        key, *others = keys_of(self.catalogue, named)
        return self._decided(Choice(text, key, tuple(others), time or now(), who))

    def undo_choice(self, number: int) -> Choice:
        """Takes a decision back; it stays in the log, marked. Raises BadInput if there is none."""
        return self._decided(undone=checks.whole_number("number", number, 1))

    def choices(self, after: int = 0, limit: int = 1000) -> list[Choice]:
        """The first ``limit`` decisions with numbers above ``after``, those taken back included."""
        from picturedesk.store.choices import ChoiceLog

        after = checks.whole_number("after", after)
        limit = checks.whole_number("limit", limit)
        if not self.folder.choices.exists():
            return []
        with ChoiceLog.open(self.folder.choices, make=False) as log:
            return log.page(after, limit)

    def _decided(self, choice: Choice | None = None, undone: int = 0) -> Choice:
        from picturedesk.desk.deciding import decide

        with self.folder.changing():
            if self.folder.is_current(self.fitted):
                return decide(self.folder, self.fitted, self.matcher, choice, undone)
        with opened_again(self) as again:  # another fit became current
            return again._decided(choice, undone)
