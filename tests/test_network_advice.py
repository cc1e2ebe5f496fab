"""Which of several networks the adviser recommends."""

from __future__ import annotations

import numpy as np
import pytest

from picturedesk.datasets import open_archive
from picturedesk.errors import BadInput
from picturedesk.measuring.significance import Difference
from picturedesk.research.adviser import Advice, advise_on_networks
from picturedesk.research.adviser.advice import SetScore
from picturedesk.research.adviser.adviser import Examined
from picturedesk.research.adviser.costs import Cost
from picturedesk.research.adviser.networks import compare


def examined(reciprocal: np.ndarray, ms: float) -> Examined:
    """A network whose only set has these reciprocal ranks and takes this long."""
    mrr = float(reciprocal.mean())
    one = SetScore(("a",), "alone", 1.0, mrr, Difference(0, 0, 0, 1), (1, 1), Cost(8, ms, 1.0))
    advice = Advice(
        recommended=("a",),
        rule="",
        best=("a",),
        levels=(),
        sets=(one,),
        agreement=None,
        left_out={},
        texts=len(reciprocal),
        pictures=len(reciprocal),
        candidates=9.0,
        folds=2,
        whole_ms=ms,
    )
    return Examined(advice, reciprocal, np.arange(len(reciprocal)), 64)


def test_of_networks_that_are_equally_good_the_fastest_is_recommended():
    random = np.random.default_rng(0)
    ranks_of_one = random.integers(1, 9, 400)
    found = {
        "slow": examined(1 / ranks_of_one, 9.0),
        "fast": examined(1 / random.permutation(ranks_of_one), 2.0),
        "weak": examined(1 / (ranks_of_one + 2), 1.0),
    }
    advice = compare(found, 0.005)
    assert advice.recommended == "fast"
    assert advice.score_of("slow").loss.mean == 0
    weak = advice.score_of("weak")
    assert weak is advice.networks[-1]
    assert weak.loss.low > 0
    assert weak.low < weak.mrr < weak.high
    assert weak.ms == 1.0


def test_a_network_that_is_clearly_better_is_recommended_although_it_is_slow():
    random = np.random.default_rng(0)
    ranks_of_one = random.integers(1, 9, 400)
    found = {
        "slow": examined(1 / ranks_of_one, 9.0),
        "fast": examined(1 / (ranks_of_one + 1), 1.0),
    }
    assert compare(found, 0.005).recommended == "slow"


def test_networks_are_named_once(tmp_path, shapes_table):
    archive = open_archive(shapes_table)
    with pytest.raises(BadInput, match="each once"):
        advise_on_networks(archive, tmp_path, ["default", "default"])
    with pytest.raises(BadInput, match="at least one"):
        advise_on_networks(archive, tmp_path, [])


def test_a_network_that_cannot_be_opened_is_told_before_anything_is_read(tmp_path, shapes_table):
    told = []
    with pytest.raises(BadInput, match="no_such_network"):
        advise_on_networks(
            open_archive(shapes_table),
            tmp_path,
            ["default", "no_such_network"],
            progress=lambda *now: told.append(now),
        )
    assert not told
