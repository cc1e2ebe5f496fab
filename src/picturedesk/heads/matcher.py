"""The matcher: a text encoder and heads that map texts and pictures to one space.

Takes and returns arrays; saved as one folder. Knows the backbone and levels of its features, not
how they are read or stored; loads neither torch nor scikit-learn.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

import picturedesk.checks as checks
from picturedesk.backbones.spec import BackboneSpec
from picturedesk.disk.artifacts import (
    atomic_folder,
    fingerprint,
    plain,
    read_manifest,
    write_manifest,
)
from picturedesk.errors import BadInput, Mismatch
from picturedesk.heads.cross_fitted import CrossFitted
from picturedesk.heads.fusion import KIND as MLP
from picturedesk.heads.fusion import FusionMLP, length_one
from picturedesk.heads.linear import LinearHead
from picturedesk.texts import load_text_encoder
from picturedesk.types import Floats, Ints, TextEncoder

KIND = "matcher"
_TEXT_ENCODER = "text_encoder"
_FUSION = "fusion"
_TEXT_HEAD = "text_head"
_CROSS_FITTED = "cross_fitted"


@dataclass(frozen=True, eq=False)
class Matcher:
    """Maps texts and pictures to one space; their cosine there tells how well they match.

    Attributes:
        text_encoder: texts → text features.
        fusion: level features → (N, D).
        backbone: the backbone of the level features.
        levels: levels that the fusion reads, in the order of its columns; () means all levels of
            the backbone.
        text_head: text features → (Q, D); None if text features are the shared space, as in the
            paper.
        cross_fitted: heads for the pictures that ``fusion`` was fitted on, each fitted without
            them; None places these pictures like all others.
    """

    text_encoder: TextEncoder
    fusion: FusionMLP | LinearHead
    backbone: BackboneSpec
    levels: tuple[str, ...] = ()
    text_head: LinearHead | None = None
    cross_fitted: CrossFitted | None = None

    def __post_init__(self) -> None:
        """Raises Mismatch if the parts do not fit together, BadInput if one is something else."""
        checks.instance("text_encoder", self.text_encoder, TextEncoder)
        if not isinstance(self.fusion, FusionMLP | LinearHead):
            raise checks.refusal("fusion", self.fusion, "a FusionMLP or a LinearHead")
        checks.instance("backbone", self.backbone, BackboneSpec)
        checks.optional("text_head", self.text_head, LinearHead)
        checks.optional("cross_fitted", self.cross_fitted, CrossFitted)
        named = tuple(checks.texts("levels", self.levels)) or tuple(
            str(level) for level in self.backbone.levels
        )
        object.__setattr__(self, "levels", named)
        columns = [self.backbone.columns(level) for level in named]
        read = sum(part.stop - part.start for part in columns)
        if read != self.fusion.inputs:
            raise Mismatch(
                f"the fusion reads {self.fusion.inputs} numbers per picture, but "
                f"{', '.join(named)} of {self.backbone.name} have {read}: name the levels of its "
                "training"
            )
        given, wanted = self.text_encoder.width, self.fusion.width
        if self.text_head is not None:
            if self.text_head.inputs != given:
                raise Mismatch(
                    f"the text encoder gives {given} numbers per text, the text head reads "
                    f"{self.text_head.inputs}: fit both again"
                )
            given = self.text_head.width
        if given != wanted:
            raise Mismatch(
                f"text vectors have {given} numbers, picture vectors {wanted}: train the "
                "fusion with this text encoder"
            )

    @property
    def width(self) -> int:
        """Width D of the shared space."""
        return self.fusion.width

    @cached_property
    def fingerprint(self) -> str:
        """Hash of everything that determines vectors of texts and pictures."""
        return fingerprint(
            [
                self.text_encoder.fingerprint,
                self.fusion.fingerprint,
                self.backbone.fingerprint,
                self.levels,
                self.text_head.fingerprint if self.text_head is not None else None,
                self.cross_fitted.fingerprint if self.cross_fitted is not None else None,
            ]
        )

    def level_columns(self) -> dict[str, slice]:
        """The columns of each level in the matcher's input."""
        found: dict[str, slice] = {}
        start = 0
        for level in self.levels:
            known = self.backbone.columns(level)
            found[level] = slice(start, start + known.stop - known.start)
            start = found[level].stop
        return found

    def texts(self, texts: Sequence[str]) -> Floats:
        """Q texts → (Q, D) of length one; zeros if no word of a text is known."""
        return self.placed(self.text_encoder.encode(texts))

    def placed(self, text_features: Floats) -> Floats:
        """Text features (Q, I) of the text encoder → (Q, D) of length one."""
        checks.matrix("text_features", text_features, self.text_encoder.width)
        head = self.text_head
        return length_one(text_features if head is None else head(text_features))

    def pictures(self, features: Floats, keys: Sequence[str] = ()) -> Floats:
        """Level features (N, ΣD_l of ``levels``) → (N, D) of length one.

        Args:
            features: of N pictures.
            keys: their content keys: a picture of the archive that was learned from is placed by
                the head that was fitted without it. () places all by ``fusion``.

        Raises:
            BadInput: the features have another width, or one is NaN or infinite.
        """
        checks.array("features", features)
        if features.ndim != 2 or features.shape[1] != self.fusion.inputs:
            raise BadInput(
                f"features of shape {features.shape}, but this matcher reads {self.fusion.inputs} "
                f"numbers per picture: {', '.join(self.levels)} of {self.backbone.name}"
            )
        if self.cross_fitted is None or not keys:
            return length_one(self.fusion(features))
        placed = np.empty((len(features), self.width), dtype=np.float32)
        for head, rows in self.heads_of(len(features), keys):
            placed[rows] = length_one(head(features[rows]))
        return placed

    def heads_of(
        self, count: int, keys: Sequence[str] = ()
    ) -> Iterator[tuple[FusionMLP | LinearHead, Ints]]:
        """The head that places each of ``count`` pictures: heads, and the rows of their pictures.

        Args:
            count: N pictures.
            keys: as for ``pictures``.
        """
        every = np.arange(count, dtype=np.int64)
        if self.cross_fitted is None or not keys:
            yield self.fusion, every
            return
        parts = self.cross_fitted.parts_of(keys)
        for part in np.unique(parts):
            head = self.fusion if part < 0 else self.cross_fitted.heads[int(part)]
            yield head, every[parts == part]

    def require(self, backbone: BackboneSpec) -> None:
        """Raises Mismatch unless features come from the same backbone; says what differs."""
        checks.instance("backbone", backbone, BackboneSpec)
        if backbone.fingerprint == self.backbone.fingerprint:
            return
        ours, theirs = plain(self.backbone), plain(backbone)
        different = [name for name in ours if ours[name] != theirs[name] and name != "weights"]
        shown = ", ".join(f"{name} {theirs[name]} (here {ours[name]})" for name in different)
        raise Mismatch(
            f"features come from another backbone than this matcher's: {shown}; extract the "
            "pictures again with the matcher's backbone, or fit again with the other one"
        )

    def save(self, folder: Path) -> None:
        """Writes one folder with all parts and a manifest, atomically."""
        with atomic_folder(folder) as temporary:
            self.text_encoder.save(temporary / _TEXT_ENCODER)
            self.fusion.save(temporary / _FUSION)
            if self.text_head is not None:
                self.text_head.save(temporary / _TEXT_HEAD)
            if self.cross_fitted is not None:
                self.cross_fitted.save(temporary / _CROSS_FITTED)
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
                    "cross_fitted": self.cross_fitted is not None,
                    "fingerprint": self.fingerprint,
                },
            )

    @classmethod
    def load(cls, folder: Path) -> Matcher:
        """Reads what ``save`` wrote; returns the same vectors.

        Raises:
            MissingArtefact: the folder or a part of it is missing.
            Mismatch: the folder holds something else, or a part was replaced.
        """
        folder = checks.path("folder", folder)
        manifest = read_manifest(folder, KIND)
        loaded = cls(
            load_text_encoder(folder / _TEXT_ENCODER),
            _load_fusion(folder / _FUSION),
            BackboneSpec.from_json(manifest["backbone"]),
            tuple(manifest["levels"]),
            LinearHead.load(folder / _TEXT_HEAD) if manifest["text_head"] else None,
            CrossFitted.load(folder / _CROSS_FITTED) if manifest["cross_fitted"] else None,
        )
        if loaded.fingerprint != manifest["fingerprint"]:
            raise Mismatch(
                f"{folder} has changed: its text encoder, fusion or backbone was replaced since it "
                "was saved; fit again"
            )
        return loaded


def _load_fusion(folder: Path) -> FusionMLP | LinearHead:
    kind = read_manifest(folder).get("kind")
    return FusionMLP.load(folder) if kind == MLP else LinearHead.load(folder)
