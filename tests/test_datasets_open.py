import subprocess
import sys

import pytest

from dataset_files import NEWS, write_picture, write_sohu
from picturedesk.datasets import KINDS, Columns, open_archive, reader_of
from picturedesk.desk import Desk
from picturedesk.errors import BadInput


def test_every_kind_has_a_reader():
    for kind in KINDS:
        assert callable(reader_of(kind))


def test_a_kind_forces_its_reader(tmp_path):
    write_sohu(tmp_path, "train", {"1": NEWS})
    assert open_archive(tmp_path).texts[0].id == "train/1.txt"
    with pytest.raises(BadInput, match="no text with a picture is left"):
        open_archive(f"folder:{tmp_path}")


@pytest.mark.parametrize(
    ("spec", "answer"),
    [
        ("nowhere", "nowhere does not exist"),
        ("sohu:nowhere", "nowhere does not exist"),
        ("sohu:", "sohu: has no path"),
        ("", "the path of a file or folder"),
        (" ", "the path of a file or folder"),
        ("flicker:.", "unknown kind of archive 'flicker': there are table, folder, sohu, stamps"),
        ("table:.", "cannot be read as table: that needs one file"),
        ("C:nowhere", "C:nowhere does not exist"),
    ],
)
def test_a_spec_that_cannot_be_opened_is_answered_in_one_line(spec, answer):
    with pytest.raises(BadInput, match=answer) as caught:
        open_archive(spec)
    assert "\n" not in str(caught.value)


def test_a_file_of_another_kind_is_refused(tmp_path):
    path = write_picture(tmp_path / "x.jpg")
    with pytest.raises(BadInput, match=r"not an archive: give a table \(.csv .tsv .jsonl"):
        open_archive(path)
    with pytest.raises(BadInput, match="that needs a folder"):
        open_archive(f"folder:{path}")
    with pytest.raises(BadInput, match="is not the suffix of a table"):
        open_archive(f"table:{path}")
    with pytest.raises(BadInput, match="column names are for tables only"):
        open_archive(tmp_path, Columns(text="words"))


def make_folder(folder):
    write_picture(folder / "a.jpg")
    (folder / "a.txt").write_text("A red square.")
    return folder


def test_usual_names_of_columns_go_with_every_kind(tmp_path):
    folder = make_folder(tmp_path)
    assert len(open_archive(f"folder:{folder}", Columns()).texts) == 1
    assert len(open_archive(folder, Columns()).texts) == 1


def test_a_desk_is_fitted_on_a_folder(tmp_path, monkeypatch):
    given = {}

    def fitted(archive, root, settings, progress, levels, source):
        given.update(texts=archive.texts, source=source["archive"])

    monkeypatch.setattr("picturedesk.desk.fit.fit_desk", fitted)
    folder = make_folder(tmp_path / "photos")
    Desk.fit_report(folder, tmp_path / "desk")
    assert [text.body for text in given["texts"]] == ["A red square."]
    assert given["source"] == str(folder)


def test_a_path_with_a_colon_is_a_path(tmp_path):
    folder = tmp_path / "news:2021"
    write_picture(folder / "x.jpg")
    (folder / "x.txt").write_text("words")
    assert len(open_archive(folder).texts) == 1


def test_reading_a_csv_imports_nothing_heavy(tmp_path):
    write_picture(tmp_path / "x.jpg")
    (tmp_path / "a.csv").write_text("text,picture\none,x.jpg\n")
    code = (
        "import sys; from picturedesk.datasets import open_archive; open_archive(sys.argv[1]);"
        "print([m for m in ('pyarrow', 'torch', 'sklearn', 'PIL', 'pandas') if m in sys.modules])"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "a.csv")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[]\n"
