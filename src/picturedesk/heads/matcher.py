"""Text encoder and heads together: texts and pictures into one space, kept as one folder.

Takes and gives arrays. Knows which backbone and levels its features must come from, but nothing of
how they are read or stored; loads neither torch nor scikit-learn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from picturedesk.backbones.spec import BackboneSpec
from picturedesk.disk.artifacts import (
    atomic_folder,
    fingerprint,
    plain,
    read_manifest,
    write_manifest,
)
from picturedesk.errors import BadInput, Mismatch
from picturedesk.heads.fusion import KIND as MLP
from picturedesk.heads.fusion import FusionMLP, length_one
from picturedesk.heads.linear import LinearHead
from picturedesk.texts import load_text_encoder
from picturedesk.types import Floats, TextEncoder

KIND = "matcher"
_TEXT_ENCODER = "text_encoder"
_FUSION = "fusion"
_TEXT_HEAD = "text_head"


@dataclass(frozen=True, slots=True, eq=False)
class Matcher:
    """Puts texts and pictures into one space, where cosine says how well they suit each other.

    Attributes:
        text_encoder: texts → text features.
        fusion: level features → (N, D).
        backbone: what the level features must have been read with.
        levels: those that the fusion reads, in the order of its columns; () means all of the
            backbone's.
        text_head: text features → (Q, D); None where text features are the shared space, as in
            the paper.
    """

    text_encoder: TextEncoder
    fusion: FusionMLP | LinearHead
    backbone: BackboneSpec
    levels: tuple[str, ...] = ()
    text_head: LinearHead | None = None

    def __post_init__(self) -> None:
        """Raises Mismatch where the parts do not fit together."""
        named = tuple(self.levels) or tuple(str(level) for level in self.backbone.levels)
        object.__setattr__(self, "levels", named)
        columns = [self.backbone.columns(level) for level in named]
        read = sum(part.stop - part.start for part in columns)
        if read != self.fusion.inputs:
            raise Mismatch(
                f"the fusion reads {self.fusion.inputs} numbers a picture, but {', '.join(named)} "
                f"of {self.backbone.name} are {read}: name the levels it was trained on"
            )
        given, wanted = self.text_encoder.width, self.fusion.width
        if self.text_head is not None:
            if self.text_head.inputs != given:
                raise Mismatch(
                    f"the text encoder gives {given} numbers a text, the text head reads "
                    f"{self.text_head.inputs}: fit both again"
                )
            given = self.text_head.width
        if given != wanted:
            raise Mismatch(
                f"texts are {given} numbers, the fusion gives {wanted} a picture: train the "
                "fusion with this text encoder"
            )

    @property
    def width(self) -> int:
        """Width D of the shared space."""
        return self.fusion.width

    @property
    def fingerprint(self) -> str:
        """Hash of all that decides where a text or a picture lies in the shared space."""
        return fingerprint(
            [
                self.text_encoder.fingerprint,
                self.fusion.fingerprint,
                self.backbone.fingerprint,
                self.levels,
                self.text_head.fingerprint if self.text_head is not None else None,
            ]
        )

    def level_columns(self) -> dict[str, slice]:
        """Where each level lies among the columns that the matcher reads."""
        found: dict[str, slice] = {}
        start = 0
        for level in self.levels:
            known = self.backbone.columns(level)
            found[level] = slice(start, start + known.stop - known.start)
            start = found[level].stop
        return found

    def texts(self, texts: Sequence[str]) -> Floats:
        """Q texts → (Q, D) of length one; a text without a known word gives zeros."""
        return self.placed(self.text_encoder.encode(texts))

    def placed(self, text_features: Floats) -> Floats:
        """Text features (Q, I), as the text encoder gives them → (Q, D) of length one."""
        head = self.text_head
        return length_one(text_features if head is None else head(text_features))

    def pictures(self, features: Floats) -> Floats:
        """Level features (N, ΣD_l of ``levels``) → (N, D) of length one.

        Raises:
            BadInput: if the width is another one, or a feature is not finite.
        """
        if features.ndim != 2 or features.shape[1] != self.fusion.inputs:
            raise BadInput(
                f"features of shape {features.shape}, but this matcher reads {self.fusion.inputs} "
                f"numbers a picture: {', '.join(self.levels)} of {self.backbone.name}"
            )
        return length_one(self.fusion(features))

    def require(self, backbone: BackboneSpec) -> None:
        """Raises Mismatch, saying what differs, unless features come from the same backbone."""
        if backbone.fingerprint == self.backbone.fingerprint:
            return
        ours, theirs = plain(self.backbone), plain(backbone)
        different = [name for name in ours if ours[name] != theirs[name] and name != "weights"]
        shown = ", ".join(f"{name} {theirs[name]} (here {ours[name]})" for name in different)
        raise Mismatch(
            f"features were read with another backbone than this matcher's: {shown}; "
            "extract the pictures again with this one, or fit again with that one"
        )

    def save(self, folder: Path) -> None:
        """Writes one folder with both parts and a manifest; it is there whole or not at all."""
        with atomic_folder(folder) as temporary:
            self.text_encoder.save(temporary / _TEXT_ENCODER)
            self.fusion.save(temporary / _FUSION)
            if self.text_head is not None:
                self.text_head.save(temporary / _TEXT_HEAD)
            write_manifest(
                temporary,
                KIND,
                {
                    "backbone": self.backbone,
                    "levels": self.levels,
                    "width": self.width,
                    "text_encoder": self.text_encoder.fingerprint,
                    "fusion": self.fusion.fingerprint,
                    "text_head": self.text_head is not None,
                    "fingerprint": self.fingerprint,
                },
            )

    @classmethod
    def load(cls, folder: Path) -> Matcher:
        """Reads what ``save`` wrote; gives the same vectors.

        Raises:
            MissingArtefact: if nothing is there, or a part is missing.
            Mismatch: if the folder holds something else, or a part was exchanged.
        """
        manifest = read_manifest(folder, KIND)
        loaded = cls(
            load_text_encoder(folder / _TEXT_ENCODER),
            _load_fusion(folder / _FUSION),
            BackboneSpec.from_json(manifest["backbone"]),
            tuple(manifest["levels"]),
            LinearHead.load(folder / _TEXT_HEAD) if manifest["text_head"] else None,
        )
        if loaded.fingerprint != manifest["fingerprint"]:
            raise Mismatch(
                f"{folder} is not as it was saved: its text encoder, fusion or backbone was "
                "exchanged; fit again"
            )
        return loaded


def _load_fusion(folder: Path) -> FusionMLP | LinearHead:
    kind = read_manifest(folder).get("kind")
    return FusionMLP.load(folder) if kind == MLP else LinearHead.load(folder)
