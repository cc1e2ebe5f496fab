"""The command line: each verb parses, calls one library function and prints the result."""

from __future__ import annotations

from picturedesk.cli.app import main

__all__ = ["main"]
