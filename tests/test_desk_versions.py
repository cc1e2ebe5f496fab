"""Fits of one desk after each other: what they take over, and who is answered meanwhile."""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from once import QUICK
from other_user import unprivileged
from picturedesk.desk import Desk, fit
from picturedesk.desk.fit import how_pictures_are_read
from picturedesk.desk.folder import KEPT, DeskFolder
from picturedesk.errors import MissingArtefact, PicturedeskError
from shapes import draw, write_archive

TEXT = "We saw a red circle by the river."


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``archive/archive.csv``, ``smaller.csv`` beside it, and ``desk``."""
    pytest.importorskip("timm", reason="fitting needs the extra 'train'")
    home = tmp_path_factory.mktemp("versions")
    table = write_archive(home / "archive", copies=2)
    with table.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.reader(file) if "violet" not in row[1]]
    with table.with_name("smaller.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    Desk.fit(table, home / "desk", QUICK).close()
    return home


@pytest.fixture
def desk(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made / "desk", tmp_path / "desk"))


@pytest.fixture
def table(made: Path) -> Path:
    return made / "archive" / "archive.csv"


@pytest.fixture
def smaller(made: Path) -> Path:
    """The archive without its violet pictures."""
    return made / "archive" / "smaller.csv"


@pytest.fixture
def learned_once(monkeypatch: pytest.MonkeyPatch) -> list:
    """Learning, which changes nothing on the disk, is done once for each archive."""
    known, learn = {}, fit.learn
    calls: list = []

    def learned(prepared, *others):
        key = tuple(prepared.ready.keys)
        for call in calls:
            call()
        if key not in known:
            known[key] = learn(prepared, *others)
        return known[key]

    monkeypatch.setattr(fit, "learn", learned)
    return calls


def picture(folder: Path, seed: int, colour: str = "red") -> Path:
    path = folder / f"{colour}-{seed}.png"
    draw(colour, "circle", seed=seed).save(path)
    return path


def names(desk: Path) -> set[str]:
    with Desk(desk) as opened:
        found = opened.suggest(TEXT, k=1000, duplicates=True)
        return {Path(one.picture.uri).name for one in found}


def fitted_again(archive: Path, desk: Path) -> fit.FitReport:
    return Desk.fit_report(archive, desk, QUICK)


def test_pictures_that_left_the_archive_leave_the_catalogue_and_added_ones_stay(
    desk, smaller, table, tmp_path
):
    added = picture(tmp_path, 9001)
    violet = next(smaller.parent.glob("violet-circle-0.png"))  # of the archive, and added
    with Desk(desk) as opened:
        opened.add(added)
        opened.add(violet)
    assert "violet-square-1.png" in names(desk)
    for archive in (smaller, table, smaller):
        fitted_again(archive, desk)
        there = names(desk)
        assert {added.name, violet.name} <= there
        assert ("violet-square-1.png" in there) == (archive == table)
    assert len(there) == 40 + 2


def test_what_is_added_while_a_fit_runs_is_in_the_new_fit(desk, smaller, tmp_path, learned_once):
    early, late = picture(tmp_path, 9001), picture(tmp_path, 9002)
    before = Desk(desk)
    before.add(early)

    def add() -> None:
        assert before.add(late).new == 1
        assert late.name in names(desk)

    learned_once.append(add)
    fitted_again(smaller, desk)
    assert {early.name, late.name} <= names(desk)
    assert len(names(desk)) == 42
    before.close()


def test_a_desk_opened_before_a_fit_answers_as_before_and_adds_to_the_new_one(
    desk, smaller, tmp_path
):
    with Desk(desk) as opened:
        known = {Path(one.picture.uri).name for one in opened.suggest(TEXT, k=1000)}
        unread = Desk(desk)  # reads its parts after the fit
        fitted_again(smaller, desk)
        late = picture(tmp_path, 9003)
        addition = opened.add(late)
        assert (addition.new, addition.read, addition.catalogue) == (1, 1, 41)
        for old in (opened, unread):
            assert {Path(one.picture.uri).name for one in old.suggest(TEXT, k=1000)} == known
        unread.close()
    assert late.name in names(desk)
    assert late.name not in known


def test_the_last_fits_are_kept(desk, smaller, learned_once):
    folder = DeskFolder(desk)
    for number in range(2, KEPT + 3):
        report = fitted_again(smaller, desk)
        assert report.fitted == folder.require()
        kept = [f"{one:04d}" for one in range(max(1, number - KEPT + 1), number + 1)]
        assert sorted(path.name for path in folder.fits.iterdir()) == kept


def test_a_second_fit_at_the_same_time_is_refused(desk, smaller, learned_once):
    def try_it() -> None:
        with pytest.raises(PicturedeskError, match=r"another fit of .* is running: wait"):
            fitted_again(smaller, desk)

    learned_once.append(try_it)
    fitted_again(smaller, desk)


def test_what_a_killed_fit_left_is_taken_away_and_nobody_reads_it(desk, smaller):
    left = DeskFolder(desk).fits / ".0002"
    shutil.copytree(desk / "fits" / "0001", left)
    (DeskFolder(desk).fits / ".0001.old").mkdir()
    assert len(names(desk)) == 48
    fitted_again(smaller, desk)
    assert sorted(path.name for path in DeskFolder(desk).fits.iterdir()) == ["0001", "0002"]


def test_a_fit_that_fails_leaves_the_desk_and_nothing_else(desk, smaller, monkeypatch):
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(fit, "_measure", fail)
    with pytest.raises(ZeroDivisionError):
        fitted_again(smaller, desk)
    assert [path.name for path in DeskFolder(desk).fits.iterdir()] == ["0001"]
    assert len(names(desk)) == 48


def test_an_unfinished_first_fit_says_so(tmp_path, table):
    folder = DeskFolder(tmp_path / "desk")
    with folder.fitting():
        assert folder.begin(how_pictures_are_read(QUICK)) is None
        with folder.new_fit() as made:
            made.memory.mkdir()
            with pytest.raises(MissingArtefact, match="did not finish: run the same picturedesk"):
                Desk(tmp_path / "desk")
    with pytest.raises(MissingArtefact, match="did not finish: run the same picturedesk fit again"):
        Desk(tmp_path / "desk")


def test_a_fit_that_is_gone_says_so(desk):
    shutil.rmtree(desk / "fits" / "0001")
    with pytest.raises(MissingArtefact, match=r"fits/0001 does not exist: fit again"):
        Desk(desk)


@pytest.mark.parametrize("damage", ["{", "", '{"fit": "0001"}'])
def test_a_damaged_pointer_is_mended_by_fitting_again(desk, smaller, damage, tmp_path):
    with Desk(desk) as opened:
        opened.add(picture(tmp_path, 9001))
    (desk / "desk.json").write_text(damage)
    with pytest.raises(PicturedeskError, match=r"desk\.json .*: run picturedesk fit again$"):
        Desk(desk)
    fitted_again(smaller, desk)
    assert len(names(desk)) == 41


def test_a_damaged_catalogue_is_mended_by_fitting_again_and_what_is_lost_is_listed(
    desk, smaller, tmp_path
):
    with Desk(desk) as opened:
        opened.add(picture(tmp_path, 9001))
    catalogue = DeskFolder(desk).require().catalogue
    content = bytearray(catalogue.read_bytes())
    content[16384 : 2 * 16384] = bytes(16384)
    catalogue.write_bytes(content)
    with pytest.raises(MissingArtefact, match=r"catalogue\.db.*: run picturedesk fit again$"):
        names(desk)
    report = fitted_again(smaller, desk)
    assert len(names(desk)) == 40
    lost = [one for one in report.rejections if one.source.endswith("catalogue.db")]
    assert [one.cure for one in lost] == ["add again what was added"]
    assert "catalogue.db" in report.fitted.rejected.read_text(encoding="utf-8")


def test_features_that_were_removed_are_read_again_those_of_added_pictures_too(
    desk, smaller, tmp_path
):
    here, gone = picture(tmp_path, 9001), picture(tmp_path, 9002)
    with Desk(desk) as opened:
        opened.add(here)
        opened.add(gone)
    DeskFolder(desk).features.unlink()
    gone.unlink()
    report = fitted_again(smaller, desk)
    assert here.name in names(desk)
    assert gone.name not in names(desk)
    assert [Path(one.source).name for one in report.rejections] == [gone.name]


def test_a_desk_on_a_read_only_disk_suggests_and_says_what_cannot_be_written(made, open_folder):
    desk = Path(shutil.copytree(made / "desk", open_folder / "desk"))
    new = picture(open_folder, 9001)
    shutil.copytree(made / "archive", open_folder / "archive")
    with Desk(desk) as opened:
        expected = [(s.picture.uri, s.score) for s in opened.suggest(TEXT, k=50)]
        asked = opened.suggest(TEXT, k=2)
        explained = [explanation.score for explanation in opened.explain(TEXT, asked)]
    everything = [desk, *desk.rglob("*")]
    before = {path: path.stat().st_mtime_ns for path in everything}
    for path in everything:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        with unprivileged(), Desk(desk) as opened:
            assert [(s.picture.uri, s.score) for s in opened.suggest(TEXT, k=50)] == expected
            found = [e.score for e in opened.explain(TEXT, opened.suggest(TEXT, k=2))]
            assert found == explained
            assert opened.evaluate().rows
            assert opened.info()["catalogue_pictures"] == 48
            for change in (
                lambda: opened.add(new),
                lambda: Desk.fit(open_folder / "archive" / "archive.csv", desk, QUICK),
            ):
                with pytest.raises(PicturedeskError) as refusal:
                    change()
                assert "\n" not in str(refusal.value)
        assert {path: path.stat().st_mtime_ns for path in everything} == before
        assert {desk, *desk.rglob("*")} == set(everything)
    finally:
        for path in everything:
            path.chmod(0o755)


def test_the_command_line_names_the_files_of_the_fit(desk, smaller):
    command = [sys.executable, "-m", "picturedesk", "fit", str(smaller), "--desk", str(desk)]
    done = subprocess.run(
        [*command, "--sentences", "none", "--quiet"], capture_output=True, text=True, check=True
    )
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("Report: ")]
    assert Path(line.removeprefix("Report: ")).is_file()
