"""What a desk answers: pictures for texts and pictures, words and texts for a picture."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, overload

import numpy as np

import picturedesk.checks as checks
from picturedesk.desk.asking import Asked
from picturedesk.desk.facade.parts import DeskParts
from picturedesk.desk.given import names_of, read_given, word_detectors
from picturedesk.desk.ranking_texts import TextRanker
from picturedesk.desk.slots import MOST, PARAGRAPHS, SLOTS, Slot, Slotter
from picturedesk.desk.suggesting import MIN_CONFIDENCE
from picturedesk.errors import BadInput
from picturedesk.routes.blend import ASKED
from picturedesk.routes.diversity import OrderConfig
from picturedesk.store.rights import Rights
from picturedesk.types import (
    DIVERSITY,
    FATIGUE,
    RankedText,
    Suggestion,
    Suggestions,
    Tag,
)

if TYPE_CHECKING:
    from picturedesk.explaining import Explanation


class Answering(DeskParts):
    """Reads a desk; see ``Desk``."""

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
