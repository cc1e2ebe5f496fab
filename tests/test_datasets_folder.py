import os

import pytest

from dataset_files import RIVER, write_picture, write_pictures
from other_user import unprivileged
from picturedesk.datasets import open_archive, open_pictures
from picturedesk.errors import BadInput


def write_text(path, text, encoding="utf-8"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding) if isinstance(text, str) else text)


def pairs(archive):
    return {
        (archive.texts[i].id, os.path.basename(archive.pictures[j].uri))
        for i, j in archive.links.tolist()
    }


def test_a_picture_belongs_to_the_text_of_its_name(tmp_path):
    write_pictures(tmp_path, "river.jpg", "b/harbour.PNG", "b/harbour.jpeg")
    write_text(tmp_path / "river.txt", f"\n {RIVER}\n")
    write_text(tmp_path / "b/harbour.TXT", "Boats.")
    archive = open_archive(tmp_path)
    assert pairs(archive) == {
        ("river.txt", "river.jpg"),
        ("b/harbour.TXT", "harbour.PNG"),
        ("b/harbour.TXT", "harbour.jpeg"),
    }
    assert archive.texts[0].body == RIVER
    assert archive.name == tmp_path.name
    assert archive.rejections == ()


def test_the_same_name_in_two_folders_is_two_pictures(tmp_path):
    for folder in ("a", "b"):
        write_picture(tmp_path / folder / "x.jpg")
        write_text(tmp_path / folder / "x.txt", f"text of {folder}")
    archive = open_archive(tmp_path)
    assert len(archive.pictures) == 2
    assert pairs(archive) == {("a/x.txt", "x.jpg"), ("b/x.txt", "x.jpg")}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_byte_order_marks_are_heeded(tmp_path, encoding):
    write_picture(tmp_path / "x.jpg")
    write_text(tmp_path / "x.txt", RIVER, encoding)
    assert open_archive(tmp_path).texts[0].body == RIVER


def test_what_has_no_partner_is_reported_and_left_out(tmp_path):
    write_pictures(tmp_path, "x.jpg", "alone.jpg", "empty.jpg", "latin.jpg", "wide.jpg")
    write_text(tmp_path / "x.txt", "kept")
    write_text(tmp_path / "README.txt", "about the photos")
    write_text(tmp_path / "empty.txt", " \n")
    write_text(tmp_path / "latin.txt", "caf\u00e9", "latin-1")
    write_text(tmp_path / "wide.txt", "wide", "utf-16-le")
    write_pictures(tmp_path, ".hidden.jpg", ".thumbnails/x.jpg")
    (tmp_path / "raw.cr2").write_bytes(b"?")
    archive = open_archive(tmp_path)
    assert pairs(archive) == {("x.txt", "x.jpg")}
    assert {os.path.basename(r.source): r.reason for r in archive.rejections} == {
        "README.txt": "has no picture beside it",
        "alone.jpg": "has no text beside it",
        "empty.txt": "is empty",
        "latin.txt": "is not UTF-8 (byte 3)",
        "wide.txt": "contains NUL bytes: it may be UTF-16 without a byte order mark",
    }


def test_a_file_name_that_is_not_utf8_is_reported(tmp_path):
    write_picture(tmp_path / "x.jpg")
    write_text(tmp_path / "x.txt", "kept")
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.jpg")
    try:
        os.rename(write_picture(tmp_path / "odd.jpg"), odd)
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    write_text(tmp_path / "plain.txt", "words")
    os.rename(tmp_path / "plain.txt", odd[:-4] + ".txt")
    archive = open_archive(tmp_path)
    assert pairs(archive) == {("x.txt", "x.jpg")}
    assert "its file name is not UTF-8" in {r.reason for r in archive.rejections}
    for rejection in archive.rejections:
        rejection.source.encode()  # can be written to a file


def test_a_folder_without_pairs_is_an_error(tmp_path):
    with pytest.raises(BadInput, match="no text with a picture is left: it is empty"):
        open_archive(tmp_path)
    write_picture(tmp_path / "x.jpg")
    with pytest.raises(BadInput, match=r"1 left out, the first: .*x.jpg: has no text beside it"):
        open_archive(tmp_path)


def test_pictures_alone_come_from_a_folder_a_file_or_a_table(tmp_path):
    write_pictures(tmp_path, "a.jpg", "b/c.png")
    write_text(tmp_path / "a.txt", "words")
    pictures, rejections = open_pictures(tmp_path)
    assert [os.path.relpath(picture.uri, tmp_path) for picture in pictures] == ["a.jpg", "b/c.png"]
    assert rejections == ()
    assert open_pictures(f"folder:{tmp_path}")[0] == pictures
    assert open_pictures(tmp_path / "a.jpg")[0] == pictures[:1]
    table = tmp_path / "photos.csv"
    table.write_text("path,caption,licence\na.jpg,A ship,cc0\nx.jpg,,\n")
    for spec in (str(table), f"table:{table}"):
        (picture,), (rejection,) = open_pictures(spec)
        assert (picture.caption, picture.licence) == ("A ship", "cc0")
        assert rejection.source.endswith("photos.csv:3")


def test_no_pictures_is_an_error(tmp_path):
    with pytest.raises(BadInput, match="has no readable picture"):
        open_pictures(tmp_path)


@pytest.mark.parametrize("read", [open_archive, lambda path: open_pictures(path)[1]])
def test_a_folder_that_cannot_be_read_is_reported(read, open_folder):
    write_picture(open_folder / "x.jpg")
    write_text(open_folder / "x.txt", RIVER)
    locked = open_folder / "locked"
    locked.mkdir()
    locked.chmod(0)
    try:
        with unprivileged():
            found = read(open_folder)
    finally:
        locked.chmod(0o755)
    (rejection,) = getattr(found, "rejections", found)
    assert rejection.source == str(locked)
    assert "this folder cannot be read: Permission denied" in rejection.reason


def test_a_folder_without_pictures_says_what_was_left_out(open_folder):
    locked = open_folder / "locked"
    locked.mkdir()
    locked.chmod(0)
    try:
        with unprivileged(), pytest.raises(BadInput, match=r"no readable picture .*locked: this"):
            open_pictures(open_folder)
    finally:
        locked.chmod(0o755)


def test_what_is_left_out_has_an_absolute_path(tmp_path, monkeypatch):
    write_pictures(tmp_path / "photos", "x.jpg", "alone.jpg")
    write_text(tmp_path / "photos/x.txt", RIVER)
    monkeypatch.chdir(tmp_path)
    (rejection,) = open_archive("photos").rejections
    assert rejection.source == str(tmp_path / "photos" / "alone.jpg")
