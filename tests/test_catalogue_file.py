"""The file of the exact catalogue: processes that share it or are killed, other files."""

import os
import signal
import sqlite3
import subprocess
import sys

import numpy as np
import pytest

from catalogues import D, make_pictures, make_vectors
from picturedesk.errors import Mismatch, MissingArtefact, PicturedeskError
from picturedesk.store.catalogue import database
from picturedesk.store.catalogue.exact import ExactCatalogue


def run_python(code, *arguments, **settings):
    preamble = "import sys, numpy as np\nfrom catalogues import *\n"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", preamble + code, *map(str, arguments)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, **settings)


HALF_A_REPLACEMENT = """
from pathlib import Path
import time
class Slow(list):
    def __iter__(self):
        for n, picture in enumerate(super().__iter__()):
            if n == 15_000 and reached():
                print("half", flush=True)
                time.sleep(60)
            yield picture
passes = iter((False, False, True))  # checked, written, written with their vectors
reached = lambda: next(passes)
with ExactCatalogue.open(Path(sys.argv[1]), "m1", D) as catalogue:
    catalogue.replace_all(Slow(make_pictures(20_000)), make_vectors(20_000, width=64), "m2")
"""


def test_a_killed_replacement_leaves_the_old_state_whole(tmp_path):
    path = tmp_path / "catalogue"
    with ExactCatalogue.open(path, "m1", D) as catalogue:
        catalogue.add(make_pictures(300), make_vectors(300))
    with run_python(HALF_A_REPLACEMENT, path) as child:
        try:
            assert child.stdout.readline() == "half\n"
            assert path.with_name("catalogue-wal").stat().st_size > 2**20  # half is on disk
        finally:
            child.send_signal(signal.SIGKILL)
    with ExactCatalogue.open(path, "m1", D) as catalogue:
        assert catalogue.pictures(catalogue.keys()) == make_pictures(300)
        np.testing.assert_array_equal(catalogue.vectors(catalogue.keys()), make_vectors(300))
        assert catalogue.add(make_pictures(1, 300), make_vectors(1)) == 1


WRITE = """
from pathlib import Path
with ExactCatalogue.open(Path(sys.argv[1]), "m1", D) as catalogue:
    for round in range(20):
        catalogue.replace_all(make_pictures(50, 50 * round), make_vectors(50, round))
"""

READ = """
from pathlib import Path
seen = set()
with ExactCatalogue.open(Path(sys.argv[1]), "m1", D) as catalogue:
    while 19 not in seen:
        hits = catalogue.search(np.ones(D), 50, "date >= '2'")
        rounds = {int(hit.picture.key) // 50 for hit in hits}
        assert len(hits) in (0, 50) and len(rounds) <= 1, (len(hits), rounds)
        for round in rounds:
            vectors = dict(zip((p.key for p in make_pictures(50, 50 * round)),
                               make_vectors(50, round)))
            for hit in hits:
                expected = float(vectors[hit.picture.key].sum() / D**0.5)
                assert abs(hit.score - expected) < 1e-5
        seen |= rounds
print(len(seen))
"""


def test_readers_in_other_processes_see_every_change_whole(tmp_path):
    path = tmp_path / "catalogue"
    ExactCatalogue.open(path, "m1", D).close()
    readers = [run_python(READ, path) for _ in range(2)]
    with run_python(WRITE, path) as writer:
        assert writer.wait(60) == 0
    for reader in readers:
        assert int(reader.communicate(timeout=60)[0]) >= 1
        assert reader.returncode == 0


def test_processes_that_make_the_same_catalogue_at_once_agree(tmp_path):
    code = (
        "from pathlib import Path\n"
        "start = 10 * int(sys.argv[2])\n"
        "with ExactCatalogue.open(Path(sys.argv[1]), 'm1', D) as catalogue:\n"
        "    for n in range(10): catalogue.add(make_pictures(1, start + n), make_vectors(1))\n"
    )
    children = [run_python(code, tmp_path / "new" / "catalogue", n) for n in range(3)]
    for child in children:
        child.communicate(timeout=60)
        assert child.returncode == 0
    with ExactCatalogue.open(tmp_path / "new" / "catalogue") as catalogue:
        assert catalogue.keys() == [f"{n:04d}" for n in range(30)]


def test_another_process_may_claim_a_new_catalogue_between_two_looks_at_it(tmp_path):
    path = tmp_path / "catalogue"
    late = ExactCatalogue(path, database.connect(path))
    ExactCatalogue.open(path, "m1", D).close()
    late._claim("m1", D)
    assert (late.matcher, late.width) == ("m1", D)
    late.close()


def test_a_file_that_is_no_catalogue_is_refused(tmp_path):
    (tmp_path / "text").write_text("not a database, " * 100)
    with pytest.raises(MissingArtefact, match="text: file is not a database: it is no catalogue"):
        ExactCatalogue.open(tmp_path / "text", "m1", D)
    with sqlite3.connect(tmp_path / "other") as other:
        other.execute("CREATE TABLE manifest (name TEXT, value TEXT)")
        other.execute("INSERT INTO manifest VALUES ('kind', 'feature store')")
    other.close()
    with pytest.raises(Mismatch, match="holds a feature store, not a catalogue"):
        ExactCatalogue.open(tmp_path / "other", "m1", D)
    with pytest.raises(PicturedeskError, match="unable to open"):
        ExactCatalogue.open(tmp_path, "m1", D)


def test_another_format_version_is_refused(tmp_path):
    path = tmp_path / "catalogue"
    ExactCatalogue.open(path, "m1", D).close()
    with sqlite3.connect(path) as file:
        file.execute("UPDATE manifest SET value = '99' WHERE name = 'format_version'")
    file.close()
    with pytest.raises(Mismatch, match=r"format version 99.*make it again"):
        ExactCatalogue.open(path, "m1", D)


def test_the_module_imports_nothing_heavy():
    code = (
        "import sys, picturedesk.store.catalogue.exact\n"
        "heavy = ('torch', 'sklearn', 'scipy', 'pyarrow', 'PIL', 'onnxruntime', 'safetensors')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
