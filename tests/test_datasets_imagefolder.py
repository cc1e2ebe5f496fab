"""Hugging Face's imagefolder, and Parquet files with pictures inside."""

import json
import os
import subprocess
import sys

import pytest

from dataset_files import picture_bytes, write_jsonl, write_parquet, write_picture, write_pictures
from picturedesk.datasets import open_archive
from picturedesk.datasets.unpack import unpack
from picturedesk.errors import BadInput


def said(archive):
    return [(text.whole, part) for text, part in zip(archive.texts, archive.parts, strict=True)]


def shown(archive, root):
    return [os.path.relpath(picture.uri, root) for picture in archive.pictures]


def test_metadata_csv_at_the_top(tmp_path):
    write_pictures(tmp_path, "0001.png", "sub/0002.png")
    (tmp_path / "metadata.csv").write_text(
        "file_name,text,licence\n0001.png,A ship.,cc0\nsub/0002.png,A bird.,cc-by\n"
    )
    archive = open_archive(tmp_path)
    assert said(archive) == [("A ship.", ""), ("A bird.", "")]
    assert shown(archive, tmp_path) == ["0001.png", "sub/0002.png"]
    assert [picture.licence for picture in archive.pictures] == ["cc0", "cc-by"]
    assert archive.name == tmp_path.name


def test_metadata_jsonl_in_a_folder_for_each_split(tmp_path):
    for split, words in (("train", "A ship."), ("validation", "A bird."), ("test", "A fish.")):
        write_picture(tmp_path / split / "1.png")
        rows = [{"file_name": "1.png", "caption": words}]
        write_jsonl(tmp_path / split / "metadata.jsonl", rows)
    archive = open_archive(tmp_path)
    assert sorted(said(archive)) == [
        ("A bird.", "validate"),
        ("A fish.", "test"),
        ("A ship.", "train"),
    ]


def test_a_row_of_metadata_at_the_top_belongs_to_the_split_of_its_picture(tmp_path):
    write_pictures(tmp_path, "train/1.png", "test/1.png", "other/1.png")
    rows = [
        {"file_name": "train/1.png", "text": "A ship."},
        {"file_name": "test/1.png", "text": "A bird."},
        {"file_name": "other/1.png", "text": "A fish."},
        {"file_name": "other/1.png", "text": "A rock.", "split": "test"},
    ]
    write_jsonl(tmp_path / "metadata.jsonl", rows)
    parts = dict(said(open_archive(tmp_path)))
    assert parts == {"A ship.": "train", "A bird.": "test", "A fish.": "", "A rock.": "test"}


def test_several_pictures_of_a_text(tmp_path):
    write_pictures(tmp_path, "1.png", "2.png")
    rows = [{"file_names": ["1.png", "2.png"], "text": "Ships."}]
    write_jsonl(tmp_path / "metadata.jsonl", rows)
    assert open_archive(f"imagefolder:{tmp_path}").links.tolist() == [[0, 0], [0, 1]]


def test_metadata_parquet(tmp_path):
    write_picture(tmp_path / "1.png")
    write_parquet(tmp_path / "metadata.parquet", {"file_name": ["1.png"], "text": ["A ship."]})
    assert said(open_archive(tmp_path)) == [("A ship.", "")]


def test_a_folder_without_metadata_is_told_so(tmp_path):
    write_picture(tmp_path / "1.png")
    with pytest.raises(BadInput, match=r"has no metadata.csv, .jsonl or .parquet"):
        open_archive(f"imagefolder:{tmp_path}")
    with pytest.raises(BadInput, match="has no text beside it"):
        open_archive(tmp_path)


def write_hugging_face(path, texts, **columns):
    """A Parquet file as ``datasets`` writes it, one picture for each text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    images = [{"bytes": picture_bytes(), "path": f"{n}.jpg"} for n, _ in enumerate(texts)]
    return write_parquet(path, {"image": images, "text": texts, **columns})


def test_a_parquet_with_pictures_inside_says_how_to_unpack_it(tmp_path):
    path = write_hugging_face(tmp_path / "train.parquet", ["A ship."])
    with pytest.raises(BadInput, match=rf"holds the pictures themselves.*unpack {path} FOLDER"):
        open_archive(path)
    with pytest.raises(BadInput, match=r"but train.parquet: give .*train.parquet, or unpack"):
        open_archive(tmp_path)
    bare = write_parquet(tmp_path / "bare.parquet", {"image": [picture_bytes()], "text": ["A."]})
    with pytest.raises(BadInput, match="holds the pictures themselves"):
        open_archive(bare)


def test_records_with_paths_alone_are_read_where_they_are(tmp_path):
    write_picture(tmp_path / "images" / "1.png")
    record = {"bytes": None, "path": "images/1.png"}
    path = write_parquet(tmp_path / "a.parquet", {"image": [record], "text": ["A ship."]})
    assert shown(open_archive(path), tmp_path) == ["images/1.png"]


def test_unpacked_pictures_are_the_same_bytes_with_their_texts(tmp_path):
    source = tmp_path / "data"
    write_hugging_face(
        source / "train-00000-of-00002.parquet", ["A ship.", "一只鸟。"], licence=["cc0", "by"]
    )
    write_hugging_face(source / "test-00000-of-00001.parquet", ["A fish."], licence=["cc0"])
    told = []
    done = unpack(source, tmp_path / "out", lambda *now: told.append(now))
    assert (done.pictures, done.rows, done.without_picture) == (3, 3, 0)
    assert told[-1] == (3, 3, "rows")
    archive = open_archive(tmp_path / "out")
    assert sorted(said(archive)) == [
        ("A fish.", "test"),
        ("A ship.", "train"),
        ("一只鸟。", "train"),
    ]
    assert [picture.licence for picture in archive.pictures] == ["cc0", "cc0", "by"]
    assert archive.rejections == ()
    for picture in archive.pictures:
        with open(picture.uri, "rb") as file:
            assert file.read() == picture_bytes()


def test_several_captions_of_a_picture_are_several_texts(tmp_path):
    image = {"bytes": picture_bytes(), "path": "1.jpg"}
    columns = {"image": [image], "caption": [["One.", "Two."]]}
    path = write_parquet(tmp_path / "a.parquet", columns)
    assert unpack(path, tmp_path / "out").rows == 2
    archive = open_archive(tmp_path / "out")
    assert (len(archive.texts), len(archive.pictures)) == (2, 1)


def test_rows_without_a_picture_are_counted(tmp_path):
    images = [{"bytes": picture_bytes(), "path": None}, {"bytes": None, "path": None}, None]
    path = write_parquet(tmp_path / "a.parquet", {"photo": images, "text": ["A.", "B.", "C."]})
    done = unpack(path, tmp_path / "out")
    assert (done.pictures, done.without_picture) == (1, 2)
    lines = (tmp_path / "out" / "metadata.jsonl").read_text().splitlines()
    assert json.loads(lines[0]) == {"file_name": "a/0000000.jpg", "text": "A."}


def test_what_cannot_be_unpacked_leaves_nothing(tmp_path):
    table = write_parquet(tmp_path / "a.parquet", {"path": ["a.png"], "text": ["A."]})
    out = tmp_path / "out"
    with pytest.raises(BadInput, match="no column that holds pictures: it has 'path', 'text'"):
        unpack(table, out)
    with pytest.raises(BadInput, match="does not exist"):
        unpack(tmp_path / "none.parquet", out)
    with pytest.raises(BadInput, match="is no Parquet file"):
        unpack(write_picture(tmp_path / "x.png"), out)
    broken = tmp_path / "b.parquet"
    broken.write_bytes(b"PAR1")
    with pytest.raises(BadInput, match="is not Parquet"):
        unpack(broken, out)
    assert not out.exists()
    out.mkdir()
    with pytest.raises(BadInput, match="exists: name a folder that does not"):
        unpack(write_hugging_face(tmp_path / "c.parquet", ["A."]), out)


def test_the_verb_unpacks(tmp_path):
    path = write_hugging_face(tmp_path / "a.parquet", ["A ship."])
    command = [sys.executable, "-m", "picturedesk", "unpack", str(path), str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("1 pictures and 1 rows of metadata")


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("captions_val2017.json", "give coco:"),
        ("dataset_flickr8k.json", "give flickr8k:"),
        ("00000.tar", "give webdataset:"),
        ("stories.csv", "stories.csv: give "),
    ],
)
def test_a_folder_of_another_kind_names_its_way(tmp_path, name, way):
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(BadInput, match=way):
        open_archive(f"folder:{tmp_path}")
