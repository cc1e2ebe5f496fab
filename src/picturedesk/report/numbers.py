"""Formats numbers and settings for people; shared by all pages. Knows no markup."""

from __future__ import annotations

from picturedesk.report.records import Cell, Curve, ReproductionReport

ABSENT = "–"
_NO_BREAK = "\u00a0"  # keeps "%" on the line of its number
CUTS = (1, 2, 5, 10, 20, 50, 100)  # depths at which a curve is also given as numbers


def share(cell: Cell) -> str:
    """Percent: "31.4 ± 0.6", or "31.4" without a deviation."""
    return f"{cell.mean:.1f}" if cell.spread is None else f"{cell.mean:.1f} ± {cell.spread:.1f}"


def percent(share: float) -> str:
    """A share, 0 to 1, for a sentence: "51 %", "0.4 %", "99.6 %"; never rounded to 0 or 100."""
    points = 100 * share
    if 0 < points < 0.05:
        return f"< 0.1{_NO_BREAK}%"
    if 99.95 < points < 100:
        return f"> 99.9{_NO_BREAK}%"
    near_an_end = 0 < points < 0.95 or 99.05 < points < 100
    return f"{points:.1f}{_NO_BREAK}%" if near_an_end else f"{points:.0f}{_NO_BREAK}%"


def signed(points: float) -> str:
    """Points with their sign: "+9.5", "−0.3" (a true minus), "0.0"."""
    rounded = round(points, 1) + 0.0  # avoids "-0.0"
    return f"{rounded:+.1f}".replace("-", "−") if rounded else "0.0"


def interval(low: float, high: float) -> str:
    """Points: "+2.0 to +9.1"."""
    return f"{signed(low)} to {signed(high)}"


def probability(p: float) -> str:
    """A p-value: "0.032", or "< 0.001"."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def duration(seconds: float) -> str:
    """Seconds: "48 s", "9 min 12 s" or "2 h 05 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def cuts(curve: Curve) -> dict[int, float]:
    """Depth → recall, for those ``CUTS`` that the curve reaches."""
    return {k: float(curve.recall[k - 1]) for k in CUTS if k <= len(curve.recall)}


def facts(report: ReproductionReport) -> dict[str, str]:
    """The settings of a run: name → value."""
    seeds = ", ".join(map(str, report.seeds))
    return {
        "data": report.data,
        "backbone": report.backbone,
        "levels": ", ".join(report.levels),
        "seeds": f"{seeds} (mean ± standard deviation)" if len(report.seeds) > 1 else seeds,
        "time": duration(report.seconds),
    }
