"""How good a desk is, and what it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import picturedesk.checks as checks
from picturedesk.desk.facade.parts import DeskParts
from picturedesk.disk.artifacts import plain, read_manifest
from picturedesk.store.held_out import TRAIN
from picturedesk.types import (
    Json,
    Progress,
    silent,
)

if TYPE_CHECKING:
    from picturedesk.desk.auditing import AuditConfig
    from picturedesk.desk.measure import Measured
    from picturedesk.measuring.evaluation import Evaluation
    from picturedesk.report.audit_records import Audit


class Measuring(DeskParts):
    """Measures, audits and describes a desk; see ``Desk``."""

    def evaluate(self, part: str = "test") -> Evaluation:
        """Measures every route on the archive texts of one part, in both directions."""
        return self.measure(part).evaluation

    def measure(self, part: str = "test") -> Measured:
        """Like ``evaluate``, with the answers and the calibration of their confidence."""
        from picturedesk.desk.measure import measure
        from picturedesk.desk.reading import archive_features

        checks.text("part", part)
        with archive_features(self.memory, self.folder.features) as features:
            return measure(self.memory, self.held_out, features, part, self.blend)

    def write_report(self, measured: Measured) -> Path:
        """Writes the report of a measurement, one HTML page; returns its path."""
        from picturedesk.desk.measure import Measured
        from picturedesk.desk.reporting import write_report

        checks.instance("measured", measured, Measured)
        settings = self.fitted.read_settings()
        write_report(self.fitted.report, settings, self.memory, self.held_out, measured)
        return self.fitted.report

    def export_trec(self, folder: str | Path, part: str = "test") -> None:
        """Writes ``qrels.txt`` and one ``ROUTE.run`` for each route, for TREC's tools.

        Queries are the texts' ids, documents the pictures' content keys.
        """
        from picturedesk.desk.trec import export_trec

        folder, part = checks.path("folder", folder), checks.text("part", part)
        export_trec(self, folder, part)

    def audit(self, config: AuditConfig | None = None, progress: Progress = silent) -> Audit:
        """Looks for what in archive and catalogue an editor should check; writes nothing.

        Pairs that look mispaired, topics without good pictures, pictures that are never suggested
        or far too often, and near-duplicates with different credits or licences.

        Args:
            config: settings; None for the defaults.
            progress: called as steps begin and end.

        Raises:
            BadInput: no pair of the archive has its picture in the catalogue.
        """
        from picturedesk.desk.auditing import AuditConfig, audit_desk
        from picturedesk.store.features import FeatureStore

        settings = checks.optional("config", config, AuditConfig) or AuditConfig()
        checks.function("progress", progress)
        entries = self.catalogue.sample(self.catalogue.count())
        with FeatureStore.open(self.folder.features) as store:
            hashes = store.hashes([picture.key for picture in entries.pictures])
        return audit_desk(
            self.fitted.read_settings()["archive"],
            self.blend,
            self.memory,
            self.held_out.rows,
            entries,
            hashes,
            settings,
            progress,
        )

    def info(self) -> Json:
        """Archive, counts, settings and fingerprints of the desk."""
        settings = self.fitted.read_settings()
        parts = self.held_out.parts
        held_out = {part: parts.count(part) for part in sorted(set(parts))}
        return {
            "kind": "desk",
            "path": str(self.folder.root),
            "archive": settings["archive"],
            "texts": {**held_out, TRAIN: len(self.memory) - len(parts)},
            "archive_pictures": len(self.memory.picture_vectors),
            "catalogue_pictures": self.catalogue.count(),
            "columns": plain(self.catalogue.columns()),
            "backbone": read_manifest(self.folder.backbone)["spec"],
            "matcher": self.matcher.fingerprint,
            "weights": plain(self.blend.weights),
            "text_weights": plain(self.blend.text_weights),
            "config": settings["config"],
        }
