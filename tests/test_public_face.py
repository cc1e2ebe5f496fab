"""The package's face: what it names, what it costs, and what it must not load."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import picturedesk

SOURCE = Path(picturedesk.__file__).parent


def test_every_public_name_can_be_imported():
    for name in picturedesk.__all__:
        assert getattr(picturedesk, name) is not None


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Picturebook'"):
        _ = picturedesk.Picturebook


def test_public_verbs_stay_functions_after_their_modules_are_imported():
    import picturedesk.learning.training
    import picturedesk.measuring.evaluation
    import picturedesk.store.extraction

    for verb in ("train", "evaluate", "extract"):
        assert callable(getattr(picturedesk, verb))


def test_no_module_imports_the_packages_own_face():
    for path in SOURCE.rglob("*.py"):
        if path.name == "__init__.py" and path.parent == SOURCE:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert node.module != "picturedesk", f"{path} imports the face"
            if isinstance(node, ast.Import):
                assert all(alias.name != "picturedesk" for alias in node.names), path


def loaded_after(code: str) -> set[str]:
    """The modules that a fresh interpreter has loaded after running ``code``."""
    program = f"{code}\nimport sys\nprint('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_import_alone_loads_no_heavy_library():
    heavy = {"torch", "timm", "sklearn", "pyarrow", "onnxruntime", "numpy", "PIL", "gensim"}
    assert not heavy & loaded_after("import picturedesk")


def test_the_suggesting_side_loads_neither_torch_nor_timm_nor_scikit_learn():
    code = "\n".join(
        [
            "from picturedesk import Desk, Matcher, LsaEncoder, SqliteCatalogue, FusionMLP",
            "from picturedesk import FeatureStore, extract, evaluate, open_archive, Doc2VecEncoder",
            "import picturedesk.backbones.onnx_runner, picturedesk.cli.app",
        ]
    )
    assert not {"torch", "timm", "sklearn", "gensim", "torchvision"} & loaded_after(code)


def test_help_loads_no_numpy():
    code = (
        "import sys\nfrom picturedesk.cli import main\nsys.argv = ['picturedesk', '--help']\n"
        "import io, contextlib\nwith contextlib.redirect_stdout(io.StringIO()): main()"
    )
    assert not {"numpy", "torch", "PIL", "onnxruntime"} & loaded_after(code)


def test_type_checkers_and_the_interpreter_see_the_same_names():
    tree = ast.parse((SOURCE / "__init__.py").read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    imports = {
        alias.name: (node.module or "").removeprefix("picturedesk.")
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert imports == picturedesk._HOMES


# Parameters that users never make themselves, with what makes them instead.
MADE_ELSEWHERE = {
    "picturedesk.desk.folder.FitFolder": "Desk.fit_report",
    "picturedesk.research.baselines.closed_form.CcaConfig": "ReproduceConfig",
    "picturedesk.research.baselines.closed_form.RidgeConfig": "ReproduceConfig",
    "picturedesk.research.baselines.vse.VseGrid": "ReproduceConfig",
    "picturedesk.desk.measure.Answers": "Desk.measure",
    "picturedesk.desk.measure.RouteScores": "Desk.measure",
    "picturedesk.heads.cross_fitted.CrossFitted": "fit_best",
    "picturedesk.routes.confidence.Calibration": "fit_best",
    "picturedesk.routes.text_ranking.TextRanking": "fit_best",
    "picturedesk.disk.shared_database.SharedDatabase": "SqliteCatalogue.open, FeatureStore.open",
    "picturedesk.learning.alignment.Block": "level_blocks",
    "picturedesk.routes.archive.NearTexts": "Desk.suggest",
    "picturedesk.types.RowSource": "FeatureStore.rows",
    "picturedesk.texts.stored.StoredEncoder": "LsaEncoder.fit, Doc2VecEncoder.fit",
    "picturedesk.measuring.metrics.PerQuery": "evaluate",
    "picturedesk.measuring.reliability.ReliabilityBin": "Desk.measure",
    "picturedesk.research.adviser.advice.Agreement": "advise_on",
    "picturedesk.research.adviser.advice.LevelScore": "advise_on",
    "picturedesk.research.adviser.advice.SetScore": "advise_on",
}


def test_what_public_names_need_is_public_too():
    griffe = pytest.importorskip("griffe", reason="needs the extra 'dev'")
    package = griffe.load("picturedesk", search_paths=[SOURCE.parent], allow_inspection=False)

    def definition(path: str):
        found = package[path.removeprefix("picturedesk.")]
        while found.is_alias:
            found = package[found.target_path.removeprefix("picturedesk.")]
        return found

    public = [definition(f"{module}.{name}") for name, module in picturedesk._HOMES.items()]
    needed = {
        definition(name).path
        for found in public
        for function in callables(found)
        for parameter in function.parameters
        for name in names_in(parameter.annotation, griffe)
        if name.startswith("picturedesk.") and definition(name).is_class
    }
    assert needed - {found.path for found in public} == set(MADE_ELSEWHERE)


def callables(found):
    """A function itself; of a class its constructor and public methods."""
    members = [found] if found.is_function else found.all_members.values()
    functions = [one for one in members if not (one.is_alias and not one.inherited)]
    functions = [one for one in functions if one.is_function]
    return [one for one in functions if one.name == "__init__" or not one.name.startswith("_")]


def names_in(annotation, griffe) -> list[str]:
    """Paths of the names in an annotation."""
    if not isinstance(annotation, griffe.Expr):
        return []
    parts = [annotation, *annotation.iterate(flat=True)]
    return [part.canonical_path for part in parts if isinstance(part, griffe.ExprName)]
