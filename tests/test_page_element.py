"""<picture-desk> in a page of another site, as the example embeds it."""

from __future__ import annotations

import shutil
import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from browsing import NEEDS_CHROMIUM, Visit
from servers import serving

pytestmark = NEEDS_CHROMIUM
expect = pytest.importorskip("playwright.sync_api").expect
EXAMPLES = Path(__file__).parents[1] / "examples"
EXAMPLE_SERVER = "http://127.0.0.1:8642"
PICTURES = "picture-desk li img"


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, *_):
        """Leaves the test's output alone."""


@contextmanager
def site(folder):
    """A web site of its own, with the files of a folder: its origin."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def embedded(quick_fit, tmp_path_factory):
    """Addresses of the example's page and of the desk that it embeds, on two ports."""
    pytest.importorskip("fastapi", reason="serving needs the extra 'serve'")
    root = tmp_path_factory.mktemp("embedding")
    desk = Path(shutil.copytree(quick_fit, root / "desk"))
    pages = root / "pages"
    pages.mkdir()
    with site(pages) as origin, serving(desk, "--origin", origin) as address:
        for name in ("embed.html", "embed.js"):
            text = (EXAMPLES / name).read_text("utf-8")
            (pages / name).write_text(text.replace(EXAMPLE_SERVER, address), "utf-8")
        yield origin, address


@pytest.fixture
def example(window, embedded):
    """A visitor of the example's page; pictures come from the desk alone."""
    origin, address = embedded
    visitor = Visit(window, address)
    visitor.page.goto(f"{origin}/embed.html")
    yield visitor
    visitor.page.close()
    assert visitor.faults == []
    assert {f"http://{host}" for host in visitor.hosts} == {origin, address}


def test_the_example_suggests_for_the_text_of_its_own_field(example):
    page = example.page
    expect(page.locator(PICTURES)).to_have_count(8)
    expect(page.locator("picture-desk .caption").first).to_contain_text("red")
    page.fill("#article", "A green triangle on a hill")
    expect(page.locator("picture-desk .caption").first).to_contain_text("green")
    loaded = "all => all.every(one => one.complete && one.naturalWidth > 0)"
    page.wait_for_function(
        f"({loaded})([...document.querySelector('picture-desk').shadowRoot.querySelectorAll('img')])"
    )


def test_a_chosen_picture_is_handed_to_the_page_and_recorded(example):
    page = example.page
    page.locator("picture-desk li button").first.click()
    expect(page.locator("#chosen")).to_contain_text("red circle")
    expect(page.locator("picture-desk .mark")).to_have_text("Chosen")
    kept = example.asked("GET", "/choices?newest=true").json()["choices"]
    assert kept[0]["text"] == "We saw a red circle by the river."


def test_it_works_by_keyboard_and_has_names_for_screen_readers(example):
    page = example.page
    expect(page.get_by_role("list", name="Suggested pictures")).to_be_visible()
    page.get_by_role("button", name="Use picture: red circle").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#chosen")).to_contain_text("red circle")
    from axe_playwright_python.sync_playwright import Axe

    assert [one["id"] for one in Axe().run(page).response["violations"]] == []


def test_it_has_a_field_of_its_own_and_the_language_of_its_page(example):
    page = example.page
    page.evaluate(
        """server => { const made = document.createElement("picture-desk");
           made.setAttribute("server", server); made.lang = "de"; made.id = "own";
           made.setAttribute("where", "licence = 'cc0'");
           document.querySelector("main").append(made); }""",
        example.address,
    )
    own = page.locator("#own")
    expect(own.locator("p")).to_have_text("Bilder erscheinen beim Schreiben.")
    own.get_by_label("Text").fill("A blue square")
    expect(own.locator("li")).to_have_count(10)
    expect(own.locator("p")).to_contain_text("Chance")


def test_a_refusal_is_said_and_fired(example):
    page = example.page
    expect(page.locator(PICTURES)).to_have_count(8)
    heard = page.evaluate(
        """() => new Promise(done => { const desk = document.querySelector("picture-desk");
           desk.addEventListener("desk-problem", event => done(event.detail.status));
           desk.setAttribute("where", "nonsense = 1"); })"""
    )
    assert 400 <= heard < 500
    expect(page.locator("picture-desk p")).to_contain_text("nonsense")


def test_a_site_that_is_not_allowed_gets_nothing(window, embedded, tmp_path):
    _, address = embedded
    text = (EXAMPLES / "embed.html").read_text("utf-8").replace(EXAMPLE_SERVER, address)
    (tmp_path / "embed.html").write_text(text, "utf-8")
    with site(tmp_path) as other:
        page = window.new_page()
        page.goto(f"{other}/embed.html")
        page.wait_for_load_state("networkidle")
        assert page.evaluate("customElements.get('picture-desk') === undefined")
        page.close()
