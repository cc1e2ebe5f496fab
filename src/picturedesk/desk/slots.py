"""A long story → pictures for each of its passages; none comes twice. Reads; never writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from picturedesk.desk.arranging import Arranged, fused
from picturedesk.desk.suggesting import Suggester
from picturedesk.errors import BadInput
from picturedesk.routes import Queries
from picturedesk.routes.diversity import OrderConfig, near_duplicates
from picturedesk.store.rights import NOW, Rights
from picturedesk.texts.passages import Passage, paragraphs, topics
from picturedesk.types import Doubles, Floats, Ints, Suggestions

PARAGRAPHS = "paragraphs"
SLOTS = 5
MOST = 50  # passages of a story
_CANDIDATES = 30  # pictures of each slot, at least, among which the assignment chooses
_UNKNOWN = "no word of this passage is known to the desk"
_NONE_LEFT = "no picture is left that other passages do not have"


@dataclass(frozen=True, slots=True)
class Slot:
    """A passage of a story with its pictures.

    Attributes:
        text: the passage.
        sentence: the one with which the first picture scores highest; "" without a picture.
        suggestions: the picture of the passage, then others that no passage has.
    """

    text: str
    sentence: str
    suggestions: Suggestions


@dataclass(frozen=True, slots=True, eq=False)
class _Story:
    """A story, read.

    Attributes:
        passages: in order.
        sentences: S, of all passages.
        features: (S, I) of the sentences, from the text encoder.
    """

    passages: list[Passage]
    sentences: list[str]
    features: Floats


class Slotter:
    """Divides stories and gives each passage its pictures.

    Args:
        suggester: of the desk.
    """

    def __init__(self, suggester: Suggester) -> None:
        self._suggester = suggester

    def slots(
        self,
        text: str,
        slots: int | str,
        k: int,
        route: str,
        where: str,
        order: OrderConfig,
        rights: Rights = NOW,
    ) -> list[Slot]:
        """See ``Desk.slots``."""
        story = self._read(text, slots)
        known = [place for place, one in enumerate(story.passages) if _known(story, one)]
        found = [Slot(one.text, "", Suggestions(doubt=_UNKNOWN)) for one in story.passages]
        if not known:
            raise BadInput(
                "no word of the story is known to this desk: "
                "give a longer text, or fit on an archive in its language"
            )
        queries = self._suggester.queries([story.passages[place].text for place in known])
        depth = max(_CANDIDATES, len(known) * (k + 1))
        order = replace(order, diversity=0.0, duplicates=False)
        allowed = self._suggester.allowed(where, rights)
        pools = self._suggester.arranged(queries, depth, route, allowed, order)
        chosen = self._shared_out(pools, k)
        answers = self._suggester.answers(queries, chosen, route, rights)
        for row, (place, answer) in enumerate(zip(known, answers, strict=True)):
            passage = story.passages[place]
            if not answer:
                found[place] = Slot(passage.text, "", Suggestions(doubt=_NONE_LEFT))
                continue
            first = chosen[row].ranking.vectors[:1]
            sentence = self._best_sentence(story, passage, first, route)
            found[place] = Slot(passage.text, sentence, answer)
        return found

    def _read(self, text: str, slots: int | str) -> _Story:
        """Divides a text; encodes each of its sentences once."""
        passages = paragraphs(text)
        sentences = [sentence for one in passages for sentence in one.sentences]
        matcher = self._suggester.blend.matcher
        features = matcher.text_encoder.encode(sentences)
        if slots != PARAGRAPHS:
            ends = np.cumsum([len(one.sentences) for one in passages])
            passages = topics(sentences, matcher.placed(features), int(slots), ends)
        if len(passages) > MOST:
            raise BadInput(
                f"the story has {len(passages)} paragraphs, at most {MOST} get pictures: "
                f"divide it by topic, with a number of slots"
            )
        return _Story(passages, sentences, features)

    def _shared_out(self, pools: Sequence[Arranged], k: int) -> list[Arranged]:
        """Each slot's picture, and then k - 1 others that no slot has.

        Near-duplicates count as one picture. The pictures are those of the highest sum of values.
        """
        owners = self._owners(pools)
        scores = _scores(pools, owners)
        rows, columns = _assigned(scores)
        taken = {row: column for row, column in zip(rows, columns, strict=True)}
        used = set(taken.values())
        found = []
        for row, pool in enumerate(pools):
            own = [place for place, one in enumerate(owners[row]) if one == taken.get(row)][:1]
            others = [place for place, one in enumerate(owners[row]) if one not in used]
            places = (own + _first_of_each(others, owners[row]))[:k] if own else []
            used |= {int(owners[row][place]) for place in places}
            found.append(pool.some(np.array(places, dtype=np.int64)))
        return found

    def _owners(self, pools: Sequence[Arranged]) -> list[Ints]:
        """For each pool the number of each candidate's picture; near-duplicates have one."""
        arranger = self._suggester.arranger
        keys: list[str] = []
        places: list[Floats] = []
        row_of: dict[str, int] = {}
        for pool in pools:
            vectors = fused(self._suggester.blend, pool.ranking.vectors)
            for picture, vector in zip(pool.ranking.pictures, vectors, strict=True):
                if picture.key not in row_of:
                    row_of[picture.key] = len(keys)
                    keys.append(picture.key)
                    places.append(vector)
        stacked, hashes = np.array(places, dtype=np.float32), arranger.hashes(keys)
        number = np.full(len(keys), -1, dtype=np.int64)
        for row in range(len(keys)):
            if number[row] < 0:
                later = np.flatnonzero(number < 0)
                cosines = stacked[later] @ stacked[row]
                number[later[near_duplicates(hashes, cosines, row, later)]] = row
                number[row] = row
        return [
            number[[row_of[picture.key] for picture in pool.ranking.pictures]] for pool in pools
        ]

    def _best_sentence(self, story: _Story, passage: Passage, picture: Floats, route: str) -> str:
        """The sentence of a passage with the highest score with a picture (1, W)."""
        blend = self._suggester.blend
        weights = blend.weights_of(route)
        span = slice(passage.start, passage.start + len(passage.sentences))
        features = story.features[span]
        known = np.flatnonzero(features.any(axis=1))
        if not len(known) or not any(weights.get(one.name) for one in blend.block_routes):
            return passage.sentences[0]
        sentences = [passage.sentences[place] for place in known.tolist()]
        queries = Queries(blend.matcher, sentences, features[known], self._suggester.archive)
        asked = blend.ask(queries, weights)
        scores = [
            float((blend.combined(asked.of(row), weights) @ picture[0]).max())
            for row in range(len(sentences))
        ]
        return sentences[int(np.argmax(scores))]


def _known(story: _Story, passage: Passage) -> bool:
    span = slice(passage.start, passage.start + len(passage.sentences))
    return bool(story.features[span].any())


def _scores(pools: Sequence[Arranged], owners: Sequence[Ints]) -> Doubles:
    """Values (slots, pictures); far below all others where one is no candidate."""
    count = 1 + max((int(one.max(initial=-1)) for one in owners), default=-1)
    far = -1e6
    scores = np.full((len(pools), max(count, 1)), far)
    for row, (pool, numbers) in enumerate(zip(pools, owners, strict=True)):
        np.maximum.at(scores[row], numbers, pool.values)
    return scores


def _assigned(scores: Doubles) -> tuple[list[int], list[int]]:
    """Slots and their pictures of the highest sum; without those that are no candidates."""
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(scores, maximize=True)
    real = scores[rows, columns] > -1e5
    return rows[real].tolist(), columns[real].tolist()


def _first_of_each(places: Sequence[int], numbers: Ints) -> list[int]:
    """The first of the places of each picture."""
    seen: set[int] = set()
    found = []
    for place in places:
        if int(numbers[place]) not in seen:
            seen.add(int(numbers[place]))
            found.append(place)
    return found
