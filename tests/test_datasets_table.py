import csv
import datetime
import os

import numpy as np
import pytest

from dataset_files import HARBOUR, RIVER, write_jsonl, write_parquet, write_pictures
from picturedesk.datasets import open_archive
from picturedesk.datasets.columns import Columns
from picturedesk.errors import BadInput
from picturedesk.own_columns import is_date


@pytest.fixture
def folder(tmp_path):
    write_pictures(tmp_path / "photos", "a.jpg", "b.png", "c.jpg")
    return tmp_path


def read_csv(folder, content, columns=None, name="archive.csv"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return open_archive(path, columns)


def linked(archive):
    """Per text, the file names of its pictures."""
    names = [os.path.basename(picture.uri) for picture in archive.pictures]
    return {
        text.body: [names[j] for i, j in archive.links.tolist() if i == index]
        for index, text in enumerate(archive.texts)
    }


def reasons(archive):
    return [(r.source.rpartition("archive.")[2], r.reason) for r in archive.rejections]


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_csv_is_read_with_any_delimiter_and_byte_order_mark(folder, mark, encoding):
    path = folder / "archive.csv"
    with path.open("w", encoding=encoding, newline="") as file:
        rows = csv.writer(file, delimiter=mark)
        rows.writerows([["Text", "Image"], [RIVER, "photos/a.jpg"], [HARBOUR, "photos/b.png"]])
    archive = open_archive(path)
    assert linked(archive) == {RIVER: ["a.jpg"], HARBOUR: ["b.png"]}
    assert archive.rejections == ()
    assert archive.parts == ("", "")
    assert archive.links.dtype == np.int64


def test_paths_are_relative_to_the_table_and_become_absolute(folder, monkeypatch):
    monkeypatch.chdir(folder / "photos")
    (folder / "archive.csv").write_text("text,picture\none,photos/a.jpg\n")
    archive = open_archive("../archive.csv")
    assert archive.pictures[0].uri == str(folder / "photos" / "a.jpg")
    assert archive.name == "archive.csv"


def test_every_column_reaches_its_field(folder):
    archive = read_csv(
        folder,
        "id,headline,body,photo,alt,byline,license,published,keywords,split\n"
        "7,High water,It rained.,photos/a.jpg,A river,Ann,cc0,2021-05-01,sea|Sky,val\n",
    )
    text, picture = archive.texts[0], archive.pictures[0]
    assert (text.id, text.title, text.body) == ("7", "High water", "It rained.")
    assert (picture.caption, picture.credit, picture.licence) == ("A river", "Ann", "cc0")
    assert (picture.date, picture.tags) == ("2021-05-01", ("sea", "Sky"))
    assert archive.parts == ("validate",)


def test_several_pictures_stand_in_one_cell(folder):
    write_pictures(folder, "odd;name.jpg")
    archive = read_csv(
        folder,
        "text\tpicture\none\tphotos/a.jpg;photos/b.png\ntwo\tphotos/a.jpg | photos/c.jpg\n"
        'three\t["photos/c.jpg", "photos/c.jpg"]\nfour\todd;name.jpg\n',
    )
    assert linked(archive) == {
        "one": ["a.jpg", "b.png"],
        "two": ["a.jpg", "c.jpg"],
        "three": ["c.jpg"],
        "four": ["odd;name.jpg"],
    }
    assert len(archive.pictures) == 4  # a.jpg serves two texts


def test_rows_of_one_text_add_up_by_id_or_by_equal_words(folder):
    archive = read_csv(
        folder,
        "id,text,picture,part\n1,one,photos/a.jpg,\n1,,photos/b.png,test\n"
        ",two,photos/a.jpg,\n,two,photos/c.jpg,\n2,two,photos/c.jpg,\n",
    )
    assert [text.body for text in archive.texts] == ["one", "two", "two"]
    assert archive.links.tolist() == [[0, 0], [0, 1], [1, 0], [1, 2], [2, 2]]
    assert archive.parts == ("test", "", "")
    assert len({text.id for text in archive.texts}) == 3


def test_later_rows_fill_what_earlier_ones_did_not_say_of_a_picture(folder):
    archive = read_csv(
        folder,
        "text,picture,caption,licence,tags\none,photos/a.jpg,,cc0,sea\n"
        "two,photos/./a.jpg,A ship,cc-by,sea;ship\n",
    )
    (picture,) = archive.pictures
    assert (picture.caption, picture.licence, picture.tags) == ("A ship", "cc0", ("sea", "ship"))


def test_faulty_rows_are_reported_by_line_and_left_out(folder):
    archive = read_csv(
        folder,
        b"text,picture,part\n"
        b"good,photos/a.jpg,train\n"
        b"no such file,photos/x.jpg,\n"
        b" ,photos/b.png,\n"
        b"no picture,,\n"
        b"too,many,cells,photos/a.jpg\n"
        b"too few\n"
        b"\n"
        b"latin \x81,photos/a.jpg,\n"
        b"address,https://example.org/a.jpg,\n"
        b"folder,photos,\n"
        b"part,photos/a.jpg,first\n"
        b"nul\0,photos/a.jpg,\n"
        b"windows,photos\\a.jpg,\n"
        b"half,photos/c.jpg|photos/y.jpg,\n",
    )
    assert linked(archive) == {"good": ["a.jpg"], "half": ["c.jpg"]}
    assert reasons(archive) == [
        ("csv:3", "picture photos/x.jpg does not exist"),
        ("csv:4", "has no text"),
        ("csv:5", "names no picture"),
        ("csv:6", "has 4 cells, the header has 3"),
        ("csv:7", "has 1 cells, the header has 3"),
        ("csv:9", "column 'text' is not UTF-8"),
        ("csv:10", "picture https://example.org/a.jpg is a web address"),
        ("csv:11", "picture photos is a folder"),
        ("csv:12", "part 'first' is not known"),
        ("csv:13", "column 'text' contains NUL bytes: it may be UTF-16 without a byte order mark"),
        ("csv:14", "picture photos\\a.jpg does not exist"),
        ("csv:15", "picture photos/y.jpg does not exist"),
    ]
    assert "download it" in archive.rejections[6].cure
    assert "written with /" in archive.rejections[10].cure


def test_rows_that_contradict_each_other_are_reported(folder):
    archive = read_csv(
        folder,
        "id,text,picture,part\n1,one,photos/a.jpg,train\n1,another,photos/b.png,\n"
        "1,one,photos/c.jpg,test\n",
    )
    assert linked(archive) == {"one": ["a.jpg"]}
    assert [line for line, _ in reasons(archive)] == ["csv:3", "csv:4"]


def test_one_stray_quote_costs_one_line(folder):
    good = "".join(f'"{n}\nlines",photos/a.jpg\n' for n in range(50))
    archive = read_csv(folder, f'text,picture\none,photos/a.jpg\n"stray,photos/b.png\n{good}')
    assert len(archive.texts) == 51
    assert [line for line, _ in reasons(archive)] == ["csv:3"]
    archive = read_csv(folder, f'text,picture\n{good}"open to the end,photos/b.png\nx,photos/c.jpg')
    assert len(archive.texts) == 51
    assert [line for line, _ in reasons(archive)] == ["csv:102"]


def test_a_huge_cell_is_read_and_the_limit_of_the_csv_module_stays(folder):
    before = csv.field_size_limit()
    archive = read_csv(folder, "text,picture\n" + "word " * 100_000 + ",photos/a.jpg\n")
    assert len(archive.texts[0].body) == 499_999
    assert csv.field_size_limit() == before


@pytest.mark.parametrize(
    ("date", "is_one"),
    [
        ("2024", True),
        ("2024-02", True),
        ("2024-02-29", True),
        ("2023-02-29", False),
        ("2024-13", False),
        ("2024-00", False),
        ("2024-13-45", False),
        ("0000", False),
        ("2024-05-01T23:59:59Z", True),
        ("2024-05-01 10:00 CET", True),
        ("2024-05-01T25:00", False),
        ("２０２４", False),
        ("1/2/2020", False),
    ],
)
def test_a_date_is_one_that_the_calendar_has(date, is_one):
    assert is_date(date) == is_one


def test_dates_that_are_not_iso_are_left_empty_and_reported_once(folder):
    archive = read_csv(
        folder,
        "text,picture,date\n1,photos/a.jpg,1/2/2020\n2,photos/b.png,2020\n3,photos/c.jpg,May\n",
    )
    assert [picture.date for picture in archive.pictures] == ["", "2020", ""]
    assert [reason for _, reason in reasons(archive)] == [
        "2 dates are impossible, not ISO 8601, or could mean two days (the first: '1/2/2020')"
    ]


def test_a_title_stands_in_for_a_missing_body(folder):
    archive = read_csv(folder, "title,text,picture\nHigh water,,photos/a.jpg\n")
    assert archive.texts[0].whole == "High water"


def test_a_missing_column_is_answered_with_the_columns_there_are(folder):
    with pytest.raises(
        BadInput, match=r"no column for the text: it has 'words', 'photo'.*text='…'"
    ):
        read_csv(folder, "words,photo\none,photos/a.jpg\n")
    with pytest.raises(BadInput, match=r"no column for the picture: it has 'text'"):
        read_csv(folder, "text\none\n")


def test_a_wrong_column_name_is_answered_with_the_closest_one(folder):
    content = "Words,photo\none,photos/a.jpg\n"
    with pytest.raises(BadInput, match=r"no column 'word': it has 'Words', 'photo'; did you mean"):
        read_csv(folder, content, Columns(text="word"))
    assert linked(read_csv(folder, content, Columns(text="Words"))) == {"one": ["a.jpg"]}


def test_a_column_that_is_there_twice_is_refused(folder):
    with pytest.raises(BadInput, match="'text' more than once"):
        read_csv(folder, "text,text,picture\n1,2,photos/a.jpg\n")


def test_a_caption_is_the_text_where_there_is_no_other(folder):
    archive = read_csv(folder, "image,caption\nphotos/a.jpg,A ship\n")
    assert archive.texts[0].body == "A ship"
    assert archive.pictures[0].caption == ""


@pytest.mark.parametrize(
    "content", ["", "\n\n", "text,picture\n", "text,picture\n1,photos/x.jpg\n"]
)
def test_a_table_with_nothing_left_is_an_error(folder, content):
    with pytest.raises(BadInput, match=r"is empty|no text with a picture is left"):
        read_csv(folder, content)


def test_jsonl_takes_lists_and_reports_bad_lines(folder):
    path = write_jsonl(
        folder / "archive.jsonl",
        [
            {"text": "one\ntwo", "pictures": ["photos/a.jpg", "photos/b.png"], "id": 3},
            b"{not json",
            b"[1]",
            b'{"text": "latin \xe9", "pictures": "photos/a.jpg"}',
            b"",
            {"text": ["a"], "pictures": "photos/a.jpg"},
            b'{"text": "\\ud800", "pictures": "photos/a.jpg"}',
            {"pictures": "photos/a.jpg"},
            b"[" * 100_000,
            {"text": "late", "pictures": "photos/c.jpg", "tags": ["sea", "sky"], "date": None},
        ],
    )
    archive = open_archive(path)
    assert linked(archive) == {"one\ntwo": ["a.jpg", "b.png"], "late": ["c.jpg"]}
    assert archive.texts[0].id == "3"
    assert archive.pictures[2].tags == ("sea", "sky")
    lines = [line for line, _ in reasons(archive)]
    assert lines == [f"jsonl:{number}" for number in (2, 3, 4, 6, 7, 8, 9)]
    assert reasons(archive)[3][1] == "column 'text' holds a list"


def test_parquet_takes_lists_dates_and_dictionaries(folder):
    path = write_parquet(
        folder / "archive.parquet",
        {
            "text": ["one", "two", None],
            "images": [["photos/a.jpg"], ["photos/b.png", "photos/x.jpg"], ["photos/c.jpg"]],
            "date": [datetime.date(2020, 5, 1), None, None],
            "unused": [b"\xff", b"", b""],
        },
    )
    archive = open_archive(path)
    assert linked(archive) == {"one": ["a.jpg"], "two": ["b.png"]}
    assert archive.pictures[0].date == "2020-05-01"
    assert reasons(archive) == [
        ("parquet row 2", "picture photos/x.jpg does not exist"),
        ("parquet row 3", "has no text"),
    ]


def test_parquet_text_that_is_not_utf8_costs_one_row(folder):
    import pyarrow

    broken = pyarrow.array([b"one", b"\xff\xfe", b"two"]).view(pyarrow.string())
    pictures = ["photos/a.jpg", "photos/b.png", "photos/c.jpg"]
    path = write_parquet(folder / "archive.parquet", {"text": broken, "picture": pictures})
    archive = open_archive(path)
    assert linked(archive) == {"one": ["a.jpg"], "two": ["c.jpg"]}
    assert reasons(archive) == [("parquet row 2", "is not UTF-8")]


def test_a_file_that_is_not_parquet_is_refused_in_one_line(folder):
    (folder / "archive.parquet").write_bytes(b"not parquet at all")
    with pytest.raises(BadInput, match="is not Parquet") as caught:
        open_archive(folder / "archive.parquet")
    assert "\n" not in str(caught.value)
