"""2. Answers requests as a web service would: a desk that stays open, filters, errors as answers.

Requests are lines of JSON on stdin: {"text": "…", "k": 3, "licence": "cc0", "since": "2024-05"};
without stdin, three are made up. Threads may share one desk.

python examples/serve_with_filters.py < requests.jsonl
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from made_archive import write_archive

from picturedesk import Desk, DeskConfig
from picturedesk.errors import PicturedeskError

MADE_UP = (
    {"text": "The harbour is closed, ferries stay away", "k": 2, "licence": "cc0"},
    {"text": "Trees for the northern ridge", "k": 2, "since": "2024-05"},
    {"text": "…", "k": 2},
)


def condition(request: dict[str, Any]) -> str:
    """The filter of a request; quotes inside a value are doubled, so that it stays a value."""
    parts = []
    if "licence" in request:
        licence = str(request["licence"]).replace("'", "''")
        parts.append(f"licence = '{licence}'")
    if "since" in request:
        since = str(request["since"]).replace("'", "''")
        parts.append(f"date >= '{since}'")
    return " AND ".join(parts)


def answer(desk: Desk, request: dict[str, Any]) -> dict[str, Any]:
    """The answer to one request; what cannot be answered is said in its place."""
    try:
        found = desk.suggest(request["text"], k=request.get("k", 5), where=condition(request))
    except PicturedeskError as error:
        return {"error": str(error)}
    pictures = [
        {
            "picture": Path(one.picture.uri).name,
            "score": round(one.score, 3),
            "licence": one.picture.licence,
            "date": one.picture.date,
        }
        for one in found
    ]
    return {"pictures": pictures, "doubt": found.doubt}


def serve(desk: Desk, requests: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Answers in the order of the requests; two at a time."""
    with ThreadPoolExecutor(2) as pool:
        yield from pool.map(lambda request: answer(desk, request), requests)


def main() -> None:
    lines = [] if sys.stdin is None or sys.stdin.isatty() else sys.stdin.read().splitlines()
    requests = [json.loads(line) for line in lines if line.strip()] or MADE_UP
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        config = replace(DeskConfig.of("best"), sentences=())
        with Desk.fit(write_archive(folder / "archive"), folder / "desk", config) as desk:
            for found in serve(desk, requests):
                print(json.dumps(found, ensure_ascii=False))


if __name__ == "__main__":
    main()
