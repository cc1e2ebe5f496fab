"""Mirrors follow the log, and changes are written to it. See ``store.catalogue.milvus``."""

from __future__ import annotations

import logging
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from picturedesk.disk.database import write_manifest
from picturedesk.disk.shared_database import SharedDatabase
from picturedesk.errors import MissingArtefact, PicturedeskError
from picturedesk.store.catalogue import bm25, database
from picturedesk.store.catalogue.database import State, Totals
from picturedesk.store.catalogue.remote import log
from picturedesk.store.catalogue.remote.lease import Lease
from picturedesk.store.catalogue.remote.log import Commit
from picturedesk.store.catalogue.remote.mirror import (
    FOLLOWED,
    MirrorChange,
    RecordedChange,
    followed,
    repeat,
    whole_frames,
)
from picturedesk.store.catalogue.remote.server import Lost, Server
from picturedesk.types import Json

_LOG = logging.getLogger(__name__)
_TRIES = 10  # while others condense the log


def make(server: Server, fingerprint: str = "", width: int = 0) -> None:
    """Makes an empty catalogue for vectors with this fingerprint, unless there is one."""
    server.make()
    if not log.commits(server):
        with Lease(server):
            if not log.commits(server):
                width = width if fingerprint else 0
                vectors = server.new_vectors(width) if fingerprint else ""
                first = Commit(0, fingerprint, width, vectors, secrets.token_hex(8))
                log.write_commit(server, first)


def follow(server: Server, file: SharedDatabase) -> Commit:
    """Brings a mirror to the newest commit, in one transaction; returns that one."""
    for _ in range(_TRIES):
        with file.reading() as reader:
            mine = followed(reader)
        found = log.commits(server, max(0, mine["generation"]))
        if len(found) == 1 and _is_at(mine, found[0]):
            return found[0]
        try:
            with file.writing() as writer:
                return _catch_up(server, writer)
        except Lost:  # what it was about to read has been condensed
            continue
    raise PicturedeskError(f"{server.address.text} keeps changing: run again later")


@contextmanager
def recorded(
    server: Server,
    file: SharedDatabase,
    check: Callable[[sqlite3.Connection], State],
    owner: Json | None = None,
) -> Iterator[RecordedChange]:
    """One change of the catalogue: of the mirror and, at the end of the block, of the server.

    Args:
        server: with the log and the vectors.
        file: the mirror.
        check: raises an error unless the mirror may be changed; returns its state.
        owner: fingerprint and width of other vectors, to replace all; None to change some.
    """
    with Lease(server) as lease:
        latest = follow(server, file)
        if lease.follows_killed:
            _sweep(server, latest)
            lease.swept()
        written = None
        with file.writing() as writer:
            state = check(writer)
            totals = state.totals if owner is None else Totals()
            change = RecordedChange(writer, totals, state.generation + 1)
            if owner is not None:
                change.clear()
                write_manifest(writer, owner)
            yield change
            if owner is not None:
                bm25.merge(writer)
            change.finish()
            if change.frames:
                written = _write(server, lease, latest, change, owner)
                write_manifest(writer, {FOLLOWED: _described(written)})
        if written is not None:
            try:
                _tidy(server, lease, written, change)
                if written.is_long:
                    _condense(server, lease, file, written)
            except PicturedeskError as error:
                _LOG.warning("the change is made; who writes next tidies up: %s", error)


def _write(
    server: Server, lease: Lease, latest: Commit, change: RecordedChange, owner: Json | None
) -> Commit:
    """Writes vectors, frames and then the commit. After an error, only vectors and frames."""
    generation, token = latest.generation + 1, secrets.token_hex(8)
    commit = replace(latest, generation=generation, token=token)
    try:
        if owner is not None:
            commit = replace(commit, **owner, vectors=server.new_vectors(owner["width"]))
        for handles, vectors in change.fresh:
            server.put(commit.vectors, generation, handles["number"], vectors)
        frames, size = log.write_frames(server, token, generation, change.all_frames())
    except BaseException:
        lease.is_left = True
        _sweep(server, latest)
        lease.is_left = False
        raise
    if owner is None:
        commit = replace(commit, frames=frames, since=commit.since + size)
    else:
        commit = replace(commit, frames=frames, size=size, since=0, base=generation)
    lease.is_left = True  # if the answer is lost, the commit may count, now or in a moment
    lease.check()
    log.write_commit(server, commit)
    return commit


def _tidy(server: Server, lease: Lease, written: Commit, change: RecordedChange) -> None:
    """Deletes what nothing names any more, after the commit."""
    if written.is_whole:
        _sweep(server, written)
    elif change.dead:
        server.delete(written.vectors, change.dead)
    lease.is_left = False


def _sweep(server: Server, latest: Commit) -> None:
    """Deletes all that the newest commit does not name."""
    for name in server.vectors():
        if name != latest.vectors:
            server.drop_vectors(name)
    log.erase_after(server, latest.generation)
    log.erase_before(server, latest.base)
    if latest.vectors:
        server.delete_after(latest.vectors, latest.generation)
        for frame in log.read_frames(server, latest):
            if frame["do"] == "delete":
                server.delete(latest.vectors, frame["numbers"])


def _condense(server: Server, lease: Lease, file: SharedDatabase, latest: Commit) -> None:
    """Writes all records as one commit, in place of those before it."""
    generation, token = latest.generation + 1, secrets.token_hex(8)
    with file.writing() as writer:
        lease.is_left = True
        whole = whole_frames(writer, database.read_state(writer))
        frames, size = log.write_frames(server, token, generation, whole)
        commit = replace(
            latest,
            generation=generation,
            token=token,
            frames=frames,
            base=generation,
            size=size,
            since=0,
        )
        lease.check()
        log.write_commit(server, commit)
        write_manifest(writer, {FOLLOWED: _described(commit)})
    log.erase_before(server, generation)
    lease.is_left = False


def _catch_up(server: Server, writer: sqlite3.Connection) -> Commit:
    """Repeats the commits that a mirror has not followed yet, inside a transaction."""
    mine = followed(writer)
    found = log.commits(server, max(0, mine["generation"]))
    pending = found[1:]
    if not found or not _is_at(mine, found[0]):
        # The mirror's commit has been condensed, or the catalogue was made anew.
        pending = found = log.commits(server)
        if not any(commit.is_whole for commit in found):
            raise MissingArtefact(f"{server.address.text} has lost its log: migrate or fit again")
    if not pending:
        return found[-1]
    wholes = [place for place, commit in enumerate(pending) if commit.is_whole]
    pending = pending[wholes[-1] if wholes else 0 :]
    state = database.read_state(writer)
    change = MirrorChange(writer, state.totals, state.generation + 1)
    for commit in pending:
        if commit.is_whole:
            change.clear()
        for frame in log.read_frames(server, commit):
            repeat(change, frame)
    if wholes:
        bm25.merge(writer)
    newest = pending[-1]
    change.finish()
    owner = {"fingerprint": newest.fingerprint, "width": newest.width}
    write_manifest(writer, {**owner, FOLLOWED: _described(newest)})
    return newest


def _is_at(place: Json, commit: Commit) -> bool:
    return bool(place == _described(commit))


def _described(commit: Commit) -> Json:
    return {
        "generation": commit.generation,
        "token": commit.token,
        "vectors": commit.vectors,
    }
