"""Every request passes all checks of access before a route sees it."""

from __future__ import annotations

import json
import logging
import logging.config
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from asgi_calls import After, Answer, Clock, Never, ask

pytest.importorskip("fastapi", reason="serving needs the extra 'serve'")

from fastapi import Depends, FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response

from picturedesk.errors import BadInput
from picturedesk.web.access import AccessConfig, Caller, Role, guarded, needs
from picturedesk.web.access.config import check_listening
from picturedesk.web.access.keys import FILE, Keys
from picturedesk.web.access.logs import JsonLines, logging_settings
from picturedesk.web.access.needing import Denied, with_roles
from picturedesk.web.access.rates import Buckets, network
from picturedesk.web.problems import problem

ROLES = (Role.ANYONE, Role.READER, Role.EDITOR, Role.ADMIN)


def small_app() -> FastAPI:
    """One route for each role, one that reads a body, one that chooses its headers."""
    app = FastAPI()

    async def told(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        title = error.title if isinstance(error, Denied) else "No"
        return problem(error.status_code, title, str(error.detail), "", error.headers or {})

    app.add_exception_handler(HTTPException, told)
    for role in ROLES:

        async def answered(caller: Caller = Depends(needs(role))) -> dict[str, Any]:  # noqa: B008
            return {"name": caller.name, "role": caller.role.word}

        for method in ("GET", "POST"):
            app.add_api_route(f"/v1/{role.word}", answered, methods=[method])

    @app.get("/")
    async def page() -> Response:
        return PlainTextResponse(
            "the page", headers={"Vary": "Accept", "Cache-Control": "max-age=9"}
        )

    @app.post("/v1/body")
    async def body(request: Request) -> dict[str, int]:
        return {"size": len(await request.body())}

    return app


class Logged:
    """The lines of a log."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, line: str) -> None:
        self.lines.append(line)

    @property
    def last(self) -> dict[str, Any]:
        return json.loads(self.lines[-1])


@pytest.fixture
def log() -> Logged:
    return Logged()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def made(tmp_path: Path, log: Logged, clock: Clock) -> Callable[..., Any]:
    """Makes the small application with settings of access."""

    def make(**settings: Any) -> Any:
        return guarded(small_app(), AccessConfig(desk=tmp_path, **settings), log, clock)

    return make


@pytest.fixture
def secrets(tmp_path: Path) -> dict[Role, str]:
    """A key for each role."""
    keys = Keys(tmp_path)
    return {role: keys.add(f"the {role.word}", role)[0] for role in ROLES[1:]}


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def is_problem(answer: Answer, status: int) -> bool:
    assert answer.status == status, answer.body
    assert answer.headers["content-type"] == "application/problem+json"
    said = answer.json()
    return said["status"] == status and bool(said["title"] and said["detail"])


# Keys and roles


def test_without_a_key_this_machine_may_do_everything(made):
    app = made()
    for role in ROLES:
        assert ask(app, path=f"/v1/{role.word}").json() == {"name": "local", "role": "admin"}


def test_with_a_key_a_request_without_one_does_only_what_anyone_may(made, secrets):
    app = made()
    assert ask(app, path="/v1/anyone").json() == {"name": "", "role": "anyone"}
    for role in ROLES[1:]:
        answer = ask(app, path=f"/v1/{role.word}")
        assert is_problem(answer, 401)
        assert answer.headers["www-authenticate"] == "Bearer"


def test_a_role_may_do_what_lower_ones_may_and_no_more(made, secrets):
    app = made()
    for shown, secret in secrets.items():
        for needed in ROLES:
            answer = ask(app, path=f"/v1/{needed.word}", headers=bearer(secret))
            if shown >= needed:
                assert answer.json() == {"name": f"the {shown.word}", "role": shown.word}
            else:
                assert is_problem(answer, 403)


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer "},
        {"Authorization": "Basic YTpi"},
        {"Authorization": "nonsense"},
        {"Authorization": ""},
    ],
)
def test_a_wrong_key_is_refused_on_every_route(made, secrets, headers: dict[str, str]):
    for path in ("/v1/anyone", "/v1/reader", "/", "/nowhere"):
        assert is_problem(ask(made(), path=path, headers=headers), 401)


def test_two_keys_in_one_request_are_none(made, secrets):
    good = bearer(secrets[Role.READER])
    for first, second in (good, bearer("wrong")), (bearer("wrong"), good), (good, good):
        both = [*first.items(), *second.items()]
        assert is_problem(ask(made(), path="/v1/reader", headers=both), 401)


def test_a_key_in_the_query_or_a_cookie_is_none(made, secrets):
    secret = secrets[Role.ADMIN]
    answer = ask(made(), path="/v1/reader", query=f"key={secret}", headers={"Cookie": secret})
    assert is_problem(answer, 401)


def test_a_removed_key_holds_for_no_request_after_that(made, secrets, tmp_path: Path):
    app, headers = made(), bearer(secrets[Role.EDITOR])
    assert ask(app, path="/v1/editor", headers=headers).status == 200
    Keys(tmp_path).remove("the editor")
    assert is_problem(ask(app, path="/v1/editor", headers=headers), 401)


def test_keys_that_cannot_be_read_let_nobody_in(made, secrets, tmp_path: Path):
    (tmp_path / FILE).write_text("{}")
    answer = ask(made(), path="/v1/anyone", headers=bearer(secrets[Role.ADMIN]))
    assert is_problem(answer, 503)
    assert str(tmp_path) not in answer.body.decode()


def test_a_server_for_others_whose_keys_are_gone_lets_nobody_in(made):
    app = made(host="0.0.0.0")
    assert is_problem(ask(app, path="/v1/reader"), 401)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "desk.example.org", ""])
def test_no_server_listens_for_others_without_a_key(host: str):
    with pytest.raises(BadInput, match="picturedesk keys add"):
        check_listening(host, has_keys=False)
    check_listening(host, has_keys=True)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_on_this_machine_no_key_is_needed(host: str):
    check_listening(host, has_keys=False)


@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"])
def test_whoever_comes_through_a_proxy_is_not_local(made, name: str):
    assert is_problem(ask(made(), path="/v1/reader", headers={name: "10.0.0.1"}), 403)


def test_a_proxy_may_stand_between_where_there_are_keys(made, secrets):
    headers = {**bearer(secrets[Role.READER]), "X-Forwarded-For": "10.0.0.1"}
    assert ask(made(), path="/v1/reader", headers=headers).status == 200


def test_the_description_says_which_role_each_operation_needs(made):
    app = small_app()
    document = with_roles(app.openapi(), app.routes)
    paths = document["paths"]
    assert paths["/v1/editor"]["post"]["x-role"] == "editor"
    assert paths["/v1/editor"]["get"]["security"] == [{}, {"key": []}]
    assert paths["/v1/anyone"]["get"]["security"] == []
    assert "x-role" not in paths["/"]["get"]


# Hosts and origins


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost:8000", "[::1]:8000", "LOCALHOST"])
def test_this_machines_own_names_are_known(made, name: str):
    assert ask(made(), path="/v1/reader", host={"Host": name}).status == 200


@pytest.mark.parametrize(
    "name",
    [
        *("evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "evil.example:8000"),
        *("192.168.1.5", "localhost.", "127.1", "2130706433"),
    ],
)
def test_a_name_that_points_here_by_rebinding_is_refused(made, name: str):
    assert is_problem(ask(made(), path="/v1/reader", host={"Host": name}), 421)


@pytest.mark.parametrize("name", ["", "localhost evil", "a/b", "user@localhost", "[::1", "a:b:c"])
def test_a_host_that_is_no_name_is_refused(made, name: str):
    assert is_problem(ask(made(), host={"Host": name}), 400)


def test_no_host_and_two_hosts_are_refused(made):
    assert is_problem(ask(made(), host={}), 400)
    assert is_problem(ask(made(), headers={"host": "evil.example"}), 400)


def test_a_server_for_others_knows_its_names_and_addresses(made, secrets):
    app = made(host="0.0.0.0", hosts=("desk.example.org",))
    for name in ("desk.example.org", "desk.example.org:443", "192.168.1.5:8000", "localhost"):
        assert ask(app, path="/v1/anyone", host={"Host": name}).status == 200
    assert is_problem(ask(app, path="/v1/anyone", host={"Host": "evil.example"}), 421)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9000"},
        {"Origin": "http://localhost:8000"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "nonsense"},
    ],
)
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_another_sites_page_may_not_ask(made, headers: dict[str, str], method: str):
    answer = ask(made(), method, "/v1/editor", headers)
    assert is_problem(answer, 403)
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://127.0.0.1:8000", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "https://127.0.0.1:8000"},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_our_page_and_other_programs_may_ask(made, headers: dict[str, str]):
    assert ask(made(), "POST", "/v1/editor", headers).status == 200


def test_a_link_of_another_site_leads_to_the_page_and_to_no_data(made):
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    followed = {**link, "Sec-Fetch-Dest": "document"}
    assert ask(made(), headers=followed).status == 200
    assert is_problem(ask(made(), path="/v1/reader", headers=followed), 403)
    assert is_problem(ask(made(), headers={**link, "Sec-Fetch-Dest": "iframe"}), 403)
    assert is_problem(ask(made(), "POST", headers=followed), 403)


CMS = "https://cms.example.org"


def test_a_configured_site_may_ask_and_read(made, secrets):
    app = made(origins=(CMS,))
    preflight = {
        "Origin": CMS,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
        "Access-Control-Request-Private-Network": "true",
    }
    answer = ask(app, "OPTIONS", "/v1/editor", preflight)
    assert answer.status == 204
    assert answer.headers["access-control-allow-origin"] == CMS
    assert "Authorization" in answer.headers["access-control-allow-headers"]
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert answer.headers["access-control-allow-private-network"] == "true"
    assert "access-control-allow-credentials" not in answer.headers
    headers = {"Origin": CMS, "Sec-Fetch-Site": "cross-site", **bearer(secrets[Role.EDITOR])}
    answer = ask(app, "POST", "/v1/editor", headers)
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == CMS
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert is_problem(ask(app, "POST", "/v1/editor", {"Origin": CMS}), 401)


@pytest.mark.parametrize("origin", ["https://evil.example", f"{CMS}.evil.example", f"{CMS}:444"])
def test_other_sites_get_no_answer_to_their_preflight(made, origin: str):
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    answer = ask(made(origins=(CMS,)), "OPTIONS", "/v1/editor", headers)
    assert is_problem(answer, 403)
    assert "access-control-allow-origin" not in answer.headers


def test_caches_keep_answers_to_sites_apart(made):
    answer = ask(made(origins=(CMS,)))
    values = answer.headers["vary"]
    assert "Origin" in values


@pytest.mark.parametrize("origin", ["*", "cms.example.org", "https://a/b", "https://A", "ftp://a"])
def test_an_origin_that_is_none_is_refused(made, origin: str):
    with pytest.raises(BadInput, match="origins"):
        made(origins=(origin,))


# Headers of answers


@pytest.mark.parametrize("path", ["/", "/v1/reader", "/nowhere"])
def test_every_answer_tells_browsers_to_be_careful(made, path: str):
    headers = ask(made(), path=path).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cross-origin-resource-policy"] == "same-origin"


def test_a_refusal_has_the_same_headers(made):
    headers = ask(made(), host={"Host": "evil.example"}).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert "content-security-policy" in headers


def test_data_is_kept_by_no_cache_unless_its_route_says_so(made):
    assert ask(made(), path="/v1/reader").headers["cache-control"] == "no-store"
    assert ask(made()).headers["cache-control"] == "max-age=9"


# Limits


def test_too_many_or_too_long_headers_are_refused(made):
    many = [(f"x-{number}", "a") for number in range(100)]
    assert is_problem(ask(made(), headers=many), 431)
    assert is_problem(ask(made(), headers={"x-long": "a" * 17_000}), 431)
    assert is_problem(ask(made(), query="q=" + "a" * 9000), 414)
    assert is_problem(ask(made(), path="/a\r\nb"), 400)
    assert is_problem(ask(made(), path="/a\0b"), 400)
    assert is_problem(ask(made(), "POST", "/v1/body", {"Content-Encoding": "gzip"}), 415)


def test_a_body_that_announces_too_much_is_not_read(made):
    answer = ask(made(max_json=100), "POST", "/v1/body", {"Content-Length": "101"}, [Never()])
    assert is_problem(answer, 413)
    assert answer.headers["connection"] == "close"


def test_a_body_that_lies_is_counted_as_it_arrives(made, log: Logged):
    pieces = [b"a" * 60, b"a" * 60, Never()]
    answer = ask(made(max_json=100), "POST", "/v1/body", {"Content-Length": "10"}, pieces)
    assert is_problem(answer, 413)
    assert log.last["in"] == 120
    assert log.last["refused"] == "Too large"


@pytest.mark.parametrize("length", ["-1", "1e3", "٣", "9" * 30, "0x10"])
def test_a_length_that_is_no_number_is_refused(made, length: str):
    headers = {"Content-Length": length.encode().decode("latin-1")}
    assert is_problem(ask(made(), "POST", "/v1/body", headers, [Never()]), 400)


def test_uploads_may_be_larger_than_json(made):
    app, pieces = made(max_json=100, max_upload=1000), [b"a" * 500]
    multipart = {"Content-Type": "multipart/form-data; boundary=x"}
    assert ask(app, "POST", "/v1/body", multipart, pieces).json() == {"size": 500}
    assert is_problem(ask(app, "POST", "/v1/body", {}, pieces), 413)


def test_a_body_that_stops_coming_is_given_up(made):
    app = made(patience=0.01)
    assert is_problem(ask(app, "POST", "/v1/body", {}, [b"a", Never()]), 408)


def test_a_body_that_drips_is_given_up_although_it_never_stops(made, clock: Clock):
    drops = [After(5.0, clock, b"a") for _ in range(10)]
    answer = ask(made(), "POST", "/v1/body", {}, [*drops, Never()])
    assert is_problem(answer, 408)
    assert "only 3 bytes" in answer.json()["detail"]


def test_a_large_body_over_a_slow_line_arrives(made, clock: Clock):
    pieces = [After(5.0, clock, b"a" * 50_000) for _ in range(10)]
    assert ask(made(), "POST", "/v1/body", {}, pieces).json() == {"size": 500_000}


def test_a_caller_that_asks_too_often_has_to_wait(made, secrets, clock: Clock):
    app = made(rate=2.0, burst=3)
    anna, ben = bearer(secrets[Role.READER]), bearer(secrets[Role.ADMIN])
    assert [ask(app, path="/v1/reader", headers=anna).status for _ in range(3)] == [200] * 3
    answer = ask(app, path="/v1/reader", headers=anna)
    assert is_problem(answer, 429)
    assert answer.headers["retry-after"] == "1"
    assert ask(app, path="/v1/reader", headers=ben).status == 200
    clock.now += 0.5
    assert ask(app, path="/v1/reader", headers=anna).status == 200
    assert is_problem(ask(app, path="/v1/reader", headers=anna), 429)


def test_addresses_without_a_key_have_buckets_of_their_own(made, secrets):
    app = made(rate=1.0, burst=1)
    for address in ("10.0.0.1", "10.0.0.2", "2001:db8::1", "2001:db8:0:1::1"):
        assert ask(app, path="/v1/anyone", address=address).status == 200
    for address in ("10.0.0.1", "2001:db8::2", "::ffff:10.0.0.2"):
        assert is_problem(ask(app, path="/v1/anyone", address=address), 429)


def test_guessing_keys_is_slowed_down_and_hinders_no_good_key(made, secrets):
    app = made()
    statuses = [ask(app, headers=bearer(f"guess{n}")).status for n in range(25)]
    assert statuses == [401] * 20 + [429] * 5
    assert ask(app, path="/v1/reader", headers=bearer(secrets[Role.READER])).status == 200
    assert ask(app, headers=bearer("guess"), address="10.0.0.9").status == 401


def test_buckets_take_a_bounded_amount_of_memory(clock: Clock):
    buckets = Buckets(1.0, 2, kept=100, clock=clock)
    for number in range(10_000):
        buckets.wait(str(number))
    assert len(buckets) == 100
    assert buckets.wait("9999") == 0.0
    assert buckets.wait("9999") == 1.0


def test_a_network_is_what_one_customer_has():
    assert network("2001:db8:1:2:3:4:5:6") == "2001:db8:1:2::"
    assert network("::ffff:10.1.2.3") == "10.1.2.3"
    assert network("10.1.2.3") == "10.1.2.3"
    assert network("a socket") == "a socket"


# Logs


def test_a_line_of_the_log_tells_the_request_and_none_of_its_texts(made, secrets, log: Logged):
    headers = {**bearer(secrets[Role.EDITOR]), "User-Agent": "secret words"}
    body = [b"secret words"]
    ask(made(), "POST", "/v1/body", headers, body, query="q=secret+words")
    line = log.lines[-1]
    assert "secret" not in line
    assert secrets[Role.EDITOR] not in line
    assert log.last["method"] == "POST"
    assert log.last["path"] == "/v1/body"
    assert log.last["status"] == 200
    assert log.last["caller"] == "the editor"
    assert log.last["in"] == len(body[0])
    assert set(log.last) == {
        *("time", "request", "method", "path", "status", "ms", "in", "out", "caller", "address"),
    }


def test_queries_are_logged_where_that_is_asked_for(made, log: Logged):
    ask(made(log_texts=True), query="q=words")
    assert log.last["query"] == "q=words"


def test_a_line_of_the_log_cannot_be_forged(made, log: Logged):
    ask(made(), "POST", "/v1/\x85\u2028\x1b[31m" + "a" * 1000)
    assert log.lines[-1].isascii()
    assert log.lines[-1].isprintable()
    assert len(log.last["path"]) == 300


def test_the_number_of_a_request_is_in_its_answer(made, log: Logged):
    answer = ask(made(), headers={"X-Request-Id": "forged"})
    assert answer.headers["x-request-id"] == log.last["request"] != "forged"


def test_a_failure_is_logged_and_reaches_the_server(made, log: Logged, tmp_path: Path):
    async def broken(*_: Any) -> None:
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        ask(guarded(broken, AccessConfig(tmp_path), log))
    assert log.last["status"] == 0


def test_an_unexpected_error_is_logged_with_its_place_and_without_its_message():
    for texts in (False, True):
        try:
            raise ValueError("secret words\n{forged}")
        except ValueError:
            info = sys.exc_info()
        record = logging.LogRecord("x", logging.ERROR, "f.py", 3, "%s %s", ("POST", "/v1"), info)
        line = JsonLines(texts).format(record)
        said = json.loads(line)
        assert said["message"] == "POST /v1"
        assert said["error"] == "ValueError"
        assert "test_access.py" in said["raised"][-1]
        assert ("secret" in line) == texts
        assert "\n" not in line


def test_the_settings_of_the_log_are_taken_by_logging():
    made = logging.config.DictConfigurator(logging_settings(texts=True))
    formatter = made.configure_formatter(made.config["formatters"]["json"])
    assert isinstance(formatter, JsonLines)
