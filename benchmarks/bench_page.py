"""The table and the picture of docs/performance.md, from figures that ``bench.py`` kept.

python benchmarks/bench_page.py benchmarks/results/COMMIT            # prints the table
python benchmarks/bench_page.py benchmarks/results/COMMIT --draw docs/performance.svg
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Found = dict[str, Any]
INK, FAINT, OURS, THEIRS = "#333333", "#dddddd", "#2a6f97", "#b8b8b8"


def read(folder: Path) -> dict[str, Found]:
    """Records of all subjects in a folder."""
    files = sorted(folder.glob("*.json"))
    return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in files}


def _extraction(found: Found) -> Iterator[tuple[str, str]]:
    bare, sleeping = found["speed"]["bare session"], found["speed"]["bare session, no spinning"]
    ours = found["speed"]["extract"]
    yield "reading pictures, decoding included", f"{ours['per_s']:.0f} pictures/s"
    for name, one in (("bare session", bare), ("bare session, no spinning", sleeping)):
        yield f"… / {name} on ready tensors", f"{one['ratio']:.2f} ({one['cpu_ratio']:.2f} by CPU)"


def _memory(found: Found) -> Iterator[tuple[str, str]]:
    sizes = [(int(count), peak / 1e6) for count, peak in found["peak_bytes"].items()]
    for count, peak in sizes:
        yield f"peak memory of reading {count} pictures", f"{peak:.0f} MB"


def _peers(found: Found) -> Iterator[tuple[str, str]]:
    rates = found["per_s"]
    shown = f"{rates['picturedesk']:.1f} and {rates['timm']:.1f} pictures/s"
    yield "picturedesk; timm with a DataLoader", shown


def _lsa(found: Found) -> Iterator[tuple[str, str]]:
    for engine in ("picturedesk", "scikit-learn", "gensim"):
        if engine in found:
            one = found[engine]
            yield (
                f"LSA of {found['texts']:,} texts: {engine}",
                f"{one['s']:.0f} s ({one['cpu_s']:.0f} of CPU), {one['peak_mb'] / 1000:.1f} GB, "
                f"recall@10 {100 * one['recall@10']:.1f} %",
            )


def _encoding(found: Found) -> Iterator[tuple[str, str]]:
    for name, one in found["encoders"].items():
        shown = f"{one['texts_per_s']:.0f} texts/s ({one['cpu_ms_each']:.2f} ms of CPU each)"
        yield f"encoding texts of {found['words_each']:.0f} words: {name}", shown


def _training(found: Found) -> Iterator[tuple[str, str]]:
    shown = f"{found['ratio_cpu']:.2f} (CPU); {100 * found['outside_products']:.0f} % outside"
    yield "an epoch of training / its matrix products", shown


def _suggest(found: Found) -> Iterator[tuple[str, str]]:
    for part, ms in found["cpu_ms"].items():
        yield f"suggest, {found['pictures']:,} pictures: {part}", f"{ms:.1f} ms of CPU"
    yield (
        "… all but encoding and search: arranging, evidence, JSON",
        f"{found['rest_cpu_ms']:.1f} ms of CPU",
    )


def _evaluation(found: Found) -> Iterator[tuple[str, str]]:
    shown = f"{found['s']:.0f} s ({found['cpu_s']:.0f} of CPU), {found['peak_mb']:.0f} MB"
    yield f"evaluating {found['count']:,} × {found['count']:,}, two routes", shown


def _startup(found: Found) -> Iterator[tuple[str, str]]:
    for verb, one in found["verbs"].items():
        shown = f"{one['s']:.2f} s ({one['cpu_s']:.2f} of CPU), {one['peak_mb']:.0f} MB"
        yield f"`picturedesk {verb}`", shown
    for extra, size in found.get("installed_mb", {}).items():
        yield f"installed: {extra}", f"{size:.0f} MB"


ROWS: dict[str, Callable[[Found], Iterator[tuple[str, str]]]] = {
    "extraction": _extraction,
    "extraction-memory": _memory,
    "peers": _peers,
    "lsa": _lsa,
    "lsa-100000": _lsa,
    "lsa-million": _lsa,
    "encoding": _encoding,
    "training": _training,
    "suggest": _suggest,
    "evaluation": _evaluation,
    "evaluation-100000": _evaluation,
    "startup": _startup,
    "install": _startup,
}


def table(records: dict[str, Found]) -> Iterator[str]:
    """One row a figure, with the subject and the load on the machine before it."""
    yield "| subject | what | measured | load |"
    yield "|---|---|---|---|"
    for subject, rows in ROWS.items():
        if subject in records:
            record = records[subject]
            for what, shown in rows(record["found"]):
                yield f"| {subject} | {what} | {shown} | {record['load_before'][0]:.0f} |"


def draw(records: dict[str, Found], file: Path) -> None:
    """Three plots side by side: reading pictures, LSA, a question by part."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot

    style = {"font.size": 9, "text.color": INK, "axes.labelcolor": INK, "svg.fonttype": "none"}
    style |= {"xtick.color": INK, "ytick.color": INK, "axes.edgecolor": FAINT, "svg.hashsalt": "p"}
    with mpl.rc_context(style):
        figure, (left, middle, right) = pyplot.subplots(1, 3, figsize=(11, 3), layout="constrained")
        speed, peers = records["extraction"]["found"]["speed"], records["peers"]["found"]["per_s"]
        beside = peers["timm"] / peers["picturedesk"]
        ours = speed["extract"]["per_s"]
        pictures = {
            "bare session": speed["bare session"]["per_s"] / ours,
            "extract": 1.0,
            "timm, DataLoader": beside,
        }
        _bars(left, pictures, "pictures a second, extract = 1")
        found = records["lsa-100000"]["found"]
        fits = {name: found[name]["cpu_s"] for name in ("picturedesk", "scikit-learn", "gensim")}
        _bars(middle, fits, f"LSA of {found['texts']:,} texts, s of CPU")
        parts = records["suggest"]["found"]["cpu_ms"]
        _bars(right, dict(parts), "a question by part, ms of CPU")
        figure.savefig(file, metadata={"Date": None, "Creator": None})
        pyplot.close(figure)


def _bars(axes: Any, values: dict[str, float], title: str) -> None:
    names = list(values)
    colours = [
        THEIRS if any(one in name for one in ("scikit", "gensim", "timm", "bare")) else OURS
        for name in names
    ]
    bars = axes.barh(names, list(values.values()), color=colours, height=0.62)
    axes.bar_label(bars, labels=[_short(value) for value in values.values()], padding=3)
    axes.invert_yaxis()
    axes.set_title(title, loc="left", fontsize=10)
    axes.set_xlim(0, max(values.values()) * 1.18)
    axes.tick_params(length=0)
    axes.xaxis.set_visible(False)
    axes.spines[["top", "right", "bottom"]].set_visible(False)


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"


def main() -> None:
    """Prints the table; draws."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="benchmarks/results/COMMIT")
    parser.add_argument("--draw", type=Path, metavar="FILE")
    given = parser.parse_args()
    records = read(given.folder)
    print("\n".join(table(records)))
    if given.draw:
        draw(records, given.draw)


if __name__ == "__main__":
    main()
