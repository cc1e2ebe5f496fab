"""Checks for what makes figures look better than they are: leaks, vocabulary, ties, rejections.

Measures and reports; changes no figure.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from picturedesk.learning.preparation import ReadableArchive
from picturedesk.report.records import Check
from picturedesk.research.reproduction.experiment import SHOWN
from picturedesk.research.reproduction.study import TARGET, Study
from picturedesk.texts.lsa import LsaEncoder
from picturedesk.texts.shingles import near_duplicate_texts
from picturedesk.texts.words import words
from picturedesk.types import Ints, Rejection

MAIN_ROWS = ("transfer, fused", SHOWN)


def leaking_texts(ready: ReadableArchive) -> tuple[Ints, Ints]:
    """Test texts with a near-duplicate among the training and validation texts.

    Returns:
        Indices of test texts with a near-duplicate text, and with a near-duplicate picture.
    """
    archive = ready.archive
    whole, test = ready.whole_texts(), ready.texts_of("test")
    seen = np.concatenate([ready.texts_of("train"), ready.texts_of("validate")])
    pairs = near_duplicate_texts([whole[i] for i in test], [whole[i] for i in seen])
    by_words = test[np.unique(pairs[:, 0])]
    is_seen = np.isin(archive.links[:, 0], seen)
    seen_groups = np.unique(ready.groups[archive.links[is_seen, 1]])
    leaking = np.isin(ready.groups[archive.links[:, 1]], seen_groups) & np.isin(
        archive.links[:, 0], test
    )
    return by_words, np.unique(archive.links[leaking, 0])


def leak_checks(study: Study, ready: ReadableArchive) -> list[Check]:
    """How many test texts leak, and the main rows without them."""
    by_words, by_picture = leaking_texts(ready)
    test = ready.texts_of("test")
    leaking = np.union1d(by_words, by_picture)
    checks = [
        Check(
            "near-duplicate texts across the split",
            f"{len(by_words)} of {len(test)} test texts",
            "Jaccard similarity of shared runs of three words is 0.5 or more",
            not len(by_words),
        ),
        Check(
            "near-duplicate pictures across the split",
            f"{len(by_picture)} of {len(test)} test texts",
            "equal bytes or a perceptual hash within the distance of near-duplicates",
            not len(by_picture),
        ),
    ]
    clean = ~np.isin(test, leaking)
    for name in MAIN_ROWS:
        hits = study.hits(name, study.candidate_sets[-1], TARGET)
        without = f"{100 * hits[clean].mean():.1f}" if clean.any() else "no text is left"
        checks.append(
            Check(
                f"{name}: recall@{TARGET} without the leaking texts",
                f"{without} against {100 * hits.mean():.1f} with them",
                f"{len(leaking)} test texts are left out; the candidates stay the same",
                None,
            )
        )
    return checks


def vocabulary_check(encoder: LsaEncoder, training: Sequence[str]) -> Check:
    """Whether every word of the text encoder occurs in a training text."""
    there = {word for text in training for word in words(text)}
    foreign = [term for term in encoder.vocabulary if term not in there]
    return Check(
        "vocabulary fitted on the training texts only",
        f"{len(foreign)} of {len(encoder.vocabulary)} words are not in the training texts",
        "words that occur only in validation or test texts would be a leak",
        not foreign,
    )


def tie_check(name: str, tied: int, queries: int) -> Check:
    """How many queries have a wrong candidate with the same score as a right one."""
    return Check(
        f"ties in {name}",
        f"{tied} of {queries} queries",
        "a wrong candidate with the same score ranks before the right one",
        None,
    )


def rejection_check(rejections: Sequence[Rejection], texts: int) -> Check:
    """How much of the data was left out."""
    return Check(
        "left out while reading",
        f"{len(rejections)} pictures, rows or files; {texts} texts are used",
        "rejected.csv lists them with reason and cure",
        None,
    )
