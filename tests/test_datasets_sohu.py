import os
from collections import Counter
from pathlib import Path

import pytest

from dataset_files import NEWS, write_picture, write_sohu
from picturedesk.datasets import open_archive
from picturedesk.datasets.sohu import sets
from picturedesk.errors import BadInput

WEB_NEWS = Path(__file__).parents[2] / "shared" / "data" / "web_news"


def bodies(archive):
    return {text.id: (text.title, text.body) for text in archive.texts}


def found(archive):
    return {(os.path.basename(r.source), r.reason) for r in archive.rejections}


def test_sets_become_parts_and_train_is_left_to_be_split(tmp_path):
    write_sohu(tmp_path, "train", {"1": f"http://a.cn/1\t桥\t{NEWS}", "2": f"\t\t{NEWS}2"})
    write_sohu(tmp_path, "validate", {"1": f"\t\t{NEWS}3"})
    write_sohu(tmp_path, "semifinal", {"9": f"\t\t{NEWS}4"})
    write_sohu(tmp_path, "final", {"9": f"\t\t{NEWS}5"})
    assert sets(tmp_path) == ["train", "final", "semifinal", "validate"]
    archive = open_archive(tmp_path)
    assert bodies(archive) == {
        "train/1.txt": ("桥", NEWS),
        "train/2.txt": ("", f"{NEWS}2"),
        "final/9.txt": ("", f"{NEWS}5"),
        "semifinal/9.txt": ("", f"{NEWS}4"),
        "validate/1.txt": ("", f"{NEWS}3"),
    }
    assert archive.parts == ("", "", "test", "", "test")
    assert len(archive.pictures) == 5  # 1.jpg of train is not 1.jpg of validate
    assert archive.rejections == ()


@pytest.mark.parametrize(
    ("story", "title", "body"),
    [
        (NEWS, "", NEWS),
        (f"桥\t{NEWS}", "桥", NEWS),
        (f"https://a.cn/1\t{NEWS}", "", NEWS),
        ("https://a.cn/1\t桥\t", "", "桥"),
        (f"\t\t{NEWS}\tmore\nlines", "", f"{NEWS}\tmore\nlines"),
        (f"u\t桥\t{NEWS}".encode("gb18030"), "桥", NEWS),
        (f"u\t桥\t{NEWS}".encode("utf-8-sig"), "桥", NEWS),
    ],
)
def test_lines_may_lack_tabs_and_be_chinese_encoded(tmp_path, story, title, body):
    archive = open_archive(write_sohu(tmp_path, "train", {"1": story}))
    assert bodies(archive) == {"train/1.txt": (title, body)}


def test_faults_are_reported_and_left_out(tmp_path):
    stories = {"1": NEWS, "2": "\t\t", "3": b"\x81\xff", "4": "http://a.cn\t\t", "5": NEWS}
    write_sohu(tmp_path, "train", stories)
    write_picture(tmp_path / "News_pic_info_train" / "lone.jpg")
    (tmp_path / "News_info_train" / "5.txt").unlink()
    with (tmp_path / "trainMatching.txt").open("ab") as file:
        file.write(b"1.jpg\nx.jpg\t1.txt\na b c\n\n../1.jpg 1.txt\n\xff\xff 1.txt\n")
    (tmp_path / "News_info_final").mkdir()
    archive = open_archive(f"sohu:{tmp_path}")
    assert bodies(archive) == {"train/1.txt": ("", NEWS)}
    info, pictures = tmp_path / "News_info_train", tmp_path / "News_pic_info_train"
    assert found(archive) == {
        ("2.txt", "is empty"),
        ("3.txt", "is neither UTF-8 nor gb18030 (byte 0)"),
        ("4.txt", "has neither title nor body"),
        ("trainMatching.txt:5", f"{info / '5.txt'} does not exist"),
        ("trainMatching.txt:6", "has 1 fields: '1.jpg'"),
        ("trainMatching.txt:7", f"{pictures / 'x.jpg'} does not exist"),
        ("trainMatching.txt:8", "has 3 fields: 'a b c'"),
        ("trainMatching.txt:10", f"{pictures / '../1.jpg'} does not exist"),
        ("trainMatching.txt:11", "is neither UTF-8 nor gb18030"),
        ("lone.jpg", "trainMatching.txt does not name it"),
        (
            "finalMatching.txt",
            "does not exist, so it is unknown which pictures ran with which texts",
        ),
    }


def test_a_picture_may_serve_several_texts_and_a_text_have_several_pictures(tmp_path):
    write_sohu(tmp_path, "train", {"1": NEWS, "2": f"{NEWS}2"})
    (tmp_path / "trainMatching.txt").write_text("1.jpg 1.txt\n1.jpg  2.txt\r\n2.jpg\t2.txt\n")
    archive = open_archive(tmp_path)
    assert archive.links.tolist() == [[0, 0], [1, 0], [1, 1]]


def test_a_folder_without_sets_is_refused(tmp_path):
    with pytest.raises(BadInput, match="does not have the layout of Sohu"):
        open_archive(f"sohu:{tmp_path}")


@pytest.mark.skipif(not WEB_NEWS.is_dir(), reason="the web_news data set is not on this machine")
def test_all_of_web_news_comes_through():
    archive = open_archive(WEB_NEWS)
    assert Counter(archive.parts) == {"": 1693, "test": 497}
    assert len(archive.pictures) == len(archive.links) == 2190
    assert archive.rejections == ()
