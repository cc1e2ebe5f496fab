"""Names the nearest known word for a mistyped one. Knows no verb."""

from __future__ import annotations

from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``: did you mean 'suggest'?`` for the known word that is nearest; "" if none is near."""
    from difflib import get_close_matches

    names = {name.lower(): name for name in known}
    found = get_close_matches(word.lower(), names, n=1)
    return f": did you mean {names[found[0]]!r}?" if found else ""
