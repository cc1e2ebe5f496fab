"""The contact sheet: what stands on it, that nothing is loaded, and that nothing moves."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from html_pages import read, words
from picturedesk.report import cards
from picturedesk.report.contact_sheet import QueryAnswer, contact_sheet
from picturedesk.types import (
    RAN_WITH,
    SIMILAR_TEXT,
    Evidence,
    Picture,
    Suggestion,
    Suggestions,
)

NASTY = "<script>alert('x')</script> & \"quoted\" 中文"


@pytest.fixture
def picture(tmp_path: Path) -> Picture:
    Image.new("RGB", (90, 60), (200, 90, 90)).save(tmp_path / "a b.png")
    return Picture(str(tmp_path / "a b.png"), key="1", caption="A red wall", credit="AFP")


def suggestion(picture: Picture, rank: int = 1, **changes: object) -> Suggestion:
    ran = Evidence("The wall was painted.", 0.9, Picture("b.png", key="2"), 0.8)
    made = Suggestion(picture, 0.5, "blend", rank, (ran,), 0.31, "fair")
    return replace(made, **changes)


def sheet(folder: Path, *answers: QueryAnswer) -> str:
    contact_sheet(folder / "sheet.html", NASTY, "lead", answers)
    return (folder / "sheet.html").read_text(encoding="utf-8")


def answered(folder: Path, *found: Suggestion, doubt: str = "") -> str:
    return sheet(folder, QueryAnswer("A wall", Suggestions(found, 0.42, doubt)))


def test_words_of_others_are_no_markup_and_nothing_is_loaded(tmp_path: Path):
    nasty = Picture(NASTY, key="1", caption=NASTY, credit=NASTY, licence=NASTY, territory=(NASTY,))
    told = Evidence(NASTY, 0.9, Picture(NASTY, key="2"), 0.8)
    found = Suggestions([suggestion(nasty, evidence=(told,))], 0.1, NASTY)
    page = sheet(tmp_path, QueryAnswer(NASTY, found))
    assert "<script" not in page
    assert "default-src 'none'" in page
    assert words(page).count("<script>alert('x')</script>") >= 8


def test_the_picture_has_its_size_its_words_and_a_link_to_its_file(
    tmp_path: Path, picture: Picture
):
    page = answered(tmp_path, suggestion(picture))
    assert 'width="90" height="60" alt="A red wall"' in page
    assert f'<a class="frame" href="{Path(picture.uri).as_uri()}">' in page
    assert "%20" in Path(picture.uri).as_uri()
    assert set(read(page).links) >= {Path(picture.uri).as_uri()}


def test_a_picture_that_is_gone_has_no_link_and_says_so(tmp_path: Path, picture: Picture):
    page = answered(tmp_path, suggestion(replace(picture, uri=str(tmp_path / "gone.png"))))
    assert '<div class="frame"><div class="missing">' in page
    assert 'class="frame" href' not in page


def test_an_address_that_runs_a_script_is_no_link(tmp_path: Path, picture: Picture):
    page = answered(tmp_path, suggestion(replace(picture, uri="javascript:alert(1)")))
    assert "href" not in page


def test_chance_match_and_evidence_are_told(tmp_path: Path, picture: Picture):
    page = answered(tmp_path, suggestion(picture))
    assert 'style="width:31.0%"' in page
    assert page.count('<i class="on">') == 2
    assert "Like the picture that ran with “The wall was painted.”" in page
    assert "42\u00a0%" in page


def test_a_picture_that_ran_itself_is_told_so(tmp_path: Path, picture: Picture):
    own = Evidence("The wall was painted.", 0.9, picture, None, kind=RAN_WITH)
    page = answered(tmp_path, suggestion(picture, evidence=(own,)))
    assert "Ran with “The wall was painted.”" in page


def test_without_a_calibration_the_score_is_told(tmp_path: Path, picture: Picture):
    found = Suggestions([suggestion(picture, found=None, match="")])
    page = sheet(tmp_path, QueryAnswer("A wall", found))
    assert "blend 0.500" in page
    assert 'class="chance"' not in page


def test_a_doubt_is_one_sentence(tmp_path: Path, picture: Picture):
    page = answered(tmp_path, suggestion(picture), doubt="the archive has no similar text")
    assert "There may be no good picture: the archive has no similar text." in words(page)
    assert 'class="doubt"' not in answered(tmp_path, suggestion(picture))


def test_only_the_first_picture_is_large(tmp_path: Path, picture: Picture):
    page = answered(tmp_path, *(suggestion(picture, rank) for rank in range(1, 6)))
    assert page.count('class="card hero"') == 1
    assert page.index('class="card hero"') < page.index('class="card"')


@pytest.mark.parametrize(("others", "across"), [(9, 3), (4, 4), (8, 4), (5, 3), (0, 3)])
def test_the_grid_has_the_columns_that_leave_the_fewest_holes(
    tmp_path: Path, picture: Picture, others: int, across: int
):
    found = [suggestion(picture, rank) for rank in range(1, others + 2)]
    assert f"--across:{across}" in answered(tmp_path, *found)


def test_an_empty_answer_says_so(tmp_path: Path):
    assert "No picture in the catalogue meets the condition." in answered(tmp_path)


def test_a_long_text_is_set_small_and_cut(tmp_path: Path):
    page = sheet(tmp_path, QueryAnswer("word " * 400, Suggestions()))
    assert 'class="long"' in page
    assert len(re.findall("word", words(page))) < 200


def test_what_forbids_a_picture_today_is_a_chip(picture: Picture):
    bound = replace(
        picture,
        expiry="2001-05-06",
        embargo="2999-01-01T10:00",
        territory=("DE", "AT"),
        uses=2,
        max_uses=2,
        missing=True,
    )
    told = cards.chips(bound)
    assert re.findall(r'class="chip stop">([^<]*)', told) == [
        "file is missing",
        "expired 2001-05-06",
        "embargo until 2999-01-01T10:00",
        "used up: 2 of 2",
    ]
    assert 'class="chip care">DE, AT only' in told


def test_what_allows_a_picture_is_no_chip(picture: Picture):
    free = replace(picture, expiry="2999-01-01", embargo="2001-01-01", uses=1, max_uses=2)
    assert cards.chips(free) == '<ul class="chips"><li class="chip">AFP</li></ul>'
    assert cards.chips(Picture("a.png")) == ""


def test_every_colour_of_the_page_is_defined(tmp_path: Path, picture: Picture):
    page = answered(tmp_path, suggestion(picture))
    used = set(re.findall(r"var\((--[\w-]+)", page)) - {"--low", "--high", "--at"}  # of tables
    assert used <= set(re.findall(r"(--[\w-]+):", page))


def test_a_card_says_why_and_how_many_copies_there_are(tmp_path):
    own = Evidence("A sea.", 0.5, Picture("a.jpg"), None, kind=RAN_WITH, share=0.1)
    other = Evidence(
        *("A hill.", 0.5, Picture("b.jpg"), 0.4, SIMILAR_TEXT, 0.05),
        title="Hills & dales",
        date="2024-05-01",
        link="https://example.org/?a=1&b=2",
        available=False,
    )
    shown = Suggestions(
        [
            Suggestion(Picture("a.jpg"), 0.5, "blend", 1, (own,), others=1, other_keys=("c",)),
            Suggestion(Picture("d.jpg"), 0.5, "blend", 2, (other,)),
        ]
    )
    contact_sheet(tmp_path / "sheet.html", "Pictures", "", [QueryAnswer("Sea", shown)])
    page = (tmp_path / "sheet.html").read_text(encoding="utf-8")
    found = words(page)
    assert "Ran with “A sea.” (+20 % of the score)" in found
    assert "and 1 near-duplicate" in found
    assert "(2024-05-01, +10 % of the score, its picture may not run now)" in found
    assert (
        '<a href="https://example.org/?a=1&amp;b=2" rel="noreferrer">“Hills &amp; dales”</a>'
        in page
    )


def test_a_link_that_is_no_web_address_is_not_followed(tmp_path):
    evidence = Evidence("A sea.", 0.5, Picture("a.jpg"), 0.3, link="javascript:alert(1)")
    shown = Suggestions([Suggestion(Picture("a.jpg"), 0.5, "blend", 1, (evidence,))])
    contact_sheet(tmp_path / "sheet.html", "Pictures", "", [QueryAnswer("Sea", shown)])
    assert "javascript:" not in (tmp_path / "sheet.html").read_text(encoding="utf-8")
