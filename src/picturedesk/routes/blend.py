"""The blend: several routes weighed against each other, as one query to a catalogue.

Binds the layout of catalogue vectors, the class names, the weights and the confidence; kept as one
folder. Takes arrays; knows neither desk nor catalogue.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from picturedesk.disk.artifacts import (
    array_fingerprint,
    atomic_folder,
    fingerprint,
    plain,
    read_arrays,
    read_manifest,
    write_arrays,
    write_manifest,
)
from picturedesk.errors import BadInput
from picturedesk.routes.class_names import ClassNames
from picturedesk.routes.confidence import Confidence
from picturedesk.routes.hubness import hubness
from picturedesk.routes.space import CatalogueSpace
from picturedesk.types import Doubles, Floats, Ints, Json

KIND = "blend"
DIRECT, TRANSFER, NAMES, WORDS, BLEND = "direct", "transfer", "names", "words", "blend"


@dataclass(frozen=True, slots=True)
class Weights:
    """What one unit of each route adds to the blended score; 0 leaves a route out.

    Attributes:
        direct: of the cosine of text and fused picture.
        hubs: of the picture's hubness, taken off.
        transfer: of the cosine with the pictures of similar archive texts.
        names: of the cosine with what the network says it shows.
        words: of the caption's saturated BM25, 0 to 1.
    """

    direct: float = 1.0
    hubs: float = 0.0
    transfer: float = 0.0
    names: float = 0.0
    words: float = 0.0


ALONE = {
    DIRECT: Weights(direct=1.0),
    TRANSFER: Weights(direct=0.0, transfer=1.0),
    NAMES: Weights(direct=0.0, names=1.0),
    WORDS: Weights(direct=0.0, words=1.0),
}


@dataclass(frozen=True, slots=True)
class Kernel:
    """How archive texts vote in the transfer route.

    Attributes:
        nearest: how many are heard; of near-duplicate texts the nearest one.
        temperature: a text's voice is exp(cosine / temperature); cosine, above 0.
    """

    nearest: int = 20
    temperature: float = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """One text as the routes see it.

    Attributes:
        text: (D,) in the shared space, of length one.
        transfer: (D,) where the pictures of similar archive texts lie, of length one.
        names: (R,) in the class-name space; (0,) where there is none.
        nearest: cosine of the most similar archive text.
    """

    text: Floats
    transfer: Floats
    names: Floats
    nearest: float


@dataclass(frozen=True, slots=True, eq=False)
class Blend:
    """Routes, weighed.

    Attributes:
        space: layout of catalogue vectors.
        weights: of the routes.
        kernel: of the transfer route.
        hub_temperature: see ``hubness``; cosine.
        words_scale: BM25 that counts half.
        names: the class-name route, None without one.
        probabilities: the level that holds the class probabilities, "" without one.
        sentences: first and last-plus-one column of the sentence vectors among the text features.
        confidence: None where there was too little to calibrate on.
    """

    space: CatalogueSpace
    weights: Weights
    kernel: Kernel = Kernel()
    hub_temperature: float = 0.1
    words_scale: float = 10.0
    names: ClassNames | None = None
    probabilities: str = ""
    sentences: tuple[int, int] = (0, 0)
    confidence: Confidence | None = None

    @property
    def fingerprint(self) -> str:
        """Hash of all that decides a catalogue vector; weights and confidence do not."""
        arrays = array_fingerprint(self._arrays())
        return fingerprint([KIND, self.space, self.hub_temperature, self.probabilities, arrays])

    def pictures(
        self,
        fused: Floats,
        probabilities: Floats | None,
        archive: Floats,
        links: Ints | None = None,
    ) -> Floats:
        """Catalogue vectors (N, W).

        Args:
            fused: (N, D) of length one.
            probabilities: (N, C) of the classes; None where there is no class-name route.
            archive: (T, D) of the archive's texts, for the hubness.
            links: (M, 2) indices (text, picture) of those that ran together.
        """
        named = None
        if self.names is not None:
            if probabilities is None:
                raise BadInput(f"level {self.probabilities} is needed for the class names")
            named = self.names.pictures(probabilities)
        hubs = None
        if self.space.hubs:
            hubs = hubness(archive, fused, self.hub_temperature, links)
        return self.space.pictures(fused, named, hubs)

    def named_texts(self, features: Floats) -> Floats:
        """Text features (Q, I) → (Q, R) in the class-name space; (Q, 0) where there is none."""
        if self.names is None:
            return np.zeros((len(features), 0), dtype=np.float32)
        return self.names.texts(features[:, slice(*self.sentences)])

    def query(self, question: Question, route: str = BLEND) -> Doubles:
        """The query (W,) whose inner product with a catalogue vector is a route's score.

        Args:
            question: the text.
            route: "blend" (all weighed, captions apart), "direct", "transfer" or "names".
        """
        weights = self.weights_of(route)
        fused = weights.direct * question.text + weights.transfer * question.transfer
        named = weights.names * question.names if self.names is not None else None
        return self.space.query(fused, named, weights.hubs)

    def routes(self, captions: bool) -> tuple[str, ...]:
        """The names of the routes that there are; the blend last.

        Args:
            captions: whether any picture has words.
        """
        names = (NAMES,) if self.names is not None else ()
        return (TRANSFER, *names, *((WORDS,) if captions else ()), DIRECT, BLEND)

    def weights_of(self, route: str) -> Weights:
        """The weights of the blend, or those that leave one route alone.

        Raises:
            BadInput: for a route that there is not.
        """
        if route not in self.routes(captions=True):
            there = ", ".join(self.routes(captions=True))
            raise BadInput(f"route {route!r} is not known: {there}")
        return self.weights if route == BLEND else ALONE[route]

    def saturated(self, bm25: Doubles) -> Doubles:
        """BM25 (N,), 0 or more → 0 to 1, half at ``words_scale``."""
        return bm25 / (bm25 + self.words_scale)

    def _arrays(self) -> dict[str, Floats]:
        if self.names is None:
            return {}
        return {
            "vectors": self.names.vectors,
            "basis": self.names.basis,
            "text_centre": self.names.text_centre,
            "picture_centre": self.names.picture_centre,
        }

    def save(self, folder: Path) -> None:
        """Writes arrays and JSON; the folder is there whole or not at all."""
        content: Json = {
            "space": self.space,
            "weights": self.weights,
            "kernel": self.kernel,
            "hub_temperature": self.hub_temperature,
            "words_scale": self.words_scale,
            "names": self.names.names if self.names is not None else None,
            "probabilities": self.probabilities,
            "sentences": self.sentences,
            "confidence": self.confidence,
            "fingerprint": self.fingerprint,
        }
        with atomic_folder(folder) as temporary:
            write_arrays(temporary, self._arrays())
            write_manifest(temporary, KIND, plain(content))

    @classmethod
    def load(cls, folder: Path) -> Blend:
        """Reads what ``save`` wrote."""
        manifest = read_manifest(folder, KIND)
        names = manifest["names"]
        confidence = manifest["confidence"]
        return cls(
            space=CatalogueSpace(**manifest["space"]),
            weights=Weights(**manifest["weights"]),
            kernel=Kernel(**manifest["kernel"]),
            hub_temperature=manifest["hub_temperature"],
            words_scale=manifest["words_scale"],
            names=ClassNames(tuple(names), **read_arrays(folder)) if names is not None else None,
            probabilities=manifest["probabilities"],
            sentences=tuple(manifest["sentences"]),
            confidence=_confidence(confidence) if confidence else None,
        )


def _confidence(content: Json) -> Confidence:
    lists = {name: tuple(value) for name, value in content.items() if isinstance(value, list)}
    return Confidence(**{**content, **lists})
