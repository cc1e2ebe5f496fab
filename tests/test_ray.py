"""Reading and encoding on a cluster of three nodes, whose workers die: as on one machine.

As a program, this file is a run that kills itself.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from object_stores import client, s3_server
from once import QUICK
from picturedesk.backbones.backbone import Backbone
from picturedesk.cluster import Answer, PackedFolder, Part, mapped
from picturedesk.desk import Desk
from picturedesk.errors import BadInput, PicturedeskError
from picturedesk.learning.encoding import encoded_on_ray
from picturedesk.store.extraction import ExtractConfig, Extraction, extract
from picturedesk.store.features import FeatureStore
from picturedesk.store.ray_engine import parts_of
from picturedesk.testing import tiny_backbone
from picturedesk.texts.lsa import LsaConfig, LsaEncoder
from picturedesk.types import Progress, silent
from ray_clusters import cluster, workers
from small_networks import write_network
from test_extraction_killed import paint, stored

if __name__ != "__main__":
    pytest.importorskip("ray", reason="needs the extra 'ray' (make test-ray)")

# Ray warns of its own settings, and leaves files to be closed by the collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
PICTURES = 107  # distinct and readable
LAYERS = 400  # makes a batch take long enough to be killed in


@dataclass(frozen=True)
class Deadly:
    """A job whose worker dies at a part, once or each time."""

    at: str
    once: Path | None

    def opened(self) -> Callable[[Part], Answer]:
        def work(part: Part) -> Answer:
            if self.at in part and not (self.once and self.once.exists()):
                if self.once:
                    self.once.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            if "refused" in part:
                raise BadInput("this part is refused")
            numbers = np.full((len(part), 3), float(part[0]), dtype=np.float32)
            return Answer([{"item": item} for item in part], numbers)

        return work


@pytest.fixture(scope="module")
def nodes() -> Iterator[str]:
    """The address of a cluster, which this process uses by RAY_ADDRESS.

    All its nodes find the same object storage, and have its keys.
    """
    with pytest.MonkeyPatch.context() as patch, s3_server() as variables:
        for name, value in {**variables, "PICTUREDESK_OBJECTS": "s3://archive/"}.items():
            patch.setenv(name, value)
        with cluster() as address:
            patch.setenv("RAY_ADDRESS", address)
            yield address


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], Path]:
    """Pictures, of which one is broken, one is missing and twelve are copies; and a network."""
    home = tmp_path_factory.mktemp("archive")
    uris = [*paint(home / "in"), str(home / "in" / "gone.jpg")]
    return uris, write_network(home / "network", LAYERS)


def run(
    uris: Sequence[str], network: Path, path: Path, engine: str, progress: Progress = silent
) -> Extraction:
    backbone = Backbone.load(network)
    with FeatureStore.open(path, backbone.spec) as store:
        config = ExtractConfig(batch=4, engine=engine)
        return extract(uris, backbone, store, config, progress)


def counts(done: Extraction) -> tuple[int, int, int]:
    return done.read, done.reused, done.duplicates


def sources(path: Path) -> list[tuple[object, ...]]:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(path)) as file:
        return list(file.execute("SELECT * FROM sources ORDER BY path"))


def test_a_cluster_stores_the_same_rows_although_a_worker_is_killed(nodes, archive, tmp_path):
    uris, network = archive
    local = run(uris, network, tmp_path / "local.db", "local")
    killed: list[int] = []

    def kill(done: int, total: int, what: str) -> None:
        if done and not killed:
            killed.append(workers()[-1])
            os.kill(killed[0], signal.SIGKILL)

    there = run(uris, network, tmp_path / "ray.db", "ray", kill)
    assert killed
    assert counts(there) == counts(local) == (PICTURES, 0, 12)
    assert there.keys == local.keys
    assert there.rejections == local.rejections
    assert stored(tmp_path / "ray.db") == stored(tmp_path / "local.db")
    assert sources(tmp_path / "ray.db") == sources(tmp_path / "local.db")


def test_a_cluster_reads_objects_and_shards_as_this_machine_does(nodes, archive, tmp_path):
    files = [Path(uri) for uri in archive[0] if Path(uri).exists()]
    storage, shard = client(), tmp_path / "shard.tar"
    storage.mkdir("archive")
    for file in files[:60]:
        storage.put(str(file), f"archive/{file.name}")
    with tarfile.open(shard, "w") as made:
        for file in files[60:]:
            made.add(file, file.name)
    storage.put(str(shard), "archive/shard.tar")
    uris = [f"s3://archive/{file.name}" for file in files[:60]]
    uris += [f"s3://archive/shard.tar!{file.name}" for file in files[60:]]
    uris.append("s3://archive/gone.jpg")
    local = run(uris, archive[1], tmp_path / "local.db", "local")
    there = run(uris, archive[1], tmp_path / "ray.db", "ray")
    assert counts(there) == counts(local) == (PICTURES, 0, 12)
    assert there.rejections == local.rejections
    assert len(there.rejections) == 2
    assert sorted(stored(tmp_path / "ray.db")[0]) == sorted(stored(tmp_path / "local.db")[0])
    with (
        FeatureStore.open(tmp_path / "ray.db") as one,
        FeatureStore.open(tmp_path / "local.db") as other,
    ):
        keys = one.keys()
        np.testing.assert_array_equal(one.read(keys), other.read(keys))
        assert one.hashes(keys).tolist() == other.hashes(keys).tolist()


def test_a_whole_fit_by_a_cluster_makes_the_desk_that_one_here_makes(nodes, shapes_table, tmp_path):
    made = {}
    for engine in ("local", "ray"):
        config = replace(QUICK, extract=ExtractConfig(engine=engine))
        report = Desk.fit_report(shapes_table, tmp_path / engine, config)
        with Desk(tmp_path / engine) as desk:
            keys = desk.catalogue.keys(limit=desk.catalogue.count())
            vectors = desk.catalogue.fetch(keys).vectors
            found = [one.picture.key for one in desk.suggest("a red circle by the river")]
        made[engine] = (keys, vectors.tobytes(), found, report.chosen["weights"])
    assert made["ray"] == made["local"]


def test_a_run_that_dies_goes_on_and_ends_with_the_same_rows(nodes, archive, tmp_path):
    uris, network = archive
    run(uris, network, tmp_path / "local.db", "local")
    path = tmp_path / "ray.db"
    left = 0
    for moment in (1, 40):
        line = [sys.executable, __file__, str(network), str(path), str(left + moment), *uris]
        assert subprocess.run(line, check=False).returncode == -signal.SIGKILL
        found = len(stored(path)[0])
        assert found >= left + moment
        left = found
    done = run(uris, network, path, "ray")
    assert counts(done) == (PICTURES - left, left, 12)
    assert stored(path) == stored(tmp_path / "local.db")


def test_a_part_whose_worker_died_is_done_again_and_answered_once(nodes, tmp_path, caplog, capsys):
    parts = [[str(number), f"x{number}"] for number in range(12)]
    answers = list(mapped(Deadly("x7", tmp_path / "died"), parts))
    assert [[record["item"] for record in answer.records] for answer in answers] == parts
    assert [answer.numbers[0, 0] for answer in answers] == list(range(12))
    assert (tmp_path / "died").exists()
    assert "done again" in caplog.text
    assert capsys.readouterr().out == ""  # where results are printed


def test_a_part_that_kills_every_worker_ends_the_run_and_is_named(nodes):
    with pytest.raises(PicturedeskError, match=r"workers of the Ray cluster died.* x1 … x1:"):
        list(mapped(Deadly("x1", None), [["x1"]]))


def test_an_error_of_a_job_comes_to_the_caller(nodes):
    with pytest.raises(PicturedeskError, match="this part is refused"):
        list(mapped(Deadly("-", None), [["0"], ["refused"]]))


def test_a_desk_adds_pictures_by_a_cluster_and_prints_one_document(nodes, archive, own_desk):
    uris, _ = archive
    line = [sys.executable, "-m", "picturedesk", "add", str(Path(uris[0]).parent)]
    line += ["--desk", str(own_desk), "--engine", "ray", "--json", "--quiet"]
    done = subprocess.run(line, stdout=subprocess.PIPE, check=True, text=True)
    added = json.loads(done.stdout)
    assert (added["new"], added["read"], len(added["rejections"])) == (PICTURES, PICTURES, 1)
    with Desk(own_desk) as desk:
        assert desk.limits.engine == "local"


def test_names_that_are_not_unicode_come_back_as_they_were(nodes):
    name = os.fsdecode(b"\xff.jpg")
    (answer,) = mapped(Deadly("-", None), [["0", name]])
    assert answer.records[1] == {"item": name}


def test_texts_get_the_vectors_that_they_get_here(nodes):
    texts = [f"Text {number} of the harbour: {'fog ' * (number % 7)}." for number in range(50)]
    encoder = LsaEncoder.fit(texts, LsaConfig(topics=6))
    told: list[int] = []
    vectors = encoded_on_ray(encoder, texts, 8, lambda done, total, what: told.append(done))
    np.testing.assert_array_equal(vectors, encoder.encode(texts))
    assert told == [0, 8, 16, 24, 32, 40, 48, 50]
    assert encoded_on_ray(encoder, [], 8, silent).shape == (0, encoder.width)


def test_known_pictures_need_no_cluster(archive, tmp_path, monkeypatch):
    uris, network = archive
    some = uris[:8]
    run(some, network, tmp_path / "a.db", "local")
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    assert counts(run(some, network, tmp_path / "a.db", "ray")) == (0, 8, 0)


def test_a_shard_in_object_storage_is_one_part():
    shards = [f"s3://b/{shard}.tar!{number}.jpg" for shard in "12" for number in range(3)]
    files = ["/a.jpg", "/b.tar!1.jpg", "/b.tar!2.jpg"]
    assert parts_of([*shards, *files], 2) == [shards[:3], shards[3:], files[:2], files[2:]]
    assert parts_of([], 2) == []


def test_a_cluster_that_is_not_there_is_said_at_once(archive, tmp_path, monkeypatch):
    uris, network = archive
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with pytest.raises(PicturedeskError, match=r"no Ray cluster answers at 127\.0\.0\.1:1 "):
        run(uris, network, tmp_path / "a.db", "ray")


def test_a_network_that_is_no_graph_runs_here_on_pixels_of_the_workers(nodes, archive, tmp_path):
    uris, _ = archive
    backbone, asked = tiny_backbone(), []

    def features(pixels):
        asked.append(len(pixels))
        return tiny_backbone().runner(pixels)

    here = Backbone.of(backbone.spec, features)
    done = {}
    for engine, reader in (("local", backbone), ("ray", here)):
        with FeatureStore.open(tmp_path / f"{engine}.db", backbone.spec) as store:
            done[engine] = extract(uris, reader, store, ExtractConfig(batch=4, engine=engine))
    assert sum(asked) == done["ray"].read == PICTURES
    assert max(asked) == 4
    assert counts(done["ray"]) == counts(done["local"])
    assert done["ray"].rejections == done["local"].rejections
    assert stored(tmp_path / "ray.db") == stored(tmp_path / "local.db")
    assert sources(tmp_path / "ray.db") == sources(tmp_path / "local.db")


def test_folders_are_packed_whole(tmp_path):
    (tmp_path / "in" / "sub").mkdir(parents=True)
    (tmp_path / "in" / "a").write_bytes(b"1")
    (tmp_path / "in" / "sub" / "b").write_bytes(b"2")
    with PackedFolder.of(tmp_path / "in").unpacked() as folder:
        assert (folder / "a").read_bytes() + (folder / "sub" / "b").read_bytes() == b"12"
    assert not folder.exists()


ALONE = """
import os
import subprocess
import sys
from picturedesk.cluster import session
from ray_listening import listening

OTHER = "import sys, ray; ray.init(address=sys.argv[1])"
with session() as ray:
    print(*sorted(listening()))
    address = ray.get_runtime_context().gcs_address
    wrong = {**os.environ, "RAY_AUTH_TOKEN": "0" * 64, "RAY_NUM_REDIS_GET_RETRIES": "1"}
    line = [sys.executable, "-c", OTHER, address]
    done = subprocess.run(line, env=wrong, stderr=subprocess.PIPE, text=True)
    print(done.returncode, "InvalidAuthToken" in done.stderr)
print(*sorted(name for name in os.environ if name.startswith("RAY_AUTH")))
"""


def test_a_cluster_of_our_own_listens_here_only_and_wants_a_token():
    tests = str(Path(__file__).parent)
    around = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    around["PYTHONPATH"] = os.pathsep.join(filter(None, (around.get("PYTHONPATH", ""), tests)))
    line = [sys.executable, "-c", ALONE]
    done = subprocess.run(line, env=around, stdout=subprocess.PIPE, text=True, check=True)
    where, other, left = done.stdout.splitlines()
    assert set(where.split()) <= {"0100007F", "0000000000000000FFFF00000100007F"}
    assert where
    assert other == "1 True"
    assert left == ""


def main(network: str, path: str, last: str, *uris: str) -> None:
    """A run that kills itself when so many pictures are stored."""
    store = Path(path)

    def die(done: int, total: int, what: str) -> None:
        if done and len(stored(store)[0]) >= int(last):
            os.kill(os.getpid(), signal.SIGKILL)

    run(uris, Path(network), store, "ray", die)


if __name__ == "__main__":
    main(*sys.argv[1:])
