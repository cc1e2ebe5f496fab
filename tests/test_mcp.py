"""Assistants use a desk by the Model Context Protocol, asked by the SDK's own client."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp", reason="assistants need the extra 'mcp'")

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from json_schemas import validate
from picturedesk.desk import Desk
from picturedesk.errors import BadInput
from picturedesk.mcp.running import PATH, desk_server, http_app, run_http
from picturedesk.web.access import AccessConfig, Role
from picturedesk.web.access.keys import Keys
from picturedesk.web.opened import OpenDesk
from running_servers import PATIENCE, running

TEXT = "a red circle"
Talk = Callable[[Client], Awaitable[Any]]


def talk(server: Any, words: Talk) -> Any:
    """What a conversation with a server gives."""

    async def whole() -> Any:
        async with asyncio.timeout(2 * PATIENCE):
            async with Client(server) as client:
                return await words(client)

    return asyncio.run(whole())


def called(tool: str, **arguments: Any) -> Talk:
    """A conversation of one call: its document, or the error's text."""

    async def words(client: Client) -> Any:
        answer = await client.call_tool(tool, arguments)
        return answer.content[0].text if answer.is_error else answer.structured_content

    return words


@pytest.fixture
def opened(fitted_desk: Path) -> Iterator[OpenDesk]:
    with closing(OpenDesk(fitted_desk)) as opened:
        yield opened


@pytest.fixture
def own(quick_desk: Path) -> Iterator[OpenDesk]:
    with closing(OpenDesk(quick_desk)) as opened:
        yield opened


def stdio(desk: Path) -> StdioServerParameters:
    command = ["-m", "picturedesk", "mcp", "--desk", str(desk)]
    return StdioServerParameters(command=sys.executable, args=command, env=dict(os.environ))


# The tools


def test_there_are_four_tools_and_one_of_them_writes(opened: OpenDesk):
    async def listed(client: Client) -> Any:
        return (await client.list_tools()).tools

    tools = {tool.name: tool for tool in talk(desk_server(opened), listed)}
    assert set(tools) == {"suggest", "similar", "tags", "choose"}
    reads = {name for name, tool in tools.items() if tool.annotations.read_only_hint}
    assert reads == {"suggest", "similar", "tags"}
    for tool in tools.values():
        assert tool.description
        assert "context" not in tool.input_schema["properties"]


def test_suggest_answers_as_the_command_line_does(opened: OpenDesk, fitted_desk: Path):
    document = talk(desk_server(opened), called("suggest", text=TEXT, k=3))
    validate("suggest", document)
    with Desk(fitted_desk) as desk:
        keys = [one.picture.key for one in desk.suggest(TEXT, 3)]
    assert [one["picture"]["key"] for one in document["suggestions"]] == keys


def test_suggest_takes_keywords_pictures_and_a_condition(opened: OpenDesk):
    server = desk_server(opened)
    first = talk(server, called("suggest", text=TEXT, k=1))["suggestions"][0]["picture"]
    where = f"key != '{first['key']}'"
    others = talk(
        server,
        called("suggest", text=TEXT, keywords=["blue"], like=[first["key"]], where=where, k=5),
    )
    assert first["key"] not in [one["picture"]["key"] for one in others["suggestions"]]
    assert len(others["suggestions"]) == 5


def test_similar_and_tags_answer_as_the_command_line_does(opened: OpenDesk):
    server = desk_server(opened)
    key = talk(server, called("suggest", text=TEXT, k=1))["suggestions"][0]["picture"]["key"]
    validate("similar", talk(server, called("similar", picture=key)))
    said = talk(server, called("tags", picture=key))
    if isinstance(said, str):  # a small archive has no word detectors
        assert "detectors" in said
    else:
        validate("tags", said)


def test_choose_stores_the_decision(own: OpenDesk, quick_desk: Path):
    server = desk_server(own)
    key = talk(server, called("suggest", text=TEXT, k=1))["suggestions"][0]["picture"]["key"]
    choice = talk(server, called("choose", text=TEXT, picture=key))
    validate("choose", choice)
    with Desk(quick_desk) as desk:
        (kept,) = desk.choices()
    assert (kept.text, kept.picture, kept.who) == (TEXT, key, "local")


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("similar", {"picture": "/etc/passwd"}, "pattern"),
        ("similar", {"picture": "../../secret.jpg"}, "pattern"),
        ("similar", {"picture": "https://evil.example/a.jpg"}, "pattern"),
        ("similar", {"picture": "0" * 32}, "no picture has the key"),
        ("tags", {"picture": "0" * 32}, "no picture has the key"),
        ("choose", {"text": TEXT, "picture": "0" * 32}, "not in the catalogue"),
        ("suggest", {"text": TEXT, "like": ["0" * 32]}, "no picture has the key"),
        ("suggest", {"text": ""}, "at least 1 character"),
        ("suggest", {"text": "a" * 200_001}, "at most 200000"),
        ("suggest", {"text": TEXT, "k": 51}, "less than or equal to 50"),
        ("suggest", {"text": TEXT, "where": "1 = 1; DROP TABLE pictures"}, "cannot be used"),
        ("suggest", {"text": TEXT, "where": "key IN (SELECT key FROM pictures)"}, "may not select"),
        ("nosuch", {}, "nosuch"),
    ],
)
def test_what_cannot_be_used_is_told_to_the_assistant(
    opened: OpenDesk, tool: str, arguments: dict[str, Any], said: str
):
    async def words(client: Client) -> str:
        try:
            answer = await client.call_tool(tool, arguments)
        except Exception as error:
            return str(error)
        assert answer.is_error
        return str(answer.content[0].text)

    assert said in talk(desk_server(opened), words)


# Standard input and output


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_an_assistant_starts_the_command_and_asks(fitted_desk: Path, mode: str):
    async def whole() -> Any:
        async with asyncio.timeout(4 * PATIENCE):
            async with Client(stdio(fitted_desk), mode=mode) as client:
                names = [tool.name for tool in (await client.list_tools()).tools]
                return names, await called("suggest", text=TEXT, k=2)(client)

    names, document = asyncio.run(whole())
    assert sorted(names) == ["choose", "similar", "suggest", "tags"]
    assert len(document["suggestions"]) == 2


def test_the_example_of_the_page_starts_the_command(fitted_desk: Path):
    page = (Path(__file__).parents[1] / "docs" / "mcp.md").read_text("utf-8")
    known = json.loads(page.split("```json\n")[1].split("```")[0])["mcpServers"]["picturedesk"]
    words = [str(fitted_desk) if word == "/srv/desk" else word for word in known["args"]]
    assert known["command"] == "picturedesk"
    server = stdio(fitted_desk)
    assert server.args == ["-m", "picturedesk", *words]


def test_the_command_ends_when_its_input_does(fitted_desk: Path):
    done = subprocess.run(
        [sys.executable, "-m", "picturedesk", "mcp", "--desk", str(fitted_desk)],
        input=b"",
        capture_output=True,
        timeout=2 * PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, b"")


ALONE = """
import asyncio, sys
from pathlib import Path
for name in ("torch", "timm", "torchvision", "sklearn", "gensim"):
    sys.modules[name] = None
from mcp import Client
from picturedesk.mcp.running import desk_server, http_app
from picturedesk.web.access import AccessConfig
from picturedesk.web.opened import OpenDesk

async def talk():
    opened = OpenDesk(Path(sys.argv[1]))
    http_app(opened, AccessConfig(Path(sys.argv[1])))
    async with Client(desk_server(opened)) as client:
        found = await client.call_tool("suggest", {"text": "a red circle", "k": 1})
        key = found.structured_content["suggestions"][0]["picture"]["key"]
        for tool in ("similar", "tags"):
            await client.call_tool(tool, {"picture": key})
        chosen = await client.call_tool("choose", {"text": "a red circle", "picture": key})
        print(chosen.structured_content["number"])
    opened.close()

asyncio.run(talk())
"""


def test_the_tools_need_nothing_that_only_fits_need(own_desk: Path):
    done = subprocess.run(
        [sys.executable, "-c", ALONE, str(own_desk)],
        capture_output=True,
        text=True,
        check=False,
        timeout=4 * PATIENCE,
    )
    assert done.stdout == "1\n", done.stderr[-3000:]


# HTTP


@pytest.fixture
def port(own: OpenDesk, quick_desk: Path) -> Iterator[int]:
    with running(http_app(own, AccessConfig(quick_desk)), lifespan="on") as port:
        yield port


def over_http(port: int, words: Talk, headers: dict[str, str] | None = None) -> Any:
    async def whole() -> Any:
        async with asyncio.timeout(2 * PATIENCE):
            async with httpx2.AsyncClient(headers=headers or {}) as http:
                url = f"http://127.0.0.1:{port}{PATH}"
                async with Client(streamable_http_client(url, http_client=http)) as client:
                    return await words(client)

    return asyncio.run(whole())


def test_the_same_tools_answer_over_http(port: int):
    document = over_http(port, called("suggest", text=TEXT, k=2))
    validate("suggest", document)


def test_with_keys_a_reader_asks_and_an_editor_decides(port: int, quick_desk: Path):
    keys = Keys(quick_desk)
    reader, editor = (
        {"Authorization": f"Bearer {keys.add(role.word, role)[0]}"}
        for role in (Role.READER, Role.EDITOR)
    )
    found = over_http(port, called("suggest", text=TEXT, k=1), reader)
    key = found["suggestions"][0]["picture"]["key"]
    choose = called("choose", text=TEXT, picture=key)
    assert "role editor" in over_http(port, choose, reader)
    assert over_http(port, choose, editor)["who"] == "editor"
    with Desk(quick_desk) as desk:
        assert [choice.who for choice in desk.choices()] == ["editor"]


CALL = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {"name": "suggest", "arguments": {"text": TEXT}},
}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Origin": "https://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"X-Forwarded-For": "10.0.0.1"}, 403),
        ({"Authorization": "Bearer wrong"}, 401),
    ],
)
def test_all_of_access_holds_for_assistants_too(
    port: int, quick_desk: Path, headers: dict[str, str], status: int
):
    if "Authorization" in headers:
        Keys(quick_desk).add("Anna", Role.READER)
    own = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    said = httpx2.post(
        f"http://127.0.0.1:{port}{PATH}", content=json.dumps(CALL), headers={**own, **headers}
    )
    assert said.status_code == status
    assert said.headers["content-type"] == "application/problem+json"
    assert said.headers["x-content-type-options"] == "nosniff"


def test_without_a_key_where_there_are_keys_nothing_is_told(port: int, quick_desk: Path):
    Keys(quick_desk).add("Anna", Role.READER)
    said = httpx2.post(f"http://127.0.0.1:{port}{PATH}", json=CALL)
    assert said.status_code == 401


def test_no_assistants_from_elsewhere_without_a_key(quick_desk: Path):
    with pytest.raises(BadInput, match="picturedesk keys add"):
        run_http(AccessConfig(quick_desk, "0.0.0.0"), 0, print)
