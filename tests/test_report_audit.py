"""The page of an audit."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from html_pages import read, words
from picturedesk.report.audit_page import write_audit_page
from picturedesk.report.audit_records import (
    Audit,
    Exposure,
    RightsConflict,
    SuspectPair,
    Topic,
)
from picturedesk.types import Picture

NASTY = "<script>alert('x')</script> & \"quoted\" 中文"
NOTHING = Audit(NASTY, 10, 9, 8, (), 0, 0.0, (), (), 0, 10.0, (), ())


@pytest.fixture
def audit(tmp_path: Path) -> Audit:
    Image.new("RGB", (90, 60), (200, 90, 90)).save(tmp_path / "a.png")
    known = Picture(str(tmp_path / "a.png"), key="1", caption=NASTY, credit=NASTY)
    gone = Picture(NASTY, key="2", licence="cc0")
    return Audit(
        archive=NASTY,
        texts=2190,
        pairs=2180,
        pictures=2141,
        suspects=(SuspectPair(NASTY, NASTY, known, -1.5, 0.9995, 1984, 2141, (gone, known)),),
        asked=300,
        weak=0.31,
        topics=(Topic((NASTY, "tides"), 41, 12, 0.75, (NASTY,)),),
        unused=(gone,),
        unused_pictures=84,
        usual_texts=10.2,
        overused=(Exposure(known, 99),),
        conflicts=(RightsConflict((known, gone), ("credit", "licence")),),
    )


def written(audit: Audit, folder: Path) -> str:
    write_audit_page(folder / "audit.html", audit)
    return (folder / "audit.html").read_text(encoding="utf-8")


def test_all_findings_are_shown_and_none_is_markup(audit: Audit, tmp_path: Path):
    page = written(audit, tmp_path)
    shown = words(page)
    assert "<script" not in page
    assert "default-src 'none'" in page
    for said in (
        "1,984 of 2,141",
        "of pairs suit each other better",
        "tides",
        "12 of 41 texts were asked",
        "84 pictures, of which 1 are shown",
        "99 texts",
        "different credit and licence",
    ):
        assert said in shown
    assert shown.count("<script>alert('x')</script>") >= 8


def test_links_lead_to_sections_and_files_only(audit: Audit, tmp_path: Path):
    found = read(written(audit, tmp_path))
    assert len(set(found.ids)) == len(found.ids)
    assert all(link.startswith(("#", "file://", "data:image/jpeg")) for link in found.links)


def test_an_archive_in_order_has_no_sections(tmp_path: Path):
    page = written(NOTHING, tmp_path)
    assert "<section" not in page
