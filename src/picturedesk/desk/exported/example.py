"""Pictures and texts → vectors whose product is their score; needs onnxruntime, NumPy and Pillow.

python example.py "a text" PICTURE …
"""

import json
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime
from PIL import Image, ImageOps

from picturedesk.desk.exported.text_side import TextSide

HERE = Path(__file__).resolve().parent
HOW = json.loads((HERE / "manifest.json").read_text(encoding="utf-8"))["preprocessing"]


def square(path: str) -> npt.NDArray[np.uint8]:
    """The picture as the graph reads it: (S, S, 3), RGB, bytes."""
    image = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    side, whole, scale = HOW["size"], HOW["framing"] == "whole", HOW["resize"] / min(image.size)
    size = (side, side) if whole else (int(image.width * scale), int(image.height * scale))
    image = image.resize(size, Image.Resampling[HOW["interpolation"].upper()])
    left, top = round((image.width - side) / 2), round((image.height - side) / 2)
    return np.asarray(image.crop((left, top, left + side, top + side)))


if __name__ == "__main__":
    graph = onnxruntime.InferenceSession(HERE / "pictures.onnx")
    squares = np.stack([square(path) for path in sys.argv[2:]])
    vectors = graph.run(["vectors"], {"pictures": squares})[0]  # (N, W)
    queries = TextSide(HERE).encode([sys.argv[1]])  # (1, W)
    for name, score in zip(sys.argv[2:], (vectors @ queries.T)[:, 0], strict=True):
        print(f"{score:.3f}  {name}")  # noqa: T201 - its output
