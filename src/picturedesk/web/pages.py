"""The page's own files: each is known by its place in the package, none by a path of a request."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from fastapi import APIRouter, Depends, Request, Response

from picturedesk.web.access import Role, needs
from picturedesk.web.problems import Refused

FOLDER = Path(str(files("picturedesk"))) / "web" / "page"
router = APIRouter(include_in_schema=False, dependencies=[Depends(needs(Role.ANYONE))])
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
}
_LANGUAGES = "languages.json"  # made of the message files
_NAME = "language.name"  # of a language in itself, in its message file


@dataclass(frozen=True, slots=True)
class _File:
    data: bytes
    media_type: str

    @property
    def etag(self) -> str:
        return f'"{hashlib.sha256(self.data).hexdigest()[:32]}"'


class PageFiles:
    """The files of the page, by the names that the page uses.

    Args:
        folder: that has them.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder
        self._read: dict[str, tuple[int, _File]] = {}

    def find(self, name: str) -> _File:
        """A file; raises Refused if the page has none of this name."""
        if name == _LANGUAGES:
            return _File(
                json.dumps(self._languages(), ensure_ascii=False).encode(), _TYPES[".json"]
            )
        path = self._places().get(name)
        if path is None:
            raise Refused(404, "Not found", "the page has no such file")
        changed = path.stat().st_mtime_ns
        known = self._read.get(name)
        if known is None or known[0] != changed:
            known = self._read[name] = (changed, _File(path.read_bytes(), _TYPES[path.suffix]))
        return known[1]

    def _places(self) -> dict[str, Path]:
        found = (path for path in self._folder.rglob("*") if path.suffix in _TYPES)
        return {path.relative_to(self._folder).as_posix(): path for path in found}

    def _languages(self) -> dict[str, str]:
        """Code → name of each language that has a message file."""
        found = {}
        for path in sorted((self._folder / "messages").glob("*.json")):
            found[path.stem] = str(json.loads(path.read_bytes()).get(_NAME, path.stem))
        return found


_FILES = PageFiles()


@router.get("/")
def page(request: Request) -> Response:
    """The page."""
    return _sent(request, "index.html")


@router.get("/element.js")
def element(request: Request) -> Response:
    """The web component."""
    return _sent(request, "element.js")


@router.get("/page/{name:path}")
def file(request: Request, name: str) -> Response:
    """A file of the page."""
    return _sent(request, name)


def _sent(request: Request, name: str) -> Response:
    found = _FILES.find(name)
    headers = {"ETag": found.etag, "Cache-Control": "no-cache"}
    if found.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(found.data, headers=headers, media_type=found.media_type)
