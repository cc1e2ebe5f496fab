"""words(): what is one word, in which language."""

from __future__ import annotations

import subprocess
import sys
import time
import unicodedata

import pytest

from picturedesk.texts.words import words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Straße, ﬁnally!", ["the", "strasse", "finally"]),
        ("ΣΊΣΥΦΟΣ Σίσυφος", ["σίσυφοσ", "σίσυφοσ"]),
        ("İSTANBUL İstanbul istanbul", ["istanbul"] * 3),
        ("Ｆｕｌｌ ｗｉｄｔｈ １２", ["full", "width", "12"]),
        ("cafe\u0301 café", ["café", "café"]),
        ("snake_case __x__", ["snake", "case", "x"]),
        ("Москва, Київ", ["москва", "київ"]),
        ("조선 뉴스", ["조선", "뉴스"]),
        ("news: 😀 → ok … !?", ["news", "ok"]),
    ],
)
def test_words_are_normalised_runs_of_letters(text, expected):
    assert words(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("हिन्दी में समाचार", ["हिन्दी", "में", "समाचार"]),
        ("தமிழ் செய்தி", ["தமிழ்", "செய்தி"]),
        ("বাংলা খবর", ["বাংলা", "খবর"]),
    ],
)
def test_combining_marks_stay_with_their_word(text, expected):
    assert words(text) == expected


@pytest.mark.parametrize(
    ("with_signs", "without"),
    [
        ("تَصْوِير", "تصوير"),
        ("تصـــوير", "تصوير"),
        ("می\u200cخواهم", "میخواهم"),
        ("שָׁלוֹם", "שלום"),
        ("Donau\u00addampf\u00adschiff", "Donaudampfschiff"),
        ("\u202bשלום\u202c", "שלום"),
    ],
)
def test_signs_a_writer_may_leave_out_make_no_difference(with_signs, without):
    assert words(with_signs) == words(without)
    assert len(words(without)) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't we’ll", ["don't", "we'll"]),
        ("the king's horse", ["the", "king", "horse"]),
        ("l'eau de l’été dell'arte", ["l", "eau", "de", "l", "été", "dell", "arte"]),
        ("rock'n'roll O'Brien", ["rock", "n", "roll", "o", "brien"]),
        ("'quoted' dogs'", ["quoted", "dogs"]),
        ("п'ять об’єктів", ["п'ять", "об'єктів"]),
    ],
)
def test_apostrophes_follow_the_language(text, expected):
    assert words(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("In 2017, 3.5 of 1,000.50 km.", ["in", "2017", "3.5", "of", "1,000.50", "km"]),
        ("covid-19 mp3 10th 3.5kg", ["covid", "19", "mp3", "10th", "3.5", "kg"]),
        ("१२३ ٢٠١٧", ["१२३", "٢٠١٧"]),
        ("1, 2", ["1", "2"]),
    ],
)
def test_numbers_are_words_and_keep_inner_points(text, expected):
    assert words(text) == expected


def test_chinese_is_segmented_by_jieba():
    assert words("北京大学的学生在图书馆学习") == ["北京大学", "的", "学生", "在", "图书馆", "学习"]


def test_chinese_numbers_and_latin_letters_in_one_line_are_told_apart():
    found = words("2017年10月6日，NBA在上海")
    assert found == ["2017", "年", "10", "月", "6", "日", "nba", "在", "上海"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ひらがな", ["ひら", "らが", "がな"]),
        ("テレビ", ["テレ", "レビ"]),
        ("東京タワーに行く", ["東京", "タワ", "ワー", "ーに", "行", "く"]),
        ("ภาษาไทย", ["ภา", "าษ", "ษา", "าไ", "ไท", "ทย"]),
        ("ປີ", ["ປີ"]),
        ("ខ្មែរ", ["ខ្មែ", "មែរ"]),
    ],
)
def test_other_scripts_without_spaces_become_pairs_of_characters(text, expected):
    assert words(text) == expected


@pytest.mark.parametrize("text", ["", "   \n\t", "…!?", "\u0301", "\ud800", "\x00"])
def test_a_text_without_letters_has_no_words(text):
    assert words(text) == []


def test_a_lone_surrogate_separates_and_does_no_harm():
    assert words("a\ud800b") == ["a", "b"]


def test_case_and_form_make_no_difference():
    text = "Überraschung im Œuvre: L’ÎLE Ñandú Ǆ"
    assert words(text) == words(text.upper()) == words(text.lower())


def test_no_word_contains_white_space():
    every = "".join(map(chr, range(0x20, 0xD800)))
    assert all(not any(c.isspace() for c in word) for word in words(every))


def test_the_chinese_dictionary_is_loaded_only_for_chinese():
    program = (
        "import sys\nfrom picturedesk.texts.words import words\nwords('Ein Text о 1 คำ かな')\n"
        "assert 'rjieba' not in sys.modules\nwords('北京大学')\nassert 'rjieba' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_marks_in_disorder_take_no_quadratic_time():
    began = time.process_time()
    (word,) = words("a" + "\u0301\u0316" * 200_000)
    assert time.process_time() - began < 4  # the standard library alone needs 200 s
    assert word == unicodedata.normalize("NFKC", "a" + "\u0316" * 200_000 + "\u0301" * 200_000)
