"""Usage terms and addresses of licences → the short names of known licences."""

from __future__ import annotations

import re

_ADDRESS = re.compile(
    r"creativecommons\.org/(?:licenses/(by(?:-nc)?(?:-sa|-nd)?)/(\d\.\d)|publicdomain/(zero|mark))",
    re.IGNORECASE,
)
_WORDS = re.compile(
    r"\b(?:CC|Creative Commons)[ -](BY(?:-NC)?(?:-SA|-ND)?)(?:[ -](\d\.\d))?(?![\w-])",
    re.IGNORECASE,
)
_ZERO = re.compile(r"\bCC[ -]?0\b", re.IGNORECASE)


def licence_of(*terms: str) -> str:
    """The first known licence in some texts ("cc-by-sa-4.0", "cc0"); "" if none is known."""
    for text in terms:
        address = _ADDRESS.search(text)
        if address is not None:
            kind, version, public = address.groups()
            if public:
                return "cc0" if public.lower() == "zero" else "public-domain"
            return f"cc-{kind.lower()}-{version}"
        if _ZERO.search(text):
            return "cc0"
        words = _WORDS.search(text)
        if words is not None:
            kind, version = words.groups()
            return f"cc-{kind.lower()}" + (f"-{version}" if version else "")
    return ""
