"""The command line as a newcomer meets it: real processes, real exit codes, real streams."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import picturedesk
from picturedesk.desk.folder import DeskFolder
from picturedesk.store.extraction import ExtractConfig
from shapes import draw


def run(*arguments: str, stdin: str = "", cwd: Path | None = None) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "picturedesk", *arguments],
        capture_output=True,
        text=True,
        input=stdin,
        cwd=cwd,
        env={**os.environ, "COLUMNS": "160"},
        check=False,
    )


def test_help_names_every_verb():
    done = run("--help")
    assert done.returncode == 0
    for verb in ("fit", "add", "suggest", "evaluate", "levels", "info", "doctor", "demo"):
        assert f"\n  {verb} " in done.stdout
    bare = run()
    assert (bare.returncode, bare.stdout, bare.stderr) == (0, done.stdout, "")


def test_the_version_is_that_of_the_package():
    assert run("--version").stdout == f"picturedesk {picturedesk.__version__}\n"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("sugest hello", "no such verb 'sugest': did you mean 'suggest'? "),
        ("Suggest hello", "no such verb 'Suggest': did you mean 'suggest'? "),
        ("frobnicate", "no such verb 'frobnicate' ("),
        ("suggest hello --dsk x", "no such option --dsk: did you mean '--desk'? "),
        ("suggest hello --zzz", "no such option --zzz ("),
        ("--desk x suggest hello", "no such option --desk: options of a verb stand after it ("),
    ],
)
def test_a_mistyped_word_names_the_nearest_one(typed: str, said: str):
    done = run(*typed.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {said}")
    assert done.stderr.count("\n") == 1


def test_verbose_says_what_is_loaded_and_how_long_it_takes(fitted_desk: Path):
    asked = ("suggest", "a red circle", "--desk", str(fitted_desk), "-k", "1")
    plain, after, before = run(*asked), run(*asked, "--verbose"), run("-v", *asked)
    assert plain.stderr == ""
    for done in (after, before):
        assert done.stdout == plain.stdout
        assert "catalogue: loaded in " in done.stderr
        assert "done in " in done.stderr


def test_wrong_usage_is_one_line_and_exit_code_2():
    done = run("sugest", "text")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "--help" in done.stderr


def test_a_domain_error_is_one_line_and_exit_code_1(tmp_path: Path):
    done = run("suggest", "a red circle", "--desk", str(tmp_path / "none"))
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1


def test_suggest_prints_reasons(fitted_desk: Path):
    done = run("suggest", "a red circle", "--desk", str(fitted_desk), "-k", "3")
    assert done.returncode == 0
    assert done.stdout.count("ran with") == 3


def test_suggest_as_json_is_one_document(fitted_desk: Path):
    done = run("suggest", "a red circle", "--desk", str(fitted_desk), "-k", "4", "--json")
    found = json.loads(done.stdout)
    assert 0 < found["found"] <= 1
    assert found["doubt"] == ""
    suggestions = found["suggestions"]
    assert [one["rank"] for one in suggestions] == [1, 2, 3, 4]
    assert {"picture", "score", "route", "evidence", "found", "match"} <= set(suggestions[0])


def test_suggest_explains_itself_when_asked(fitted_desk: Path):
    asked = ("suggest", "a red circle by the river", "--desk", str(fitted_desk), "-k", "2")
    shown = run(*asked, "--explain").stdout
    for what in ("routes:", "levels:", "words:"):
        assert shown.count(what) == 2
    assert "red" in shown.split("words:")[1]
    found = json.loads(run(*asked, "--explain", "--json").stdout)
    assert len(found["explanations"]) == 2
    assert found["explanations"][0]["routes"]


def test_suggest_doubts_where_too_little_is_likely(fitted_desk: Path):
    arguments = ("--desk", str(fitted_desk), "--min-confidence", "1", "-k", "1")
    done = run("suggest", "a red circle", *arguments)
    assert done.returncode == 0
    assert "there may be no good picture: " in done.stderr


def test_suggest_reads_a_file_and_stdin(fitted_desk: Path, tmp_path: Path):
    story = tmp_path / "story.txt"
    story.write_text("A yellow triangle on a hill.", encoding="utf-8")
    arguments = ("--desk", str(fitted_desk), "--json")
    by_file = run("suggest", "--file", str(story), *arguments)
    by_stdin = run("suggest", "-", *arguments, stdin="A yellow triangle on a hill.")
    assert json.loads(by_file.stdout) == json.loads(by_stdin.stdout)


def test_suggest_without_a_text_says_how_to_give_one(fitted_desk: Path):
    done = run("suggest", "--desk", str(fitted_desk))
    assert done.returncode == 1
    assert "--file" in done.stderr


def test_evaluate_prints_the_table_and_the_same_as_json(fitted_desk: Path):
    shown = run("evaluate", "--desk", str(fitted_desk))
    assert "chance" in shown.stdout
    assert "direct" in shown.stdout
    assert "recall@10" in shown.stdout
    rows = json.loads(run("evaluate", "--desk", str(fitted_desk), "--json").stdout)["rows"]
    assert {row["direction"] for row in rows} == {"text → picture", "picture → text"}


def test_add_reports_what_it_left_out(quick_desk: Path, tmp_path: Path):
    photos = tmp_path / "photos"
    photos.mkdir()
    draw("red", "circle", seed=77).save(photos / "new.png")
    (photos / "torn.jpg").write_bytes(b"\xff\xd8\xff\xe0torn")
    done = run("add", str(photos), "--desk", str(quick_desk), "--quiet")
    assert done.returncode == 0
    assert done.stdout.startswith("1 added, 0 updated")
    assert "torn.jpg" in done.stderr
    again = run("add", str(photos), "--desk", str(quick_desk), "--json")
    assert json.loads(again.stdout)["new"] == 0


def test_names_of_files_do_not_command_the_terminal(quick_desk: Path, tmp_path: Path):
    photos = tmp_path / "photos"
    photos.mkdir()
    for name in (
        b"\x1b[31mred.jpg",
        b"\xe9\x9b1m.jpg",
        "\u202egpj.jpg".encode(),
        b"a\nerror: b.jpg",
    ):
        Path(os.fsdecode(os.fsencode(photos) + b"/" + name)).write_bytes(b"no picture")
    for done in (
        run("add", str(photos), "--desk", str(quick_desk)),
        run("add", str(photos), "--desk", str(quick_desk), "--json"),
        run("add", str(tmp_path / "\x1b[31mnone"), "--desk", str(quick_desk)),
        run("add", "--\x1b[31mred"),
    ):
        said = done.stdout + done.stderr
        assert "red" in said or "none" in said
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", said)
        assert "\nerror: b" not in said


def test_an_empty_path_is_refused(fitted_desk: Path):
    done = run("add", "", "--desk", str(fitted_desk))
    assert done.returncode == 1
    assert done.stderr.startswith("error: archive or pictures is ''")


def test_add_takes_limits_for_one_time(quick_desk: Path, tmp_path: Path):
    draw("red", "circle", seed=79).save(tmp_path / "new.png")
    command = ("add", str(tmp_path / "new.png"), "--desk", str(quick_desk))
    refused = run(*command, "--max-megapixels", "0.001")
    assert "more than max_megapixels = 0.001" in refused.stderr
    assert f"{DeskFolder(quick_desk).require().rejected} lists all" in refused.stderr
    assert run(*command, "--decode-memory", "0.001").stdout.startswith("1 added")


def test_help_names_the_limits_that_hold():
    shown = " ".join(run("add", "--help").stdout.split())
    config = ExtractConfig()
    assert f"without decoding them. Default: {config.decode.max_megapixels:g};" in shown
    assert f"decoded alone. Default: {config.decode_memory:g};" in shown


def test_info_tells_what_a_desk_holds(fitted_desk: Path):
    found = json.loads(run("info", str(fitted_desk), "--json").stdout)
    assert found["kind"] == "desk"
    assert found["catalogue_pictures"] == 192
    assert "192 in the catalogue" in run("info", str(fitted_desk)).stdout
    assert "catalogue_pictures: 192" in run("info", str(fitted_desk), "--all").stdout


@pytest.mark.parametrize("part", ["", "backbone", "features", "matcher", "blend", "catalogue"])
def test_info_fits_a_screen(fitted_desk: Path, part: str):
    desk = DeskFolder(fitted_desk)
    path = fitted_desk
    if part:
        path = getattr(desk, part, None) or getattr(desk.require(), part)
    lines = run("info", str(path)).stdout.splitlines()
    assert len(lines) <= 23  # and the prompt
    assert all(len(line) < 80 for line in lines if str(path) not in line)


@pytest.mark.parametrize("part", ["backbone", "features", "matcher", "memory", "catalogue"])
def test_info_knows_every_part_of_a_desk(fitted_desk: Path, part: str):
    desk = DeskFolder(fitted_desk)
    path = getattr(desk, part, None) or getattr(desk.require(), part)
    done = run("info", str(path), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["kind"]


def test_info_on_anything_else_is_an_error(tmp_path: Path):
    done = run("info", str(tmp_path))
    assert done.returncode == 1
    assert "neither a desk nor a part" in done.stderr


def test_doctor_finds_a_healthy_machine_and_desk(fitted_desk: Path):
    done = run("doctor", "--desk", str(fitted_desk), "--json")
    assert done.returncode == 0, done.stdout
    checks = json.loads(done.stdout)
    assert {check["state"] for check in checks} <= {"ok", "absent"}


def test_doctor_says_what_is_broken(quick_desk: Path):
    (DeskFolder(quick_desk).require().matcher / "manifest.json").write_text("{")
    done = run("doctor", "--desk", str(quick_desk))
    assert done.returncode == 1
    assert "broken" in done.stdout


def test_levels_lists_what_can_be_read():
    done = run("levels", "default", "--json")
    modules = [level["module"] for level in json.loads(done.stdout)]
    assert "blocks.6" in modules
    assert "final" in modules


def run_without_torch(*arguments: str) -> subprocess.CompletedProcess:
    """The command in an interpreter in which the libraries of the extras cannot be imported."""
    program = "\n".join(
        [
            "import sys",
            "for name in ('torch', 'timm', 'torchvision', 'sklearn', 'gensim'):",
            "    sys.modules[name] = None",
            f"sys.argv = ['picturedesk', *{arguments!r}]",
            "from picturedesk.cli import main",
            "sys.exit(main())",
        ]
    )
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )


def test_suggest_works_where_torch_is_not_installed(fitted_desk: Path):
    done = run_without_torch("suggest", "a red circle", "--desk", str(fitted_desk))
    assert done.returncode == 0, done.stderr
    assert "ran with" in done.stdout


def test_add_works_where_torch_is_not_installed(quick_desk: Path, tmp_path: Path):
    draw("red", "circle", seed=78).save(tmp_path / "new.png")
    done = run_without_torch("add", str(tmp_path / "new.png"), "--desk", str(quick_desk))
    assert done.returncode == 0, done.stderr
    assert "1 added" in done.stdout


def test_fit_without_torch_says_what_to_install(shapes_table: Path, tmp_path: Path):
    done = run_without_torch("fit", str(shapes_table), "--desk", str(tmp_path / "desk"))
    assert done.returncode == 1
    assert "picturedesk[train]" in done.stderr


def test_a_run_written_by_us_is_measured_as_the_table_says(fitted_desk: Path, tmp_path: Path):
    done = run("evaluate", "--desk", str(fitted_desk), "--trec", str(tmp_path), "--json")
    rows = {
        row["name"]: row
        for row in json.loads(done.stdout)["rows"]
        if row["direction"] == "text → picture"
    }
    assert {path.name for path in tmp_path.iterdir()} == {
        "qrels.txt",
        "blend.run",
        "direct.run",
        "class_names.run",
        "transfer.run",
        "transfer-final-raw.run",
        "captions.run",
    }
    files = ("--run", str(tmp_path / "direct.run"), "--qrels", str(tmp_path / "qrels.txt"))
    scores = json.loads(run("evaluate", *files, "--json").stdout)
    assert scores["success"]["10"] == pytest.approx(rows["direct"]["recall@10"])
    assert scores["mrr"] == pytest.approx(rows["direct"]["mrr"])
    assert "nDCG@10" in run("evaluate", *files).stdout


def test_a_run_without_qrels_is_refused(tmp_path: Path):
    done = run("evaluate", "--run", str(tmp_path / "x.run"))
    assert done.returncode == 1
    assert "go together" in done.stderr


def test_fit_says_what_it_does_before_anything_slow(tmp_path: Path):
    table = tmp_path / "archive.csv"
    table.write_text("text,picture\nA red circle.,gone.png\n")
    done = run("fit", str(table), "--desk", str(tmp_path / "desk"))
    assert done.returncode == 1
    first, second, *rest = done.stderr.splitlines()
    assert (first, second) == ("loading the library …", "opening the archive …")
    assert rest[-1].startswith("error: ")
    quiet = run("fit", str(table), "--desk", str(tmp_path / "desk"), "--quiet")
    assert len(quiet.stderr.splitlines()) == 1
