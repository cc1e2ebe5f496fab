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
            "from picturedesk import Desk, Matcher, LsaEncoder, ExactCatalogue, FusionMLP",
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
