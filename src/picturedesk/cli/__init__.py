"""The command line: each verb parses, calls one library function and prints the result."""

from __future__ import annotations

from picturedesk.cli.entry import main

__all__ = ["main"]
