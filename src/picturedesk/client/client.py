"""A desk's server asked from Python: one method for each route, with the library's records."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import picturedesk.checks as checks
from picturedesk.client import records
from picturedesk.client.connection import Connection, Problem
from picturedesk.client.records import Asking, Page, Passage, RemoteJob, Uploaded
from picturedesk.types import (
    Cell,
    Choice,
    Json,
    Picture,
    Progress,
    RankedText,
    Rejection,
    Suggestions,
    Tag,
    silent,
)

PLAIN = Asking()
FOR_SLOTS = Asking(k=3)
FOR_SIMILAR = Asking(diversity=0.0)
_OF_SLOTS = ("k", "route", "where", "fatigue", "include", "territory", "today")
_OF_SIMILAR = ("k", "where", "diversity", "fatigue", "duplicates", "include", "territory", "today")
Shown = str | Path
"""A picture: its content key (a str), or a file of this machine (a Path), which is sent."""


class Client(Connection):
    """A desk on a server; see ``Connection`` for how it is opened.

    Every method raises Problem if the server refuses, with the reason and cure that the command
    line would print.
    """

    def desk(self) -> Json:
        """What the desk has and allows: pictures, routes, columns, limits, the caller's role."""
        found: Json = self._get("/v1/desk")
        return found

    def suggest(self, text: str, asking: Asking = PLAIN) -> Suggestions:
        """The best pictures for a text; "" if ``asking`` has pictures or keywords."""
        body = asking.as_json() | ({"text": checks.text("text", text)} if text else {})
        return records.suggestions_of(self._post("/v1/suggest", body))

    def suggest_each(self, texts: Sequence[str], asking: Asking = PLAIN) -> list[Suggestions]:
        """One answer for each of several texts, in their order."""
        body = asking.as_json() | {"texts": checks.texts("texts", texts)}
        return list(map(records.suggestions_of, self._post("/v1/suggest", body)["answers"]))

    def suggest_for(self, file: str | Path, asking: Asking = PLAIN) -> Suggestions:
        """The best pictures for a text, HTML or DOCX file, or for a picture to resemble."""
        path = checks.existing("file", file)
        return records.suggestions_of(self._with_file("/v1/suggest", path, asking.as_json()))

    def explain(self, text: str, asking: Asking = PLAIN) -> Json:
        """The whole answer to a text as a document, with what adds to each score."""
        body = asking.as_json() | {"text": checks.text("text", text), "explain": True}
        found: Json = self._post("/v1/suggest", body)
        return found

    def slots(self, text: str, slots: int | str = 3, asking: Asking = FOR_SLOTS) -> list[Passage]:
        """A picture for each passage of a story, and others to choose from."""
        body = _some(asking, _OF_SLOTS) | {"text": checks.text("text", text), "slots": slots}
        return list(map(records.passage_of, self._post("/v1/suggest/slots", body)["slots"]))

    def similar(self, picture: Shown, asking: Asking = FOR_SIMILAR) -> Suggestions:
        """The pictures that are most like one."""
        body = _some(asking, _OF_SIMILAR)
        return records.suggestions_of(self._about("/v1/similar", picture, body))

    def tags(self, picture: Shown, most: int = 10) -> list[Tag]:
        """The words of the archive that a picture shows."""
        return records.tags_of(self._about("/v1/tags", picture, {"most": most}))

    def texts(
        self, picture: Shown, k: int = 10, texts: Sequence[str] | None = None
    ) -> list[RankedText]:
        """The texts that suit a picture best: of the archive, or of those that are given."""
        given = {} if texts is None else {"texts": checks.texts("texts", texts)}
        return records.texts_of(self._about("/v1/texts", picture, {"k": k, **given}))

    def document(self, file: str | Path) -> str:
        """The words of a text, HTML or DOCX file."""
        path = checks.existing("file", file)
        return str(self._with_file("/v1/documents", path)["text"])

    def pictures(
        self, where: str = "", sort: str = "uri", limit: int = 100, after: str = "", words: str = ""
    ) -> Page:
        """A page of the catalogue; with words, the best hits."""
        found = self._get("/v1/pictures", where=where, sort=sort, limit=limit, after=after, q=words)
        return records.page_of(found)

    def all_pictures(self, where: str = "", sort: str = "uri") -> Iterator[Picture]:
        """All pictures that meet a condition, page by page."""
        page = self.pictures(where, sort, 1000)
        yield from page.pictures
        while page.after:
            page = self.pictures(where, sort, 1000, page.after)
            yield from page.pictures

    def picture(self, key: str) -> Picture:
        """What is known of a picture."""
        return records.picture_of(self._get(_place(key)))

    def edit(
        self, keys: Sequence[str], changes: Mapping[str, Cell | Sequence[str] | None]
    ) -> list[Picture]:
        """The same new values, by the names of columns, for pictures; None empties a column."""
        body = {"keys": checks.texts("keys", keys), "changes": dict(changes)}
        return list(map(records.picture_of, self._post("/v1/pictures/edit", body)["pictures"]))

    def remove(self, keys: Sequence[str] = (), where: str = "") -> int:
        """Removes pictures by their keys or by a condition; returns how many."""
        body = {"keys": checks.texts("keys", keys), "where": where}
        return int(self._post("/v1/pictures/remove", body)["removed"])

    def upload(
        self, files: Sequence[str | Path], metadata: Mapping[str, Cell] | None = None
    ) -> Uploaded | RemoteJob:
        """Adds pictures; many become a job (``wait`` for it, then ``uploaded``).

        Args:
            files: of this machine.
            metadata: values by the names of columns, for each of the pictures.
        """
        data = {"metadata": json.dumps(dict(metadata))} if metadata else {}
        with ExitStack() as stack:
            sent: list[tuple[str, tuple[str, BinaryIO]]] = []
            for place, one in enumerate(checks.several("files", files)):
                path = checks.existing(f"files[{place}]", one)
                sent.append(("files", (path.name, stack.enter_context(path.open("rb")))))
            answer = self._ask("POST", "/v1/pictures", files=sent, data=data)
        document = answer.json()
        if answer.status_code == 202:
            return records.job_of(document["job"])
        return records.uploaded_of(document)

    def uploaded(self, job: RemoteJob) -> Uploaded:
        """What became of an upload whose job is done; see ``wait``."""
        return records.uploaded_of(job.result)

    def thumbnail(self, key: str, width: int = 320, accept: str = "image/webp") -> bytes:
        """A small picture: WebP, AVIF or JPEG, as ``accept`` says."""
        path, headers = f"{_place(key)}/thumbnail", {"Accept": accept}
        return self._ask("GET", path, params={"width": width}, headers=headers).content

    def original(self, key: str) -> bytes:
        """The file of a picture."""
        return self._ask("GET", f"{_place(key)}/original").content

    def rejected(self) -> tuple[Rejection, ...]:
        """Files and rows that were left out."""
        return records.rejections_of(self._get("/v1/rejected"))

    def choose(
        self, text: str, picture: str, rejected: Sequence[str] = (), who: str = ""
    ) -> Choice:
        """Stores that a picture was taken for a text, and which were passed over; by keys."""
        body = {"text": text, "picture": picture, "rejected": list(rejected), "who": who}
        return records.choice_of(self._post("/v1/choices", body))

    def undo_choice(self, number: int) -> Choice:
        """Takes a decision back."""
        number = checks.whole_number("number", number, 1)
        return records.choice_of(self._ask("DELETE", f"/v1/choices/{number}").json())

    def choices(self, after: int = 0, limit: int = 1000) -> list[Choice]:
        """Decisions with numbers above ``after``."""
        found = self._get("/v1/choices", after=after, limit=limit)["choices"]
        return list(map(records.choice_of, found))

    def versions(self) -> list[Json]:
        """The fits that the desk keeps, oldest first."""
        found: list[Json] = self._get("/v1/versions")["versions"]
        return found

    def rollback(self, number: int) -> Json:
        """Makes an older fit the current one."""
        number = checks.whole_number("number", number, 1)
        found: Json = self._post(f"/v1/versions/{number}/rollback", {})
        return found

    def refit(self) -> RemoteJob:
        """Fits again, and learns from the decisions since."""
        return records.job_of(self._post("/v1/refit", {})["job"])

    def evaluation(self, part: str = "test") -> Json:
        """How often each route finds the right picture; waits until it is measured."""
        return self._measured("/v1/evaluation", {"part": part})

    def audit(self) -> Json:
        """What should be checked; waits until the audit is done."""
        return self._measured("/v1/audit", {})

    def job(self, identity: str) -> RemoteJob:
        """How far a job is."""
        return records.job_of(self._get(f"/v1/jobs/{_safe(identity)}"))

    def stop(self, identity: str) -> RemoteJob:
        """Stops a job at its next step."""
        return records.job_of(self._ask("DELETE", f"/v1/jobs/{_safe(identity)}").json())

    def wait(self, job: RemoteJob, progress: Progress = silent) -> RemoteJob:
        """Waits until a job has ended; returns it.

        Raises:
            Problem: it failed or was stopped.
        """
        with self._events(f"/v1/jobs/{_safe(job.id)}/events") as events:
            for name, document in events:
                if name == "progress":
                    progress(document["done"], document["total"], document["what"])
                elif name == "end":
                    job = records.job_of(document)
        if job.state == "failed":
            said = job.problem
            raise Problem(said["status"], said["title"], said["detail"], said["cure"])
        if job.state != "done":
            raise Problem(0, "Not done", f"job {job.id} is {job.state}")
        return job

    def _measured(self, path: str, asked: dict[str, str]) -> Json:
        answer = self._ask("GET", path, params=asked)
        if answer.status_code == 202:
            self.wait(records.job_of(answer.json()["job"]))
            answer = self._ask("GET", path, params=asked)
        found: Json = answer.json()
        return found

    def _about(self, path: str, picture: Shown, body: Json) -> Json:
        """A question about a picture: its key, or a file that is sent."""
        if isinstance(picture, Path):
            return self._with_file(path, checks.existing("picture", picture), body)
        found: Json = self._post(path, body | {"picture": checks.text("picture", picture)})
        return found

    def _with_file(self, path: str, file: Path, options: Json | None = None) -> Json:
        data = {"options": json.dumps(options)} if options else {}
        with file.open("rb") as opened:
            sent = {"file": (file.name, opened)}
            found: Json = self._ask("POST", path, files=sent, data=data).json()
        return found


def _some(asking: Asking, names: Sequence[str]) -> Json:
    """The options that a route takes; raises BadInput if others are set."""
    given, plain = asking.as_json(), PLAIN.as_json()
    for name, value in given.items():
        if name not in names and value != plain[name]:
            raise checks.refusal(name, value, "left out: this question does not take it")
    return {name: given[name] for name in names}


def _place(key: str) -> str:
    return f"/v1/pictures/{_safe(key)}"


def _safe(part: str) -> str:
    """A part of an address; raises BadInput for what would lead elsewhere."""
    if not checks.text("key", part).isalnum() or not part.isascii():
        raise checks.refusal("key", part, "letters and digits")
    return part
