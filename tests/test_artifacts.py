"""Atomic files, manifests and fingerprints."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from picturedesk.disk import artifacts
from picturedesk.disk.arrays import read_arrays, write_arrays
from picturedesk.errors import Mismatch, MissingArtefact


@dataclass(frozen=True)
class Settings:
    width: int = 3
    names: tuple[str, ...] = ("a", "b")


def test_equal_settings_have_equal_fingerprints():
    assert artifacts.fingerprint(Settings()) == artifacts.fingerprint(Settings())
    assert artifacts.fingerprint(Settings()) != artifacts.fingerprint(Settings(width=4))


def test_the_array_fingerprint_sees_values_shapes_types_and_names():
    base = {"a": np.zeros((2, 3), np.float32)}
    others = [
        {"a": np.ones((2, 3), np.float32)},
        {"a": np.zeros((3, 2), np.float32)},
        {"a": np.zeros((2, 3), np.int32)},
        {"b": np.zeros((2, 3), np.float32)},
    ]
    seen = {artifacts.array_fingerprint(arrays) for arrays in [base, *others]}
    assert len(seen) == 5


def test_arrays_come_back_as_they_were(tmp_path: Path):
    arrays = {"x": np.arange(6, dtype=np.float32).reshape(2, 3), "links": np.array([[0, 1]])}
    write_arrays(tmp_path, arrays)
    artifacts.write_manifest(tmp_path, "things", {})
    back = read_arrays(tmp_path, artifacts.read_manifest(tmp_path, "things"))
    for name, array in arrays.items():
        np.testing.assert_array_equal(back[name], array)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path):
    target = tmp_path / "settings.json"
    artifacts.write_record(target, "test", {"old": True})

    def fail():
        with artifacts.atomic_path(target) as temporary:
            temporary.write_text("half")
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        fail()
    assert artifacts.read_record(target).pop("old")
    assert [path.name for path in tmp_path.iterdir()] == ["settings.json"]


def test_a_failed_folder_leaves_the_old_folder_and_nothing_else(tmp_path: Path):
    target = tmp_path / "matcher"
    with artifacts.atomic_folder(target) as temporary:
        (temporary / "a").write_text("old")

    def fail():
        with artifacts.atomic_folder(target) as temporary:
            (temporary / "a").write_text("half")
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        fail()
    assert (target / "a").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["matcher"]


def test_a_folder_of_another_kind_is_refused(tmp_path: Path):
    artifacts.write_manifest(tmp_path, "matcher", {})
    with pytest.raises(Mismatch, match="holds a matcher, not a backbone"):
        artifacts.read_manifest(tmp_path, "backbone")


def test_another_format_version_is_refused(tmp_path: Path):
    artifacts.write_record(tmp_path / "manifest.json", "matcher", {"format_version": 99})
    with pytest.raises(Mismatch, match="99"):
        artifacts.read_manifest(tmp_path, "matcher")


def test_whole_records_in_each_others_place_are_refused(tmp_path: Path):
    artifacts.write_record(tmp_path / "settings.json", "fit", {"config": {}})
    with pytest.raises(Mismatch, match="holds a fit, not a desk"):
        artifacts.read_record(tmp_path / "settings.json", "desk")


@pytest.mark.parametrize("content", ["{", "[1, 2]"])
def test_a_broken_manifest_is_an_error_of_one_line(tmp_path: Path, content: str):
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(MissingArtefact, match=r"is damaged .*: run picturedesk fit again"):
        artifacts.read_manifest(tmp_path)


def test_missing_arrays_are_said_to_be_missing(tmp_path: Path):
    artifacts.write_manifest(tmp_path, "things", {})
    with pytest.raises(MissingArtefact, match=r"arrays\.safetensors does not exist"):
        read_arrays(tmp_path, artifacts.read_manifest(tmp_path))
