"""Each choice reaches every configured address at least once, signed, and no other address."""

from __future__ import annotations

import json
import stat
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("uvicorn", reason="serving needs the extra 'serve'")

import httpx

from json_schemas import validate
from picturedesk.cli.app import run
from picturedesk.client import WebhookVerifier
from picturedesk.desk import Desk
from picturedesk.desk.announcing import MOST, Addresses
from picturedesk.desk.folder import DeskFolder
from picturedesk.disk.lock import locked
from picturedesk.errors import BadInput, MissingArtefact, PicturedeskError
from picturedesk.signatures import SIGNATURE, TIMESTAMP, is_signed, new_secret, signature
from picturedesk.store import outbox as module
from picturedesk.store.choices import ChoiceLog
from picturedesk.store.outbox import Outbox, Waiting
from picturedesk.types import Choice
from picturedesk.web.webhooks import GIVEN_UP, Sender, back_off
from running_servers import PATIENCE, running
from servers import serving


class Receiver:
    """A server that takes messages, or answers as it is told."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        self.came = threading.Event()
        self.port = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message["body"], message["more_body"]
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.taken.append((scope["path"], headers, body))
        status = self.statuses.pop(0) if self.statuses else 200
        moved = [(b"location", b"/elsewhere")] if status in (302, 307) else []
        await send({"type": "http.response.start", "status": status, "headers": moved})
        await send({"type": "http.response.body", "body": b""})
        self.came.set()

    def url(self, path: str = "/hook") -> str:
        return f"http://127.0.0.1:{self.port}{path}"


class Time:
    """Seconds since 1970, as a test says."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    with running(receiver) as receiver.port:
        yield receiver


@pytest.fixture
def time_() -> Time:
    return Time()


@pytest.fixture
def log() -> list[str]:
    return []


@pytest.fixture
def folder(tmp_path: Path) -> DeskFolder:
    return DeskFolder(tmp_path)


def waiting(folder: DeskFolder, url: str, time_: Time, *names: str) -> None:
    """Puts messages into the outbox."""
    now = time_()
    with Outbox.open(folder.outbox) as outbox:
        outbox.put([Waiting(name, url, f'{{"id": "{name}"}}', now, due=now) for name in names], 0)


# From a choice to its message


def test_a_choice_reaches_the_address_signed(quick_desk: Path, receiver: Receiver, log: list[str]):
    secret = Addresses.of(quick_desk).add(receiver.url()).secret
    with Desk(quick_desk) as desk:
        picture = next(iter(desk.suggest("a red circle"))).picture
        choice = desk.choose("a red circle", picture, who="Anna")
    assert Sender(quick_desk, log.append).deliver_due() == 1
    path, headers, body = receiver.taken[0]
    assert path == "/hook"
    content = WebhookVerifier(secret).verify(headers, body)
    assert content["type"] == "picture.chosen"
    assert content["choice"]["number"] == choice.number
    assert content["choice"]["who"] == "Anna"
    assert content["picture"]["key"] == picture.key
    assert content["picture"]["uri"] == picture.uri
    assert Sender(quick_desk, log.append).deliver_due() == 0
    assert json.loads(log[0])["webhook"] == "delivered"
    assert "a red circle" not in log[0]


def test_a_choice_that_is_taken_back_is_told_too(quick_desk: Path, receiver: Receiver):
    Addresses.of(quick_desk).add(receiver.url())
    with Desk(quick_desk) as desk:
        picture = desk.list(k=1)[0]
        number = desk.choose("a red circle", picture).number
        desk.undo_choice(number)
    assert Sender(quick_desk).deliver_due() == 2
    kinds = [json.loads(body)["type"] for _, _, body in receiver.taken]
    assert kinds == ["picture.chosen", "picture.undone"]


def test_choices_before_an_address_are_not_told(quick_desk: Path, receiver: Receiver):
    with Desk(quick_desk) as desk:
        picture = desk.list(k=1)[0]
        desk.choose("before", picture)
        Addresses.of(quick_desk).add(receiver.url())
        desk.choose("after", picture)
    assert Sender(quick_desk).deliver_due() == 1
    assert json.loads(receiver.taken[0][2])["choice"]["text"] == "after"


def test_what_a_kill_kept_from_the_outbox_comes_with_the_next_choice(
    quick_desk: Path, receiver: Receiver
):
    Addresses.of(quick_desk).add(receiver.url())
    with Desk(quick_desk) as desk:
        picture = desk.list(k=1)[0]
        with ChoiceLog.open(desk.folder.choices) as choices:  # as if killed right after this
            choices.add(Choice("killed", picture.key, time="2026-01-01"))
        desk.choose("next", picture)
    Sender(quick_desk).deliver_due()
    texts = [json.loads(body)["choice"]["text"] for _, _, body in receiver.taken]
    assert texts == ["killed", "next"]


def test_without_addresses_nothing_is_kept(quick_desk: Path):
    with Desk(quick_desk) as desk:
        desk.choose("a red circle", desk.list(k=1)[0])
    assert not DeskFolder(quick_desk).outbox.exists()


# Delivery


def test_a_message_is_tried_again_later_and_later(
    folder: DeskFolder, receiver: Receiver, time_: Time, log: list[str]
):
    Addresses(folder).add(receiver.url())
    waiting(folder, receiver.url(), time_, "a")
    receiver.statuses = [500, 404, 429]
    sender = Sender(folder.root, log.append, time_)
    for attempt in range(1, 4):
        assert sender.deliver_due() == 0
        assert sender.deliver_due() == 0
        assert len(receiver.taken) == attempt
        time_.now += back_off(attempt)
    assert sender.deliver_due() == 1
    ids = {headers["webhook-id"] for _, headers, _ in receiver.taken}
    assert ids == {"a"}
    times = [int(headers["webhook-timestamp"]) for _, headers, _ in receiver.taken]
    assert times == sorted(set(times))
    assert [json.loads(line)["webhook"] for line in log] == ["failed"] * 3 + ["delivered"]


def test_waits_grow_up_to_a_bound():
    assert [back_off(attempts) for attempts in (1, 2, 3, 4)] == [5, 20, 80, 320]
    assert back_off(10**6) == back_off(50) == 6 * 3600


def test_a_redirect_is_not_followed(folder: DeskFolder, receiver: Receiver, time_: Time):
    Addresses(folder).add(receiver.url())
    waiting(folder, receiver.url(), time_, "a")
    receiver.statuses = [302]
    assert Sender(folder.root, clock=time_).deliver_due() == 0
    time_.now += back_off(1)
    receiver.statuses = [307]
    assert Sender(folder.root, clock=time_).deliver_due() == 0
    assert {path for path, _, _ in receiver.taken} == {"/hook"}


def test_an_address_that_is_not_configured_gets_nothing(
    folder: DeskFolder, receiver: Receiver, time_: Time, log: list[str]
):
    store = Addresses(folder)
    store.add(receiver.url("/kept"))
    store.add(receiver.url("/removed"))
    waiting(folder, receiver.url("/removed"), time_, "a")
    waiting(folder, receiver.url("/strange"), time_, "b")
    waiting(folder, receiver.url("/kept"), time_, "c")
    store.remove(receiver.url("/removed"))
    assert Sender(folder.root, log.append, time_).deliver_due() == 1
    assert [path for path, _, _ in receiver.taken] == ["/kept"]
    with Outbox.open(folder.outbox) as outbox:
        assert len(outbox) == 0


def test_an_address_that_fails_holds_up_no_other(
    folder: DeskFolder, receiver: Receiver, time_: Time
):
    store = Addresses(folder)
    nobody = "http://127.0.0.1:1/"
    store.add(nobody)
    store.add(receiver.url())
    waiting(folder, nobody, time_, "a", "b", "c")
    waiting(folder, receiver.url(), time_, "a", "b")
    lines: list[str] = []
    assert Sender(folder.root, lines.append, time_).deliver_due() == 2
    failed = [line for line in map(json.loads, lines) if line["webhook"] == "failed"]
    assert [line["id"] for line in failed] == ["a"]
    with Outbox.open(folder.outbox) as outbox:
        assert outbox.due(time_()) == []
        assert [one.attempts for one in outbox.due(time_() + 5)] == [1, 0, 0]


def test_a_message_that_nobody_takes_for_days_is_given_up(
    folder: DeskFolder, receiver: Receiver, time_: Time, log: list[str]
):
    Addresses(folder).add(receiver.url())
    waiting(folder, receiver.url(), time_, "a")
    time_.now += GIVEN_UP + 1
    receiver.statuses = [500]
    Sender(folder.root, log.append, time_).deliver_due()
    assert json.loads(log[0])["webhook"] == "given up"
    with Outbox.open(folder.outbox) as outbox:
        assert len(outbox) == 0


def test_one_process_delivers_at_a_time(folder: DeskFolder, receiver: Receiver, time_: Time):
    Addresses(folder).add(receiver.url())
    waiting(folder, receiver.url(), time_, "a")
    lock = folder.root / ".webhooks-sending"
    with locked(lock, 0.0, ""), pytest.raises(PicturedeskError, match="another process"):
        Sender(folder.root, clock=time_).deliver_due()
    assert receiver.taken == []


def test_the_thread_delivers_when_it_is_woken_and_ends_when_it_is_told(
    folder: DeskFolder, receiver: Receiver, time_: Time, log: list[str]
):
    Addresses(folder).add(receiver.url())
    sender = Sender(folder.root, log.append, time_)
    sender.start()
    waiting(folder, receiver.url(), time_, "a")
    sender.wake()
    assert receiver.came.wait(PATIENCE)
    sender.stop()
    assert len(receiver.taken) == 1


def test_a_log_line_has_no_path_of_an_address(
    folder: DeskFolder, receiver: Receiver, time_: Time, log: list[str]
):
    url = receiver.url("/services/SECRET")
    Addresses(folder).add(url)
    waiting(folder, url, time_, "a")
    Sender(folder.root, log.append, time_).deliver_due()
    assert "SECRET" not in log[0]


def test_a_served_desk_tells_its_addresses_by_itself(quick_desk: Path, receiver: Receiver):
    secret = Addresses.of(quick_desk).add(receiver.url()).secret
    with serving(quick_desk) as address, httpx.Client(base_url=address, timeout=60) as client:
        key = client.get("/v1/pictures", params={"limit": 1}).json()["pictures"][0]["key"]
        chosen = client.post("/v1/choices", json={"text": "a red circle", "picture": key})
        assert chosen.status_code in (200, 201), chosen.text
        assert receiver.came.wait(PATIENCE)
        receiver.came.clear()
        number = chosen.json()["number"]
        assert client.delete(f"/v1/choices/{number}").status_code == 200
        assert receiver.came.wait(PATIENCE)
    verifier = WebhookVerifier(secret)
    told = [verifier.verify(headers, body) for _, headers, body in receiver.taken]
    assert [content["type"] for content in told] == ["picture.chosen", "picture.undone"]
    assert told[0]["picture"]["key"] == key


# The outbox


def test_the_outbox_survives_and_holds_no_message_twice(tmp_path: Path):
    path = tmp_path / "outbox.db"
    message = Waiting("a", "https://a.example/", "{}", 1.0, due=2.0)
    for _ in range(2):
        with Outbox.open(path, followed=5) as outbox:
            outbox.put([message, replace(message, url="https://b.example/")], 7)
            outbox.put([message], 3)
    with Outbox.open(path) as outbox:
        assert len(outbox) == 2
        assert outbox.followed == 7
        assert outbox.due(1.9) == []
        assert [one.number for one in outbox.due(2.0)] == [1, 2]


def test_the_oldest_make_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "MOST", 3)
    with Outbox.open(tmp_path / "outbox.db") as outbox:
        for name in "abcde":
            outbox.put([Waiting(name, "https://a.example/", "{}", 1.0)], 0)
        assert [one.id for one in outbox.due(1.0)] == ["c", "d", "e"]
        assert outbox.dropped == 2


def test_a_damaged_row_is_refused(tmp_path: Path):
    import sqlite3

    path = tmp_path / "outbox.db"
    with Outbox.open(path) as outbox:
        outbox.put([Waiting("a", "https://a.example/", "{}", 1.0)], 0)
    connection = sqlite3.connect(path)
    connection.execute("UPDATE messages SET url = 'https://evil.example/'")
    connection.commit()
    connection.close()
    with Outbox.open(path) as outbox, pytest.raises(MissingArtefact, match="damaged"):
        outbox.due(1.0)


# Addresses


@pytest.mark.parametrize(
    "url",
    [
        *("", "cms.example.org", "ftp://a.example/", "file:///etc/passwd", "http://a.example/"),
        *("http://169.254.169.254/", "https://user:word@a.example/", "https://a.example/#x"),
        *("https://a.example/a b", "https://a.example/\r\nX: y", "https://a.example\\@b", "//a"),
        *(
            "http://localhost.evil.example/",
            "https://ä.example/",
            "https://a.example/" + "a" * 2000,
        ),
    ],
)
def test_what_is_no_address_for_messages_is_refused(folder: DeskFolder, url: str):
    with pytest.raises(BadInput, match="url is"):
        Addresses(folder).add(url)
    assert not folder.webhooks.exists()


def test_addresses_are_kept_for_the_owners_eyes_only(folder: DeskFolder):
    Addresses(folder).add("https://cms.example.org:8443/hook?a=b")
    assert stat.S_IMODE(folder.webhooks.stat().st_mode) == 0o600
    with pytest.raises(BadInput, match="told already"):
        Addresses(folder).add("https://cms.example.org:8443/hook?a=b")
    with pytest.raises(BadInput, match="there are https://cms"):
        Addresses(folder).remove("https://b.example/")


def test_there_is_a_most_of_addresses(folder: DeskFolder):
    for number in range(MOST):
        Addresses(folder).add(f"https://a{number}.example/")
    with pytest.raises(BadInput, match=f"has {MOST} addresses"):
        Addresses(folder).add("https://b.example/")


def test_the_verb_shows_a_secret_once(quick_desk: Path, capsys: pytest.CaptureFixture):
    url, desk = "https://cms.example.org/hook", ("--desk", str(quick_desk))
    run(["webhooks", "add", url, *desk])
    secret = capsys.readouterr().out.split()[-1]
    assert Addresses.of(quick_desk).all()[0].secret == secret
    run(["webhooks", "list", *desk])
    listed = capsys.readouterr().out
    assert url in listed
    assert secret not in listed
    for words in (["list"], ["remove", url], ["add", url]):
        run(["webhooks", *words, *desk, "--json"])
        document = json.loads(capsys.readouterr().out)
        validate("webhooks", document)
        assert [one["url"] for one in document["addresses"]] == [url]
    for words in (["add"], ["list", url]):
        with pytest.raises(BadInput, match="address"):
            run(["webhooks", *words, *desk])


# Signatures


def signed(secret: str, identifier: str, seconds: float, body: bytes) -> dict[str, str]:
    return {
        "Webhook-Id": identifier,
        "Webhook-Timestamp": str(int(seconds)),
        "Webhook-Signature": signature(secret, identifier, int(seconds), body),
    }


def test_the_signature_is_that_of_the_standard():
    """The example of the specification's libraries."""
    secret = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    made = signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    import base64
    import hashlib
    import hmac

    key = base64.b64decode(secret.removeprefix("whsec_"))
    text = b'msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}'
    by_hand = base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
    assert made == f"v1,{by_hand}"
    assert is_signed(
        secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}', f"v1a,x {made}"
    )


def test_a_message_is_taken_once(time_: Time):
    secret, body = new_secret(), b'{"id": "a"}'
    verifier = WebhookVerifier(secret, clock=time_)
    headers = signed(secret, "a", time_(), body)
    assert verifier.verify(headers, body) == {"id": "a"}
    with pytest.raises(BadInput, match="came before"):
        verifier.verify(headers, body)


@pytest.mark.parametrize("age", [-301, 301, 10**6])
def test_a_message_that_was_kept_is_refused(time_: Time, age: int):
    secret, body = new_secret(), b"{}"
    headers = signed(secret, "a", time_() - age, body)
    with pytest.raises(BadInput, match="was sent"):
        WebhookVerifier(secret, clock=time_).verify(headers, body)


def test_a_message_that_was_changed_is_refused(time_: Time):
    secret, body = new_secret(), b'{"id": "a"}'
    headers = signed(secret, "a", time_(), body)
    changes = [
        ({**headers, "Webhook-Id": "b"}, body),
        ({**headers, "Webhook-Id": ""}, body),
        ({**headers, "Webhook-Timestamp": str(int(time_()) + 1)}, body),
        ({**headers, "Webhook-Timestamp": "soon"}, body),
        ({**headers, "Webhook-Signature": "v1,"}, body),
        ({**headers, "Webhook-Signature": "\u00e9 \ud800"}, body),
        ({}, body),
        (headers, body + b" "),
        (signed(new_secret(), "a", time_(), body), body),
    ]
    verifier = WebhookVerifier(secret, clock=time_)
    for changed, content in changes:
        with pytest.raises(BadInput, match="no right signature"):
            verifier.verify(changed, content)
    assert verifier.verify(headers, body) == {"id": "a"}


def test_two_secrets_hold_while_they_are_exchanged(time_: Time):
    old, new = new_secret(), new_secret()
    verifier = WebhookVerifier(old, new, clock=time_)
    assert verifier.verify(signed(old, "a", time_(), b"{}"), b"{}") == {}
    assert verifier.verify(signed(new, "b", time_(), b"{}"), b"{}") == {}


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_AAAA", "x" * 50, "whsec_" + "ä" * 50])
def test_a_secret_that_is_none_is_refused(secret: str):
    with pytest.raises(BadInput, match="secret"):
        WebhookVerifier(secret)
    with pytest.raises(BadInput, match="secret"):
        WebhookVerifier()


def test_the_names_of_headers_are_those_of_the_standard():
    assert (TIMESTAMP, SIGNATURE) == ("webhook-timestamp", "webhook-signature")
