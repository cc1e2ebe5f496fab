"""Lines of JSON on standard error, one for each request. Texts stay out: queries and bodies."""

from __future__ import annotations

import json
import logging
import sys
import traceback
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


class JsonLines(logging.Formatter):
    """What the server and its libraries log, as lines of JSON.

    Of an error that was not expected: its type and where it was raised. Its message may repeat what
    a caller sent, and stays out unless ``texts``.

    Args:
        texts: whether messages of unexpected errors are logged.
    """

    def __init__(self, texts: bool = False) -> None:
        super().__init__()
        self._texts = texts

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        facts: Json = {
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            facts["error"] = type(error).__name__
            frames = traceback.extract_tb(error.__traceback__)
            facts["raised"] = [f"{one.filename}:{one.lineno} {one.name}" for one in frames]
            if self._texts:
                facts["said"] = str(error)
        return log_line(facts)


def logging_settings(texts: bool = False) -> Json:
    """Settings for ``logging``, and for uvicorn: warnings and errors as JSON on standard error."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": JsonLines, "texts": texts}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
    }
