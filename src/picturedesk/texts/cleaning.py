"""How the tokenizers of dual encoders clean a text first, as open_clip does. Knows no tokens.

Texts of the web have broken encodings, entities of HTML and curly quotes; the networks were trained
on cleaned ones. Needs ftfy (extra ``dual``). Source: open_clip's ``tokenizer.py``.
"""

from __future__ import annotations

import html
import string

from picturedesk.errors import MissingExtra

_WITHOUT_PUNCTUATION = str.maketrans("_", " ", string.punctuation.replace("_", ""))


def cleaned(text: str, cleaning: str) -> str:
    """A text as the tokenizer expects it.

    Args:
        text: any text.
        cleaning: "whitespace" mends encodings and joins white space; "lower" also makes small
            letters; "canonicalize" also drops ASCII punctuation.

    Raises:
        MissingExtra: ftfy is not installed.
    """
    try:
        import ftfy
    except ModuleNotFoundError:
        raise MissingExtra("the text tower of a dual encoder (with ftfy)", "dual") from None
    mended = html.unescape(html.unescape(ftfy.fix_text(text)))
    if cleaning == "canonicalize":
        mended = mended.translate(_WITHOUT_PUNCTUATION)
    joined = " ".join(mended.split())
    return joined if cleaning == "whitespace" else joined.lower()
