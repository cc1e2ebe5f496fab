"""The stamps of Tux Paint with descriptions in 77 languages → Archive; and their download.

Real pictures and texts from every Debian mirror (package tuxpaint-stamps-default, GPL-2).
``x.txt`` beside ``x.png`` holds the English description, then lines ``de.utf8=…``. Knows the
package's layout; opens no picture.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from picturedesk.datasets.draft import Draft, display_name, uri_of
from picturedesk.datasets.encoding import read_text
from picturedesk.errors import BadInput, PicturedeskError
from picturedesk.groups import connected_groups
from picturedesk.types import Archive, Picture, Rejection, Text

PACKAGE = "tuxpaint-stamps-default"
UNPACKED = Path("usr/share/tuxpaint/stamps")
LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "sv", "pl", "pt", "ru", "uk", "zh_CN")
DEMO_LANGUAGES = ("en", "de")
_LINE = re.compile(r"([A-Za-z]{2,3}(?:_[A-Z]{2})?(?:@[a-z]+)?)\.utf8\s*=(.*)")
_CURE = "use other data: --data PATH"


@dataclass(frozen=True, slots=True)
class StampsConfig:
    """Which stamps and which of their descriptions are in the archive.

    Attributes:
        languages: as the package names them ("de", "pt_BR"); () for all.
        leave_out: folders to leave out. ``symbols`` holds letters, digits and coins, whose
            descriptions cannot be told from their looks.
    """

    languages: tuple[str, ...] = LANGUAGES
    leave_out: tuple[str, ...] = ("symbols",)


@dataclass(frozen=True, slots=True)
class _Stamp:
    """One picture with its descriptions by language."""

    name: str  # of its .txt, relative to the stamps
    picture: int  # index in the draft
    descriptions: dict[str, str]


def read_demo(path: Path) -> Archive:
    """Reads unpacked stamps with the two languages of the demonstration."""
    return read(path, StampsConfig(languages=DEMO_LANGUAGES))


def read(path: Path, config: StampsConfig | None = None) -> Archive:
    """Reads unpacked stamps: each description of a stamp in one language is one text.

    A text is named ``animals/dog.txt#de``. It is linked to every stamp with the same description
    in this language (six have "A flower."), so that none of them counts as wrong. Stamps whose
    descriptions in any chosen language differ only in case and punctuation form one group, which
    a split keeps together. A translation that repeats another text of its stamp is not added.
    SVG stamps, and PNG files without a ``.txt`` (mirrored variants), are reported and left out.

    Args:
        path: the folder ``stamps``, or one into which the package was unpacked.
        config: languages, and folders to leave out.

    Raises:
        BadInput: a language is unknown, or there is no stamp.
    """
    config = config or StampsConfig()
    root = path / UNPACKED if (path / UNPACKED).is_dir() else path
    draft = Draft(display_name(root))
    stamps = list(_stamps(draft, root, config.leave_out))
    _check_languages(config.languages, stamps)
    spoken = [_spoken(stamp, config.languages) for stamp in stamps]
    groups = _groups(stamps, spoken)
    shown: dict[tuple[str, str], list[int]] = {}  # (language, description) → pictures
    for stamp in stamps:
        for said in stamp.descriptions.items():
            shown.setdefault(said, []).append(stamp.picture)
    for stamp, descriptions, group in zip(stamps, spoken, groups, strict=True):
        for language, description in descriptions.items():
            text = draft.add_text(Text(f"{stamp.name}#{language}", description), group=group)
            draft.link(text, shown[language, description])
    return draft.archive()


def _stamps(draft: Draft, root: Path, leave_out: Sequence[str]) -> Iterator[_Stamp]:
    for folder, folders, names in os.walk(root, onerror=draft.folder_unreadable):
        folders[:] = sorted(
            name
            for name in folders
            if (Path(folder) / name).relative_to(root).as_posix() not in leave_out
        )
        there = set(names)
        for name in sorted(there):
            stem, suffix = os.path.splitext(name)
            path = Path(folder) / name
            if suffix == ".png" and f"{stem}.txt" not in there:
                draft.reject(str(path), "has no description", f"write {stem}.txt, in UTF-8")
            elif suffix == ".svg" and f"{stem}.png" not in there:
                draft.reject(
                    str(path), "is SVG, which is not supported", f"convert it to {stem}.png"
                )
            elif suffix == ".txt" and not {f"{stem}.png", f"{stem}.svg"} & there:
                draft.reject(str(path), "has no picture beside it", f"put {stem}.png there")
            elif suffix == ".txt" and f"{stem}.png" in there:
                yield from _stamp(draft, root, path)


def _stamp(draft: Draft, root: Path, path: Path) -> Iterator[_Stamp]:
    content = read_text(path)
    if isinstance(content, Rejection):
        draft.leave_out(content)
        return
    descriptions = _descriptions(content)
    if not descriptions:
        draft.reject(str(path), "has no description", "write the English description first")
        return
    name = path.relative_to(root)
    picture = Picture(
        uri=uri_of(path.with_suffix(".png")),
        caption=next(iter(descriptions.values())),
        credit="Tux Paint stamps, Bill Kendrick and contributors",
        licence="GPL-2",
        tags=name.parts[:-1],
    )
    yield _Stamp(name.as_posix(), draft.add_picture(picture), descriptions)


def _descriptions(content: str) -> dict[str, str]:
    """Description by language; the first line is English and has no language code."""
    first, *others = content.splitlines()
    found = {"en": " ".join(first.split())}
    for line in others:
        match = _LINE.fullmatch(line.strip())
        if match:
            found.setdefault(match[1], " ".join(match[2].split()))
    return {language: description for language, description in found.items() if description}


def _check_languages(languages: Sequence[str], stamps: Sequence[_Stamp]) -> None:
    there = {language for stamp in stamps for language in stamp.descriptions}
    unknown = [language for language in languages if language not in there]
    if unknown and stamps:
        known = " ".join(sorted(there))
        raise BadInput(
            f"no stamp has a description in {', '.join(unknown)}: the languages are {known}"
        )


def _spoken(stamp: _Stamp, languages: Sequence[str]) -> dict[str, str]:
    """The chosen descriptions of a stamp, each wording once (en_GB often repeats en)."""
    chosen = languages or sorted(stamp.descriptions, key=lambda name: (name != "en", name))
    once: dict[str, str] = {}  # description → language
    for language in chosen:
        if language in stamp.descriptions:
            once.setdefault(stamp.descriptions[language], language)
    return {language: description for description, language in once.items()}


def _groups(stamps: Sequence[_Stamp], spoken: Sequence[dict[str, str]]) -> list[str]:
    """A name per stamp, equal for stamps that chosen descriptions connect."""
    first: dict[str, int] = {}
    ties: list[tuple[int, int]] = []
    for index, descriptions in enumerate(spoken):
        for description in descriptions.values():
            folded = " ".join(re.findall(r"\w+", description.casefold())) or description
            ties.append((index, first.setdefault(folded, index)))
    ones, others = np.array(ties, dtype=np.int64).reshape(-1, 2).T
    groups = connected_groups(ones, others, len(stamps))
    named = np.unique(groups, return_index=True)[1]  # after the first stamp of each group
    return [stamps[index].name for index in named[groups]]


def fetch_stamps(cache: Path) -> Path:
    """Downloads the package from apt's Debian mirror and unpacks it once; installs nothing.

    If the process is killed, call it again: apt-get continues a partial download (161 MB) and
    checks its hash; the stamps appear in the cache atomically.

    Returns:
        The folder with the stamps, for ``read``.

    Raises:
        PicturedeskError: apt-get, dpkg-deb, the network or the package is missing.
    """
    cache = cache.absolute()  # programs run in another folder
    target = cache / PACKAGE
    if not target.is_dir():
        workshop = cache / f".{PACKAGE}.download"
        package = _download(workshop)
        unpacked = workshop / "unpacked"
        shutil.rmtree(unpacked, ignore_errors=True)  # of a killed process
        _run(["dpkg-deb", "-x", str(package), str(unpacked)], workshop)
        if not (unpacked / UNPACKED).is_dir():
            raise PicturedeskError(f"{package.name} has no {UNPACKED}: {_CURE}")
        os.replace(unpacked, target)
        shutil.rmtree(workshop, ignore_errors=True)
    return target / UNPACKED


def _download(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PicturedeskError(f"{folder} cannot be created: {error.strerror}: {_CURE}") from None
    _run(["apt-get", "download", PACKAGE], folder)
    # An older version may be left from an earlier call; apt keeps the mirror's dates.
    found = sorted(folder.glob(f"{PACKAGE}_*.deb"), key=lambda file: file.stat().st_mtime)
    if not found:
        raise PicturedeskError(f"apt-get put no {PACKAGE} into {folder}: {_CURE}")
    return found[-1]


def _run(command: list[str], folder: Path) -> None:
    """Runs a program in a folder; if it fails, its last line is the error."""
    program = command[0]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except FileNotFoundError:
        raise PicturedeskError(
            f"{program} is not installed (the stamps are a Debian package): {_CURE}"
        ) from None
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.startswith("E:")]
        reason = (said or done.stderr.splitlines() or [f"exit code {done.returncode}"])[-1]
        raise PicturedeskError(
            f"{' '.join(command[:2])} failed: {reason.strip()}: "
            f"run apt-get update and check the network, or {_CURE}"
        )
