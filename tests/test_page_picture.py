"""One picture large: why it is suggested, taking it, and the way by keyboard alone."""

from __future__ import annotations

import re

import pytest

from browsing import NEEDS_CHROMIUM, STORY, visiting

pytestmark = NEEDS_CHROMIUM
expect = pytest.importorskip("playwright.sync_api").expect
CARDS = ".justified .card:not(.skeleton)"
DIALOG = "dialog.picture"


def choices(visit):
    return visit.asked("GET", "/choices?newest=true").json()["choices"]


@pytest.fixture
def copying(browser, desk_address):
    """A visitor whose browser allows the clipboard."""
    with visiting(
        browser, desk_address, permissions=["clipboard-read", "clipboard-write"]
    ) as visitor:
        yield visitor


def test_a_click_says_why_a_picture_is_suggested(visit):
    visit.page.route("**/v1/suggest", adding_a_quarter)
    page = visit.write()
    page.locator(f"{CARDS} button").first.click()
    dialog = page.locator(DIALOG)
    expect(dialog.locator(".large img.ready")).to_be_visible()
    expect(dialog.locator(".marked")).to_have_text(STORY)
    expect(dialog.locator(".marked mark", has_text="red")).to_be_visible()
    for title in ("Stories of the archive", "What speaks for it"):
        expect(dialog.get_by_role("heading", name=title)).to_be_visible()
    levels = dialog.locator(".block", has_text="Levels of the network").locator(".bars > div")
    expect(levels.first).to_contain_text(re.compile(r"[+−]\d"))
    assert levels.count() > 2
    story = dialog.locator(".stories li").first
    expect(story.locator("img.ready")).to_be_visible()
    expect(story).to_contain_text(re.compile("We saw a .* 25% of the score", re.DOTALL))
    expect(dialog.locator(".facts")).to_contain_text(re.compile("Licence.*Square", re.DOTALL))
    expect(dialog.locator(".alike img.ready").first).to_be_visible()
    assert re.search(r"#/write/picture/[0-9a-f]{32}$", page.url)


def adding_a_quarter(route):
    """The server's answer, in which every story of the archive adds a quarter of the score."""
    answer = route.fetch().json()
    for one in answer["suggestions"]:
        one["evidence"] = [story | {"share": one["score"] / 4} for story in one["evidence"]]
    route.fulfill(json=answer)


def test_near_duplicates_and_alike_pictures_can_be_opened(visit):
    page = visit.write()
    page.locator(CARDS, has_text="+").first.locator("button").click()
    strip = page.locator(f"{DIALOG} .block", has_text="Near-duplicates").locator(".strip button")
    first = page.url
    strip.first.click()
    expect(page.locator(f"{DIALOG} .large img.ready")).to_be_visible()
    expect(page).not_to_have_url(first)
    page.keyboard.press("Escape")
    expect(page.locator(DIALOG)).to_have_count(0)
    expect(page).to_have_url(re.compile(r"#/write$"))


def test_a_link_to_a_picture_opens_it(visit):
    key = visit.asked("GET", "/pictures?limit=1").json()["pictures"][0]["key"]
    page = visit.go(f"catalogue/picture/{key}")
    expect(page.locator(f"{DIALOG} .large img.ready")).to_be_visible()
    page.go_back()
    page.go_forward()
    expect(page.locator(DIALOG)).to_be_visible()


def test_an_unknown_picture_is_said(visit):
    page = visit.go(f"write/picture/{'0' * 32}")
    expect(page.locator(DIALOG)).to_contain_text("0" * 32)


def test_using_a_picture_is_recorded_copied_and_undone(copying):
    page = copying.write()
    page.locator(f"{CARDS} button").first.click()
    path = page.locator(f"{DIALOG} .path").inner_text()
    caption = page.locator(f"{DIALOG} .side h2").inner_text()
    page.get_by_role("button", name="Use this picture").click()
    said = "Chosen. Path, credit and caption are on the clipboard."
    expect(page.get_by_text(said)).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == f"{path}\n{caption}"
    chosen = choices(copying)[0]
    assert (chosen["text"], chosen["undone"]) == (STORY, False)
    assert chosen["picture"] in page.url
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("The choice was taken back.")).to_be_visible()
    assert choices(copying)[0]["undone"]


def test_a_choice_is_kept_where_the_browser_does_not_copy(visit):
    page = visit.write()
    page.evaluate(
        "() => { navigator.clipboard.writeText = () => Promise.reject(new DOMException('no')); }"
    )
    page.locator(f"{CARDS} button").first.click()
    page.get_by_role("button", name="Use this picture").click()
    expect(page.get_by_text("Chosen. The browser did not allow copying.")).to_be_visible()
    assert not choices(visit)[0]["undone"]


def test_more_and_less_like_a_picture(visit):
    page = visit.write()
    page.locator(f"{CARDS} button").first.click()
    with page.expect_request("**/v1/suggest") as asked:
        page.get_by_role("button", name="More like this").click()
    assert len(asked.value.post_data_json["like"]) == 1
    expect(page.locator(DIALOG)).to_have_count(0)
    expect(page.locator(".material-item")).to_contain_text("More like this")
    expect(page.locator(".material-item img")).to_be_visible()
    page.locator(f"{CARDS} button").nth(3).click()
    page.get_by_role("button", name="Not like this").click()
    expect(page.locator(".material-item.not")).to_contain_text("Not like this")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".material-item.not")).to_have_count(0)


def test_the_focus_stays_on_a_picture_that_a_choice_moves(visit):
    with visit.page.expect_response("**/v1/suggest") as first:
        page = visit.write()
    answer = first.value.json()
    *rest, last = answer["suggestions"]
    key = last["picture"]["key"]
    expect(page.locator(CARDS).last).to_have_attribute("data-key", key)
    page.locator(f"{CARDS} button").last.focus()
    page.keyboard.press("Enter")
    expect(page.locator(f"{DIALOG} .picture-head")).to_contain_text("12 of 12")
    held = []

    def hold(route):
        one = route.request.post_data_json["k"] == 1  # what the dialog asks about its picture
        route.continue_() if one else held.append(route)

    page.route("**/v1/suggest", hold)
    page.keyboard.press("u")
    expect(page.get_by_text(re.compile("^Chosen"))).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(f".card[data-key='{key}'] button")).to_be_focused()
    held[0].fulfill(json=answer | {"suggestions": [last, *rest]})
    expect(page.locator(CARDS).first).to_have_attribute("data-key", key)
    expect(page.locator(f".card[data-key='{key}'] button")).to_be_focused()
    page.unroute("**/v1/suggest")
    page.keyboard.press("z")
    expect(page.get_by_text("The choice was taken back.")).to_be_visible()


def test_the_whole_way_by_keyboard(copying):
    page = copying.go("write")
    page.keyboard.press("/")
    expect(page.locator(".story textarea")).to_be_focused()
    page.keyboard.insert_text("A blue square on a hill")
    expect(page.locator(CARDS)).to_have_count(12)
    page.keyboard.press("Control+Enter")
    expect(page.locator(f"{CARDS} button").first).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.locator(f"{CARDS} button").nth(1)).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    expect(page.locator(f"{DIALOG} .picture-head")).to_contain_text("1 of 12")
    page.keyboard.press("ArrowRight")
    expect(page.locator(f"{DIALOG} .picture-head")).to_contain_text("2 of 12")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(f"{DIALOG} .picture-head")).to_contain_text("1 of 12")
    page.keyboard.press("u")
    expect(page.get_by_text("Chosen. Path, credit and caption")).to_be_visible()
    page.keyboard.press("z")
    expect(page.get_by_text("The choice was taken back.")).to_be_visible()
    seen = re.search("picture/(.+)", page.url)[1]
    page.keyboard.press("Escape")
    expect(page.locator(f".card[data-key='{seen}'] button")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(".story textarea")).to_be_focused()


def test_single_keys_go_to_views_list_themselves_and_can_be_switched_off(visit):
    page = visit.go("write")
    page.keyboard.press("2")
    expect(page).to_have_url(re.compile("#/catalogue$"))
    page.keyboard.press("?")
    listed = page.get_by_role("dialog", name="Keyboard")
    expect(listed).to_contain_text("Use this picture")
    listed.get_by_label("Single letters and digits are shortcuts").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("3")
    expect(page).to_have_url(re.compile("#/catalogue$"))


def test_tab_leads_through_the_page_and_the_focus_is_seen(visit):
    visit.write()
    page = visit.page
    page.reload()
    expect(page.locator(CARDS)).to_have_count(12)
    page.keyboard.press("Tab")
    seen = set()
    for _ in range(40):
        style = page.evaluate(
            """() => { const at = document.activeElement, look = getComputedStyle(at);
               return [at.className || at.tagName, look.outlineStyle, at.matches('textarea')]; }"""
        )
        if style[0] == "BODY":
            break  # once around
        seen.add(style[0])
        assert style[1] != "none" or style[2], style
        page.keyboard.press("Tab")
    assert {"skip", "mark", "chip", "icon-button"} <= seen


def test_words_of_the_desk_are_never_markup(visit):
    key = visit.asked("GET", "/pictures?limit=1&sort=key").json()["pictures"][0]["key"]
    evil = '<img src=x onerror="window.hurt=1"><script>window.hurt=2</script>'
    new = {"caption": evil, "credit": evil, "licence": evil, "tags": [evil], "note": evil}
    assert visit.asked("PATCH", f"/pictures/{key}", data=new).ok
    page = visit.go(f"write/picture/{key}")
    expect(page.locator(f"{DIALOG} .side h2")).to_have_text(evil)
    page.keyboard.press("Escape")
    page.fill(".story textarea", f"{evil} red circle")
    page.locator(f"{CARDS} button").first.click()
    expect(page.locator(f"{DIALOG} .marked")).to_have_text(f"{evil} red circle")
    page.goto(f"{visit.address}/#/catalogue")
    page.get_by_label("Search pictures").fill("onerror")
    expect(page.locator(".cell[data-place='0'] .caption")).to_have_text(evil)
    assert page.evaluate("window.hurt") is None
    back = {"caption": "red circle", "credit": None, "licence": "cc0", "tags": None, "note": None}
    assert visit.asked("PATCH", f"/pictures/{key}", data=back).ok
