"""Parts of every page: a document that loads nothing, facts, notes, sections with links.

Knows no records.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path

from picturedesk.disk.artifacts import write_text
from picturedesk.report.page_style import STYLE

_NO_FETCHING = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def write_document(path: Path, title: str, body: str, style: str = STYLE) -> None:
    """Writes one HTML file atomically; its content security policy forbids loading anything.

    Args:
        path: the file.
        title: title of the window, as plain text.
        body: markup.
        style: CSS, which becomes part of the file.
    """
    write_text(
        path,
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_NO_FETCHING}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title><style>{style}</style></head>\n"
        f"<body>{body}</body></html>\n",
    )


def write_sections(
    path: Path,
    title: str,
    head: str,
    sections: Mapping[str, str],
    foot: str,
    style: str = STYLE,
) -> None:
    """Writes a page of sections, with links to them at the top.

    Args:
        path: the file.
        title: heading of the page, as plain text.
        head: markup between the heading and the links.
        sections: heading, as plain text → markup, in order; empty sections are left out.
        foot: last line, as plain text.
        style: CSS, which becomes part of the file.
    """
    there = {name: content for name, content in sections.items() if content}
    links = "".join(f'<a href="#{_anchor(name)}">{escape(name)}</a>' for name in there)
    body = "".join(
        f'<section id="{_anchor(name)}"><h2>{escape(name)}</h2>{content}</section>\n'
        for name, content in there.items()
    )
    write_document(
        path,
        title,
        f"<header><h1>{escape(title)}</h1>{head}<nav>{links}</nav></header>\n{body}"
        f"<footer>{escape(foot)}</footer>",
        style,
    )


def facts(rows: Iterable[tuple[str, str]]) -> str:
    """A list of names with their values, given as plain text; "" if there are none."""
    lines = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in rows)
    return f'<dl class="facts">{lines}</dl>' if lines else ""


def notes(sentences: Iterable[str]) -> str:
    """Introductory sentences, given as plain text; "" if there are none."""
    lines = "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences)
    return f'<div class="notes">{lines}</div>' if lines else ""


def _anchor(name: str) -> str:
    return name.lower().replace(" ", "-")
