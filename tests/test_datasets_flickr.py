import os
from collections import Counter

import pytest

from dataset_files import (
    karpathy_image,
    write_flickr30k,
    write_karpathy,
    write_lists,
    write_pictures,
    write_tokens,
)
from picturedesk.datasets import open_archive
from picturedesk.errors import BadInput

THREE = {"train.txt": ["a", "b", "c", "d"], "val.txt": ["e"], "test.txt": ["f"]}


def parts(archive):
    """Part by picture, which all its captions have."""
    return {
        text.id.partition("#")[0]: part
        for text, part in zip(archive.texts, archive.parts, strict=True)
    }


def faults(archive):
    return [(os.path.basename(r.source), r.reason) for r in archive.rejections]


def test_each_caption_is_a_text_of_its_picture(tmp_path):
    archive = open_archive(f"flickr30k:{write_flickr30k(tmp_path)}")
    assert [text.id for text in archive.texts[:6]] == [*(f"a.jpg#{n}" for n in range(5)), "b.jpg#0"]
    assert archive.texts[1].body == "Caption 1 of a ."
    assert archive.links.tolist() == [[n, n // 5] for n in range(30)]
    assert archive.pictures[0].uri == str(tmp_path / "flickr30k-images" / "a.jpg")
    assert archive.rejections == ()


def test_without_split_lists_all_is_to_be_split_and_the_name_says_so(tmp_path):
    archive = open_archive(f"flickr30k:{write_flickr30k(tmp_path)}")
    assert set(archive.parts) == {""}
    assert archive.name == "flickr30k (no split given)"


@pytest.mark.parametrize("ending", ["", ".jpg"])
@pytest.mark.parametrize(
    "names",
    [
        ("train.txt", "val.txt", "test.txt"),
        ("train_images.txt", "val_images.txt", "test_images.txt"),
        ("flickr30k_train.txt", "flickr30k_dev.txt", "flickr30k_test.txt"),
        ("Flickr_30k.trainImages.txt", "Flickr_30k.devImages.txt", "Flickr_30k.testImages.txt"),
    ],
)
def test_split_lists_hold_names_or_ids(tmp_path, ending, names):
    pictures = [[f"{stem}{ending}" for stem in stems] for stems in ("abcd", "e", "f")]
    write_lists(write_flickr30k(tmp_path) / "splits", dict(zip(names, pictures, strict=True)))
    archive = open_archive(f"flickr30k:{tmp_path}")
    assert parts(archive) == {
        **dict.fromkeys(("a.jpg", "b.jpg", "c.jpg", "d.jpg"), "train"),
        "e.jpg": "validate",
        "f.jpg": "test",
    }
    assert archive.name == "flickr30k (split lists of 4 / 1 / 1)"
    assert archive.rejections == ()


@pytest.mark.parametrize(
    ("sizes", "name"), [((29783, 1000, 1000), "m-RNN"), ((29000, 1014, 1000), "Karpathy")]
)
def test_a_split_is_known_by_its_sizes(tmp_path, sizes, name):
    lists = {
        file: [*stems, *(f"{file[0]}{n}" for n in range(size - len(stems)))]
        for (file, stems), size in zip(THREE.items(), sizes, strict=True)
    }
    archive = open_archive(f"flickr30k:{write_lists(write_flickr30k(tmp_path), lists)}")
    assert archive.name == f"flickr30k ({name} split)"
    assert Counter(archive.parts) == {"train": 20, "validate": 5, "test": 5}
    assert faults(archive) == [
        ("train.txt", f"{sizes[0] - 4} pictures have no captions (the first: t0)"),
        ("val.txt", f"{sizes[1] - 1} pictures have no captions (the first: v0)"),
        ("test.txt", f"{sizes[2] - 1} pictures have no captions (the first: t0)"),
    ]


def test_pictures_in_no_list_or_in_two_are_left_out_and_reported(tmp_path):
    lists = THREE | {"train.txt": ["a", "b", "e", "not a name"]}
    archive = open_archive(f"flickr30k:{write_lists(write_flickr30k(tmp_path), lists)}")
    assert parts(archive) == {"a.jpg": "train", "b.jpg": "train", "f.jpg": "test"}
    assert faults(archive) == [
        ("train.txt:4", "'not a name' is not the name of a picture"),
        ("results_20130124.token:21", "e.jpg is listed for train and validate"),
        (
            "results_20130124.token",
            "2 pictures are in no split list (the first: c.jpg)",
        ),
    ]


def test_an_incomplete_or_ambiguous_split_is_refused(tmp_path):
    write_lists(write_flickr30k(tmp_path), {"train.txt": ["a"], "test.txt": ["f"]})
    with pytest.raises(BadInput, match=r"no split list for validate, but .*train.txt"):
        open_archive(f"flickr30k:{tmp_path}")
    write_lists(tmp_path, {"val.txt": ["b"]})
    write_lists(tmp_path / "other", {"dev.txt": ["c"]})
    with pytest.raises(BadInput, match=r"val.txt and .*dev.txt are lists of the same part"):
        open_archive(f"flickr30k:{tmp_path}")
    (tmp_path / "other" / "dev.txt").unlink()
    (tmp_path / "val.txt").write_bytes(b"caf\xe9\n")
    with pytest.raises(BadInput, match=r"val.txt is not UTF-8 \(byte 3\): save it as UTF-8"):
        open_archive(f"flickr30k:{tmp_path}")


def test_lists_come_before_the_json_which_can_be_chosen_by_its_path(tmp_path):
    write_lists(write_flickr30k(tmp_path), THREE)
    path = write_karpathy(
        tmp_path / "dataset_flickr30k.json",
        karpathy_image("a.jpg", "test", "One ."),
        karpathy_image("f.jpg", "train", "Two ."),
    )
    assert parts(open_archive(f"flickr30k:{tmp_path}"))["a.jpg"] == "train"
    archive = open_archive(f"flickr30k:{path}")
    assert archive.name == "flickr30k (Karpathy split)"
    assert parts(archive) == {"a.jpg": "test", "f.jpg": "train"}
    for name in THREE:
        (tmp_path / name).unlink()
    assert open_archive(f"flickr30k:{tmp_path}").name == "flickr30k (Karpathy split)"


def test_kaggles_results_are_read_but_for_their_broken_row(tmp_path):
    pictures = tmp_path / "flickr30k_images" / "flickr30k_images"
    write_pictures(pictures, "1000092795.jpg", "2199200615.jpg")
    rows = [
        "image_name| comment_number| comment",
        "1000092795.jpg| 0| Two young guys with shaggy hair look at their hands .",
        '1000092795.jpg| 1| " Two " men | one hat .',
        "2199200615.jpg| 3| A brown dog walks in the grass .",
        "2199200615.jpg| 4   A dog runs across the grass .",
    ]
    for folder in (pictures, pictures.parent):  # the archive holds the file twice
        (folder / "results.csv").write_text("\n".join([*rows, ""]))
    archive = open_archive(f"flickr30k:{tmp_path}")
    assert [(text.id, text.body) for text in archive.texts] == [
        ("1000092795.jpg#0", "Two young guys with shaggy hair look at their hands ."),
        ("1000092795.jpg#1", '" Two " men | one hat .'),
        ("2199200615.jpg#3", "A brown dog walks in the grass ."),
    ]
    ((source, reason),) = faults(archive)
    assert source == "results.csv:5"
    assert reason.startswith("has 2 fields: '2199200615.jpg| 4   A dog")
    assert archive.rejections[0].cure == "write <picture>| <number>| <words>"


@pytest.mark.parametrize(
    ("header", "number"), [("image,caption", ""), ("image_name,comment_number,comment", "3,")]
)
def test_kaggles_captions_are_csv(tmp_path, header, number):
    write_pictures(tmp_path / "Images", "a.jpg", "b.jpg")
    (tmp_path / "captions.txt").write_text(
        f'{header}\na.jpg,{number}"A boy , and a ""dog"" ."\nb.jpg,{number}A girl .\nb.jpg\n'
    )
    archive = open_archive(f"flickr8k:{tmp_path}")
    assert [(text.id, text.body) for text in archive.texts] == [
        (f"a.jpg#{number[:1] or 0}", 'A boy , and a "dog" .'),
        (f"b.jpg#{number[:1] or 0}", "A girl ."),
    ]
    ((source, reason),) = faults(archive)
    assert source == "captions.txt:4"
    assert reason.startswith("has 1 cells")


def test_flickr8k_is_read_as_it_is_handed_out(tmp_path):
    captions = {f"{name}_0.jpg": ["One .", "Two ."] for name in ("1", "2", "3", "4")}
    captions["2258277193_586949ec62.jpg.1"] = ["People waiting for the subway .", "A platform ."]
    write_tokens(tmp_path / "Flickr8k_text" / "Flickr8k.token.txt", captions)
    write_tokens(tmp_path / "Flickr8k_text" / "Flickr8k.lemma.token.txt", {"1_0.jpg": ["one"]})
    write_pictures(
        tmp_path / "Flickr8k_Dataset" / "Flicker8k_Dataset", "1_0.jpg", "2_0.jpg", "3_0.jpg"
    )
    lists = {"train": ["1_0.jpg"], "dev": ["2_0.jpg"], "test": ["3_0.jpg", "4_0.jpg"]}
    write_lists(
        tmp_path / "Flickr8k_text",
        {f"Flickr_8k.{part}Images.txt": names for part, names in lists.items()},
    )
    archive = open_archive(f"flickr8k:{tmp_path}")
    assert parts(archive) == {"1_0.jpg": "train", "2_0.jpg": "validate", "3_0.jpg": "test"}
    no_name = "'2258277193_586949ec62.jpg.1' is not the name of a picture"
    assert faults(archive) == [
        ("Flickr8k.token.txt:9", no_name),
        ("Flickr8k.token.txt:10", no_name),
        ("Flickr8k.token.txt:7", "picture 4_0.jpg does not exist"),
    ]


def test_faulty_lines_are_reported_by_number_and_left_out(tmp_path):
    write_flickr30k(tmp_path, "a")
    with (tmp_path / "results_20130124.token").open("ab") as file:
        file.write(
            b"a.jpg#5\t\n\nno caption\na.jpg#0\tAgain .\na.jpg#6 with a space .\r\n"
            b"a.jpg#7\tcaf\xe9\na.jpg#8\tnul\0\n"
        )
    archive = open_archive(f"flickr30k:{tmp_path}")
    assert [text.body for text in archive.texts[5:]] == ["with a space ."]
    assert faults(archive) == [
        ("results_20130124.token:6", "has no words"),
        ("results_20130124.token:8", "is not a caption: 'no caption'"),
        ("results_20130124.token:9", "caption 0 of a.jpg occurs twice"),
        ("results_20130124.token:11", "is not UTF-8"),
        (
            "results_20130124.token:12",
            "contains NUL bytes: it may be UTF-16 without a byte order mark",
        ),
    ]


def test_the_folder_with_most_of_the_pictures_is_taken(tmp_path):
    write_flickr30k(tmp_path)
    write_pictures(tmp_path / "a_few_thumbnails", "a.jpg", "b.jpg")
    write_pictures(tmp_path / ".hidden", *(f"{name}.jpg" for name in "abcdef"))
    archive = open_archive(f"flickr30k:{tmp_path}")
    folders = {os.path.basename(os.path.dirname(picture.uri)) for picture in archive.pictures}
    assert folders == {"flickr30k-images"}


def test_a_link_to_the_pictures_is_followed_and_a_ring_of_links_is_left(tmp_path):
    elsewhere, here = tmp_path / "elsewhere", tmp_path / "here"
    write_pictures(elsewhere, "a.jpg")
    write_tokens(here / "Flickr30k.token.txt", {"a.jpg": ["A ."]})
    (here / "images").symlink_to(elsewhere)
    (elsewhere / "back").symlink_to(here)
    (picture,) = open_archive(f"flickr30k:{here}").pictures
    assert picture.uri == str(here / "images" / "a.jpg")


@pytest.mark.parametrize("kind", ["flickr30k", "flickr8k"])
def test_what_is_missing_is_named(tmp_path, kind):
    with pytest.raises(BadInput, match=r"has no captions of flickr.*token"):
        open_archive(f"{kind}:{tmp_path}")
    (tmp_path / "x.zip").write_bytes(b"")
    with pytest.raises(BadInput, match=rf"give the folder of the data, or its dataset_{kind}.json"):
        open_archive(f"{kind}:{tmp_path / 'x.zip'}")
    write_tokens(tmp_path / "captions.txt", {"a.jpg": ["A ."]})
    with pytest.raises(BadInput, match=r"picture a.jpg does not exist; put it, or a link"):
        open_archive(f"{kind}:{tmp_path}")
