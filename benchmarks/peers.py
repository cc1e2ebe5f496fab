"""Reading pictures beside timm with a DataLoader, as timm's docs show it.

    python benchmarks/peers.py FOLDER    # of pictures, with sub-folders

* picturedesk: ``extract`` with the default backbone: six levels, into a feature store on disk;
* timm: ``create_model(num_classes=0)`` and ``create_loader`` with two workers, the final level.

Both run tf_efficientnet_lite0 at 288 px in batches of 32 in turns on parts of the same pictures.
timm's weights are random: speed does not depend on them. The last line printed is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

NETWORK = "tf_efficientnet_lite0"
SIZE = 288
BATCH = 32
WORKERS = 2
PEERS = ("picturedesk", "timm")
Reader = Callable[[Path], object]


def picturedesk() -> Reader:
    from picturedesk.backbones.backbone import Backbone
    from picturedesk.store.extraction import ExtractConfig, extract
    from picturedesk.store.features import FeatureStore

    backbone = Backbone("default")
    exported = tempfile.TemporaryDirectory(prefix="peers-")  # lives as long as the reader
    backbone.save(Path(exported.name) / "backbone")
    backbone = Backbone.load(Path(exported.name) / "backbone")

    def read(folder: Path, exported: Any = exported) -> None:
        files = sorted(map(str, folder.rglob("*.*")))
        with FeatureStore.open(folder.parent / f"{folder.name}.db", backbone.spec) as store:
            extract(files, backbone, store, ExtractConfig(batch=BATCH))

    return read


def timm() -> Reader:
    import torch
    from timm import create_model
    from timm.data import create_dataset, create_loader, resolve_data_config

    model = create_model(NETWORK, pretrained=False, num_classes=0).eval()
    how = resolve_data_config({"input_size": (3, SIZE, SIZE)}, model=model)

    def read(folder: Path) -> None:
        loader = create_loader(
            create_dataset("", root=str(folder)),
            batch_size=BATCH,
            is_training=False,
            use_prefetcher=False,
            num_workers=WORKERS,
            device=torch.device("cpu"),
            **{name: how[name] for name in ("input_size", "interpolation", "mean", "std")},
            crop_pct=how["crop_pct"],
        )
        with torch.inference_mode():
            np.concatenate([model(pictures).numpy() for pictures, _ in loader])

    return read


READERS = dict(zip(PEERS, (picturedesk, timm), strict=True))


def parts_of(folder: Path, into: Path, count: int, rounds: int) -> list[Path]:
    """Folders of pictures, of one class each, for one round."""
    files = sorted(f for f in folder.rglob("*") if f.suffix.lower() in (".jpg", ".jpeg", ".png"))
    made = []
    for number, part in enumerate(np.array_split(np.array(files[:count]), rounds)):
        made.append(into / str(number))
        (made[-1] / "pictures").mkdir(parents=True)
        for place, file in enumerate(part.tolist()):
            shutil.copy(file, made[-1] / "pictures" / f"{place}{file.suffix}")
    return made


def main() -> None:
    """Prints pictures per second."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--only", default=",".join(PEERS))
    given = parser.parse_args()
    report: dict[str, Any] = {"pictures": given.count, "load_before": os.getloadavg()[0]}
    readers = {name: READERS[name]() for name in given.only.split(",")}
    taken: dict[str, list[float]] = {name: [] for name in readers}
    with tempfile.TemporaryDirectory() as name:
        parts = parts_of(given.folder, Path(name), given.count, given.rounds)
        for number, part in enumerate(parts):
            for peer, read in list(readers.items())[:: 1 if number % 2 else -1]:
                began = time.perf_counter()
                read(part)
                rate = len(list(part.rglob("*.*"))) / (time.perf_counter() - began)
                taken[peer].append(rate)
            print(f"round {number + 1}/{len(parts)}", file=sys.stderr)
    report["per_s"] = {peer: float(np.median(rates)) for peer, rates in taken.items()}
    for peer, rate in report["per_s"].items():
        print(f"{peer:16}{rate:8.1f} pictures/s")
    print(json.dumps(report))


if __name__ == "__main__":
    main()
