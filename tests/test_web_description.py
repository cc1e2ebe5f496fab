"""The description of the API: what it says holds for every request that is made of it."""

from __future__ import annotations

import pytest

schemathesis = pytest.importorskip("schemathesis", reason="needs the extra 'dev'")
pytest.importorskip("fastapi", reason="needs the extra 'serve'")
