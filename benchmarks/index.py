"""Indexes compared on vectors like those of a desk's catalogue: recall, time, memory, size.

    python benchmarks/index.py --desk desk --count 100000
    python benchmarks/index.py --desk desk --count 1000000 --engines ours,rabitq,exact
    python benchmarks/index.py --desk large --own --engines ours,sq8,lancedb

Every engine proposes 400 candidates, which are scored exactly; recall@10 is the share of the ten
nearest that are among them. Filters let 1 % and .01 % of all vectors pass, at random; an engine
that cannot filter inside the search gets four times as many candidates, and its hits are filtered
afterwards, as its users have to. Times are of one thread (LanceDB and Chroma: as many as they
want), a query at a time. With ``--own`` the vectors are those of the desk's catalogue, as they are.
Needs faiss-cpu; usearch, lancedb and chromadb where they are named.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import faiss
import numpy as np

from picturedesk.store.vector_index import Rows, VectorIndex, sample_size
from vectors import Like, size_of

CANDIDATES = 400
SHARES = {"all": 1.0, "1 %": 0.01, ".01 %": 0.0001}
PART = 50_000  # vectors that are added at once
Search = Callable[[np.ndarray, "np.ndarray | None"], np.ndarray]


def lots(count: int) -> np.ndarray:
    """A random number, 0 to 1, for each vector; those below a share pass its filter."""
    return np.random.default_rng(2).random(count)


def ours(vectors: np.ndarray, calibrating: np.ndarray, folder: Path) -> tuple[Search, int]:
    """The project's own: main directions, 4-bit codes, a share that typical queries choose."""
    rows = np.arange(len(vectors))
    random = np.random.default_rng(1)
    sample = vectors[random.choice(rows, sample_size(len(rows)), replace=False)]
    parts = ((rows[at : at + 20_000], vectors[at : at + 20_000]) for at in rows[::20_000])
    made = VectorIndex.build(len(rows), sample, parts, calibrating)
    index = VectorIndex.open(folder / "ours", made.save(folder / "ours"))
    print("  ", index.facts)

    def search(query: np.ndarray, passing: np.ndarray | None) -> np.ndarray:
        may = None if passing is None else Rows(passing)
        return index.search(query[None].astype(np.float64), CANDIDATES, may)[0]

    return search, size_of(folder / "ours")


def of_faiss(kind: str) -> Callable[[np.ndarray, np.ndarray, Path], tuple[Search, int]]:
    """One of FAISS's own, made from its factory string; lists: one in 16 is looked through."""

    def made(vectors: np.ndarray, calibrating: np.ndarray, folder: Path) -> tuple[Search, int]:
        index = faiss.index_factory(vectors.shape[1], kind, faiss.METRIC_INNER_PRODUCT)
        faiss.omp_set_num_threads(2)
        lists = getattr(faiss.extract_index_ivf(index), "nlist", 0) if "IVF" in kind else 0
        if lists:
            faiss.extract_index_ivf(index).cp.niter = 8
        index.train(vectors[: max(50_000, 64 * lists)])
        for at in range(0, len(vectors), PART):
            index.add(vectors[at : at + PART])
        faiss.write_index(index, str(folder / "faiss"))

        def search(query: np.ndarray, passing: np.ndarray | None) -> np.ndarray:
            faiss.omp_set_num_threads(1)
            chosen = {}
            if passing is not None:
                mask = np.packbits(passing, bitorder="little")
                chosen = {"sel": faiss.IDSelectorBitmap(mask)}
            if lists:
                emptier = 1 if passing is None else len(passing) / passing.sum()
                probes = int(min(lists, lists / 16 * emptier))
                inner = faiss.SearchParametersIVF(nprobe=probes, **chosen)
            else:
                inner = faiss.SearchParametersHNSW(efSearch=CANDIDATES, **chosen)
            how = inner
            if isinstance(faiss.downcast_index(index), faiss.IndexPreTransform):
                how = faiss.SearchParametersPreTransform(index_params=inner)
            return index.search(query[None], CANDIDATES, params=how)[1][0]

        return search, size_of(folder / "faiss")

    return made


def usearch(vectors: np.ndarray, calibrating: np.ndarray, folder: Path) -> tuple[Search, int]:
    """Usearch's graph, numbers in 8 bits; it has no filters in Python."""
    from usearch.index import Index

    index = Index(ndim=vectors.shape[1], metric="ip", dtype="i8", expansion_search=CANDIDATES)
    for at in range(0, len(vectors), PART):
        some = vectors[at : at + PART]
        index.add(np.arange(at, at + len(some)), some, threads=2)
    index.save(str(folder / "usearch"))

    def search(query: np.ndarray, passing: np.ndarray | None) -> np.ndarray:
        hits = index.search(query, CANDIDATES * (1 if passing is None else 4)).keys
        hits = np.asarray(hits, dtype=np.int64)
        return hits if passing is None else hits[passing[hits]]

    return search, size_of(folder / "usearch")


def lance(vectors: np.ndarray, calibrating: np.ndarray, folder: Path) -> tuple[Search, int]:
    """LanceDB as its documentation sets it up: IVF-PQ by default, a column in the condition."""
    import lancedb
    import pyarrow

    drawn, width = lots(len(vectors)), vectors.shape[1]

    def parts() -> Iterator[pyarrow.RecordBatch]:
        for at in range(0, len(vectors), PART):
            some = vectors[at : at + PART].astype(np.float32)
            rows = pyarrow.FixedSizeListArray.from_arrays(some.ravel(), width)
            place = pyarrow.array(np.arange(at, at + len(some)))
            columns = [place, pyarrow.array(drawn[at : at + PART]), rows]
            yield pyarrow.RecordBatch.from_arrays(columns, schema=schema)

    schema = pyarrow.schema(
        [
            ("place", pyarrow.int64()),
            ("lot", pyarrow.float64()),
            ("vector", pyarrow.list_(pyarrow.float32(), width)),
        ]
    )
    table = lancedb.connect(folder / "lance").create_table("pictures", parts(), schema=schema)
    table.create_index(metric="dot", vector_column_name="vector")
    table.create_scalar_index("lot")

    def search(query: np.ndarray, passing: np.ndarray | None) -> np.ndarray:
        asked = table.search(query).distance_type("dot").limit(CANDIDATES).select(["place"])
        if passing is not None:
            asked = asked.where(f"lot < {drawn[passing].max() + 1e-12}", prefilter=True)
        return asked.to_arrow()["place"].to_numpy()

    return search, size_of(folder / "lance")


def chroma(vectors: np.ndarray, calibrating: np.ndarray, folder: Path) -> tuple[Search, int]:
    """Chroma as its documentation sets it up: its graph by default, a number in the condition."""
    import chromadb

    drawn, at_once = lots(len(vectors)), 5_000
    settings = chromadb.Settings(anonymized_telemetry=False)
    client = chromadb.PersistentClient(str(folder / "chroma"), settings)
    table = client.create_collection("pictures", configuration={"hnsw": {"space": "ip"}})
    for at in range(0, len(vectors), at_once):
        some = vectors[at : at + at_once].astype(np.float32)
        table.add(
            [str(at + place) for place in range(len(some))],
            some,
            [{"lot": lot} for lot in drawn[at : at + at_once].tolist()],
        )

    def search(query: np.ndarray, passing: np.ndarray | None) -> np.ndarray:
        where = None if passing is None else {"lot": {"$lte": float(drawn[passing].max())}}
        found = table.query([query], n_results=CANDIDATES, where=where, include=[])
        return np.array([int(one) for one in found["ids"][0]], dtype=np.int64)

    return search, size_of(folder / "chroma")


def exact(vectors: np.ndarray, calibrating: np.ndarray, folder: Path) -> tuple[Search, int]:
    """Every vector is compared."""

    def search(query: np.ndarray, passing: np.ndarray | None) -> np.ndarray:
        among = np.arange(len(vectors)) if passing is None else np.flatnonzero(passing)
        scores = np.einsum("d,nd->n", query, vectors if passing is None else vectors[among])
        best = min(CANDIDATES, len(among))
        return among[np.argpartition(-scores, best - 1)[:best]]

    return search, 0


ENGINES = {
    "ours": ours,
    "exact": exact,
    "sq8": of_faiss("PCA256,IVF2048,SQ8"),
    "hnsw": of_faiss("HNSW32_SQ8"),
    "pq": of_faiss("OPQ64_256,IVF2048,PQ64"),
    "rabitq": of_faiss("IVF2048,RaBitQ"),
    "usearch": usearch,
    "lancedb": lance,
    "chroma": chroma,
}


def recall(found: np.ndarray, vectors: np.ndarray, query: np.ndarray, best: np.ndarray) -> float:
    """Share of the best among what was found, after exact scores."""
    found = found[found >= 0]
    scores = (vectors[found].astype(np.float64) * query).sum(axis=1)
    ten = found[np.argsort(-scores)[:10]]
    return float(np.isin(best, ten).mean())


def measured(name: str, vectors: np.ndarray, like: Like, filters: dict, best: dict) -> list[dict]:
    """Figures of one engine, a record for each filter."""
    half = len(like.queries) // 2
    with TemporaryDirectory() as folder:
        began = time.perf_counter()
        search, size = ENGINES[name](vectors, like.queries[half:], Path(folder))
        built = time.perf_counter() - began
        found = []
        for label, passing in filters.items():
            times, shares = [], []
            for query, wanted in zip(like.queries[:half], best[label], strict=True):
                began = time.perf_counter()
                candidates = search(query, passing)
                times.append(time.perf_counter() - began)
                shares.append(recall(candidates, vectors, query, wanted))
            p50, p95 = np.percentile(times, [50, 95]) * 1000
            found.append(
                {
                    "engine": name,
                    "vectors": len(vectors),
                    "width": vectors.shape[1],
                    "passes": label,
                    "recall": round(float(np.mean(shares)), 4),
                    "p50_ms": round(float(p50), 2),
                    "p95_ms": round(float(p95), 2),
                    "build_s": round(built, 1),
                    "bytes_per_vector": round(size / len(vectors)),
                }
            )
            print("  ", found[-1], flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--desk", required=True, help="a fitted desk, whose vectors are imitated")
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--own", action="store_true", help="the desk's own vectors, all of them")
    parser.add_argument("--engines", default=",".join(ENGINES))
    parser.add_argument("--write", help="a JSON file for the records; those of it are kept")
    given = parser.parse_args()
    like = Like.desk(given.desk, 400)
    vectors = like.vectors if given.own else np.concatenate([*like.made(given.count)])
    drawn = lots(len(vectors))
    filters = {label: drawn < share for label, share in SHARES.items()}
    filters["all"] = None
    best = {label: [] for label in filters}
    for query in like.queries[: len(like.queries) // 2]:
        scores = vectors @ query
        for label, passing in filters.items():
            among = np.arange(len(scores)) if passing is None else np.flatnonzero(passing)
            best[label].append(among[np.argsort(-scores[among])[:10]])
    records = []
    for name in given.engines.split(","):
        print(name, flush=True)
        records += measured(name, vectors, like, filters, best)
    if given.write:
        path = Path(given.write)
        known = json.loads(path.read_text()) if path.exists() else []
        path.write_text(json.dumps([*known, *records], indent=1) + "\n")


if __name__ == "__main__":
    main()
