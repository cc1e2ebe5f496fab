"""1. Fits a desk on an archive and suggests pictures for a new text.

python examples/fit_and_suggest.py [ARCHIVE]
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from made_archive import draw, write_archive

from picturedesk import Desk, DeskConfig


def main(archive: str = "") -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        table = archive or write_archive(folder / "archive")
        # Without sentence encoders a fit takes seconds; leave this out for better suggestions.
        config = replace(DeskConfig.of("best"), sentences=())
        with Desk.fit(table, folder / "desk", config) as desk:
            (folder / "new").mkdir()
            draw("boat", 500).save(folder / "new" / "boat.png")
            added = desk.add(folder / "new")
            print(f"{added.new} picture added, {added.catalogue} can be suggested")
            found = desk.suggest("A storm kept the ferry in the harbour", k=3)
            if found.found is not None:
                print(f"chance that the right picture is among these: {found.found:.0%}")
            for one in found:
                print(f"{one.rank}. {Path(one.picture.uri).name}  {one.score:.2f}  {one.match}")
                for evidence in one.evidence[:1]:
                    print(f"   as for: {evidence.text}")


if __name__ == "__main__":
    main(*sys.argv[1:2])
