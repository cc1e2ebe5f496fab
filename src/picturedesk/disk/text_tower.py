"""The folder of a text tower: its graph, its tokenizer, and how texts become tokens.

``backbones`` writes it from a network of torch; ``texts`` reads it without torch. Knows neither.
"""

from __future__ import annotations

import shutil
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import picturedesk.checks as checks
from picturedesk.disk.artifacts import checked_file, fingerprint
from picturedesk.errors import BadInput, Mismatch
from picturedesk.types import Json

KIND = "text tower"
GRAPH = "text.onnx"  # with its external weights, if any, in text.onnx.data
TOKENS = "tokens"  # input: (B, length), int64
VECTORS = "vectors"  # output: (B, S), not of length one
TOKENIZER = "tokenizer.json"  # of Hugging Face's tokenizers, with special tokens and truncation
CLEANINGS = ("lower", "whitespace", "canonicalize")
NOTHING = -1  # no token


@dataclass(frozen=True, slots=True)
class TowerSettings:
    """How texts become the tokens of a text tower, and what identifies it.

    Attributes:
        width: numbers per text (S).
        context: tokens of the longest text; what exceeds it is cut off.
        cleaning: of texts before the tokenizer, "lower", "whitespace" or "canonicalize"
            (open_clip's names).
        pad: token that fills a text up to its length.
        blanked: token that is replaced by 0 after the tokenizer; ``NOTHING`` for none.
        short: whether a text may have fewer tokens than ``context``: true if no token attends to
            those after it.
        weights: hash of the tower's parameters.
        tokenizer: hash of the tokenizer's file.
    """

    width: int
    context: int
    cleaning: str
    pad: int
    blanked: int
    short: bool
    weights: str
    tokenizer: str

    def __post_init__(self) -> None:
        """Raises BadInput for a cleaning that is not known, or sizes below one."""
        checks.settings(self)
        if self.cleaning not in CLEANINGS or self.width < 1 or self.context < 1:
            raise BadInput(
                f"{self}: the cleaning must be one of {', '.join(CLEANINGS)}, width and context 1 "
                "or more"
            )

    @property
    def fingerprint(self) -> str:
        """Hash (16 hex digits) of everything that determines the output."""
        return fingerprint(self)

    @classmethod
    def from_json(cls, content: Json) -> TowerSettings:
        """Reads the JSON of ``artifacts.plain(settings)``; raises Mismatch if it is malformed."""
        try:
            return cls(**content)
        except (TypeError, BadInput) as error:
            raise Mismatch(
                f"the record of a text tower cannot be read ({error}): make it again"
            ) from None


def tower_files(folder: Path) -> list[Path]:
    """The files that lie beside the record: tokenizer, graph, and the graph's weights if any."""
    return sorted([folder / TOKENIZER, *folder.glob(f"{GRAPH}*")])


def check_tower(folder: Path, manifest: Json, cure: str) -> None:
    """Compares the files with a manifest; raises MissingArtefact for damage."""
    names = {path.name for path in tower_files(folder)} | {GRAPH}
    for name in sorted(names):
        with closing(checked_file(folder, name, manifest, cure)) as file:
            file.check()


def copy_tower(source: Path, target: Path) -> None:
    """Copies the files into an existing folder."""
    for path in tower_files(source):
        shutil.copyfile(path, target / path.name)
