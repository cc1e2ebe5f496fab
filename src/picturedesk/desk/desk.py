"""An open desk: add pictures, suggest, evaluate. Loads each part at its first use."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self, overload

import numpy as np

import picturedesk.checks as checks
from picturedesk.desk.asking import Asked
from picturedesk.desk.folder import DeskFolder
from picturedesk.desk.given import names_of, read_given, word_detectors
from picturedesk.desk.loaded import Loaded
from picturedesk.desk.ranking_texts import TextRanker
from picturedesk.desk.slots import MOST, PARAGRAPHS, SLOTS, Slot, Slotter
from picturedesk.desk.suggesting import MIN_CONFIDENCE, Suggester
from picturedesk.disk.artifacts import plain, read_manifest
from picturedesk.errors import BadInput
from picturedesk.heads.matcher import Matcher
from picturedesk.routes import Blend, Pictures
from picturedesk.routes.blend import ASKED
from picturedesk.routes.diversity import OrderConfig
from picturedesk.store.archive_memory import ArchiveMemory
from picturedesk.store.catalogue import open_catalogue
from picturedesk.store.held_out import TRAIN, HeldOutTexts
from picturedesk.types import (
    DIVERSITY,
    FATIGUE,
    Archive,
    Catalogue,
    Floats,
    Json,
    Picture,
    Progress,
    RankedText,
    Rejection,
    Suggestion,
    Suggestions,
    Tag,
    silent,
    step,
)

if TYPE_CHECKING:
    from picturedesk.desk.fit import FitReport
    from picturedesk.desk.measure import Measured
    from picturedesk.explaining import Explanation
    from picturedesk.learning.config import DeskConfig
    from picturedesk.measuring.evaluation import Evaluation
    from picturedesk.store.extraction import ExtractConfig
    from picturedesk.store.features import FeatureStore


@dataclass(frozen=True, slots=True)
class Addition:
    """The result of ``Desk.add``.

    Attributes:
        new: pictures that were new to the catalogue.
        updated: pictures that were in the catalogue, whose metadata was replaced.
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
    """A desk folder with matcher, routes, archive memory and catalogue.

    Uses the fit that was current when it was opened, also while another fit runs. Threads may share
    one object. ``close`` it, or use it in a ``with`` statement. It pickles as its path.

    Args:
        path: a folder that ``Desk.fit`` or ``picturedesk fit`` made.

    Raises:
        MissingArtefact: the folder has no finished fit.
    """

    def __init__(self, path: str | Path) -> None:
        self.folder = DeskFolder(checks.path("path", path))
        self.fitted = self.folder.require()
        self._loaded = Loaded(f"desk {path}")
        self._absolute = os.path.abspath(path)

    def close(self) -> None:
        """Closes all files; a second call does nothing.

        A search that is running in another thread ends, or raises Closed.
        """
        self._loaded.close()

    def __enter__(self) -> Self:
        self._loaded.require_open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[type[Desk], tuple[str]]:
        """An unpickled copy opens the same folder by itself."""
        return type(self), (self._absolute,)

    @classmethod
    def fit(
        cls,
        archive: str | Path | Archive,
        path: str | Path,
        config: DeskConfig | None = None,
        progress: Progress = silent,
    ) -> Desk:
        """Learns from an archive; makes a desk whose catalogue has the archive's pictures.

        Args:
            archive: a file or folder (see ``open_archive``), or an Archive.
            path: the desk folder; a killed fit is continued.
            config: settings; the default is the recipe ``best`` with the default backbone.
            progress: called as pictures are read and folds or epochs are finished.
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
        """Like ``fit``; returns what was used, what was left out, and the time of each step."""
        from picturedesk.datasets import open_archive
        from picturedesk.desk.fit import check_settings, fit_desk
        from picturedesk.desk.levels import choose_for
        from picturedesk.learning.config import DeskConfig

        root = checks.path("path", path)
        settings = checks.optional("config", config, DeskConfig) or DeskConfig()
        checks.function("progress", progress)
        if not isinstance(archive, Archive):
            with step(progress, "opening the archive"):
                archive = open_archive(archive)
        check_settings(DeskFolder(root), settings)
        levels = choose_for(archive, root, settings, progress)
        return fit_desk(archive, root, settings, progress, levels)

    @property
    def matcher(self) -> Matcher:
        """Text encoder and heads."""
        return self._loaded.part("matcher", lambda: Matcher.load(self.fitted.matcher))

    @property
    def blend(self) -> Blend:
        """Routes, their weights and the confidence."""
        return self._loaded.part("blend", lambda: Blend.load(self.fitted.blend, self.matcher))

    @property
    def memory(self) -> ArchiveMemory:
        """The archive in the shared space."""
        return self._loaded.part(
            "memory", lambda: ArchiveMemory.open(self.fitted.memory, self.matcher.fingerprint)
        )

    @property
    def held_out(self) -> HeldOutTexts:
        """The held-out texts; suggesting does not read them."""
        return self._loaded.part(
            "held_out", lambda: HeldOutTexts.load(self.fitted.held_out, self.matcher.fingerprint)
        )

    @property
    def catalogue(self) -> Catalogue:
        """The pictures that may be suggested now."""
        return self._loaded.part("catalogue", self._open_catalogue)

    def _open_catalogue(self) -> Catalogue:
        width = self.blend.layout.width
        return open_catalogue(self.fitted.catalogue, self.blend.fingerprint, width, make=False)

    @property
    def limits(self) -> ExtractConfig:
        """Limits for reading pictures, from the fit."""
        from picturedesk.store.extraction import ExtractConfig

        return ExtractConfig.of(self.fitted.read_settings()["config"]["extract"])

    @property
    def suggester(self) -> Suggester:
        """What answers texts; for measuring."""
        return self._loaded.part(
            "suggester",
            lambda: Suggester(self.blend, self.memory, self.catalogue, self._hashes),
        )

    @property
    def _features(self) -> FeatureStore:
        """The level features and perceptual hashes of all pictures."""
        from picturedesk.store.features import FeatureStore

        return self._loaded.part("features", lambda: FeatureStore.open(self.folder.features))

    def _hashes(self, keys: Sequence[str]) -> dict[str, np.uint64]:
        """Perceptual hashes of the pictures with these keys, of those that the desk has read."""
        store = self._features
        try:
            found = store.hashes(keys)
        except BadInput:
            keys = [key for key in keys if key in store]
            found = store.hashes(keys)
        return dict(zip(keys, found, strict=True))

    @property
    def routes(self) -> tuple[str, ...]:
        """The routes that this desk knows; the last one is the default."""
        return self.blend.names

    @overload
    def suggest(  # type: ignore[overload-overlap]  # a str is a sequence of str, too
        self,
        text: str | Asked,
        k: int = 10,
        route: str = "",
        where: str = "",
        min_confidence: float = MIN_CONFIDENCE,
        diversity: float = DIVERSITY,
        fatigue: float = FATIGUE,
        duplicates: bool = False,
    ) -> Suggestions: ...

    @overload
    def suggest(
        self,
        text: Sequence[str],
        k: int = 10,
        route: str = "",
        where: str = "",
        min_confidence: float = MIN_CONFIDENCE,
        diversity: float = DIVERSITY,
        fatigue: float = FATIGUE,
        duplicates: bool = False,
    ) -> list[Suggestions]: ...

    def suggest(
        self,
        text: str | Asked | Sequence[str],
        k: int = 10,
        route: str = "",
        where: str = "",
        min_confidence: float = MIN_CONFIDENCE,
        diversity: float = DIVERSITY,
        fatigue: float = FATIGUE,
        duplicates: bool = False,
    ) -> Suggestions | list[Suggestions]:
        """The k best pictures for a text, with the archive texts that support them.

        Near-duplicates collapse into the best one. Diversity and fatigue change which pictures
        are shown and in what order, not their scores and chances: chances may rise down the list,
        and ``found`` of the answer is that of the pictures shown.

        Args:
            text: of any length, title and body in one string; or several texts, which are encoded
                and searched together, each with its own answer; or an ``Asked``, which has one
                answer to texts, pictures and keywords together, without chances.
            k: how many, at least 1; the result has fewer if fewer meet ``where``.
            route: "blend" (all routes, weighted by the archive), "direct" (cosine of text and
                picture), "transfer" (pictures like those of similar archive texts), "class_names"
                (what the network says it shows), "captions" (BM25), "zero_shot" (cosine of a dual
                encoder, if the backbone is one); "" for the best there is.
                A desk of the paper's recipe has direct and transfer (Eq. 7 and 8).
            where: SQL condition on uri, key, caption, credit, licence, date, tags.
            min_confidence: chance that the right picture is among those shown, below which the
                answer has a doubt.
            diversity: how far the pictures after the first differ from those before, 0 (by score
                alone) to 1.
            fatigue: days after which a picture that ran (``Picture.last_used``) is held back half
                as much; 0 holds none back.
            duplicates: whether near-duplicates are shown each.

        Returns:
            The suggestions; for several texts, one answer a text in their order.

        Raises:
            BadInput: no word of a text is known, or an argument is invalid.
            BadPicture: a file of an ``Asked`` cannot be read.
        """
        if isinstance(text, Asked):
            checks.share("min_confidence", min_confidence)
            order = OrderConfig(diversity, fatigue, duplicates)
            return self._asked(text, k, route, where, order)
        if not isinstance(text, Iterable):
            raise checks.refusal("text", text, "a text, or a list of texts")
        texts = checks.texts("text", [text] if isinstance(text, str) else text)
        k = checks.whole_number("k", k, 1)
        route, where = checks.text("route", route), checks.text("where", where)
        min_confidence = checks.share("min_confidence", min_confidence)
        route = route or self.blend.default
        order = OrderConfig(diversity, fatigue, duplicates)
        answers = self.suggester.suggest(texts, k, route, where, min_confidence, order)
        return answers[0] if isinstance(text, str) else answers

    def _asked(
        self, asked: Asked, k: int, route: str, where: str, order: OrderConfig
    ) -> Suggestions:
        k = checks.whole_number("k", k, 1)
        route = checks.text("route", route) or self.blend.default
        where, folder = checks.text("where", where), self.folder
        like, unlike = (
            read_given(
                list(map(str, names)), self.matcher, folder.features, folder.backbone, self.limits
            )
            for names in (asked.like, asked.unlike)
        )
        return self.suggester.asked(asked, like, unlike, k, route, where, order)

    def similar(
        self,
        picture: str | Path,
        k: int = 10,
        where: str = "",
        diversity: float = 0.0,
        fatigue: float = FATIGUE,
        duplicates: bool = False,
    ) -> Suggestions:
        """The k pictures that are most like a picture: "more like this"; writes nothing.

        The picture itself and its near-duplicates are left out. Scores are cosines in the shared
        space; there are no chances.

        Args:
            picture: a file, or the content key of a picture that the desk knows.
            k: how many, at least 1.
            where: as for ``suggest``.
            diversity: as for ``suggest``; 0 by default.
            fatigue: as for ``suggest``.
            duplicates: as for ``suggest``.

        Raises:
            BadPicture: the file cannot be read.
        """
        name = checks.path("picture", picture)
        return self.suggest(
            Asked(like=(name,)),
            k,
            where=where,
            diversity=diversity,
            fatigue=fatigue,
            duplicates=duplicates,
        )

    def slots(
        self,
        text: str,
        slots: int | str = SLOTS,
        k: int = 3,
        route: str = "",
        where: str = "",
        fatigue: float = FATIGUE,
    ) -> list[Slot]:
        """Pictures for the passages of a long story: one for each, and others to choose from.

        No picture comes twice, and no near-duplicate of one: those are chosen that suit all
        passages together best.

        Args:
            text: the story.
            slots: passages that it is divided into, by topic: between paragraphs if there are
                enough, otherwise between sentences (fewer if it has fewer sentences);
                "paragraphs" for one per paragraph.
            k: pictures for each passage, at least 1; the first one is its own.
            route: as for ``suggest``.
            where: as for ``suggest``.
            fatigue: as for ``suggest``.

        Returns:
            The passages in order; one that has no picture says why in its ``suggestions.doubt``.

        Raises:
            BadInput: no word of the story is known, or an argument is invalid.
        """
        text = checks.text("text", text)
        if not isinstance(slots, str):
            slots = checks.whole_number("slots", slots, 1, MOST)
        elif slots != PARAGRAPHS:
            raise checks.refusal("slots", slots, f'a whole number, or "{PARAGRAPHS}"')
        k = checks.whole_number("k", k, 1)
        route = checks.text("route", route) or self.blend.default
        where, order = checks.text("where", where), OrderConfig(fatigue=fatigue)
        self.blend.weights_of(route)
        return Slotter(self.suggester).slots(text, slots, k, route, where, order)

    def explain(self, text: str, suggestions: Sequence[Suggestion]) -> list[Explanation]:
        """Explains suggestions: the shares of routes, levels, words, sentences and classes.

        Args:
            text: the text of these suggestions.
            suggestions: of one route.

        Raises:
            BadInput: they answer an ``Asked``, or their route has no shares.
        """
        from picturedesk.store.features import FeatureStore

        checks.text("text", text)
        suggestions = checks.several_of("suggestions", suggestions, Suggestion)
        if not suggestions:
            return []
        if suggestions[0].route == ASKED:
            raise BadInput("only answers to plain texts are explained: ask with the text alone")
        keys = [suggestion.picture.key for suggestion in suggestions]
        with FeatureStore.open(self.folder.features) as store:
            features = store.read(keys, self.matcher.levels)
        columns = [self.matcher.backbone.columns(level) for level in self.matcher.levels]
        typical = np.concatenate([self.held_out.typical[column] for column in columns])
        return self.suggester.explain(text, suggestions, features, typical)

    @overload
    def tags(  # type: ignore[overload-overlap]  # a str is a sequence of str, too
        self, picture: str | Path, most: int = 10
    ) -> list[Tag]: ...

    @overload
    def tags(self, picture: Sequence[str | Path], most: int = 10) -> list[list[Tag]]: ...

    def tags(
        self, picture: str | Path | Sequence[str | Path], most: int = 10
    ) -> list[Tag] | list[list[Tag]]:
        """The words of the archive that a picture shows, the most telling first; writes nothing.

        Args:
            picture: a file, or the content key of a picture that the desk knows; or several, which
                are read together.
            most: words for each, at most; only words that are likelier than usual are given.

        Returns:
            The words; for several pictures, one list for each in their order.

        Raises:
            BadInput: the desk has no word detectors.
            BadPicture: a file cannot be read.
        """
        names = names_of(picture)
        most = checks.whole_number("most", most, 1)
        detectors = word_detectors(self.blend, str(self.folder.root))
        folder = self.folder
        given = read_given(names, self.matcher, folder.features, folder.backbone, self.limits)
        found = detectors.tags(given, most)
        return found[0] if isinstance(picture, str | Path) else found

    def texts(
        self, picture: str | Path, k: int = 10, texts: Sequence[str] | None = None
    ) -> list[RankedText]:
        """The k texts that suit a picture best; writes nothing.

        Given texts are ranked by all routes, with the weights for texts. Texts of the archive are
        ranked by the direct route, for which the desk has vectors; the best 200 are then scored by
        all routes, if the desk has them whole: it keeps the first 280 characters of each.

        Args:
            picture: a file, or the content key of a picture that the desk knows.
            k: how many, at least 1; the result has fewer if there are fewer.
            texts: to choose from; None for those of the archive.

        Returns:
            The texts, best first; an archive text has its id.

        Raises:
            BadInput: no word of a given text is known, or an argument is invalid.
            BadPicture: the file cannot be read.
        """
        name = str(checks.path("picture", picture))
        k = checks.whole_number("k", k, 1)
        given = None if texts is None else checks.texts("texts", texts)
        folder = self.folder
        shown = read_given([name], self.matcher, folder.features, folder.backbone, self.limits)
        ranker = TextRanker(self.suggester)
        if given is None:
            return ranker.of_archive(shown, k)
        return ranker.given(shown, given, k)

    def add(
        self,
        pictures: str | Path | Sequence[Picture],
        progress: Progress = silent,
        extract: ExtractConfig | None = None,
    ) -> Addition:
        """Adds pictures to the catalogue; reads only new or changed files.

        ``rejected.csv`` lists files that were left out, until they are added or are gone.

        Args:
            pictures: a folder, a picture file, a table with metadata, or Picture records.
            progress: called as pictures are read.
            extract: limits for this call; None for those of the fit.
        """
        from picturedesk.backbones.backbone import Backbone
        from picturedesk.datasets import absolute_spec, open_pictures
        from picturedesk.store import extraction as reading
        from picturedesk.store.features import FeatureStore

        self._loaded.require_open()
        checks.function("progress", progress)
        checks.optional("extract", extract, reading.ExtractConfig)
        command, rejected = "add", tuple[Rejection, ...]()
        if isinstance(pictures, str | Path):
            command = f"add {absolute_spec(pictures)}"
            pictures, rejected = open_pictures(pictures)
        else:
            pictures = checks.several_of("pictures", pictures, Picture)
        backbone = Backbone.load(self.folder.backbone)
        with FeatureStore.open(self.folder.features, backbone.spec) as store:
            uris = [picture.uri for picture in pictures]
            extraction = reading.extract(uris, backbone, store, extract or self.limits, progress)
            by_key: dict[str, Picture] = {}
            for picture in pictures:
                key = extraction.keys.get(picture.uri)
                if key is not None and key not in by_key:
                    by_key[key] = replace(picture, key=key)
            features = store.read(list(by_key))
        vectors = self.blend.vectors(Pictures(self.matcher, list(by_key), features))
        rejected += extraction.rejections
        with self.folder.changing():
            current = self.folder.is_current(self.fitted)
            new = self.catalogue.add(list(by_key.values()), vectors) if current else 0
            if current:
                self._list_rejected(rejected, command, uris)
        if not current:  # another fit became current; the features are in the store
            with Desk(self.folder.root) as again:
                added = again.add(list(by_key.values()), progress, extract)
                again._list_rejected(rejected, command, uris)
            return replace(added, read=extraction.read, rejections=rejected + added.rejections)
        return Addition(
            new=new,
            updated=len(by_key) - new,
            read=extraction.read,
            rejections=rejected,
            catalogue=self.catalogue.count(),
        )

    def _list_rejected(
        self, rejected: Sequence[Rejection], command: str, tried: Sequence[str]
    ) -> None:
        from picturedesk.store.rejected import write_rejections

        again = command != "add"  # without a path, another add may try other pictures
        write_rejections(self.fitted.rejected, rejected, command, tried, again)

    def evaluate(self, part: str = "test") -> Evaluation:
        """Measures every route on the archive texts of one part, in both directions."""
        return self.measure(part).evaluation

    def measure(self, part: str = "test") -> Measured:
        """Like ``evaluate``, with the answers and the calibration of their confidence."""
        from picturedesk.desk.measure import measure

        checks.text("part", part)
        return measure(self.memory, self.held_out, self._archive_features(), part, self.blend)

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
        from picturedesk.desk.measure import RouteScores
        from picturedesk.measuring.trec import RunWriter, open_run, write_qrels

        folder, part = checks.path("folder", folder), checks.text("part", part)
        scores = RouteScores(self.memory, self.held_out, self._archive_features(), part, self.blend)
        rows = self.held_out.rows[scores.texts]
        queries = ["_".join(text.id.split()) for text in self.memory.texts(rows)]
        documents = [picture.key for picture in self.memory.pictures(scores.candidates)]
        write_qrels(folder / "qrels.txt", queries, documents, scores.relevant)
        with ExitStack() as stack:
            runs: dict[str, RunWriter] = {}
            for _, block in scores.blocks():
                for name, values in block.items():
                    if name not in runs:
                        tag = name.replace(", ", "-").replace(" ", "-").replace(":", "-")
                        run = open_run(folder / f"{tag}.run", queries, documents, tag=tag)
                        runs[name] = stack.enter_context(run)
                    runs[name].write(values)

    def _archive_features(self) -> Floats:
        """Level features (P, ΣD_l) of the archive's pictures."""
        from picturedesk.store.features import FeatureStore

        rows = np.arange(len(self.memory.picture_vectors), dtype=np.int64)
        with FeatureStore.open(self.folder.features) as store:
            return store.read([picture.key for picture in self.memory.pictures(rows)])

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
            "backbone": read_manifest(self.folder.backbone)["spec"],
            "matcher": self.matcher.fingerprint,
            "weights": plain(self.blend.weights),
            "text_weights": plain(self.blend.text_weights),
            "config": settings["config"],
        }
