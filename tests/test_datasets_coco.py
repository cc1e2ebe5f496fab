"""COCO's captions as published: images and annotations, one file for each set."""

import json
import os

import pytest

from dataset_files import karpathy_image, write_karpathy, write_pictures
from picturedesk.datasets import open_archive
from picturedesk.errors import BadInput


def write_captions(path, captions, **more):
    """``captions_<set>.json`` with pictures of these names and captions."""
    images = [{"id": 7 + n, "file_name": name, "width": 4} for n, name in enumerate(captions)]
    said = [(image["id"], words) for image in images for words in captions[image["file_name"]]]
    annotations = [{"image_id": i, "id": n, "caption": w} for n, (i, w) in enumerate(said)]
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"info": {}, "licenses": [], "images": images, "annotations": annotations}
    path.write_text(json.dumps(content | more))
    return path


def write_coco(root):
    write_pictures(root / "train2017", "1.jpg", "2.jpg")
    write_pictures(root / "val2017", "3.jpg")
    write_captions(
        root / "annotations" / "captions_train2017.json",
        {"1.jpg": ["A man.", "Someone."], "2.jpg": ["A dog."]},
    )
    return write_captions(root / "annotations" / "captions_val2017.json", {"3.jpg": ["A cat.\n"]})


def said(archive):
    texts = zip(archive.texts, archive.parts, strict=True)
    return [(text.id, text.body, part) for text, part in texts]


def test_both_published_files_are_training_and_test_texts(tmp_path):
    write_coco(tmp_path)
    archive = open_archive(f"coco:{tmp_path}")
    assert said(archive) == [
        ("1.jpg#0", "A man.", "train"),
        ("1.jpg#1", "Someone.", "train"),
        ("2.jpg#0", "A dog.", "train"),
        ("3.jpg#0", "A cat.", "test"),
    ]
    assert archive.links.tolist() == [[0, 0], [1, 0], [2, 1], [3, 2]]
    assert archive.pictures[2].uri == str(tmp_path / "val2017" / "3.jpg")
    assert archive.rejections == ()


@pytest.mark.parametrize("prefix", ["coco:", ""])
def test_one_file_alone_is_still_to_be_split(tmp_path, prefix):
    path = write_coco(tmp_path)
    assert said(open_archive(f"{prefix}{path}")) == [("3.jpg#0", "A cat.", "")]
    beside = write_captions(tmp_path / "val2017" / "captions.json", {"3.jpg": ["A cat."]})
    assert said(open_archive(f"{prefix}{beside}")) == [("3.jpg#0", "A cat.", "")]


def test_karpathys_split_goes_first(tmp_path):
    write_coco(tmp_path)
    write_karpathy(
        tmp_path / "dataset_coco.json",
        karpathy_image("1.jpg", "test", "One .", filepath="train2017"),
    )
    assert said(open_archive(f"coco:{tmp_path}")) == [("train2017/1.jpg#0", "One .", "test")]


def test_what_cannot_be_used_is_reported(tmp_path):
    write_pictures(tmp_path, "1.jpg", "2.jpg")
    path = write_captions(
        tmp_path / "captions_x.json",
        {"1.jpg": ["Words.", " "], "2.jpg": [], "gone.jpg": ["Lost."], "notes.txt": ["No."]},
    )
    content = json.loads(path.read_text())
    content["annotations"] += ["odd", {"image_id": 99, "caption": "Nowhere."}]
    content["images"].append(3)
    path.write_text(json.dumps(content))
    archive = open_archive(path)
    assert said(archive) == [("1.jpg#0", "Words.", "")]
    found = {(os.path.basename(r.source), r.reason) for r in archive.rejections}
    assert found == {
        ("captions_x.json image 3", "its file_name 'notes.txt' is not the name of a picture"),
        ("captions_x.json image 4", "is not a JSON object"),
        ("captions_x.json annotation 4", "is not a JSON object"),
        ("captions_x.json", "3 annotations have no caption, or no image in this file"),
        ("captions_x.json image 1", "2.jpg has no caption"),
        ("captions_x.json image 2", "picture gone.jpg does not exist"),
    }


def test_another_json_says_what_to_give(tmp_path):
    boxes = write_captions(tmp_path / "instances_val2017.json", {"1.jpg": []}, annotations=[{}])
    with pytest.raises(BadInput, match=r"has no captions: give captions_\*.json"):
        open_archive(boxes)
    (tmp_path / "odd.json").write_text('{"rows": []}')
    with pytest.raises(BadInput, match='has no list "images"'):
        open_archive(tmp_path / "odd.json")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match=r"neither dataset_coco.json .* nor captions_\*.json"):
        open_archive(f"coco:{tmp_path / 'empty'}")
    with pytest.raises(BadInput, match="write flickr8k:PATH"):
        open_archive(write_karpathy(tmp_path / "dataset_flickr8k.json"))
