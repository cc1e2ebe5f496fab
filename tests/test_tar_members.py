import io
import os
import tarfile
import threading

import pytest

from dataset_files import write_tar
from picturedesk.disk import tar_members
from picturedesk.disk.tar_members import BrokenTar, absolute, find, locate, members, read_member
from picturedesk.errors import BadPicture
from picturedesk.images import DecodePolicy, read_picture

LONG = "a/" * 120 + "x.jpg"
FORMATS = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]


def contents(path):
    with open(path, "rb") as file:
        return {member.name: read_member(file, member) for member in members(path)}


def fault(path):
    """The names before the fault of a broken tar, and what it is."""
    names = []
    try:
        for member in members(path):
            names.append(member.name)
    except BrokenTar as broken:
        return names, broken.reason
    return names, ""


@pytest.mark.parametrize("kind", FORMATS)
def test_members_are_those_that_tarfile_finds(tmp_path, kind):
    files = {"1.jpg": b"", "b/2.jpg": b"x" * 511, "ü.txt": b"x" * 512, "c.json": b"x" * 1025}
    if kind != tarfile.USTAR_FORMAT:
        files[LONG] = b"long"
        files["…" * 60] = b"wide"
    path = write_tar(tmp_path / "0.tar", list(files.items()), kind)
    assert contents(path) == files
    with tarfile.open(path) as tar:
        assert [(m.name, m.offset_data, m.size) for m in tar] == [
            (m.name, m.offset, m.size) for m in members(path)
        ]


def test_only_regular_files_are_members(tmp_path):
    path = tmp_path / "0.tar"
    with tarfile.open(path, "w") as tar:
        for name, kind in (("d", tarfile.DIRTYPE), ("l", tarfile.SYMTYPE), ("f", tarfile.REGTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.mtime = kind, "/etc/passwd", 1.5
            info.pax_headers = {"comment": "ü"}
            tar.addfile(info)
    assert list(contents(path)) == ["f"]


def test_a_tar_that_is_cut_short_gives_what_is_whole(tmp_path):
    files = [(f"{n}.jpg", b"x" * 700) for n in range(4)]
    path = write_tar(tmp_path / "0.tar", files)
    data = path.read_bytes()
    for size, count, reason in [
        (2100, 1, "is cut short: a member ends at byte 2748 of 2100"),
        (3 * 1536, 3, "ends without an end mark, so that members may be missing"),
        (3 * 1536 + 100, 3, "ends without an end mark, so that members may be missing"),
        (3 * 1536 - 100, 3, "ends without an end mark, so that members may be missing"),
        (0, 0, "is empty (0 bytes)"),
    ]:
        path.write_bytes(data[:size])
        assert fault(path) == ([f"{n}.jpg" for n in range(count)], reason)


def test_a_damaged_header_ends_the_tar(tmp_path):
    path = write_tar(tmp_path / "0.tar", [("0.jpg", b"x"), ("1.jpg", b"y"), ("2.jpg", b"z")])
    data = bytearray(path.read_bytes())
    data[1024 + 3] ^= 1
    path.write_bytes(data)
    assert fault(path) == (["0.jpg"], "is no tar from byte 1024 on")


def test_a_negative_size_does_not_lead_in_a_ring(tmp_path):
    path = write_tar(tmp_path / "0.tar", [("0.jpg", b"x")])
    data = bytearray(path.read_bytes())
    data[124:136] = b"-0000001000\0"
    checksum = sum(data[:512]) - sum(data[148:156]) + 8 * ord(" ")
    data[148:156] = b"%06o\0 " % checksum
    path.write_bytes(data)
    assert fault(path) == ([], "is no tar from byte 0 on")


@pytest.mark.parametrize(
    "record", [b"9" * 5000 + b" size=1\n", b"x size=1\n", b"3 a\n", b"99 size=1\n", b"nothing"]
)
def test_a_pax_header_that_cannot_be_read_ends_the_tar(tmp_path, record):
    path = tmp_path / "0.tar"
    with tarfile.open(path, "w") as tar:
        info = tarfile.TarInfo("././@PaxHeader")
        info.type, info.size = tarfile.XHDTYPE, len(record)
        tar.addfile(info, io.BytesIO(record))
        tar.addfile(tarfile.TarInfo("1.jpg"))
    assert fault(path) == ([], "has a pax header that cannot be read")


def test_a_size_of_more_digits_than_there_are_bytes_is_no_size(tmp_path):
    path = tmp_path / "0.tar"
    with tarfile.open(path, "w") as tar:
        info = tarfile.TarInfo("1.jpg")
        info.pax_headers = {"size": "9" * 5000}
        tar.addfile(info)
    assert list(contents(path)) == ["1.jpg"]


@pytest.mark.parametrize("version", ["gnu", "0.0", "0.1", "1.0"])
def test_a_sparse_file_ends_the_tar_in_every_format(tmp_path, version):
    path = tmp_path / "0.tar"
    with tarfile.open(path, "w") as tar:
        tar.addfile(tarfile.TarInfo("0.jpg"))
        info = tarfile.TarInfo("1.jpg")
        if version == "gnu":
            info.type = tarfile.GNUTYPE_SPARSE
        elif version == "1.0":
            info.name = "GNUSparseFile.0/1.jpg"
            info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.name": "1.jpg"}
        else:
            info.pax_headers = {"GNU.sparse.size": "4096"}
        tar.addfile(info)
    assert fault(path) == (["0.jpg"], "holds a sparse file, which is not read")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x1f\x8b\x08" + b"x" * 600, "is compressed"),
        (b"PK\x03\x04" * 200, "is no tar from byte 0 on"),
        (b"x", "is no tar from byte 0 on"),
        (os.urandom(4096), "is no tar from byte 0 on"),
    ],
)
def test_what_is_no_tar_is_told_so(tmp_path, data, reason):
    path = tmp_path / "0.tar"
    path.write_bytes(data)
    names, found = fault(path)
    assert names == []
    assert found.startswith(reason)


def test_no_damage_does_more_than_break_a_tar(tmp_path):
    files = [("0.jpg", b"x" * 600), (LONG, b"y"), ("ü" * 80, b"z")]
    for kind in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        path = write_tar(tmp_path / f"{kind}.tar", files, kind)
        whole = path.read_bytes()
        for at in range(0, len(whole), 61):
            damaged = bytearray(whole)
            damaged[at] ^= 0xFF
            path.write_bytes(damaged)
            try:
                found = list(members(path))
            except BrokenTar:
                continue
            assert all(member.offset + member.size <= len(whole) for member in found)


def test_a_uri_leads_to_a_file_or_to_a_member(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert locate("a/0.tar!../x.jpg") == ("a/0.tar", "../x.jpg")
    assert locate("a/0.tar") == ("a/0.tar", "")
    assert locate("a/0.tar!") == ("a/0.tar!", "")
    assert absolute("a/../0.tar!/b//../x.jpg") == f"{tmp_path}/0.tar!/b//../x.jpg"
    assert absolute("a/../x.jpg") == f"{tmp_path}/x.jpg"
    (tmp_path / "0.tar!x.jpg").write_bytes(b"a file of that very name")
    assert locate("0.tar!x.jpg") == ("0.tar!x.jpg", "")
    assert read_picture("0.tar!x.jpg") == b"a file of that very name"


def test_a_member_is_read_as_a_picture(tmp_path):
    names = ["1.jpg", "../2.jpg", "/etc/3.jpg", "./a//4.jpg", "ü.jpg"]
    path = write_tar(tmp_path / "0.tar", [(name, name) for name in names])
    for name in names:
        assert read_picture(f"{path}!{name}") == name.encode()
    assert os.listdir(tmp_path) == ["0.tar"]


@pytest.mark.parametrize(
    ("name", "refusal"),
    [
        ("0.tar!gone.jpg", "is not in the tar, or behind a fault in it"),
        ("0.tar!empty.jpg", "is empty"),
        ("0.tar!large.jpg", "raise max_megabytes to 1"),
        ("1.tar!x.jpg", "does not exist"),
        ("d.tar!x.jpg", "is a directory"),
        ("zip.tar!x.jpg", "is not in the tar, or behind a fault in it"),
    ],
)
def test_a_member_that_cannot_be_read_is_refused(tmp_path, name, refusal):
    write_tar(tmp_path / "0.tar", [("empty.jpg", b""), ("large.jpg", b"x" * 3000)])
    (tmp_path / "d.tar").mkdir()
    (tmp_path / "zip.tar").write_bytes(b"PK\x03\x04")
    with pytest.raises(BadPicture, match=refusal) as caught:
        read_picture(f"{tmp_path}/{name}", DecodePolicy(max_megabytes=0.002))
    assert caught.value.source == f"{tmp_path}/{name}"


def test_a_tar_is_indexed_once_and_again_when_it_has_changed(tmp_path, monkeypatch):
    path = str(write_tar(tmp_path / "0.tar", [(f"{n}.jpg", b"x") for n in range(50)]))
    passes = []

    def counted(path):
        passes.append(path)
        return members(path)

    monkeypatch.setattr(tar_members, "members", counted)
    threads = [threading.Thread(target=find, args=(path, f"{n}.jpg")) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert find(path, "49.jpg") is not None
    assert len(passes) == 1
    write_tar(tmp_path / "0.tar", [("new.jpg", b"xy")])
    assert find(path, "49.jpg") is None
    assert find(path, "new.jpg").size == 2
    assert len(passes) == 2
