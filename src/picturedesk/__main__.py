"""``python -m picturedesk`` is the command ``picturedesk``."""

from __future__ import annotations

import sys

from picturedesk.cli import main

if __name__ == "__main__":
    sys.exit(main())
