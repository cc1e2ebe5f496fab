"""Content keys in addresses: a route of a picture matches nothing else."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path
from starlette.convertors import Convertor, register_url_convertor

_NAME = "content_key"
ADDRESS = f"{{key:{_NAME}}}"  # in the address of a route
KEY = "^[0-9a-f]{32}$"
PictureKey = Annotated[str, Path(pattern=KEY, description="content key of a picture")]


class _KeyConvertor(Convertor[str]):
    """A part of an address that is a content key."""

    regex = "[0-9a-f]{32}"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor(_NAME, _KeyConvertor())
