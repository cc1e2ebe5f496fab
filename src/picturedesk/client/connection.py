"""One connection to a server: requests, and its problems as errors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

import picturedesk.checks as checks
from picturedesk.errors import BadInput, MissingExtra, PicturedeskError
from picturedesk.types import Json

if TYPE_CHECKING:
    import httpx

_PROBLEM = "application/problem+json"


class Problem(PicturedeskError):
    """A server refused a request, or could not answer it.

    Attributes:
        status: of HTTP; 0 if there was no answer.
        title: the kind of problem.
        detail: what was wrong.
        cure: what to do; "" if the detail says it.
    """

    def __init__(self, status: int, title: str, detail: str, cure: str = "") -> None:
        super().__init__(f"{detail}; {cure}" if cure else detail)
        self.status = status
        self.title = title
        self.detail = detail
        self.cure = cure


class Connection:
    """Asks one server; threads may share it.

    Args:
        address: of the server, "http://127.0.0.1:8642".
        key: that ``picturedesk keys add`` made; "" for none.
        timeout: seconds for an answer.
        transport: of httpx, for tests; None for the network.

    Raises:
        BadInput: the address is none.
        MissingExtra: httpx is not installed.
    """

    def __init__(
        self,
        address: str,
        key: str = "",
        timeout: float = 60.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        try:
            import httpx
        except ImportError:
            raise MissingExtra("picturedesk.client", "client") from None
        checks.text("key", key)
        checks.number("timeout", timeout, 0.0)
        if not checks.text("address", address).startswith(("http://", "https://")):
            raise checks.refusal("address", address, "like http://127.0.0.1:8642")
        if not key.isascii() or not key.isprintable():
            raise BadInput("key has signs that no key has: copy it again")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        try:
            self._http = httpx.Client(
                base_url=address, headers=headers, timeout=timeout, transport=transport
            )
        except httpx.InvalidURL as error:
            raise BadInput(f"address is {address[:60]!r}: {error}") from None

    def close(self) -> None:
        """Closes the connection."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _get(self, path: str, **parameters: str | int) -> Any:  # noqa: ANN401 - a JSON document
        return self._ask("GET", path, params=parameters).json()

    def _post(self, path: str, body: Json) -> Any:  # noqa: ANN401 - a JSON document
        return self._ask("POST", path, json=body).json()

    def _ask(self, method: str, path: str, **how: Any) -> httpx.Response:  # noqa: ANN401 - of httpx
        import httpx

        try:
            answer = self._http.request(method, path, **how)
        except httpx.HTTPError as error:
            raise _no_answer(self._http.base_url, error) from None
        _require_success(answer)
        return answer

    @contextmanager
    def _events(self, path: str) -> Iterator[Iterator[tuple[str, Json]]]:
        """Server-sent events: names and documents, as they come."""
        import httpx

        try:
            with self._http.stream("GET", path, timeout=None) as answer:
                if answer.is_error:
                    answer.read()
                _require_success(answer)
                yield _parsed(answer.iter_lines())
        except httpx.HTTPError as error:
            raise _no_answer(self._http.base_url, error) from None


def _parsed(lines: Iterator[str]) -> Iterator[tuple[str, Json]]:
    name = ""
    for line in lines:
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


def _require_success(answer: httpx.Response) -> None:
    if not answer.is_error:
        return
    if answer.headers.get("content-type", "") == _PROBLEM:
        said = answer.json()
        raise Problem(said["status"], said["title"], said["detail"], said["cure"])
    title = f"{answer.status_code} {answer.reason_phrase}"
    raise Problem(answer.status_code, title, f"{answer.request.url} answered {title}")


def _no_answer(address: object, error: Exception) -> Problem:
    reason = str(error) or type(error).__name__
    cure = "check the address, and whether picturedesk serve runs there"
    return Problem(0, "No answer", f"{address} gives no answer ({reason})", cure)
