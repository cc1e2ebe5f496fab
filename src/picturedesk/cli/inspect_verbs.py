"""The verbs that look and change nothing: levels, info, doctor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from picturedesk.cli import show
from picturedesk.cli.desk_verbs import JsonOption


def levels(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Preset (default, paper) or any timm model.")
    ] = "default",
    json: JsonOption = False,
) -> None:
    """List the levels of a backbone that can be read."""
    from picturedesk.backbones.backbone import readable_levels

    found = readable_levels(name)
    if json:
        show.as_json(found)
        return
    rows = [
        [
            level.module,
            "" if level.index is None else str(level.index),
            level.kind,
            str(level.channels),
            str(level.side or ""),
            ", ".join(level.poolings),
        ]
        for level in found
    ]
    show.table(
        f"levels of {name}", ["level", "index", "kind", "channels", "side", "poolings"], rows
    )
    example = [level for level in found if level.poolings][-1]
    show.line(
        f"Name a level as WHERE:POOLING, e.g. {example.module}:{example.poolings[0]}; "
        "a vector by its name alone"
    )


def info(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A desk, or any part of one.")],
    json: JsonOption = False,
) -> None:
    """Say what a desk, or a part of one, holds."""
    from picturedesk.desk.inspect import describe

    found = describe(path)
    if json:
        show.as_json(found)
        return
    for key, value in _flat(found):
        show.line(f"{key}: {value}")


def doctor(
    desk: Annotated[
        Path | None, typer.Option("--desk", help="Also check this desk.", metavar="FOLDER")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Check that what is needed is there and works.

    Exit code 1 if something needed is broken.
    """
    from picturedesk.desk.inspect import diagnose

    checks = diagnose(desk)
    if json:
        show.as_json(checks)
    else:
        for check in checks:
            cure = f"; {check.cure}" if check.cure else ""
            show.line(f"{check.state:<8} {check.name}: {check.found}{cure}")
    if any(check.state == "broken" for check in checks):
        raise typer.Exit(1)


def _flat(value: object, prefix: str = "") -> list[tuple[str, object]]:
    """Nested settings as dotted names, one a line."""
    if isinstance(value, dict):
        rows: list[tuple[str, object]] = []
        for key, item in value.items():
            rows += _flat(item, f"{prefix}.{key}" if prefix else str(key))
        return rows
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [row for n, item in enumerate(value) for row in _flat(item, f"{prefix}[{n}]")]
    return [(prefix, value)]
