"""Brings a desk's catalogue in line with a folder: new, changed, moved and vanished files.

Files are known by path, size and time, then by their bytes; only bytes that the desk has never read
go through the network. Pictures elsewhere are left alone.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from picturedesk.datasets.folder import read_pictures
from picturedesk.desk.adding import list_rejected, placed
from picturedesk.desk.facade.parts import opened_again
from picturedesk.desk.optimizing import keep_fast, keep_texts_fast
from picturedesk.desk.reading import Reader, reading, shown_again
from picturedesk.disk.tar_members import absolute
from picturedesk.errors import BadInput
from picturedesk.types import Catalogue, Changes, Picture, Progress, Rejection

if TYPE_CHECKING:
    from picturedesk.desk.facade.keeping import Keeping
    from picturedesk.store.extraction import ExtractConfig


@dataclass(frozen=True, slots=True)
class Sync:
    """The result of ``Desk.sync``; every picture counts once.

    Attributes:
        new: pictures that were added.
        changed: files with other bytes than before; the metadata of the picture stay.
        moved: known pictures under another name, or under more or fewer names than before.
        back: pictures that were missing and are there again.
        vanished: pictures whose last file is gone: marked as missing, or removed.
        unchanged: pictures as they were.
        kept_out: files of pictures that were removed from the desk; ``add`` brings them back.
        read: files that went through the network.
        rejections: files that were left out.
        catalogue: pictures in the catalogue now.
    """

    new: int
    changed: int
    moved: int
    back: int
    vanished: int
    unchanged: int
    kept_out: int
    read: int
    rejections: tuple[Rejection, ...]
    catalogue: int


@dataclass(slots=True)
class _Plan:
    """What is to be done.

    Attributes:
        new: key → names of pictures that the catalogue does not have.
        heirs: key of a new picture → the one whose file it replaced.
        updated: pictures with other names than before.
        gone: keys of pictures whose last file is gone.
        counts: number of pictures of each kind.
    """

    new: dict[str, list[str]] = field(default_factory=dict)
    heirs: dict[str, Picture] = field(default_factory=dict)
    updated: list[Picture] = field(default_factory=list)
    gone: list[Picture] = field(default_factory=list)
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("moved", "back", "unchanged", "kept_out"), 0)
    )


def sync(
    desk: Keeping, folder: Path, prune: bool, progress: Progress, config: ExtractConfig
) -> Sync:
    """See ``Desk.sync``."""
    root = Path(os.path.abspath(folder))
    draft = read_pictures(root)
    uris = [picture.uri for picture in draft.pictures]
    if prune and not uris:
        raise BadInput(
            f"{folder} has no picture: is it mounted? Without pruning, its pictures are marked as "
            "missing; to remove them, use remove with a condition"
        )
    with reading(desk.folder, desk.blend, config, progress) as reader:
        extraction = reader.read(uris)
        names: dict[str, list[str]] = {}
        for uri, key in extraction.keys.items():
            names.setdefault(key, []).append(uri)
        rejections = draft.rejections + extraction.rejections
        with desk.folder.changing():
            current = desk.folder.is_current(desk.fitted)
            if current:
                plan = _planned(desk.catalogue, root, names)
                changes = _changes(desk.catalogue, plan, reader, prune)
                if changes is not None:
                    desk.catalogue.change(changes)
                list_rejected(desk, rejections, f"sync {root}", uris)
    if not current:  # another fit became current; the features are in the store
        with opened_again(desk) as again:
            return replace(again.sync(folder, prune, progress, config), read=extraction.read)
    keep_fast(desk.catalogue, desk.blend)
    keep_texts_fast(desk.memory)
    return Sync(
        new=len(plan.new) - len(plan.heirs),
        changed=len(plan.heirs),
        vanished=len(plan.gone),
        read=extraction.read,
        rejections=rejections,
        catalogue=desk.catalogue.count(),
        **plan.counts,
    )


def _planned(catalogue: Catalogue, root: Path, names: Mapping[str, list[str]]) -> _Plan:
    """Compares the catalogue with what is in the folder.

    Args:
        catalogue: of the desk.
        root: the folder.
        names: key → names of the files in the folder with these bytes.
    """
    plan = _Plan()
    here = {key for key, places in catalogue.places().items() if _any_below(root, places)}
    known = catalogue.find([*(here | names.keys())])
    out = catalogue.kept_out()
    plan.counts["kept_out"] = len(names.keys() & out - known.keys())
    plan.new = {key: uris for key, uris in names.items() if key not in known and key not in out}
    now_of = {absolute(uri): key for key, uris in names.items() for uri in uris}
    for key, picture in known.items():
        _plan_known(plan, picture, _elsewhere(picture, root), names.get(key, ()), now_of)
    return plan


def _plan_known(
    plan: _Plan,
    picture: Picture,
    elsewhere: Collection[str],
    found: Collection[str],
    now_of: Mapping[str, str],
) -> None:
    """Plans what happens to a picture that the catalogue has.

    Args:
        plan: receives it.
        picture: as it is known.
        elsewhere: its names outside the folder.
        found: its names in the folder now.
        now_of: path of each file in the folder → key of its bytes now.
    """
    kept = [uri for uri in _names(picture) if uri in elsewhere or uri in found]
    every = tuple(dict.fromkeys((*kept, *found)))
    moved = placed(replace(picture, uri=every[0], names=every), found) if every else picture
    if not every or moved.missing:
        paths = map(absolute, _names(picture))
        heir = next((now_of[path] for path in paths if path in now_of), "")
        if heir in plan.new and heir not in plan.heirs:
            plan.heirs[heir] = picture
        elif not picture.missing:
            plan.gone.append(picture)
        else:
            plan.counts["unchanged"] += 1
    elif moved == picture:
        plan.counts["unchanged"] += 1
    else:
        plan.updated.append(moved)
        plan.counts["back" if picture.missing else "moved"] += 1


def _changes(catalogue: Catalogue, plan: _Plan, reader: Reader, prune: bool) -> Changes | None:
    """The changes of the catalogue; None if there is nothing to do."""
    if not (plan.new or plan.updated or plan.gone):
        return None
    seen = reader.see([*plan.new])
    named = catalogue.named()
    fresh = []
    for key, uris in plan.new.items():
        about = plan.heirs.get(key, Picture(""))
        several = tuple(uris) if len(uris) > 1 else ()
        fresh.append(replace(about, uri=uris[0], key=key, names=several, missing=False))
    marked = [] if prune else [replace(picture, missing=True) for picture in plan.gone]
    pruned = [picture.key for picture in plan.gone] if prune else []
    return Changes(
        shown_again(fresh, seen),
        seen.vectors,
        updated=[*plan.updated, *marked],
        removed=[*pruned, *(picture.key for picture in plan.heirs.values())],
        added=plan.new.keys(),
        named={key: named.get(old.key, ()) for key, old in plan.heirs.items()},
    )


def _names(picture: Picture) -> tuple[str, ...]:
    return tuple(dict.fromkeys((picture.uri, *picture.names)))


def _elsewhere(picture: Picture, root: Path) -> list[str]:
    return [uri for uri in _names(picture) if not _any_below(root, [uri])]


def _any_below(root: Path, uris: Collection[str]) -> bool:
    start = os.path.join(root, "")
    return any(absolute(uri).startswith(start) for uri in uris)
