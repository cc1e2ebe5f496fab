"""Where everything lies in a desk folder. Knows names, not contents."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from picturedesk.disk.artifacts import FORMAT_VERSION, read_json
from picturedesk.errors import Mismatch, MissingArtefact


@dataclass(frozen=True, slots=True)
class DeskFolder:
    """The names inside a desk folder.

    ::

        desk/
          settings.json      what the desk was fitted with, and from
          backbone/          ONNX graph of the frozen network, with its manifest
          levels.json        the levels that were chosen, with --levels auto
          features.db        level features of every picture, by content hash
          matcher/           text encoder and heads
          blend/             routes, weights and confidence
          memory/            the archive in the shared space
          held_out/          texts that nothing was fitted on, to measure with
          catalogue.db       what may be suggested: metadata and vectors
          rejected.csv       what was left out, why, and what would let it in
          reports/           evaluation.json, report.html
    """

    root: Path

    @property
    def settings(self) -> Path:
        """Settings, written when a fit begins."""
        return self.root / "settings.json"

    @property
    def backbone(self) -> Path:
        """The exported backbone."""
        return self.root / "backbone"

    @property
    def levels(self) -> Path:
        """The levels that an adviser chose; absent where they were named."""
        return self.root / "levels.json"

    @property
    def adviser(self) -> Path:
        """Where features of all candidate levels lie while an adviser works."""
        return self.root / "adviser"

    @property
    def features(self) -> Path:
        """The feature store."""
        return self.root / "features.db"

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
        """Texts that nothing was fitted on."""
        return self.root / "held_out"

    @property
    def catalogue(self) -> Path:
        """The catalogue."""
        return self.root / "catalogue.db"

    @property
    def rejected(self) -> Path:
        """The list of what was left out."""
        return self.root / "rejected.csv"

    @property
    def evaluation(self) -> Path:
        """The evaluation that the fit ended with."""
        return self.root / "reports" / "evaluation.json"

    @property
    def report(self) -> Path:
        """The evaluation as a page for people."""
        return self.root / "reports" / "report.html"

    def require(self) -> None:
        """Raises MissingArtefact unless a finished desk is here, Mismatch if it is an old one."""
        if not self.settings.exists():
            raise MissingArtefact(
                f"{self.root} is not a desk: make one with "
                f"picturedesk fit ARCHIVE --desk {self.root}"
            )
        version = read_json(self.settings).get("format_version")
        if version != FORMAT_VERSION:
            raise Mismatch(
                f"{self.root} was fitted by another version of picturedesk: fit it again with "
                f"picturedesk fit ARCHIVE --desk {self.root}"
            )
        if not self.catalogue.exists() or not self.memory.exists():
            raise MissingArtefact(
                f"the fit of {self.root} did not finish: run the same picturedesk fit again, "
                "it goes on where it stopped"
            )
