"""Long work: it survives the server and itself, can be stopped, and tells how far it is."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

pytest.importorskip("fastapi", reason="serving needs the extra 'serve'")

from picturedesk.client import Client, Problem
from picturedesk.desk import Desk
from picturedesk.disk.lock import locked
from picturedesk.web import job_routes, work
from picturedesk.web import jobs as module
from picturedesk.web.app import create_app
from picturedesk.web.config import ServeConfig
from picturedesk.web.jobs import (
    AUDIT,
    DONE,
    EVALUATE,
    FAILED,
    QUEUED,
    REFIT,
    RUNNING,
    STOPPED,
    UPLOAD,
    Jobs,
    JobStore,
)
from running_servers import running
from servers import PATIENCE, serving, started
from shapes import draw

LOOKS = 10_000  # requests until a change must be seen, at most


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JobStore]:
    opened = JobStore(tmp_path)
    yield opened
    opened.close()


def test_jobs_are_kept_in_their_order(store: JobStore):
    first, second = store.add(REFIT, {}), store.add(UPLOAD, {"files": []}, "Ann")
    assert [job.id for job in store.open_jobs()] == [first.id, second.id]
    assert [job.id for job in store.newest()] == [second.id, first.id]
    assert store.open_jobs("upload") == [second]
    assert store.find(second.id) == second
    assert (second.who, second.state) == ("Ann", QUEUED)
    assert store.find("nosuch") is None


def test_two_stores_share_one_file(store: JobStore, tmp_path: Path):
    other = JobStore(tmp_path)
    job = store.add(REFIT, {})
    assert other.stop(job.id) == store.find(job.id)
    assert store.find(job.id).state == STOPPED  # at once: no process worked on it
    other.close()


def test_old_jobs_are_forgotten_but_none_that_waits(
    store: JobStore, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "_KEPT", 2)
    waiting = store.add(REFIT, {})
    ended = [store.add(REFIT, {}) for _ in range(3)]
    for job in ended:
        store.stop(job.id)
    newest = store.add(REFIT, {})
    known = [job.id for job in store.newest()]
    assert known == [newest.id, ended[-1].id, waiting.id]


def test_a_desk_that_is_none_fails_with_the_words_of_the_command_line(
    store: JobStore, tmp_path: Path
):
    job = store.add(REFIT, {})
    work.work(tmp_path, tmp_path / "absent", "refit")
    ended = store.find(job.id)
    assert ended.state == FAILED
    assert "absent is not a desk" in ended.problem["detail"]


def test_a_fault_of_ours_ends_a_job_too(
    store: JobStore, fitted_desk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(work._WORK, AUDIT, lambda *_: 1 / 0)
    job = store.add(AUDIT, {})
    work.work(tmp_path, fitted_desk, "measure")
    assert store.find(job.id).problem["title"] == "Internal error"


def test_a_job_whose_processes_are_killed_is_given_up(
    store: JobStore, fitted_desk: Path, tmp_path: Path
):
    job = store.add(AUDIT, {})
    for _ in range(module.ATTEMPTS):
        store.change(job.id, work._begun)  # as a process does that is killed then
    work.work(tmp_path, fitted_desk, "measure")
    ended = store.find(job.id)
    assert ended.state == FAILED
    assert "3 processes" in ended.problem["detail"]


def test_a_killed_job_is_done_by_the_next_process(
    store: JobStore, fitted_desk: Path, tmp_path: Path
):
    job = store.add(EVALUATE, {"part": "test"})
    store.change(job.id, work._begun)
    assert store.find(job.id).state == RUNNING
    work.work(tmp_path, fitted_desk, "measure")
    assert store.find(job.id).state == DONE


def test_a_running_job_stops_at_its_next_step(
    store: JobStore, fitted_desk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def steps(desk, request, progress, folder):
        progress(0, 2, "steps")
        store.stop(job.id)
        progress(1, 2, "more")
        raise AssertionError("it goes on")

    monkeypatch.setitem(work._WORK, AUDIT, steps)
    job = store.add(AUDIT, {})
    work.work(tmp_path, fitted_desk, "measure")
    assert store.find(job.id).state == STOPPED


def test_only_one_process_works_on_a_lane(
    store: JobStore, fitted_desk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "PATIENCE", 0.0)
    job = store.add(AUDIT, {})
    with locked(store.lock("measure"), 0.0, "held"):
        assert work.main([str(tmp_path), str(fitted_desk), "measure"]) == 0
    assert store.find(job.id).state == QUEUED


def test_jobs_that_nobody_works_on_get_a_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    launched: list[str] = []
    monkeypatch.setattr(Jobs, "launch", lambda self, lane: launched.append(lane))
    jobs = Jobs(tmp_path, tmp_path / "absent")
    jobs.add(REFIT, {})
    jobs.add(AUDIT, {})
    with locked(jobs.lock("refit"), 0.0, "held"):
        jobs.revive()
    assert launched == ["measure"]
    jobs.close()


def test_where_many_jobs_wait_no_upload_is_taken(quick_desk: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "_MOST_OPEN", 2)
    monkeypatch.setattr(Jobs, "launch", lambda self, lane: None)
    monkeypatch.setattr(Jobs, "revive", lambda self: None)
    config = ServeConfig(quick_desk, rate=float("inf"), at_once=1)
    files = [quick_desk.parent / f"{number}.png" for number in range(2)]
    for number, file in enumerate(files):
        draw("red", "circle", seed=700 + number).save(file)
    with (
        running(create_app(config), lifespan="on") as port,
        Client(f"http://127.0.0.1:{port}") as client,
    ):
        for _ in range(2):
            client.upload(files)
        with pytest.raises(Problem, match="2 jobs wait or run; wait until") as refused:
            client.upload(files)
    assert refused.value.status == 429
    assert len(list((config.folder / "incoming").iterdir())) == 2


def test_only_so_many_follow_jobs_at_a_time(quick_desk: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(job_routes, "_MOST", 1)
    monkeypatch.setattr(Jobs, "launch", lambda self, lane: None)
    monkeypatch.setattr(Jobs, "revive", lambda self: None)
    config = ServeConfig(quick_desk, rate=float("inf"))
    store = JobStore(config.folder)
    path = f"/v1/jobs/{store.add(AUDIT, {}).id}/events"
    try:
        with (
            running(create_app(config), lifespan="on") as port,
            httpx.Client(base_url=f"http://127.0.0.1:{port}") as http,
            http.stream("GET", path) as first,
        ):
            lines = first.iter_lines()
            assert next(lines) == "event: progress"
            refused = http.get(path)
            assert refused.status_code == 503
            assert refused.json()["title"] == "Too many streams"
            store.stop(store.newest()[0].id)
            assert "event: end" in list(lines)
    finally:
        store.close()


def test_explanations_are_for_few_texts(quick_desk: Path):
    config = ServeConfig(quick_desk, rate=float("inf"))
    body = {"texts": ["a red circle"] * 11, "explain": True}
    with running(create_app(config), lifespan="on") as port:
        answer = httpx.post(f"http://127.0.0.1:{port}/v1/suggest", json=body)
    assert answer.status_code == 422
    assert "explain goes with 10 texts at most" in answer.json()["detail"]


def test_an_acknowledged_upload_outlives_the_kill_of_server_and_job(quick_desk: Path):
    """The server and the job's process are killed; the next server takes the files in."""
    paths = []
    for seed in range(6):
        paths.append(quick_desk.parent / f"{seed}.png")
        draw("blue", "stripes", seed=900 + seed).save(paths[-1])
    config = ServeConfig(quick_desk)
    # The job can read pictures, and waits for the catalogue, which this test holds.
    held = locked(quick_desk / ".changing", PATIENCE, "held")
    with started(quick_desk) as (server, address), Client(address) as client, held:
        before = client.pictures(limit=1).total
        job = client.upload(paths)
        process = job_process(client, config, job.id)
        server.kill()
        os.kill(process, signal.SIGKILL)
    with serving(quick_desk) as address, Client(address) as client:
        done = client.wait(client.job(job.id))
        assert len(client.uploaded(done).pictures) == 6
        assert client.pictures(limit=1).total == before + 6


def job_process(client: Client, config: ServeConfig, job: str) -> int:
    """The id of the process that works on an upload, once it has begun to read pictures."""
    with client._events(f"/v1/jobs/{job}/events") as events:
        for name, document in events:
            if name == "progress" and document["what"] == "pictures":
                break
    found = [
        int(path.parent.name)
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if str(config.folder).encode() in path.read_bytes()
    ]
    assert len(found) == 1
    return found[0]


def test_a_refit_runs_beside_questions_and_its_fit_answers_then(quick_desk: Path):
    with serving(quick_desk) as address, Client(address) as client:
        picture = client.suggest("a red circle")[0].picture
        client.choose("a red circle", picture.key)
        job = client.refit()
        assert client.refit().id == job.id  # one at a time
        faults: list[Exception] = []
        ended = threading.Event()
        asking = [threading.Thread(target=ask, args=(address, ended, faults)) for _ in range(3)]
        for thread in asking:
            thread.start()
        client.wait(job)
        assert client.job(job.id).result["number"] == 2
        assert any(
            client.desk()["fit"] == "0002" for _ in range(LOOKS)
        )  # opened beside the old one
        ended.set()
        for thread in asking:
            thread.join(PATIENCE)
        assert faults == []
        assert client.rollback(1)["number"] == 1
        assert client.desk()["fit"] == "0001"
        with pytest.raises(Problem) as caught:
            client.rollback(1)
        assert caught.value.status == 409
    with Desk(quick_desk) as desk:
        assert len(desk.choices()) == 1


def ask(address: str, ended: threading.Event, faults: list[Exception]) -> None:
    """Asks until somebody says that it is enough."""
    try:
        with Client(address) as client:
            while not ended.is_set():
                assert len(client.suggest("a blue square by the river")) == 10
    except Exception as error:
        faults.append(error)
