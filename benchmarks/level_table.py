"""Compares levels with the best single one, paired over texts. Knows only reciprocal ranks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from picturedesk.measuring.significance import Difference, holm, paired_difference
from picturedesk.types import Floats, Ints

SINGLE, ALL = "single", "all"
HITS = (np.mean, lambda row: np.mean(row >= 0.1))  # reciprocal ranks → MRR, recall@10


class Table:
    """Reciprocal ranks per text of all seeds, by head and variant; kept in a file.

    Args:
        file: JSON; what it holds is continued.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._rows = json.loads(file.read_text()) if file.exists() else []

    def add(
        self, seed: int, head: str, name: str, levels: str, texts: Ints, values: Floats
    ) -> None:
        """The values (Q,) of one seed replace those that were known of it."""
        key = [seed, head, name]
        self._rows = [row for row in self._rows if row[:3] != key]
        told = np.isfinite(values)
        by_text = dict(zip(map(str, texts[told].tolist()), values[told].tolist(), strict=True))
        self._rows.append([*key, levels, by_text])
        self._file.write_text(json.dumps(self._rows))

    def _by_text(self) -> dict[tuple[str, str], dict[int, Floats]]:
        """Head and variant → text → values of the seeds that have it in their test part."""
        found: dict[tuple[str, str], dict[int, list[float]]] = {}
        for _, head, name, _, values in self._rows:
            by_text = found.setdefault((head, name), {})
            for text, value in values.items():
                by_text.setdefault(int(text), []).append(value)
        return {
            key: {text: np.array(some) for text, some in by_text.items()}
            for key, by_text in found.items()
        }

    def lines(self, groups: Ints) -> list[str]:
        """A table in Markdown."""
        known = self._by_text()
        compared = {
            (head, name): list(_differences(known[head, name], known[head, SINGLE], groups))
            for head, name in known
            if name != SINGLE
        }
        corrected = iter(holm([one.p for pair in compared.values() for one in pair]))
        lines = [
            "| head | levels | seeds | MRR | recall@10 | MRR less single (95 %), p "
            "| recall@10 less single (95 %), p |",
            "|---|---|---|---|---|---|---|",
        ]
        for (head, name), by_text in known.items():
            own = [row for row in self._rows if row[1:3] == [head, name]]
            levels = "; ".join(dict.fromkeys(row[3] for row in own)).strip()
            label = f"{name}: {levels}" if levels and name != ALL else name
            mrr, recall = (np.mean([hit(row) for row in by_text.values()]) for hit in HITS)
            said = [
                f"{100 * one.mean:+.1f} ({100 * one.low:.1f} to {100 * one.high:.1f}), "
                f"{next(corrected):.3f}"
                for one in compared.get((head, name), ())
            ] or ["", ""]
            figures = [str(len(own)), f"{100 * mrr:.1f}", f"{100 * recall:.1f}"]
            lines.append(f"| {' | '.join([head, label, *figures, *said])} |")
        return lines


def _differences(
    ours: dict[int, Floats], single: dict[int, Floats], groups: Ints
) -> Iterator[Difference]:
    texts = list(ours)
    for hit in HITS:
        a, b = (np.array([hit(by[text]) for text in texts]) for by in (ours, single))
        yield paired_difference(a, b, groups[texts])
