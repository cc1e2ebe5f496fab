"""HTML of others made harmless, or plain text. nh3 parses; what would keep it busy is refused.

Parsing takes time that grows with the square of how deep elements are nested, and of how many
attributes one has: both are bounded before.
"""

from __future__ import annotations

import html as entities
import re
from collections import Counter

import nh3

import picturedesk.checks as checks
from picturedesk.errors import BadInput

LONGEST = 500_000  # characters, without embedded files
DEEPEST = 1000  # elements in each other
_FILES = re.compile(r"data:[^\"'\s<>]{100,}")  # pictures that are written into the text
_TAGS = re.compile(r"<(/?)([a-zA-Z][^\s/>]*)")
_NEVER_NESTED = frozenset(  # void, or closed by the next one of their kind
    (
        *("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source"),
        *("track", "wbr", "p", "li", "dt", "dd", "td", "th", "tr", "option"),
    )
)
_PASSAGES = frozenset(  # elements that begin a line of their own
    (
        *("address", "article", "aside", "blockquote", "br", "caption", "dd", "div", "dl", "dt"),
        *("figcaption", "figure", "footer", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr"),
        *("li", "main", "nav", "ol", "p", "pre", "section", "table", "td", "th", "tr", "ul"),
    )
)
_WORDS = frozenset(("b", "em", "i", "q", "s", "small", "strong", "sub", "sup", "u"))
_UNSEEN = frozenset(  # whose content no reader sees
    (
        "head",
        "iframe",
        "noscript",
        "object",
        "script",
        "style",
        "svg",
        "template",
        "textarea",
        "title",
    )
)
_LINE_ENDS = re.compile(r"\s*\n\s*")
_SPACES = re.compile(r"[^\S\n]+")


def clean(html: str) -> str:
    """Passages and emphasis only: no attributes, links, pictures, scripts, forms or styles.

    Args:
        html: of anybody.

    Raises:
        BadInput: it is too long, or its elements are nested too deep.
    """
    return _only(html, _PASSAGES | _WORDS)


def plain_text(html: str) -> str:
    """What a reader of the page sees, a line for each passage.

    Args:
        html: of anybody.

    Raises:
        BadInput: it is too long, or its elements are nested too deep.
    """
    whole = _only(html, _PASSAGES).replace("\n", " ")
    lines = entities.unescape(re.sub("<[^>]*>", "\n", whole))  # only our tags are left
    return _LINE_ENDS.sub("\n", _SPACES.sub(" ", lines)).strip()


def _only(html: str, tags: frozenset[str]) -> str:
    kept = _FILES.sub("", checks.encodable("html", html))
    if len(kept) > LONGEST:
        raise BadInput(
            f"the HTML has {len(kept)} characters, at most {LONGEST} are read: leave out what is "
            "not the story"
        )
    if _depth(kept) > DEEPEST:
        raise BadInput(f"the HTML nests more than {DEEPEST} elements: give the story's text")
    return nh3.clean(kept, tags=set(tags), attributes={}, clean_content_tags=set(_UNSEEN))


def _depth(html: str) -> int:
    """How deep elements may be nested at most: an end tag closes only its own kind."""
    opened: Counter[str] = Counter()
    depth = deepest = 0
    for ends, name in _TAGS.findall(html):
        name = name.lower()
        if name in _NEVER_NESTED:
            continue
        if not ends:
            opened[name] += 1
            depth += 1
            deepest = max(deepest, depth)
        elif opened[name]:
            opened[name] -= 1
            depth -= 1
    return deepest
