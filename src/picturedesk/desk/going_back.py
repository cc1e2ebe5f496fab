"""Makes an older fit of a desk the current one; what was changed since then is carried over."""

from __future__ import annotations

from contextlib import closing

from picturedesk.backbones.backbone import Backbone
from picturedesk.desk.deciding import follow_choices
from picturedesk.desk.folder import DeskFolder, FitFolder
from picturedesk.desk.optimizing import keep_fast
from picturedesk.desk.reading import see, shown_again
from picturedesk.desk.versions import Version, chosen_version, versions
from picturedesk.heads.matcher import Matcher
from picturedesk.routes import Blend
from picturedesk.store.catalogue import open_catalogue
from picturedesk.store.features import FeatureStore


def go_back(folder: DeskFolder, number: int | None) -> Version:
    """See ``Desk.rollback``. A kill leaves the current fit current; run it again."""
    with folder.fitting():
        current, older = folder.require(), chosen_version(folder, number)
        matcher = Matcher.load(older.matcher)
        blend = Blend.load(older.blend, matcher)
        backbone = Backbone.load(folder.backbone)
        with FeatureStore.open(folder.features, backbone.spec) as store, folder.changing():
            _carry_over(current, older, blend, store)
            follow_choices(folder, older, matcher)
            folder.go_back(older)
    return next(version for version in versions(folder) if version.current)


def _carry_over(current: FitFolder, older: FitFolder, blend: Blend, store: FeatureStore) -> None:
    """Gives an older fit the pictures of the current one, placed by its own heads."""
    with (
        closing(open_catalogue(current.catalogue, make=False)) as now,
        closing(open_catalogue(older.catalogue, make=False)) as before,
    ):
        count = now.count()
        pictures = [one for one in now.page(limit=count) if one.key in store]
        seen = see([one.key for one in pictures], blend, store)
        before.replace_all(
            shown_again(pictures, seen),
            seen.vectors,
            added=now.added(limit=count),
            named=now.named(),
            kept_out=now.kept_out(),
        )
        keep_fast(before, blend)
