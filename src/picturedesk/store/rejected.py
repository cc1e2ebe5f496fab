"""The table ``rejected.csv``: what was left out, why, and by which command.

Knows neither pictures nor desks.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from picturedesk.disk.artifacts import write_text
from picturedesk.disk.sums import unreadable
from picturedesk.errors import MissingArtefact
from picturedesk.types import Rejection

_CURE = "remove it"
COLUMNS = ("source", "reason", "cure", "left_out_by")


def write_rejections(
    path: Path,
    rejections: Sequence[Rejection],
    command: str,
    tried: Iterable[str] = (),
    again: bool = True,
) -> None:
    """Brings the table up to date after a command, atomically.

    A row stays until the same command runs again or another one tries its source: then the source
    is listed again, or it was accepted and its row is removed.

    Args:
        path: the table; made if missing.
        rejections: what the command left out.
        command: the command with its path, for the new rows.
        tried: sources that the command read or left out.
        again: whether the same command tries the same sources; then its earlier rows are removed.

    Raises:
        MissingArtefact: the present table cannot be read.
        PicturedeskError: it cannot be written.
    """
    new = [
        tuple(_printable(field) for field in (one.source, one.reason, one.cure, command))
        for one in rejections
    ]
    settled = {_printable(source) for source in tried} | {row[0] for row in new}
    replaced = {_printable(command)} if again else set()
    kept = [row for row in _rows(path) if row[0] not in settled and row[-1] not in replaced]
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerows((COLUMNS, *kept, *new))
    write_text(path, text.getvalue())


def read_rejections(path: Path) -> tuple[Rejection, ...]:
    """What the table lists; nothing if there is none.

    Raises:
        MissingArtefact: it cannot be read.
    """
    return tuple(Rejection(*row[:3]) for row in _rows(path))


def _rows(path: Path) -> list[tuple[str, ...]]:
    """The rows of a table; those of an older version have no command."""
    try:
        with path.open(encoding="utf-8", errors="replace", newline="") as file:
            return [tuple(row.get(name) or "" for name in COLUMNS) for row in csv.DictReader(file)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise unreadable(path, error, _CURE) from None
    except csv.Error as error:
        raise MissingArtefact(f"{path} is damaged ({error}): {_CURE}") from None


def _printable(text: str) -> str:
    # File names need not be valid Unicode: bytes that are not become \udcXX.
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
