"""The command line: verbs that parse, call one library function, and show what it returns."""

from __future__ import annotations

from picturedesk.cli.app import main

__all__ = ["main"]
