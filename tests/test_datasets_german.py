"""A table as a German picture desk has it: semicolons, Windows-1252, its own headings."""

from __future__ import annotations

import pytest

from picture_files import encoded, photo
from picturedesk.datasets import given_pictures, open_archive
from picturedesk.datasets.cells import iso_date


def test_german_table_in_windows_1252(tmp_path):
    (tmp_path / "dom.jpg").write_bytes(encoded(photo(), "JPEG"))
    table = tmp_path / "archiv.csv"
    table.write_bytes(
        (
            "Überschrift;Artikeltext;Bilddatei;Fotograf;Schlagwörter;"
            "Gültig bis;Preis (€);Freigabe;PLZ\n"
            "Der Dom;Köln feiert;dom.jpg;Jürgen Groß;Kirche, Fluss;"
            "31.12.2026;1.234,5;ja;01067\n"
        ).encode("cp1252")
    )
    archive = open_archive(table)
    (text,), (picture,) = archive.texts, archive.pictures
    assert (text.title, text.body) == ("Der Dom", "Köln feiert")
    assert (picture.credit, picture.tags) == ("Jürgen Groß", ("Kirche", "Fluss"))
    assert picture.expiry == "2026-12-31"
    assert picture.columns == {"preis": 1234.5, "freigabe": True, "plz": "01067"}
    named = given_pictures(table).fields[0]
    assert {"credit", "expiry", "tags", "preis", "freigabe", "plz"} <= named


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("31.12.2024", "2024-12-31"),
        ("31/12/2024", "2024-12-31"),
        ("12/31/2024", "2024-12-31"),
        ("1.2.2024 9:05", "2024-02-01T09:05"),
        ("01/02/2024", ""),
        ("32.1.2024", ""),
    ],
)
def test_dates_of_one_meaning_become_iso(text, date):
    assert iso_date(text) == date
