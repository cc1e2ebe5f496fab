"""The cache of exported graphs: exported once, checked each time, never in the way."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from picturedesk.backbones import export_cache
from picturedesk.backbones.export_cache import KEPT, cache_folder, export

GRAPH = b"a graph " * 50


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PICTUREDESK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "graphs"


class Exporter:
    """Writes a graph with its weights beside it, and counts."""

    def __init__(self, content: bytes = GRAPH) -> None:
        self.content = content
        self.runs = 0

    def __call__(self, folder: Path) -> None:
        self.runs += 1
        (folder / "backbone.onnx").write_bytes(self.content)
        (folder / "backbone.onnx.data").write_bytes(self.content[::-1])

    def into(self, folder: Path, spec: str = "spec") -> bytes:
        folder.mkdir(parents=True)
        export(spec, self, folder)
        assert sorted(path.name for path in folder.iterdir()) == [
            "backbone.onnx",
            "backbone.onnx.data",
        ]
        return (folder / "backbone.onnx").read_bytes()


def test_the_same_backbone_is_exported_once(cache: Path, tmp_path: Path):
    exporter = Exporter()
    assert exporter.into(tmp_path / "a") == exporter.into(tmp_path / "b") == GRAPH
    assert exporter.runs == 1
    exporter.into(tmp_path / "c", "another spec")
    assert exporter.runs == 2


@pytest.mark.parametrize("damage", ["graph", "weights", "gone", "manifest"])
def test_a_damaged_entry_is_exported_again_and_mended(cache: Path, tmp_path: Path, damage: str):
    exporter = Exporter()
    exporter.into(tmp_path / "a")
    entry = next(cache.iterdir())
    if damage == "graph":
        (entry / "backbone.onnx").write_bytes(GRAPH[:-1] + b"?")
    elif damage == "weights":
        (entry / "backbone.onnx.data").write_bytes(b"")
    elif damage == "gone":
        (entry / "backbone.onnx").unlink()
    else:
        (entry / "manifest.json").write_text("{}")
    assert exporter.into(tmp_path / "b") == GRAPH
    assert exporter.into(tmp_path / "c") == GRAPH
    assert exporter.runs == 2


def test_other_versions_of_the_exporter_have_other_entries(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    exporter = Exporter()
    exporter.into(tmp_path / "a")
    monkeypatch.setattr(export_cache, "VERSION", export_cache.VERSION + 1)
    exporter.into(tmp_path / "b")
    monkeypatch.setattr("importlib.metadata.version", lambda name: "another")
    exporter.into(tmp_path / "c")
    assert exporter.runs == 3


def test_off_means_that_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PICTUREDESK_CACHE", "off")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    exporter = Exporter()
    exporter.into(tmp_path / "a")
    exporter.into(tmp_path / "b")
    assert exporter.runs == 2
    assert not (tmp_path / "xdg").exists()


def test_the_folder_follows_the_users_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("PICTUREDESK_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "picturedesk" / "graphs"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # to be ignored, says the specification
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_folder() == tmp_path / "home" / ".cache" / "picturedesk" / "graphs"


def test_a_cache_that_cannot_be_written_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("PICTUREDESK_CACHE", str(tmp_path / "file"))
    exporter = Exporter()
    assert exporter.into(tmp_path / "a") == exporter.into(tmp_path / "b") == GRAPH
    assert exporter.runs == 2


def test_an_export_that_fails_leaves_no_entry(cache: Path, tmp_path: Path):
    def fail(folder: Path) -> None:
        (folder / "backbone.onnx").write_bytes(b"half")
        raise RuntimeError("no")

    (tmp_path / "a").mkdir()
    with pytest.raises(RuntimeError):
        export("spec", fail, tmp_path / "a")
    assert not cache.exists()


def test_many_at_once_end_with_one_whole_entry(cache: Path, tmp_path: Path):
    exporter = Exporter()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: exporter.into(tmp_path / str(n)), range(24)))
    assert set(found) == {GRAPH}
    assert [path.name.startswith(".") for path in cache.iterdir()] == [False]
    runs = exporter.runs
    exporter.into(tmp_path / "last")
    assert exporter.runs == runs


def test_processes_share_it(cache: Path, tmp_path: Path):
    program = """
import sys
from pathlib import Path
from picturedesk.backbones.export_cache import export
folder = Path(sys.argv[1])
folder.mkdir()
export("spec", lambda into: (into / "backbone.onnx").write_bytes(b"x" * 100000), folder)
print((folder / "backbone.onnx").read_bytes() == b"x" * 100000)
"""
    line = [sys.executable, "-c", program]
    running = [
        subprocess.Popen([*line, str(tmp_path / f"{n}")], stdout=subprocess.PIPE, text=True)
        for n in range(4)
    ]
    assert [process.communicate()[0].strip() for process in running] == ["True"] * 4
    assert len(list(cache.iterdir())) == 1


def test_the_oldest_entries_make_room(cache: Path, tmp_path: Path):
    exporter = Exporter()
    for number in range(KEPT + 3):
        exporter.into(tmp_path / f"{number}", f"spec {number}")
    assert len(list(cache.iterdir())) == KEPT


def test_a_second_backbone_of_the_same_kind_is_not_exported(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    pytest.importorskip("timm", reason="needs the extra 'train'")
    import numpy as np

    from picturedesk.backbones import torch_runner
    from picturedesk.backbones.backbone import Backbone
    from picturedesk.backbones.export import probe_pixels

    exported = []
    write = torch_runner.write_graph

    def counted(*arguments: object) -> None:
        exported.append(arguments)
        write(*arguments)

    monkeypatch.setattr(torch_runner, "write_graph", counted)
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        Backbone("test_resnet", ["final"], weights=f"random:{seed}").save(tmp_path / name)
    assert len(exported) == 2
    first, second, other = (Backbone.load(tmp_path / name) for name in "abc")
    pixels = probe_pixels(first.spec.preprocessing.size)
    assert np.array_equal(first.features(pixels), second.features(pixels))
    assert not np.array_equal(first.features(pixels), other.features(pixels))
