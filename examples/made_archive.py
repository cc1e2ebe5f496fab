"""A small made-up archive: drawn sunsets, forests, boats and streets, and texts about them.

The other examples use it. To try them with your own archive, give its table or folder instead.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

SUBJECTS = {
    "sunset": "The sun went down over the bay and the sky turned orange",
    "forest": "Foresters planted young trees along the northern ridge",
    "boat": "The ferry left the harbour early because of the strong wind",
    "street": "New lamps light the old street after dark",
}
ENDINGS = (
    "on Monday",
    "after a long week",
    "as every year",
    "said the mayor",
    "for the first time",
)


def draw(subject: str, number: int) -> Image.Image:
    """One picture of a subject; each number looks a little different."""
    random = np.random.default_rng(number)
    image = Image.new("RGB", (160, 120), "white")
    pen = ImageDraw.Draw(image)
    at = int(random.integers(30, 110))
    if subject == "sunset":
        pen.rectangle((0, 0, 160, 80), fill=(240, int(random.integers(110, 160)), 60))
        pen.ellipse((at - 20, 50, at + 20, 90), fill=(255, 220, 90))
        pen.rectangle((0, 80, 160, 120), fill=(30, 50, 110))
    elif subject == "forest":
        pen.rectangle((0, 0, 160, 120), fill=(190, 215, 190))
        for x in range(at % 20, 160, 20):
            pen.polygon([(x - 12, 105), (x + 12, 105), (x, 30)], fill=(20, 100, 40))
    elif subject == "boat":
        pen.rectangle((0, 0, 160, 70), fill=(170, 205, 235))
        pen.rectangle((0, 70, 160, 120), fill=(40, 90, 160))
        pen.polygon([(at - 25, 70), (at + 25, 70), (at + 15, 88), (at - 15, 88)], fill="brown")
        pen.polygon([(at, 20), (at, 68), (at + 20, 68)], fill="white")
    else:
        pen.rectangle((0, 0, 160, 120), fill=(35, 35, 50))
        for x in range(at % 30, 160, 30):
            pen.rectangle((x, 45, x + 2, 110), fill=(90, 90, 90))
            pen.ellipse((x - 6, 34, x + 8, 48), fill=(255, 240, 170))
    noise = random.integers(-12, 13, size=(120, 160, 3))  # so that no two files are equal
    return Image.fromarray(np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8))


def write_archive(folder: Path, copies: int = 12) -> Path:
    """Writes pictures and a table of texts; returns the table."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number in range(copies * len(SUBJECTS)):
        subject = list(SUBJECTS)[number % len(SUBJECTS)]
        name = f"{subject}-{number}.png"
        draw(subject, number).save(folder / name)
        text = f"{SUBJECTS[subject]}, {ENDINGS[number % len(ENDINGS)]}. Report {number}."
        licence = "cc0" if number % 3 else "agency"
        rows.append([text, name, f"A {subject}", licence, f"2024-0{1 + number % 9}-15"])
    table = folder / "archive.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "picture", "caption", "licence", "date"])
        writer.writerows(rows)
    return table
