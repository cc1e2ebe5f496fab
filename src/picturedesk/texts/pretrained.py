"""Pretrained sentence encoders by name. Knows their names only; opens one when it is asked for."""

from __future__ import annotations

from collections.abc import Callable

from picturedesk.texts.sentences import SentenceConfig, SentenceEncoder
from picturedesk.types import TextEncoder

AUTO = "auto"  # stands for all of KNOWN that are installed
E5_SENTENCES = 2  # the first of a text; three and six take longer and tell no more


def _use() -> TextEncoder:
    return SentenceEncoder()


def _e5() -> TextEncoder:
    from picturedesk.texts.e5 import E5Engine

    return SentenceEncoder(SentenceConfig(most=E5_SENTENCES), E5Engine.installed())


KNOWN: dict[str, Callable[[], TextEncoder]] = {"use": _use, "e5": _e5}


def open_pretrained(name: str, device: str = "cpu") -> TextEncoder:
    """The sentence encoder of a name.

    Args:
        name: one of ``KNOWN``, or a model of sentence-transformers by name or folder.
        device: runs a model of sentence-transformers.

    Raises:
        MissingExtra: its library is not installed.
        BadInput: there is no such model or device.
    """
    if name in KNOWN:
        return KNOWN[name]()
    from picturedesk.texts.transformer import TransformerEngine

    return SentenceEncoder(engine=TransformerEngine(name, device))
