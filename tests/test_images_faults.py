"""Pictures that must be refused, each with its reason and cure; and nothing else may happen."""

from __future__ import annotations

import io
import logging
import os
import re
import struct
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image, ImageFile

from picture_files import (
    KINDS,
    broken_files,
    encoded,
    foreign_files,
    giant_jpeg,
    headers_claiming,
    mutations,
    oriented,
    photo,
    png,
    tiff,
    with_right_checksums,
)
from picturedesk.errors import BadPicture
from picturedesk.images import DecodePolicy, decode, read_picture

BROKEN = broken_files()
FOREIGN = foreign_files()
STATUS = Path("/proc/self/status")


def refused(data: bytes, policy: DecodePolicy | None = None) -> BadPicture:
    with pytest.raises(BadPicture) as caught:
        decode(data, "album/one.jpg", policy or DecodePolicy())
    error = caught.value
    assert error.source == "album/one.jpg"
    assert error.reason
    assert error.cure
    assert "\n" not in str(error)
    return error


@pytest.mark.parametrize("fault", BROKEN)
def test_broken_files_are_refused(fault):
    refused(BROKEN[fault])


@pytest.mark.parametrize("name", FOREIGN)
def test_other_kinds_of_files_are_refused_by_name(name):
    data, word = FOREIGN[name]
    assert word in refused(data).reason


def test_a_drawing_is_refused_with_the_way_to_convert_it():
    assert "rsvg-convert" in refused(FOREIGN["svg"][0]).cure


@pytest.mark.parametrize("kind", KINDS)
def test_files_cut_anywhere_are_refused_or_decoded_whole(kind):
    whole = encoded(photo(), kind)
    picture = decode(whole, "test").tobytes()
    for cut in range(0, len(whole), max(1, len(whole) // 150)):
        try:
            assert decode(whole[:cut], "test").tobytes() == picture
            assert len(whole) - cut < 16, "only a trailer may be missing"
        except BadPicture:
            pass


@pytest.mark.parametrize("what", headers_claiming(1, 1))
def test_a_picture_over_the_limit_is_refused_by_its_header(what):
    error = refused(headers_claiming(16_000, 16_000)[what])
    assert error.reason == ("has 16000 x 16000 = 256.0 megapixels, more than max_megapixels = 200")
    assert error.cure == "raise max_megapixels to 256, or scale the picture down"


def test_a_smaller_limit_holds_too():
    error = refused(giant_jpeg(5000, 4000), DecodePolicy(max_megapixels=10))
    assert "20.0 megapixels" in error.reason
    assert "max_megapixels to 20" in error.cure


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's /proc")
def test_a_picture_over_the_limit_takes_no_memory():
    files = headers_claiming(16_000, 16_000)
    for data in files.values():
        refused(data)  # what is loaded once is loaded now
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark begins anew
    before = high_water()
    for data in files.values():
        refused(data)
    assert high_water() - before < 16_000  # kilobytes; one of them would take 768,000


def high_water() -> int:
    """The most memory this process has had, in kilobytes."""
    found = re.search(r"VmHWM:\s+(\d+) kB", STATUS.read_text())
    assert found
    return int(found[1])


def test_running_out_of_memory_is_a_refusal(monkeypatch):
    def no_memory(self: ImageFile.ImageFile) -> None:
        raise MemoryError

    monkeypatch.setattr(ImageFile.ImageFile, "load_prepare", no_memory)
    assert "memory" in refused(encoded(photo(), "BMP")).reason


@pytest.mark.parametrize("kind", ["WEBP", "AVIF"])
def test_a_pillow_built_without_a_kind_is_named(kind, monkeypatch):
    data = encoded(photo(), kind)
    monkeypatch.setattr("PIL.features.check", lambda feature: False)
    assert "which this build of Pillow cannot read" in refused(data).reason


SAMPLES = {
    **{kind: encoded(photo(40, 30), kind) for kind in KINDS},
    "progressive JPEG": encoded(photo(40, 30), "JPEG", progressive=True),
    "CMYK JPEG": encoded(photo(40, 30).convert("CMYK"), "JPEG"),
    "turned JPEG": oriented(photo(40, 30), "JPEG", 6),
    "palette PNG": encoded(photo(40, 30).quantize(16), "PNG", transparency=3),
    "turned PNG": oriented(photo(40, 30), "PNG", 6),
    "moving PNG": encoded(photo(40, 30), "PNG", save_all=True, append_images=[photo(40, 30, 1)]),
    "turned WebP": oriented(photo(40, 30), "WEBP", 6),
    "moving GIF": encoded(photo(40, 30), "GIF", save_all=True, append_images=[photo(40, 30, 1)]),
    "float TIFF": tiff((4, 4), bytes(64), bits=(32,), sample_format=3),
    "turned TIFF": oriented(photo(40, 30), "TIFF", 6),
    "palette BMP": encoded(photo(40, 30).quantize(200), "BMP"),
}


@pytest.mark.parametrize("sample", SAMPLES)
def test_damaged_files_give_a_picture_or_a_refusal_and_nothing_else(sample, capsys):
    policy = DecodePolicy(max_megapixels=1)
    outcomes = set()
    for damaged in mutations(SAMPLES[sample], 300, seed=7):
        data = with_right_checksums(damaged) if damaged.startswith(b"\x89PNG") else damaged
        try:
            assert decode(data, "test", policy, at_least=8).mode == "RGB"
            outcomes.add("picture")
        except BadPicture:
            outcomes.add("refusal")
    assert "refusal" in outcomes
    assert capsys.readouterr() == ("", "")


def noisy_files() -> dict[str, bytes]:
    """Files over which Pillow warns, or logs an error, when they are opened or loaded."""
    palette = encoded(photo().quantize(8), "PNG", transparency=bytes(8))
    two_widths = tiff((3, 1), bytes(3), bits=(8,)).replace(
        struct.pack("<HHI", 259, 3, 1), struct.pack("<HHI", 259, 3, 2)
    )
    many_samples = tiff((3, 1), bytes(3), bits=(8,)).replace(
        struct.pack("<HHII", 277, 3, 1, 1), struct.pack("<HHII", 277, 3, 1, 9999)
    )
    exif = encoded(photo(), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\x01\0\x0f\x01\x02\0\xff\0\0\0")
    moving = encoded(photo(), "PNG", save_all=True, append_images=[photo(seed=1)])
    at = moving.index(b"acTL") + 4
    return {
        "palette": palette,
        "metadata": two_widths,
        "samples": many_samples,
        "exif": exif,
        "frames": with_right_checksums(moving[:at] + bytes(4) + moving[at + 4 :]),
    }


@pytest.mark.parametrize("name", noisy_files())
def test_what_pillow_warns_of_does_not_reach_the_user(name, caplog):
    with warnings.catch_warnings(record=True) as heard, caplog.at_level(logging.INFO):
        warnings.simplefilter("always")
        read_by_pillow_itself(noisy_files()[name])
        assert heard or caplog.records, "this file is meant to make Pillow speak"
        heard.clear()
        caplog.clear()
        try:
            decode(noisy_files()[name], "test")
        except BadPicture:
            assert name == "samples"
        assert not heard
        assert not caplog.records
        read_by_pillow_itself(noisy_files()[name])
        assert heard or caplog.records, "the user's own warnings must still come"


def read_by_pillow_itself(data: bytes) -> None:
    try:
        image = Image.open(io.BytesIO(data))
        image.getexif()
        image.convert("RGB")
    except (OSError, SyntaxError):
        pass


def broken_lzw() -> bytes:
    """A TIFF over which libtiff writes an error."""
    data = bytearray(encoded(photo(), "TIFF", compression="tiff_lzw"))
    data[500:600] = b"\xff" * 100
    return bytes(data)


@pytest.mark.parametrize(
    ("mode", "way"),
    [
        ("RGB", "tiff_lzw"),
        ("RGB", "tiff_adobe_deflate"),
        ("RGB", "packbits"),
        ("RGB", "jpeg"),
        ("RGB", "zstd"),
        ("RGB", "lzma"),
        ("1", "group3"),
        ("1", "group4"),
    ],
)
def test_libtiff_prints_nothing(mode, way, capfd):
    whole = encoded(photo().convert(mode), "TIFF", compression=way)
    refusals = 0
    for damaged in mutations(whole, 60, seed=5):
        try:
            decode(damaged, "test")
        except BadPicture:
            refusals += 1
    assert refusals
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(sys.platform == "win32", reason="Pillow's wheels hide libtiff there")
def test_what_others_write_while_we_decode_is_kept(capfd):
    begun, stop = threading.Event(), threading.Event()
    data = broken_lzw()

    def work() -> None:
        while not stop.is_set():
            refused(data)
            begun.set()

    worker = threading.Thread(target=work)
    worker.start()
    assert begun.wait(30)
    try:
        for number in range(20):
            os.write(2, b"mine %d\n" % number)
            read_by_pillow_itself(data)
    finally:
        stop.set()
        worker.join()
    lines = capfd.readouterr().err.splitlines()
    assert [line for line in lines if line.startswith("mine")] == [f"mine {n}" for n in range(20)]
    by_libtiff = [line for line in lines if not line.startswith("mine")]
    assert len(by_libtiff) == 20, "libtiff's messages to others still come"
    assert len(set(by_libtiff)) == 1


def test_a_warning_filter_is_left_but_not_one_for_every_picture():
    data = encoded(photo(), "PNG")
    decode(data, "test")
    before = len(warnings.filters)
    for _ in range(20):
        warnings.simplefilter("error")
        decode(data, "test")
    assert len(warnings.filters) <= before + 1


def test_threads_with_different_limits_do_not_disturb_each_other():
    data = [encoded(photo(seed=seed), kind) for seed, kind in enumerate(KINDS)]
    noisy = noisy_files()["exif"]
    expected = [decode(one, "test").tobytes() for one in data]
    stop = threading.Event()
    limits = set()

    def watch() -> None:
        while not stop.is_set():
            limits.add(Image.MAX_IMAGE_PIXELS)

    def work(number: int) -> None:
        for _ in range(15):
            if number % 2:
                assert [decode(one, "test").tobytes() for one in data] == expected
                decode(noisy, "test")
            else:
                for one in data:
                    refused(one, DecodePolicy(max_megapixels=0.001))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(work, range(6)))
    finally:
        stop.set()
        watcher.join()
    assert limits == {Image.MAX_IMAGE_PIXELS}


def test_a_user_may_still_be_warned_while_other_threads_decode():
    data, stop = noisy_files()["exif"], threading.Event()

    def work() -> None:
        while not stop.is_set():
            decode(data, "test")

    worker = threading.Thread(target=work)
    worker.start()
    try:
        for _ in range(20):
            with pytest.warns(UserWarning, match="mine"):
                warnings.warn("mine", stacklevel=1)
    finally:
        stop.set()
        worker.join()


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(BadPicture, match="does not exist; check the path"):
        read_picture(tmp_path / "gone.jpg")


def test_a_directory_is_refused(tmp_path):
    with pytest.raises(BadPicture, match="is a directory"):
        read_picture(tmp_path)


def test_an_empty_file_is_refused(tmp_path):
    (tmp_path / "empty.jpg").touch()
    with pytest.raises(BadPicture, match=r"is empty \(0 bytes\)"):
        read_picture(tmp_path / "empty.jpg")


def test_too_large_a_file_is_refused_unread(tmp_path):
    path = tmp_path / "large.tif"
    with path.open("wb") as file:
        file.truncate(3_500_000)
    with pytest.raises(BadPicture, match=r"3\.5 megabytes.*raise max_megabytes to 4"):
        read_picture(path, DecodePolicy(max_megabytes=3))
    assert len(read_picture(path, DecodePolicy(max_megabytes=4))) == 3_500_000


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(BadPicture, match="not a regular file"):
        read_picture(tmp_path / "pipe.jpg")


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may read all")
def test_a_file_without_leave_is_refused(tmp_path):
    path = tmp_path / "secret.jpg"
    path.write_bytes(b"abc")
    path.chmod(0)
    with pytest.raises(BadPicture, match="may not be read"):
        read_picture(path)


@pytest.mark.parametrize("path", ["null\0byte.jpg", "x" * 5000, "\ud800.jpg"])
def test_an_impossible_path_is_refused(path):
    with pytest.raises(BadPicture):
        read_picture(path)


def test_a_file_that_vanishes_between_two_looks_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "one.jpg"
    path.write_bytes(b"abc")

    def gone(*_: object, **__: object) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "open", gone)
    with pytest.raises(BadPicture, match="does not exist"):
        read_picture(path)


def test_a_png_with_an_honest_header_and_no_data_is_refused():
    assert "PNG" in refused(png((10, 10), 8, 2, [])).reason
