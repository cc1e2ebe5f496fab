"""The backbone: a frozen network, read at several levels. Knows neither torch nor ONNX Runtime.

It gives names and widths of levels; its runner computes features with one of the libraries.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

import picturedesk.checks as checks
from picturedesk.backbones.levels import PROBS, ReadableLevel
from picturedesk.backbones.onnx_runner import GRAPH, OnnxRunner
from picturedesk.backbones.presets import preset
from picturedesk.backbones.spec import BackboneSpec, Origin
from picturedesk.disk.artifacts import (
    atomic_folder,
    checked_file,
    plain,
    read_manifest,
    write_manifest,
)
from picturedesk.errors import BadInput, Mismatch, MissingExtra
from picturedesk.types import Floats, Level, Runner

KIND = "backbone"
RUNNERS = ("torch", "onnx")
MOST_THREADS = 1024
UNKNOWN = Origin("unknown", "unknown")
_EXTRAS = dict.fromkeys(("torch", "torchvision", "timm", "onnx", "onnxscript"), "train") | (
    dict.fromkeys(("open_clip", "transformers", "tokenizers"), "clip")
)


@runtime_checkable
class GraphWriter(Protocol):
    """A runner that can export its network as an ONNX graph."""

    def write_graph(self, folder: Path) -> None:
        """Writes ``backbone.onnx`` and its external weights, if any, into an existing folder."""


@runtime_checkable
class TowerWriter(Protocol):
    """The text tower of a dual encoder, which can be exported with its tokenizer."""

    def write(self, folder: Path) -> None:
        """Writes a folder (``disk.text_tower``), atomically."""

    def encode(self, texts: Sequence[str]) -> Floats:
        """Q texts → (Q, S), by the library that the tower comes from; not of length one."""


class Backbone:
    """Pictures → level features, computed by its runner.

    Args:
        name: a preset ("default", "lite0", "lite2", "paper"), any timm model, or a dual encoder as
            "openclip:MODEL/TAG" or "openclip:MODEL" (open_clip's names; extra ``clip``). "@PIXELS"
            behind it gives the size ("lite2@288").
        levels: levels to read, each "<where>:<pooling>"; None for the preset's.
        weights: a file (.safetensors, .pth), "hub", "random" or "random:SEED"; None for the
            preset's (for other models: the hub).
        runner: "torch", or "onnx" to export the network and compute in ONNX Runtime.
        device: for torch: "cpu", "cuda", "mps" or "auto".
        size: side of the square input, pixels; 0 for the network's own, None for the name's or the
            preset's.
        framing: "centre" (the central square of a picture) or "whole" (the whole picture, squashed
            to a square); None for the preset's, which of a dual encoder is its own.

    Attributes:
        spec: everything that determines its output.
        runner: computes features.
        origin: source and licence of its weights.
        classes: names of the columns of the level ``probs``, in order ("tench", "goldfish", …); ()
            if that level is not read or its classes are unknown.
        text_tower: of a dual encoder that was built by its name, to be exported; else None.

    Raises:
        BadInput: a name, level, file, runner, device, size or framing cannot be used.
        MissingExtra: torch or timm is not installed.
        MissingArtefact: the package with the preset's weights is not installed.
        PicturedeskError: the hub could not be reached, or the export failed.
    """

    spec: BackboneSpec
    runner: Runner
    origin: Origin
    classes: tuple[str, ...]
    text_tower: TowerWriter | None

    def __init__(
        self,
        name: str = "default",
        levels: Sequence[str] | None = None,
        *,
        weights: str | Path | None = None,
        runner: str = "torch",
        device: str = "cpu",
        size: int | None = None,
        framing: str | None = None,
    ) -> None:
        checks.text("name", name)
        levels = None if levels is None else checks.texts("levels", levels)
        if weights is not None:
            checks.path("weights", weights)
        checks.text("device", device)
        if checks.text("runner", runner) not in RUNNERS:
            raise BadInput(f"unknown runner '{runner}': there are {', '.join(RUNNERS)}")
        if runner == "onnx" and device not in ("cpu", "auto"):
            raise BadInput(f"device '{device}' is for runner='torch': ONNX Runtime uses the CPU")
        with _extra("building a backbone"):
            from picturedesk.backbones.build import build

            chosen = preset(name, size, framing)
            built = build(chosen, levels, weights, "cpu" if runner == "onnx" else device)
        self.spec, self.runner, self.origin = built.spec, built.runner, built.origin
        self.classes, self.text_tower = built.classes, built.text_tower
        if runner == "onnx":
            self._change_to_onnx(built.runner)

    @classmethod
    def of(
        cls,
        spec: BackboneSpec,
        runner: Runner,
        origin: Origin = UNKNOWN,
        classes: Sequence[str] = (),
    ) -> Backbone:
        """A backbone with any runner, such as a test double or another engine.

        Raises:
            BadInput: there are classes, but not as many as columns of ``probs``.
        """
        checks.instance("spec", spec, BackboneSpec)
        checks.function("runner", runner)
        checks.instance("origin", origin, Origin)
        classes = checks.texts("classes", classes)
        columns = sum(level.width for level in spec.levels if level.name == PROBS)
        if classes and len(classes) != columns:
            raise BadInput(
                f"{spec.name} has {len(classes)} class names for {columns} columns of 'probs': "
                "name all columns, or none"
            )
        backbone = cls.__new__(cls)
        backbone.spec, backbone.runner, backbone.origin = spec, runner, origin
        backbone.classes, backbone.text_tower = tuple(classes), None
        return backbone

    @classmethod
    def load(cls, folder: Path, threads: int = 0) -> Backbone:
        """Reads what ``save`` wrote; computes in ONNX Runtime, without torch.

        Args:
            folder: has the manifest and the graph.
            threads: threads per batch; 0 uses every CPU that this process may use.

        Raises:
            MissingArtefact: the folder or a file of it is missing or damaged.
            Mismatch: the folder holds something else.
        """
        cure = f"remove {folder}, then run picturedesk fit again"
        folder = checks.path("folder", folder)
        threads = checks.whole_number("threads", threads, 0, MOST_THREADS)
        manifest = read_manifest(folder, KIND, cure)
        spec = BackboneSpec.from_json(manifest["spec"])
        for name in (GRAPH, *manifest["files"]):
            with closing(checked_file(folder, name, manifest, cure)) as file:
                file.check()
        runner = OnnxRunner(folder / GRAPH, threads)
        if (runner.width, runner.size) != (spec.width, spec.preprocessing.size):
            raise Mismatch(
                f"{folder}: the graph gives {runner.width} numbers for {runner.size} px, the "
                f"manifest says {spec.width} for {spec.preprocessing.size}: save it again"
            )
        origin = manifest.get("origin") or {}
        licence = str(origin.get("licence", UNKNOWN.licence))
        source = str(origin.get("source", UNKNOWN.source))
        classes = [str(name) for name in manifest.get("classes") or ()]
        return cls.of(spec, runner, Origin(source, licence), classes)

    def save(self, folder: Path) -> None:
        """Writes a folder atomically: the graph, and a manifest with spec and licence.

        Raises:
            BadInput: its runner cannot export a graph.
            PicturedeskError: the graph and torch compute different features.
        """
        if not isinstance(self.runner, GraphWriter):
            raise BadInput(
                f"backbone '{self.spec.name}' runs on {type(self.runner).__name__}, which cannot "
                "export a graph: build the backbone by its name"
            )
        with atomic_folder(folder) as temporary:
            with _extra("saving a backbone"):
                self.runner.write_graph(temporary)
            content = {
                "fingerprint": self.fingerprint,
                "spec": plain(self.spec),
                "origin": plain(self.origin),
                "classes": list(self.classes),
            }
            write_manifest(temporary, KIND, content)

    @property
    def levels(self) -> tuple[Level, ...]:
        """The levels, in the order of their columns."""
        return self.spec.levels

    @property
    def width(self) -> int:
        """Numbers per picture, all levels together (ΣD_l)."""
        return self.spec.width

    @property
    def fingerprint(self) -> str:
        """Hash of everything that determines the output, except the runner."""
        return self.spec.fingerprint

    def features(self, pixels: Floats) -> Floats:
        """Normalised pixels (B, 3, S, S) → all levels, pooled and concatenated (B, ΣD_l).

        Raises:
            BadInput: the pixels have another shape.
        """
        size = self.spec.preprocessing.size
        pixels = checks.floats("pixels", pixels)
        if pixels.ndim != 4 or pixels.shape[1:] != (3, size, size):
            raise BadInput(
                f"{self.spec.name} takes pixels of shape (B, 3, {size}, {size}), not "
                f"{pixels.shape}: make them with to_pixels and this backbone's preprocessing"
            )
        if not len(pixels):
            return np.zeros((0, self.width), dtype=np.float32)
        return self.runner(np.ascontiguousarray(pixels, dtype=np.float32))

    def _change_to_onnx(self, writer: GraphWriter) -> None:
        folder = Path(tempfile.mkdtemp(prefix="picturedesk-"))
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        with _extra("runner='onnx'"):
            writer.write_graph(folder)
        self.runner = OnnxRunner(folder / GRAPH)


def readable_levels(name: str) -> list[ReadableLevel]:
    """The readable levels of a preset's network or any other model, in order of computation.

    Needs and downloads no weights. Raises BadInput if the model is unknown, and MissingExtra if
    timm (for dual encoders: open_clip) is not installed.
    """
    with _extra("listing a backbone's levels"):
        from picturedesk.backbones.survey import readable, survey

        chosen = preset(name)
        return readable(survey(chosen.model, chosen.size))


@contextmanager
def _extra(what: str) -> Iterator[None]:
    """Turns the error of a missing library into MissingExtra."""
    try:
        yield
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        extra = _EXTRAS.get(library)
        if extra is None:
            raise
        raise MissingExtra(f"{what} (with {library})", extra) from None
