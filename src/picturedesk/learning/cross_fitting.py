"""Picture heads that are each fitted without one part of the archive, in the space of one head.

See ``heads.cross_fitted`` for why. The components of both sides are those of the whole archive,
since they know nothing of which picture ran with which text; only the alignment is fitted anew.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from picturedesk.heads.cross_fitted import CrossFitted
from picturedesk.heads.fusion import length_one
from picturedesk.heads.linear import LinearHead
from picturedesk.heads.matcher import Matcher
from picturedesk.learning.alignment import Alignment, AlignmentConfig, align
from picturedesk.learning.projections import Projections
from picturedesk.types import Bools, Floats, Ints

_FEWEST_LINKS = 2  # that an alignment needs


def cross_fit(
    projections: Projections, matcher: Matcher, parts: Ints, config: AlignmentConfig
) -> Matcher:
    """The matcher with a head for each part of the archive, fitted without this part.

    Args:
        projections: of all texts and pictures that the matcher was fitted on.
        matcher: fitted on them.
        parts: (T,) the part of each text of the archive; texts that share a picture have one part.
        config: that the matcher was fitted with.
    """
    of_text = parts[projections.texts]
    of_link = of_text[projections.links[:, 0]]
    of_picture = np.full(len(projections.pictures), -1, dtype=np.int64)
    of_picture[projections.links[:, 1]] = of_link
    placed = matcher.placed(projections.text_features)
    heads: list[LinearHead] = []
    number = np.full(len(projections.pictures), -1, dtype=np.int64)
    every = projections.weighed_links
    for part in np.unique(of_link):
        links = every.of(of_text != part)
        if len(links.pairs) < _FEWEST_LINKS:
            continue
        found = align(
            projections.text_side,
            projections.picture_side,
            projections.text_rows,
            projections.picture_rows,
            links,
            config,
        )
        number[of_picture == part] = len(heads)
        heads.append(_turned(found, projections.text_features, placed, of_text != part))
    known = np.flatnonzero(number >= 0)
    keys = [projections.pairs.keys[row] for row in projections.pictures[known]]
    return replace(matcher, cross_fitted=CrossFitted(keys, number[known], heads))


def _turned(found: Alignment, features: Floats, placed: Floats, common: Bools) -> LinearHead:
    """The picture head in another space: turned so that common texts lie where they lie there.

    Orthogonal Procrustes (Schönemann 1966).

    Args:
        found: an alignment.
        features: (t, I) of texts.
        placed: (t, D) the texts in the other space, of length one.
        common: (t,) texts that both were fitted on.
    """
    here = length_one(found.text_head(features[common]))
    left, _, right = np.linalg.svd(here.T @ placed[common], full_matrices=False)
    turn = (left @ right).astype(np.float32)
    head = found.picture_head
    return LinearHead(head.power, head.weights @ turn, head.bias @ turn)
