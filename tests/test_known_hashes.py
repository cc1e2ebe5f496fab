"""Perceptual hashes of very many pictures: found side by side, and right when the table is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from picturedesk import Desk
from picturedesk.store.features import FeatureRow, FeatureStore
from picturedesk.store.known_hashes import KnownHashes, hashes_of
from picturedesk.testing import tiny_backbone

KEYS = [f"{number:032x}" for number in range(50)]


@pytest.fixture
def store(tmp_path: Path):
    spec = tiny_backbone().spec
    hashes = np.random.default_rng(0).integers(1 << 63, size=50, dtype=np.uint64) * np.uint64(2)
    with FeatureStore.open(tmp_path / "features.db", spec) as opened:
        nothing = np.zeros(spec.width, dtype=np.float32)
        opened.add(
            [
                FeatureRow(key, nothing, int(one), 4, 3)
                for key, one in zip(KEYS, hashes, strict=True)
            ]
        )
        yield opened


def test_what_was_written_is_found_and_nothing_else(store: FeatureStore, tmp_path: Path):
    KnownHashes.write(tmp_path / "hashes", [KEYS[:20], [*KEYS[20:40], "unknown"]], store)
    known = KnownHashes.open(tmp_path / "hashes")
    assert len(known) == 40
    assert known.find([]) == {}
    found = known.find([*KEYS[::-1], "unknown", "\udcff"])
    assert found == hashes_of(store, KEYS[:40])
    assert {type(one) for one in found.values()} == {np.uint64}


def test_without_a_table_or_with_a_damaged_one_nothing_is_known(
    store: FeatureStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    folder = tmp_path / "hashes"
    assert len(KnownHashes.open(folder)) == 0
    KnownHashes.write(folder, [], store)
    assert KnownHashes.open(folder).find(KEYS) == {}
    KnownHashes.write(folder, [KEYS], store)
    arrays = folder / "arrays.safetensors"
    arrays.write_bytes(arrays.read_bytes()[:-1] + b"\x07")
    assert KnownHashes.open(folder).find(KEYS) == {}
    assert "run picturedesk optimize" in caplog.text or "damaged" in caplog.text


def test_a_large_desk_keeps_its_hashes_side_by_side(
    quick_desk: Path, monkeypatch: pytest.MonkeyPatch
):
    with Desk(quick_desk) as desk:
        expected = desk._hashes(desk.catalogue.keys())
        assert not desk.fitted.hashes.exists()
    monkeypatch.setattr("picturedesk.desk.optimizing.INDEX_FROM", 100)
    with Desk(quick_desk) as desk:
        desk.optimize()
        assert len(KnownHashes.open(desk.fitted.hashes)) == desk.catalogue.count()
        made = desk.fitted.hashes.stat().st_mtime_ns
        desk.optimize()  # nothing has changed
        assert desk.fitted.hashes.stat().st_mtime_ns == made
    read: list[str] = []
    seen: Callable[..., object] = FeatureStore.hashes

    def watched(self: FeatureStore, keys: list[str]) -> object:
        read.extend(keys)
        return seen(self, keys)

    monkeypatch.setattr(FeatureStore, "hashes", watched)
    with Desk(quick_desk) as desk:
        assert desk._hashes(desk.catalogue.keys()) == expected
        assert read == []
        assert desk.suggest("a red circle by the river")
