"""Catalogues on Milvus: what the contract does not ask. Kills, several machines, addresses."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from catalogues import D, keys_of, make_pictures, make_vectors, next_on_milvus
from picturedesk.errors import BadInput, Closed, Mismatch, MissingArtefact, PicturedeskError
from picturedesk.store.catalogue import open_catalogue
from picturedesk.store.catalogue.remote import lease, log, search
from picturedesk.store.catalogue.remote.address import Address
from picturedesk.store.catalogue.remote.server import Server
from picturedesk.testing import DictCatalogue
from picturedesk.types import Catalogue, Changes, Picture


class Clock:
    """Of claims: it passes where somebody waits for another writer, and where a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0  # seconds

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += 10 * seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Makes claims last as long as a test wants, however busy the machine is."""
    made = Clock()
    monkeypatch.setattr(lease, "time", made)
    return made


@pytest.fixture
def address() -> str:
    return next_on_milvus()


@pytest.fixture
def on_machine(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Catalogue]]:
    """Opens the catalogue as another machine would, with a cache of its own."""
    opened: list[Catalogue] = []

    def open_on(machine: str, fingerprint: str = "m1", width: int = D) -> Catalogue:
        monkeypatch.setenv("PICTUREDESK_CACHE", str(tmp_path / machine))
        opened.append(open_catalogue(address, fingerprint, width))
        return opened[-1]

    yield open_on
    for catalogue in opened:
        catalogue.close()


def state_of(catalogue: Catalogue) -> tuple[object, ...]:
    """All that a catalogue says of itself."""
    keys = catalogue.keys(limit=catalogue.count())
    found = catalogue.fetch(keys)
    (nearest,) = catalogue.nearest(make_vectors(1, 5, catalogue.width), len(keys))
    return (
        found.pictures,
        found.vectors.tobytes(),
        keys_of(nearest),
        catalogue.added(),
        catalogue.named(),
        catalogue.kept_out(),
        catalogue.columns(),
        keys_of(catalogue.matching(["caption"], 99)),
    )


CHANGES = Changes(
    make_pictures(6, 4),
    make_vectors(6, 2),
    updated=[replace(make_pictures(1)[0], caption="changed", columns={"price": 2})],
    removed=["0001", "0002"],
    added=["0004", "0008"],
    named={"0000": ["caption"]},
    keep_out=True,
)


def test_what_one_machine_changes_another_one_sees(on_machine):
    here, there = on_machine("here"), on_machine("there")
    obvious = DictCatalogue("m1", D)
    for one in (here, obvious):
        one.add(make_pictures(5), make_vectors(5))
    assert state_of(there) == state_of(here) == state_of(obvious)
    for one in (there, obvious):
        one.change(CHANGES)
    assert state_of(here) == state_of(there) == state_of(obvious)
    for one in (here, obvious):
        one.replace_all(make_pictures(3), make_vectors(3), kept_out=["x"], added=["0002"])
    assert state_of(there) == state_of(obvious)
    assert state_of(on_machine("late")) == state_of(obvious)


def test_a_change_of_fingerprint_elsewhere_is_a_mismatch(on_machine):
    here, there = on_machine("here"), on_machine("there")
    here.replace_all(make_pictures(3), make_vectors(3, width=5), "m2")
    with pytest.raises(Mismatch, match="open the desk again"):
        there.count()
    with pytest.raises(Mismatch, match="holds vectors with fingerprint m2"):
        on_machine("late")


def test_a_log_that_grows_is_condensed_and_all_machines_follow(on_machine, monkeypatch):
    monkeypatch.setattr(log, "FEW", 2000)
    here, there, obvious = on_machine("here"), on_machine("there"), DictCatalogue("m1", D)
    rng = np.random.default_rng(0)
    bases = set()
    for n in range(12):
        changes = Changes(
            make_pictures(4, n * 2),
            make_vectors(4, n),
            removed=[f"{rng.integers(30):04d}"],
            added=[f"{n * 2:04d}"],
            named={f"{n * 2:04d}": ["tags"]},
            keep_out=True,
        )
        for one in (here, obvious):
            one.change(changes)
        bases.add(log.commits(here._server)[0].base)
        if n % 5 == 0:
            assert state_of(there) == state_of(obvious)
    assert len(bases) > 2
    assert state_of(there) == state_of(here) == state_of(obvious)
    assert state_of(on_machine("late")) == state_of(obvious)


def test_writers_wait_for_each_other_and_lose_nothing(on_machine, monkeypatch):
    monkeypatch.setattr(lease, "_PAUSE", 0.02)
    machines = [on_machine(f"m{n}") for n in range(3)]
    failed: list[BaseException] = []

    def write(n: int, catalogue: Catalogue) -> None:
        try:
            for step in range(4):
                number = 10 * n + step
                catalogue.add(make_pictures(1, number), make_vectors(1, number))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=pair) for pair in enumerate(machines)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    expected = sorted(f"{10 * n + step:04d}" for n in range(3) for step in range(4))
    for catalogue in machines:
        assert catalogue.keys() == expected


class Killed(BaseException):
    """Stands for the end of the process."""


WRITES = ("write", "erase", "put", "delete", "delete_after", "new_vectors", "drop_vectors")


def killed_after(calls: int, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a call on, nothing reaches the server any more: of every pair, before and after it."""
    left = [calls]

    def dying(method: Callable[..., object]) -> Callable[..., object]:
        def call(*given: object) -> object:
            if left[0] <= 0 and threading.current_thread() is not threading.main_thread():
                raise PicturedeskError("no answer")  # the thread that renews the claim
            if left[0] <= 0:
                raise Killed
            left[0] -= 1
            return method(*given)

        return call

    for name in WRITES:
        monkeypatch.setattr(server, name, dying(getattr(server, name)))


@pytest.mark.parametrize("kind", ["change", "replace_all"])
def test_a_kill_anywhere_leaves_the_old_state_or_the_new_one(
    on_machine, address, kind, monkeypatch, clock
):
    obvious = DictCatalogue("m1", D)
    new: tuple[object, ...] = ()

    def apply(catalogue: Catalogue) -> None:
        if kind == "change":
            catalogue.change(CHANGES)
        else:
            catalogue.replace_all(make_pictures(7, 2), make_vectors(7, 3), kept_out=["y"])

    obvious.replace_all(make_pictures(5), make_vectors(5), "m1", kept_out=["x"])
    old = state_of(obvious)
    apply(obvious)
    new = state_of(obvious)
    calm, seen = on_machine("calm"), []
    for calls in range(40):
        calm.replace_all(make_pictures(5), make_vectors(5), kept_out=["x"])
        assert state_of(calm) == old
        victim = on_machine("victim")
        with monkeypatch.context() as patch:
            killed_after(calls, victim._server, patch)
            try:
                apply(victim)
                seen.append("whole")
            except Killed:
                found = state_of(calm)
                assert found in (old, new)
                seen.append("new" if found == new else "old")
        victim.close()
        assert state_of(on_machine("late")) == (old if seen[-1] == "old" else new)
        if seen[-1] == "whole":
            break
        apply(calm)  # the retry
        assert state_of(calm) == new
    assert seen == sorted(seen, key=["old", "new", "whole"].index)
    assert {*seen} == {"old", "new", "whole"}
    rows = calm._server.texts("kind >= 0")
    assert len([row for row in rows if row["kind"] == 0]) == 0
    assert calm._server.vectors() == [log.commits(calm._server)[-1].vectors]


def test_a_failed_upload_changes_nothing_and_leaves_nothing(on_machine, monkeypatch):
    here = on_machine("here")
    here.add(make_pictures(5), make_vectors(5))
    before, rows = state_of(here), len(here._server.texts("kind >= 0"))

    def failing(*_: object) -> None:
        raise PicturedeskError("no answer")

    with monkeypatch.context() as patch:
        patch.setattr("picturedesk.store.catalogue.remote.log.write_frames", failing)
        with pytest.raises(PicturedeskError, match="no answer"):
            here.change(CHANGES)
    assert state_of(here) == before
    assert len(here._server.texts("kind >= 0")) == rows


def test_a_writer_that_lost_its_turn_changes_nothing(on_machine, monkeypatch, clock):
    here = on_machine("here")
    here.add(make_pictures(2), make_vectors(2))
    put = here._server.put

    def slow(*given: object) -> None:
        put(*given)
        clock.now += lease.LASTS

    with monkeypatch.context() as patch:
        patch.setattr(here._server, "put", slow)
        with pytest.raises(PicturedeskError, match="another process may be changing it"):
            here.add(make_pictures(1, 5), make_vectors(1))
    assert here.keys() == ["0000", "0001"]
    here.add(make_pictures(1, 5), make_vectors(1))
    assert here.keys() == ["0000", "0001", "0005"]


@pytest.mark.parametrize(
    ("few", "most", "among"), [(1000, 16384, 9), (5, 60, 7), (5, 30, 16), (0, 8, 40)]
)
def test_every_way_to_search_finds_the_nearest(address, monkeypatch, few, most, among):
    for name, value in (("FEW", few), ("MOST", most), ("AMONG", among), ("_SPARE", 2)):
        monkeypatch.setattr(search, name, value)
    vectors = make_vectors(90)
    vectors[20:60] = vectors[20]  # more equal ones than some looks return
    obvious = DictCatalogue("m1", D)
    with closing(open_catalogue(address, "m1", D)) as catalogue:
        for one in (catalogue, obvious):
            one.add(make_pictures(90), vectors)
        queries = np.vstack([make_vectors(4, 7), vectors[20:21], np.zeros((1, D))])
        for where in ("", "licence = 'cc0'", "key < '0012'", "key > '0080'", "key >= '0018'"):
            for k in (1, 5, 17, 200):
                found = catalogue.nearest(queries, k, where)
                expected = obvious.nearest(queries, k, where)
                for mine, theirs in zip(found, expected, strict=True):
                    assert keys_of(mine) == keys_of(theirs)
                    np.testing.assert_allclose(mine.scores, theirs.scores, rtol=0, atol=1e-12)


def test_a_graph_proposes_what_is_near_and_never_what_was_removed(address, tmp_path, monkeypatch):
    vectors, queries = make_vectors(3000), make_vectors(40, 7)
    obvious = DictCatalogue("m1", D)
    with closing(open_catalogue(f"{address}?index=hnsw", "m1", D)) as catalogue:
        assert (catalogue.indexed, catalogue.recall(queries)) == (0, 1.0)
        for one in (catalogue, obvious):
            one.add(make_pictures(3000), vectors)
            one.remove([f"{n:04d}" for n in range(0, 3000, 7)])
        assert catalogue.indexed == 2571
        assert catalogue.recall(queries) >= 0.98
        for where in ("", "licence = 'cc0'", "key < '0030'"):
            found = catalogue.nearest(queries, 10, where)
            expected = obvious.nearest(queries, 10, where)
            hits = 0
            for mine, theirs in zip(found, expected, strict=True):
                assert len(mine.entries) == 10
                assert not {key for key in keys_of(mine) if int(key) % 7 == 0}
                hits += len({*keys_of(mine)} & {*keys_of(theirs)})
            assert hits >= 0.98 * 10 * len(queries)
        monkeypatch.setenv("PICTUREDESK_CACHE", str(tmp_path))
        with closing(open_catalogue(address)) as there:  # the collection knows what it is
            assert there.indexed == 2571


def test_vectors_that_nothing_names_are_not_found(on_machine):
    here = on_machine("here")
    here.add(make_pictures(5), make_vectors(5))
    commit = log.commits(here._server)[-1]
    vectors = make_vectors(1, 9)
    here._server.put(commit.vectors, commit.generation + 1, np.array([7]), vectors)
    (found,) = here.nearest(vectors, 9)
    assert sorted(keys_of(found)) == here.keys()


def test_a_vector_that_is_not_as_it_was_written_is_refused(on_machine):
    here = on_machine("here")
    here.add(make_pictures(3), make_vectors(3))
    server, commit = here._server, log.commits(here._server)[-1]
    rows = server._client.query(commit.vectors, filter="id >= 0", output_fields=["id"])
    number = rows[0]["id"]
    server.delete(commit.vectors, [number])
    with pytest.raises(PicturedeskError, match="has lost vectors"):
        here.fetch(here.keys())
    server.put(commit.vectors, 1, np.array([number]), make_vectors(1, 77))
    with pytest.raises(MissingArtefact, match="is not as it was written"):
        here.fetch(here.keys())


def test_a_record_of_any_length_comes_back(on_machine):
    rng = np.random.default_rng(0)
    noise = "".join(map(chr, rng.integers(0x4E00, 0x9FFF, 200_000)))
    picture = Picture("a.jpg", "k", noise, columns={"note": noise[::-1]})
    on_machine("here").add([picture], make_vectors(1))
    assert on_machine("there").fetch(["k"]).pictures == (picture,)


def test_a_mirror_that_is_damaged_is_made_anew(on_machine, tmp_path):
    on_machine("here").add(make_pictures(5), make_vectors(5))
    expected = state_of(on_machine("here"))
    (mirror,) = (tmp_path / "there").glob("catalogues/*.db") if on_machine("there") else ()
    mirror.write_bytes(b"nonsense")
    assert state_of(on_machine("there")) == expected


def test_without_a_cache_a_mirror_goes_with_its_catalogue(address, tmp_path, monkeypatch):
    monkeypatch.setenv("PICTUREDESK_CACHE", "off")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with closing(open_catalogue(address, "m1", D)) as catalogue:
        catalogue.add(make_pictures(3), make_vectors(3))
        assert catalogue.count() == 3
        assert [*tmp_path.iterdir()] != []
    assert [*tmp_path.iterdir()] == []


def test_answers_about_changes_may_hold_for_a_while(address, tmp_path, monkeypatch):
    with closing(open_catalogue(address, "m1", D)) as here:
        here.add(make_pictures(3), make_vectors(3))
        monkeypatch.setenv("PICTUREDESK_CACHE", str(tmp_path))
        with closing(open_catalogue(f"{address}?fresh=60")) as there:
            assert there.count() == 3
            here.remove(["0001"])
            assert there.count() == 3
            there.add(make_pictures(1, 7), make_vectors(1))
            assert there.keys() == ["0000", "0002", "0007"]


@pytest.mark.parametrize(
    "wrong",
    [
        *("milvus://", "milvus://host:19530", "milvus://host:19530/", "milvus://host:1/a/b"),
        *("milvus:///a/b", "milvus:///a.db", "milvus:///a.db/", "milvus://host:1/a-b"),
        *("milvus://host:1/n?k=1", "milvus://host:1/n?fresh=x", "milvus://host:1/n?fresh=-1"),
        *("milvus://host:1/n#part", "milvus://host:1/n?index=annoy"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused(wrong):
    with pytest.raises(BadInput):
        open_catalogue(wrong)


def test_an_address_with_a_password_is_refused():
    with pytest.raises(BadInput, match="PICTUREDESK_MILVUS_TOKEN"):
        Address.of("milvus://user:secret@host:19530/name")


def test_an_address_names_a_server_or_a_file():
    assert Address.of("milvus://h:1/n?fresh=2.5&tls=true") == Address(
        "milvus://h:1/n?fresh=2.5&tls=true", "https://h:1", "n", 2.5
    )
    assert Address.of("milvus:///a/b.db/n").uri == "/a/b.db"


def test_a_catalogue_that_is_not_there_is_not_made_unasked(address):
    with pytest.raises(MissingArtefact, match="has no catalogue"):
        open_catalogue(address, make=False)


def test_a_closed_catalogue_says_so(address):
    catalogue = open_catalogue(address, "m1", D)
    catalogue.close()
    for ask in (catalogue.count, lambda: catalogue.nearest(make_vectors(1), 1)):
        with pytest.raises(Closed):
            ask()


def test_a_server_that_does_not_answer_is_told_in_one_line(monkeypatch):
    pytest.importorskip("pymilvus")
    monkeypatch.setattr("picturedesk.store.catalogue.remote.server._CONNECTING", 0.5)
    with pytest.raises(PicturedeskError, match="start the server") as caught:
        open_catalogue("milvus://127.0.0.1:9/n")
    assert "\n" not in str(caught.value)


def test_without_the_extra_an_error_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pymilvus", None)
    with pytest.raises(PicturedeskError, match=r"picturedesk\[milvus\]"):
        open_catalogue("milvus://127.0.0.1:9/n")


def test_a_killed_process_loses_no_change_that_it_was_told_of(tmp_path):
    pytest.importorskip("milvus_lite")
    place = f"milvus://{tmp_path}/lite.db/n"
    code = (
        "import sys\nfrom catalogues import *\n"
        f"c = open_catalogue({place!r}, 'm1', D)\n"
        "for n in range(1000):\n"
        "    c.add(make_pictures(1, n), make_vectors(1, n))\n"
        "    print(n, flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) == 7:
                with pytest.raises(PicturedeskError, match="another process uses the file"):
                    open_catalogue(place)
            if int(line) == 15:
                process.kill()
                break
        told = int([line, *process.stdout][-1])
    with closing(open_catalogue(place, "m1", D)) as catalogue:
        keys = catalogue.keys()
        assert len(keys) in (told + 1, told + 2)
        assert keys == [f"{n:04d}" for n in range(len(keys))]
        np.testing.assert_array_equal(catalogue.fetch(["0003"]).vectors, make_vectors(1, 3))
        catalogue.remove(["0003"])
        assert "0003" not in keys_of(catalogue.nearest(make_vectors(1, 3), 1)[0])


def test_a_change_counts_although_nothing_can_be_tidied_up_after_it(on_machine, monkeypatch, clock):
    here, obvious = on_machine("here"), DictCatalogue("m1", D)
    for one in (here, obvious):
        one.add(make_pictures(5), make_vectors(5))
    with monkeypatch.context() as patch:

        def failing(*_: object) -> None:
            raise PicturedeskError("no answer")

        for name in ("erase", "delete", "drop_vectors"):
            patch.setattr(here._server, name, failing)
        for one in (here, obvious):
            one.change(CHANGES)
    assert state_of(here) == state_of(on_machine("there")) == state_of(obvious)
    for one in (here, obvious):
        one.remove(["0008"])
    assert state_of(here) == state_of(obvious)
    assert here._server.texts("kind == 0") == []
