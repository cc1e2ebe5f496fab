"""The hub: files of this machine first; a hub that does not answer ends in one line."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from picturedesk.disk.hub import from_hub, unreachable
from picturedesk.errors import PicturedeskError

constants = pytest.importorskip("huggingface_hub.constants", reason="needs the extra 'train'")


@pytest.fixture
def answering(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A hub on this machine that answers with one status."""

    class Answer(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(request.param)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        yield
        server.shutdown()


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hub whose machine refuses the connection."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{port}")


@pytest.mark.parametrize("answering", [200, 302, 404], indirect=True)
def test_a_hub_that_answers_is_reachable(answering: None):
    assert unreachable() == ""


@pytest.mark.parametrize("answering", [403, 503], indirect=True)
def test_a_hub_behind_a_proxy_that_refuses_is_not(answering: None):
    assert "answers with status" in unreachable()


def test_a_hub_that_refuses_the_connection_is_not(closed: None):
    assert unreachable()
    assert "\n" not in unreachable()


def test_a_hub_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        assert unreachable(seconds=0.3)


def test_a_look_up_that_hangs_is_left_behind(monkeypatch: pytest.MonkeyPatch):
    """A name server that does not answer blocks for longer than any timeout."""
    hanging = threading.Event()
    monkeypatch.setattr("huggingface_hub.utils.get_session", lambda: hanging.wait(60))
    assert unreachable(seconds=0.1) == "no answer within 0.1 s"
    hanging.set()


def test_files_of_this_machine_are_taken_without_asking_the_hub(closed: None):
    def load() -> str:
        assert constants.HF_HUB_OFFLINE
        assert constants.HF_HUB_DISABLE_TELEMETRY
        return "weights"

    before = constants.HF_HUB_OFFLINE, constants.HF_HUB_DISABLE_TELEMETRY
    assert from_hub(load, "the weights", "pass a file") == "weights"
    assert before == (constants.HF_HUB_OFFLINE, constants.HF_HUB_DISABLE_TELEMETRY)


def test_a_hub_that_cannot_be_reached_ends_in_one_quiet_line(
    closed: None, capfd: pytest.CaptureFixture[str]
):
    tried = []

    def load() -> None:
        tried.append(constants.HF_HUB_OFFLINE)
        logging.getLogger("huggingface_hub.utils._http").warning("Retrying in 8s [Retry 5/5].")
        raise OSError("not there\nat all")

    with pytest.raises(PicturedeskError, match=r"cannot be reached .*: go online, or pass a file"):
        from_hub(load, "the weights", "pass a file")
    assert tried == [True]
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("answering", [200], indirect=True)
def test_what_the_hub_lacks_is_told_in_one_line(answering: None):
    tried = []

    def load() -> None:
        tried.append(constants.HF_HUB_OFFLINE)
        raise OSError("not there\nat all")

    with pytest.raises(PicturedeskError, match=r"from the hub \(not there\): pass a file"):
        from_hub(load, "the weights", "pass a file")
    assert tried == [True, False]


def test_a_user_who_is_offline_on_purpose_is_not_asked_twice(
    closed: None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert unreachable() == "HF_HUB_OFFLINE is set"
