"""The NewsImages task of MediaEval 2025 and 2026 → Archive.

One CSV (``newsarticles.csv``) with the columns ``article_id, article_url, article_title,
article_tags, image_id, image_url``, and a folder of pictures (``newsimages``) that are named by
image id, or in one edition of the task by article id. Does not read the task's judgements.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from picturedesk.datasets.cells import TAG_MARKS, Unfit, string, strings
from picturedesk.datasets.columns import close, listed
from picturedesk.datasets.draft import Draft, display_name, uri_of
from picturedesk.datasets.files import find, walk
from picturedesk.datasets.folder import is_picture
from picturedesk.datasets.rows import Row, Table, open_table
from picturedesk.errors import BadInput
from picturedesk.types import Archive, Picture, Rejection, Text

COLUMNS = ("article_id", "article_title", "article_tags", "image_id")  # those that are read


@dataclass(frozen=True, slots=True)
class _Article:
    """One row of the CSV."""

    place: str
    text: Text
    image: str


def read(path: Path) -> Archive:
    """Reads articles and their pictures; the task has no split, so all are still to be split.

    The title is the text's title. The tags ("a;b|c") become the body "a, b, c": they come from the
    article, whose body is not part of the data. Without tags, the title is the body. Rows with a
    missing picture are reported.

    Args:
        path: the folder with the CSV and, anywhere below it, the pictures; or the CSV itself, if
            there are several (``subset.csv``).

    Raises:
        BadInput: there is no such CSV or more than one, a column is missing, or no text with a
            picture is left.
    """
    root = path if path.is_dir() else path.parent
    draft = Draft(display_name(path))
    articles = []
    for row in _table(path).rows(COLUMNS):
        if isinstance(row, Rejection):
            draft.leave_out(row)
            continue
        try:
            articles.append(_article(row))
        except Unfit as unfit:
            draft.reject(row.place, unfit.reason, unfit.cure)
    _join(draft, articles, root)
    return draft.archive()


def _table(path: Path) -> Table:
    """The only table with the needed columns."""
    if path.is_file():
        table = open_table(path)
        absent = next((name for name in COLUMNS if name not in table.columns), "")
        if absent:
            near = close(absent, table.columns)
            raise BadInput(f"{path} has no column {absent!r}: {listed(table.columns)}{near}")
        return table
    fit, problems = [], []
    files = (Path(folder, name) for folder, names in walk(path) for name in names)
    for file in (file for file in files if file.suffix.lower() == ".csv"):
        try:
            table = open_table(file)
        except BadInput as error:
            problems.append(error)
        else:
            fit += [(table, file)] if set(COLUMNS) <= set(table.columns) else []
    if len(fit) > 1:
        raise BadInput(f"{fit[0][1]} and {fit[1][1]} both have articles: give the path of one")
    if not fit:
        wanted = f"{path} has no CSV with the columns {', '.join(COLUMNS)}: put it there"
        raise problems[0] if problems else BadInput(wanted)
    return fit[0][0]


def _article(row: Row) -> _Article:
    identity, title, image = (
        string(row.cells.get(name), name) for name in ("article_id", "article_title", "image_id")
    )
    tags = ", ".join(strings(row.cells.get("article_tags"), "article_tags", TAG_MARKS))
    if not identity or not image:
        absent = "image_id" if identity else "article_id"
        raise Unfit(f"has no {absent}", "give each article and each picture an id")
    if not title and not tags:
        raise Unfit("has neither title nor tags", "write a title")
    text = Text(identity, tags, title) if tags else Text(identity, title)
    return _Article(row.place, text, image)


def _join(draft: Draft, articles: Sequence[_Article], root: Path) -> None:
    by_image = _find(root, (article.image for article in articles))
    by_article = _find(root, (article.text.id for article in articles))
    for article in articles:
        path = by_image.get(article.image)
        if len(by_article) > len(by_image):  # more pictures are named this way
            path = by_article.get(article.text.id)
        if draft.text_with(article.text.id) is not None:
            reason = f"article_id {article.text.id} occurs twice"
            draft.reject(article.place, reason, "give each article its own id")
        elif path is None:
            cure = f"put {article.image}.jpg below {root}"
            draft.reject(article.place, f"picture {article.image} does not exist", cure)
        else:
            draft.link(draft.add_text(article.text), [draft.add_picture(Picture(uri_of(path)))])


def _find(root: Path, ids: Iterable[str]) -> dict[str, str]:
    return find(root, ids, lambda name: os.path.splitext(name)[0] if is_picture(name) else "")
