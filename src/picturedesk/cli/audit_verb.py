"""The verb that audits a desk. It changes none."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from picturedesk.cli import show
from picturedesk.cli.options import DeskOption, JsonOption, QuietOption
from picturedesk.cli.pages import HtmlOption, OpenOption, present
from picturedesk.cli.results import in_one_line

if TYPE_CHECKING:
    from picturedesk.report.audit_records import Audit, RightsConflict

SHOWN = 10  # lines of a table
TEXT_WIDTH = 60  # characters of a text in a table


def audit(
    desk: DeskOption = Path("desk"),
    most: Annotated[int, typer.Option(help="Entries of each list, at most.", min=1)] = 50,
    html: HtmlOption = None,
    open: OpenOption = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Find what in an archive and its catalogue should be checked.

    Pairs whose text and picture do not suit each other, topics whose texts have no good pictures,
    pictures that are never suggested or far too often, and near-duplicates with different credits
    or licences. Shows the first ten of each; --html and --json have all.
    """
    from picturedesk.desk import Desk
    from picturedesk.desk.auditing import AuditConfig

    with show.progress(quiet) as progress, Desk(desk) as opened:
        found = opened.audit(AuditConfig(most=most), progress)
    present(lambda page: _write(page, found), html, open)
    if json:
        show.as_json(found)
        return
    _show(found)


def _write(page: Path, found: Audit) -> None:
    from picturedesk.report.audit_page import write_audit_page

    write_audit_page(page, found)


def _show(found: Audit) -> None:
    _show_suspects(found)
    _show_topics(found)
    never = f"{found.unused_pictures} of {found.pictures} pictures are never suggested"
    _rows(never, ["picture", "caption"], [[one.uri, one.caption] for one in found.unused])
    often = f"suggested far more often than the usual {found.usual_texts:.0f} times"
    rows = [[one.picture.uri, str(one.texts)] for one in found.overused]
    _rows(often, ["picture", "texts"], rows)
    rows = [row for conflict in found.conflicts for row in _copies(conflict)]
    _rows("near-duplicates with different rights", ["picture", "credit", "licence"], rows)


def _show_suspects(found: Audit) -> None:
    rows = [
        [
            _short(pair.text),
            pair.picture.uri,
            f"{pair.rank} of {pair.pictures}",
            f"{pair.suits:.1f}",
            f"{pair.suspicion:.1%}",
        ]
        for pair in found.suspects
    ]
    heads = ["text", "picture", "rank for it", "suits", "suspicion"]
    _rows(f"pairs that look mispaired, of {found.pairs}", heads, rows)


def _show_topics(found: Audit) -> None:
    title = f"topics without good pictures; of all texts {found.weak:.0%} have none but their own"
    rows = [
        [", ".join(topic.words), str(topic.texts), f"{topic.weak:.0%}"] for topic in found.topics
    ]
    _rows(title, ["topic", "texts", "without"], rows)


def _copies(conflict: RightsConflict) -> list[list[str]]:
    return [[one.uri, one.credit, one.licence] for one in conflict.pictures]


def _rows(title: str, heads: list[str], rows: list[list[str]]) -> None:
    """A table of the first rows; one line if there are none."""
    if not rows:
        show.line(f"{title}: none")
        return
    more = f" (the first {SHOWN} of {len(rows)})" if len(rows) > SHOWN else ""
    show.table(f"{title}{more}", heads, rows[:SHOWN])


def _short(text: str) -> str:
    line = in_one_line(text)
    return line if len(line) <= TEXT_WIDTH else line[: TEXT_WIDTH - 1] + "…"
