"""Attribution: shares sum to scores, what was planted is found, what is deleted is missed."""

from __future__ import annotations

import subprocess
import sys
import zlib
from dataclasses import dataclass, replace

import numpy as np
import pytest

from picturedesk.backbones.spec import BackboneSpec
from picturedesk.errors import BadInput
from picturedesk.explaining import (
    ALWAYS,
    CENTRE,
    OTHERS,
    AttributionConfig,
    Shown,
    explain,
    explain_all,
    without,
)
from picturedesk.explaining.pictures import integrated
from picturedesk.heads.fusion import FusionConfig, FusionMLP
from picturedesk.heads.linear import LinearHead
from picturedesk.heads.matcher import Matcher
from picturedesk.learning.alignment import AlignmentConfig, Block, Side, align
from picturedesk.measuring.significance import paired_difference
from picturedesk.routes import Blend, CatalogueSpace, ClassNames, Question, Weights, hubness
from picturedesk.testing import TINY_PREPROCESSING, TinyTextEncoder
from picturedesk.texts.joined import JoinedEncoder
from picturedesk.texts.lsa import LsaConfig, LsaEncoder
from picturedesk.texts.sentences import SentenceEncoder
from picturedesk.types import Level

SUBJECTS = {
    "river": "river flood bank bridge boat rain water dam",
    "match": "match goal team referee stadium trainer penalty fans",
    "market": "market cheese fish honey bread spice stall flower",
    "school": "school teacher pupil exam library lesson desk pencil",
    "court": "court judge lawyer verdict trial witness jury appeal",
    "train": "train rails platform conductor tunnel ticket signal wagon",
}
FILLERS = "the and with from over about near today people new old some many said after"
TRANSLATED = {"fluss": "river", "brücke": "bridge", "hochwasser": "flood"}
GERMAN = "Der Fluss trat beim Hochwasser bis an die Brücke."
LEVELS = (Level("early", 16, "max"), Level("late", 24, "avg"), Level("probs", 6, "none"))
SPEC = BackboneSpec("planted", "none", "0", LEVELS, TINY_PREPROCESSING)


class HashedWords:
    """A sentence engine: each word of any language has its own direction."""

    name, facts, fingerprint, width = "hashed", {}, "hashed", 128

    def __init__(self):
        self.asked = []

    def arrays(self):
        return {}

    def encode(self, sentences):
        self.asked += sentences
        rows = [sum((self._word(w) for w in s.split()), np.zeros(self.width)) for s in sentences]
        return np.array(rows, dtype=np.float32).reshape(-1, self.width)

    def _word(self, word):
        plain = word.strip(".,").lower()
        seed = zlib.crc32(TRANSLATED.get(plain, plain).encode())
        return np.random.default_rng(seed).normal(size=self.width)


def write(random, subject, sentences=4):
    """Sentences of subject words and fillers."""
    told, fillers = SUBJECTS[subject].split(), FILLERS.split()
    lines = []
    for _ in range(sentences):
        words = [*random.choice(told, 3), *random.choice(fillers, 5)]
        lines.append(" ".join(random.permutation(words)).capitalize() + ".")
    return " ".join(lines)


def draw(random, subject):
    """Level features: the subject is in ``late`` and ``probs``, ``early`` is noise."""
    place = list(SUBJECTS).index(subject)
    late = np.random.default_rng(place).normal(size=24) + 0.3 * random.normal(size=24)
    odds = np.exp(random.normal(size=6) + 4 * np.eye(6)[place])
    return np.concatenate([random.normal(size=16), late, odds / odds.sum()]).astype(np.float32)


@dataclass(frozen=True)
class World:
    """A fitted archive and pictures that can be suggested."""

    matcher: Matcher
    blend: Blend
    subjects: list
    features: np.ndarray
    hubs: np.ndarray
    engine: HashedWords

    def ask(self, text):
        features = self.matcher.text_encoder.encode([text])
        placed = self.matcher.placed(features)[0]
        like = self.matcher.pictures(self.features[3:4])[0]
        return Question(placed, like, self.blend.named_texts(features)[0], 0.5)

    def shown(self, rows=slice(None)):
        return Shown(self.features[rows], self.hubs[rows], np.full(len(self.hubs), 0.25)[rows])

    def explain(self, text, rows=slice(None), config=None):
        asked = self.ask(text)
        config = config or AttributionConfig()
        return explain_all(self.matcher, self.blend, text, asked, self.shown(rows), config)

    def scores(self, texts):
        """Direct and names, which hang on words (Q, K)."""
        features = self.matcher.text_encoder.encode(texts)
        weights, names = self.blend.weights, self.blend.names
        direct = self.matcher.placed(features) @ self.matcher.pictures(self.features).T
        named = names.pictures(self.features[:, SPEC.columns("probs")])
        return weights.direct * direct + weights.names * self.blend.named_texts(features) @ named.T


def planted(count=96, seed=0):
    random = np.random.default_rng(seed)
    subjects = [list(SUBJECTS)[i % 6] for i in range(count)]
    texts = [write(random, subject) for subject in subjects]
    features = np.stack([draw(random, subject) for subject in subjects])
    return subjects, texts, features


@pytest.fixture(scope="module")
def world():
    subjects, texts, features = planted()
    engine = HashedWords()
    lsa = LsaEncoder.fit(texts, LsaConfig(topics=40, min_count=1))
    encoder = JoinedEncoder([lsa, SentenceEncoder(engine=engine)])
    text_head, picture_head = aligned(encoder, texts, features)
    matcher = Matcher(encoder, picture_head, SPEC, text_head=text_head)
    columns = encoder.spans[-1]
    names = ClassNames.of(tuple(SUBJECTS), encoder.encode(list(SUBJECTS))[:, columns])
    probabilities = features[:, SPEC.columns("probs")]
    names = names.centred(encoder.encode(texts)[:, columns], probabilities)
    blend = Blend(
        CatalogueSpace(matcher.width, names.width, hubs=True),
        Weights(direct=0.9, hubs=0.25, transfer=0.3, names=0.6, words=0.2),
        names=names,
        probabilities="probs",
        sentences=(columns.start, columns.stop),
    )
    asked, shown = matcher.texts(texts), matcher.pictures(features)
    return World(matcher, blend, subjects, features, hubness(asked, shown, 0.1), engine)


def aligned(encoder, texts, features):
    """Text head and picture head, by the recipe's closed form."""
    config = AlignmentConfig(width=24)
    blocks = [Block(SPEC.columns(str(level))) for level in LEVELS]
    known = encoder.encode(texts)
    left = Side.fit(known, [Block(span) for span in encoder.spans], 1.0, config)
    right = Side.fit(features, blocks, 0.5, config)
    links = np.tile(np.arange(len(texts))[:, None], 2)
    found = align(left, right, left(known), right(features), links, config)
    return found.text_head, found.picture_head


@pytest.fixture(scope="module")
def asked():
    """New texts of each subject in turn."""
    random = np.random.default_rng(77)
    return [(subject, write(random, subject)) for subject in list(SUBJECTS) * 8]


def paper(unit="sigmoid", output="tanh"):
    """A matcher as the paper has it: LSA topics are the shared space."""
    _, texts, features = planted()
    encoder = LsaEncoder.fit(texts, LsaConfig(topics=12, min_count=1))
    random = np.random.default_rng(1)
    config = FusionConfig((20, 16), unit, output)
    return Matcher(
        encoder, FusionMLP.initial(config, SPEC.width, encoder.width, random), SPEC
    ), features


def total(shares):
    return sum(known.share for known in shares)


def test_routes_sum_to_the_score_that_a_catalogue_gives(world, asked):
    blend, text = world.blend, asked[0][1]
    fused = world.matcher.pictures(world.features)
    archive = world.matcher.texts(planted()[1])
    stored = blend.pictures(fused, world.features[:, SPEC.columns("probs")], archive)
    query = blend.query(world.ask(text))
    cosines = stored @ (query / np.linalg.norm(query))
    expected = blend.space.scores(cosines, query) + 0.25 * blend.weights.words
    found = world.explain(text)
    assert [known.score for known in found] == pytest.approx(expected, abs=1e-5)
    for known in found:
        assert total(known.routes) == pytest.approx(known.score, abs=1e-9)
        assert [name for name, _ in known.routes] == [
            "direct",
            "transfer",
            "names",
            "words",
            "hubs",
        ]


def test_all_shares_sum_to_their_routes(world, asked):
    for _, text in [*asked[:6], ("river", GERMAN), ("river", "River"), ("none", "!?")]:
        for known in world.explain(text):
            routes = dict(known.routes)
            said = total(w for w in known.words if w.exact) + total(known.sentences) + known.offset
            assert total(known.levels) == pytest.approx(
                routes["direct"] + routes["transfer"], abs=1e-5
            )
            assert said == pytest.approx(routes["direct"] + routes["names"], abs=1e-5)
            assert total(known.classes) == pytest.approx(routes["names"], abs=1e-5)


def test_words_and_sentences_of_the_direct_route_are_those_of_the_encoders(world, asked):
    text, matcher = asked[1][1], world.matcher
    encoder, head = matcher.text_encoder, matcher.text_head
    found = explain(matcher, None, text, None, world.shown(slice(5, 6)))
    placed = head(encoder.encode([text]))[0]
    slope = head.weights @ matcher.pictures(world.features[5:6])[0] / np.linalg.norm(placed)
    bag, sentences = (np.float32(encoder.scale) * slope[span] for span in encoder.spans)
    lsa, reader = encoder.parts
    assert {w.word: w.share for w in found.words} == pytest.approx(
        dict(lsa.word_shares(text, bag)), abs=1e-6
    )
    expected = reader.sentence_shares(text, sentences)
    assert [name for name, _ in found.sentences] == [name for name, _ in expected]
    assert total(found.sentences) == pytest.approx(sum(share for _, share in expected), abs=1e-6)
    assert [name for name, _ in found.routes] == ["direct"]
    assert found.classes == ()


def test_the_planted_levels_word_and_class_speak_most(world, asked):
    words, levels, classes = [], [], []
    for subject, text in asked:
        known = world.explain(text, [world.subjects.index(subject)])[0]
        words.append(known.words[0].word in SUBJECTS[subject].split())
        levels.append([share for _, share in known.levels])
        classes.append(known.classes[0].name == subject)
    assert np.mean(words) > 0.9
    early, late, probs, _ = np.mean(levels, axis=0)
    assert min(late, probs) > 3 * abs(early)
    assert np.mean(classes) > 0.8


def test_classes_name_what_is_likeliest_and_the_rest(world, asked):
    subject, text = asked[0]
    known = world.explain(text, [world.subjects.index(subject)], AttributionConfig(classes=2))[0]
    assert [row.name for row in known.classes[2:]] == [OTHERS, CENTRE]
    assert known.classes[0].probability > 0.5
    assert sum(row.probability for row in known.classes) == pytest.approx(1, abs=1e-5)
    everything = world.explain(text, [0], AttributionConfig(classes=99))[0].classes
    assert len(everything) == len(SUBJECTS) + 2
    assert everything[-2][1:] == (0.0, 0.0)


def test_words_of_a_language_that_the_bag_does_not_know_are_left_out_in_turn(world):
    row = world.subjects.index("river")
    known = world.explain(GERMAN, [row])[0]
    assert {w.word for w in known.words} == set(GERMAN[:-1].lower().split())
    assert not any(w.exact for w in known.words)
    shares = {w.word: w.share for w in known.words}
    planted_shares = [shares.pop(word) for word in TRANSLATED]
    assert np.mean(planted_shares) > 2 * np.mean(np.abs(list(shares.values())))
    assert known.words[0].word in TRANSLATED
    for word, share, _ in known.words:
        texts = [GERMAN, without(GERMAN, word)]
        before, after = world.scores(texts)[:, row]
        assert share == pytest.approx(before - after, abs=1e-5)


def test_a_text_of_one_unknown_word_owes_it_everything(world):
    row = world.subjects.index("river")
    known = world.explain("Hochwasser", [row])[0]
    before, after = world.scores(["Hochwasser", ""])[:, row]
    assert known.words[0] == ("hochwasser", pytest.approx(before - after, abs=1e-5), False)


def test_sentences_are_read_once_and_few_words_are_left_out(world):
    world.engine.asked.clear()
    config = AttributionConfig(sentences=1, left_out=3)
    found = world.explain(GERMAN, slice(0, 10), config)
    assert len(world.engine.asked) == 1 + 1 + 3  # one is the question's
    assert {len(known.words) for known in found} == {3}


def test_several_pictures_at_once_are_as_one_by_one(world, asked):
    text = asked[2][1] + " " + GERMAN
    together = world.explain(text)
    for row in (0, 7, 50):
        alone = world.explain(text, [row])[0]
        assert alone.score == pytest.approx(together[row].score, abs=1e-6)
        for name in ("routes", "levels", "words", "sentences", "classes"):
            ours = {known[0]: known.share for known in getattr(alone, name)}
            theirs = {known[0]: known.share for known in getattr(together[row], name)}
            assert ours == pytest.approx(theirs, abs=1e-6)


@pytest.mark.parametrize("text", ["", "…!?", "\n"])
def test_a_text_without_words_has_no_shares(world, text):
    for blend in (world.blend, None):
        question = world.ask(text) if blend else None
        for known in explain_all(world.matcher, blend, text, question, world.shown()):
            assert known.words == ()
            assert known.sentences == ()
            assert known.offset == 0
            assert np.isfinite(known.score)


def test_a_picture_of_zeros_has_no_levels(world, asked):
    shown = Shown(np.zeros_like(world.features[:1]), np.zeros(1, dtype=np.float32))
    text = asked[0][1]
    known = explain(world.matcher, world.blend, text, world.ask(text), shown)
    assert all(share == 0 for _, share in known.levels)
    assert dict(known.routes)["direct"] == 0


def test_levels_compared_with_a_typical_picture_sum_as_well(world, asked):
    text = asked[0][1]
    typical = world.features.mean(axis=0)
    for matcher, blend in ((world.matcher, world.blend), (world.matcher, None)):
        shown = replace(world.shown(), typical=typical)
        question = world.ask(text) if blend else None
        for known in explain_all(matcher, blend, text, question, shown):
            routes = dict(known.routes)
            expected = routes["direct"] + routes.get("transfer", 0)
            assert total(known.levels) == pytest.approx(expected, abs=1e-5)
    same = replace(world.shown([0]), typical=world.features[0])
    known = explain(world.matcher, None, text, None, same)
    assert [share for _, share in known.levels] == pytest.approx([0, 0, 0, known.score], abs=1e-6)


@pytest.mark.parametrize("unit", ["sigmoid", "tanh", "relu", "linear"])
@pytest.mark.parametrize("output", ["tanh", "linear"])
def test_integrated_gradients_of_the_papers_fusion_are_complete(unit, output, asked):
    matcher, features = paper(unit, output)
    text = asked[0][1]
    shown = Shown(features, typical=features.mean(axis=0))
    for known in explain_all(matcher, None, text, None, shown, AttributionConfig(steps=256)):
        assert known.levels[-1].name == ALWAYS
        assert total(known.levels) == pytest.approx(known.score, abs=0.01)
        assert total(known.words) + known.offset == pytest.approx(known.score, abs=1e-5)
        assert all(word.exact for word in known.words)


def test_few_steps_of_the_papers_units_are_complete_within_a_percent(asked):
    matcher, features = paper()
    toward = matcher.texts([asked[0][1]])[0]
    shares, start = integrated(matcher.fusion, np.zeros(SPEC.width, "f4"), features, toward, 32)
    difference = matcher.pictures(features) @ toward - start
    assert np.abs(shares.sum(axis=1) - difference).max() < 0.01 * np.abs(difference).max()


def test_gradients_do_not_depend_on_the_company(asked):
    matcher, features = paper("tanh")
    together = explain_all(matcher, None, asked[0][1], None, Shown(features))
    alone = explain(matcher, None, asked[0][1], None, Shown(features[4:5]))
    assert dict(alone.levels) == pytest.approx(dict(together[4].levels), abs=1e-5)


def test_an_encoder_that_cannot_be_shared_out_stays_whole(asked):
    encoder = TinyTextEncoder(8)
    weights = np.random.default_rng(0).normal(size=(SPEC.width, 8)).astype(np.float32)
    matcher = Matcher(encoder, LinearHead(1.0, weights, np.zeros(8, dtype=np.float32)), SPEC)
    known = explain(matcher, None, asked[0][1], None, Shown(planted()[2][:1]))
    assert known.words == ()
    assert known.sentences == ()
    assert known.offset == pytest.approx(known.score, abs=1e-6)


def test_a_text_head_with_a_power_is_shared_out_exactly(world, asked):
    bent = replace(world.matcher, text_head=replace(world.matcher.text_head, power=0.5))
    for known in explain_all(bent, None, asked[3][1], None, world.shown()):
        said = total(known.words) + total(known.sentences) + known.offset
        assert said == pytest.approx(known.score, abs=1e-5)


def test_what_is_missing_is_named(world, asked):
    text = asked[0][1]
    ask, shown = world.ask(text), world.shown()
    matcher, blend = world.matcher, world.blend
    with pytest.raises(BadInput, match="by its question"):
        explain_all(matcher, blend, text, None, shown)
    with pytest.raises(BadInput, match="hubness"):
        explain_all(matcher, blend, text, ask, replace(shown, hubness=None))
    with pytest.raises(BadInput, match=r"words of shape \(2,\)"):
        explain_all(matcher, blend, text, ask, replace(shown, words=np.zeros(2, "f4")))
    with pytest.raises(BadInput, match="question of widths"):
        explain_all(matcher, blend, text, replace(ask, names=ask.names[:1]), shown)
    with pytest.raises(BadInput, match="typical features"):
        explain_all(matcher, blend, text, ask, replace(shown, typical=np.zeros(3, "f4")))
    with pytest.raises(BadInput, match="'gone' is needed"):
        explain_all(matcher, replace(blend, probabilities="gone"), text, ask, shown)
    with pytest.raises(BadInput, match="steps start at 1"):
        AttributionConfig(steps=0)


@pytest.mark.parametrize(
    ("text", "word", "left"),
    [
        ("The river, the bank", "the", " river,  bank"),
        ("Rivers and river", "river", "Rivers and "),
        ("大雨下了三天。三天！", "三天", "大雨下了。！"),
        ("人民说人", "人", "人民说"),
        ("雨がやまない", "やま", "雨がない"),
        ("In der Straße liegt Schnee", "strasse", "In der  liegt Schnee"),
        ("l'eau monte", "eau", "l' monte"),
        ("don’t go", "don't", " go"),
        ("a (b) c", "z", "a (b) c"),
    ],
)
def test_a_word_is_left_out_of_a_text(text, word, left):
    assert without(text, word) == left


def test_deleting_what_spoke_most_lowers_the_score_more_than_deleting_at_random(world, asked):
    random = np.random.default_rng(5)
    drops = []
    for subject, text in asked:
        row = world.subjects.index(subject)
        words = [known.word for known in world.explain(text, [row])[0].words]
        picked = (words[:3], list(random.choice(words, 3, replace=False)), words[-3:])
        scores = world.scores([text, *(deleted(text, some) for some in picked)])[:, row]
        drops.append(scores[0] - scores[1:])
    best, chance, least = np.array(drops).T
    assert paired_difference(best, chance).low > 0
    assert paired_difference(chance, least).low > 0
    assert np.mean(best > chance) > 0.8


def deleted(text, words):
    for word in words:
        text = without(text, word)
    return text


def test_it_needs_neither_torch_nor_scikit_learn():
    program = (
        "import sys, picturedesk.explaining; sys.exit(bool({'torch', 'sklearn'} & {*sys.modules}))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize("route", ["direct", "transfer", "names", "words"])
def test_one_route_alone_is_explained_by_its_weights(world, asked, route):
    text = asked[4][1]
    alone = replace(world.blend, weights=world.blend.weights_of(route))
    for known in explain_all(world.matcher, alone, text, world.ask(text), world.shown()):
        said = total(w for w in known.words if w.exact) + total(known.sentences) + known.offset
        assert [name for name, _ in known.routes] == [route]
        assert said == pytest.approx(known.score if route in {"direct", "names"} else 0, abs=1e-5)
        assert bool(known.classes) == (route == "names")


def test_levels_lie_where_the_matcher_reads_them(world, asked):
    columns = [*range(40, 46), *range(16, 40)]  # probs, then late
    head = world.matcher.fusion
    fusion = replace(head, weights=head.weights[columns])
    matcher = replace(world.matcher, fusion=fusion, levels=("probs", "late:avg"))
    text, shown = asked[0][1], replace(world.shown(), features=world.features[:, columns])
    known = explain(matcher, world.blend, text, world.ask(text), shown)
    assert [name for name, _ in known.levels] == ["probs", "late:avg", ALWAYS]
    assert total(known.classes) == pytest.approx(dict(known.routes)["names"], abs=1e-5)


def test_no_pictures_have_no_explanations(world, asked):
    assert world.explain(asked[0][1], slice(0, 0)) == []
