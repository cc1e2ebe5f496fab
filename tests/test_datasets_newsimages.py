import os

import pytest

from dataset_files import write_newsimages, write_pictures
from picturedesk.datasets import open_archive
from picturedesk.errors import BadInput

EVOLVE = (
    "1,https://www.rfdtv.com/helena,Helena Agri-Enterprises hosts Evolve Innovations Expo,"
    "products group;agricenter international,2745A43B9E53413E39DFD0B2E52500B1,https://a.org/x.jpg"
)
TODDLER = (
    '2,https://b.com/n,"No Evidence Of Toddler On Highway, Cops Say",'
    "carlee nichole russell|hoover police department;hoover police department,"
    '37FC359AB91C0DC6D21D270AED0C87E3,"https://i.com/v3?ops=fit(1200,675),quality(65)"'
)


def faults(archive):
    return [(os.path.basename(r.source), r.reason) for r in archive.rejections]


def write_images(root, *ids):
    write_pictures(root / "newsimages", *(f"{identity}.jpg" for identity in ids))


def test_titles_and_tags_are_read_with_the_pictures_of_their_ids(tmp_path):
    write_newsimages(tmp_path, EVOLVE, TODDLER, "3,u,A title alone,,C3,u")
    write_pictures(tmp_path / "newsimages", "2745A43B9E53413E39DFD0B2E52500B1.jpg")
    write_pictures(tmp_path / "newsimages", "37FC359AB91C0DC6D21D270AED0C87E3.png", "C3.jpeg")
    archive = open_archive(f"newsimages:{tmp_path}")
    assert [(text.id, text.title, text.body) for text in archive.texts] == [
        (
            "1",
            "Helena Agri-Enterprises hosts Evolve Innovations Expo",
            "products group, agricenter international",
        ),
        (
            "2",
            "No Evidence Of Toddler On Highway, Cops Say",
            "carlee nichole russell, hoover police department",
        ),
        ("3", "", "A title alone"),
    ]
    names = [os.path.basename(picture.uri) for picture in archive.pictures]
    assert names[1:] == ["37FC359AB91C0DC6D21D270AED0C87E3.png", "C3.jpeg"]
    assert archive.links.tolist() == [[0, 0], [1, 1], [2, 2]]
    assert archive.parts == ("", "", "")
    assert archive.pictures[0].tags == ()
    assert archive.rejections == ()


def test_pictures_may_be_named_by_article(tmp_path):
    write_newsimages(tmp_path, "1,u,One,,2,u", "2,u,Two,,9,u", "3,u,Three,,8,u")
    write_images(tmp_path, "1", "2", "3")
    archive = open_archive(f"newsimages:{tmp_path}")
    names = [os.path.basename(picture.uri) for picture in archive.pictures]
    assert names == ["1.jpg", "2.jpg", "3.jpg"]


def test_one_picture_may_serve_two_articles(tmp_path):
    write_newsimages(tmp_path, "1,u,One,,A,u", "2,u,Two,,A,u")
    write_images(tmp_path, "A")
    archive = open_archive(f"newsimages:{tmp_path}")
    assert archive.links.tolist() == [[0, 0], [1, 0]]


def test_faulty_rows_are_reported_by_line_and_left_out(tmp_path):
    write_newsimages(
        tmp_path,
        "1,u,One,,A,u",
        "2,u,Two,,gone,u",
        "1,u,Other,,B,u",
        ",u,No id,,B,u",
        "3,u,No image,,,u",
        "4,u,,,B,u",
        "5,u,short",
    )
    write_images(tmp_path, "A", "B")
    archive = open_archive(f"newsimages:{tmp_path}")
    assert [text.body for text in archive.texts] == ["One"]
    assert [os.path.basename(picture.uri) for picture in archive.pictures] == ["A.jpg"]
    assert sorted(faults(archive)) == [
        ("newsarticles.csv:3", "picture gone does not exist"),
        ("newsarticles.csv:4", "article_id 1 occurs twice"),
        ("newsarticles.csv:5", "has no article_id"),
        ("newsarticles.csv:6", "has no image_id"),
        ("newsarticles.csv:7", "has neither title nor tags"),
        ("newsarticles.csv:8", "has 3 cells, the header has 6"),
    ]


def test_the_subset_is_chosen_by_its_path(tmp_path):
    write_newsimages(tmp_path, "1,u,One,,A,u", "2,u,Two,,B,u")
    write_images(tmp_path, "A", "B")
    (tmp_path / "subset.csv").write_text("2,u,Two,,B,u\n")  # published without column names
    assert len(open_archive(f"newsimages:{tmp_path}").texts) == 2
    with pytest.raises(BadInput, match=r"subset.csv has no column 'article_id': it has '2', 'u',"):
        open_archive(f"newsimages:{tmp_path / 'subset.csv'}")
    header = (tmp_path / "newsarticles.csv").read_text("utf-8-sig").splitlines()[0]
    (tmp_path / "subset.csv").write_text(f"{header}\n2,u,Two,,B,u\n")
    with pytest.raises(BadInput, match=r"newsarticles.csv and .*subset.csv both have articles"):
        open_archive(f"newsimages:{tmp_path}")
    archive = open_archive(f"newsimages:{tmp_path / 'subset.csv'}")
    assert [text.body for text in archive.texts] == ["Two"]


def test_a_folder_without_the_csv_is_refused(tmp_path):
    (tmp_path / "other.csv").write_text("id,title\n1,One\n")
    (tmp_path / "._newsarticles.csv").write_bytes(b"\0\5\x16\7")
    with pytest.raises(BadInput, match="has no CSV with the columns article_id, article_title,"):
        open_archive(f"newsimages:{tmp_path}")


def test_a_set_without_its_pictures_is_an_error(tmp_path):
    write_newsimages(tmp_path, EVOLVE)
    with pytest.raises(BadInput, match=r"2745A43B9E53413E39DFD0B2E52500B1 does not exist; put 27"):
        open_archive(f"newsimages:{tmp_path}")


def test_a_csv_that_cannot_be_read_matters_only_where_it_is_the_one(tmp_path):
    (tmp_path / "notes.csv").write_text("")
    with pytest.raises(BadInput, match=r"notes.csv is empty"):
        open_archive(f"newsimages:{tmp_path}")
    write_newsimages(tmp_path, "1,u,One,,A,u")
    write_images(tmp_path, "A")
    assert len(open_archive(f"newsimages:{tmp_path}").texts) == 1
