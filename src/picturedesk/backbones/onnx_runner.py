"""Runs an exported backbone in ONNX Runtime on the CPU. Knows neither torch nor timm."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from picturedesk.errors import MissingArtefact
from picturedesk.types import Floats

GRAPH = "backbone.onnx"
PIXELS = "pixels"
FEATURES = "features"
ERRORS_ONLY = 3  # ONNX Runtime's scale: 0 verbose … 4 fatal
SHARE = 4  # pictures that one thread runs at a time


class OnnxRunner:
    """NumPy in, NumPy out, through one session. The row of a picture does not depend on its batch.

    Each thread runs a few pictures of a batch from end to end. If threads shared each operation,
    they would wait for each other after each: 1.2 to 1.3 times fewer pictures per second.

    Args:
        path: an ONNX graph with one input, "pixels", and one output, "features".
        threads: threads per batch; 0 uses every CPU that this process may use.

    Raises:
        MissingArtefact: the file is missing, or is not such a graph.
    """

    def __init__(self, path: Path, threads: int = 0) -> None:
        import onnxruntime

        onnxruntime.disable_telemetry_events()
        options = onnxruntime.SessionOptions()
        options.log_severity_level = ERRORS_ONLY
        options.intra_op_num_threads = 1
        self._threads = threads or available_cpus()
        self._pool = ThreadPoolExecutor(self._threads, "picturedesk network")
        if not path.is_file():
            raise MissingArtefact(f"{path} does not exist: was the folder made by picturedesk?")
        try:
            self._session = onnxruntime.InferenceSession(
                path, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # its errors derive from Exception directly
            raise MissingArtefact(
                f"{path} cannot be run ({str(error).splitlines()[0]}): export it again"
            ) from None
        if self._names() != ([PIXELS], [FEATURES]):
            raise MissingArtefact(
                f"{path} has inputs {self._names()[0]} and outputs {self._names()[1]}, not "
                f"['{PIXELS}'] and ['{FEATURES}']: it is not a backbone of picturedesk"
            )
        self.path = path

    def __call__(self, pixels: Floats) -> Floats:
        """Pixels (B, 3, S, S), normalised → (B, ΣD_l)."""
        share = max(1, min(SHARE, -(-len(pixels) // self._threads)))
        parts = [pixels[start : start + share] for start in range(0, len(pixels), share)]
        if len(parts) <= 1:
            return self._run(pixels)
        return np.concatenate(list(self._pool.map(self._run, parts)))

    @property
    def size(self) -> int:
        """Side of the square input, pixels."""
        return int(self._session.get_inputs()[0].shape[-1])

    @property
    def width(self) -> int:
        """Numbers per picture, all levels together (ΣD_l)."""
        return int(self._session.get_outputs()[0].shape[-1])

    def write_graph(self, folder: Path) -> None:
        """Copies the graph and its external weights, if any, into ``folder``."""
        for file in graph_files(self.path.parent, self.path.name):
            shutil.copyfile(file, folder / (GRAPH if file == self.path else file.name))

    def _run(self, pixels: Floats) -> Floats:
        features: Floats = self._session.run([FEATURES], {PIXELS: pixels})[0]
        return features

    def _names(self) -> tuple[list[str], list[str]]:
        inputs = [value.name for value in self._session.get_inputs()]
        return inputs, [value.name for value in self._session.get_outputs()]


def graph_files(folder: Path, name: str) -> list[Path]:
    """The graph, and its external weights if they exceed the limit of ONNX (2 GB)."""
    return sorted(path for path in folder.glob(f"{name}*") if path.is_file())


def available_cpus() -> int:
    """CPUs that this process may use; at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
