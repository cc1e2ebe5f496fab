"""Colours and links of a terminal. Writes nothing; knows neither desks nor pictures.

Nothing is styled in a pipe, on a dumb terminal, or where ``NO_COLOR`` is set; ``FORCE_COLOR``
colours in pipes, too. Links are for terminals alone.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple, TextIO
from urllib.parse import quote, urlsplit

_CODES = {"bold": 1, "dim": 2, "red": 31, "green": 32, "yellow": 33, "cyan": 36}
_DUMB = ("dumb", "unknown")
_WEB = ("http", "https")
_SAFE = re.compile("[!-~]+")  # printable ASCII: all that may stand in a link


class Styled(NamedTuple):
    """A piece of a line.

    Attributes:
        text: as it is, not yet escaped.
        style: "bold", "dim", "red", "green", "yellow", "cyan", or several with spaces between.
        link: path or address that the text leads to; "" for none.
    """

    text: str
    style: str = ""
    link: str = ""


def is_coloured(stream: TextIO | None) -> bool:
    """Whether what is written to a stream may have colours."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return is_terminal(stream)


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a stream is a terminal that understands commands."""
    if stream is None or stream.closed or not stream.isatty():
        return False
    if os.environ.get("TERM", "").lower() in _DUMB:
        return False
    # The old console of Windows prints commands as signs.
    return os.name != "nt" or bool(os.environ.get("WT_SESSION") or os.environ.get("TERM"))


def styled(safe: str, style: str) -> str:
    """Text that is safe already, between the commands of a style."""
    codes = ";".join(str(_CODES[word]) for word in style.split())
    return f"\x1b[{codes}m{safe}\x1b[0m" if codes and safe else safe


def linked(safe: str, place: str) -> str:
    """Text that is safe already, as a link (OSC 8) to a file that is there, or to an address."""
    address = _address(place)
    return f"\x1b]8;;{address}\x1b\\{safe}\x1b]8;;\x1b\\" if address and safe else safe


def _address(place: str) -> str:
    """The place as a URI of printable ASCII, which no name can leave; "" if it leads nowhere."""
    try:
        if urlsplit(place).scheme in _WEB:
            address = quote(place, safe="%/:?#@!$&()*+,;=~", errors="replace")
        else:
            address = Path(os.path.abspath(place)).as_uri() if os.path.exists(place) else ""
    except (ValueError, OSError):  # a NUL, a half of a surrogate, an address that is none
        return ""
    return address if _SAFE.fullmatch(address) else ""
