"""The documentation agrees with the code: trees, floors, generated pages, links, snippets."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

import picturedesk
from picturedesk.cli.app import app

pytest.importorskip("griffe", reason="the generated pages need the extra 'dev'")

from make_docs import DOCS, ROOT, pages, parameters, verbs

SOURCE = ROOT / "src" / "picturedesk"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.glob("*.md"))]


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def block_after(page: str, heading: str) -> list[str]:
    """The lines of the first fenced block after a heading."""
    return page.split(f"## {heading}\n")[1].split("```")[1].splitlines()[1:]


def rooms() -> set[str]:
    """Modules, packages and data folders right below the package."""
    return {
        f"{path.name}/" if path.is_dir() else path.name
        for path in SOURCE.iterdir()
        if (path.is_dir() and path.name != "__pycache__") or path.suffix == ".py"
    } - {"__init__.py", "__main__.py"}


def test_the_tree_of_the_readme_names_every_room():
    lines = block_after(read(ROOT / "README.md"), "The tree")
    named = [
        name
        for line in lines
        if line.startswith("  ")
        for name in re.split(r"\s{2,}", line)[1].split()
    ]
    assert sorted(named) == sorted(rooms())


def test_the_tree_of_the_readme_names_every_folder_of_the_project():
    lines = block_after(read(ROOT / "README.md"), "The tree")
    named = {line.split("/")[0] for line in lines if not line.startswith(" ")}
    assert all((ROOT / name).is_dir() for name in named)
    assert {"src", "tests", "benchmarks", "tools", "docs"} <= named


def test_the_floors_of_the_architecture_are_those_of_the_contract():
    contract = tomllib.loads(read(ROOT / "pyproject.toml"))["tool"]["importlinter"]["contracts"][0]
    lines = block_after(read(DOCS / "architecture.md"), "Floors")
    assert [re.split(r"\s{2,}", line)[0] for line in lines] == contract["layers"]


@pytest.mark.parametrize("name", ["cli.md", "api.md", "json.md"])
def test_generated_pages_are_up_to_date(name: str):
    assert read(DOCS / name) == pages()[name], "run make docs"


def test_every_verb_and_option_is_documented():
    page = read(DOCS / "cli.md")
    assert len(verbs()) == len(app.registered_commands)
    for verb in verbs():
        section = page.split(f"\n## {verb.__name__}\n")[1].split("\n## ")[0]
        for parameter in parameters(verb):
            for name in parameter.names or (parameter.value,):
                assert f"`{name}" in section, f"{verb.__name__} {name}"


def test_every_public_name_is_documented():
    page = read(DOCS / "api.md")
    for name in picturedesk.__all__:
        assert name == "__version__" or f"\n### {name}\n" in page, name


def anchors(page: str) -> set[str]:
    """The anchors that GitHub makes of headings."""
    headings = re.findall(r"^#+ (.+)$", page, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path):
    prose = re.sub(r"```.*?```", "", read(path), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        there = (path.parent / file).resolve() if file else path
        assert there.exists(), f"{path.name} links to {target}"
        assert not anchor or anchor in anchors(read(there)), f"{path.name} links to {target}"


def snippets(path: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", read(path), flags=re.DOTALL)


@pytest.mark.parametrize("path", [ROOT / "README.md", DOCS / "recipes.md"], ids=lambda p: p.name)
def test_snippets_compile_and_use_public_names_only(path: Path):
    for code in snippets(path):
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("picturedesk"):
                assert node.module == "picturedesk", f"{path.name} imports from {node.module}"
                assert {alias.name for alias in node.names} <= set(picturedesk.__all__)
            assert not isinstance(node, ast.Import) or all(
                not alias.name.startswith("picturedesk.") for alias in node.names
            )


def test_the_readme_shows_python():
    assert snippets(ROOT / "README.md")
