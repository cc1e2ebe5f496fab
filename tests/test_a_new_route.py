"""A new route is one new file, one line where a recipe lists its routes, and its tests.

The file is ``BrightnessPlan`` and ``BrightnessRoute`` below, the line is ``ROUTES``. Nothing else
knows of the route: it is weighed, searched, explained and saved like those that there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pytest

from brute_force_catalogue import BruteForceCatalogue
from picturedesk.backbones.spec import BackboneSpec
from picturedesk.errors import Mismatch
from picturedesk.explaining import SuggestedPictures, explain
from picturedesk.heads.matcher import Matcher
from picturedesk.learning.best import fit_best
from picturedesk.learning.best_config import BestConfig
from picturedesk.learning.training_pairs import TextFeatures, TrainingPairs, level_blocks
from picturedesk.routes import (
    ArchiveVectors,
    Blend,
    Block,
    BlockRoute,
    Fold,
    Pictures,
    Queries,
    Rows,
    search,
)
from picturedesk.routes.kinds import BEST
from picturedesk.routes.route import PictureShare, PictureShares, ShareConfig
from picturedesk.routes.search import SearchConfig
from picturedesk.testing import TINY_PREPROCESSING, TinyTextEncoder
from picturedesk.texts.words import words
from picturedesk.types import Floats, Json, Level, Picture

BRIGHTNESS = "brightness"


@dataclass(frozen=True, slots=True)
class BrightnessPlan:
    """Plan of the brightness route.

    Attributes:
        level: whose first number says how light a picture is.
    """

    name: str = BRIGHTNESS
    weights: tuple[float, ...] = (0.0, 0.5, 1.0, 2.0)
    unit: str = BRIGHTNESS
    default_weight: float = 0.0
    level: str = "light:avg"

    def fit(self, fold: Fold) -> BrightnessRoute:
        """Learns how light the archive's pictures are, and how much that varies."""
        light = fold.pictures.level(self.level)[:, 0]
        return BrightnessRoute(self.level, np.array([light.mean(), max(light.std(), 1e-6)]))

    def restore(self, matcher: Matcher, settings: Json, arrays: Mapping) -> BrightnessRoute:
        """The route as it was saved."""
        return BrightnessRoute(settings["level"], arrays["usual"])


@dataclass(frozen=True, slots=True, eq=False)
class BrightnessRoute:
    """Light pictures for texts that say "day", dark ones for texts that say "night".

    Attributes:
        level: as in the plan.
        usual: (2,) mean and deviation of the archive's pictures.
    """

    level: str
    usual: np.ndarray
    name: str = BRIGHTNESS
    standalone: bool = True

    @property
    def block(self) -> Block:
        """One number a picture."""
        return Block(BRIGHTNESS, 1)

    def store(self, pictures: Pictures) -> Floats:
        """(N, 1) how light each picture is, -1 to 1."""
        mean, deviation = self.usual
        light = (pictures.level(self.level)[:, :1] - mean) / (3 * deviation)
        return np.clip(light, -1, 1).astype(np.float32)

    def ask(self, queries: Queries) -> Rows:
        """(Q, 1) whether the text says day (1) or night (-1)."""
        named = [{*words(text)} for text in queries.texts]
        signs = [("day" in known) - ("night" in known) for known in named]
        return Rows.one_each(np.array(signs, dtype=np.float32)[:, None])

    def picture_shares(
        self, pictures: Pictures, toward: Floats, config: ShareConfig
    ) -> PictureShares:
        """One part: the light."""
        light = self.store(pictures)[:, 0] * toward[0]
        return PictureShares("light", tuple((PictureShare("light", float(v)),) for v in light))

    def text_slopes(self, queries: Queries, stored: Floats) -> None:
        """A word is there or not: nothing moves smoothly."""

    def settings(self) -> Json:
        """The level."""
        return {"level": self.level}

    def arrays(self) -> Mapping:
        """What was learned of the archive."""
        return {"usual": self.usual}


ROUTES = (*BEST, BrightnessPlan())

THINGS = ("boat", "tree", "house", "river", "hill", "horse")
LEVELS = (Level("things", 12, "avg"), Level("light", 1, "avg"))
SPEC = BackboneSpec("bright", "none", "none", LEVELS, TINY_PREPROCESSING)
CONFIG = BestConfig(folds=3, ridges=((1.0, 1.0),), routes=ROUTES)


def make_pairs(count=150, seed=0, lit=True):
    """Texts that name two things and the time of day; if ``lit``, their pictures show both."""
    random = np.random.default_rng(seed)
    shown = np.array([random.choice(6, 2, replace=False) for _ in range(count)])
    day = random.random(count) < 0.5
    looks = random.normal(size=(6, 12))
    things = looks[shown].mean(axis=1) + 0.3 * random.normal(size=(count, 12))
    light = np.where(day if lit else random.random(count) < 0.5, 200.0, 50.0)
    light = light + 20 * random.normal(size=count)
    names = [" ".join(THINGS[thing] for thing in pair) for pair in shown]
    return TrainingPairs(
        texts=tuple(
            f"{name} {'day' if d else 'night'}" for name, d in zip(names, day, strict=True)
        ),
        keys=tuple(f"{number:03d}" for number in range(count)),
        features=np.concatenate([things, light[:, None]], axis=1).astype(np.float32),
        links=np.stack([np.arange(count)] * 2, axis=1),
        split_groups=np.arange(count),
        duplicate_groups=np.arange(count),
        captions=("",) * count,
        spec=SPEC,
        blocks=tuple(level_blocks(SPEC, ["things:avg"])),  # heads do not learn from the light
    )


def fit(pairs, config=CONFIG):
    return fit_best(pairs, TextFeatures(pairs.texts, None, {"tiny": TinyTextEncoder(64)}), config)


@pytest.fixture(scope="module")
def fitted():
    return fit(make_pairs())


@dataclass(frozen=True)
class World:
    """A blend, one text as its routes see it, and a catalogue of the archive's pictures."""

    blend: Blend
    queries: Queries
    pictures: Pictures
    catalogue: BruteForceCatalogue


def ask(blend, text):
    pairs, matcher = make_pairs(), blend.matcher
    pictures = Pictures(matcher, pairs.keys, pairs.features)
    archive = ArchiveVectors(matcher.texts(pairs.texts), pictures.vectors, pairs.links)
    queries = Queries(matcher, [text], matcher.text_encoder.encode([text]), archive)
    entries = [Picture("", key=key) for key in pairs.keys]
    return World(blend, queries, pictures, BruteForceCatalogue(entries, blend.vectors(pictures)))


def first(asked, k=8, route="blend"):
    query, few = asked.blend.ask(asked.queries), SearchConfig(candidates=4)
    return search(asked.blend, asked.catalogue, query, k, route, config=few)[0]


def light_of(asked, ranking):
    keys = {picture.key for picture in ranking.pictures}
    rows = [row for row, key in enumerate(asked.pictures.keys) if key in keys]
    return asked.pictures.level("light:avg")[rows].mean()


def test_it_keeps_the_protocol(fitted):
    route = next(route for route in fitted.blend.routes if route.name == BRIGHTNESS)
    assert isinstance(route, BlockRoute)


def test_where_it_helps_it_gets_weight_and_the_blend_gains(fitted):
    without = fit(make_pairs(), replace(CONFIG, routes=BEST))
    assert fitted.blend.weights[BRIGHTNESS] > 0
    gain = fitted.cross_validated["blend"] - without.cross_validated["blend"]
    assert gain > 0.05
    assert set(fitted.cross_validated) - set(without.cross_validated) == {BRIGHTNESS}


def test_where_it_tells_nothing_it_gets_none():
    assert fit(make_pairs(lit=False)).blend.weights[BRIGHTNESS] == 0
    silent = make_pairs()
    texts = tuple(text.rpartition(" ")[0] for text in silent.texts)
    assert fit(replace(silent, texts=texts)).blend.weights[BRIGHTNESS] == 0


def test_catalogue_vectors_have_room_for_it(fitted):
    without = replace(fitted.blend, routes=fitted.blend.routes[:-1])
    assert fitted.blend.layout.width == without.layout.width + 1
    assert fitted.blend.fingerprint != without.fingerprint


def test_a_search_by_the_blend_counts_it(fitted):
    night, day = (ask(fitted.blend, f"boat river {when}") for when in ("night", "day"))
    assert light_of(night, first(night)) < 100 < 150 < light_of(day, first(day))
    route_scores = first(night).route_scores
    assert route_scores[BRIGHTNESS].shape == (8,)
    assert (route_scores[BRIGHTNESS] > 0).all()


def test_it_can_be_asked_alone(fitted):
    night = ask(fitted.blend, "boat night")
    assert BRIGHTNESS in fitted.blend.names
    found = first(night, 5, BRIGHTNESS)
    darkest = np.argsort(night.blend.store(night.pictures)[BRIGHTNESS][:, 0], kind="stable")[:5]
    assert [picture.key for picture in found.pictures] == [f"{row:03d}" for row in darkest]


def test_it_explains_itself(fitted):
    asked = ask(fitted.blend, "boat river night")
    shown = SuggestedPictures(asked.pictures, asked.blend.vectors(asked.pictures))
    for found in explain(asked.blend, "blend", asked.queries, shown):
        routes = dict(found.routes)
        assert sum(routes.values()) == pytest.approx(found.score, abs=1e-9)
        light = found.pictures["light"]
        assert [part.name for part in light] == ["light"]
        assert light[0].share == pytest.approx(routes[BRIGHTNESS], abs=1e-5)
        fused = routes["direct"] + routes.get("transfer", 0)
        assert sum(part.share for part in found.levels) == pytest.approx(fused, abs=1e-5)


def test_it_is_saved_and_loaded_by_its_plan(fitted, tmp_path):
    fitted.blend.save(tmp_path / "blend")
    loaded = Blend.load(tmp_path / "blend", fitted.matcher, ROUTES)
    assert loaded.fingerprint == fitted.blend.fingerprint
    ours, theirs = (first(ask(blend, "hill horse day")) for blend in (fitted.blend, loaded))
    assert ours.pictures == theirs.pictures
    np.testing.assert_array_equal(ours.scores, theirs.scores)
    with pytest.raises(Mismatch, match="route 'brightness', known are direct, hubness"):
        Blend.load(tmp_path / "blend", fitted.matcher)
