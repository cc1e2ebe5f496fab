"""The verbs for a desk's catalogue: add, sync, remove, optimize, list, search."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from picturedesk.cli import show, streams
from picturedesk.cli.options import (
    ColumnOption,
    DecodeMemoryOption,
    DeskOption,
    EngineOption,
    JsonOption,
    MaxMegapixelsOption,
    QuietOption,
    WhereOption,
    columns_of,
    limited,
    path,
)
from picturedesk.cli.results import in_one_line, show_rejections

if TYPE_CHECKING:
    from picturedesk.types import Picture

_FACTS = 100  # characters of what is shown beside a picture


def add(
    pictures: Annotated[
        str,
        typer.Argument(
            metavar="PICTURES",
            help="A folder, one picture, a table with a picture column and metadata (caption, "
            "credit, licence, date, tags), or KIND:PATH as for fit.",
        ),
    ],
    desk: DeskOption = Path("desk"),
    column: ColumnOption = None,
    max_megapixels: MaxMegapixelsOption = None,
    decode_memory: DecodeMemoryOption = None,
    engine: EngineOption = "local",
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Add pictures to the catalogue, or update what is known of them.

    Reads only new or changed files; compares the others by path, size and time of last change.
    A second add replaces what the columns of its table name, and leaves the rest.
    What is left out stands in rejected.csv of the desk until it gets in.
    """
    from picturedesk.desk import Desk

    with show.progress(quiet) as progress, Desk(desk) as opened:
        limits = limited(opened.limits, max_megapixels, decode_memory, engine)
        addition = opened.add(pictures, progress, limits, columns_of(column))
    if json:
        show.as_json(addition)
        return
    show.line(
        f"{addition.new} added, {addition.updated} updated, {addition.read} files read; "
        f"{addition.catalogue} pictures in the catalogue"
    )
    show_rejections(addition.rejections, opened.folder.require().rejected)


def sync(
    folder: Annotated[
        Path,
        typer.Argument(metavar="FOLDER", help="The folder, with its sub-folders.", parser=path),
    ],
    desk: DeskOption = Path("desk"),
    prune: Annotated[
        bool,
        typer.Option("--prune", help="Remove pictures whose files are gone from the catalogue."),
    ] = False,
    max_megapixels: MaxMegapixelsOption = None,
    decode_memory: DecodeMemoryOption = None,
    engine: EngineOption = "local",
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Bring the catalogue in line with a folder: new, changed, moved and vanished files.

    Moved and renamed files are known by their bytes. Pictures whose files are gone are marked as
    missing and no longer suggested; they come back when their files do.
    """
    from picturedesk.desk import Desk

    with show.progress(quiet) as progress, Desk(desk) as opened:
        limits = limited(opened.limits, max_megapixels, decode_memory, engine)
        done = opened.sync(folder, prune, progress, limits)
    if json:
        show.as_json(done)
        return
    show.line(
        f"{done.new} new, {done.changed} changed, {done.moved} moved, {done.back} back, "
        f"{done.vanished} {'removed' if prune else 'missing'}, {done.unchanged} unchanged; "
        f"{done.catalogue} pictures in the catalogue"
    )
    if done.kept_out:
        show.note(f"{done.kept_out} were removed from the desk and stay out; add brings them back")
    show_rejections(done.rejections, opened.folder.require().rejected)


def remove(
    pictures: Annotated[
        list[str] | None,
        typer.Argument(metavar="PICTURE...", help="Names of files, or content keys."),
    ] = None,
    desk: DeskOption = Path("desk"),
    where: WhereOption = "",
    json: JsonOption = False,
) -> None:
    """Remove pictures from the catalogue, by name or by a condition; files stay.

    They stay out when the archive is fitted again, until they are added again.
    """
    from picturedesk.desk import Desk

    with Desk(desk) as opened:
        names = [streams.from_argument(name) for name in pictures or ()]
        done = opened.remove(names, streams.from_argument(where))
    if json:
        show.as_json(done)
        return
    show.line(f"{done.removed} removed; {done.catalogue} pictures in the catalogue")
    for name in done.unknown:
        show.note(f"{name} is no picture of the catalogue")


def optimize(desk: DeskOption = Path("desk"), json: JsonOption = False) -> None:
    """Bring the indexes of a large desk up to date, and measure how much they find.

    From 50,000 pictures or archive texts on, an index saves comparing all of them. Fits look after
    both by themselves, additions after that of the pictures. Needs the extra index.
    """
    from picturedesk.desk import Desk
    from picturedesk.store.archive_index import NEAREST

    with Desk(desk) as opened:
        done = opened.optimize()
    if json:
        show.as_json(done)
        return
    _say_index("pictures", done.catalogue, done.indexed, f"{done.recall:.1%} of the ten")
    texts = f"{done.text_recall:.1%} of the {NEAREST}"
    _say_index("archive texts", done.texts, done.indexed_texts, texts)


def _say_index(what: str, count: int, indexed: int, found: str) -> None:
    if indexed:
        show.line(f"{indexed} of {count} {what} in the index; searches find {found} nearest")
    else:
        show.line(f"{count} {what}: compared one by one, they need no index")


def list_pictures(
    desk: DeskOption = Path("desk"),
    where: WhereOption = "",
    sort: Annotated[
        str,
        typer.Option(
            help="The column to sort by; -COLUMN from the highest to the lowest.", metavar="COLUMN"
        ),
    ] = "uri",
    k: Annotated[int, typer.Option("--k", "-k", help="Number of pictures.", min=1)] = 100,
    after: Annotated[
        str,
        typer.Option(help="Content key of the last picture of the page before.", metavar="KEY"),
    ] = "",
    json: JsonOption = False,
) -> None:
    """List pictures of the catalogue, also those that may not run now."""
    from picturedesk.desk import Desk, json_documents

    with Desk(desk) as opened:
        order = streams.from_argument(sort)
        found = opened.list(streams.from_argument(where), order, k, streams.from_argument(after))
        following = bool(found) and bool(
            opened.list(streams.from_argument(where), order, 1, found[-1].key)
        )
    if json:
        show.as_json(json_documents.page(found, following))
        return
    if not found:
        show.note("no picture meets the condition")
    for picture in found:
        _show_picture(picture)
    if following:
        show.note(f"more follow: --after {found[-1].key}")


list_pictures.__name__ = "list"  # the verb; as a name here it would hide Python's list


def search(
    words: Annotated[str, typer.Argument(metavar="WORDS", help="What to look for.")],
    desk: DeskOption = Path("desk"),
    k: Annotated[int, typer.Option("--k", "-k", help="Number of pictures.", min=1)] = 20,
    where: WhereOption = "",
    json: JsonOption = False,
) -> None:
    """Find pictures by words: in captions, tags and other columns, in what they show, by meaning.

    Pictures that have the words come first; then those that suit them by the desk's text encoder,
    in any language that it knows. Also finds pictures that may not run now.
    """
    from picturedesk.desk import Desk, json_documents

    with Desk(desk) as opened:
        found = opened.search(streams.from_argument(words), k, streams.from_argument(where))
    if json:
        show.as_json(json_documents.hits(found))
        return
    if not found:
        show.note("no picture was found")
    for hit in found:
        _show_picture(hit.picture, "words" if hit.words else "meaning")


def _show_picture(picture: Picture, why: str = "") -> None:
    """Prints name, key and what is known of a picture."""
    marks = ["missing"] if picture.missing else []
    marks += [f"expires {picture.expiry}"] if picture.expiry else []
    marks += [f"embargo {picture.embargo}"] if picture.embargo else []
    known = [why, *marks, picture.caption, picture.credit, picture.licence, picture.date]
    facts = " · ".join(in_one_line(fact) for fact in known if fact)[:_FACTS]
    show.line(f"{picture.key[:12]}  {picture.uri}" + (f"  {facts}" if facts else ""))
