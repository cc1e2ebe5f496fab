"""Debian's Chromium for tests of the page: one for each file, a fresh context for each test."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
NEEDS_CHROMIUM = pytest.mark.skipif(
    CHROMIUM is None, reason="tests of the page need Chromium: apt-get install chromium"
)
PATIENCE = 30_000  # milliseconds, for what takes some hundred
WIDE = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
STORY = "We saw a red circle by the river after the rain."


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser without a window."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE)
    flags = ["--disable-gpu", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        browser.close()


def new_window(browser: Any, **options: Any) -> Any:
    """A context of the browser, which shares no memory with others."""
    window = browser.new_context(**{"viewport": WIDE, "locale": "en", **options})
    window.set_default_timeout(PATIENCE)
    return window


class Visit:
    """One visitor: a tab with an empty memory, and what went wrong on it.

    Args:
        window: to open it in.
        address: of the server.
    """

    def __init__(self, window: Any, address: str) -> None:
        self.address = address
        self.faults: list[str] = []
        self.hosts: set[str] = set()
        self.page = window.new_page()
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", self._heard)
        self.page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))

    def _heard(self, message: Any) -> None:
        if re.search(r"Content.Security.Policy|Refused to", message.text):
            self.faults.append(message.text)

    def go(self, place: str) -> Any:
        """Opens a view of the page."""
        self.page.goto(f"{self.address}/#/{place}")
        self.page.wait_for_selector("main")
        return self.page

    def write(self, text: str = STORY) -> Any:
        """Writes a story and waits for its pictures."""
        page = self.go("write")
        page.fill(".story textarea", text)
        page.wait_for_selector(".card:not(.skeleton)")
        return page

    def asked(self, method: str, path: str, **options: Any) -> Any:
        """What the server answers to a request of this visitor."""
        return self.page.request.fetch(f"{self.address}/v1{path}", method=method, **options)

    def close(self) -> None:
        """Ends the visit; no script failed, and no other host was asked for anything."""
        self.page.evaluate("localStorage.clear()")
        self.page.close()
        assert self.faults == []
        assert self.hosts <= {urlsplit(self.address).netloc, ""}


@contextmanager
def visiting(browser: Any, address: str, **options: Any) -> Iterator[Visit]:
    """A visitor with a window of their own: another language, a phone, the clipboard."""
    window = new_window(browser, **options)
    visitor = Visit(window, address)
    yield visitor
    visitor.close()
    window.close()


def not_too_wide(page: Any) -> bool:
    """Whether nothing of a page lies beyond the right edge of the window."""
    return page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
