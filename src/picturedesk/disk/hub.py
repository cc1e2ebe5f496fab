"""The Hugging Face hub: first its cache, then the network, with short time limits.

By default the hub's client tries a missing network for over a minute, prints a line for each try,
and sends data about this machine. Its settings are changed for one call only; it is imported when
it is needed. Knows no models.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from picturedesk.errors import PicturedeskError

Loaded = TypeVar("Loaded")

ANSWER_S = 4.0  # seconds that a connection, and the hub's first answer, may take each
DEADLINE_S = 8.0  # seconds for both and the name look-up, which has no limit of its own
_REFUSED = (403, 407, 429)  # by a proxy or the hub; 500 and above: not able to answer


def from_hub(load: Callable[[], Loaded], what: str, cure: str) -> Loaded:
    """The result of ``load``: from the hub client's files on this machine, or from the hub.

    Args:
        load: loads with the hub's client; called without the network, then with it.
        what: named in messages, in the plural: "the weights of 'resnet18'".
        cure: what helps offline: "pass weights=FILE".

    Raises:
        PicturedeskError: the hub cannot be reached, or has no such files; one line.
    """
    with _client(offline=True):
        try:
            return load()
        except Exception:  # the libraries raise different errors for a missing file
            pass
    reason = unreachable()
    if reason:
        raise PicturedeskError(
            f"{what} are not on this machine, and the hub cannot be reached ({reason}): "
            f"go online, or {cure}"
        )
    with _client(offline=False):
        try:
            return load()
        except Exception as error:
            raise PicturedeskError(
                f"{what} cannot be loaded from the hub ({one_line(error)}): {cure}"
            ) from error


def unreachable(seconds: float = DEADLINE_S) -> str:
    """Why the hub does not answer; "" if it answers.

    Args:
        seconds: time limit.
    """
    try:
        from huggingface_hub import constants, utils
    except ImportError:
        return "huggingface_hub is not installed"
    if constants.HF_HUB_OFFLINE:
        return "HF_HUB_OFFLINE is set"
    client: Any = utils
    found = [f"no answer within {seconds:g} s"]

    def ask() -> None:
        try:
            answer = client.get_session().head(constants.ENDPOINT, timeout=min(ANSWER_S, seconds))
        except Exception as error:  # of the client, which differs between versions
            found.append(one_line(error))
        else:
            status = int(answer.status_code)
            refused = status in _REFUSED or status >= 500
            found.append(f"{constants.ENDPOINT} answers with status {status}" if refused else "")

    # A name look-up can block for longer than any timeout: then the thread is abandoned.
    asking = threading.Thread(target=ask, name="picturedesk hub", daemon=True)
    asking.start()
    asking.join(seconds)
    return found[-1]


def one_line(error: BaseException) -> str:
    """The first line of another library's error, cut to the length of a message."""
    text = (str(error).strip() or type(error).__name__).splitlines()[0]
    return text if len(text) <= 200 else f"{text[:197]}..."


@contextmanager
def _client(offline: bool) -> Iterator[None]:
    """The hub's client without telemetry and warnings; ``offline``: without the network."""
    try:
        from huggingface_hub import constants
    except ImportError:
        yield
        return
    settings: Any = constants
    changes: dict[str, Any] = {"HF_HUB_DISABLE_TELEMETRY": True}
    if offline:
        changes["HF_HUB_OFFLINE"] = True
    before = {name: getattr(settings, name, None) for name in changes}
    logger = logging.getLogger("huggingface_hub")
    level = logger.level
    logger.setLevel(logging.ERROR)
    for name, value in changes.items():
        setattr(settings, name, value)
    try:
        yield
    finally:
        logger.setLevel(level)
        for name, value in before.items():
            setattr(settings, name, value)
