"""Explanations: shares sum to scores, what was planted is found, what is deleted is missed."""

from __future__ import annotations

import subprocess
import sys
import zlib
from dataclasses import dataclass, replace

import numpy as np
import pytest

from picturedesk.backbones.spec import BackboneSpec
from picturedesk.errors import BadInput
from picturedesk.explaining import ExplainConfig, SuggestedPictures, explain, without
from picturedesk.explaining.texts import ReadText
from picturedesk.heads.fusion import FusionConfig, FusionMLP
from picturedesk.heads.linear import LinearHead
from picturedesk.heads.matcher import Matcher
from picturedesk.learning.alignment import AlignmentConfig, Block, Links, Side, align
from picturedesk.learning.cross_validation import fit_routes
from picturedesk.measuring.significance import paired_difference
from picturedesk.routes import ArchiveVectors, Blend, Fold, Pictures, Queries
from picturedesk.routes.class_names import CENTRE, OTHERS
from picturedesk.routes.direct import ALWAYS, NOT_ATTRIBUTED
from picturedesk.routes.kinds import BEST, PAPER
from picturedesk.routes.route import Classes, ShareConfig
from picturedesk.testing import TINY_PREPROCESSING, TinyTextEncoder
from picturedesk.texts.joined import JoinedEncoder
from picturedesk.texts.lsa import LsaConfig, LsaEncoder
from picturedesk.texts.sentences import SentenceConfig, SentenceEncoder
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
        self.read = []

    def arrays(self):
        return {}

    def encode(self, sentences):
        self.read += sentences
        rows = [sum((self._word(w) for w in s.split()), np.zeros(self.width)) for s in sentences]
        return np.array(rows, dtype=np.float32).reshape(-1, self.width)

    def _word(self, word):
        plain = word.strip(".,").lower()
        seed = zlib.crc32(TRANSLATED.get(plain, plain).encode())
        return np.random.default_rng(seed).normal(size=self.width)


def write(random, subject, sentences=4):
    """Sentences of subject words and fillers."""
    known, fillers = SUBJECTS[subject].split(), FILLERS.split()
    lines = []
    for _ in range(sentences):
        words = [*random.choice(known, 3), *random.choice(fillers, 5)]
        lines.append(" ".join(random.permutation(words)).capitalize() + ".")
    return " ".join(lines)


def draw(random, subject):
    """Level features: the subject is in ``late`` and ``probs``, ``early`` is noise."""
    place = list(SUBJECTS).index(subject)
    late = np.random.default_rng(place).normal(size=24) + 0.3 * random.normal(size=24)
    odds = np.exp(random.normal(size=6) + 4 * np.eye(6)[place])
    return np.concatenate([random.normal(size=16), late, odds / odds.sum()]).astype(np.float32)


WEIGHTS = {"direct": 0.9, "hubness": 0.25, "transfer": 0.3, "class_names": 0.6, "captions": 0.2}
BM25 = 10 / 3  # saturated a quarter


@dataclass(frozen=True)
class World:
    """A fitted archive and pictures that can be suggested."""

    blend: Blend
    archive: ArchiveVectors
    subjects: list
    features: np.ndarray
    engine: HashedWords | None = None

    @property
    def matcher(self):
        return self.blend.matcher

    def ask(self, text):
        return Queries(self.matcher, [text], self.matcher.text_encoder.encode([text]), self.archive)

    def shown(self, rows=slice(None)):
        keys = [f"{n:03d}" for n in range(len(self.features))]
        some = np.arange(len(keys))[rows]
        pictures = Pictures(self.matcher, [keys[row] for row in some], self.features[some])
        return SuggestedPictures(pictures, self.blend.vectors(pictures), np.full(len(some), BM25))

    def explain(self, text, rows=slice(None), shares=None, config=None, route="blend"):
        shares, config = shares or ShareConfig(), config or ExplainConfig()
        return explain(self.blend, route, self.ask(text), self.shown(rows), shares, config)

    def scores(self, texts):
        """Direct and class names, which move with the words (Q, K)."""
        features = self.matcher.text_encoder.encode(texts)
        queries = Queries(self.matcher, texts, features, self.archive)
        pictures = self.shown().pictures
        return sum(
            WEIGHTS[route.name] * (route.ask(queries).vectors @ route.store(pictures).T)
            for route in self.blend.routes
            if route.name in ("direct", "class_names")
        )


def make_world(matcher, texts, features, plans, weights, subjects=(), engine=None, **changes):
    """Routes fitted on texts, each of which ran with one picture; every fifth with the next too."""
    known = matcher.text_encoder.encode(texts)
    pictures = Pictures(matcher, [f"archive {n}" for n in range(len(texts))], features)
    rows = np.arange(len(texts))
    links = [np.stack([rows, rows], axis=1), np.stack([rows[:-1:5], rows[1::5]], axis=1)]
    archive = ArchiveVectors(matcher.placed(known), pictures.vectors, np.concatenate(links))
    classes = None
    if isinstance(matcher.text_encoder, JoinedEncoder):
        columns = matcher.text_encoder.spans[-1]
        names = matcher.text_encoder.encode(list(SUBJECTS))[:, columns]
        classes = Classes(tuple(SUBJECTS), names, columns, "probs")
    fold = Fold(Queries(matcher, texts, known, archive), pictures, classes)
    blend = Blend(matcher, fit_routes(plans, fold), weights, **changes)
    return World(blend, archive, subjects, features, engine)


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
    return make_world(matcher, texts, features, BEST, WEIGHTS, subjects, engine)


def aligned(encoder, texts, features):
    """Text head and picture head, by the recipe's closed form."""
    config = AlignmentConfig(width=24)
    blocks = [Block(SPEC.columns(str(level))) for level in LEVELS]
    known = encoder.encode(texts)
    left = Side.fit(known, [Block(span) for span in encoder.spans], 1.0, config)
    right = Side.fit(features, blocks, 0.5, config)
    links = np.tile(np.arange(len(texts))[:, None], 2)
    found = align(left, right, left(known), right(features), Links.alike(links), config)
    return found.text_head, found.picture_head


@pytest.fixture(scope="module")
def asked():
    """New texts of each subject in turn."""
    random = np.random.default_rng(77)
    return [(subject, write(random, subject)) for subject in list(SUBJECTS) * 8]


def paper(unit="sigmoid", output="tanh"):
    """As the paper has it: LSA topics are the shared space, a perceptron fuses the levels."""
    _, texts, features = planted()
    encoder = LsaEncoder.fit(texts, LsaConfig(topics=12, min_count=1))
    random = np.random.default_rng(1)
    config = FusionConfig((20, 16), unit, output)
    fusion = FusionMLP.initial(config, SPEC.width, encoder.width, random)
    matcher = Matcher(encoder, fusion, SPEC)
    return make_world(matcher, texts, features, PAPER, {"direct": 1.0}, default="direct")


def total(shares):
    return sum(known.share for known in shares)


def test_routes_sum_to_the_score_that_a_catalogue_gives(world, asked):
    blend, text = world.blend, asked[0][1]
    weights = blend.weights_of("blend")
    query = blend.combined(blend.ask(world.ask(text)), weights)[0]
    cosines = world.shown().vectors @ (query / np.linalg.norm(query))
    expected = blend.layout.products(cosines, query) + 0.25 * weights["captions"]
    found = world.explain(text)
    assert [known.score for known in found] == pytest.approx(expected, abs=1e-5)
    for known in found:
        assert total(known.routes) == pytest.approx(known.score, abs=1e-9)
        assert [name for name, _ in known.routes] == [
            "direct",
            "hubness",
            "transfer",
            "class_names",
            "captions",
        ]


def test_all_shares_sum_to_their_routes(world, asked):
    for _, text in [*asked[:6], ("river", GERMAN), ("river", "River"), ("none", "!?")]:
        for known in world.explain(text):
            routes = dict(known.routes)
            fused = routes["direct"] + routes["transfer"]
            moving = routes["direct"] + routes["class_names"]
            assert total(known.levels) == pytest.approx(fused, abs=1e-5)
            assert of_text(known) == pytest.approx(moving, abs=1e-5)
            assert total(known.classes) == pytest.approx(routes["class_names"], abs=1e-5)
            assert set(known.pictures) == {"levels", "classes"}


def of_text(known):
    """What is shared out among the text: exact words, sentences and the offset."""
    return total(w for w in known.words if w.exact) + total(known.sentences) + known.offset


def test_two_encoders_of_sentences_share_them_even_if_one_reads_fewer(asked):
    _, texts, features = planted()
    reader = SentenceEncoder(engine=HashedWords())
    brief = SentenceEncoder(SentenceConfig(most=2), HashedWords())
    lsa = LsaEncoder.fit(texts, LsaConfig(topics=40, min_count=1))
    other = SentenceEncoder(SentenceConfig(longest=20), HashedWords())  # divides them otherwise
    encoder = JoinedEncoder([lsa, brief, other, reader])
    text_head, picture_head = aligned(encoder, texts, features)
    matcher = Matcher(encoder, picture_head, SPEC, text_head=text_head)
    world = make_world(matcher, texts, features, BEST, WEIGHTS)
    text = asked[1][1] + " " + GERMAN
    read = ReadText(encoder, text)
    assert read.sentences == reader.sentences(text)
    np.testing.assert_allclose(read.features, encoder.encode([text])[0], atol=1e-6)
    slope = np.random.default_rng(0).normal(size=encoder.width).astype(np.float32)
    parts = [(encoder.scale * slope[span]).astype(np.float32) for span in encoder.spans]
    expected = [share for _, share in reader.sentence_shares(text, parts[3])]
    for place, (_, share) in enumerate(brief.sentence_shares(text, parts[1])):
        expected[place] += share
    np.testing.assert_allclose(read.sentence_shares(slope), expected, atol=1e-5)
    undivided = float(other.encode([text])[0] @ parts[2])
    assert read.unshared(slope) == pytest.approx(undivided, abs=1e-5)
    variants = [(0, "the"), (4, "fluss"), (1, "said")]
    found = read.changed(variants)
    for row, (place, word) in zip(found, variants, strict=True):
        shorter = list(read.sentences)
        shorter[place] = without(shorter[place], word)
        rows = reader.engine.encode(shorter)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        for part, one in ((1, brief), (3, reader)):
            some = rows[: one.config.most]
            vector = one.weights(len(some)) @ some
            expected = encoder.scale * vector / np.linalg.norm(vector)
            np.testing.assert_allclose(row[encoder.spans[part]], expected, atol=1e-5)
    for known in world.explain(text, route="direct"):
        assert of_text(known) == pytest.approx(known.score, abs=1e-5)


def test_words_and_sentences_of_the_direct_route_are_those_of_the_encoders(world, asked):
    text, matcher = asked[1][1], world.matcher
    encoder, head = matcher.text_encoder, matcher.text_head
    found = world.explain(text, [5], route="direct")[0]
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
        levels.append([part.share for part in known.levels])
        classes.append(known.classes[0].name == subject)
    assert np.mean(words) > 0.9
    early, late, probs, _ = np.mean(levels, axis=0)
    assert min(late, probs) > 3 * abs(early)
    assert np.mean(classes) > 0.8


def test_classes_name_what_is_likeliest_and_the_rest(world, asked):
    subject, text = asked[0]
    known = world.explain(text, [world.subjects.index(subject)], ShareConfig(most=2))[0]
    assert [row.name for row in known.classes[2:]] == [OTHERS, CENTRE]
    assert known.classes[0].probability > 0.5
    assert sum(row.probability for row in known.classes[:-1]) == pytest.approx(1, abs=1e-5)
    assert known.classes[-1].probability is None
    everything = world.explain(text, [0], ShareConfig(most=99))[0].classes
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
    world.engine.read.clear()
    config = ExplainConfig(sentences=1, left_out=3)
    found = world.explain(GERMAN, slice(0, 10), config=config)
    assert len(world.engine.read) == 1 + 1 + 3  # the first for the query
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
@pytest.mark.parametrize("route", ["blend", "direct"])
def test_a_text_without_words_has_no_shares(world, text, route):
    for known in world.explain(text, route=route):
        assert known.words == ()
        assert known.sentences == ()
        assert known.offset == 0
        assert np.isfinite(known.score)


def test_a_picture_of_zeros_has_no_levels(world, asked):
    pictures = Pictures(world.matcher, ["dark"], np.zeros_like(world.features[:1]))
    shown = SuggestedPictures(pictures, world.blend.vectors(pictures))
    known = explain(world.blend, "blend", world.ask(asked[0][1]), shown)[0]
    assert all(part.share == 0 for part in known.levels)
    assert dict(known.routes)["direct"] == 0
    assert dict(known.routes)["captions"] == 0


def test_levels_compared_with_a_typical_picture_sum_as_well(world, asked):
    text = asked[0][1]
    typical = ShareConfig(typical=world.features.mean(axis=0))
    for route in ("blend", "direct"):
        for known in world.explain(text, shares=typical, route=route):
            routes = dict(known.routes)
            expected = routes["direct"] + routes.get("transfer", 0)
            assert total(known.levels) == pytest.approx(expected, abs=1e-5)
    same = ShareConfig(typical=world.features[0])
    known = world.explain(text, [0], same, route="direct")[0]
    assert [part.share for part in known.levels] == pytest.approx([0, 0, 0, known.score], abs=1e-6)


@pytest.mark.parametrize("unit", ["sigmoid", "tanh", "relu", "linear"])
@pytest.mark.parametrize("output", ["tanh", "linear"])
def test_integrated_gradients_of_the_papers_fusion_are_complete(unit, output, asked):
    world = paper(unit, output)
    shares = ShareConfig(typical=world.features.mean(axis=0))
    for known in world.explain(asked[0][1], shares=shares, route="direct"):
        assert [part.name for part in known.levels[-2:]] == [ALWAYS, NOT_ATTRIBUTED]
        assert abs(known.levels[-1].share) <= 0.01 * abs(known.score)
        assert total(known.levels) == pytest.approx(known.score, abs=1e-5)
        assert total(known.words) + known.offset == pytest.approx(known.score, abs=1e-5)
        assert all(word.exact for word in known.words)


def test_a_route_that_asks_with_several_vectors_is_explained_by_the_one_that_counts(asked):
    world = paper()
    shares = ShareConfig()
    text = planted()[1][5]  # ran with two pictures
    assert len(world.blend.ask(world.ask(text)).rows["transfer"].vectors) == 2
    found = world.explain(text, shares=shares, route="transfer")
    pictures = world.matcher.pictures(world.features)
    best = (pictures[[5, 6]] @ pictures.T).max(axis=0)
    assert [known.score for known in found] == pytest.approx(best.tolist(), abs=1e-6)
    for known in found:
        assert total(known.levels) == pytest.approx(known.score, abs=1e-5)
        assert of_text(known) == 0  # neighbours do not move with single words


def test_gradients_do_not_depend_on_the_company(asked):
    world = paper("tanh")
    together = world.explain(asked[0][1], route="direct")
    alone = world.explain(asked[0][1], [4], route="direct")[0]
    ours = {part.name: part.share for part in alone.levels}
    theirs = {part.name: part.share for part in together[4].levels}
    assert ours == pytest.approx(theirs, abs=1e-5)


def test_an_encoder_that_cannot_be_shared_out_stays_whole(asked):
    weights = np.random.default_rng(0).normal(size=(SPEC.width, 8)).astype(np.float32)
    head = LinearHead(1.0, weights, np.zeros(8, dtype=np.float32))
    matcher = Matcher(TinyTextEncoder(8), head, SPEC)
    _, texts, features = planted()
    world = make_world(matcher, texts, features, PAPER, {"direct": 1.0}, default="direct")
    known = world.explain(asked[0][1], [0], route="direct")[0]
    assert known.words == ()
    assert known.sentences == ()
    assert known.offset == pytest.approx(known.score, abs=1e-6)


def test_a_text_head_with_a_power_is_shared_out_exactly(world, asked):
    bent = replace(world.matcher, text_head=replace(world.matcher.text_head, power=0.5))
    _, texts, features = planted()
    other = make_world(bent, texts, features, BEST, WEIGHTS)
    for known in other.explain(asked[3][1], route="direct"):
        assert of_text(known) == pytest.approx(known.score, abs=1e-5)


def test_what_is_missing_is_named(world, asked):
    query, shown = world.ask(asked[0][1]), world.shown()
    blend = world.blend
    with pytest.raises(BadInput, match="route 'sideways' is not known"):
        explain(blend, "sideways", query, shown)
    with pytest.raises(BadInput, match=r"are \[96, 96, 2\]: the counts must be equal"):
        SuggestedPictures(shown.pictures, shown.vectors, np.zeros(2))
    with pytest.raises(BadInput, match="were they made by the same fit"):
        explain(blend, "blend", query, replace(shown, vectors=shown.vectors[:, :9]))
    with pytest.raises(BadInput, match="typical features"):
        explain(blend, "blend", query, shown, ShareConfig(typical=np.zeros(3, "f4")))
    with pytest.raises(BadInput, match="0 texts: one is explained"):
        explain(
            blend, "blend", Queries(world.matcher, [], query.features[:0], world.archive), shown
        )
    gone = [replace(r, level="gone") if r.name == "class_names" else r for r in blend.routes]
    with pytest.raises(BadInput, match="'gone' is needed, the matcher reads early:max, late:avg"):
        explain(replace(blend, routes=tuple(gone)), "blend", query, shown)
    with pytest.raises(BadInput, match="steps start at 1"):
        ShareConfig(steps=0)
    with pytest.raises(BadInput, match="both start at 0"):
        ExplainConfig(sentences=-1)


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


@pytest.mark.parametrize("route", ["direct", "transfer", "class_names", "captions"])
def test_one_route_alone_is_explained_alone(world, asked, route):
    for known in world.explain(asked[4][1], route=route):
        assert [name for name, _ in known.routes] == [route]
        moves = route in {"direct", "class_names"}
        assert of_text(known) == pytest.approx(known.score if moves else 0, abs=1e-5)
        assert bool(known.classes) == (route == "class_names")
        assert bool(known.levels) == (route in {"direct", "transfer"})


def test_levels_lie_where_the_matcher_reads_them(world, asked):
    columns = [*range(40, 46), *range(16, 40)]  # probs, then late
    head = world.matcher.fusion
    fusion = replace(head, weights=head.weights[columns])
    matcher = replace(world.matcher, fusion=fusion, levels=("probs", "late:avg"))
    _, texts, features = planted()
    other = make_world(matcher, texts, features[:, columns], BEST, WEIGHTS)
    known = other.explain(asked[0][1])[0]
    assert [part.name for part in known.levels] == ["probs", "late:avg", ALWAYS]
    assert total(known.classes) == pytest.approx(dict(known.routes)["class_names"], abs=1e-5)


def test_no_pictures_have_no_explanations(world, asked):
    assert world.explain(asked[0][1], slice(0, 0)) == []
