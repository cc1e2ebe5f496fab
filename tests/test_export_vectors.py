"""Vectors of texts and pictures, and the catalogue as a Parquet file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from picturedesk.desk import Desk
from picturedesk.desk import parquet as writing
from picturedesk.errors import BadInput, BadPicture
from picturedesk.testing import DictCatalogue
from picturedesk.types import Picture, silent
from shapes import draw

HALF = 2.0**-11  # between neighbouring numbers of half precision below one
TEXTS = ["We saw a violet circle by the river.", "a red square"]


@pytest.mark.parametrize("route", ["direct", "transfer", "class_names"])
def test_the_product_is_the_score_of_the_route(fitted_desk: Path, route: str):
    desk = Desk(fitted_desk)
    asked = desk.embed_texts(TEXTS, route=route)
    assert asked.dtype == np.float32
    for query, found in zip(asked, desk.suggest(TEXTS, k=5, route=route), strict=True):
        vectors = desk.embed_pictures([one.picture.key for one in found])
        scores = [one.score for one in found]
        np.testing.assert_allclose(vectors @ query, scores, atol=1e-5)


def test_the_product_of_a_blend_is_its_score_without_captions(fitted_desk: Path):
    desk = Desk(fitted_desk)
    found = desk.suggest(TEXTS[0], k=5)
    keys = [one.picture.key for one in found]
    asked, vectors = desk.embed_texts(TEXTS[:1]), desk.embed_pictures(keys)
    summed = sum(
        weight * (desk.embed_texts(TEXTS[:1], route=name) @ vectors.T)
        for name, weight in desk.blend.weights.items()
        if weight and name in {"direct", "transfer", "class_names", "zero_shot", "seen_words"}
    )
    hubs = [name for name in desk.blend.weights if name.endswith("hubness")]
    if not any(desk.blend.weights[name] for name in hubs):
        np.testing.assert_allclose(asked @ vectors.T, summed, atol=1e-5)
    if not desk.blend.weights.get("captions"):
        np.testing.assert_allclose((asked @ vectors.T)[0], [o.score for o in found], atol=1e-5)
    assert asked.shape == (1, desk.blend.layout.width)


def test_a_picture_that_the_desk_knows_has_the_vector_of_the_catalogue(fitted_desk: Path):
    desk = Desk(fitted_desk)
    keys = desk.catalogue.keys(limit=3)
    entries = desk.catalogue.fetch(keys)
    np.testing.assert_allclose(desk.embed_pictures(keys), entries.vectors, atol=HALF)


def test_a_new_file_gets_a_vector_and_the_desk_stays_as_it_is(fitted_desk: Path, tmp_path: Path):
    desk = Desk(fitted_desk)
    draw("red", "circle", seed=901).save(tmp_path / "new.png")
    before = desk.catalogue.count()
    vectors = desk.embed_pictures(tmp_path / "new.png")
    assert vectors.shape == (1, desk.catalogue.width)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=HALF)
    assert desk.catalogue.count() == before


def test_no_texts_and_no_pictures_have_no_vectors(fitted_desk: Path):
    desk = Desk(fitted_desk)
    width = desk.catalogue.width
    assert desk.embed_texts([]).shape == (0, width)
    assert desk.embed_pictures([]).shape == (0, width)


def test_what_has_no_vectors_is_refused(fitted_desk: Path, paper_desk: Path):
    desk = Desk(fitted_desk)
    with pytest.raises(BadInput, match="'captions' scores by words"):
        desk.embed_texts(TEXTS, route="captions")
    with pytest.raises(BadInput, match="'sideways' is not known"):
        desk.embed_texts(TEXTS, route="sideways")
    with pytest.raises(BadInput, match="no word of text 2 is known"):
        desk.embed_texts([TEXTS[0], "…"])
    with pytest.raises(BadPicture, match="absent"):
        desk.embed_pictures(["absent.jpg"])
    assert Desk(paper_desk).embed_texts(TEXTS).shape[0] == 2


@pytest.mark.parametrize(("half", "kind"), [(False, pa.float32()), (True, pa.float16())])
def test_a_catalogue_as_parquet_is_read_back(
    fitted_desk: Path, tmp_path: Path, half: bool, kind: pa.DataType
):
    desk = Desk(fitted_desk)
    path = tmp_path / "out" / "catalogue.parquet"
    assert desk.export_parquet(path, half=half) == desk.catalogue.count()
    table = pq.read_table(path)
    width = desk.catalogue.width
    assert table.schema.field("vector").type == pa.list_(kind, width)
    assert table.schema.metadata[b"picturedesk.fingerprint"].decode() == desk.blend.fingerprint
    keys = table["key"].to_pylist()
    assert keys == sorted(keys)
    entries = desk.catalogue.fetch(keys)
    vectors = np.stack(table["vector"].to_numpy()).astype(np.float32)
    np.testing.assert_allclose(vectors, entries.vectors, atol=1e-3 if half else 0)
    assert table["caption"].to_pylist() == [one.caption for one in entries.pictures]
    assert table["tags"].to_pylist() == [list(one.tags) for one in entries.pictures]


def test_rows_are_streamed_and_columns_of_ones_own_keep_their_types(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(writing, "ROWS", 3)
    own = [
        {"cms": 7.0, "mood": "calm", "key": "taken", "front": True, "people": ("Ada", "Bo")},
        {"cms": 8.5, "mood": ("a", "b")},
        {},
        {"cms": 9.0},
    ]
    pictures = [Picture(f"{n}.jpg", f"k{n}", uses=n, columns=row) for n, row in enumerate(own)]
    catalogue = DictCatalogue("f", 4)
    catalogue.add(pictures, np.eye(4, dtype=np.float32))
    steps: list[tuple[int, int]] = []
    path = tmp_path / "c.parquet"
    count = writing.write_parquet(
        catalogue, path, False, {}, lambda done, total, what: steps.append((done, total))
    )
    assert (count, steps) == (4, [(3, 4), (4, 4)])
    file = pq.ParquetFile(path)
    assert file.num_row_groups == 2
    table = file.read()
    assert table["uses"].to_pylist() == [0, 1, 2, 3]
    assert table["cms"].to_pylist() == [7.0, 8.5, None, 9.0]
    assert table["mood"].to_pylist() == ["calm", "a, b", None, None]
    assert table["key_2"].to_pylist() == ["taken", None, None, None]
    assert table["front"].to_pylist() == [True, None, None, None]
    assert table["people"].to_pylist() == [["Ada", "Bo"], None, None, None]
    assert table["vector"].to_pylist() == np.eye(4).tolist()


def test_a_picture_that_is_removed_meanwhile_is_no_error(tmp_path: Path):
    catalogue = DictCatalogue("f", 4)
    catalogue.add([Picture(f"{n}.jpg", f"k{n}") for n in range(4)], np.eye(4, dtype=np.float32))
    fetch, calls = catalogue.fetch, []

    def removing(keys):
        calls.append(keys)
        if len(calls) == 2:
            catalogue.remove(["k2"])
        return fetch(keys)

    catalogue.fetch = removing
    assert writing.write_parquet(catalogue, tmp_path / "c.parquet", False, {}, silent) == 3
    assert pq.read_table(tmp_path / "c.parquet")["key"].to_pylist() == ["k0", "k1", "k3"]
