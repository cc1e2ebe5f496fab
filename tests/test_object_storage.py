"""Pictures in object storage: read like files, if the operator allows their bucket."""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dataset_files import write_tar
from object_stores import client, s3_server
from picture_files import encoded, photo
from picturedesk.datasets import absolute_spec, open_archive, open_pictures
from picturedesk.disk import object_storage
from picturedesk.disk.object_storage import ALLOWED, is_object, refusal
from picturedesk.disk.tar_members import absolute, locate
from picturedesk.errors import BadInput, BadPicture
from picturedesk.images import DecodePolicy, content_key, read_picture
from picturedesk.store.extraction import ExtractConfig, extract
from picturedesk.store.features import FeatureStore
from picturedesk.store.sources import is_there
from picturedesk.testing import tiny_backbone
from picturedesk.types import Picture

pytest.importorskip("s3fs", reason="needs the extra 'remote'")
pytest.importorskip("moto", reason="needs moto[server]")

BUCKET = "s3://pictures"


def jpeg(seed: int) -> bytes:
    return encoded(photo(seed=seed), "JPEG")


@pytest.fixture(scope="module")
def storage() -> Iterator[None]:
    with s3_server() as found, pytest.MonkeyPatch.context() as patch:
        for name, value in {**found, ALLOWED: f"{BUCKET}/ s3://other/open/"}.items():
            patch.setenv(name, value)
        client().mkdir(BUCKET)
        yield


def put(name: str, data: bytes) -> str:
    uri = f"{BUCKET}/{name}"
    client().pipe_file(uri, data)
    return uri


def read(uris: list[str], path: Path):
    backbone = tiny_backbone()
    with FeatureStore.open(path, backbone.spec) as store:
        return extract(uris, backbone, store, ExtractConfig(batch=2, patience=60))


def why(error: pytest.ExceptionInfo[BadPicture]) -> tuple[str, str]:
    return error.value.reason, error.value.cure


def test_an_object_is_read_like_a_file(storage, tmp_path):
    data = jpeg(1)
    uri = put("sub/a b.jpg", data)
    assert read_picture(uri) == data
    assert is_there(uri)
    assert not is_there(f"{BUCKET}/none.jpg")
    (tmp_path / "a.jpg").write_bytes(data)
    done = read([uri, str(tmp_path / "a.jpg")], tmp_path / "features.db")
    assert done.keys == dict.fromkeys((uri, str(tmp_path / "a.jpg")), content_key(data))
    assert done.rejections == ()


def test_an_object_is_read_again_only_if_it_has_changed(storage, tmp_path):
    uris = [put(f"{number}.jpg", jpeg(number)) for number in range(3)]
    assert read(uris, tmp_path / "features.db").read == 3
    done = read(uris, tmp_path / "features.db")
    assert (done.read, done.reused) == (0, 3)
    put("1.jpg", jpeg(7))
    done = read(uris, tmp_path / "features.db")
    assert (done.read, done.reused) == (1, 2)
    assert done.keys[uris[1]] == content_key(jpeg(7))


def test_a_missing_object_and_one_that_is_too_large_are_refused(storage):
    with pytest.raises(BadPicture) as missing:
        read_picture(f"{BUCKET}/none.jpg")
    assert missing.value.reason == "does not exist"
    uri = put("large.jpg", b"x" * 2000)
    with pytest.raises(BadPicture, match=r"0\.0 megabytes, more than"):
        read_picture(uri, DecodePolicy(max_megabytes=0.001))
    with pytest.raises(BadPicture, match="is empty"):
        read_picture(put("empty.jpg", b""))
    with pytest.raises(BadPicture, match="folder of objects"):
        read_picture(put("folder/1.jpg", b"x").removesuffix("/1.jpg"))


@pytest.mark.parametrize(
    "uri",
    [
        "s3://secrets/a.jpg",
        "s3://picturesque/a.jpg",
        "s3://other/closed/a.jpg",
        "s3://other/open/../closed/a.jpg",
        "s3://pictures/./a.jpg",
        "s3://pictures",
        "s3:///pictures/a.jpg",
        "gs://pictures/a.jpg",
    ],
)
def test_nothing_is_asked_outside_of_what_the_operator_allows(storage, monkeypatch, uri):
    import fsspec

    monkeypatch.setattr(fsspec, "filesystem", lambda *_, **__: pytest.fail("it was asked"))
    with pytest.raises(BadPicture, match=r"may not be read|is no address"):
        read_picture(uri)
    assert is_there(uri)  # nobody knows


def test_without_the_variable_no_bucket_may_be_read(storage, monkeypatch):
    monkeypatch.delenv(ALLOWED)
    with pytest.raises(BadPicture) as refused:
        read_picture(f"{BUCKET}/a.jpg")
    reason, cure = why(refused)
    assert "PICTUREDESK_OBJECTS" in reason
    assert "PICTUREDESK_OBJECTS=s3://pictures/" in cure
    monkeypatch.setenv(ALLOWED, "/")
    assert refusal(f"{BUCKET}/a.jpg") is not None


@pytest.mark.parametrize("uri", ["http://x/a.jpg", "file:///etc/passwd", "memory://a/b", "a.jpg"])
def test_other_addresses_are_no_objects(uri):
    assert not is_object(uri)


def test_without_the_library_the_cure_is_said(storage, monkeypatch):
    known = builtins.__import__

    def without(name: str, *rest: object):
        if name == "fsspec":
            raise ImportError(name)
        return known(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(BadPicture) as refused:
        read_picture(f"{BUCKET}/a.jpg")
    assert why(refused)[1] == 'pip install "picturedesk[remote]"'


def test_a_storage_that_does_not_answer_is_a_reason(storage, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.raises(BadPicture, match="cannot be read"):
        read_picture(f"{BUCKET}/a.jpg")
    s3fs.S3FileSystem.clear_instance_cache()


def test_addresses_stay_as_they_are():
    uri = "s3://pictures/x.tar!a//b.jpg"
    assert absolute(uri) == uri
    assert locate(uri) == ("s3://pictures/x.tar", "a//b.jpg")


def put_shards(tmp_path: Path) -> str:
    """Three samples in each of two shards; the pattern that names them."""
    for shard in range(2):
        members = [
            member
            for number in range(3)
            for member in (
                (f"{number}.jpg", jpeg(10 * shard + number)),
                (f"{number}.txt", f"Picture {number} of {shard}"),
            )
        ]
        path = write_tar(tmp_path / f"{shard}.tar", members)
        put(f"shards/{shard}.tar", path.read_bytes())
    return f"{BUCKET}/shards/{{0..1}}.tar"


def test_shards_in_object_storage_are_an_archive(storage, tmp_path):
    pattern = put_shards(tmp_path)
    archive = open_archive(pattern)
    assert [text.body for text in archive.texts][2:4] == ["Picture 2 of 0", "Picture 0 of 1"]
    assert archive.texts[3].id == "1.tar!0#0"
    assert archive.pictures[3].uri == f"{BUCKET}/shards/1.tar!0.jpg"
    assert archive.rejections == ()
    assert absolute_spec(pattern) == f"webdataset:{pattern}"
    assert open_pictures(f"webdataset:{pattern}")[0] == archive.pictures
    uris = [picture.uri for picture in archive.pictures]
    done = read(uris, tmp_path / "features.db")
    keys = [content_key(jpeg(10 * shard + number)) for shard in range(2) for number in range(3)]
    assert list(done.keys.values()) == keys
    assert read(uris, tmp_path / "features.db").reused == 6
    with pytest.raises(BadPicture, match="is not in the tar"):
        read_picture(f"{BUCKET}/shards/1.tar!9.jpg")


def test_shards_that_may_not_be_read_or_are_none_are_refused(storage):
    with pytest.raises(BadInput, match=r"s3://secrets/0\.tar may not be read"):
        open_archive("s3://secrets/0.tar")
    with pytest.raises(BadInput, match="only tar shards are read there"):
        open_archive(f"{BUCKET}/archive.csv")
    with pytest.raises(BadInput, match="no text with a picture is left"):
        open_archive(f"{BUCKET}/none.tar")


def test_a_table_names_objects_and_its_author_chooses_no_bucket(storage, tmp_path):
    table = tmp_path / "archive.csv"
    table.write_text(
        "text,picture\n"
        "A harbour,s3://pictures/0.jpg\n"
        "A secret,s3://secrets/0.jpg\n"
        "A page,https://example.org/0.jpg\n",
        encoding="utf-8",
    )
    archive = open_archive(table)
    assert [picture.uri for picture in archive.pictures] == ["s3://pictures/0.jpg"]
    refused, web = archive.rejections
    assert "s3://secrets/0.jpg may not be read" in refused.reason
    assert "web address" in web.reason


def test_an_archive_without_allowed_pictures_says_why(storage, tmp_path, monkeypatch):
    monkeypatch.delenv(ALLOWED)
    table = tmp_path / "archive.csv"
    table.write_text("text,picture\nA harbour,s3://pictures/0.jpg\n", encoding="utf-8")
    with pytest.raises(BadInput, match="set PICTUREDESK_OBJECTS=s3://pictures/"):
        open_archive(table)


def test_a_server_gives_out_objects_whose_bytes_are_those_of_the_picture(storage):
    pytest.importorskip("fastapi", reason="serving needs the extra 'serve'")
    from picturedesk.web.originals import Originals
    from picturedesk.web.problems import Refused

    data = jpeg(5)
    key, uri = content_key(data), put("shown.jpg", data)
    picture = Picture(uri, key=key)
    catalogue = SimpleNamespace(find=lambda keys: {key: picture})
    desk: Any = SimpleNamespace(catalogue=catalogue)
    found = Originals().find(desk, key, DecodePolicy())
    assert (found.name, found.media_type, found.data) == ("shown.jpg", "image/jpeg", data)
    put("shown.jpg", jpeg(6))
    with pytest.raises(Refused, match="changed since it was added"):
        Originals().find(desk, key, DecodePolicy())


def test_the_mark_is_of_the_content(storage):
    uri = put("mark.jpg", b"one")
    first = object_storage.state(uri)
    put("mark.jpg", b"two")
    second = object_storage.state(uri)
    assert first.size == second.size == 3
    assert first.mark != second.mark
    put("mark.jpg", b"one")
    assert object_storage.state(uri) == first
