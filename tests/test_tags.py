"""Tags: the words of the archive that pictures show, from Python, the terminal and explanations."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from json_schemas import validate
from picturedesk.cli.explaining import show_explanation
from picturedesk.desk import Desk, DeskConfig
from picturedesk.errors import BadInput, BadPicture
from picturedesk.explaining import Explanation
from picturedesk.gradients.perceptron import DropoutConfig
from picturedesk.learning.best_config import BestConfig
from picturedesk.routes.direct import DirectPlan
from picturedesk.routes.route import PictureShare
from picturedesk.routes.seen_words import SeenWordsPlan
from picturedesk.types import Tag
from shapes import draw

NETWORK = DropoutConfig(hidden=64, epochs=15, batch=32, learning_rate=2e-3)
PLAN = SeenWordsPlan(config=NETWORK, fewest_pictures=50, default_weight=0.2, weights=(0.2,))


@pytest.fixture(scope="module")
def desk_path(
    fitted_desk: Path, shapes_table: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A desk with word detectors, on an archive that would be too small for the usual ones."""
    path = Path(shutil.copytree(fitted_desk, tmp_path_factory.mktemp("tags") / "desk"))
    config = DeskConfig(
        sentences=(), best=BestConfig(folds=2, routes=(DirectPlan(), PLAN), choose_levels=False)
    )
    Desk.fit(shapes_table, path, config)  # its pictures were read before
    return path


@pytest.fixture(scope="module")
def new_pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Pictures that the desk has not seen."""
    folder = tmp_path_factory.mktemp("new")
    paths = []
    for number, (colour, shape) in enumerate(
        [("red", "circle"), ("green", "stripes"), ("yellow", "triangle"), ("violet", "square")]
    ):
        paths.append(folder / f"{colour}-{shape}.png")
        draw(colour, shape, seed=900 + number).save(paths[-1])
    return paths


def words(tags: list[Tag]) -> set[str]:
    return {tag.word for tag in tags}


def test_new_pictures_are_tagged_with_what_they_show(desk_path: Path, new_pictures: list[Path]):
    with Desk(desk_path) as desk:
        found = desk.tags(new_pictures, most=3)
    named = [set(path.stem.split("-")) for path in new_pictures]
    right = [len(words(tags) & names) for tags, names in zip(found, named, strict=True)]
    assert sum(right) >= 6  # of eight colours and shapes
    assert all(tag.probability > 0.1 for tags in found for tag in tags[:1])
    assert not {"number", "saw", "the"} & set.union(*map(words, found))


def test_one_picture_has_one_list_and_several_have_one_each(
    desk_path: Path, new_pictures: list[Path]
):
    with Desk(desk_path) as desk:
        several = desk.tags([*new_pictures, new_pictures[0]])
        alone = desk.tags(new_pictures[0])
        assert desk.tags(str(new_pictures[0])) == alone
        assert desk.tags(new_pictures[0], most=1) == alone[:1]
        assert desk.tags([]) == []
    assert words(several[0]) == words(alone)
    assert several[0] == several[4]
    assert all(isinstance(tag, Tag) for tag in alone)


def test_a_picture_of_the_catalogue_is_known_by_its_key_and_its_file(
    desk_path: Path, shapes_table: Path
):
    path = shapes_table.parent / "blue-circle-3.png"
    with Desk(desk_path) as desk:
        key = next(
            one.picture.key
            for one in desk.suggest("a blue circle", k=192)
            if one.picture.uri.endswith(path.name)
        )
        assert desk.tags(key) == desk.tags(path)
        assert words(desk.tags(key)) & {"blue", "circle"}


def test_asking_writes_nothing(desk_path: Path, new_pictures: list[Path]):
    def state() -> dict[str, int]:
        return {str(path): path.stat().st_size for path in desk_path.rglob("*") if path.is_file()}

    with Desk(desk_path) as desk:
        desk.catalogue.count()
        before = state()
        desk.tags(new_pictures)
        assert state() == before
        assert desk.catalogue.count() == 192


def test_a_file_that_is_no_picture_is_refused_in_one_line(desk_path: Path, tmp_path: Path):
    torn = tmp_path / "torn.jpg"
    torn.write_bytes(b"\xff\xd8\xff\xe0torn")
    with Desk(desk_path) as desk:
        for wrong in (torn, tmp_path / "absent.jpg", "0" * 64):
            with pytest.raises(BadPicture, match=str(wrong)):
                desk.tags(wrong)


def test_a_desk_without_detectors_says_how_to_get_them(fitted_desk: Path, paper_desk: Path):
    for path in (fitted_desk, paper_desk):
        with Desk(path) as desk, pytest.raises(BadInput) as error:
            desk.tags("any.jpg")
        assert "no word detectors" in str(error.value)
        assert "from 200 pictures on, where torch is installed (pip install" in str(error.value)
        assert "\n" not in str(error.value)


def run(*arguments: str | Path) -> subprocess.CompletedProcess:
    """The command in an interpreter in which the libraries of the extras cannot be imported."""
    program = "\n".join(
        [
            "import sys",
            "for name in ('torch', 'timm', 'torchvision', 'sklearn', 'gensim'):",
            "    sys.modules[name] = None",
            f"sys.argv = ['picturedesk', *{[str(one) for one in arguments]!r}]",
            "from picturedesk.cli import main",
            "sys.exit(main())",
        ]
    )
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )


def test_the_verb_shows_words_and_chances_where_torch_is_not_installed(
    desk_path: Path, new_pictures: list[Path]
):
    done = run("tags", *new_pictures, "--desk", desk_path, "--most", "2")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == len(new_pictures)
    assert lines[0].startswith(f"{new_pictures[0]}: ")
    assert "%)" in lines[0]


def test_the_document_of_the_verb_fits_its_schema(desk_path: Path, new_pictures: list[Path]):
    pytest.importorskip("jsonschema", reason="schemas are validated with the extra 'dev'")
    done = run("tags", *new_pictures, "--desk", desk_path, "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    validate("tags", document)
    assert [one["picture"] for one in document["pictures"]] == list(map(str, new_pictures))
    with Desk(desk_path) as desk:
        first = desk.tags(new_pictures)[0]
    assert document["pictures"][0]["tags"][0]["word"] == first[0].word


def test_the_verb_without_detectors_ends_in_one_line(fitted_desk: Path):
    done = run("tags", "any.jpg", "--desk", fitted_desk)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "no word detectors" in done.stderr


def test_a_picture_of_which_nothing_is_told_says_so(
    desk_path: Path, new_pictures: list[Path], capsys: pytest.CaptureFixture, monkeypatch
):
    from picturedesk.cli.app import run as run_here

    monkeypatch.setattr(Desk, "tags", lambda self, pictures, most: [[] for _ in pictures])
    assert run_here(["tags", "a.jpg", "--desk", str(desk_path)]) == 0
    assert capsys.readouterr().out == "a.jpg: none of the words that the desk can see\n"


def test_suggestions_are_explained_by_what_the_picture_shows(desk_path: Path):
    done = run("suggest", "a red circle", "--desk", desk_path, "--explain", "-k", "1")
    assert done.returncode == 0, done.stderr
    line = next(one for one in done.stdout.splitlines() if "sees:" in one)
    assert "red (" in line or "circle (" in line
    with Desk(desk_path) as desk:
        found = desk.suggest("a red circle", k=2)
        for explanation in desk.explain("a red circle", found):
            route = next(one for one in explanation.routes if one.name == "seen_words")
            total = sum(part.share for part in explanation.seen_words)
            assert total == pytest.approx(route.share, rel=1e-3)  # of a half-precision vector


def test_unlikely_words_and_the_rest_are_not_shown_as_seen(capsys: pytest.CaptureFixture):
    parts = (
        PictureShare("dog", 0.3, 0.9),
        PictureShare("beach", 0.2, 0.7),
        PictureShare("snow", 0.1, 0.01),
        PictureShare("other words", 0.4),
    )
    classes = (PictureShare("golden retriever", 0.1, 0.6), PictureShare("other classes", 0.2, 0.4))
    towers = (PictureShare("final", 0.5), PictureShare("not attributed", 0.0))
    pictures = {"seen words": parts, "classes": classes, "tower levels": towers}
    show_explanation(Explanation(1.0, (), pictures, (), (), 0.0))
    shown = capsys.readouterr().out
    assert "sees:       dog (90%), beach (70%)\n" in shown
    assert "looks like: golden retriever (60%)\n" in shown
    assert "towers:     final +50%\n" in shown


def test_a_tag_is_refused_where_it_is_no_word_with_a_probability():
    with pytest.raises(BadInput, match="probability is 2"):
        Tag("dog", 2)
    with pytest.raises(BadInput, match="word is 3"):
        Tag(3, 0.5)


def test_a_desk_that_may_only_be_read_can_be_asked(
    desk_path: Path, new_pictures: list[Path], tmp_path: Path
):
    copy = Path(shutil.copytree(desk_path, tmp_path / "desk"))
    folders = [copy, *(path for path in copy.rglob("*") if path.is_dir())]
    try:
        for folder in folders:
            folder.chmod(0o555)
        if os.access(copy, os.W_OK):
            pytest.skip("this user may write everywhere")
        done = run("tags", new_pictures[0], "--desk", copy)
        assert done.returncode == 0, done.stderr
    finally:
        for folder in folders:
            folder.chmod(0o755)
