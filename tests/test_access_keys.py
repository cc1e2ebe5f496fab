"""Keys are shown once, kept as hashes, recognised in constant time, and hold until removed."""

from __future__ import annotations

import hmac
import json
import stat
from pathlib import Path

import pytest

from json_schemas import validate
from picturedesk.cli.app import reported, run
from picturedesk.errors import BadInput, MissingArtefact
from picturedesk.web.access import keys as module
from picturedesk.web.access.keys import Keys
from picturedesk.web.access.roles import Role


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path)


def test_a_key_is_found_by_its_secret_and_by_nothing_else(keys: Keys):
    secret, made = keys.add("Anna", Role.EDITOR)
    assert keys.find(secret) == made
    assert made.role is Role.EDITOR
    for wrong in ("", secret[:-1], secret + "x", secret.upper(), "\ud800", made.hash, "Anna"):
        assert keys.find(wrong) is None


def test_a_key_has_32_random_bytes_and_the_file_has_none_of_them(keys: Keys, tmp_path: Path):
    secrets = [keys.add(f"n{number}", Role.READER)[0] for number in range(5)]
    assert len(set(secrets)) == 5
    assert all(len(secret) == len("pd_") + 43 for secret in secrets)
    kept = (tmp_path / module.FILE).read_text()
    for secret in secrets:
        assert secret[-4:] in kept
        assert secret[3:11] not in kept
        assert secret[-5:] not in kept


def test_only_the_owner_may_read_the_file(keys: Keys, tmp_path: Path):
    keys.add("Anna", Role.READER)
    keys.add("Ben", Role.READER)
    assert stat.S_IMODE((tmp_path / module.FILE).stat().st_mode) == 0o600


def test_every_hash_is_compared_by_the_function_for_constant_time(
    keys: Keys, monkeypatch: pytest.MonkeyPatch
):
    first, _ = keys.add("Anna", Role.READER)
    keys.add("Ben", Role.READER)
    keys.add("Cem", Role.READER)
    compared: list[str] = []

    def compare(kept: str, given: str) -> bool:
        compared.append(kept)
        return real(kept, given)

    real = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", compare)
    keys.find(first)
    keys.find("wrong")
    assert compared == [key.hash for key in keys.all()] * 2


def test_a_change_by_another_process_holds_at_once(keys: Keys, tmp_path: Path):
    server = Keys(tmp_path)
    assert server.all() == ()
    secret, _ = keys.add("Anna", Role.ADMIN)
    assert server.find(secret) is not None
    keys.add("Ben", Role.READER)
    keys.remove("Anna")
    assert server.find(secret) is None
    assert [key.name for key in server.all()] == ["Ben"]
    keys.remove("Ben")
    (tmp_path / module.FILE).unlink()
    assert server.all() == ()


def test_a_damaged_file_holds_no_key(keys: Keys, tmp_path: Path):
    secret, _ = keys.add("Anna", Role.READER)
    path = tmp_path / module.FILE
    record = json.loads(path.read_text())
    record["keys"][0]["role"] = "admin"
    path.write_text(json.dumps(record))
    with pytest.raises(MissingArtefact, match="damaged"):
        keys.find(secret)


@pytest.mark.parametrize("name", ["", " ", " Anna", "Anna ", "a\nb", "a" * 65, "\x1b[1m", "<b>"])
def test_a_name_that_could_forge_a_line_is_refused(keys: Keys, name: str):
    with pytest.raises(BadInput, match="name is"):
        keys.add(name, Role.READER)


def test_a_name_is_given_once_and_a_role_is_one_of_three(keys: Keys):
    keys.add("Anna", Role.READER)
    with pytest.raises(BadInput, match="there is a key"):
        keys.add("Anna", Role.READER)
    with pytest.raises(BadInput, match="reader, editor, admin"):
        keys.add("Ben", Role.ANYONE)
    with pytest.raises(BadInput, match="there are Anna"):
        keys.remove("Ben")


def test_there_is_a_most(keys: Keys, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "MOST", 2)
    keys.add("Anna", Role.READER)
    keys.add("Ben", Role.READER)
    with pytest.raises(BadInput, match="has 2 keys"):
        keys.add("Cem", Role.READER)


def test_the_verb_shows_a_key_once(quick_desk: Path, capsys: pytest.CaptureFixture):
    desk = ("--desk", str(quick_desk))
    assert run(["keys", "add", "Anna", "--role", "editor", *desk]) == 0
    said = capsys.readouterr().out.split()
    secret = said[-1]
    assert Keys(quick_desk).find(secret).role is Role.EDITOR
    assert run(["keys", "list", *desk]) == 0
    listed = capsys.readouterr().out
    assert f"Anna  editor  …{secret[-4:]}" in listed
    assert secret not in listed
    assert run(["keys", "remove", "Anna", *desk]) == 0
    assert Keys(quick_desk).all() == ()


def test_the_verb_prints_json(quick_desk: Path, capsys: pytest.CaptureFixture):
    for words in (["add", "Anna"], ["list"], ["remove", "Anna"]):
        assert run(["keys", *words, "--desk", str(quick_desk), "--json"]) == 0
        document = json.loads(capsys.readouterr().out)
        validate("keys", document)
        assert [key["name"] for key in document["keys"]] == ["Anna"]
        assert bool(document["key"]) == (words[0] == "add")


@pytest.mark.parametrize("words", [["add"], ["remove"], ["list", "Anna"]])
def test_the_verb_says_what_is_missing(words: list[str], quick_desk: Path):
    with pytest.raises(BadInput, match="name") as error:
        run(["keys", *words, "--desk", str(quick_desk)])
    assert reported(error.value) == 1


def test_a_folder_that_is_no_desk_gets_no_keys(tmp_path: Path):
    with pytest.raises(MissingArtefact, match="is not a desk"):
        run(["keys", "add", "Anna", "--desk", str(tmp_path)])
    assert list(tmp_path.iterdir()) == []
