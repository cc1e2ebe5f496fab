"""An opened desk: add pictures, suggest, evaluate. Loads each part when it is first needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from picturedesk.desk.folder import DeskFolder
from picturedesk.desk.suggesting import LEAST, Suggester, routes
from picturedesk.desk.vectors import catalogue_fingerprint, catalogue_space, catalogue_vectors
from picturedesk.disk.artifacts import plain, read_json, read_manifest
from picturedesk.heads.matcher import Matcher
from picturedesk.routes import Blend, Question
from picturedesk.store.archive_memory import ArchiveMemory
from picturedesk.store.catalogue.exact import ExactCatalogue
from picturedesk.types import (
    Archive,
    Json,
    Picture,
    Progress,
    Rejection,
    Suggestion,
    Suggestions,
    silent,
)

if TYPE_CHECKING:
    from picturedesk.desk.config import DeskConfig
    from picturedesk.desk.fit import FitReport
    from picturedesk.desk.measure import Measured
    from picturedesk.explaining import Explanation
    from picturedesk.measuring.evaluation import Evaluation


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
            config: settings; the default is the recipe ``best`` with the default backbone.
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
        from picturedesk.desk.config import DeskConfig
        from picturedesk.desk.fit import fit_desk

        if not isinstance(archive, Archive):
            archive = open_archive(str(archive))
        return fit_desk(archive, Path(path), config or DeskConfig(), progress)

    @cached_property
    def matcher(self) -> Matcher:
        """Text encoder and heads."""
        return Matcher.load(self.folder.matcher)

    @cached_property
    def blend(self) -> Blend | None:
        """How the routes are weighed; None with the paper's recipe."""
        return Blend.load(self.folder.blend) if self.folder.blend.exists() else None

    @cached_property
    def memory(self) -> ArchiveMemory:
        """The archive in the shared space."""
        return ArchiveMemory.load(self.folder.memory, self.matcher.fingerprint)

    @cached_property
    def catalogue(self) -> ExactCatalogue:
        """The pictures that may be suggested now."""
        return ExactCatalogue.open(
            self.folder.catalogue,
            catalogue_fingerprint(self.matcher, self.blend),
            catalogue_space(self.matcher, self.blend).width,
        )

    @cached_property
    def _suggester(self) -> Suggester:
        return Suggester(self.matcher, self.blend, self.memory, self.catalogue)

    @property
    def routes(self) -> tuple[str, ...]:
        """The routes that this desk knows; the last one is the default."""
        return routes(self.blend)

    def suggest(
        self, text: str, k: int = 10, route: str = "", where: str = "", least: float = LEAST
    ) -> Suggestions:
        """The k pictures that suit a text best, with the archive texts that spoke for them.

        Args:
            text: of any length; title and body in one string.
            k: how many, at least 1; fewer come back where fewer pass ``where``.
            route: "blend" (all routes, as the archive weighs them), "direct" (cosine of text and
                picture), "transfer" (pictures like those of similar archive texts), "names"
                (what the network says it shows), "words" (captions); "" for the best there is.
                A desk of the paper's recipe has direct and transfer (Eq. 7 and 8).
            where: SQL condition on uri, key, caption, credit, licence, date, tags.
            least: probability that one of the first ten is acceptable, below which there is
                doubt.

        Raises:
            BadInput: if no word of the text is known, or an argument cannot be used.
        """
        return self._suggester.suggest(text, k, route or self.routes[-1], where, least)

    def question(self, text: str) -> Question:
        """One text as the routes see it.

        Raises:
            BadInput: if no word of the text is known, or the desk has no blend.
        """
        return self._suggester.question(self._suggester.features(text))

    def explain(self, text: str, suggestions: Sequence[Suggestion]) -> list[Explanation]:
        """What spoke for each suggestion: routes, levels, words, sentences, classes.

        Args:
            text: the text that they were made for.
            suggestions: of one route; those of the paper's transfer route cannot be explained.
        """
        from picturedesk.store.features import FeatureStore

        keys = [suggestion.picture.key for suggestion in suggestions]
        with FeatureStore.open(self.folder.features) as store:
            features = store.read(keys, self.matcher.levels)
        return self._suggester.explain(text, suggestions, features)

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
        from picturedesk.store.extraction import ExtractConfig, extract
        from picturedesk.store.features import FeatureStore

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
            features = store.read(list(by_key))
        keys = list(by_key)
        vectors = catalogue_vectors(self.matcher, self.blend, self.memory, keys, features)
        new = self.catalogue.add(list(by_key.values()), vectors)
        return Addition(
            new=new,
            updated=len(by_key) - new,
            read=extraction.read,
            rejections=rejected + extraction.rejections,
            catalogue=len(self.catalogue),
        )

    def evaluate(self, part: str = "test") -> Evaluation:
        """What every route finds for the archive texts of one part, in both directions."""
        return self.measure(part).evaluation

    def measure(self, part: str = "test") -> Measured:
        """The same, with all that a report shows: scores and how far to trust the confidence."""
        from picturedesk.desk.measure import measure
        from picturedesk.store.features import FeatureStore

        with FeatureStore.open(self.folder.features) as store:
            features = store.read([picture.key for picture in self.memory.pictures])
            return measure(self.memory, features, store.spec, part, self.blend)

    def write_report(self, measured: Measured) -> Path:
        """Writes what was measured as a page that opens anywhere; returns where it is."""
        from picturedesk.desk.reporting import write_report

        settings = read_json(self.folder.settings)
        write_report(self.folder.report, settings, self.memory, self.blend, measured)
        return self.folder.report

    def export_trec(self, folder: Path, part: str = "test") -> None:
        """Writes ``qrels.txt`` and one ``ROUTE.run`` for each route, for TREC's tools.

        Texts are named by their ids, pictures by their content keys.
        """
        from picturedesk.desk.measure import route_scores
        from picturedesk.measuring.trec import write_qrels, write_run
        from picturedesk.store.features import FeatureStore

        with FeatureStore.open(self.folder.features) as store:
            features = store.read([picture.key for picture in self.memory.pictures])
            asked = route_scores(self.memory, features, store.spec, part, self.blend)
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
            "weights": plain(self.blend.weights) if self.blend is not None else None,
            "config": settings["config"],
        }
