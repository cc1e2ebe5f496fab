"""A desk from opening to closing: descriptors, threads, copies, and use after the end."""

from __future__ import annotations

import copy
import os
import pickle
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from picturedesk.desk import Desk
from picturedesk.desk.loaded import Loaded
from picturedesk.errors import Closed
from picturedesk.store.archive_memory import ArchiveMemory
from picturedesk.types import Picture, Suggestion, Suggestions

TEXTS = [
    "A red circle by the river.",
    "We saw a blue square after the rain.\nIt was cold.",
    "Ein gelbes Dreieck auf einem Hügel.",
    "violet stripes near the old town",
    "大雨连下数日，河水漫过堤岸。",
    "black black black circle",
]
DESCRIPTORS = Path("/proc/self/fd")


def told(found: Suggestions) -> tuple[list, list[float]]:
    """The words and the numbers of an answer."""
    words = [(one.picture.key, [evidence.text for evidence in one.evidence]) for one in found]
    numbers = [number for one in found for number in (one.score, one.found or 0.0)]
    return [*words, found.doubt], [*numbers, found.found or 0.0]


def assert_same(found: tuple[list, list[float]], expected: tuple[list, list[float]]) -> None:
    """How many threads BLAS takes decides the last bits of a number."""
    assert found[0] == expected[0]
    assert found[1] == pytest.approx(expected[1], abs=1e-5)


def test_opened_and_closed_desks_leave_no_descriptor(fitted_desk: Path):
    if not DESCRIPTORS.exists():
        pytest.skip("this system does not list descriptors")

    def use() -> None:
        with Desk(fitted_desk) as desk:
            found = desk.suggest(TEXTS[0], k=3)
            desk.explain(TEXTS[0], found)
            desk.info()

    use()  # what libraries open once stays open
    before = len(os.listdir(DESCRIPTORS))
    for _ in range(20):
        use()
    assert len(os.listdir(DESCRIPTORS)) == before


@pytest.mark.parametrize(
    "use",
    [
        lambda desk: desk.suggest("a red circle"),
        lambda desk: desk.explain(
            "a red circle", [Suggestion(Picture("a", "k"), 1.0, "direct", 1)]
        ),
        lambda desk: desk.add([]),
        lambda desk: desk.evaluate(),
        lambda desk: desk.info(),
        lambda desk: desk.routes,
        lambda desk: desk.catalogue,
        lambda desk: desk.matcher,
        lambda desk: desk.__enter__(),
    ],
)
def test_a_closed_desk_says_so(fitted_desk: Path, use: Callable[[Desk], object]):
    desk = Desk(fitted_desk)
    desk.suggest(TEXTS[0], k=1)
    desk.close()
    desk.close()
    with pytest.raises(Closed, match="is closed: open it again"):
        use(desk)


def test_parts_of_a_closed_desk_say_so_too(fitted_desk: Path):
    with Desk(fitted_desk) as desk:
        catalogue, memory = desk.catalogue, desk.memory
    with pytest.raises(Closed, match=r"catalogue.db is closed"):
        catalogue.count()
    with pytest.raises(Closed, match=r"archive\.db is closed"):
        memory.texts([0])
    assert isinstance(memory, ArchiveMemory)
    assert len(memory.text_vectors)  # arrays that were handed out stay


def test_a_desk_pickles_as_its_path(
    fitted_desk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(fitted_desk.parent)
    with Desk(fitted_desk.name) as desk:
        expected = told(desk.suggest(TEXTS[0], k=4))
        stored = pickle.dumps(desk)
        twin = copy.copy(desk)
    assert len(stored) < 1000
    monkeypatch.chdir(tmp_path)
    with pickle.loads(stored) as again, twin:
        assert_same(told(again.suggest(TEXTS[0], k=4)), expected)
        assert_same(told(twin.suggest(TEXTS[0], k=4)), expected)


def test_threads_that_share_a_desk_are_answered_as_one_alone(fitted_desk: Path):
    with Desk(fitted_desk) as desk:
        alone = [told(desk.suggest(text, k=5)) for text in TEXTS]
    start = threading.Barrier(8, timeout=60)

    def ask(desk: Desk, number: int) -> list[tuple]:
        start.wait()  # the first use of all threads loads every part at once
        order = [(number + step) % len(TEXTS) for step in range(2 * len(TEXTS))]
        return [(place, told(desk.suggest(TEXTS[place], k=5))) for place in order]

    with Desk(fitted_desk) as desk, ThreadPoolExecutor(8) as pool:
        for answers in pool.map(ask, [desk] * 8, range(8)):
            for place, answer in answers:
                assert_same(answer, alone[place])


def test_threads_explain_and_search_words_side_by_side(fitted_desk: Path):
    def ask(desk: Desk, text: str) -> tuple[list, list[float]]:
        found = desk.suggest(text, k=3, where="licence = 'cc0'")
        captions = told(desk.suggest(text, 2, "captions"))
        explained = desk.explain(text, found)
        words = [sorted(share.word for share in one.words) for one in explained]
        scores = [one.score for one in explained]
        return [told(found)[0], captions[0], words], [*told(found)[1], *captions[1], *scores]

    with Desk(fitted_desk) as desk:
        alone = [ask(desk, text) for text in TEXTS]
    with Desk(fitted_desk) as desk, ThreadPoolExecutor(6) as pool:
        for answer, expected in zip(pool.map(ask, [desk] * 6, TEXTS), alone, strict=True):
            assert_same(answer, expected)


def test_a_part_is_loaded_once_by_one_thread():
    loaded = Loaded("thing")
    calls: list[int] = []
    entered = threading.Event()

    def load() -> object:
        calls.append(1)
        entered.set()
        threading.Event().wait(0.05)
        return object()

    with ThreadPoolExecutor(6) as pool:
        parts = list(pool.map(lambda _: loaded.part("a", load), range(6)))
    assert len(calls) == 1
    assert len(set(map(id, parts))) == 1


def test_a_part_that_cannot_be_loaded_is_tried_again():
    loaded = Loaded("thing")
    with pytest.raises(ZeroDivisionError):
        loaded.part("a", lambda: 1 // 0)
    assert loaded.part("a", lambda: 5) == 5


def test_all_parts_are_closed_even_if_one_cannot_be():
    closed: list[str] = []

    class Part:
        def __init__(self, name: str) -> None:
            self.name = name

        def close(self) -> None:
            closed.append(self.name)
            if self.name == "b":
                raise OSError("cannot close")

    loaded = Loaded("thing")
    for name in "abc":
        loaded.part(name, lambda name=name: Part(name))
    with pytest.raises(OSError, match="cannot close"):
        loaded.close()
    assert closed == ["c", "b", "a"]


def suggestions() -> Suggestions:
    each = [Suggestion(Picture(f"{n}.jpg", str(n)), 1 / n, "direct", n) for n in range(1, 6)]
    return Suggestions(each, 0.75, "a doubt")


@pytest.mark.parametrize(
    "made",
    [
        lambda found: found[:],
        lambda found: found.copy(),
        copy.copy,
        copy.deepcopy,
        lambda found: pickle.loads(pickle.dumps(found)),
    ],
)
def test_a_copy_of_suggestions_keeps_what_holds_for_all_of_them(made):
    found = suggestions()
    again = made(found)
    assert again is not found
    assert isinstance(again, Suggestions)
    assert (again.found, again.doubt) == (0.75, "a doubt")
    assert again == found
    assert (again != found) is False


def test_a_slice_of_suggestions_keeps_their_joint_chance():
    found = suggestions()
    assert [one.rank for one in found[1:3]] == [2, 3]
    assert (found[:2].found, found[::-1].doubt) == (0.75, "a doubt")
    assert found[-1].rank == 5
    assert type(found + found[:1]) is list


def test_suggestions_differ_where_their_joint_chance_does():
    found = suggestions()
    assert found != Suggestions(found, 0.5, "a doubt")
    assert found != Suggestions(found, 0.75)
    assert found == list(found)
    assert found != list(found)[1:]
    assert Suggestions() == []
