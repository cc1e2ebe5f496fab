"""Draws JPEG pictures for benchmarks: smooth colours with edges and grain, as large as web news'.

python benchmarks/drawn.py FOLDER --count 400
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

SIZES = ((640, 480), (480, 640), (1024, 683), (800, 600))


def draw(folder: Path, count: int, seed: int = 0) -> None:
    """Writes ``count`` pictures into a new folder; the same in every run."""
    folder.mkdir(parents=True)
    for number in range(count):
        random = np.random.default_rng([seed, number])
        size = SIZES[number % len(SIZES)]
        colours = random.integers(256, size=(6, 8, 3), dtype=np.uint8)
        picture = Image.fromarray(colours).resize(size, Image.Resampling.BICUBIC)
        pen = ImageDraw.Draw(picture)
        for _ in range(12):
            corner = random.integers(0, size, 2)
            box = (*corner.tolist(), *(corner + random.integers(20, 200, 2)).tolist())
            pen.ellipse(box, fill=tuple(random.integers(256, size=3).tolist()))
        grain = random.normal(0, 6, (*size[::-1], 1))
        pixels = np.clip(np.asarray(picture) + grain, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.jpg", quality=85)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=400)
    given = parser.parse_args()
    draw(given.folder, given.count)


if __name__ == "__main__":
    main()
