"""What is asked beside one text, copies, reuse, and long stories, on a fitted desk."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from json_schemas import validate
from picturedesk import Asked, Desk
from picturedesk.errors import BadInput
from picturedesk.types import RAN_WITH, SIMILAR, SIMILAR_TEXT
from shapes import draw
from test_json_schemas import output

STORY = """Shapes of the day

We saw a red circle in the morning. It was a very red circle.

After the rain we saw blue stripes. The blue stripes were by the river.

On a hill stood a yellow triangle. It was a yellow triangle near the old town."""


def colours(suggestions):
    return [Path(one.picture.uri).name.rsplit("-", 1)[0] for one in suggestions]


def keys(suggestions):
    return [one.picture.key for one in suggestions]


@pytest.fixture
def desk(fitted_desk: Path):
    with Desk(fitted_desk) as opened:
        yield opened


def test_more_like_this_shows_others_of_its_kind_and_not_itself(desk):
    first = desk.suggest("a red circle", k=1)[0].picture
    found = desk.similar(first.key, k=5, duplicates=True)
    assert first.key not in keys(found)
    assert sum(name.startswith("red") for name in colours(found)) >= 3
    assert all(-1.001 <= one.score <= 1.001 for one in found)
    assert found.found is None
    by_file = desk.similar(first.uri, k=5, duplicates=True)
    assert keys(by_file) == keys(found)


def test_a_picture_from_elsewhere_is_asked_without_being_added(desk, tmp_path):
    path = tmp_path / "new.png"
    draw("blue", "stripes", seed=991).save(path)
    before = desk.catalogue.count()
    found = desk.similar(path, k=4)
    assert sum(name.startswith("blue") for name in colours(found)) >= 2
    assert desk.catalogue.count() == before


def test_a_liked_picture_draws_the_answer_to_its_kind(desk):
    text, liked = "a circle", desk.suggest("a green circle", k=1)[0].picture.key
    plain = colours(desk.suggest(text, k=8, diversity=0, duplicates=True))
    found = desk.suggest(Asked(texts=[text], like=[liked]), k=8, diversity=0, duplicates=True)
    assert sum(name.startswith("green") for name in colours(found)) >= sum(
        name.startswith("green") for name in plain
    )
    assert liked not in keys(found)
    assert all(one.found is None and not one.match for one in found)


def test_an_unliked_picture_scores_lower_and_is_not_shown(desk):
    plain = desk.suggest("a red circle", k=8, diversity=0, duplicates=True)
    unliked = plain[0].picture.key
    found = desk.suggest(
        Asked(texts=["a red circle"], unlike=[unliked]), k=8, diversity=0, duplicates=True
    )
    assert unliked not in keys(found)
    before = {one.picture.key: one.score for one in plain}
    lower = [one.score < before[one.picture.key] for one in found if one.picture.key in before]
    assert lower
    assert np.mean(lower) > 0.5


def test_several_texts_have_one_answer_that_serves_all(desk):
    found = desk.suggest(Asked(texts=["a red circle", "a red square"]), k=6)
    assert len(found) == 6
    assert sum(name.startswith("red") for name in colours(found)) >= 4
    assert any(one.evidence for one in found)


def test_a_keyword_of_captions_leads_to_pictures_that_have_it(desk):
    found = desk.suggest(Asked(keywords=["violet"]), k=5, duplicates=True)
    assert all(name.startswith("violet") for name in colours(found))
    both = desk.suggest(
        Asked(texts=["a circle"], keywords=["violet"]), k=3, diversity=0, duplicates=True
    )
    assert all(name.startswith("violet") for name in colours(both))


def test_a_keyword_that_nothing_can_have_is_refused(desk):
    with pytest.raises(BadInput, match="put them into the text"):
        desk.suggest(Asked(keywords=["…"]))


def test_nothing_asked_is_refused():
    with pytest.raises(BadInput, match="nothing is asked"):
        Asked(unlike=["a.jpg"])


def test_copies_collapse_and_as_many_pictures_are_left(own_desk, tmp_path):
    from PIL import Image

    with Desk(own_desk) as desk:
        first = desk.suggest("a red circle", k=1, duplicates=True)[0].picture
        with Image.open(first.uri) as image:
            for side in (80, 88, 112):
                image.resize((side, side)).save(tmp_path / f"copy-{side}.png")
        desk.add(tmp_path)
        every = desk.suggest("a red circle", k=10, diversity=0, duplicates=True)
        found = desk.suggest("a red circle", k=10, diversity=0)
    copies = {Path(one.picture.uri).name for one in every} & {
        f"copy-{side}.png" for side in (80, 88, 112)
    }
    assert copies
    assert len(found) == 10
    shown = next(one for one in found if one.others >= len(copies))
    assert len(shown.other_keys) == shown.others
    assert not set(shown.other_keys) & set(keys(found))
    assert len({*keys(found)}) == 10


def test_diversity_keeps_the_first_and_leaves_scores_and_chances(desk):
    by_score = desk.suggest("a red circle", k=20, diversity=0)
    diverse = desk.suggest("a red circle", k=20, diversity=1.0)
    assert diverse[0].picture == by_score[0].picture
    assert keys(diverse) != keys(by_score)
    known = {one.picture.key: (one.score, one.found) for one in by_score}
    both = [one for one in diverse if one.picture.key in known]
    assert both
    for one in both:
        assert (one.score, one.found) == pytest.approx(known[one.picture.key])
    assert diverse.found >= max(one.found for one in diverse)


def test_a_picture_that_ran_today_steps_back_and_comes_again(own_desk):
    with Desk(own_desk) as desk:
        plain = desk.suggest("a red circle", k=10, diversity=0)
        used = plain[0].picture
        vectors = desk.catalogue.fetch([used.key]).vectors
        desk.catalogue.add([replace(used, last_used="2999-01-01")], vectors)
        if not desk.catalogue.fetch([used.key]).pictures[0].last_used:
            pytest.skip("this catalogue does not keep when a picture ran")
        tired = desk.suggest("a red circle", k=10, diversity=0)
        rested = desk.suggest("a red circle", k=10, diversity=0, fatigue=0)
    assert tired[0].picture.key != used.key
    assert keys(rested) == keys(plain)


def test_every_passage_of_a_story_has_its_own_picture(desk):
    slots = desk.slots(STORY, slots=3, k=3)
    assert len(slots) == 3
    shown = [key for slot in slots for key in keys(slot.suggestions)]
    assert len(set(shown)) == len(shown) == 9
    for slot, word in zip(slots, ("red", "blue", "yellow"), strict=True):
        assert word in slot.text
        assert colours(slot.suggestions)[0].startswith(word)
        assert slot.sentence in slot.text


def test_paragraphs_are_passages_and_a_short_story_has_fewer(desk):
    slots = desk.slots(STORY, slots="paragraphs", k=1)
    assert [slot.text.split(".")[0] for slot in slots] == [
        "Shapes of the day We saw a red circle in the morning",
        "After the rain we saw blue stripes",
        "On a hill stood a yellow triangle",
    ]
    assert len(desk.slots("A red circle.", slots=5)) == 1


def test_passages_beyond_the_pictures_say_that_none_is_left(desk):
    where = "key IN ('{}')".format("', '".join(keys(desk.suggest("a red circle", k=2))))
    slots = desk.slots(STORY, slots=3, k=2, where=where)
    assert sum(bool(slot.suggestions) for slot in slots) == 2
    assert (
        "no picture is left" in next(one for one in slots if not one.suggestions).suggestions.doubt
    )


@pytest.mark.parametrize("slots", [0, "topics", 2.5, 10**6])
def test_slots_that_make_no_sense_are_refused(desk, slots):
    with pytest.raises(BadInput, match="slots"):
        desk.slots(STORY, slots=slots)


def test_a_story_without_a_known_word_is_refused(desk):
    with pytest.raises(BadInput, match="no word of the story"):
        desk.slots("… !!! …", slots=2)


def test_evidence_is_a_reason_or_says_that_it_is_none(desk):
    weighs = bool(desk.blend.weights_of("blend").get("transfer"))
    for route, counts in (("blend", weighs), ("transfer", True), ("direct", False)):
        for one in desk.suggest("We saw a red circle by the river", k=5, route=route):
            for evidence in one.evidence:
                own = evidence.picture.key == one.picture.key
                assert (evidence.kind == RAN_WITH) == own == (evidence.picture_similarity is None)
                assert counts or evidence.share is None
                assert evidence.share is None or evidence.kind in (RAN_WITH, SIMILAR_TEXT)
                assert evidence.kind != SIMILAR or evidence.share is None


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("suggest", ("suggest", "a circle", "--keyword", "red", "--diversity", "0.5")),
        ("suggest-slots", ("suggest", STORY, "--slots", "3", "-k", "2")),
        ("suggest-slots", ("suggest", STORY, "--slots", "paragraphs")),
    ],
)
def test_json_fits_its_schema(fitted_desk, name, arguments):
    validate(name, output(*arguments, "--desk", fitted_desk))


def test_similar_prints_and_fits_its_schema(fitted_desk, desk):
    key = desk.suggest("a red circle", k=1)[0].picture.key
    validate("similar", output("similar", key, "--desk", fitted_desk, "-k", "3"))
    command = [sys.executable, "-m", "picturedesk", "similar", key, "--desk", str(fitted_desk)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("  1  ")


def test_the_same_text_is_encoded_once_whatever_else_is_asked(desk, monkeypatch):
    encoder = type(desk.blend.matcher.text_encoder)
    encode, asked = encoder.encode, []
    monkeypatch.setattr(
        encoder, "encode", lambda self, texts: asked.append(list(texts)) or encode(self, texts)
    )
    text = "a red circle that nobody has asked for"
    first = desk.suggest(text)
    assert desk.suggest(text) == first
    liked = first[0].picture.key
    desk.suggest(text, where="licence = ''", route="direct")
    desk.suggest(Asked(texts=[text], like=[liked], keywords=["circle"]))
    desk.explain(text, first[:2])
    assert asked == [[text]]
