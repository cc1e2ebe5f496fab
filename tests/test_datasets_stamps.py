import os
import stat
from collections import Counter
from pathlib import Path

import pytest

from dataset_files import write_stamps
from picturedesk.datasets import open_archive, stamps
from picturedesk.datasets.split import SplitConfig, split
from picturedesk.datasets.stamps import StampsConfig, fetch_stamps
from picturedesk.errors import BadInput, PicturedeskError

TWO = StampsConfig(languages=("en", "de", "en_GB"))


@pytest.fixture
def archive(tmp_path):
    return stamps.read(write_stamps(tmp_path / "stamps"), TWO)


def test_each_description_in_each_language_is_one_text(archive):
    assert {text.id: text.body for text in archive.texts} == {
        "animals/frog.txt#en": "A frog.",
        "animals/frog.txt#de": "Ein Frosch.",
        "animals/frog-1.txt#en": "A frog.",
        "animals/frog-1.txt#de": "Ein Laubfrosch.",
        "animals/toad.txt#en": "A toad.",
        "animals/toad.txt#de": "Ein Laubfrosch !",
        "food/apple.txt#en": "A red apple.",
        "food/apple.txt#de": "Ein roter Apfel.",
    }
    assert {(p.licence, p.caption, p.tags) for p in archive.pictures} >= {
        ("GPL-2", "A red apple.", ("food",))
    }


def test_a_text_is_linked_to_every_stamp_described_in_its_words(archive):
    links: dict[str, set[str]] = {}
    for text, picture in archive.links.tolist():
        name = os.path.basename(archive.pictures[picture].uri)
        links.setdefault(archive.texts[text].id, set()).add(name)
    assert links["animals/frog.txt#en"] == {"frog.png", "frog-1.png"}
    assert links["animals/frog.txt#de"] == {"frog.png"}
    assert links["food/apple.txt#en"] == {"apple.png"}


def test_stamps_with_a_common_description_form_one_group(archive):
    groups = dict(zip([text.id for text in archive.texts], archive.groups, strict=True))
    frogs = {groups[name] for name in groups if name.startswith("animals")}
    assert len(frogs) == 1  # frog, by "A frog." frog-1, by "Laubfrosch" toad
    assert groups["food/apple.txt#en"] == groups["food/apple.txt#de"] not in frogs
    parts = dict(zip(archive.groups, split(archive, SplitConfig(0, 0.4)), strict=True))
    assert Counter(parts.values()) == {"train": 1, "test": 1}


def test_what_is_no_described_png_is_reported(archive):
    assert {os.path.basename(r.source): r.reason for r in archive.rejections} == {
        "apple_mirror.png": "has no description",
        "plum.svg": "is SVG, which is not supported",
        "gift.txt": "has no picture beside it",
    }


def test_languages_and_folders_are_chosen(tmp_path):
    root = write_stamps(tmp_path)
    everything = stamps.read(root, StampsConfig(languages=(), leave_out=()))
    assert {text.id.partition("#")[2] for text in everything.texts} == {"en", "de"}
    assert len(everything.pictures) == 5
    with pytest.raises(BadInput, match="description in tlh: the languages are de en en_GB"):
        stamps.read(root, StampsConfig(languages=("en", "tlh")))
    with pytest.raises(BadInput, match="no text with a picture is left"):
        stamps.read(tmp_path / "animals" / "none", StampsConfig())


PROGRAMS = {
    "apt-get": """#!/bin/sh
echo "$@" >> calls
echo deb > tuxpaint-stamps-default_1_all.deb
""",
    "dpkg-deb": """#!/bin/sh
test -s "$2" || exit 1
mkdir -p "$3/usr/share/tuxpaint/stamps" && echo "$PWD" > "$3/usr/share/tuxpaint/stamps/from"
""",
}


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Stand-ins for apt-get and dpkg-deb, alone on the search path with what they call."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, script in PROGRAMS.items():
        write_program(folder / name, script)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


def write_program(path: Path, script: str) -> None:
    path.write_text(script)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def test_stamps_are_fetched_once(programs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cache = Path("cache")
    folder = fetch_stamps(cache)
    assert (folder / "from").exists()
    (programs / "apt-get").unlink()
    assert fetch_stamps(cache) == folder
    assert [path.name for path in cache.iterdir()] == ["tuxpaint-stamps-default"]


def test_a_failed_unpacking_leaves_nothing_and_keeps_the_package(programs, tmp_path):
    cache = tmp_path / "cache"
    write_program(programs / "dpkg-deb", "#!/bin/sh\nmkdir -p $3/usr\necho E: no space >&2\nexit 2")
    with pytest.raises(PicturedeskError, match="dpkg-deb -x failed: E: no space"):
        fetch_stamps(cache)
    assert [path.name for path in cache.iterdir()] == [".tuxpaint-stamps-default.download"]
    write_program(programs / "dpkg-deb", PROGRAMS["dpkg-deb"])
    assert (fetch_stamps(cache) / "from").exists()


def test_a_failed_download_says_what_to_do(programs, tmp_path):
    write_program(
        programs / "apt-get",
        "#!/bin/sh\necho 'W: unsandboxed\nE: Unable to locate package\nW: other' >&2\nexit 100\n",
    )
    with pytest.raises(PicturedeskError, match=r"Unable to locate package: run apt-get.*--data"):
        fetch_stamps(tmp_path / "cache")


def test_a_machine_without_apt_is_told_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PicturedeskError, match=r"apt-get is not installed.*--data PATH"):
        fetch_stamps(tmp_path / "cache")


def test_an_unpacked_package_is_opened_by_its_kind(tmp_path):
    write_stamps(tmp_path / "usr" / "share" / "tuxpaint" / "stamps")
    with pytest.raises(BadInput, match="no stamp has a description in fr"):
        open_archive(f"stamps:{tmp_path}")
