"""The page for everybody: screen readers, light and dark, phones, three languages, keys."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from browsing import NEEDS_CHROMIUM, PHONE, STORY, not_too_wide, visiting
from servers import serving

PAGE = Path(__file__).parents[1] / "src" / "picturedesk" / "web" / "page"
CARDS = ".justified .card:not(.skeleton)"
VIEWS = {
    "write": CARDS,
    "write/passages": ".passage img.ready",
    "write/picture": "dialog.picture .bars > div",
    "catalogue": ".cell:visible img.ready",
    "catalogue/rejected": ".rejected .table, .rejected .empty",
    "catalogue/edit": ".edit-form",
    "catalogue/upload": ".zone",
    "quality/evaluation": ".table.numbers",
    "quality/reliability": ".diagram",
    "quality/coverage": ".figures",
    "quality/audit": ".audit-part",
    "history": ".version-list li",
    "keys": "dialog.keys",
    "filter": ".popover .check",
}


def messages(language):
    return json.loads((PAGE / "messages" / f"{language}.json").read_text("utf-8"))


def reach(visit, place):
    """Opens a view, and what can be opened on it, and waits until it is there."""
    page = visit.go("history")
    page.evaluate("sessionStorage.clear()")
    page.reload()
    view, _, part = place.partition("/")
    if view in ("write", "keys", "filter"):
        visit.write(f"{STORY}\n\nThen a blue square stood on a hill.")
        clicks = {
            "passages": ".segments button:nth-child(2)",
            "picture": f"{CARDS} button",
            "keys": ".tools .icon-button:last-child",
            "filter": ".chip[data-column=licence]",
        }
        if (part or view) in clicks:
            page.locator(clicks[part or view]).first.click()
    else:
        visit.go(view if part in ("edit", "upload") else place)
    if part in ("edit", "upload"):
        page.locator(".cell[data-place='0']:visible img.ready").wait_for()
        buttons = {"edit": ".cell[data-place='0'] .tick", "upload": ".catalogue-row > .primary"}
        page.locator(buttons[part]).click()
        if part == "edit":
            page.locator(".selection .primary").click()
    page.locator(VIEWS[place]).first.wait_for(timeout=90_000)
    return page


def violations(page, **options):
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, options=options).response["violations"]
    return [(one["id"], [node["target"] for node in one["nodes"]][:4]) for one in found]


@NEEDS_CHROMIUM
def test_axe_finds_nothing_in_any_view_light_or_dark(browser, desk_address):
    found = {}
    with visiting(browser, desk_address, reduced_motion="reduce") as visitor:
        for place in VIEWS:
            page = reach(visitor, place)
            found[place] = violations(page)
            page.emulate_media(color_scheme="dark")
            found[f"{place}, dark"] = violations(page, runOnly=["color-contrast"])
            page.emulate_media(color_scheme="light")
    assert {place: what for place, what in found.items() if what} == {}


@NEEDS_CHROMIUM
def test_nothing_is_too_wide_on_a_phone(browser, desk_address):
    with visiting(browser, desk_address, viewport=PHONE, has_touch=True) as visitor:
        for place in ("write", "write/passages", "catalogue", "quality/evaluation", "history"):
            page = reach(visitor, place)
            assert not_too_wide(page), place
        links = page.locator(".views a")
        assert all(links.nth(at).bounding_box()["height"] >= 44 for at in range(4))
        assert links.first.bounding_box()["y"] > PHONE["height"] - 80
        page = reach(visitor, "write/picture")
        assert not_too_wide(page)
        button = page.get_by_role("button", name="Use this picture").bounding_box()
        assert 0 <= button["x"] <= PHONE["width"] - button["width"]


@NEEDS_CHROMIUM
def test_colours_follow_the_system_or_the_switch(visit):
    ground = "getComputedStyle(document.body).backgroundColor"
    page = visit.write()
    light = page.evaluate(ground)
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(ground)
    assert light != dark
    page.get_by_role("button", name="Colours: as the system").click()
    assert page.evaluate(ground) == light
    page.get_by_role("button", name="Colours: light").click()
    page.emulate_media(color_scheme="light")
    assert page.evaluate(ground) == dark
    page.reload()
    page.locator(CARDS).first.wait_for()
    assert page.evaluate(ground) == dark
    page.get_by_role("button", name="Colours: dark").click()
    assert page.evaluate(ground) == light


@NEEDS_CHROMIUM
@pytest.mark.parametrize("language", ["en", "de", "zh"])
def test_the_page_speaks_the_language_of_the_browser(browser, desk_address, language):
    said = messages(language)
    with visiting(browser, desk_address, locale=language) as visitor:
        page = visitor.go("write")
        page.get_by_text(said["start.title"]).wait_for()
        assert page.evaluate("document.documentElement.lang") == language
        page.fill(".story textarea", STORY)
        page.locator(f"{CARDS} button").first.click()
        for key in ("use", "alike", "unlike"):
            page.get_by_role("button", name=said[key], exact=True).wait_for()
        page.get_by_role("heading", name=said["why.levels"]).wait_for()
        page.goto(f"{visitor.address}/#/history")
        page.get_by_role("heading", name=said["versions"]).wait_for()
        assert page.title().startswith(said["view.history"])


@NEEDS_CHROMIUM
def test_the_language_can_be_changed_and_the_text_stays(visit):
    page = visit.write()
    page.get_by_role("button", name="Language: English").click()
    page.get_by_role("button", name="Deutsch").click()
    page.get_by_role("link", name="Katalog").wait_for()
    assert page.locator(".story textarea").input_value() == STORY
    page.reload()
    page.get_by_role("link", name="Katalog").wait_for()


@NEEDS_CHROMIUM
def test_a_doubt_is_said_in_one_sentence_of_the_language(browser, desk_address):
    def doubting(route):
        answer = route.fetch().json()
        route.fulfill(json=answer | {"doubt": "the archive has no similar text"})

    words = "Vielleicht ist kein gutes Bild dabei: das Archiv hat keinen ähnlichen Text."
    with visiting(browser, desk_address, locale="de") as visitor:
        visitor.page.route("**/v1/suggest", doubting)
        page = visitor.write()
        page.locator(".answer .doubt", has_text=words).wait_for()


@NEEDS_CHROMIUM
def test_a_missing_word_is_the_english_one(visit):
    german = messages("de")
    del german["view.write"]
    visit.page.route("**/messages/de.json", lambda route: route.fulfill(json=german))
    page = visit.go("write")
    page.get_by_role("button", name="Language: English").click()
    page.get_by_role("button", name="Deutsch").click()
    page.get_by_role("link", name="Katalog").wait_for()
    assert page.get_by_role("link", name="Write").is_visible()


@pytest.mark.parametrize("language", ["de", "zh"])
def test_languages_have_the_same_messages_with_the_same_places(language):
    english, other = messages("en"), messages(language)
    assert english.keys() == other.keys()
    assert list(other) == sorted(other)
    places = re.compile(r"\{\w+\}")
    for key, words in other.items():
        assert set(places.findall(words)) == set(places.findall(english[key])), key


def test_every_message_that_the_page_asks_for_is_there_and_none_is_left_over():
    english = messages("en")
    scripts = "".join(path.read_text("utf-8") for path in (PAGE / "app").glob("*.js"))
    plain = {re.sub(r"\.(one|other)$", "", key) for key in english}
    asked = set(re.findall(r"\bt\(\s*\"([^\"]+)\"", scripts))
    assert asked - plain - english.keys() == set()
    made = ("column.", "value.", "route.", "doubt.", "reliability.", "match.", "evidence.")
    shown = {key for key in plain if f'"{key}"' in scripts or key.startswith(made)}
    views = ("view.", "part.", "quality.", "theme.", "empty.", "language.name")
    assert {key for key in plain - shown if not key.startswith(views)} == set()


@NEEDS_CHROMIUM
def test_a_desk_with_keys_asks_for_one_and_shows_pictures_as_blobs(browser, quick_desk):
    from picturedesk.web.access.keys import Keys
    from picturedesk.web.access.roles import Role

    key, _ = Keys(quick_desk).add("reader", Role.READER)
    with serving(quick_desk) as address, visiting(browser, address) as visitor:
        page = visitor.page
        page.goto(f"{address}/#/write")
        ask = page.get_by_role("dialog", name="This desk asks for a key")
        ask.get_by_label("Key").fill("pd_wrong")
        ask.get_by_role("button", name="Open the desk").click()
        page.get_by_text("The server does not accept this key.").wait_for()
        ask.get_by_label("Key").fill(key)
        ask.get_by_role("button", name="Open the desk").click()
        page.fill(".story textarea", STORY)
        page.locator(f"{CARDS} img.ready").nth(11).wait_for()
        sources = page.locator(f"{CARDS} img").evaluate_all("all => all.map(one => one.src)")
        assert all(source.startswith("blob:") for source in sources)
        page.locator(f"{CARDS} button").first.click()
        page.get_by_role("button", name="Copy details").wait_for()
        assert page.get_by_role("button", name="Edit").count() == 0
        page.goto(f"{address}/#/catalogue")
        page.locator(".cell:visible img.ready").first.wait_for()
        assert page.get_by_role("button", name="Add pictures").count() == 0
        page.reload()
        page.locator(".cell:visible img.ready").first.wait_for()
        assert key not in page.evaluate("JSON.stringify(localStorage)")
