"""Archives that are small or odd: either something is learned, or one line says what is missing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from picturedesk.datasets.split import SplitConfig
from picturedesk.desk.fit import measure_learned
from picturedesk.errors import BadInput
from picturedesk.heads.fusion import FusionConfig
from picturedesk.learning.best_config import BestConfig
from picturedesk.learning.config import DeskConfig
from picturedesk.learning.preparation import Prepared, ReadableArchive
from picturedesk.learning.recipes import learn_best, learn_paper
from picturedesk.learning.training import TrainConfig
from picturedesk.testing import TinyTextEncoder
from picturedesk.texts.lsa import LsaConfig
from picturedesk.types import Archive, Picture, Text, silent
from small_routes import CLASSES, SPEC, make_features

CONFIG = DeskConfig(
    lsa=LsaConfig(topics=8),
    best=BestConfig(ridges=((1.0, 1.0),)),
    train=TrainConfig(fusion=FusionConfig((8,)), epochs=1, batch=16, threads=1),
    sentences=(),
)


def prepared(texts, links, part=""):
    """Texts, and the pictures that they are linked to, in parts as a desk makes them."""
    count = max(pair[1] for pair in links) + 1
    archive = Archive(
        name="small",
        texts=tuple(Text(str(n), text) for n, text in enumerate(texts)),
        pictures=tuple(Picture(f"{n}.jpg", f"{n:03d}") for n in range(count)),
        links=np.array(links, dtype=np.int64),
        parts=(part,) * len(texts),
    )
    ready = ReadableArchive(archive, np.arange(count)).split(CONFIG.split)
    return Prepared(ready, make_features(count, 1), SPEC, CLASSES)


def stories(count):
    return [f"Story {n} of a {CLASSES[n % len(CLASSES)]}" for n in range(count)]


def over(texts, pictures):
    """Each text ran with one of a few pictures, in turn."""
    return [(text, text % pictures) for text in range(texts)]


ARCHIVES = {
    "60 texts over 3 pictures": (stories(60), over(60, 3)),
    "60 texts over 2 pictures": (stories(60), over(60, 2)),
    "60 texts over 1 picture": (stories(60), over(60, 1)),
    "60 texts over 5 pictures": (stories(60), over(60, 5)),
    "59 texts with one picture, 1 with another": (stories(60), [*over(59, 1), (59, 1)]),
    "all texts equal": (["The same story."] * 60, over(60, 60)),
    "12 texts": (stories(12), over(12, 12)),
    "11 texts": (stories(11), over(11, 11)),
    "1 text": (stories(1), over(1, 1)),
    "1 text with 30 pictures": (stories(1), [(0, n) for n in range(30)]),
    "60 texts that hang together": (stories(60), [(n // 2, (n + 1) // 2) for n in range(119)]),
    "60 texts without a word": (["…"] * 30 + stories(30), over(60, 60)),
}


def measured_or_refused(made, learn):
    """What is measured of what was learned, or the reason why nothing was."""
    try:
        learned = learn(made)
    except BadInput as error:
        return str(error)
    if not len(made.ready.texts_of("test")):
        return "no test texts"
    return "\n".join(row.name for row in measure_learned(made, learned).evaluation.rows)


@pytest.mark.parametrize("part", ["", "train", "validate", "test"])
@pytest.mark.parametrize("name", ARCHIVES)
def test_a_small_archive_makes_a_desk_or_says_why_not(name, part):
    def learn(made):
        return learn_best(made, CONFIG, silent, {"tiny": TinyTextEncoder(16)})

    assert measured_or_refused(prepared(*ARCHIVES[name], part), learn)


@pytest.mark.parametrize("part", ["", "train"])
@pytest.mark.parametrize("name", ARCHIVES)
def test_the_papers_recipe_does_so_too(name, part):
    pytest.importorskip("torch")
    config = replace(CONFIG, recipe="paper", split=SplitConfig())
    made = prepared(*ARCHIVES[name], part)
    made = replace(made, ready=made.ready.split(config.split))
    assert measured_or_refused(made, lambda made: learn_paper(made, config, silent))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("60 texts over 3 pictures", "no two that differ"),
        ("60 texts over 1 picture", "share their pictures"),
        ("all texts equal", "1 of 60|at least 10|share"),
        ("1 text", "at least 10 are needed"),
    ],
)
def test_what_is_missing_is_said(name, message):
    with pytest.raises(BadInput, match=message):
        learn_best(prepared(*ARCHIVES[name]), CONFIG, silent, {"tiny": TinyTextEncoder(16)})


@pytest.mark.parametrize("name", ["60 texts over 5 pictures", "12 texts", "11 texts"])
def test_few_pictures_are_enough(name):
    assert learn_best(
        prepared(*ARCHIVES[name]), CONFIG, silent, {"tiny": TinyTextEncoder(16)}
    ).blend.routes
