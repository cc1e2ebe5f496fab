"""An opened desk: add pictures, suggest, evaluate. Loads each part when it is first needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from picturedesk.artifacts import read_json, read_manifest
from picturedesk.catalogue.exact import ExactCatalogue
from picturedesk.desk.folder import DeskFolder
from picturedesk.errors import BadInput
from picturedesk.matcher import Matcher
from picturedesk.memory import ArchiveMemory
from picturedesk.routes import Memory, evidence_for
from picturedesk.types import (
    Archive,
    Evidence,
    Floats,
    Hit,
    Json,
    Picture,
    Progress,
    Rejection,
    Suggestion,
    silent,
)

if TYPE_CHECKING:
    from picturedesk.desk.fit import DeskConfig, FitReport
    from picturedesk.evaluation import Evaluation

ROUTES = ("direct", "transfer")


@dataclass(frozen=True, slots=True)
class Addition:
    """What an ``add`` did.

    Attributes:
        new: pictures that the catalogue did not have.
        updated: pictures that it had, whose metadata was written again.
        read: files whose bytes were read; the others were known by path, size and time.
        rejections: files that were left out.
        catalogue: pictures in the catalogue now.
    """

    new: int
    updated: int
    read: int
    rejections: tuple[Rejection, ...]
    catalogue: int


class Desk:
    """A folder with matcher, archive memory and catalogue.

    Args:
        path: a folder that ``Desk.fit`` or ``picturedesk fit`` left.

    Raises:
        MissingArtefact: if there is no finished desk.
    """

    def __init__(self, path: str | Path) -> None:
        self.folder = DeskFolder(Path(path))
        self.folder.require()

    @classmethod
    def fit(
        cls,
        archive: str | Path | Archive,
        path: str | Path,
        config: DeskConfig | None = None,
        progress: Progress = silent,
    ) -> Desk:
        """Learns from an archive; leaves a desk whose catalogue holds the archive's pictures.

        Args:
            archive: a file or folder (see ``open_archive``), or an Archive.
            path: the desk folder; a fit that was killed there is gone on with.
            config: settings; the default is the default backbone with the paper's training.
            progress: told of pictures read and epochs trained.
        """
        cls.fit_report(archive, path, config, progress)
        return cls(path)

    @classmethod
    def fit_report(
        cls,
        archive: str | Path | Archive,
        path: str | Path,
        config: DeskConfig | None = None,
        progress: Progress = silent,
    ) -> FitReport:
        """``fit``, for those who want to know what was used, left out, and how long it took."""
        from picturedesk.datasets import open_archive
        from picturedesk.desk.fit import DeskConfig, fit_desk

        if not isinstance(archive, Archive):
            archive = open_archive(str(archive))
        return fit_desk(archive, Path(path), config or DeskConfig(), progress)

    @cached_property
    def matcher(self) -> Matcher:
        """Text encoder and fusion."""
        return Matcher.load(self.folder.matcher)

    @cached_property
    def memory(self) -> ArchiveMemory:
        """The archive in the shared space."""
        return ArchiveMemory.load(self.folder.memory, self.matcher.fingerprint)

    @cached_property
    def catalogue(self) -> ExactCatalogue:
        """The pictures that may be suggested now."""
        return ExactCatalogue.open(
            self.folder.catalogue, self.matcher.fingerprint, self.matcher.width
        )

    def suggest(
        self, text: str, k: int = 10, route: str = "direct", where: str = ""
    ) -> list[Suggestion]:
        """The k pictures that suit a text best, with the archive texts that spoke for them.

        Args:
            text: of any length; title and body in one string.
            k: how many, at least 1; fewer come back where fewer pass ``where``.
            route: "direct" (cosine of text and fused picture) or "transfer" (pictures like
                those of the most similar archive text; paper, Eq. 7 and 8).
            where: SQL condition on uri, key, caption, credit, licence, date, tags.

        Raises:
            BadInput: if no word of the text is known, or an argument cannot be used.
        """
        if route not in ROUTES:
            raise BadInput(f"route {route!r} is not known: {', '.join(ROUTES)}")
        if k < 1:
            raise BadInput(f"k is {k}: ask for at least one picture")
        vector = self.matcher.texts([text])[0]  # (D,)
        if not vector.any():
            raise BadInput(
                "no word of the text is known to this desk: "
                "give a longer text, or fit on an archive in its language"
            )
        hits = (
            self._direct(vector, k, where)
            if route == "direct"
            else self._transfer(vector, k, where)
        )
        return [
            Suggestion(hit.picture, hit.score, route, rank, self._evidence(vector, hit))
            for rank, hit in enumerate(hits, start=1)
        ]

    def _direct(self, vector: Floats, k: int, where: str) -> list[Hit]:
        return self.catalogue.search(vector, k, where)

    def _transfer(self, vector: Floats, k: int, where: str) -> list[Hit]:
        """Eq. 7 and 8; where the archive text has several pictures, the nearest one counts."""
        nearest = int(np.argmax(self.memory.text_vectors @ vector))
        best: dict[str, Hit] = {}
        for _, picture in self.memory.links_of(np.array([nearest])):
            for hit in self.catalogue.search(self.memory.picture_vectors[picture], k, where):
                known = best.get(hit.picture.key)
                if known is None or hit.score > known.score:
                    best[hit.picture.key] = hit
        return sorted(best.values(), key=lambda hit: (-hit.score, hit.picture.key))[:k]

    def _evidence(self, vector: Floats, hit: Hit) -> tuple[Evidence, ...]:
        memory = self.memory
        picture = self.catalogue.vectors([hit.picture.key])[0]
        arrays = Memory(memory.text_vectors, memory.picture_vectors, memory.links)
        return tuple(
            Evidence(
                memory.excerpts[found.text],
                found.text_similarity,
                memory.pictures[found.picture],
                found.picture_similarity,
            )
            for found in evidence_for(vector, picture, arrays)
        )

    def add(
        self, pictures: str | Path | Sequence[Picture], progress: Progress = silent
    ) -> Addition:
        """Puts more pictures into the catalogue; only new or changed files are read.

        Args:
            pictures: a folder, a picture file, a table with metadata, or Picture records.
            progress: told of pictures read.
        """
        from picturedesk.backbones.backbone import Backbone
        from picturedesk.datasets import open_pictures
        from picturedesk.extraction import ExtractConfig, extract
        from picturedesk.features import FeatureStore

        rejected: tuple[Rejection, ...] = ()
        if isinstance(pictures, str | Path):
            pictures, rejected = open_pictures(str(pictures))
        backbone = Backbone.load(self.folder.backbone)
        with FeatureStore.open(self.folder.features, backbone.spec) as store:
            uris = [picture.uri for picture in pictures]
            extraction = extract(uris, backbone, store, ExtractConfig(), progress)
            by_key: dict[str, Picture] = {}
            for picture in pictures:
                key = extraction.keys.get(picture.uri)
                if key is not None and key not in by_key:
                    by_key[key] = replace(picture, key=key)
            vectors = self.matcher.pictures(store.read(list(by_key)))
        new = self.catalogue.add(list(by_key.values()), vectors)
        return Addition(
            new=new,
            updated=len(by_key) - new,
            read=extraction.read,
            rejections=rejected + extraction.rejections,
            catalogue=len(self.catalogue),
        )

    def evaluate(self, part: str = "test") -> Evaluation:
        """Scores of every route on the archive texts of one part; see ``desk.measure``."""
        from picturedesk.desk.measure import measure
        from picturedesk.features import FeatureStore

        with FeatureStore.open(self.folder.features) as store:
            features = store.read([picture.key for picture in self.memory.pictures])
            return measure(self.memory, features, store.spec, part)

    def export_trec(self, folder: Path, part: str = "test") -> None:
        """Writes ``qrels.txt`` and one ``ROUTE.run`` for each route, for TREC's tools.

        Texts are named by their ids, pictures by their content keys.
        """
        from picturedesk.desk.measure import route_scores
        from picturedesk.features import FeatureStore
        from picturedesk.trec import write_qrels, write_run

        with FeatureStore.open(self.folder.features) as store:
            features = store.read([picture.key for picture in self.memory.pictures])
            asked = route_scores(self.memory, features, store.spec, part)
        queries = ["_".join(self.memory.text_ids[i].split()) for i in asked.texts]
        documents = [self.memory.pictures[i].key for i in asked.pictures]
        write_qrels(folder / "qrels.txt", queries, documents, asked.relevant)
        for name, scores in asked.scores.items():
            tag = name.replace(", ", "-").replace(" ", "-").replace(":", "-")
            write_run(folder / f"{tag}.run", queries, documents, scores, tag=tag)

    def info(self) -> Json:
        """What the desk was made from and how much it holds; counts, settings, fingerprints."""
        settings = read_json(self.folder.settings)
        parts = self.memory.parts
        return {
            "kind": "desk",
            "path": str(self.folder.root),
            "archive": settings["archive"],
            "texts": {part: parts.count(part) for part in sorted(set(parts))},
            "archive_pictures": len(self.memory.pictures),
            "catalogue_pictures": len(self.catalogue),
            "backbone": read_manifest(self.folder.backbone)["spec"],
            "matcher": self.matcher.fingerprint,
            "config": settings["config"],
        }
