"""The backbone: a frozen network, read at several levels. Knows neither torch nor ONNX Runtime.

Those who make features ask it for names and widths; which library computes is the runner's.
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
UNKNOWN = Origin("unknown", "unknown")


@runtime_checkable
class GraphWriter(Protocol):
    """A runner that can leave its network as an ONNX graph."""

    def write_graph(self, folder: Path) -> None:
        """Writes ``backbone.onnx``, and what must lie beside it, into an existing folder."""


class Backbone:
    """Pictures → level features, by whichever runner it was given.

    Args:
        name: a preset ("default", "lite0", "lite2", "paper") or any timm model.
        levels: what to read, each "<where>:<pooling>"; None takes the preset's.
        weights: a file (.safetensors, .pth), "hub", "random" or "random:SEED"; None takes the
            preset's, which for a timm model is the hub.
        runner: "torch", or "onnx" to export it first and compute in ONNX Runtime.
        device: for torch: "cpu", "cuda", "mps" or "auto".
        size: side of the square input, pixels; 0 for the network's own, None for the preset's.
        framing: "centre" (the middle square of a picture) or "whole" (all of it, squashed to a
            square); None takes the preset's.

    Attributes:
        spec: all that decides its output.
        runner: what computes.
        origin: where its weights came from, and their licence.
        classes: names of the columns of the level ``probs``, in their order ("tench", "goldfish",
            …); () where that level is not read, or its classes are not known.

    Raises:
        BadInput: a name, level, file, runner, device, size or framing that cannot be used.
        MissingExtra: torch or timm is not installed.
        MissingArtefact: the package that ships the preset's weights is not installed.
        PicturedeskError: the hub could not be reached, or the export failed.
    """

    spec: BackboneSpec
    runner: Runner
    origin: Origin
    classes: tuple[str, ...]

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
        if runner not in RUNNERS:
            raise BadInput(f"runner '{runner}' is unknown: there are {', '.join(RUNNERS)}")
        if runner == "onnx" and device not in ("cpu", "auto"):
            raise BadInput(f"device '{device}' is for runner='torch': ONNX Runtime uses the CPU")
        with _extra("a backbone by its name"):
            from picturedesk.backbones.build import build

            chosen = preset(name, size, framing)
            built = build(chosen, levels, weights, "cpu" if runner == "onnx" else device)
        self.spec, self.runner, self.origin = built.spec, built.runner, built.origin
        self.classes = built.classes
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
        """A backbone over any runner: the seam for doubles and other engines.

        Raises:
            BadInput: there are classes, and not as many as ``probs`` has columns.
        """
        columns = sum(level.width for level in spec.levels if level.name == PROBS)
        if classes and len(classes) != columns:
            raise BadInput(
                f"{spec.name} is given {len(classes)} classes for {columns} columns of 'probs': "
                "name each column, or none"
            )
        backbone = cls.__new__(cls)
        backbone.spec, backbone.runner, backbone.origin = spec, runner, origin
        backbone.classes = tuple(classes)
        return backbone

    @classmethod
    def load(cls, folder: Path, threads: int = 0) -> Backbone:
        """Reads what ``save`` wrote; computes in ONNX Runtime, without torch.

        Args:
            folder: holds the manifest and the graph.
            threads: how many compute one batch; 0 takes every CPU this process may use.

        Raises:
            MissingArtefact: the folder, or a file of it, is not there or not whole.
            Mismatch: the folder holds something else.
        """
        cure = f"remove {folder}, then run picturedesk fit again"
        manifest = read_manifest(folder, KIND, cure)
        spec = BackboneSpec.from_json(manifest["spec"])
        for name in (GRAPH, *manifest["files"]):
            with closing(checked_file(folder, name, manifest, cure)) as file:
                file.check()
        runner = OnnxRunner(folder / GRAPH, threads)
        if (runner.width, runner.size) != (spec.width, spec.preprocessing.size):
            raise Mismatch(
                f"{folder}: its graph gives {runner.width} numbers for {runner.size} px, its "
                f"manifest says {spec.width} for {spec.preprocessing.size}: save it again"
            )
        origin = manifest.get("origin") or {}
        licence = str(origin.get("licence", UNKNOWN.licence))
        source = str(origin.get("source", UNKNOWN.source))
        classes = [str(name) for name in manifest.get("classes") or ()]
        return cls.of(spec, runner, Origin(source, licence), classes)

    def save(self, folder: Path) -> None:
        """Leaves a folder, whole or not at all: the graph, and a manifest with spec and licence.

        Raises:
            BadInput: its runner has no graph to leave.
            PicturedeskError: the graph does not compute what torch does.
        """
        if not isinstance(self.runner, GraphWriter):
            raise BadInput(
                f"backbone '{self.spec.name}' runs on {type(self.runner).__name__}, which has no "
                "graph to save: build it by its name"
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
        """The levels that are read, in the order of their columns."""
        return self.spec.levels

    @property
    def width(self) -> int:
        """Numbers per picture, all levels together (ΣD_l)."""
        return self.spec.width

    @property
    def fingerprint(self) -> str:
        """Hash of all that decides the output, the runner apart."""
        return self.spec.fingerprint

    def features(self, pixels: Floats) -> Floats:
        """Normalised pixels (B, 3, S, S) → all levels, pooled and concatenated (B, ΣD_l).

        Raises:
            BadInput: the pixels have another shape.
        """
        size = self.spec.preprocessing.size
        if pixels.ndim != 4 or pixels.shape[1:] != (3, size, size):
            raise BadInput(
                f"{self.spec.name} takes pixels of shape (B, 3, {size}, {size}), given "
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
    """What can be read from a preset's network or any timm model, in the order it computes.

    Needs no weights and downloads none. Raises BadInput where there is no such model, and
    MissingExtra without timm.
    """
    with _extra("the table of a backbone's levels"):
        from picturedesk.backbones.survey import readable, survey

        chosen = preset(name)
        return readable(survey(chosen.model, chosen.size))


@contextmanager
def _extra(what: str) -> Iterator[None]:
    """Turns a missing library of the extra into its cure."""
    try:
        yield
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        if library not in {"torch", "torchvision", "timm", "onnx", "onnxscript"}:
            raise
        raise MissingExtra(f"{what} (with {library})", "train") from None
