"""One JSON line per request, to standard error. Texts stay out of it: queries and bodies."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime

from picturedesk.types import Json

_LONGEST = 300  # characters of a path or query


def to_stderr(line: str) -> None:
    """Writes a line at once, so that lines of several workers do not mix."""
    sys.stderr.write(line + "\n")


def log_line(facts: Json) -> str:
    """One line of JSON with the time; whatever the facts hold stays in its one line, as ASCII."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    short = {
        name: value[:_LONGEST] if isinstance(value, str) else value for name, value in facts.items()
    }
    return json.dumps({"time": now, **short})
