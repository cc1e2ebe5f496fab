"""Several seeds of the experiment: tables, comparisons, curves, the figure.

Knows measurements and the layout of the paper's tables; trains nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from picturedesk.measuring.metrics import RetrievalScores
from picturedesk.measuring.significance import Difference, holm, paired_difference
from picturedesk.report.records import Bar, Cell, Comparison, Curve, PaperTable, TableRow
from picturedesk.research.reproduction.config import ReproduceConfig
from picturedesk.research.reproduction.experiment import (
    CURVE,
    SHOWN,
    Measured,
    Row,
    figure_name,
)
from picturedesk.types import Doubles, Ints

CUTS = (1, 5, 10)
TARGET = 10  # comparisons use recall@10, as the paper's prose does


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """All rows of all seeds.

    Attributes:
        fc: the level that the paper calls fc.
        seeds: measured rows of each seed.
        chance: name of the candidate set → expected scores of a random order.
        groups: name of the candidate set → (Q,) group of each query: captions of one picture are
            one group.
        config: the settings.
    """

    fc: str
    seeds: tuple[tuple[Measured, ...], ...]
    chance: Mapping[str, RetrievalScores]
    groups: Mapping[str, Ints]
    config: ReproduceConfig

    @property
    def candidate_sets(self) -> list[str]:
        """Names of the candidate sets, smallest first."""
        return list(self.seeds[0][0].per_query)

    def rows(self, route: str = "", kinds: Sequence[str] = ()) -> list[Row]:
        """The rows in the order in which they ran."""
        found = [measured.row for measured in self.seeds[0]]
        return [
            row for row in found if route in ("", row.route) and (not kinds or row.kind in kinds)
        ]

    def row(self, name: str) -> list[Measured]:
        """One row over all seeds."""
        return [one for seed in self.seeds for one in seed if one.row.name == name]

    def hits(self, name: str, candidates: str, k: int = TARGET) -> Doubles:
        """Share of seeds (Q,) in which a right picture of each query is among the first k."""
        hits = [one.per_query[candidates].hits[k] for one in self.row(name)]
        shares: Doubles = np.mean(np.asarray(hits, dtype=np.float64), axis=0)  # (S, Q) → (Q,)
        return shares

    def difference(self, better: str, worse: str, candidates: str) -> Difference:
        """Paired bootstrap over queries of recall@10; each query has its mean over the seeds."""
        return paired_difference(
            self.hits(better, candidates),
            self.hits(worse, candidates),
            resamples=self.config.resamples,
            groups=self.groups[candidates],
        )

    def best_single_level(self) -> str:
        """The row of the single level with the best direct route on the validation texts."""
        names = [
            row.name
            for row in self.rows("direct")
            if row.name.startswith("direct, MLP(") and row.name != SHOWN
        ]
        return max(names, key=lambda name: np.mean([_validated(one) for one in self.row(name)]))


def _validated(measured: Measured) -> float:
    if measured.validated is None:
        raise ValueError(f"{measured.row.name} was not validated")
    return measured.validated


def paper_tables(study: Study) -> list[PaperTable]:
    """Tables 2 and 4 (transfer), 3 and 5 (direct), the baselines, and Figure 3's numbers."""
    return [
        _table(
            study,
            "Transfer route (paper, Tables 2 and 4)",
            study.rows("transfer", ("paper",)),
            "Nearest training text, then the candidates most like its picture (Eq. 7, 8).",
        ),
        _table(
            study,
            "Direct route (paper, Tables 3 and 5)",
            study.rows("direct", ("paper",)),
            "Cosine of text vector and fused picture.",
        ),
        *(
            [
                _table(
                    study,
                    "Baselines on the same features and split",
                    study.rows("direct", ("baseline",)),
                    "Direct route; settings chosen on the validation texts.",
                )
            ]
            if study.rows("direct", ("baseline",))
            else []
        ),
        _table(
            study,
            "Figure 3: hidden unit and L2, transfer route with fused features",
            study.rows("transfer", ("figure 3",)),
            "The paper's own setting is the sigmoid hidden unit with L2.",
        ),
    ]


def _table(study: Study, title: str, rows: Iterable[Row], note: str) -> PaperTable:
    columns = [
        f"{candidates} candidates: recall@{k}" for candidates in study.candidate_sets for k in CUTS
    ]
    shown = [
        TableRow(
            row.name,
            {
                f"{candidates} candidates: recall@{k}": cell(
                    [float(one.per_query[candidates].hits[k].mean()) for one in study.row(row.name)]
                )
                for candidates in study.candidate_sets
                for k in CUTS
            },
        )
        for row in rows
    ]
    chance = TableRow("chance", {name: _chance(study, name) for name in columns})
    return PaperTable(title, tuple(columns), (chance, *shown), note)


def cell(shares: Sequence[float]) -> Cell:
    """Shares 0 to 1, one per seed → percent, mean and sample standard deviation."""
    percents = 100.0 * np.asarray(shares)
    spread = float(percents.std(ddof=1)) if len(shares) > 1 else None
    return Cell(float(percents.mean()), spread)


def _chance(study: Study, column: str) -> Cell:
    candidates, k = column.split(" candidates: recall@")
    return Cell(100.0 * study.chance[candidates].recall[int(k)], None)


_PROSE = {
    # name of the comparison → the paper's prose on it, in points of recall@10
    "fused against fc, transfer": "Sohu-400 +9.5, Sohu-20,000 +0.6, Flickr30K +1.0",
    "fused against levels raw, transfer": "Sohu-400 +9.0 by the two differences to fc",
    "levels raw against fc, transfer": "Sohu-400 +0.5; worse in most columns of Flickr30K",
    "direct against transfer fc": "Sohu-400 +14.0, Sohu-20,000 +1.3, Flickr30K +20.6",
    "MLP(levels) against MLP(fc), direct": "better nearly everywhere",
}


def comparisons(study: Study) -> list[Comparison]:
    """Paired tests of recall@10, corrected together for their number (Holm).

    The differences that the paper's prose names, several levels against the best single one, and
    the baselines of other methods against the paper's network.
    """
    found = [
        _compared(study, name, pair, candidates)
        for name, pair in _pairs(study).items()
        for candidates in study.candidate_sets
    ]
    corrected = holm([gap.p for gap in found])
    return [replace(gap, p_holm=p) for gap, p in zip(found, corrected, strict=True)]


def _pairs(study: Study) -> dict[str, tuple[str, str]]:
    """Name of a comparison → the rows that are compared, each pair once."""
    fc, best = study.fc, study.best_single_level()
    pairs = {
        "fused against fc, transfer": ("transfer, fused", f"transfer, {fc}"),
        "fused against levels raw, transfer": ("transfer, fused", "transfer, levels"),
        "levels raw against fc, transfer": ("transfer, levels", f"transfer, {fc}"),
        "direct against transfer fc": (SHOWN, f"transfer, {fc}"),
        "MLP(levels) against MLP(fc), direct": (SHOWN, f"direct, MLP({fc})"),
    }
    if best != f"direct, MLP({fc})":
        pairs["MLP(levels) against the best single level, direct"] = (SHOWN, best)
    for row in study.rows("direct", ("baseline",)):
        if not row.name.startswith("direct, MLP("):
            method = row.name.removeprefix("direct, ")
            pairs[f"{method} against MLP(levels), direct"] = (row.name, SHOWN)
    return pairs


def _compared(study: Study, name: str, pair: tuple[str, str], candidates: str) -> Comparison:
    gap = study.difference(*pair, candidates)
    return Comparison(
        name=f"{name} ({pair[0]} - {pair[1]})",
        candidates=candidates,
        difference=100 * gap.mean,
        low=100 * gap.low,
        high=100 * gap.high,
        p=gap.p,
        p_holm=gap.p,
        paper=_PROSE.get(name, ""),
    )


def curves(study: Study) -> list[Curve]:
    """Recall@1 … recall@100 of the paper's rows and the baselines, mean over seeds, percent."""
    candidates = study.candidate_sets[-1]
    depths = range(1, CURVE + 1)
    return [
        Curve(
            row.name,
            100 * np.array([study.hits(row.name, candidates, k).mean() for k in depths]),
        )
        for row in study.rows(kinds=("paper", "baseline"))
    ]


def bars(study: Study) -> list[Bar]:
    """Figure 3: recall@10 of the transfer route, a group for each hidden unit."""
    candidates = study.candidate_sets[0]
    found = []
    for linear in (True, False):
        for l2 in (False, True):
            name = figure_name(linear=linear, l2=l2)
            measured = cell(
                [float(one.per_query[candidates].hits[TARGET].mean()) for one in study.row(name)]
            )
            group = "linear hidden unit" if linear else "sigmoid hidden unit"
            found.append(Bar(group, "L2" if l2 else "no L2", measured.mean, measured.spread))
    return found


def verdict(study: Study, compared: Sequence[Comparison]) -> str:
    """One sentence: whether several levels beat the best single one.

    Args:
        study: the rows.
        compared: what ``comparisons`` returned.
    """
    best, candidates = study.best_single_level(), study.candidate_sets[-1]
    wanted = f" ({SHOWN} - {best})"
    gap = next(
        one for one in compared if one.name.endswith(wanted) and one.candidates == candidates
    )
    points = f"{gap.difference:+.1f} points of recall@10 (95 % interval {gap.low:+.1f} to "
    points += f"{gap.high:+.1f}, p = {gap.p:.3f}, {gap.p_holm:.3f} after Holm's correction)"
    if not gap.significant:
        return f"Several levels do not beat the best single one ({best}) significantly: {points}."
    better = "beat" if gap.difference > 0 else "are worse than"
    return f"Several levels {better} the best single one ({best}): {points}."
