"""HTML of others is made harmless, in bounded time."""

from __future__ import annotations

import time
from html.parser import HTMLParser

import pytest

pytest.importorskip("nh3", reason="serving needs the extra 'serve'")

from picturedesk.errors import BadInput
from picturedesk.web.markup import DEEPEST, LONGEST, clean, plain_text

STORY = """<!DOCTYPE html><html><head><title>Tab</title><style>p {}</style></head><body>
<h1>A &lt;flood&gt;</h1><script>alert(1)</script>
<p>The river
  rose&nbsp;after&#32;days.<br>It <em>fell</em> &amp; fell.</p><ul><li>One<li>Two</ul>
<img src="data:image/png;base64,AAAA" onerror="alert(1)" alt="x"></body></html>"""


def test_the_text_is_what_a_reader_sees():
    lines = ["A <flood>", "The river rose after days.", "It fell & fell.", "One", "Two"]
    assert plain_text(STORY).splitlines() == lines


@pytest.mark.parametrize(
    "attack",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<svg onload=alert(1)><p>",
        "<a href='javascript:alert(1)'>a</a>",
        "<p style='background:url(https://evil.example)'>a</p>",
        "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
        "<math><mi//xlink:href='data:x,<script>alert(1)</script>'>",
        "<form action=https://evil.example><input name=a></form>",
        "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
        "<template><script>alert(1)</script></template>",
        "<!--><script>alert(1)</script>-->",
        "<style><!--</style><script>alert(1)</script>-->",
        "<svg></p><style><a title='</style><img src onerror=alert(1)>'>",
        "<meta http-equiv=refresh content='0;url=https://evil.example'>",
        "<link rel=stylesheet href=https://evil.example>",
        "<base href=https://evil.example>",
        "<p onclick=alert(1)>a",
    ],
)
def test_nothing_runs_and_nothing_is_fetched(attack: str):
    cleaned = clean(f"<p>before</p>{attack}<p>after</p>")
    found = Tags(cleaned)
    assert cleaned.startswith("<p>before</p>")
    assert found.names <= {"p"}
    assert not found.attributes


class Tags(HTMLParser):
    """The tags of a piece of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: list[object] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes += attrs


def test_words_that_look_like_tags_stay_words():
    assert plain_text("<p>a &lt;script&gt; b &amp;lt; c</p>") == "a <script> b &lt; c"


def test_a_picture_in_the_text_does_not_count_as_text():
    picture = "<img src='data:image/png;base64," + "A" * LONGEST + "'>"
    assert plain_text(f"<p>a</p>{picture}<p>b</p>") == "a\nb"


def test_too_long_and_too_deep_html_is_refused():
    with pytest.raises(BadInput, match="characters"):
        plain_text("a" * (LONGEST + 1))
    with pytest.raises(BadInput, match="nests more"):
        plain_text("<div>" * (DEEPEST + 1))
    with pytest.raises(BadInput, match="UTF-8"):
        plain_text("\ud800")


@pytest.mark.parametrize(
    "piece",
    ["<div>", "<b></p>", "<b></div>", "<div><b></div>", "<b><div></b>", "<b><i></b>", "<x>", "<B>"],
)
def test_no_way_to_nest_elements_gets_round_the_bound(piece: str):
    with pytest.raises(BadInput, match="nests more"):
        plain_text(piece * (DEEPEST + 1))


@pytest.mark.parametrize(
    "html",
    [
        "<a " + " ".join(f"x{number}" for number in range(60_000)) + ">",
        "&amp" * (LONGEST // 4),
        "<p>" * (LONGEST // 3),
        "<!--" * (LONGEST // 4),
        "<b>" * 900 + "<p>x" * 100_000,
        "<table><b>" * 450 + "x" * 400_000,
        "<" * LONGEST,
        "data:" * (LONGEST // 5),
    ],
)
def test_the_longest_html_takes_a_few_seconds_at_most(html: str):
    begun = time.process_time()
    plain_text(html[:LONGEST])
    assert time.process_time() - begun < 20.0
