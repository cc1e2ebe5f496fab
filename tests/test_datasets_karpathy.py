import json
import os

import pytest

from dataset_files import karpathy_image, write_karpathy, write_pictures
from picturedesk.datasets import open_archive
from picturedesk.errors import BadInput

TRAIN, VAL = "COCO_train2014_000000000009.jpg", "COCO_val2014_000000391895.jpg"


def write_coco(root):
    write_pictures(root / "train2014", TRAIN)
    write_pictures(root / "val2014", VAL, "rest.jpg", "test.jpg")
    return write_karpathy(
        root / "dataset_coco.json",
        karpathy_image(VAL, "val", "A man .", "A bike .", filepath="val2014", cocoid=391895),
        karpathy_image(TRAIN, "train", "Food .", filepath="train2014", cocoid=9),
        karpathy_image("rest.jpg", "restval", "A dog .", filepath="val2014"),
        karpathy_image("test.jpg", "test", "A cat .", filepath="val2014"),
    )


def faults(archive):
    return [(os.path.basename(r.source), r.reason) for r in archive.rejections]


def test_coco_is_read_by_file_path_and_split(tmp_path):
    write_coco(tmp_path)
    archive = open_archive(f"coco:{tmp_path}")
    texts = zip(archive.texts, archive.parts, strict=True)
    said = [(text.id, text.body, part) for text, part in texts]
    assert said == [
        (f"val2014/{VAL}#0", "A man .", "validate"),
        (f"val2014/{VAL}#1", "A bike .", "validate"),
        (f"train2014/{TRAIN}#0", "Food .", "train"),
        ("val2014/rest.jpg#0", "A dog .", "train"),
        ("val2014/test.jpg#0", "A cat .", "test"),
    ]
    assert archive.links.tolist() == [[0, 0], [1, 0], [2, 1], [3, 2], [4, 3]]
    assert archive.pictures[0].uri == str(tmp_path / "val2014" / VAL)
    assert archive.name == "coco (Karpathy split)"
    assert archive.rejections == ()


def test_json_and_pictures_may_lie_in_sub_folders(tmp_path):
    path = write_coco(tmp_path / "images")
    (tmp_path / "annotations").mkdir()
    path.rename(tmp_path / "annotations" / path.name)
    archive = open_archive(f"coco:{tmp_path}")
    assert len(archive.texts) == 5


def test_the_json_itself_may_be_named(tmp_path):
    assert len(open_archive(f"coco:{write_coco(tmp_path)}").texts) == 5


def test_the_same_name_in_two_file_paths_is_two_pictures(tmp_path):
    write_pictures(tmp_path, "a/x.jpg", "b/x.jpg", "c/a/x.jpg", "c/a/y.jpg")
    write_karpathy(
        tmp_path / "dataset_coco.json",
        karpathy_image("x.jpg", "train", "One .", filepath="a"),
        karpathy_image("y.jpg", "train", "Two .", filepath="a"),
        karpathy_image("x.jpg", "train", "Three .", filepath="b"),
    )
    archive = open_archive(f"coco:{tmp_path}")
    there = [os.path.relpath(picture.uri, tmp_path) for picture in archive.pictures]
    assert there == ["c/a/x.jpg", "c/a/y.jpg", "b/x.jpg"]


@pytest.mark.parametrize("kind", ["flickr30k", "flickr8k"])
def test_flickrs_json_has_no_file_paths(tmp_path, kind):
    write_pictures(tmp_path / "images", "1.jpg", "2.jpg")
    write_karpathy(
        tmp_path / f"dataset_{kind}.json",
        karpathy_image("1.jpg", "train", "One .", "Two ."),
        karpathy_image("2.jpg", "test", "Three ."),
    )
    archive = open_archive(f"{kind}:{tmp_path}")
    assert archive.name == f"{kind} (Karpathy split)"
    assert [text.id for text in archive.texts] == ["1.jpg#0", "1.jpg#1", "2.jpg#0"]
    assert archive.parts == ("train", "train", "test")


def test_faulty_images_are_reported_by_number_and_left_out(tmp_path):
    write_pictures(tmp_path, "a.jpg", "b.jpg", "c.jpg")
    write_karpathy(
        tmp_path / "dataset_flickr8k.json",
        karpathy_image("a.jpg", "train", " One .\n", "", None, ["?"], "Five ."),
        karpathy_image("a.jpg", "train", "One ."),
        karpathy_image("b.jpg", "train", "One .", None, "\ud800"),
        karpathy_image("c.jpg", "valid?", "One ."),
        karpathy_image("c.jpg", "train"),
        karpathy_image("gone.jpg", "train", "One ."),
        karpathy_image("../../x.jpg", "train", "One ."),
        karpathy_image("x.jpg", "train", "One .", filepath=str(tmp_path)),
        {"filename": "c.jpg", "split": "test"},
        {"split": "test", "sentences": []},
        [],
    )
    archive = open_archive(f"flickr8k:{tmp_path}")
    place = "dataset_flickr8k.json image"
    assert [(text.id, text.body) for text in archive.texts] == [
        ("a.jpg#0", "One ."),
        ("a.jpg#4", "Five ."),
        ("b.jpg#0", "One ."),
    ]
    assert faults(archive) == [
        (f"{place} 0 sentence 1", "has no words"),
        (f"{place} 0 sentence 2", "has no words"),
        (f"{place} 0 sentence 3", "column 'raw' holds a list"),
        (f"{place} 1", "a.jpg occurs twice"),
        (f"{place} 2 sentence 1", "has no words"),
        (f"{place} 2 sentence 2", "column 'raw' is not UTF-8"),
        (f"{place} 3", "split 'valid?' is not known"),
        (f"{place} 8", "has no list of sentences"),
        (f"{place} 9", "its filename '' is not the name of a picture"),
        (f"{place} 10", "is not a JSON object"),
        (f"{place} 4", "c.jpg has no caption"),
        (f"{place} 5", "picture gone.jpg does not exist"),
        (f"{place} 6", "picture ../../x.jpg does not exist"),
        (f"{place} 7", f"picture {tmp_path}/x.jpg does not exist"),
    ]


@pytest.mark.parametrize(
    ("content", "answer"),
    [
        ("", "is not JSON: Expecting value"),
        ('{"images": [', "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", 'has no list "images"'),
        ('{"images": 3}', 'has no list "images"'),
        ('{"images": [], "dataset": "flickr8k"}', "is of flickr8k, not of coco: write flickr8k:"),
        ('{"images": []}', "no text with a picture is left: it is empty"),
    ],
)
def test_a_file_that_is_not_karpathys_is_refused_in_one_line(tmp_path, content, answer):
    (tmp_path / "dataset_coco.json").write_text(content)
    with pytest.raises(BadInput, match=answer) as caught:
        open_archive(f"coco:{tmp_path}")
    assert "\n" not in str(caught.value)


def test_a_folder_without_the_json_is_refused(tmp_path):
    with pytest.raises(BadInput, match=r"has neither dataset_coco.json \(Karpathy's split\)"):
        open_archive(f"coco:{tmp_path}")


def test_word_lists_are_not_kept_while_reading(tmp_path):
    write_pictures(tmp_path, "a.jpg")
    image = karpathy_image("a.jpg", "train", "One .")
    image["sentences"][0]["tokens"] = {"raw": "not this"}
    (tmp_path / "dataset_coco.json").write_text(json.dumps({"images": [image]}))
    assert open_archive(f"coco:{tmp_path}").texts[0].body == "One ."
