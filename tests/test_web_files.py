"""Thumbnails and originals: formats, caches, ranges, and files that are not what they were."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="serving needs the extra 'serve'")

import httpx
from PIL import Image

from picturedesk.desk import Desk
from picturedesk.errors import BadPicture
from picturedesk.types import Picture
from picturedesk.web import thumbnails as module
from picturedesk.web.originals import Original, Originals
from picturedesk.web.problems import Refused
from picturedesk.web.ranges import ranged
from picturedesk.web.thumbnails import Memory, Size, Thumbnails, best_format, rounded
from servers import serving
from shapes import draw


@pytest.fixture
def desk(quick_desk: Path, tmp_path: Path) -> Iterator[Desk]:
    """With three pictures in a folder that the test may change."""
    with Desk(quick_desk) as opened:
        for seed in range(3):
            draw("red", "circle", seed=600 + seed, side=400).save(tmp_path / f"{seed}.png")
        opened.add([Picture(str(tmp_path / f"{seed}.png")) for seed in range(3)])
        yield opened


def key_of(desk: Desk, path: Path) -> str:
    return next(key for key, names in desk.catalogue.places().items() if str(path) in names)


@pytest.mark.parametrize(
    ("accept", "format"),
    [
        ("", "jpeg"),
        ("*/*", "jpeg"),
        ("image/png, image/*", "jpeg"),
        ("image/avif,image/webp,*/*;q=0.8", "webp"),
        ("image/avif", "avif"),
        ("image/webp;q=0.2, IMAGE/AVIF;q=0.9", "avif"),
        ("image/webp;q=0, image/avif;q=x", "jpeg"),
    ],
)
def test_the_format_is_what_the_caller_accepts(accept: str, format: str):
    assert best_format(accept) == format


def test_a_width_is_rounded_up_to_one_that_is_kept():
    assert [rounded(width) for width in (16, 160, 161, 1900, 5000)] == [160, 160, 240, 1920, 1920]


def test_a_thumbnail_is_made_once(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    kept = Thumbnails(tmp_path / "small", Originals(), 100)
    size = Size(key_of(desk, tmp_path / "0.png"), 160, "webp")
    first = kept.read(desk, size)
    with Image.open(io.BytesIO(first)) as image:
        assert (image.format, image.size) == ("WEBP", (160, 160))
    monkeypatch.setattr(module, "decode", lambda *_: pytest.fail("it is made again"))
    assert kept.read(desk, size) == first


@pytest.mark.parametrize("format", ["webp", "avif", "jpeg"])
def test_thumbnails_have_each_format(desk: Desk, tmp_path: Path, format: str):
    kept = Thumbnails(tmp_path / "small", Originals(), 100)
    size = Size(key_of(desk, tmp_path / "0.png"), 240, format)
    with Image.open(io.BytesIO(kept.read(desk, size))) as image:
        assert image.format == format.upper()
        assert size.media_type == f"image/{format}"


def test_the_folder_stays_below_its_limit(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "_SWEEP", 1)
    kept = Thumbnails(tmp_path / "small", Originals(), 0.01)
    keys = [key_of(desk, tmp_path / f"{seed}.png") for seed in range(3)]
    for key in keys:
        for width in (160, 240, 320):
            kept.read(desk, Size(key, width, "jpeg"))
    left = [path for path in (tmp_path / "small").glob("*/*") if path.is_file()]
    assert sum(path.stat().st_size for path in left) <= 0.01 * 1e6
    assert kept.read(desk, Size(keys[0], 320, "jpeg"))


def test_a_file_that_changed_is_not_shown_as_what_it_was(desk: Desk, tmp_path: Path):
    key = key_of(desk, tmp_path / "0.png")
    draw("blue", "square", seed=1).save(tmp_path / "0.png")
    with pytest.raises(Refused, match="has changed since it was added"):
        Originals().find(desk, key, desk.limits.decode)


def test_another_name_of_the_same_bytes_is_found(desk: Desk, tmp_path: Path):
    shutil.copy(tmp_path / "0.png", tmp_path / "copy.png")
    desk.add(tmp_path / "copy.png")
    key = key_of(desk, tmp_path / "0.png")
    data = (tmp_path / "0.png").read_bytes()
    (tmp_path / "0.png").unlink()
    assert Originals().read(desk, key, desk.limits.decode) == data


def test_a_file_that_is_gone_says_so(desk: Desk, tmp_path: Path):
    key = key_of(desk, tmp_path / "1.png")
    (tmp_path / "1.png").unlink()
    with pytest.raises(Refused, match="does not exist") as caught:
        Originals().find(desk, key, desk.limits.decode)
    assert caught.value.status == 404
    with pytest.raises(Refused, match="has no picture"):
        Originals().find(desk, "0" * 32, desk.limits.decode)


def test_a_picture_of_another_kind_is_no_thumbnail(desk: Desk, tmp_path: Path):
    kept = Thumbnails(tmp_path / "small", Originals(), 100)
    original = tmp_path / "2.png"
    key = key_of(desk, original)

    class Torn(Originals):
        def read(self, desk, key, policy):
            return original.read_bytes()[:300]

    kept._originals = Torn()
    with pytest.raises(BadPicture, match="broken PNG"):
        kept.read(desk, Size(key, 160, "webp"))


def test_large_pictures_wait_for_each_other():
    memory = Memory(100)
    with memory.budget() as first:
        memory.take(first, 5000)  # alone it may have more than there is
        assert memory._held == 5000
    assert memory._held == 0


@pytest.mark.parametrize(
    ("asked", "status", "body", "span"),
    [
        ("", 200, b"0123456789", None),
        ("bytes=2-4", 206, b"234", "bytes 2-4/10"),
        ("bytes=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=-3", 206, b"789", "bytes 7-9/10"),
        ("bytes=0-99", 200, b"0123456789", None),
        ("bytes=0-1,3-4", 200, b"0123456789", None),
        ("lines=1-2", 200, b"0123456789", None),
        ("bytes=-", 200, b"0123456789", None),
        ("bytes=10-", 416, b"", "bytes */10"),
        ("bytes=5-4", 416, b"", "bytes */10"),
        ("bytes=-0", 416, b"", "bytes */10"),
    ],
)
def test_a_range_of_bytes(asked: str, status: int, body: bytes, span: str | None, tmp_path: Path):
    import anyio

    (tmp_path / "a.png").write_bytes(b"0123456789")
    for original in (
        Original("a.png", "image/png", tmp_path / "a.png"),
        Original("a.png", "image/png", None, b"0123456789"),
    ):
        response = ranged(original, asked, {})
        assert (response.status_code, response.headers.get("content-range")) == (status, span)
        if status != 416:
            assert anyio.run(sent, response) == body


async def sent(response) -> bytes:
    return b"".join([piece async for piece in response.body_iterator])


def test_caches_and_ranges_over_http(desk: Desk, tmp_path: Path):
    key = key_of(desk, tmp_path / "0.png")
    data = (tmp_path / "0.png").read_bytes()
    with serving(desk.folder.root) as address, httpx.Client(base_url=address) as http:
        small, whole = f"/v1/pictures/{key}/thumbnail", f"/v1/pictures/{key}/original"
        first = http.get(small, params={"width": 200}, headers={"Accept": "image/webp"})
        assert first.headers["etag"] == f'"{key}-240-webp"'
        assert first.headers["cache-control"] == "private, max-age=31536000, immutable"
        assert "Accept" in first.headers["vary"]
        again = http.get(
            small,
            params={"width": 200},
            headers={"Accept": "image/webp", "If-None-Match": first.headers["etag"]},
        )
        assert (again.status_code, again.content) == (304, b"")
        found = http.get(whole)
        assert (found.content, found.headers["content-type"]) == (data, "image/png")
        etag = found.headers["etag"]
        assert http.get(whole, headers={"If-None-Match": f'W/"x", {etag}'}).status_code == 304
        part = http.get(whole, headers={"Range": "bytes=1-3", "If-Range": etag})
        assert (part.status_code, part.content) == (206, data[1:4])
        stale = http.get(whole, headers={"Range": "bytes=1-3", "If-Range": '"old"'})
        assert (stale.status_code, stale.content) == (200, data)
        assert http.get(whole, headers={"Range": "bytes=999999999-"}).status_code == 416
        for other in ("..%2F..%2Fetc%2Fpasswd", "%00", key.upper(), key[:-1]):
            for what in ("thumbnail", "original"):
                answer = http.get(f"/v1/pictures/{other}/{what}")
                assert answer.status_code in (400, 404), other
                assert answer.headers["content-type"] == "application/problem+json"
