"""Text, HTML and DOCX files as plain text: by content, in bounded size, running nothing."""

from __future__ import annotations

import io
import zipfile

import pytest

pytest.importorskip("fastapi", reason="serving needs the extra 'serve'")

from picturedesk.web import documents as module
from picturedesk.web.documents import read_document
from picturedesk.web.problems import Refused

BODY = """<?xml version="1.0" encoding="UTF-8"?>
<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>
<w:p><w:r><w:t>The river </w:t></w:r><w:r><w:t>rose.</w:t></w:r></w:p>
<w:p><w:r><w:t>Fog</w:t><w:tab/><w:t>came</w:t><w:br/><w:t>at night.</w:t></w:r></w:p>
</w:body></w:document>"""
ENTITIES = """<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>
<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>
<w:p><w:r><w:t>&b;</w:t></w:r></w:p></w:body></w:document>"""


def docx(body: str, name: str = "word/document.xml") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, body)
    return packed.getvalue()


def test_text_is_read_as_it_is():
    found = read_document("\ufeffDer Fluss stieg.\n\nNebel kam.\n".encode(), "a.txt")
    assert (found.kind, found.text) == ("text", "Der Fluss stieg.\n\nNebel kam.")
    assert read_document("河水".encode("utf-16"), "a").text == "河水"


def test_html_is_known_by_its_content_or_its_name():
    page = "<!DOCTYPE html><title>x</title><p>The <b>river</b> rose.</p><script>bad()</script>"
    found = read_document(page.encode(), "story")
    assert (found.kind, found.text) == ("html", "The river rose.")
    assert read_document(b"The river <i>rose</i>.", "a.HTML").text == "The river rose."
    assert read_document(b"1 <p 2 and <b>", "a.txt").kind == "text"


def test_docx_has_a_line_for_each_paragraph():
    found = read_document(docx(BODY), "a.docx")
    assert found.kind == "docx"
    assert found.text == "The river rose.\n\nFog came\nat night."


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (docx("<p/>", "other.xml"), "no DOCX"),
        (docx("<p"), "broken DOCX"),
        (docx(ENTITIES), "broken DOCX"),
        (docx(BODY)[:90], "broken DOCX"),
        (b"PK\x03\x04", "broken DOCX"),
        (b"\xff\xd8\xff\xe0", "neither text"),
        (b"a\0b", "NUL"),
    ],
    # Not the data: a zip holds the time at which it was made, and all workers must agree on names.
    ids=["other part", "no XML", "entities", "cut", "head of a zip", "JPEG", "NUL"],
)
def test_other_files_are_refused_with_their_reason(data: bytes, reason: str):
    with pytest.raises(Refused, match=reason) as caught:
        read_document(data, "a.docx")
    assert caught.value.status == 415
    assert "save it as" in caught.value.cure


def test_a_docx_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "MOST_BYTES", 1000)
    bomb = docx(BODY + " " * 100_000)
    assert len(bomb) < 1000
    with pytest.raises(Refused, match="unpacks to more") as caught:
        read_document(bomb, "a.docx")
    assert caught.value.status == 413
