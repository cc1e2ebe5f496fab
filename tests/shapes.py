"""A small archive that can be learned: coloured shapes, and sentences that name them."""

from __future__ import annotations

import csv
from itertools import product
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

COLOURS = {
    "red": (200, 30, 30),
    "green": (30, 150, 40),
    "blue": (40, 60, 200),
    "yellow": (230, 210, 40),
    "black": (20, 20, 20),
    "violet": (140, 40, 170),
}
SHAPES = ("circle", "square", "triangle", "stripes")
PLACES = ("in the morning", "by the river", "after the rain", "on a hill", "near the old town")


def draw(colour: str, shape: str, seed: int, side: int = 96) -> Image.Image:
    """One coloured shape on a noisy light ground, placed by the seed."""
    rng = np.random.default_rng(seed)
    ground = rng.integers(215, 256, size=(side, side, 3), dtype=np.uint8)
    image = Image.fromarray(ground)
    pen = ImageDraw.Draw(image)
    left, top = (int(x) for x in rng.integers(4, side // 4, size=2))
    right, low = left + side // 2 + side // 8, top + side // 2 + side // 8
    fill = COLOURS[colour]
    if shape == "circle":
        pen.ellipse((left, top, right, low), fill=fill)
    elif shape == "square":
        pen.rectangle((left, top, right, low), fill=fill)
    elif shape == "triangle":
        pen.polygon([(left, low), (right, low), ((left + right) // 2, top)], fill=fill)
    else:
        for x in range(left, right, 10):
            pen.rectangle((x, top, x + 4, low), fill=fill)
    return image


def write_archive(folder: Path, copies: int = 8, side: int = 96) -> Path:
    """Pictures and ``archive.csv`` with text, picture, caption, licence; returns the table."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    kinds = list(product(COLOURS, SHAPES, range(copies)))
    for number, (colour, shape, copy) in enumerate(kinds):
        name = f"{colour}-{shape}-{copy}.png"
        draw(colour, shape, seed=number, side=side).save(folder / name)
        text = f"We saw a {colour} {shape} {PLACES[copy % len(PLACES)]}, number {number}."
        licence = "cc0" if copy % 2 else "cc-by"
        rows.append((text, name, f"{colour} {shape}", licence))
    table = folder / "archive.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "picture", "caption", "licence"])
        writer.writerows(rows)
    return table
