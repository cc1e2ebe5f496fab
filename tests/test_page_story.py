"""The page's first view: write, get suggestions, filter, in a real browser on a real server."""

from __future__ import annotations

import io
import re
import zipfile

import pytest

from browsing import NEEDS_CHROMIUM, STORY
from shapes import draw

pytestmark = NEEDS_CHROMIUM
expect = pytest.importorskip("playwright.sync_api").expect
CARDS = ".justified .card:not(.skeleton)"


def docx(text):
    """A DOCX file of one paragraph."""
    space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    body = f'<w:document xmlns:w="{space}"><w:body><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:body>'
    types = (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-'
        'officedocument.wordprocessingml.document.main+xml"/></Types>'
    )
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        file.writestr("[Content_Types].xml", types)
        file.writestr("word/document.xml", f"{body}</w:document>")
    return made.getvalue()


def png(colour="red", shape="circle"):
    made = io.BytesIO()
    draw(colour, shape, seed=9000).save(made, "PNG")
    return made.getvalue()


def opened(page, name, mime, data):
    page.locator(".story input[type=file]").set_input_files(
        {"name": name, "mimeType": mime, "buffer": data}
    )


def filtered(page, column, value):
    page.click(f".found .chip[data-column={column}]")
    page.locator(".popover").get_by_label(value, exact=True).check()
    page.locator(".popover").get_by_role("button", name="Apply").click()


def test_pictures_come_while_a_story_is_typed(visit):
    page = visit.go("write")
    expect(page.get_by_text("Pictures appear while you write")).to_be_visible()
    page.locator(".story textarea").press_sequentially("A red circle")
    expect(page.locator(CARDS)).to_have_count(12)
    expect(page.locator(f"{CARDS} .caption").first).to_contain_text("red")
    expect(page.locator(".answer")).to_contain_text(re.compile(r"\d+%|There may be no good"))
    expect(page.locator(f"{CARDS} img.ready")).to_have_count(12)
    chips = page.locator(CARDS).first.locator(".chips")
    expect(chips).to_contain_text(re.compile("Strong|Fair|Weak"))
    expect(chips).to_contain_text(re.compile("cc0|cc-by"))


def test_boxes_have_their_size_before_pictures_come(visit):
    held = []
    visit.page.route("**/thumbnail?*", lambda route: held.append(route))
    page = visit.write()
    expect(page.locator(CARDS)).to_have_count(12)
    expect(page.locator(f"{CARDS} img[src]")).to_have_count(12)
    boxes = "[...document.querySelectorAll('.card .mat')].map(one => one.getBoundingClientRect())"
    before = page.evaluate(boxes)
    for route in held:
        route.continue_()
    expect(page.locator(f"{CARDS} img.ready")).to_have_count(12)
    assert page.evaluate(boxes) == before
    right = page.locator(".justified").bounding_box()
    assert max(box["right"] for box in before) <= right["x"] + right["width"] + 1


def test_a_late_answer_to_an_older_text_is_dropped(visit):
    page = visit.go("write")
    held = []
    page.route("**/v1/suggest", lambda route: held.append(route), times=1)
    with page.expect_request("**/v1/suggest"):
        page.fill(".story textarea", "A blue square")
    page.fill(".story textarea", "A green triangle")
    expect(page.locator(f"{CARDS} .caption").first).to_contain_text("green")
    held[0].abort()
    expect(page.locator(f"{CARDS} .caption").first).to_contain_text("green")


def test_the_server_being_away_is_said_and_can_be_tried_again(visit):
    page = visit.go("write")
    page.route("**/v1/suggest", lambda route: route.abort(), times=1)
    page.fill(".story textarea", STORY)
    expect(page.get_by_text("The server does not answer.")).to_be_visible()
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(CARDS)).to_have_count(12)


def test_filters_become_chips_hold_and_outlive_a_reload(visit):
    page = visit.write()
    filtered(page, "licence", "cc0")
    expect(page.locator(".found .chip.on")).to_have_text("Licence: cc0")
    expect(page.locator(f"{CARDS} .chips", has_text="cc-by")).to_have_count(0)
    expect(page.locator(f"{CARDS} .chips", has_text="cc0")).to_have_count(12)
    page.reload()
    expect(page.locator(".story textarea")).to_have_value(STORY)
    expect(page.locator(".found .chip.on")).to_have_text("Licence: cc0")
    expect(page.locator(f"{CARDS} .chips", has_text="cc0")).to_have_count(12)
    page.get_by_role("button", name="Remove filter Licence: cc0").click()
    expect(page.locator(".found .chip.on")).to_have_count(0)


def test_every_type_of_column_has_a_filter(visit):
    last = visit.asked("GET", "/pictures?limit=1&sort=-uri").json()["pictures"][0]
    key = last["key"]  # of a picture that other tests leave alone
    dated = {"date": "2024-05-06", "last_used": "2026-01-01", "price": 7, "front": True}
    assert visit.asked("PATCH", f"/pictures/{key}", data=dated).ok
    page = visit.write()
    page.click(".found .chip[data-column=date]")
    page.get_by_label("From").fill("2024-05-06")
    page.get_by_label("To", exact=True).fill("2024-05-06")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator(CARDS)).to_have_count(1)
    page.get_by_role("button", name="More", exact=True).click()
    page.get_by_role("button", name="price").click()
    page.get_by_label("At least").fill("8")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_text("No picture meets these filters: Date, price.")).to_be_visible()
    page.locator(".empty").get_by_role("button", name="Clear filters").click()
    page.get_by_role("button", name="More", exact=True).click()
    page.get_by_role("button", name="front").click()
    page.get_by_label("Yes").check()
    page.get_by_role("button", name="Apply").click()
    expect(page.locator(CARDS)).to_have_count(1)
    page.click(".found .chip[data-column=last_used]")
    page.locator(".popover").get_by_label("Not used since").fill("2025-12-31")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator(".empty")).to_contain_text("front, Last used")


def test_the_route_can_be_changed(visit):
    page = visit.write()
    page.get_by_role("button", name="Route: All routes").click()
    with page.expect_request("**/v1/suggest") as asked:
        page.locator(".popover").get_by_role("button", name="Similar stories").click()
    assert asked.value.post_data_json["route"] == "transfer"
    expect(page.get_by_role("button", name="Route: Similar stories")).to_be_focused()
    expect(page.locator(CARDS)).to_have_count(12)


@pytest.mark.parametrize(
    ("name", "mime", "data"),
    [
        ("story.txt", "text/plain", b"A green triangle on a hill"),
        ("story.html", "text/html", b"<p>A green triangle <b>on a hill</b></p><script>1</script>"),
        ("story.docx", "application/octet-stream", docx("A green triangle on a hill")),
    ],
)
def test_a_file_gives_its_text(visit, name, mime, data):
    page = visit.go("write")
    opened(page, name, mime, data)
    expect(page.locator(".story textarea")).to_have_value(
        re.compile(r"^\s*A green triangle on a hill\s*$")
    )
    expect(page.locator(f"{CARDS} .caption").first).to_contain_text("green")


def test_a_file_that_is_no_text_is_refused_with_reason(visit):
    page = visit.go("write")
    opened(page, "story.docx", "application/octet-stream", bytes(range(256)) * 4)
    expect(page.get_by_role("alert")).to_contain_text("story.docx")


def test_a_dropped_picture_finds_pictures_like_it(visit):
    page = visit.go("write")
    transfer = page.evaluate_handle(
        """bytes => { const held = new DataTransfer();
           held.items.add(new File([new Uint8Array(bytes)], "mine.png", {type: "image/png"}));
           return held; }""",
        list(png("blue", "stripes")),
    )
    for event in ("dragenter", "dragover", "drop"):
        page.dispatch_event(".story", event, {"dataTransfer": transfer})
    expect(page.locator(".material")).to_contain_text("mine.png")
    expect(page.locator(f"{CARDS} .caption").first).to_contain_text("blue")
    page.get_by_role("button", name="Remove mine.png").click()
    expect(page.get_by_text("Pictures appear while you write")).to_be_visible()


def test_keywords_go_with_the_question(visit):
    page = visit.write()
    page.get_by_role("button", name="Add keyword").click()
    page.get_by_label("What the picture should show").fill("stripes")
    with page.expect_request("**/v1/suggest") as asked:
        page.locator(".popover").get_by_role("button", name="Add keyword").click()
    assert asked.value.post_data_json["keywords"] == ["stripes"]
    expect(page.locator(".material")).to_contain_text("stripes")


def test_each_passage_of_a_story_gets_its_picture(visit):
    story = "We saw a red circle by the river.\n\nThen a blue square stood on a hill.\n\nAt last: "
    page = visit.write(story + "green stripes in the morning.")
    page.get_by_role("button", name="Passages").click()
    expect(page.locator(".passage")).to_have_count(3)
    expect(page.locator(".answer")).to_have_text("3 passages, each with a picture of its own.")
    assert [
        word in page.locator(".passage .own .caption").nth(place).inner_text()
        for place, word in enumerate(("red", "blue", "green"))
    ] == [True] * 3
    page.get_by_label("How the story is divided").select_option("2")
    expect(page.locator(".passage")).to_have_count(2)
    page.locator(".passage .own .shot").first.click()
    expect(page.get_by_role("dialog")).to_contain_text("Use this picture")


def test_clearing_a_story_can_be_undone(visit):
    page = visit.write()
    page.get_by_role("button", name="Clear", exact=True).click()
    expect(page.locator(".story textarea")).to_have_value("")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".story textarea")).to_have_value(STORY)
    expect(page.locator(CARDS)).to_have_count(12)


def test_more_pictures_can_be_shown(visit):
    page = visit.write()
    page.get_by_role("button", name="Show more").click()
    expect(page.locator(CARDS)).to_have_count(24)
