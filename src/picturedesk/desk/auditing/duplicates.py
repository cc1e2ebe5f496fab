"""Near-duplicate pictures with different credits or licences. Knows no desk."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from picturedesk.images import near_duplicate_groups
from picturedesk.images.hashes import Hashes
from picturedesk.report.audit_records import RightsConflict
from picturedesk.types import Picture

_RIGHTS = ("credit", "licence")


def rights_conflicts(pictures: Sequence[Picture], hashes: Hashes) -> list[RightsConflict]:
    """Groups of near-duplicates that differ in rights, those that contradict each other first.

    Where one copy says nothing, the others' words count as a difference, too.

    Args:
        pictures: N pictures.
        hashes: (N,) perceptual hashes.
    """
    members: defaultdict[int, list[Picture]] = defaultdict(list)
    groups = near_duplicate_groups(hashes)
    for group, picture in zip(groups.tolist(), pictures, strict=True):
        members[group].append(picture)
    found = [
        RightsConflict(tuple(some), differ)
        for some in members.values()
        if (differ := tuple(name for name in _RIGHTS if len(_said(some, name)) > 1))
    ]
    return sorted(found, key=lambda one: (not _contradicts(one), one.pictures[0].uri))


def _said(pictures: Sequence[Picture], name: str) -> set[str]:
    """The different words of one column; case and white space do not matter."""
    return {" ".join(str(getattr(one, name)).casefold().split()) for one in pictures}


def _contradicts(conflict: RightsConflict) -> bool:
    return any(len(_said(conflict.pictures, name) - {""}) > 1 for name in conflict.differ)
