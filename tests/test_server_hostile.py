"""A real server and those who mean it harm: it refuses, tells why, and goes on.

What needs a clock (slow bodies, rates) is in ``test_access*``; replayed webhooks are in
``test_webhooks``; HTML is in ``test_markup``; conditions are in ``test_catalogue_conditions``.
"""

from __future__ import annotations

import io
import json
import shutil
import socket
import struct
import threading
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="serving needs the extra 'serve'")

import httpx
from PIL import Image

from picturedesk.web.access import Role
from picturedesk.web.access.keys import Keys
from running_servers import Line
from servers import serving

NAMES = {role: f"the {role.word}" for role in (Role.READER, Role.EDITOR, Role.ADMIN)}
OPTIONS = ("--rate", "inf", "--max-upload-megabytes", "1", "--max-upload-megapixels", "1")
PROBLEM = "application/problem+json"
SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(1)>"


@dataclass(frozen=True)
class Site:
    """A server with keys, and what a test needs to ask it."""

    address: str
    folder: Path
    keys: dict[Role, str]

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def client(self, role: Role = Role.ADMIN) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.keys[role]}"} if role in self.keys else {}
        return httpx.Client(base_url=self.address, headers=headers, timeout=60)

    def raw(self, *lines: str, body: bytes = b"", role: Role = Role.ADMIN) -> bytes:
        """Sends a request byte by byte as given; the whole answer."""
        host = f"Host: 127.0.0.1:{self.port}"
        key = f"Authorization: Bearer {self.keys[role]}"
        head = "\r\n".join([lines[0], host, key, "Connection: close", *lines[1:], "", ""])
        with Line(self.port) as line:
            line.send(head.encode("latin-1") + body)
            return line.rest()


@pytest.fixture(scope="module")
def site(quick_fit: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    desk = Path(shutil.copytree(quick_fit, folder / "desk"))
    keys = {role: Keys(desk).add(name, role)[0] for role, name in NAMES.items()}
    with serving(desk, *OPTIONS) as address:
        yield Site(address, folder, keys)


@pytest.fixture(scope="module")
def key(site: Site) -> str:
    """The content key of a picture."""
    with site.client() as client:
        return client.get("/v1/pictures", params={"limit": 1}).json()["pictures"][0]["key"]


@pytest.fixture(autouse=True)
def lives(site: Site) -> Iterator[None]:
    """After each attack the server answers as before."""
    yield
    with site.client() as client:
        assert client.post("/v1/suggest", json={"text": "a red circle", "k": 1}).status_code == 200


def is_problem(answer: httpx.Response, *statuses: int) -> bool:
    assert answer.status_code in statuses, (answer.status_code, answer.text[:500])
    assert answer.headers["content-type"] == PROBLEM
    assert answer.headers["x-content-type-options"] == "nosniff"
    said = answer.json()
    assert said["status"] == answer.status_code
    return bool(said["title"] and said["detail"])


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


def png(width: int = 40, height: int = 30, colour: str = "red") -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(data, "PNG")
    return data.getvalue()


def uploaded(site: Site, name: str, data: bytes, **fields: str) -> httpx.Response:
    with site.client(Role.EDITOR) as client:
        return client.post("/v1/pictures", files={"files": (name, data)}, data=fields)


# Roles


def operations(site: Site) -> Iterator[tuple[str, str, str]]:
    """Method, path with something in place of its parameters, and role of each operation."""
    with site.client() as client:
        paths = client.get("/v1/openapi.json").json()["paths"]
    for path, methods in paths.items():
        made = path.replace("{key}", "0" * 32).replace("{identity}", "0" * 16)
        made = made.replace("{number}", "1000000")
        for method, operation in methods.items():
            yield method.upper(), made, operation.get("x-role", "")


def test_every_operation_of_the_description_declares_a_role(site: Site):
    found = list(operations(site))
    assert len(found) >= 30
    assert {role for _, _, role in found} == {"anyone", "reader", "editor", "admin"}
    public = {path for _, path, role in found if role == "anyone"}
    assert public <= {"/v1/health", "/v1/ready", "/v1/openapi.json"}
    unsafe = {role for method, _, role in found if method in ("PUT", "PATCH", "DELETE")}
    assert unsafe <= {"editor", "admin"}


def test_every_operation_refuses_lower_roles_and_those_without_a_key(site: Site):
    roles = {role.word: role for role in Role}
    refused = 0
    for method, path, word in operations(site):
        assert "{" not in path
        for role in (Role.ANYONE, Role.READER, Role.EDITOR):
            if role >= roles[word]:
                continue
            with site.client(role) as client:
                answer = client.request(method, path)
            assert is_problem(answer, 403 if role else 401), (method, path, role)
            refused += 1
    assert refused >= 40


def test_no_other_address_gives_anything(site: Site):
    with site.client(Role.ANYONE) as client:
        for path in ("/docs", "/redoc", "/openapi.json", "/v1", "/v1/", "/admin", "/.git/config"):
            assert is_problem(client.get(path), 404)


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PUT", "PROPFIND", "get", "G\u00e9T"])
def test_methods_that_no_route_has_are_refused(site: Site, method: str):
    answer = site.raw(f"{method} /v1/desk HTTP/1.1")
    assert status_of(answer) in (400, 404, 405)


# Traversal


@pytest.mark.parametrize(
    "path",
    [
        "/page/../../../../etc/passwd",
        "/page/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/page/..%2f..%2f..%2f..%2fetc%2fpasswd",
        "/page/..%252f..%252fetc%252fpasswd",
        "/page/..%5c..%5cetc%5cpasswd",
        "/page//etc/passwd",
        "/page/%2fetc%2fpasswd",
        "/page/....//....//etc/passwd",
        "/page/%c0%ae%c0%ae/etc/passwd",
        "/page/.",
        "/page/pages.py",
        "//etc/passwd",
        "/../../../../etc/passwd",
        "/v1/pictures/..%2f..%2fetc%2fpasswd/original",
        "/v1/pictures/%2fetc%2fpasswd/thumbnail",
        "/v1/pictures/keys.json/original",
        "/v1/jobs/..%2f..%2fdesk%2fkeys.json",
        "/v1/versions/..%2f0001/rollback",
        "file:///etc/passwd",
        "http://127.0.0.1/page/../keys.json",
    ],
)
def test_no_path_of_a_request_is_opened(site: Site, path: str):
    answer = site.raw(f"GET {path} HTTP/1.1")
    assert status_of(answer) in (400, 404, 405), answer[:300]
    assert b"root:" not in answer
    assert b"hash" not in answer


@pytest.mark.parametrize("path", ["/page/a%00.js", "/page/a%0d%0ab", "/v1/pictures/%00/original"])
def test_control_characters_in_a_path_are_refused(site: Site, path: str):
    assert status_of(site.raw(f"GET {path} HTTP/1.1")) == 400


@pytest.mark.parametrize(
    "name",
    [
        "../../evil.png",
        "..\\..\\evil.png",
        "/etc/evil.png",
        "a/../../evil.png",
        "C:\\evil.png",
        "evil.png\x00.txt",
        "%2e%2e%2fevil.png",
        "a" * 5000 + ".png",
        "con.png",
        ".htaccess",
        "evil\r\nX-Evil: 1.png",
    ],
)
def test_the_name_of_an_upload_is_a_word_and_no_path(site: Site, name: str):
    before = {path for path in site.folder.rglob("*") if "evil" in path.name}
    answer = uploaded(site, name, png(colour="#%06x" % (zlib.crc32(name.encode()) & 0xFFFFFF)))
    assert answer.status_code in (201, 400), answer.text
    after = {path for path in site.folder.rglob("*") if "evil" in path.name}
    assert after == before
    if answer.status_code == 201:
        for picture in answer.json()["pictures"]:
            assert Path(picture["uri"]).name.startswith(picture["key"])
            assert "/" not in str(picture["columns"]["uploaded_as"])


def test_the_place_of_a_picture_cannot_be_changed(site: Site, key: str):
    with site.client(Role.EDITOR) as client:
        for name in ("uri", "key", "names", "URI", "row", "missing"):
            for value in ("/etc/passwd", ["/etc/passwd"]):
                answer = client.patch(f"/v1/pictures/{key}", json={name: value})
                assert is_problem(answer, 400, 422), name
        answer = client.post(
            "/v1/pictures",
            files={"files": ("a.png", png(50, 50))},
            data={"metadata": json.dumps({"uri": "/etc/passwd"})},
        )
        assert is_problem(answer, 400, 422)


def test_a_path_or_an_address_in_place_of_a_picture_is_no_picture(site: Site):
    listening = socket.create_server(("127.0.0.1", 0))
    called = threading.Event()

    def canary() -> None:
        try:
            listening.accept()[0].close()
            called.set()
        except OSError:
            return

    thread = threading.Thread(target=canary)
    thread.start()
    url = f"http://127.0.0.1:{listening.getsockname()[1]}/a.jpg"
    try:
        with site.client(Role.EDITOR) as client:
            for name in (url, "/etc/passwd", "../desk/keys.json", "file:///etc/passwd"):
                for path in ("/v1/similar", "/v1/tags", "/v1/texts"):
                    assert is_problem(client.post(path, json={"picture": name}), 400)
                said = {"text": "a", "like": [name]}
                assert is_problem(client.post("/v1/suggest", json=said), 400)
                said = {"text": "a", "picture": name}
                assert is_problem(client.post("/v1/choices", json=said), 400)
            html = f"<p>a red circle</p><img src='{url}'><link rel=stylesheet href='{url}'>"
            assert client.post("/v1/suggest", json={"html": html}).status_code == 200
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(30)
    assert not called.is_set()


# Uploads


def test_a_file_that_is_too_large_is_refused(site: Site):
    answer = uploaded(site, "large.png", b"\x89PNG\r\n\x1a\n" + b"a" * 2_000_000)
    assert is_problem(answer, 413)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("page.jpg", b"<html><script>alert(1)</script></html>"),
        ("page.png", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
        ("script.gif", b"GIF89a/*" + b"a" * 50 + b"*/=alert(1)"),
        ("program.jpg", b"MZ" + b"\0" * 500),
        ("archive.png", b"PK\x03\x04" + b"\0" * 500),
        ("empty.jpg", b""),
        ("half.png", png()[:60]),
        ("more.jpg", b"\xff\xd8\xff" + b"\0" * 100),
        ("table.csv", b"text,picture\na,/etc/passwd\n"),
        ("postscript.jpg", b"%!PS-Adobe-3.0 EPSF-3.0\n(/etc/passwd) (r) file\n"),
    ],
)
def test_what_a_file_is_says_its_content(site: Site, name: str, data: bytes):
    answer = uploaded(site, name, data)
    assert answer.status_code == 201, answer.text
    said = answer.json()
    assert said["pictures"] == []
    (rejected,) = said["rejections"]
    assert rejected["source"] == name
    assert rejected["reason"]
    assert rejected["cure"]
    assert str(site.folder) not in answer.text


def chunk(kind: bytes, data: bytes) -> bytes:
    whole = kind + data
    return struct.pack(">I", len(data)) + whole + struct.pack(">I", zlib.crc32(whole))


def bomb(width: int, height: int) -> bytes:
    """A PNG of very many pixels in few bytes."""
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    row = b"\0" * min((width + 7) // 8 + 1, 10_000)
    data = zlib.compress(row * min(height, 2000), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(20_000, 20_000), (2**31 - 1, 2**31 - 1), (1_000_001, 1)])
def test_a_picture_of_too_many_pixels_is_not_unpacked(site: Site, size: tuple[int, int]):
    answer = uploaded(site, "bomb.png", bomb(*size))
    assert answer.status_code == 201
    assert answer.json()["pictures"] == []
    with site.client() as client:
        files = {"file": ("bomb.png", bomb(*size))}
        for path in ("/v1/similar", "/v1/suggest", "/v1/tags", "/v1/texts"):
            answer = client.post(path, files=files)
            assert is_problem(answer, 422)
            assert "bomb.png" in answer.json()["detail"]


def test_a_packed_text_in_a_picture_is_not_unpacked_without_bound(site: Site):
    packed = zlib.compress(b"a" * 200_000_000, 9)
    head = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    data = zlib.compress((b"\0" + b"\x55" * 24) * 8)
    pieces = [chunk(b"IHDR", head), chunk(b"zTXt", b"Comment\0\0" + packed), chunk(b"IDAT", data)]
    whole = b"\x89PNG\r\n\x1a\n" + b"".join(pieces) + chunk(b"IEND", b"")
    answer = uploaded(site, "text.png", whole)
    assert answer.status_code == 201
    said = answer.json()
    assert len(said["pictures"]) + len(said["rejections"]) == 1
    assert len(answer.content) < 100_000


def docx(body: bytes, name: str = "word/document.xml", kind: int = zipfile.ZIP_DEFLATED) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", kind) as packed:
        packed.writestr(name, body)
    return data.getvalue()


LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;">]><a>&d;</a>"""
OUTSIDE = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (docx(b"<a>" + b" " * 50_000_000 + b"</a>"), 413),
        (docx(LAUGHS), 415),
        (docx(OUTSIDE), 415),
        (docx(b"<a>" * 100_000), 415),
        (docx(b"x", "../../word/document.xml"), 415),
        (docx(b"\xff\xfe\0"), 415),
        (b"PK\x03\x04" + b"\xff" * 1000, 415),
    ],
)
def test_a_document_that_is_a_trap_is_refused(site: Site, data: bytes, status: int):
    with site.client() as client:
        answer = client.post("/v1/documents", files={"file": ("story.docx", data)})
    assert is_problem(answer, status)
    assert "root:" not in answer.text


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--x\r\n",
        b"--x--\r\n",
        b"--x\r\nContent-Disposition: form-data\r\n\r\na\r\n--x--\r\n",
        b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\nabc',
        b"--x\r\n" + b"A: b\r\n" * 20_000 + b"\r\n\r\n--x--\r\n",
        b"--x\r\n" + b"A" * 100_000 + b": b\r\n\r\n--x--\r\n",
        b"\r\n" * 100_000,
        b'--x\r\nContent-Disposition: form-data; name="nosuch"; filename="a"\r\n\r\na\r\n--x--\r\n',
        b'--x\r\nContent-Disposition: form-data; name="options"\r\n\r\n' + b"a" * 3_000_000,
    ],
)
@pytest.mark.parametrize("path", ["/v1/pictures", "/v1/suggest", "/v1/documents"])
def test_a_form_that_is_none_is_refused(site: Site, path: str, body: bytes):
    kind = "multipart/form-data; boundary=x"
    with site.client() as client:
        answer = client.post(path, content=body, headers={"Content-Type": kind})
    assert is_problem(answer, 400, 413)


def test_very_many_files_are_refused(site: Site):
    files = [("files", (f"{number}.png", b"a")) for number in range(600)]
    with site.client() as client:
        assert is_problem(client.post("/v1/pictures", files=files), 400, 413)


@pytest.mark.parametrize("boundary", ["", '""', "a" * 10_000, "\xff", "x; boundary=y", "'"])
def test_a_strange_boundary_is_no_fault(site: Site, boundary: str):
    kind = f"multipart/form-data; boundary={boundary}".encode("latin-1")
    with site.client() as client:
        answer = client.post("/v1/pictures", content=b"--x--", headers={"Content-Type": kind})
    assert is_problem(answer, 400, 413, 415, 431)


def test_after_attacks_no_file_of_a_request_is_left(site: Site):
    incoming = site.folder / "desk.served" / "incoming"
    assert list(incoming.glob("*")) == []


# Bodies of JSON


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"3",
        b"{",
        b'{"text": NaN}',
        b'{"text": "a", "min_confidence": NaN}',
        b'{"text": "a", "min_confidence": Infinity}',
        b'{"text": "a", "k": 1e400}',
        b'{"text": "a", "k": ' + b"9" * 5000 + b"}",
        b'{"text": "a", "k": "5"}',
        b'{"text": "a", "k": true}',
        b'{"text": "a", "k": -1}',
        b'{"text": "a", "nosuch": 1}',
        b'{"text": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
        b'{"text": "\xff"}',
        b'{"text": "\\ud800"}',
        b'{"text": "a" "b"}',
        b'{"__proto__": {"role": "admin"}, "text": 3}',
        b'{"text": "' + b"a" * 250_000 + b'"}',
        b'{"text": "a", "like": ' + json.dumps(["0" * 32] * 100).encode() + b"}",
        b'{"text": "a", "route": "' + b"a" * 1000 + b'"}',
    ],
)
def test_a_body_that_does_not_fit_is_refused(site: Site, body: bytes):
    with site.client() as client:
        headers = {"Content-Type": "application/json"}
        answer = client.post("/v1/suggest", content=body, headers=headers)
    assert is_problem(answer, 400, 422)


def test_json_of_another_type_is_refused(site: Site):
    """A form of another site can send text/plain without a preflight."""
    for kind in ("text/plain", "application/x-www-form-urlencoded", "", "application/xml"):
        headers = {"Content-Type": kind} if kind else {}
        with site.client() as client:
            answer = client.post("/v1/suggest", content=b'{"text": "a"}', headers=headers)
        assert is_problem(answer, 415)


def test_a_body_that_is_too_large_is_refused(site: Site):
    with site.client() as client:
        assert is_problem(client.post("/v1/suggest", json={"text": "a" * 3_000_000}), 413)
        packed = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
        assert is_problem(client.post("/v1/suggest", content=b"a", headers=packed), 415)


# Injection


@pytest.mark.parametrize(
    "where",
    [
        "1; ATTACH DATABASE '/tmp/evil.db' AS evil",
        "1); ATTACH DATABASE '/tmp/evil.db' AS evil; --",
        "PRAGMA writable_schema = 1",
        "load_extension('/tmp/evil.so')",
        "readfile('/etc/passwd') != ''",
        "writefile('/tmp/evil', 'x')",
        "key IN (SELECT key FROM pictures)",
        "key IN (SELECT name FROM sqlite_master)",
        "1) UNION SELECT row FROM pictures --",
        "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n) > 1",
        "zeroblob(1000000000) != ''",
        "caption LIKE '" + "%a" * 2000 + "'",
        "(" * 4000 + "1" + ")" * 4000,
        "/* " * 3000,
        "1 = ?",
        "\ud800",
        "a\0b",
        "'",
    ],
)
def test_a_condition_can_only_compare(site: Site, key: str, where: str):
    with site.client(Role.EDITOR) as client:
        body = json.dumps({"where": where, "text": "a", "picture": key})
        kinds = {"Content-Type": "application/json"}
        for path, names in (
            ("/v1/suggest", ("text", "where")),
            ("/v1/suggest/slots", ("text", "where")),
            ("/v1/similar", ("picture", "where")),
            ("/v1/pictures/remove", ("where",)),
        ):
            said = {name: json.loads(body)[name] for name in names}
            answer = client.post(path, content=json.dumps(said), headers=kinds)
            assert is_problem(answer, 400, 422), path
        if where.isascii():
            answer = client.get("/v1/pictures", params={"where": where})
            assert is_problem(answer, 400, 414, 422)
    assert not Path("/tmp/evil").exists()
    assert not Path("/tmp/evil.db").exists()


@pytest.mark.parametrize(
    "params",
    [
        {"sort": "key; DROP TABLE pictures"},
        {"sort": "(SELECT 1)"},
        {"sort": "-"},
        {"after": "' OR 1"},
        {"limit": "0"},
        {"limit": "9" * 400},
        {"limit": "-1"},
        {"limit": "NaN"},
        {"nosuch": "1"},
    ],
)
def test_other_parts_of_a_list_cannot_be_abused(site: Site, params: dict[str, str]):
    with site.client() as client:
        assert is_problem(client.get("/v1/pictures", params=params), 400, 422)


@pytest.mark.parametrize(
    "words",
    [
        '"',
        'a" OR "b',
        "caption: a",
        "a NEAR(b, 1)",
        "a*",
        "^a",
        "{a b}: c",
        "-a",
        "a AND (",
        "\u0000",
        "' OR 1=1 --",
        SCRIPT,
        "a " * 400,
        "\u202e\ufeff",
    ],
)
def test_words_to_look_for_are_words(site: Site, words: str):
    with site.client() as client:
        answer = client.get("/v1/pictures", params={"q": words})
    assert answer.status_code in (200, 400, 422)
    assert answer.headers["content-type"] in ("application/json", PROBLEM)


def test_scripts_in_captions_and_tags_come_back_as_data(site: Site, key: str):
    changes = {"caption": SCRIPT, "tags": [SCRIPT], "credit": SCRIPT, "own column": SCRIPT}
    with site.client(Role.EDITOR) as client:
        changed = client.patch(f"/v1/pictures/{key}", json=changes)
        assert changed.status_code == 200, changed.text
        answers = [
            changed,
            client.get(f"/v1/pictures/{key}"),
            client.get("/v1/pictures", params={"q": "alert"}),
            client.get("/v1/desk"),
            client.post("/v1/suggest", json={"text": "alert", "k": 3}),
            client.post("/v1/suggest", json={"text": "a", "where": f"caption = '{SCRIPT}"}),
            client.post("/v1/suggest", json={"text": "a", "route": "<b>"}),
            client.get(f"/v1/{SCRIPT}"),
        ]
        client.patch(f"/v1/pictures/{key}", json=dict.fromkeys(changes))
    for answer in answers:
        assert answer.headers["content-type"] in ("application/json", PROBLEM)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in answer.headers["content-security-policy"]
    assert answers[1].json()["caption"] == SCRIPT


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"caption": 3},
        {"tags": "a"},
        {"tags": [["a"]]},
        {"date": "yesterday"},
        {"max_uses": -1},
        {"max_uses": 1e300},
        {"a" * 5000: 1},
        {f"a{number}": 1 for number in range(1000)},
        {"x'); DROP TABLE pictures; --": {"a": 1}},
        {"columns": {"a": 1}},
        {"caption": "\ud800"},
    ],
)
def test_a_change_that_does_not_fit_is_refused(site: Site, key: str, changes: dict[str, Any]):
    with site.client(Role.EDITOR) as client:
        answer = client.patch(
            f"/v1/pictures/{key}",
            content=json.dumps(changes),
            headers={"Content-Type": "application/json"},
        )
    assert is_problem(answer, 400, 422)


def test_a_caption_cannot_break_out_of_the_figures(site: Site, key: str):
    line = 'x"} 1\npicturedesk_evil 1\n'
    with site.client(Role.EDITOR) as client:
        client.patch(f"/v1/pictures/{key}", json={"caption": line})
        client.get("/v1/" + "a\u00e9" * 20, headers={"User-Agent": "evil"})
        figures = client.get("/metrics").text
    assert "evil" not in figures
    assert "a\u00e9" not in figures


def test_line_ends_cannot_enter_headers(site: Site, key: str):
    evil = "a\r\nX-Evil: 1"
    with site.client(Role.EDITOR) as client:
        answers = [
            client.get(f"/v1/pictures/{key}/original"),
            client.get("/v1/pictures", params={"q": evil, "where": ""}),
            client.get(f"/v1/pictures/{key}/thumbnail", params={"width": "160\r\nX-Evil: 1"}),
            client.post("/v1/suggest", json={"text": "a", "route": evil}),
        ]
    for answer in answers:
        assert "x-evil" not in answer.headers
    for lines in (
        ("GET /v1/desk HTTP/1.1\r\nX: a\rX-Evil: 1",),
        ("GET /v1/desk HTTP/1.1", "X: a\nX-Evil: 1\n\nGET /v1/desk HTTP/1.1"),
        ("GET /v1/desk HTTP/1.1", "X: a", " X-Evil: 1"),  # folded
    ):
        answer = site.raw(*lines)
        assert b"x-evil" not in answer.lower()
        assert answer.count(b"HTTP/1.1 200") <= 1


def test_what_is_sent_after_a_request_is_no_second_one_with_its_key(site: Site):
    smuggled = b"0\r\n\r\nGET /v1/desk HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    for header in (
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding : chunked",
        "Content-Length: 5\r\nContent-Length: 5000",
        "Content-Length: +5",
    ):
        answer = site.raw("POST /v1/suggest HTTP/1.1", header, body=smuggled)
        assert answer.count(b"HTTP/1.1") == 1, header
        assert status_of(answer) in (400, 415, 501), header


# Headers, hosts, origins


def test_a_flood_of_headers_is_refused(site: Site):
    for lines in (
        [f"X-{number}: a" for number in range(500)],
        ["X-Long: " + "a" * 20_000],
        ["X-Longer: " + "a" * 200_000],
        ["Cookie: " + "a=b; " * 3500],
    ):
        assert status_of(site.raw("GET /v1/desk HTTP/1.1", *lines)) in (0, 400, 431)
    assert status_of(site.raw("GET /v1/pictures?q=" + "a" * 10_000 + " HTTP/1.1")) == 414
    assert status_of(site.raw("GET /" + "a" * 100_000 + " HTTP/1.1")) in (0, 400, 414)


def test_a_flood_of_ranges_costs_no_more_than_the_file(site: Site, key: str):
    with site.client() as client:
        whole = client.get(f"/v1/pictures/{key}/original")
        assert whole.status_code == 200
        many = "bytes=" + ",".join(f"{start}-" for start in range(1000))
        for ranges in (many, "bytes=0-0," * 1500 + "0-0", "bytes=-", "bytes=9-1", "lines=1-2"):
            headers = {"Range": ranges}
            answer = client.get(f"/v1/pictures/{key}/original", headers=headers)
            assert answer.status_code in (200, 206, 400, 416, 431)
            assert len(answer.content) <= 2 * len(whole.content) + 1000


@pytest.mark.parametrize("width", ["0", "-1", "1e9", "99999999", "NaN", "a", "160&width=9999"])
def test_the_size_of_a_thumbnail_is_bounded(site: Site, key: str, width: str):
    with site.client() as client:
        answer = client.get(f"/v1/pictures/{key}/thumbnail?width={width}")
    if answer.status_code != 200:
        assert is_problem(answer, 400, 422)
    else:
        assert Image.open(io.BytesIO(answer.content)).width <= 1920


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Host": "localhost.evil.example"}, 421),
        ({"Host": "169.254.169.254"}, 421),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
    ],
)
@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/desk"), ("POST", "/v1/choices")])
def test_other_sites_are_refused(
    site: Site, method: str, path: str, headers: dict[str, str], status: int
):
    with site.client() as client:
        assert is_problem(client.request(method, path, headers=headers), status)


def test_a_preflight_of_another_site_gets_no_permission(site: Site):
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    with site.client(Role.ANYONE) as client:
        answer = client.options("/v1/choices", headers=headers)
    assert is_problem(answer, 403)
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_no_answer_sets_a_cookie_or_names_the_server(site: Site, key: str):
    with site.client() as client:
        for path in ("/", "/v1/desk", "/v1/health", f"/v1/pictures/{key}/original", "/nowhere"):
            headers = client.get(path).headers
            assert "set-cookie" not in headers
            assert "server" not in headers
            assert "x-powered-by" not in headers
            assert "unsafe" not in headers["content-security-policy"]


def test_the_public_part_tells_nothing_of_the_desk(site: Site):
    with site.client(Role.ANYONE) as client:
        for path in ("/v1/health", "/v1/ready", "/nowhere", "/v1/desk"):
            text = client.get(path).text
            assert str(site.folder) not in text
            assert "Traceback" not in text


# Logs


def test_the_log_has_one_line_of_json_for_each_request_and_no_texts(site: Site):
    words = "a confidential story"
    with site.client() as client:
        client.post("/v1/suggest", json={"text": words})
        client.get("/v1/pictures", params={"q": words})
        number = client.get("/v1/desk").headers["x-request-id"]
    lines = (site.folder / "server.log").read_text().splitlines()
    found = [json.loads(line) for line in lines]
    assert [line["path"] for line in found if line.get("request") == number] == ["/v1/desk"]
    assert all("confidential" not in line for line in lines)
    assert all(secret not in line for line in lines for secret in site.keys.values())
    assert [line for line in found if "error" in line] == []
