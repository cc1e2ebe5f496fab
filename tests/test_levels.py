from __future__ import annotations

from itertools import pairwise

import pytest

from picturedesk.backbones.levels import Output, Request, feature_index, grid_bounds, parse
from picturedesk.errors import BadInput

MAP = Output("stages.1", "map", 32, 7, 5)
TOKENS = Output("blocks.3", "tokens", 64, 10, 10, prefix=1, has_class_token=True)
VECTOR = Output("global_pool", "vector", 128)


@pytest.mark.parametrize(
    ("level", "request_"),
    [
        ("Mixed_7b:max", Request("Mixed_7b", "max")),
        ("blocks.11:cls", Request("blocks.11", "cls")),
        (" -1 : grid3 ", Request("-1", "grid3")),
        ("3:gem", Request("3", "gem")),
        ("final", Request("final", "none")),
        ("final:none", Request("final", "none")),
        ("global_pool", Request("global_pool", "none")),
    ],
)
def test_level_is_split_into_place_and_pooling(level, request_):
    assert parse(level) == request_


@pytest.mark.parametrize(
    ("level", "message"),
    [
        ("", "names no module"),
        (":max", "names no module"),
        ("blocks.1:mean", "unknown pooling 'mean': there are max, avg, gem, cls or gridN"),
        ("blocks.1:", "unknown pooling ''"),
        ("blocks.1:grid", "unknown pooling 'grid'"),
        ("blocks.1:grid0", "unknown pooling 'grid0'"),
        ("blocks.1:grid-2", "unknown pooling 'grid-2'"),
        ("final:avg", "write 'final'"),
    ],
)
def test_malformed_level_is_refused_with_what_there_is(level, message):
    with pytest.raises(BadInput, match=message):
        parse(level)


def test_request_is_written_as_it_was_read():
    assert [str(parse(level)) for level in ("-1:max", "final")] == ["-1:max", "final"]


def test_feature_indices_count_from_both_ends():
    assert [feature_index(where, 5, "net") for where in ("0", "4", "-1", "-5")] == [0, 4, 4, 0]
    assert feature_index("blocks.3", 5, "net") is None


@pytest.mark.parametrize("where", ["5", "-6", "99"])
def test_feature_index_out_of_range_is_refused_with_the_range(where):
    with pytest.raises(BadInput, match=f"index {where} is not in net: it has 0 to 4, or -5 to -1"):
        feature_index(where, 5, "net")


def test_feature_index_of_a_network_without_features_is_refused():
    with pytest.raises(BadInput, match="it has none"):
        feature_index("0", 0, "net")


def test_width_is_channels_and_grid_multiplies_them():
    assert [MAP.width(p) for p in ("max", "avg", "gem", "grid1", "grid5")] == [32, 32, 32, 32, 800]
    assert [TOKENS.width(p) for p in ("cls", "avg", "grid2")] == [64, 64, 256]
    assert VECTOR.width("none") == 128


@pytest.mark.parametrize(
    ("output", "pooling", "message"),
    [
        (MAP, "cls", "a map of 7x5 cells has no class token"),
        (MAP, "grid6", "more cells than a map of 7x5 cells has"),
        (MAP, "none", "add a pooling, as in 'stages.1:avg'"),
        (TOKENS, "none", r"101 tokens: add a pooling.*cls"),
        (VECTOR, "avg", "is a vector already: write 'global_pool'"),
        (Output("b", "tokens", 8, 10, 10, prefix=4), "cls", "has no class token: pool with avg"),
        (Output("b", "tokens", 8, 11, 1, ordered=False), "grid2", "has no grid"),
    ],
)
def test_pooling_that_does_not_fit_is_refused_with_a_cure(output, pooling, message):
    with pytest.raises(BadInput, match=message):
        output.width(pooling)


def test_grid_spans_cover_everything_and_are_never_empty():
    assert grid_bounds(7, 2) == [(0, 4), (3, 7)]
    assert grid_bounds(8, 2) == [(0, 4), (4, 8)]
    assert grid_bounds(3, 3) == [(0, 1), (1, 2), (2, 3)]
    for length in range(1, 20):
        for cells in range(1, length + 1):
            spans = grid_bounds(length, cells)
            assert spans[0][0] == 0
            assert spans[-1][1] == length
            assert all(start < end for start, end in spans)
            assert all(a[1] >= b[0] for a, b in pairwise(spans))
