"""Pictures and vectors to fill a catalogue with, and every implementation of one."""

from contextlib import contextmanager

import numpy as np

from picturedesk.store.catalogue.exact import ExactCatalogue
from picturedesk.types import Picture

D = 8
IMPLEMENTATIONS = {"exact": ExactCatalogue.open}


@contextmanager
def opening(implementation, folder):
    """Gives a function that opens one catalogue as often as it is called; then closes all."""
    opened = []

    def opener(matcher="m1", width=D):
        opened.append(IMPLEMENTATIONS[implementation](folder / "catalogue", matcher, width))
        return opened[-1]

    yield opener
    for catalogue in opened:
        catalogue.close()


def make_pictures(count, start=0):
    licences, tags = ("cc0", "cc-by", ""), (("Sport", "München"), ("city",), ())
    return [
        Picture(
            uri=f"/photos/{n}.jpg",
            key=f"{n:04d}",
            caption=f"caption {n}",
            licence=licences[n % 3],
            date=f"20{n % 20:02d}-05-01",
            tags=tags[n % 3],
        )
        for n in range(start, start + count)
    ]


def make_vectors(count, seed=0, width=D):
    vectors = np.random.default_rng(seed).standard_normal((count, width))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def keys_of(hits):
    return [hit.picture.key for hit in hits]
