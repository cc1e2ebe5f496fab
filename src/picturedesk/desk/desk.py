"""An open desk: add pictures, suggest, evaluate. Loads each part at its first use."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self, overload

import numpy as np

import picturedesk.checks as checks
from picturedesk.desk.asking import Asked
from picturedesk.desk.embedding import query_vectors
from picturedesk.desk.folder import DeskFolder
from picturedesk.desk.given import names_of, read_given, word_detectors
from picturedesk.desk.loaded import Loaded
from picturedesk.desk.ranking_texts import TextRanker
from picturedesk.desk.slots import MOST, PARAGRAPHS, SLOTS, Slot, Slotter
from picturedesk.desk.suggesting import MIN_CONFIDENCE, Suggester
from picturedesk.disk.artifacts import plain, read_manifest
from picturedesk.errors import BadInput
from picturedesk.heads.matcher import Matcher
from picturedesk.routes import Blend
from picturedesk.routes.blend import ASKED
from picturedesk.routes.diversity import OrderConfig
from picturedesk.store.archive_memory import ArchiveMemory
from picturedesk.store.catalogue import open_catalogue
from picturedesk.store.held_out import TRAIN, HeldOutTexts
from picturedesk.store.rights import Rights
from picturedesk.types import (
    DIVERSITY,
    FATIGUE,
    Archive,
    Catalogue,
    Choice,
    Floats,
    Json,
    Picture,
    Progress,
    RankedText,
    Suggestion,
    Suggestions,
    Tag,
    silent,
    step,
)

if TYPE_CHECKING:
    from picturedesk.datasets import Columns
    from picturedesk.desk.adding import Addition
    from picturedesk.desk.auditing import AuditConfig
    from picturedesk.desk.deciding import Named
    from picturedesk.desk.exporting import Export
    from picturedesk.desk.fit import FitReport
    from picturedesk.desk.life_cycle import Hit, Removal
    from picturedesk.desk.measure import Measured
    from picturedesk.desk.syncing import Sync
    from picturedesk.desk.versions import Version
    from picturedesk.explaining import Explanation
    from picturedesk.learning.config import DeskConfig
    from picturedesk.measuring.evaluation import Evaluation
    from picturedesk.report.audit_records import Audit
    from picturedesk.store.extraction import ExtractConfig
    from picturedesk.store.features import FeatureStore


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
        columns: Columns | None = None,
    ) -> Desk:
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
        include: Collection[str] = (),
        territory: str = "",
        today: str = "",
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
        include: Collection[str] = (),
        territory: str = "",
        today: str = "",
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
        include: Collection[str] = (),
        territory: str = "",
        today: str = "",
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
            where: SQL condition on the fields of a picture (uri, key, caption, credit, licence,
                date, tags, expiry, …) and on own columns; see ``Catalogue``.
            min_confidence: chance that the right picture is among those shown, below which the
                answer has a doubt.
            diversity: how far the pictures after the first differ from those before, 0 (by score
                alone) to 1.
            fatigue: days after which a picture that ran (``Picture.last_used``) is held back half
                as much; 0 holds none back.
            duplicates: whether near-duplicates are shown each.
            include: what may be suggested although the picture may not run: "expired",
                "embargoed", "missing" (the file is gone), "used_up" (it has run ``max_uses``
                times).
            territory: where the picture is to run, e.g. "DE"; pictures for other places only are
                left out. "" for anywhere.
            today: ISO 8601, the day or moment for which expiry and embargo count; "" for now.

        Returns:
            The suggestions; for several texts, one answer a text in their order.

        Raises:
            BadInput: no word of a text is known, or an argument is invalid.
            BadPicture: a file of an ``Asked`` cannot be read.
        """
        order = OrderConfig(diversity, fatigue, duplicates, today)
        rights = Rights(checks.several("include", include), territory, today)
        if isinstance(text, Asked):
            checks.share("min_confidence", min_confidence)
            return self._asked(text, k, route, where, order, rights)
        if not isinstance(text, Iterable):
            raise checks.refusal("text", text, "a text, or a list of texts")
        texts = checks.texts("text", [text] if isinstance(text, str) else text)
        k = checks.whole_number("k", k, 1)
        route, where = checks.text("route", route), checks.text("where", where)
        min_confidence = checks.share("min_confidence", min_confidence)
        route = route or self.blend.default
        answers = self.suggester.suggest(texts, k, route, where, min_confidence, order, rights)
        return answers[0] if isinstance(text, str) else answers

    def _asked(
        self, asked: Asked, k: int, route: str, where: str, order: OrderConfig, rights: Rights
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
        return self.suggester.asked(asked, like, unlike, k, route, where, order, rights)

    def similar(
        self,
        picture: str | Path,
        k: int = 10,
        where: str = "",
        diversity: float = 0.0,
        fatigue: float = FATIGUE,
        duplicates: bool = False,
        include: Collection[str] = (),
        territory: str = "",
        today: str = "",
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
            include: as for ``suggest``.
            territory: as for ``suggest``.
            today: as for ``suggest``.

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
            include=include,
            territory=territory,
            today=today,
        )

    def slots(
        self,
        text: str,
        slots: int | str = SLOTS,
        k: int = 3,
        route: str = "",
        where: str = "",
        fatigue: float = FATIGUE,
        include: Collection[str] = (),
        territory: str = "",
        today: str = "",
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
            include: as for ``suggest``.
            territory: as for ``suggest``.
            today: as for ``suggest``.

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
        where = checks.text("where", where)
        order = OrderConfig(fatigue=fatigue, today=today)
        rights = Rights(checks.several("include", include), territory, today)
        self.blend.weights_of(route)
        return Slotter(self.suggester).slots(text, slots, k, route, where, order, rights)

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

    def embed_texts(self, texts: Sequence[str], route: str = "") -> Floats:
        """Query vectors of texts: ``embed_texts(texts) @ embed_pictures(pictures).T`` is the score.

        The weights of a blend are folded in, so the product is the score of ``suggest`` on that
        route, without the share of the route "captions", which counts words. With "direct" it is
        the cosine of text and picture in the shared space.

        Args:
            texts: Q texts of any length.
            route: as for ``suggest``; "" for the best there is.

        Returns:
            (Q, W) float32, of any length.

        Raises:
            BadInput: no word of a text is known, or the route has no vectors: "captions", and
                "transfer" of the paper's recipe, which asks with several.
        """
        texts, route = checks.texts("texts", texts), checks.text("route", route)
        return query_vectors(self.suggester, texts, route or self.blend.default)

    def embed_pictures(self, pictures: str | Path | Sequence[str | Path]) -> Floats:
        """Catalogue vectors of pictures, see ``embed_texts``; writes nothing.

        Args:
            pictures: N files, or content keys of pictures that the desk knows; or one of them.

        Returns:
            (N, W) float32 of length one, as the catalogue has them: a picture of the archive is
            placed by the heads that did not learn from it.

        Raises:
            BadPicture: a file cannot be read.
        """
        names = names_of(pictures)
        folder = self.folder
        given = read_given(names, self.matcher, folder.features, folder.backbone, self.limits)
        return self.blend.vectors(given)

    def export_parquet(
        self, path: str | Path, half: bool = False, progress: Progress = silent
    ) -> int:
        """Writes the catalogue as one Parquet file: all metadata, and the vectors.

        One row per picture, ordered by key. Columns are the fields of ``Picture``, columns of your
        own by their names, and ``vector``: W numbers, as ``embed_pictures`` gives them.

        Args:
            path: of the file; one that is there is replaced.
            half: whether vectors are in half precision (float16), half the size.
            progress: called as pictures are written.

        Returns:
            How many pictures were written.
        """
        from picturedesk.desk.parquet import write_parquet

        path = checks.path("path", path)
        checks.instance("half", half, bool)
        checks.function("progress", progress)
        facts = {"picturedesk.fingerprint": self.blend.fingerprint}
        return write_parquet(self.catalogue, path, half, facts, progress)

    def export(self, folder: str | Path) -> Export:
        """Writes what programs without picturedesk need to compute the desk's vectors.

        A folder with one ONNX graph from pixels to catalogue vectors, the text side of the route
        "direct" as arrays with Python for NumPy, a manifest, and an example of 30 lines. The graph
        places every picture as a new one; for the vectors of archive pictures, export the catalogue
        (``export_parquet``).

        Args:
            folder: new, empty, or of an earlier export, which is replaced.

        Raises:
            BadInput: the folder holds something else.
            MissingExtra: onnx is not installed (extra ``train``).
        """
        from picturedesk.desk.exporting import export_desk

        return export_desk(self.blend, self.folder.backbone, checks.path("folder", folder))

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

    def _reads(self, progress: Progress, extract: ExtractConfig | None) -> ExtractConfig:
        """Limits for reading, after the desk and the arguments were checked."""
        from picturedesk.store.extraction import ExtractConfig

        self._loaded.require_open()
        checks.function("progress", progress)
        return checks.optional("extract", extract, ExtractConfig) or self.limits

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
        from picturedesk.desk.deciding import now

        checks.text("text", text)
        named = [picture, *checks.several("rejected", rejected)]
        key, *others = self._keys_of(named)
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

    def _keys_of(self, named: Sequence[Named]) -> list[str]:
        from picturedesk.desk.deciding import keys_of

        return keys_of(self.catalogue, named)

    def _decided(self, choice: Choice | None = None, undone: int = 0) -> Choice:
        from picturedesk.desk.deciding import decide

        with self.folder.changing():
            if self.folder.is_current(self.fitted):
                return decide(self.folder, self.fitted, self.matcher, choice, undone)
        with Desk(self.folder.root) as again:  # another fit became current
            return again._decided(choice, undone)

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

    def evaluate(self, part: str = "test") -> Evaluation:
        """Measures every route on the archive texts of one part, in both directions."""
        return self.measure(part).evaluation

    def measure(self, part: str = "test") -> Measured:
        """Like ``evaluate``, with the answers and the calibration of their confidence."""
        from picturedesk.desk.measure import measure
        from picturedesk.desk.reading import archive_features

        checks.text("part", part)
        return measure(
            self.memory,
            self.held_out,
            archive_features(self.memory, self.folder.features),
            part,
            self.blend,
        )

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
