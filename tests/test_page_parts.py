"""Parts of the page that compute: conditions, rows of pictures, marks, streams of events."""

from __future__ import annotations

import pytest

from browsing import NEEDS_CHROMIUM

pytestmark = NEEDS_CHROMIUM
COLUMNS = {
    "licence": {"type": "text"},
    "tags": {"type": "tags"},
    "date": {"type": "date"},
    "last_used": {"type": "date"},
    "width": {"type": "number"},
    "colour": {"type": "boolean"},
}


@pytest.fixture
def called(visit):
    """Calls a function of one of the page's modules."""
    page = visit.go("write")

    def call(module, name, *given):
        return page.evaluate(
            """async ([module, name, given]) =>
               (await import(`/page/app/${module}.js`))[name](...given)""",
            [module, name, list(given)],
        )

    return call


def test_filters_become_conditions_with_their_values_quoted(called):
    filters = {
        "licence": {"values": ["O'Hara's", "cc0"]},
        "tags": {"values": ["a", "b"]},
        "date": {"from": "2024-01-01", "to": "2024-12-31"},
        "width": {"least": "800", "most": ""},
        "colour": {"is": False},
        "unknown": {"values": ["x"]},
    }
    assert called("conditions", "conditionOf", filters, COLUMNS) == (
        "licence IN ('O''Hara''s', 'cc0') AND (has_tag(tags, 'a') OR has_tag(tags, 'b'))"
        " AND date >= '2024-01-01' AND date < '2025-01-01' AND width >= 800 AND colour = 0"
    )
    unused = {"last_used": {"before": "2024-02-03"}, "tags": {"values": []}}
    assert called("conditions", "conditionOf", unused, COLUMNS) == (
        "(last_used IS NULL OR last_used = '' OR last_used < '2024-02-03')"
    )


def test_the_desk_takes_the_conditions_that_filters_make(called, visit):
    filters = {
        "licence": {"values": ["O'Hara's", "cc0"]},
        "orientation": {"values": ["square"]},
        "last_used": {"before": "2024-02-03"},
        "width": {"least": "8", "most": "900"},
        "tags": {"values": ["it's"]},
        "date": {"from": "2024-01-01", "to": ""},
    }
    columns = visit.asked("GET", "/desk").json()["columns"]
    where = called("conditions", "conditionOf", filters, columns)
    for condition in (where, called("conditions", "expiredCondition")):
        assert visit.asked("GET", "/pictures", params={"where": condition}).ok, condition


def test_rows_fill_the_width_and_keep_aspects(called):
    aspects = [1.5, 0.75, 1.0, 2.0, 1.3, 0.8, 1.5, 1.5]
    rows = called("justify", "justified", aspects, 800, {"height": 200, "gap": 10})
    assert [box["index"] for row in rows for box in row["boxes"]] == list(range(8))
    for row in rows[:-1]:
        width = sum(box["width"] for box in row["boxes"]) + 10 * (len(row["boxes"]) - 1)
        assert 799 < width <= 800
    for row in rows:
        for box in row["boxes"]:
            assert box["width"] / row["height"] == pytest.approx(aspects[box["index"]], rel=0.01)
    assert rows[-1]["height"] <= 200


def test_marks_stand_on_whole_words_of_any_script(called):
    words = [
        {"word": "red", "share": 1.0},
        {"word": "猫", "share": 0.7},
        {"word": "circle", "share": 0.3},
        {"word": "weak", "share": 0.01},
        {"word": "against", "share": -1.0},
    ]
    text = "Red, reddish: a weak circle against 黑猫坐着."
    found = called("marks", "spans", text, words)
    assert [(text[one["start"] : one["end"]], one["step"]) for one in found] == [
        ("Red", 3),
        ("circle", 1),
        ("猫", 3),
    ]


def test_words_are_counted_in_any_script(called):
    assert called("story", "countWords", "Two ships, at sea.") == 4
    assert called("story", "countWords", "") == 0
    assert called("story", "countWords", "黑猫坐着") >= 2


def test_events_are_read_however_the_stream_is_cut(visit):
    page = visit.go("write")
    heard = page.evaluate(
        """async () => {
          const { messagesOf } = await import("/page/app/events.js");
          const text = 'event: progress\\r\\ndata: {"done":1}\\r\\n\\r\\n: alive\\n\\n' +
            'event: end\\ndata: {"state":\\ndata: "done"}\\n\\nevent: cut';
          const bytes = new TextEncoder().encode(text);
          const body = new ReadableStream({ start(stream) {
            for (const byte of bytes) stream.enqueue(Uint8Array.of(byte));
            stream.close();
          } });
          const told = [];
          for await (const one of messagesOf(body)) told.push([one.event, one.data]);
          return told;
        }"""
    )
    assert heard == [["progress", {"done": 1}], ["end", {"state": "done"}]]
