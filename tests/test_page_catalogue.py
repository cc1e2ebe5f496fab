"""The page's second view: search, sort, select, edit, upload, what is missing or was left out."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from browsing import NEEDS_CHROMIUM
from shapes import draw

pytestmark = NEEDS_CHROMIUM
expect = pytest.importorskip("playwright.sync_api").expect
FIRST = ".cell[data-place='0']:visible"
SHOWN = ".cell:visible"


def shown_at(page, place):
    return page.locator(f".cell[data-place='{place}']:visible")


def upload_of(*files):
    return [{"name": name, "mimeType": "image/png", "buffer": data} for name, data in files]


def png(seed):
    made = io.BytesIO()
    draw("violet", "stripes", seed=seed).save(made, "PNG")
    return made.getvalue()


def test_only_pictures_in_sight_have_cells(visit):
    page = visit.go("catalogue")
    expect(page.locator(".catalogue .count")).to_have_text(re.compile(r"^\d+ pictures$"))
    expect(page.locator(f"{FIRST} img.ready")).to_be_visible()
    made = page.locator(".cell").count()
    total = int(page.locator(".catalogue .count").inner_text().split()[0])
    assert made < total
    page.evaluate("document.querySelector('.scroller').scrollTop = 1e6")
    last = shown_at(page, total - 1)
    expect(last.locator("img.ready")).to_be_visible()
    assert last.get_attribute("aria-posinset") == str(total)
    assert page.locator(".cell").count() < total


def test_words_and_order_find_pictures(visit):
    page = visit.go("catalogue")
    page.get_by_label("Search pictures").fill("yellow triangle")
    expect(page.locator(f"{FIRST} .caption")).to_have_text("yellow triangle")
    expect(page.get_by_label("Sort by")).to_be_disabled()
    page.get_by_label("Search pictures").fill("")
    page.get_by_label("Sort by").select_option("caption")
    expect(page.locator(f"{FIRST} .caption")).to_have_text("black circle")
    page.reload()
    expect(page.get_by_label("Sort by")).to_have_value("caption")
    expect(page.locator(f"{FIRST} .caption")).to_have_text("black circle")


def test_a_search_without_hits_says_so(visit):
    page = visit.go("catalogue")
    page.click(".catalogue .chip[data-column=licence]")
    page.locator(".popover").get_by_label("Another value").fill("none of these")
    page.locator(".popover").get_by_role("button", name="Apply").click()
    expect(page.get_by_role("heading", name="No picture found")).to_be_visible()
    page.get_by_role("button", name="Clear filters").click()
    expect(page.locator(FIRST)).to_be_visible()


def test_many_are_selected_and_edited_at_once(visit):
    page = visit.go("catalogue")
    page.get_by_label("Search pictures").fill("violet circle")
    expect(page.locator(f"{FIRST} .caption")).to_have_text("violet circle")
    page.locator(FIRST).focus()
    page.keyboard.press("Space")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    expect(page.locator(".selection")).to_contain_text("3 selected")
    expect(page.locator(".cell[aria-selected=true]:visible")).to_have_count(3)
    page.keyboard.press("e")
    form = page.get_by_role("dialog", name="Edit 3 pictures")
    form.get_by_label("Credit").fill("Ada Lovelace")
    form.get_by_label("Tags").fill("ink, round")
    form.get_by_role("button", name="Save").click()
    expect(page.get_by_text("3 pictures were changed.")).to_be_visible()
    expect(page.locator(f"{FIRST} .credit")).to_contain_text("Ada Lovelace")
    found = visit.asked("GET", "/pictures", params={"where": "credit = 'Ada Lovelace'"}).json()
    assert {tuple(one["tags"]) for one in found["pictures"]} == {("ink", "round")}
    assert {one["caption"] for one in found["pictures"]} == {"violet circle"}


def test_what_cannot_be_written_is_said_in_the_form(visit):
    page = visit.go("catalogue")
    page.locator(f"{FIRST} .tick").click()
    page.locator(".selection").get_by_role("button", name="Edit").click()
    form = page.get_by_role("dialog", name="Edit picture")
    form.get_by_label("Expires").fill("soon")
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_role("alert")).to_contain_text("soon")
    form.get_by_role("button", name="Cancel").click()
    expect(form).to_have_count(0)


def test_expired_pictures_are_listed_and_say_so(visit):
    page = visit.go("catalogue")
    page.locator(FIRST).focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Edit").click()
    form = page.get_by_role("dialog", name="Edit picture")
    form.get_by_label("Expires").fill("2020-02-03")
    form.get_by_role("button", name="Save").click()
    expect(page.locator("dialog.picture .facts")).to_contain_text("Feb 3, 2020")
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Expired").click()
    expect(page.locator(".catalogue .count")).to_have_text("1 picture")
    expect(page.locator(f"{FIRST} .flag")).to_have_text("Expired")


@pytest.mark.parametrize("asked", ["Enter", "click"])
def test_a_picture_asked_for_before_it_is_there_opens_when_it_comes(visit, asked):
    held = []
    visit.page.route("**/v1/pictures?*", lambda route: held.append(route), times=1)
    page = visit.go("catalogue")
    expect(page.locator(f"{FIRST}.skeleton")).to_be_visible()
    if asked == "click":
        page.locator(FIRST).click()
    else:
        page.locator(FIRST).focus()
        page.keyboard.press(asked)
    expect(page.locator("dialog.picture")).to_have_count(0)
    held[0].continue_()
    expect(page.locator("dialog.picture .facts")).to_be_visible()


def test_nothing_is_missing_and_that_is_said(visit):
    page = visit.go("catalogue/missing")
    expect(page.get_by_role("heading", name="No file is missing")).to_be_visible()


def test_uploads_show_progress_and_what_was_left_out(visit):
    page = visit.go("catalogue")
    page.get_by_role("button", name="Add pictures").click()
    dialog = page.get_by_role("dialog", name="Add pictures")
    files = upload_of(("new.png", png(501)), ("broken.png", png(502)[:200]))
    dialog.locator("input[type=file]").set_input_files(files)
    expect(dialog).to_contain_text(re.compile(r"2 files, \d"))
    dialog.get_by_label("Credit").fill("Grace Hopper")
    dialog.get_by_role("button", name="Add 2 pictures").click()
    expect(dialog.get_by_role("status")).to_have_text("1 picture was added.")
    expect(dialog.locator("tbody tr")).to_contain_text("broken.png")
    assert len(dialog.locator("tbody td").first.inner_text()) > 10
    dialog.locator(".dialog-foot button").click()
    page.get_by_label("Search pictures").fill("violet stripes")
    found = visit.asked("GET", "/pictures", params={"where": "credit = 'Grace Hopper'"}).json()
    assert found["total"] == 1
    page.get_by_role("link", name="Rejected").click()
    expect(page.locator(".rejected .table, .rejected .empty")).to_be_visible()


def test_many_uploads_are_a_job_whose_progress_is_shown(visit):
    page = visit.go("catalogue")
    transfer = page.evaluate_handle(
        """files => { const held = new DataTransfer();
           for (const [name, bytes] of files)
             held.items.add(new File([new Uint8Array(bytes)], name, {type: "image/png"}));
           return held; }""",
        [[f"many-{seed}.png", list(png(seed))] for seed in range(600, 608)],
    )
    for event in ("dragover", "drop"):
        page.dispatch_event(".catalogue", event, {"dataTransfer": transfer})
    dialog = page.get_by_role("dialog", name="Add pictures")
    with page.expect_request(re.compile(r"/jobs/[0-9a-f]+/events$")):
        dialog.get_by_role("button", name="Add 8 pictures").click()
    expect(dialog.get_by_role("progressbar")).to_be_visible()
    expect(dialog.get_by_role("status")).to_have_text("8 pictures were added.")


def test_pictures_are_removed_after_a_question(visit):
    page = visit.go("catalogue")
    page.get_by_label("Sort by").select_option("-date")
    expect(page.locator(FIRST)).to_be_visible()
    before = visit.asked("GET", "/pictures?limit=1").json()["total"]
    page.locator(f"{FIRST} .tick").click()
    page.get_by_role("button", name="Remove").click()
    question = page.get_by_role("dialog", name="Remove from the catalogue?")
    expect(question).to_contain_text("Its file stays")
    question.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("1 picture was removed.")).to_be_visible()
    expect(page.locator(".catalogue .count")).to_have_text(f"{before - 1} pictures")


@pytest.mark.parametrize("early", [False, True], ids=["shown", "not yet there"])
def test_all_can_be_selected_by_one_key(visit, early):
    held = []
    if early:
        visit.page.route("**/v1/pictures?*", lambda route: held.append(route), times=1)
    page = visit.go("catalogue")
    expect(page.locator(f"{FIRST}.skeleton")).to_have_count(1 if early else 0)
    page.locator(FIRST).focus()
    page.keyboard.press("Control+a")
    for route in held:
        route.continue_()
    total = visit.asked("GET", "/pictures?limit=1").json()["total"]
    expect(page.locator(".selection")).to_contain_text(f"{total} selected")
    page.keyboard.press("Escape")
    expect(page.locator(".selection")).to_be_hidden()
    page.keyboard.press("End")
    expect(shown_at(page, total - 1)).to_be_focused()


def test_a_server_that_fails_is_said_and_can_be_tried_again(visit):
    visit.page.route("**/v1/pictures?*", lambda route: route.abort(), times=1)
    page = visit.go("catalogue")
    expect(page.get_by_text("The server does not answer.")).to_be_visible()
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(FIRST)).to_be_visible()


def test_rejected_files_have_reason_and_cure(visit):
    answer = '{"rejected": [{"source": "/in/a.svg", "reason": "is SVG", "cure": "convert it"}]}'
    visit.page.route(
        "**/v1/rejected",
        lambda route: route.fulfill(body=answer, content_type="application/json"),
    )
    page = visit.go("catalogue/rejected")
    row = page.locator(".rejected tbody tr")
    expect(row).to_contain_text(re.compile(r"a\.svg.*/in/.*is SVG.*convert it", re.DOTALL))


def test_the_page_has_no_build_step_and_no_foreign_address():
    folder = Path(__file__).parents[1] / "src" / "picturedesk" / "web" / "page"
    for path in folder.rglob("*"):
        if path.suffix in {".js", ".css", ".html"}:
            text = path.read_text("utf-8")
            outside = re.findall(r"https?://(?!www\.w3\.org/|desk\.example)[\w.]+", text)
            assert not outside, path
            markup = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\("
            assert not re.search(markup, text), path
