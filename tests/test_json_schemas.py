"""The output of every verb with ``--json`` fits its schema.

``levels --data`` and ``reproduce`` are validated where their results are made: in
``test_cli_levels`` and ``test_reproduction``.
"""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from json_schemas import schemas, validate
from picturedesk.cli.app import run
from shapes import draw

pytest.importorskip("jsonschema", reason="schemas are validated with the extra 'dev'")

OPEN = {"other", "backbone", "matcher", "blend", "held_out"}  # may have further fields


def output(*arguments: str | Path, code: int = 0) -> Any:
    """The document that a verb prints."""
    printed = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    with redirect_stdout(printed):
        assert run([*map(str, arguments), "--json"]) == code
    return json.loads(printed.buffer.getvalue())


def objects(schema: object, name: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema of an object inside a schema, with the name of its record."""
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield name, schema
        for key, value in schema.items():
            yield from objects(value, key if name in ("$defs", "properties") or not name else name)
            if key in ("$defs", "properties"):
                for inner, one in value.items():
                    yield from objects(one, inner)
    elif isinstance(schema, list):
        for one in schema:
            yield from objects(one, name)


@pytest.mark.parametrize("name", sorted(schemas()))
def test_schemas_are_valid_and_know_their_name(name: str):
    from jsonschema import Draft202012Validator

    schema = schemas()[name]
    Draft202012Validator.check_schema(schema)
    assert schema["$id"].endswith(f"/{name}")


@pytest.mark.parametrize("name", sorted(schemas()))
def test_objects_are_closed_and_say_what_they_need(name: str):
    for record, schema in objects(schemas()[name]):
        if "properties" in schema and record not in OPEN:
            assert schema["additionalProperties"] is False, record
            assert set(schema["required"]) <= set(schema["properties"]), record


def test_a_field_too_many_is_refused(fitted_desk: Path):
    from jsonschema import ValidationError

    document = output("suggest", "a red circle", "--desk", fitted_desk)
    with pytest.raises(ValidationError, match="'mood' was unexpected"):
        validate("suggest", document | {"mood": "good"})


def test_fit(shapes_table: Path, quick_desk: Path):
    document = output("fit", shapes_table, "--desk", quick_desk, "--sentences", "none", "-q")
    validate("fit", document)
    evaluation = document["evaluation"]
    assert evaluation["reliability"]
    assert set(evaluation["doubted"]) <= {"found", "missed"}
    assert evaluation["doubted"]
    candidates = {row["candidates"] for row in evaluation["whole_catalogue"]}
    assert max(candidates) > max(row["candidates"] for row in evaluation["rows"])


def test_fit_of_the_papers_recipe_without_test_texts(
    shapes_table: Path, paper_desk: Path, tmp_path: Path
):
    desk = shutil.copytree(paper_desk, tmp_path / "desk")
    options = ("--recipe", "paper", "--epochs", "2", "--test", "0", "-q")
    document = output("fit", shapes_table, "--desk", desk, *options)
    validate("fit", document)
    assert document["evaluation"] is None
    assert document["report"]["chosen"]["epochs"] == 2


def test_demo(shapes_table: Path, quick_desk: Path, tmp_path: Path):
    arguments = ("--data", shapes_table, "--desk", quick_desk, "--cache", tmp_path, "-q")
    document = output("demo", *arguments)
    validate("demo", document)
    assert len(document["examples"]) == 3


def test_add(quick_desk: Path, tmp_path: Path):
    draw("red", "circle", seed=79).save(tmp_path / "new.png")
    (tmp_path / "torn.jpg").write_bytes(b"\xff\xd8\xff\xe0torn")
    document = output("add", tmp_path, "--desk", quick_desk, "-q")
    validate("add", document)
    assert len(document["rejections"]) == 1


def test_remove_list_search_and_sync(quick_desk: Path, tmp_path: Path):
    (tmp_path / "photos").mkdir()
    draw("red", "circle", seed=79).save(tmp_path / "photos" / "new.png")
    (tmp_path / "photos" / "torn.jpg").write_bytes(b"\xff\xd8\xff\xe0torn")
    done = output("sync", tmp_path / "photos", "--desk", quick_desk, "-q")
    validate("sync", done)
    validate("optimize", output("optimize", "--desk", quick_desk))
    assert (done["new"], len(done["rejections"])) == (1, 1)
    page = output("list", "--desk", quick_desk, "-k", "3", "--sort", "-date")
    validate("list", page)
    assert page["after"] == page["pictures"][-1]["key"]
    found = output("search", "a red circle", "--desk", quick_desk, "-k", "4")
    validate("search", found)
    assert len(found["hits"]) == 4
    edited = output(
        "edit", tmp_path / "photos" / "new.png", "--set", "credit=A", "--desk", quick_desk
    )
    validate("edit", edited)
    assert edited["pictures"][0]["credit"] == "A"
    left_out = output("rejected", "--desk", quick_desk)
    validate("rejected", left_out)
    assert len(left_out["rejected"]) == 1
    gone = output("remove", tmp_path / "photos" / "new.png", "absent.jpg", "--desk", quick_desk)
    validate("remove", gone)
    assert (gone["removed"], gone["unknown"]) == (1, ["absent.jpg"])


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--include", "expired", "--include", "missing", "--territory", "DE"),
        ("--explain",),
        ("--explain", "--route", "class_names"),
        ("--route", "direct"),
        ("--where", "licence = 'none'"),
        ("--min-confidence", "1"),
    ],
    ids=" ".join,
)
def test_suggest(fitted_desk: Path, options: tuple[str, ...]):
    document = output("suggest", "a red circle by the river", "--desk", fitted_desk, *options)
    validate("suggest", document)
    assert ("explanations" in document) == ("--explain" in options)
    stated = {one["found"] is not None for one in document["suggestions"]}
    assert stated <= {"--route" not in options}


def test_choices_and_versions(quick_desk: Path):
    picture = output("suggest", "a red circle", "--desk", quick_desk)["suggestions"][0]["picture"]

    def said(verb: str, *arguments: str) -> Any:
        document = output(verb, *arguments, "--desk", quick_desk)
        validate(verb, document)
        return document

    choice = said("choose", picture["key"], "--text", "A red circle", "--who", "Ann")
    assert (choice["number"], choice["undone"]) == (1, False)
    assert said("choose", "1", "--undo")["undone"] is True
    assert len(said("choices")["choices"]) == 1
    assert said("refit", "--quiet")["number"] == 2
    assert [one["current"] for one in said("versions")["versions"]] == [False, True]
    assert said("rollback")["number"] == 1


def test_suggest_of_the_papers_recipe(paper_desk: Path):
    document = output("suggest", "a red circle", "--desk", paper_desk, "--explain")
    validate("suggest", document)
    assert document["found"] is None
    assert {(one["found"], one["match"]) for one in document["suggestions"]} == {(None, "")}


def test_evaluate_and_a_run(quick_desk: Path, tmp_path: Path):
    validate("evaluate", output("evaluate", "--desk", quick_desk, "--trec", tmp_path))
    files = ("--run", tmp_path / "direct.run", "--qrels", tmp_path / "qrels.txt")
    validate("evaluate-run", output("evaluate", *files))


def test_audit(fitted_desk: Path):
    document = output("audit", "--desk", fitted_desk, "--most", "3", "-q")
    validate("audit", document)
    assert len(document["suspects"]) == 3
    assert document["asked"] > 0


def test_audit_of_the_papers_recipe(paper_desk: Path):
    document = output("audit", "--desk", paper_desk, "-q")
    validate("audit", document)
    assert (document["asked"], document["topics"]) == (0, [])


def test_export(fitted_desk: Path, tmp_path: Path):
    parquet = tmp_path / "c.parquet"
    document = output("export", "--parquet", parquet, "--desk", fitted_desk, "-q")
    validate("export", document)
    assert document == {"export": None, "parquet": str(parquet), "pictures": 192}


def test_levels():
    validate("levels", output("levels", "default"))


def test_info_of_a_desk_and_every_part(fitted_desk: Path):
    folders = [path.parent for path in fitted_desk.rglob("manifest.json")]
    databases = fitted_desk.rglob("*.db")
    parts = {fitted_desk, *folders}
    parts |= {path.parent if path.name == "archive.db" else path for path in databases}
    kinds = set()
    for part in parts:
        document = output("info", part)
        validate("info", document)
        kinds.add(document["kind"])
    assert {"desk", "backbone", "matcher", "blend", "archive memory", "catalogue"} <= kinds


def test_doctor(fitted_desk: Path, quick_desk: Path):
    validate("doctor", output("doctor", "--desk", fitted_desk))
    next(quick_desk.glob("fits/*/matcher/manifest.json")).write_text("{")
    validate("doctor", output("doctor", "--desk", quick_desk, code=1))
