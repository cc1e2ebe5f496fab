"""Sentences: how texts are split, how their vectors are pooled, what each adds to a score."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from picturedesk.disk.artifacts import read_record, write_record
from picturedesk.errors import BadInput, Mismatch, MissingArtefact, MissingExtra
from picturedesk.texts import load_text_encoder
from picturedesk.texts.sentences import SentenceConfig, SentenceEncoder
from picturedesk.texts.splitting import sentences_of, split_sentences
from picturedesk.texts.use import UseEngine

NEWS = (
    "River bursts its banks\n"
    "After days of rain the river flooded cellars and streets. Two bridges are closed. "
    "Nobody was hurt.\n"
    "The mayor spoke of the worst flood in forty years. Schools stay closed until Monday."
)


class CountingEngine:
    """Sentences → how often they hold each of three letters; counts what it is asked."""

    name = "counting"
    facts: dict[str, str] = {}  # noqa: RUF012 - the Protocol's attribute
    fingerprint = "counting"
    width = 3

    def __init__(self) -> None:
        self.asked: list[str] = []

    def arrays(self):
        return {}

    def encode(self, sentences):
        self.asked += sentences
        return np.array([[s.count(x) for x in "abc"] for s in sentences], dtype=np.float32)


@pytest.fixture(scope="module")
def encoder() -> SentenceEncoder:
    return SentenceEncoder()


@pytest.fixture(scope="module")
def saved(encoder, tmp_path_factory) -> Path:
    """A folder that tests only read."""
    folder = tmp_path_factory.mktemp("saved") / "encoder"
    encoder.save(folder)
    return folder


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("", []),
        (" \n…!? 😀", []),
        ("One sentence", ["One sentence"]),
        ("First here. Second here! Third?", ["First here.", "Second here!", "Third?"]),
        ("A headline\nThe body begins.", ["A headline", "The body begins."]),
        (
            "大雨下了三天。河水漫过堤岸！学校停课？",
            ["大雨下了三天。", "河水漫过堤岸！", "学校停课？"],
        ),
        ("他说：“河水漫堤了。”随后他离开了现场。", ["他说：“河水漫堤了。”", "随后他离开了现场。"]),
        ("真的是这样吗?我们不知道!", ["真的是这样吗?", "我们不知道!"]),
        ("वर्षा हो रही है। नदी उफान पर है।", ["वर्षा हो रही है।", "नदी उफान पर है।"]),
        ("هل فاض النهر؟ نعم فاض النهر.", ["هل فاض النهر؟", "نعم فاض النهر."]),
        ("Am 3. Oktober kam Dr. Weber, z. B. mit J. Roth.", None),
        ("It cost 3.5 million at example.com in the U.S. market.", None),
        ("He left in 2024. Then it rained.", ["He left in 2024.", "Then it rained."]),
        ("“Stop it!” he said. She left.", ["“Stop it!” he said.", "She left."]),
        ("Goal! The crowd went wild.", ["Goal!", "The crowd went wild."]),
        ("No! The crowd went wild. Oh.", ["No! The crowd went wild. Oh."]),
        ("1.\nRain", ["1.", "Rain"]),
        ("a  tab\tand\u3000spaces", ["a tab and spaces"]),
        ("lone \ud800 surrogate", ["lone \ufffd surrogate"]),
    ],
)
def test_texts_are_split_into_sentences(text, sentences):
    assert split_sentences(text) == ([text] if sentences is None else sentences)


def test_no_letter_is_lost_in_splitting():
    for text in (NEWS, "河水漫过堤岸。" * 90, "No. Yes! " * 40, "x" * 5_000, "word, " * 900):
        letters = [character for character in text if character.isalnum()]
        kept = [character for s in split_sentences(text, 50) for character in s]
        assert [character for character in kept if character.isalnum()] == letters


def test_long_sentences_are_cut_at_spaces_or_commas():
    pieces = split_sentences("word, " * 300, 600)
    assert [len(piece) <= 600 for piece in pieces] == [True] * 3
    assert all(piece.endswith(("word", "word,")) for piece in pieces)
    assert [len(piece) for piece in split_sentences("水" * 1_300, 600)] == [434, 433, 433]


def test_no_more_is_read_than_the_first_sentences_need():
    first = islice(sentences_of("First here. Second here.\n" + "x" * 10_000_000, 9), 2)
    began = time.process_time()
    assert list(first) == ["First", "here."]
    assert time.process_time() - began < 0.1


@pytest.mark.parametrize("junk", ["\n", "\r\n", " ", ". ", "! ", "。", "\0", "a\n", "No! a "])
def test_five_million_characters_of_anything_take_seconds(junk):
    began = time.process_time()
    SentenceEncoder(engine=CountingEngine()).encode([junk * (5_000_000 // len(junk))])
    assert time.process_time() - began < 4  # 12 s were needed for newlines; 0.1 s are now


def test_a_sentence_weighs_less_the_later_it_comes():
    encoder = SentenceEncoder(engine=CountingEngine())
    np.testing.assert_allclose(encoder.weights(3), [1, 1 / 2, 1 / 3])
    np.testing.assert_allclose(SentenceEncoder(SentenceConfig(lead=0)).weights(3), 1)
    vector = encoder.encode(["aaaa aaa\nbbb bbb"])[0]
    np.testing.assert_allclose(vector, np.array([1, 0.5, 0]) / np.sqrt(1.25), rtol=1e-6)


def test_a_text_is_the_weighted_sum_of_its_sentences(encoder):
    rows = encoder.sentence_vectors(NEWS)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, rtol=1e-5)
    pooled = encoder.weights(len(rows)) @ rows
    vector = encoder.encode([NEWS])[0]
    np.testing.assert_allclose(pooled / np.linalg.norm(pooled), vector, atol=1e-6)
    assert len(encoder.sentences(NEWS)) == len(rows) == 6


def test_equal_sentences_are_encoded_once():
    engine = CountingEngine()
    SentenceEncoder(engine=engine).encode(["aaaa\nbbbb", "bbbb\naaaa\nbbbb", "aaaa"])
    assert sorted(engine.asked) == ["aaaa", "bbbb"]


def test_many_texts_are_encoded_in_blocks_as_they_are_alone():
    texts = [f"aaaa {'b' * (number % 7)}\nccc{number}" for number in range(600)]
    encoder = SentenceEncoder(engine=CountingEngine())
    alone = np.concatenate([encoder.encode([text]) for text in texts])
    np.testing.assert_array_equal(encoder.encode(texts), alone)


def test_sentences_beyond_the_most_are_not_read():
    engine = CountingEngine()
    vector = SentenceEncoder(SentenceConfig(most=2), engine).encode(["aaaa\nbbbb\ncccc"])[0]
    assert engine.asked == ["aaaa", "bbbb"]
    assert vector[2] == 0


def test_shares_of_sentences_sum_to_the_dot_product(encoder):
    direction = encoder.encode(["A flood after heavy rain"])[0]
    shares = encoder.sentence_shares(NEWS, direction)
    assert [sentence for sentence, _ in shares] == encoder.sentences(NEWS)
    total = sum(share for _, share in shares)
    assert total == pytest.approx(float(encoder.encode([NEWS])[0] @ direction), abs=1e-5)
    assert max(shares, key=lambda share: share[1])[0] == "River bursts its banks"
    assert encoder.sentence_shares("…", direction) == []


def test_a_direction_of_another_width_is_refused(encoder):
    with pytest.raises(BadInput, match=r"direction has shape \(3,\).*have \(512,\)"):
        encoder.sentence_shares(NEWS, np.ones(3, dtype=np.float32))


def test_one_meaning_in_two_languages_is_nearer_than_two_meanings_in_one(encoder):
    german, english, chinese, other = encoder.encode(
        [
            "Der Fluss ist nach tagelangem Regen über die Ufer getreten.",
            "The river burst its banks after days of rain.",
            "大雨连下数日，河水漫过堤岸。",
            "Die Regierung senkt die Steuern für Familien.",
        ]
    )
    assert german @ english > 0.5 > 0.2 > german @ other
    assert chinese @ english > 0.5 > 0.2 > chinese @ other


def test_a_headline_in_capitals_is_read_in_small_letters(encoder):
    headline = "President visits flooded town"
    calm, loud = encoder.encode([headline, headline.upper()])
    assert calm @ loud > 0.9
    unchanged = ["WHO", "NBA 总决赛"]
    raw = encoder.engine._use.encode(unchanged)
    np.testing.assert_allclose(encoder.encode(unchanged), raw, atol=1e-6)


def test_a_fingerprint_that_does_not_fit_is_refused(saved, tmp_path):
    engine = {**read_record(saved / "manifest.json")["engine"], "tables": False}
    folder = changed(saved, tmp_path / "old", engine=engine, fingerprint="0123")
    with pytest.raises(Mismatch, match=r"old has the fingerprint 0123.*make it again"):
        load_text_encoder(folder)


def test_one_text_instead_of_a_list_is_refused(encoder):
    with pytest.raises(BadInput, match="a list: put the text into a list"):
        encoder.encode("river")


@pytest.mark.parametrize("settings", [{"longest": 0}, {"most": 0}, {"lead": -1.0}])
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(BadInput):
        SentenceConfig(**settings)


def test_what_decides_the_output_decides_the_fingerprint(encoder):
    configs = [SentenceConfig(longest=100), SentenceConfig(lead=0.5), SentenceConfig(most=3)]
    others = [SentenceEncoder(config, encoder.engine) for config in configs]
    made = [encoder, *others, SentenceEncoder(engine=CountingEngine())]
    assert len({one.fingerprint for one in made}) == len(made)


def test_the_settings_are_saved_with_it(encoder, tmp_path):
    SentenceEncoder(SentenceConfig(lead=0.5, most=3), encoder.engine).save(tmp_path / "encoder")
    assert SentenceEncoder.load(tmp_path / "encoder").config == SentenceConfig(lead=0.5, most=3)


def test_a_fresh_process_opens_the_saved_tables_and_gives_the_same_bytes(encoder, saved):
    program = (
        "import sys\nfrom pathlib import Path\nfrom picturedesk.texts import load_text_encoder\n"
        f"encoder = load_text_encoder(Path({str(saved)!r}))\n"
        f"sys.stdout.buffer.write(encoder.encode([{NEWS!r}, '河水漫过堤岸。']).tobytes())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout == encoder.encode([NEWS, "河水漫过堤岸。"]).tobytes()


def test_without_tables_the_package_loads_its_own_way(encoder, tmp_path):
    engine = UseEngine.restored(encoder.engine.facts, {})
    again = SentenceEncoder(engine=engine)
    assert again.fingerprint == encoder.fingerprint
    np.testing.assert_array_equal(again.encode([NEWS]), encoder.encode([NEWS]))


def test_a_package_of_unknown_insides_leaves_no_tables_and_still_works(encoder, tmp_path):
    class Strange:
        def encode(self, sentences):
            return np.ones((len(sentences), 512), dtype=np.float32)

    strange = SentenceEncoder(engine=UseEngine(Strange(), encoder.engine.facts))
    assert strange.engine.arrays() == {}
    strange.save(tmp_path / "encoder")
    assert [path.name for path in (tmp_path / "encoder").iterdir()] == ["manifest.json"]
    assert SentenceEncoder.load(tmp_path / "encoder").encode([NEWS]).any()


def changed(saved: Path, folder: Path, **facts: object) -> Path:
    """A folder with the saved manifest changed, and no tables."""
    folder.mkdir()
    manifest = read_record(saved / "manifest.json")
    write_record(folder / "manifest.json", manifest["kind"], {**manifest, **facts})
    return folder


def test_another_version_of_the_package_is_refused_with_its_cure(saved, tmp_path):
    engine = {**read_record(saved / "manifest.json")["engine"], "version": "0.0.9", "tables": False}
    folder = changed(saved, tmp_path / "old", engine=engine)
    with pytest.raises(
        Mismatch, match=r"old was made with .* 0\.0\.9, .*pip install fast-universal.*==0\.0\.9"
    ):
        load_text_encoder(folder)


def test_sentences_split_by_other_rules_are_refused(saved, tmp_path):
    with pytest.raises(Mismatch, match=r"splitting rules 0.*make it again"):
        load_text_encoder(changed(saved, tmp_path / "old", sentences=0))


def test_an_unknown_engine_is_refused(saved, tmp_path):
    folder = changed(saved, tmp_path / "old", engine={"name": "steam", "tables": False})
    with pytest.raises(Mismatch, match="made with unknown engine 'steam': there are 'use'"):
        load_text_encoder(folder)


def test_tables_that_are_gone_are_named(saved, tmp_path):
    with pytest.raises(MissingArtefact, match=r"arrays\.safetensors does not exist"):
        load_text_encoder(changed(saved, tmp_path / "cut"))


needs_transformers = pytest.mark.skipif(
    importlib.util.find_spec("sentence_transformers") is None,
    reason="transformer models need the extra 'sentence'",
)


@pytest.fixture
def tiny_model(tmp_path) -> Path:
    """A random model in the real format: a BERT of two layers over single characters."""
    import torch
    from sentence_transformers import SentenceTransformer
    from transformers import BertConfig, BertModel

    base, folder = tmp_path / "base", tmp_path / "model"
    base.mkdir()
    letters = [*"abcdefghijklmnopqrstuvwxyz.", *(f"##{x}" for x in "abcdefghijklmnopqrstuvwxyz")]
    known = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters]
    (base / "vocab.txt").write_text("\n".join(known), encoding="utf-8")
    tokenizer = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 64}
    (base / "tokenizer_config.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    torch.manual_seed(0)
    BertModel(
        BertConfig(
            vocab_size=len(known),
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=64,
        )
    ).save_pretrained(base)
    SentenceTransformer(str(base), device="cpu").save(str(folder))
    return folder


@needs_transformers
@pytest.mark.filterwarnings("default")  # the libraries' own
def test_a_transformer_encodes_loads_and_refuses_other_weights(tiny_model, tmp_path):
    import torch
    from safetensors.torch import load_file, save_file

    from picturedesk.texts.transformer import TransformerEngine

    encoder = SentenceEncoder(SentenceConfig(most=3), TransformerEngine(tiny_model))
    vectors = encoder.encode([NEWS, "a river", ""])
    assert vectors.shape == (3, 16) == (3, encoder.width)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), [1, 1, 0], atol=1e-6)
    encoder.save(tmp_path / "encoder")
    assert [path.name for path in (tmp_path / "encoder").iterdir()] == ["manifest.json"]
    loaded = load_text_encoder(tmp_path / "encoder")
    assert loaded.fingerprint == encoder.fingerprint
    np.testing.assert_array_equal(loaded.encode([NEWS, "a river", ""]), vectors)
    weights = next(tiny_model.rglob("*.safetensors"))
    save_file(
        {name: tensor + torch.ones(1) for name, tensor in load_file(weights).items()},
        weights,
        {"format": "pt"},
    )
    with pytest.raises(Mismatch, match=r"was made with other weights of .*make it again"):
        load_text_encoder(tmp_path / "encoder")


@needs_transformers
@pytest.mark.filterwarnings("default")
def test_a_model_or_device_that_is_not_there_is_refused(tiny_model, tmp_path, monkeypatch):
    from picturedesk.texts.transformer import TransformerEngine

    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match=r"empty cannot be opened .*sentence-transformers model"):
        TransformerEngine(tmp_path / "empty")
    with pytest.raises(BadInput, match=r"cannot be opened on 'cuda:99'.*a device that is here"):
        TransformerEngine(tiny_model, device="cuda:99")


@pytest.mark.skipif(
    importlib.util.find_spec("sentence_transformers") is not None,
    reason="the extra 'sentence' is installed",
)
def test_a_transformer_without_its_library_names_the_extra():
    from picturedesk.texts.transformer import TransformerEngine

    with pytest.raises(MissingExtra, match=r"pip install 'picturedesk\[sentence\]'"):
        TransformerEngine("any")
