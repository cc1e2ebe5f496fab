"""The page's third and fourth view: quality, choices, versions, refit with progress."""

from __future__ import annotations

import json
import re

import pytest

from browsing import NEEDS_CHROMIUM, STORY

pytestmark = NEEDS_CHROMIUM
expect = pytest.importorskip("playwright.sync_api").expect
VERSIONS = [
    {"number": 1, "made": "2026-01-02T03:04:05+00:00", "archive": "a", "texts": 10, "pictures": 9,
     "choices": 0, "recall": 0.5, "current": False},
    {"number": 2, "made": "2026-02-03T04:05:06+00:00", "archive": "a", "texts": 12, "pictures": 9,
     "choices": 2, "recall": None, "current": True},
]  # fmt: skip


def answering(page, pattern, document, status=200):
    page.route(
        pattern,
        lambda route: route.fulfill(
            status=status, body=json.dumps(document), content_type="application/json"
        ),
    )


def chosen(visit, text=STORY):
    key = visit.asked("GET", "/pictures?limit=1").json()["pictures"][0]["key"]
    return visit.asked("POST", "/choices", data={"text": text, "picture": key}).json()


def test_the_evaluation_is_measured_and_shown_in_words_and_bars(visit):
    page = visit.go("quality")
    expect(page.get_by_role("heading", name="Evaluation")).to_be_visible()
    expect(page.locator(".figure").first).to_contain_text(re.compile(r"\d+%"))
    rows = page.locator(".table.numbers").first.locator("tbody tr")
    expect(rows.first).to_contain_text(re.compile(r"Chance|Text and picture"))
    expect(page.locator("tr.best").first).to_contain_text("All routes")


def test_reliability_is_drawn_and_told(visit):
    page = visit.go("quality/reliability")
    told = re.compile(r"The first picture is the right one\. Stated \d+")
    diagram = page.get_by_role("img", name=told)
    expect(diagram).to_be_visible()
    assert diagram.locator("circle").count() >= 1
    expect(page.get_by_text(re.compile("On average off by"))).to_have_count(2)


def test_coverage_and_audit_show_pictures_that_open(visit):
    page = visit.go("quality/coverage")
    expect(page.get_by_role("heading", name="Coverage")).to_be_visible(timeout=90_000)
    expect(page.locator(".figures")).to_contain_text("pictures in the catalogue")
    page.get_by_role("link", name="Audit").click()
    expect(page).to_have_url(re.compile("#/quality/audit$"))
    shots = page.locator(".audit-part .shot")
    expect(shots.first.locator("img.ready")).to_be_visible()
    shots.first.click()
    expect(page.locator("dialog.picture .large img.ready")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile("#/quality/audit$"))


def test_measuring_that_takes_long_shows_how_far_it_is(visit):
    job = {"id": "0" * 16, "kind": "evaluate", "state": "running"}
    failed = {**job, "state": "failed", "problem": {"detail": "no test texts", "cure": "add some"}}
    events = (
        'event: progress\ndata: {"done": 1, "total": 4, "what": "texts"}\n\n'
        f"event: end\ndata: {json.dumps(failed)}\n\n"
    )
    answering(visit.page, "**/v1/evaluation*", {"job": job}, 202)
    visit.page.route(
        "**/events", lambda route: route.fulfill(body=events, content_type="text/event-stream")
    )
    page = visit.go("quality")
    expect(page.locator(".sheet")).to_contain_text(re.compile("no test texts.*add some"))


def test_choices_are_listed_newest_first_and_can_be_taken_back(visit):
    chosen(visit, "The first story of all.")
    last = chosen(visit, "The second <b>story</b>.")
    page = visit.go("history")
    item = page.locator(".choice-list li").first
    expect(item).to_contain_text("The second <b>story</b>.")
    expect(item).to_contain_text(f"No. {last['number']}")
    expect(item.locator("img.ready")).to_be_visible()
    item.get_by_role("button", name="Undo").click()
    expect(page.locator(".choice-list li").first).to_contain_text("Taken back")
    kept = visit.asked("GET", "/choices?newest=true").json()["choices"]
    assert [one["undone"] for one in kept[:2]] == [True, False]


def test_going_back_to_a_version_asks_first(visit):
    answering(visit.page, "**/v1/versions", {"versions": VERSIONS})
    page = visit.go("history")
    expect(page.locator(".version-list li").first).to_contain_text("Answers now")
    older = page.locator(".version-list li").nth(1)
    expect(older).to_contain_text("50% found among ten")
    answering(page, "**/versions/1/rollback", VERSIONS[0])
    older.get_by_role("button", name="Go back to it").click()
    question = page.get_by_role("dialog", name="Go back to version 1?")
    with page.expect_request("**/v1/versions/1/rollback") as asked:
        question.get_by_role("button", name="Go back to it").click()
    assert asked.value.method == "POST"
    expect(page.get_by_text("Version 1 answers now.")).to_be_visible()


@pytest.mark.parametrize(
    ("end", "words"),
    [
        ({"state": "done"}, "A new version answers now."),
        ({"state": "stopped"}, "The fit was stopped. The desk answers as before."),
        ({"state": "failed", "problem": {"detail": "archive is gone"}}, "archive is gone"),
    ],
)
def test_a_refit_shows_its_progress_and_its_end(visit, end, words):
    job = {"id": "1" * 16, "kind": "refit", "state": "running"}
    held = []
    answering(visit.page, "**/v1/refit", {"job": job}, 202)
    visit.page.route("**/events", lambda route: held.append(route))
    page = visit.go("history")
    with page.expect_request("**/events"):
        page.get_by_role("button", name="Learn from choices").click()
    expect(page.get_by_role("progressbar")).to_be_visible()
    expect(page.locator(".refit").get_by_role("button", name="Cancel")).to_be_visible()
    events = (
        'event: progress\r\ndata: {"done": 2, "total": 5, "what": "folds"}\r\n\r\n: alive\n\n'
        f"event: end\ndata: {json.dumps({**job, **end})}\n\n"
    )
    held[0].fulfill(body=events, content_type="text/event-stream")
    expect(page.locator(".toasts")).to_contain_text(words)
    expect(page.get_by_role("button", name="Learn from choices")).to_be_visible()


def test_a_real_job_is_followed_by_its_events(visit):
    page = visit.go("quality")
    expect(page.get_by_role("heading", name="Evaluation")).to_be_visible()
    job = visit.asked("GET", "/evaluation?again=true").json()["job"]["id"]
    heard = page.evaluate(
        """async id => { const { follow } = await import("/page/app/events.js");
           const told = []; const end = await follow(id, one => told.push(one.total));
           return [end.state, told.length]; }""",
        job,
    )
    assert heard[0] == "done"
    assert heard[1] >= 1
