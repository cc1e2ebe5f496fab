"""Extraction: every readable picture once, in order, resumed where it was, stopped cleanly."""

from __future__ import annotations

import json
import os
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from picturedesk.backbones.backbone import Backbone
from picturedesk.disk.artifacts import plain
from picturedesk.errors import BadInput, Mismatch, PicturedeskError
from picturedesk.images import DecodePolicy, content_key, decode, perceptual_hash, to_pixels
from picturedesk.learning.config import DeskConfig
from picturedesk.learning.saved_config import restored
from picturedesk.store.extraction import ExtractConfig, Extraction, extract
from picturedesk.store.features import FeatureStore
from picturedesk.testing import TinyRunner, tiny_backbone
from picturedesk.types import Floats

SMALL = ExtractConfig(batch=4, decoders=3)


def paint(path: Path, seed: int, size: tuple[int, int] = (60, 44)) -> str:
    """A picture of coloured blocks, different for every seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    blocks = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    Image.fromarray(blocks).resize(size, Image.Resampling.BICUBIC).save(path)
    return str(path)


@pytest.fixture
def uris(tmp_path: Path) -> list[str]:
    kinds = ("jpg", "png", "webp")
    return [paint(tmp_path / "in" / f"{i}.{kinds[i % 3]}", i) for i in range(14)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "features.db"


def run(uris: list[str], path: Path, backbone: Backbone | None = None, **settings) -> Extraction:
    backbone = backbone or tiny_backbone()
    with FeatureStore.open(path, backbone.spec) as store:
        return extract(uris, backbone, store, **({"config": SMALL} | settings))


def counts(done: Extraction) -> tuple[int, int, int, int]:
    return done.read, done.reused, done.duplicates, len(done.rejections)


def rows(path: Path) -> tuple[list[str], Floats]:
    with FeatureStore.open(path) as store:
        return store.keys(), store.read(store.keys())


def decoders() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "picturedesk prefetch"]


def test_an_engine_is_one_of_those_that_there_are_and_is_not_kept():
    with pytest.raises(BadInput, match="engine 'dask' is not known: local, ray"):
        ExtractConfig(engine="dask")
    assert ExtractConfig.of(plain(ExtractConfig(batch=3, engine="ray"))) == ExtractConfig(batch=3)
    saved = plain(replace(DeskConfig(), extract=ExtractConfig(engine="ray")))
    assert restored(saved).extract.engine == "local"


def test_rows_are_what_the_backbone_gives_for_each_picture_alone(uris, path):
    backbone = tiny_backbone()
    done = run(uris, path, backbone)
    assert counts(done) == (14, 0, 0, 0)
    with FeatureStore.open(path) as store:
        for uri in uris:
            data = Path(uri).read_bytes()
            assert done.keys[uri] == content_key(data)
            image = decode(data, uri, at_least=backbone.spec.preprocessing.resize)
            pixels = to_pixels(image, backbone.spec.preprocessing)
            key = done.keys[uri]
            np.testing.assert_array_equal(store.read([key])[0], backbone.features(pixels[None])[0])
            assert int(store.hashes([key])[0]) == perceptual_hash(image)
            assert store.sizes([key]).tolist() == [[60, 44]]


@pytest.mark.parametrize("config", [ExtractConfig(1, 1), ExtractConfig(3, 5), ExtractConfig(64)])
def test_rows_and_their_order_do_not_depend_on_batches_or_threads(uris, path, tmp_path, config):
    run(uris, path)
    run(uris, tmp_path / "other.db", config=config)
    keys, features = rows(path)
    other_keys, other_features = rows(tmp_path / "other.db")
    assert keys == other_keys == [content_key(Path(uri).read_bytes()) for uri in uris]
    np.testing.assert_array_equal(features, other_features)


@pytest.mark.parametrize("megabytes", [1e-6, 0.1, float("inf")])
def test_rows_and_their_order_do_not_depend_on_the_memory_for_decoding(
    uris, path, tmp_path, megabytes
):
    run(uris, path)
    other = run(uris, tmp_path / "other.db", config=ExtractConfig(4, 3, decode_memory=megabytes))
    assert counts(other) == (14, 0, 0, 0)
    np.testing.assert_array_equal(rows(path)[1], rows(tmp_path / "other.db")[1])


def test_the_same_bytes_twice_are_one_row_at_the_place_of_the_first(uris, path, tmp_path):
    copies = [str(tmp_path / f"copy{i}.jpg") for i in range(3)]
    for copy in copies:
        Path(copy).write_bytes(Path(uris[1]).read_bytes())
    given = [uris[0], copies[0], uris[1], copies[1], *uris[2:], copies[2]]
    done = run(given, path)
    assert counts(done) == (14, 0, 3, 0)
    assert len({done.keys[copy] for copy in [*copies, uris[1]]}) == 1
    assert rows(path)[0] == [done.keys[uri] for uri in uris]


def test_the_same_name_in_two_folders_is_two_pictures(path, tmp_path):
    given = [paint(tmp_path / "a" / "x.png", 1), paint(tmp_path / "b" / "x.png", 2)]
    assert counts(run(given, path)) == (2, 0, 0, 0)


def test_a_source_named_twice_counts_once(uris, path):
    told: list[tuple[int, int]] = []
    done = run([*uris, *uris], path, progress=lambda done, total, what: told.append((done, total)))
    assert counts(done) == (14, 0, 0, 0)
    assert told[-1] == (14, 14)


def test_bad_pictures_are_reported_counted_and_left_out(uris, path, tmp_path):
    bad = [str(tmp_path / name) for name in ("empty.jpg", "text.jpg", "cut.png", "missing.jpg")]
    Path(bad[0]).touch()
    Path(bad[1]).write_text("not a picture")
    Path(bad[2]).write_bytes(Path(uris[1]).read_bytes()[:200])
    given = [*bad[:2], *uris[:5], *bad[2:], str(tmp_path), *uris[5:]]
    done = run(given, path)
    assert counts(done) == (14, 0, 0, 5)
    assert [rejection.source for rejection in done.rejections] == [*bad, str(tmp_path)]
    assert all(rejection.reason and rejection.cure for rejection in done.rejections)
    assert list(done.keys) == uris
    assert rows(path)[0] == list(done.keys.values())


@pytest.mark.parametrize("name", ["large.jpg", "large.png", "large.tif", "large.webp"])
def test_sizes_are_of_the_upright_picture_at_full_size(path, tmp_path, name):
    uri = str(tmp_path / name)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    Image.linear_gradient("L").resize((700, 500)).save(uri, exif=exif)
    done = run([uri], path)
    with FeatureStore.open(path) as store:
        assert store.sizes([done.keys[uri]]).tolist() == [[500, 700]]


def test_nothing_to_read_is_no_error(path):
    assert counts(run([], path)) == (0, 0, 0, 0)


def test_only_bad_pictures_are_no_error(path, tmp_path):
    assert counts(run([str(tmp_path / "missing.jpg")], path)) == (0, 0, 0, 1)


def test_unchanged_files_are_not_read_again(uris, path):
    first = run(uris, path)
    status = os.stat(uris[3])
    Path(uris[3]).write_bytes(b"x" * status.st_size)  # would be refused if it were read
    os.utime(uris[3], ns=(status.st_atime_ns, status.st_mtime_ns))
    runner = TinyRunner()
    second = run(uris, path, tiny_backbone(runner=runner))
    assert counts(second) == (0, 14, 0, 0)
    assert second.keys == first.keys
    assert runner.calls == 0


def test_a_file_is_known_by_any_spelling_of_its_path(uris, path, tmp_path, monkeypatch):
    run(uris, path)
    monkeypatch.chdir(tmp_path)
    relative = [os.path.join(".", "in", os.path.basename(uri)) for uri in uris]
    done = run(relative, path)
    assert counts(done) == (0, 14, 0, 0)
    assert list(done.keys) == relative


def test_a_file_that_changed_is_read_again(uris, path):
    first = run(uris, path)
    paint(Path(uris[4]), 99, size=(64, 40))
    runner = TinyRunner()
    second = run(uris, path, tiny_backbone(runner=runner))
    assert counts(second) == (1, 13, 0, 0)
    assert runner.pictures == 1
    assert first.keys[uris[4]] != second.keys[uris[4]]


def test_a_moved_file_is_known_by_its_bytes_and_then_by_its_new_name(uris, path, tmp_path):
    run(uris, path)
    moved = str(tmp_path / "moved.jpg")
    os.rename(uris[0], moved)
    assert counts(run([moved], path)) == (0, 1, 0, 0)
    status = os.stat(moved)
    with FeatureStore.open(path) as store:
        assert store.lookup(moved, status.st_size, status.st_mtime_ns) is not None


def test_every_file_is_remembered_copies_too(uris, path, tmp_path):
    copy = str(tmp_path / "copy.jpg")
    Path(copy).write_bytes(Path(uris[0]).read_bytes())
    done = run([*uris, copy], path)
    with FeatureStore.open(path) as store:
        for uri, key in done.keys.items():
            status = os.stat(uri)
            assert store.lookup(uri, status.st_size, status.st_mtime_ns) == key


def test_progress_begins_at_none_ends_at_all_and_never_goes_back(uris, path, tmp_path):
    told: list[int] = []
    given = [*uris, str(tmp_path / "missing.jpg")]
    run(given, path, progress=lambda done, total, what: told.append(done))
    assert told[0] == 0
    assert told[-1] == 15
    assert told == sorted(told)


def test_a_store_of_another_backbone_is_refused(uris, path):
    with (
        FeatureStore.open(path, tiny_backbone(seed=1).spec) as store,
        pytest.raises(Mismatch, match="holds features of tiny"),
    ):
        extract(uris, tiny_backbone(), store)


class Failing(TinyRunner):
    """Raises in its third batch."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error

    def __call__(self, pixels: Floats) -> Floats:
        if self.calls == 2:
            raise self.error
        return super().__call__(pixels)


@pytest.mark.parametrize("error", [RuntimeError("bug"), KeyboardInterrupt()])
def test_what_the_backbone_raises_stops_the_run_cleanly_and_keeps_what_was_done(uris, path, error):
    with pytest.raises(type(error)):
        run(uris, path, tiny_backbone(runner=Failing(error)))
    assert not decoders()
    assert len(rows(path)[0]) == 8
    again = run(uris, path)
    assert counts(again) == (6, 8, 0, 0)
    assert rows(path)[0] == list(again.keys.values())


class StrangeStore(FeatureStore):
    """Does something strange when it is asked for a file named 5.png."""

    def lookup(self, path: str, size: int, mtime_ns: int) -> str | None:
        if path.endswith("5.webp"):
            self.strange()
        return super().lookup(path, size, mtime_ns)

    def strange(self) -> None:
        raise ZeroDivisionError("bug")


class HangingStore(StrangeStore):
    release = threading.Event()

    def strange(self) -> None:
        self.release.wait(30)


def test_a_bug_in_a_decoder_stops_the_run_cleanly(uris, path):
    backbone = tiny_backbone()
    with StrangeStore.open(path, backbone.spec) as store:
        with pytest.raises(ZeroDivisionError):
            extract(uris, backbone, store, SMALL)
        assert not decoders()
        assert len(store) == 4


def test_a_file_that_hangs_is_left_out_and_holds_up_nobody(uris, path):
    backbone = tiny_backbone()
    began = time.monotonic()
    with HangingStore.open(path, backbone.spec) as store:
        done = extract(uris, backbone, store, ExtractConfig(batch=4, decoders=2, patience=1.0))
        assert time.monotonic() - began < 20  # it hangs for 30 s
        assert counts(done) == (13, 0, 0, 1)
        assert done.rejections[0].source == uris[5]
        assert "patience" in done.rejections[0].cure
        HangingStore.release.set()
        while decoders():
            time.sleep(0.01)


def test_numbers_that_are_not_finite_are_refused_with_the_file_they_came_from(uris, path):
    class Broken(TinyRunner):
        def __call__(self, pixels: Floats) -> Floats:
            features = super().__call__(pixels)
            features[2, 5] = np.nan
            return features

    with pytest.raises(PicturedeskError, match=f"NaN or infinite numbers for {uris[2]}"):
        run(uris, path, tiny_backbone(runner=Broken()))
    assert len(rows(path)[0]) == 0


@pytest.mark.parametrize("settings", [{"batch": 0}, {"decoders": -1}, {"patience": 0.0}])
def test_settings_that_cannot_be_used_are_refused(settings):
    with pytest.raises(BadInput, match="batch must be 1 or more"):
        ExtractConfig(**settings)


@pytest.mark.parametrize("megabytes", [0, -1, float("nan")])
def test_memory_that_lets_nothing_through_is_refused(megabytes):
    with pytest.raises(BadInput, match="decode_memory"):
        ExtractConfig(decode_memory=megabytes)


def test_settings_of_a_desk_are_read_back():
    config = ExtractConfig(batch=3, decode_memory=50.0, decode=DecodePolicy(max_megapixels=7.0))
    assert ExtractConfig.of(json.loads(json.dumps(plain(config)))) == config


def test_what_an_older_desk_does_not_know_has_its_default():
    saved = {"batch": 3, "decode": {"max_megapixels": 7.0}, "of_a_later_version": 1}
    assert ExtractConfig.of(saved) == ExtractConfig(batch=3, decode=DecodePolicy(7.0))
