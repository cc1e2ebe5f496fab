"""The Python client against a real server: every method, records as the library makes them."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="serving needs the extra 'serve'")

import httpx
from PIL import Image

from json_schemas import validate
from picturedesk.client import Asking, Client, Problem, RemoteJob, Uploaded
from picturedesk.desk import Desk
from picturedesk.errors import BadInput
from picturedesk.types import Suggestions
from servers import serving
from shapes import draw

TEXT = "a red circle by the river"
STORY = "A red circle by the river. It was large. A blue square on a hill. Violet stripes there."


@pytest.fixture(scope="module")
def desk(quick_fit: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(quick_fit, tmp_path_factory.mktemp("served") / "desk"))


@pytest.fixture(scope="module")
def client(desk: Path) -> Iterator[Client]:
    with serving(desk) as address, Client(address) as opened:
        yield opened


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo one.png"
    draw("red", "circle", seed=4711).save(path)
    return path


def same(found: Suggestions, expected: Suggestions) -> None:
    """Two processes may differ in the last bits of a number."""
    assert [one.picture for one in found] == [one.picture for one in expected]
    assert [one.match for one in found] == [one.match for one in expected]
    assert found.doubt == expected.doubt
    scores = [one.score for one in expected]
    assert [one.score for one in found] == pytest.approx(scores, abs=1e-4)
    assert found.found == pytest.approx(expected.found, abs=1e-4)
    for mine, theirs in zip(found, expected, strict=True):
        assert [one.text for one in mine.evidence] == [one.text for one in theirs.evidence]


def test_the_server_answers_as_the_desk_does(client: Client, desk: Path):
    asking = Asking(k=4, where="licence <> 'none'", diversity=0.2)
    with Desk(desk) as opened:
        expected = opened.suggest(TEXT, 4, where="licence <> 'none'", diversity=0.2)
    same(client.suggest(TEXT, asking), expected)
    same(client.suggest_each([TEXT, "a blue square"], asking)[0], expected)


def test_pictures_and_keywords_are_asked(client: Client):
    key = client.pictures(limit=1).pictures[0].key
    found = client.suggest("", Asking(k=3, like=(key,), keywords=("circle",)))
    assert len(found) == 3
    assert {one.route for one in found} == {"asked"}
    assert key not in {one.picture.key for one in found}


def test_explanations_are_the_documents_of_the_command_line(client: Client):
    document = client.explain(TEXT, Asking(k=2))
    validate("suggest", document)
    assert len(document["explanations"]) == 2


def test_a_story_has_a_picture_for_each_passage(client: Client):
    passages = client.slots(STORY, 2)
    assert len(passages) == 2
    assert len({one.suggestions[0].picture.key for one in passages}) == 2
    assert passages[0].text.startswith("A red circle")


def test_a_file_is_asked_by_its_content(client: Client, photo: Path, tmp_path: Path):
    text = tmp_path / "story.txt"
    text.write_text(TEXT)
    same(client.suggest_for(text, Asking(k=3)), client.suggest(TEXT, Asking(k=3)))
    found = client.suggest_for(photo, Asking(k=3))
    assert {one.route for one in found} == {"asked"}
    assert client.document(text) == TEXT


def test_more_like_a_picture_words_and_texts_for_it(client: Client, photo: Path):
    key = client.pictures(limit=1).pictures[0].key
    assert key not in {one.picture.key for one in client.similar(key, Asking(k=3, diversity=0.0))}
    assert len(client.similar(photo)) == 10
    with pytest.raises(Problem, match="no word detectors"):  # 192 pictures are too few
        client.tags(photo, 3)
    ranked = client.texts(photo, 1, ["a blue square", "a red circle"])
    assert [one.text for one in ranked] == ["a red circle"]
    assert client.texts(key, 2)[0].id


def test_an_option_that_a_question_does_not_take_is_refused(client: Client):
    with pytest.raises(BadInput, match="keywords"):
        client.slots(STORY, 2, Asking(keywords=("fog",)))


def test_the_catalogue_comes_page_by_page(client: Client):
    page = client.pictures(sort="-caption", limit=7)
    following = client.pictures(sort="-caption", limit=7, after=page.after)
    everything = list(client.all_pictures(sort="-caption"))
    assert [*page.pictures, *following.pictures] == everything[:14]
    assert page.total == len(everything)
    assert client.pictures(where="caption LIKE '%red%'").total < page.total
    hits = client.pictures(words="red circle", limit=5)
    assert len(hits.pictures) == 5
    assert client.picture(page.pictures[0].key) == page.pictures[0]


def test_edits_hold_for_many_and_can_be_emptied(client: Client):
    keys = [one.key for one in client.pictures(limit=3).pictures]
    changed = client.edit(keys, {"credit": "Ann", "price": 3, "tags": ["fog", "sea"]})
    assert [one.credit for one in changed] == ["Ann"] * 3
    assert client.pictures(where="price = 3 AND has_tag(tags, 'fog')").total == 3
    assert "price" not in client.edit(keys, {"price": None})[0].columns
    with pytest.raises(Problem, match="expiry is 'soon'"):
        client.edit(keys, {"expiry": "soon"})


def test_an_upload_is_added_found_and_removed(client: Client, photo: Path, tmp_path: Path):
    torn = tmp_path / "torn.jpg"
    torn.write_bytes(b"\xff\xd8\xff\xe0torn")
    done = client.upload([photo, torn], {"caption": "Fog over the sea", "licence": "cc0"})
    assert isinstance(done, Uploaded)
    (picture,) = done.pictures
    assert (picture.caption, picture.columns["uploaded_as"]) == (
        "Fog over the sea",
        "photo one.png",
    )
    assert [one.source for one in done.rejections] == ["torn.jpg"]
    assert client.original(picture.key) == photo.read_bytes()
    with Image.open(io.BytesIO(client.thumbnail(picture.key, 48))) as small:
        assert (small.format, small.size) == ("WEBP", (96, 96))
    assert client.remove([picture.key]) == 1
    with pytest.raises(Problem) as caught:
        client.picture(picture.key)
    assert caught.value.status == 404


def test_many_files_become_a_job(client: Client, tmp_path: Path):
    paths = []
    for seed in range(5):
        paths.append(tmp_path / f"{seed}.png")
        draw("green", "square", seed=800 + seed).save(paths[-1])
    job = client.upload(paths)
    assert isinstance(job, RemoteJob)
    told: list[tuple[int, int, str]] = []
    done = client.wait(job, lambda *step: told.append(step))
    assert len(client.uploaded(done).pictures) == 5
    assert {what for _, _, what in told} & {"files", "pictures"}  # the first may be over
    assert client.job(job.id).has_ended
    assert client.stop(job.id).state == "done"


def test_a_choice_is_stored_and_taken_back(client: Client):
    first, second = (one.picture.key for one in client.suggest(TEXT, Asking(k=2)))
    choice = client.choose(TEXT, second, [first], "Ann")
    assert (choice.picture, choice.rejected, choice.who) == (second, (first,), "Ann")
    assert client.choices(choice.number - 1) == [choice]
    assert client.undo_choice(choice.number) == replace(choice, undone=True)
    with pytest.raises(Problem, match="there is no choice 99"):
        client.undo_choice(99)


def test_what_was_measured_and_left_out_is_told(client: Client):
    validate("evaluate", client.evaluation())
    validate("audit", client.audit())
    assert client.rejected() == ()
    assert [one["current"] for one in client.versions()] == [True]
    facts = client.desk()
    assert (facts["role"], facts["default_route"]) == ("admin", "blend")


def test_a_problem_has_the_words_of_the_command_line(client: Client, desk: Path):
    with Desk(desk) as opened, pytest.raises(BadInput) as expected:
        opened.suggest(TEXT, where="nosuch = 1")
    with pytest.raises(Problem) as caught:
        client.suggest(TEXT, Asking(where="nosuch = 1"))
    assert (caught.value.status, caught.value.title) == (422, "Bad input")
    assert str(caught.value) == str(expected.value)


def test_a_server_that_is_not_there_is_one_line():
    def refused(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("Connection refused")

    transport = httpx.MockTransport(refused)
    said = pytest.raises(Problem, match=r"gives no answer \(Connection refused\)")
    with Client("http://127.0.0.1:1", transport=transport) as client, said:
        client.desk()


@pytest.mark.parametrize("key", ["../versions", "a/b", "", "é", "a?b"])
def test_a_key_leads_nowhere_else(key: str):
    with Client("http://127.0.0.1:1") as client, pytest.raises(BadInput):
        client.picture(key)
