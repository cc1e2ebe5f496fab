"""Many texts → vectors, in workers of a Ray cluster: equal to those of this process."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from picturedesk.cluster import Answer, PackedFolder, Part, mapped
from picturedesk.parallel import one_blas_thread
from picturedesk.texts.loading import load_text_encoder
from picturedesk.types import Floats, Progress, TextEncoder


@dataclass(frozen=True, slots=True)
class EncodingJob:
    """What a worker does; see ``cluster.Job``.

    Attributes:
        encoder: the saved text encoder.
    """

    encoder: PackedFolder

    def opened(self) -> Callable[[Part], Answer]:
        """Opens the encoder; its library must be installed where the worker runs."""
        with self.encoder.unpacked() as folder:
            encoder = load_text_encoder(folder)

        def encode(part: Part) -> Answer:
            with one_blas_thread():
                return Answer((), encoder.encode(part))

        return encode


def encoded_on_ray(
    encoder: TextEncoder, texts: Sequence[str], block: int, progress: Progress
) -> Floats:
    """Vectors (T, D) of all texts.

    Args:
        encoder: a pretrained one; it is saved for the workers.
        texts: T texts.
        block: texts that are encoded together; a vector depends on the others by rounding.
        progress: told of the texts that are encoded.
    """
    vectors = np.zeros((len(texts), encoder.width), dtype=np.float32)
    done = 0
    with closing(_blocks(encoder, texts, block)) as blocks:
        for rows in blocks:
            progress(done, len(texts), "texts encoded")
            vectors[done : done + len(rows)] = rows
            done += len(rows)
    progress(len(texts), len(texts), "texts encoded")
    return vectors


def _blocks(
    encoder: TextEncoder, texts: Sequence[str], block: int
) -> Generator[Floats, None, None]:
    """Vectors of one block of texts after another."""
    if not texts:
        return
    with tempfile.TemporaryDirectory(prefix="picturedesk-") as name:
        folder = Path(name) / "encoder"
        encoder.save(folder)
        job = EncodingJob(PackedFolder.of(folder))
    parts = [texts[start : start + block] for start in range(0, len(texts), block)]
    with closing(mapped(job, parts)) as answers:
        for answer in answers:
            yield answer.numbers
