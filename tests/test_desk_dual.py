"""A desk whose backbone is a dual encoder: a planted one, which knows colours and forms."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

pytest.importorskip("torch", reason="fitting needs the extra 'train'")
pytest.importorskip("timm", reason="fitting needs the extra 'train'")
pytest.importorskip("open_clip", reason="dual encoders need the extra 'clip'")
pytest.importorskip("tokenizers", reason="dual encoders need the extra 'dual'")

import planted
from picturedesk.cli.app import app
from picturedesk.desk import Desk, DeskConfig
from picturedesk.errors import MissingArtefact

CONFIG = replace(DeskConfig(), sentences=(), levels=("-2:avg", "final", "projected"))


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    folder = tmp_path_factory.mktemp("planted")
    weights = planted.train(folder)
    return replace(CONFIG, backbone=f"openclip:{planted.NAME}", weights=str(weights))


def fit_unpaired(folder, config):
    """A desk of texts and pictures that have nothing to do with each other, and more pictures."""
    rows = planted.write_pictures(folder, 2, seed=1)
    names = [row[3] for row in rows]
    mixed = np.random.default_rng(0).permutation(len(names))
    texts = [f"Note {n} about {planted.KINDS[n % 18][0]} things" for n in range(len(names))]
    pairs = [(text, names[index]) for text, index in zip(texts, mixed, strict=True)]
    desk = Desk.fit(planted.write_table(folder, pairs), folder / "desk", config)
    more = planted.write_pictures(folder / "more", 4, seed=2)
    desk.add(folder / "more")
    return desk, rows + more


def sentence(colour, shape, dark, number):
    when = ("at midnight", "after nightfall") if dark else ("at noon", "in full daylight")
    where = ("near the harbour", "by the old mill", "on the hill")[number % 3]
    return f"We saw a {colour} {shape} {when[number % 2]}, {where}. Note {number}."


def fit_paired(folder, config, copies):
    """A desk of pairs whose texts also say whether it was dark, which the model cannot tell."""
    rows = planted.write_pictures(folder, copies, seed=3)
    pairs = [(sentence(*row[:3], n), row[3]) for n, row in enumerate(rows)]
    table, desk = planted.write_table(folder, pairs), folder / "desk"
    flags = ["--backbone", config.backbone, "--weights", config.weights, "--sentences", "none"]
    command = ["fit", str(table), "--desk", str(desk), *flags, "--test", "0.4", "--quiet"]
    CliRunner().invoke(app, command, catch_exceptions=False)
    return Desk(desk)


def kinds_found(desk, pictures, route):
    """Share of the first four pictures for a name that show what it names."""
    kind_of = {name: (colour, shape) for colour, shape, _, name in pictures}
    answers = desk.suggest([f"a {c} {s}" for c, s in planted.KINDS], k=4, route=route)
    right = [
        kind_of[Path(suggestion.picture.uri).name] == kind
        for kind, answer in zip(planted.KINDS, answers, strict=True)
        for suggestion in answer
    ]
    return np.mean(right)


@pytest.fixture(scope="module")
def unpaired(config, tmp_path_factory):
    """What somebody does who has pictures, but no texts that ran with them."""
    return fit_unpaired(tmp_path_factory.mktemp("unpaired"), config)


@pytest.fixture(scope="module")
def paired(config, tmp_path_factory):
    return fit_paired(tmp_path_factory.mktemp("paired"), config, copies=4)


def test_without_pairs_the_zero_shot_route_wins(unpaired):
    desk, pictures = unpaired
    found = {route: kinds_found(desk, pictures, route) for route in desk.routes}
    assert found.pop("zero_shot") > 0.85
    assert max(found.values()) < 0.6, found


def test_with_pairs_the_blend_beats_the_zero_shot_route(paired):
    evaluation = paired.evaluate()
    found = {name: evaluation.row(name).mrr for name in ("direct", "zero_shot", "blend")}
    assert found["blend"] > found["zero_shot"] + 0.05, found
    assert found["blend"] >= found["direct"] - 0.02, found


def test_a_catalogue_vector_has_room_for_the_route(paired):
    block = next(r for r in paired.blend.block_routes if r.name == "zero_shot").block
    assert block.width == planted.CONFIG["embed_dim"]
    assert paired.blend.layout.width <= 1536


def test_both_towers_and_the_tokenizer_lie_in_the_desk(paired):
    root = paired.folder.root
    names = {path.name for path in (root / "text_tower").iterdir()}
    assert names == {"manifest.json", "text.onnx", "tokenizer.json"}
    assert (root / "backbone" / "backbone.onnx").is_file()
    kept = root / "fits" / "0001" / "matcher" / "text_encoder"
    assert any(kept.rglob("text.onnx"))


def test_shares_of_a_score_sum_to_it(unpaired):
    desk, _ = unpaired
    text = "a red circle"
    for found in desk.explain(text, desk.suggest(text, k=2)):
        assert "zero_shot" in dict(found.routes)
        assert sum(dict(found.routes).values()) == pytest.approx(found.score, abs=1e-6)


SERVING = """
import sys
for name in ("torch", "torchvision", "timm", "open_clip", "transformers", "onnx", "onnxscript"):
    sys.modules[name] = None
from picturedesk import Desk
with Desk(sys.argv[1]) as desk:
    print(desk.add(sys.argv[2]).new)
    for suggestion in desk.suggest("a violet circle", k=3, route="zero_shot"):
        print(suggestion.picture.uri.rsplit("/", 1)[-1], suggestion.score)
"""


def test_suggesting_and_adding_need_neither_torch_nor_open_clip(unpaired, tmp_path):
    desk, _ = unpaired
    shutil.copytree(desk.folder.root, tmp_path / "desk")
    (tmp_path / "new").mkdir()
    planted.draw("violet", "circle", False, 77).save(tmp_path / "new" / "another.png")
    done = subprocess.run(
        [sys.executable, "-c", SERVING, tmp_path / "desk", tmp_path / "new"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    new, *found = done.stdout.splitlines()
    assert new == "1"
    assert len(found) == 3
    with Desk(tmp_path / "desk") as again:
        ours = again.suggest("a violet circle", k=3, route="zero_shot")
    names = [f"{s.picture.uri.rsplit('/', 1)[-1]} {s.score}" for s in ours]
    assert names == found


def test_a_desk_whose_text_tower_is_gone_says_so_in_one_line(unpaired, config, tmp_path):
    desk, _ = unpaired
    shutil.copytree(desk.folder.root, tmp_path / "desk")
    shutil.rmtree(tmp_path / "desk" / "text_tower")
    archive = planted.write_table(desk.folder.root.parent, [("a", "1-0.png"), ("b", "1-1.png")])
    with pytest.raises(
        MissingArtefact, match=r"text_tower.*then run picturedesk fit again"
    ) as told:
        Desk.fit(archive, tmp_path / "desk", config)
    assert "\n" not in str(told.value)
