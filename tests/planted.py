"""A dual encoder that is trained here, in seconds, to know the colours and forms of shapes.

It does not know whether a picture is dark: texts of its training never say so. An archive whose
texts do can teach a desk what the model cannot tell.
"""

from __future__ import annotations

import csv
import json
from itertools import product
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

NAME = "planted-dual"
COLOURS = {"red": (220, 40, 40), "green": (40, 170, 60), "blue": (60, 80, 230)}
COLOURS |= {"yellow": (235, 215, 50), "violet": (160, 60, 190), "white": (250, 250, 250)}
SHAPES = ("circle", "cross", "stripes")
FORMS = (
    "a {} {}",
    "We saw a {} {} at noon.",
    "We saw a {} {} at midnight.",
    "A {} {} was there, in full daylight",
    "There is a {} {} after nightfall",
)
KINDS = tuple(product(COLOURS, SHAPES))
SIDE = 32
BATCH = 64
CONFIG = {
    "embed_dim": 32,
    "vision_cfg": {"image_size": SIDE, "layers": [1, 1, 1, 1], "width": 16, "head_width": 16},
    "text_cfg": {"context_length": 24, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
}


def draw(colour: str, shape: str, dark: bool, seed: int) -> Image.Image:
    """One shape on a light or dark noisy ground."""
    rng = np.random.default_rng(seed)
    low, high = (0, 40) if dark else (130, 170)
    ground = rng.integers(low, high, size=(SIDE, SIDE, 3), dtype=np.uint8)
    image = Image.fromarray(ground)
    pen = ImageDraw.Draw(image)
    x, y = (int(v) for v in rng.integers(1, 11, size=2))
    size, fill = int(rng.integers(16, 21)), COLOURS[colour]
    if shape == "circle":
        pen.ellipse((x, y, x + size, y + size), fill=fill)
    elif shape == "stripes":
        for left in range(x, x + size, 6):
            pen.rectangle((left, y, left + 2, y + size), fill=fill)
    else:
        third = size // 3
        pen.rectangle((x + third, y, x + 2 * third, y + size), fill=fill)
        pen.rectangle((x, y + third, x + size, y + 2 * third), fill=fill)
    return image


def register(folder: Path, name: str = NAME, config: dict[str, object] = CONFIG) -> str:
    """Makes a configuration known to open_clip; returns the backbone's name."""
    import open_clip

    path = folder / f"{name}.json"
    path.write_text(json.dumps(config), encoding="utf-8")
    open_clip.add_model_config(path)
    return f"openclip:{name}"


def train(folder: Path, steps: int = 120, seed: int = 0) -> Path:
    """Trains the model on shapes and their names; returns the file of its weights."""
    import open_clip
    import torch
    from safetensors.torch import save_file

    register(folder)
    names = [form.format(*kind) for form in FORMS for kind in KINDS]
    tokens = open_clip.get_tokenizer(NAME)(names).reshape(len(FORMS), len(KINDS), -1)
    rng = np.random.default_rng(seed)
    shades = np.asarray([0.48145466, 0.4578275, 0.40821073]), np.asarray([0.2686, 0.2613, 0.2758])
    drawn = np.stack(
        [
            np.asarray(draw(*KINDS[n % len(KINDS)], dark=bool(rng.integers(2)), seed=10_000 + n))
            for n in range(len(KINDS) * 24)
        ]
    )
    pixels = ((drawn / 255 - shades[0]) / shades[1]).transpose(0, 3, 1, 2).astype(np.float32)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = open_clip.model.CLIP(**CONFIG)
        model.token_embedding.requires_grad_(False)  # two thirds of the numbers, and of the time
        rest = [one for one in model.parameters() if one.requires_grad]
        optimiser = torch.optim.AdamW(rest, lr=2e-3, weight_decay=0.01)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=steps)
        model.train()
        for _ in range(steps):
            rows = rng.permutation(len(pixels))[:BATCH]
            said = tokens[rng.integers(len(FORMS), size=len(KINDS)), np.arange(len(KINDS))]
            images, texts, scale = model(torch.from_numpy(pixels[rows]), said)
            logits = scale * images @ texts.T  # (pictures, kinds)
            right = torch.from_numpy(rows % len(KINDS))
            shown = torch.nn.functional.one_hot(right, len(KINDS)).float()
            loss = torch.nn.functional.cross_entropy(logits, right)
            loss = loss - (logits.log_softmax(0) * shown).sum() / len(rows)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    file = folder / "planted.safetensors"
    save_file({name: one.contiguous() for name, one in model.eval().state_dict().items()}, file)
    return file


def write_pictures(folder: Path, copies: int, seed: int) -> list[tuple[str, str, bool, str]]:
    """Pictures of every kind, half of them dark; returns colour, shape, dark and file of each."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number, ((colour, shape), copy) in enumerate(product(KINDS, range(copies))):
        dark = bool(copy % 2)
        name = f"{seed}-{number}.png"
        draw(colour, shape, dark, seed * 1000 + number).save(folder / name)
        rows.append((colour, shape, dark, name))
    return rows


def write_table(folder: Path, rows: list[tuple[str, str]]) -> Path:
    """Texts and pictures as ``archive.csv``."""
    table = folder / "archive.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "picture"])
        writer.writerows(rows)
    return table
