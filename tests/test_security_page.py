"""The page on security names threats, what holds each, and tests that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "security.md"
_NAMED = re.compile(r"`(test_\w+\.py)::(test_\w+)`")


def rows() -> list[list[str]]:
    section = PAGE.read_text("utf-8").split("\n## Threats\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def functions(file: str) -> set[str]:
    tree = ast.parse((TESTS / file).read_text("utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_the_page_names_many_threats():
    assert len(rows()) >= 20


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0][:40])
def test_each_threat_has_what_holds_it_and_a_test_that_exists(row: list[str]):
    threat, holds, named = row
    assert threat
    assert holds
    found = _NAMED.findall(named)
    assert found
    assert len(found) == named.count("`") // 2
    for file, name in found:
        assert name in functions(file), f"{file}::{name}"


def test_every_threat_that_was_asked_for_is_there():
    page = PAGE.read_text("utf-8").lower()
    for word in (
        *("traversal", "lying", "slow", "flood", "xss", "csrf", "rebinding", "ssrf", "repeated"),
        *("bomb", "role", "constant time", "proxy", "assistant", "logs", "sub-selects"),
    ):
        assert word in page, word
