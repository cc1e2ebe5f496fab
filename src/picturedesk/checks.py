"""What is given from outside: numbers, texts, paths, records, arrays; refused in one line.

Public functions check what they are given by these. A bool is no number, and neither is NaN. Knows
none of the package's records; imports NumPy only where arrays are checked.
"""

from __future__ import annotations

import math
import os
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from numbers import Integral, Real
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Any,
    Protocol,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    overload,
)

from picturedesk.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from _typeshed import DataclassInstance

LARGEST_SEED = 2**32 - 1  # the most that every random generator takes
_LONGEST_PATH = 4095  # bytes, on Linux
_LONGEST_NAME = 255  # bytes, on all common file systems
_SHOWN = 60  # characters of a value that an error repeats

Kind = TypeVar("Kind")


def refusal(name: str, value: object, wanted: str) -> BadInput:
    """The error for a value that cannot be used: "k is 2.5: it must be a whole number"."""
    return BadInput(f"{name} is {_shown(value)}: it must be {wanted}")


def whole_number(name: str, value: object, least: int = 0, most: int | None = None) -> int:
    """A whole number between two bounds; ``most`` None for no upper one."""
    if not isinstance(value, bool) and isinstance(value, Integral):
        found = int(value)
        if found >= least and (most is None or found <= most):
            return found
    bounds = f"{least} or more" if most is None else f"{least} to {most}"
    raise refusal(name, value, f"a whole number, {bounds}")


def seed(value: object) -> int:
    """A seed of random numbers."""
    return whole_number("seed", value, 0, LARGEST_SEED)


def number(name: str, value: object, least: float = -math.inf, most: float = math.inf) -> float:
    """A finite number between two bounds."""
    found = _real(value)
    if math.isfinite(found) and least <= found <= most:
        return found
    bounds = "" if math.isinf(least) and math.isinf(most) else f", {least:g} or more"
    if math.isfinite(most):
        bounds = f", {least:g} to {most:g}"
    raise refusal(name, value, f"a number{bounds}")


def limit(name: str, value: object) -> None:
    """A number above 0; infinity where there is no limit."""
    if not _real(value) > 0:
        raise refusal(name, value, "a number above 0 (inf for no limit)")


def _real(value: object) -> float:
    """A number as a float; NaN for anything else."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf


def share(name: str, value: object) -> float:
    """A share or probability, 0 to 1."""
    return number(name, value, 0, 1)


def text(name: str, value: object) -> str:
    """A string; it may be empty."""
    if not isinstance(value, str):
        raise refusal(name, value, "a text (str)")
    return value


def encodable(name: str, value: object) -> str:
    """A string that can be written as UTF-8."""
    found = text(name, value)
    try:
        found.encode()
    except UnicodeEncodeError:
        raise refusal(name, value, "a text that UTF-8 can write") from None
    return found


def texts(name: str, value: object) -> list[str]:
    """Several strings, from anything that can be gone through but a string."""
    found = several(name, value)
    if {*map(type, found)} <= {str}:  # quick, for lists of thousands
        return found
    return [text(f"{name}[{place}]", one) for place, one in enumerate(found)]


def strings(record: object, names: Sequence[str]) -> None:
    """Fields of a record that must be strings; quick, for records that are made by the thousand."""
    for name in names:
        if not isinstance(getattr(record, name), str):
            raise refusal(name, getattr(record, name), "a text (str)")


def each_text(name: str, value: Iterable[str]) -> Iterator[str]:
    """The same, one by one, for a generator that is too large to be held."""
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        raise refusal(name, value, "a list or generator of texts")
    return (text(f"{name}[{place}]", one) for place, one in enumerate(value))


def several(name: str, value: object) -> list[Any]:
    """The members of a list, tuple or anything else that can be gone through; no string."""
    if isinstance(value, str):
        raise refusal(name, value, "a list: put the text into a list")
    if isinstance(value, bytes | Mapping) or not isinstance(value, Iterable):
        raise refusal(name, value, "a list")
    try:
        return list(value)
    except TypeError:  # an array without dimensions
        raise refusal(name, value, "a list") from None


@overload
def several_of(name: str, value: object, kind: type[Kind]) -> list[Kind]: ...
@overload
def several_of(name: str, value: Iterable[Kind], kind: type[Any]) -> list[Kind]: ...


def several_of(name: str, value: object, kind: type[Any]) -> list[Any]:
    """Several of one kind."""
    return [
        instance(f"{name}[{place}]", one, kind) for place, one in enumerate(several(name, value))
    ]


def path(name: str, value: object) -> Path:
    """A path that a file can have; "" is none: it would be the present folder."""
    if not isinstance(value, str | Path):
        raise refusal(name, value, "a path (str or Path)")
    if not str(value).strip():
        raise refusal(name, value, "the path of a file or folder ('.' for this one)")
    if "\0" in str(value):
        raise refusal(name, value, "a path without NUL")
    found = Path(value)
    try:
        lengths = [len(os.fsencode(part)) for part in (str(found), *found.parts)]
    except UnicodeEncodeError:
        raise refusal(name, value, "a path that the system can write") from None
    if lengths[0] > _LONGEST_PATH or max(lengths[1:], default=0) > _LONGEST_NAME:
        wanted = f"a path of at most {_LONGEST_PATH} bytes, with names of at most {_LONGEST_NAME}"
        raise refusal(name, value, wanted)
    return found


def existing(name: str, value: object) -> Path:
    """The path of a file or folder that is there; "~" is the home folder."""
    found = path(name, value)
    try:
        found = found.expanduser()
        there = found.exists()
    except (OSError, RuntimeError) as error:  # the name is too long; there is no such user
        reason = getattr(error, "strerror", None) or error
        raise BadInput(f"{name} {_shown(str(found))} cannot be read: {reason}") from None
    if not there:
        raise BadInput(f"{found} does not exist: check the path")
    return found


@overload
def instance(name: str, value: object, kind: type[Kind]) -> Kind: ...
@overload
def instance(name: str, value: Kind, kind: type[Any]) -> Kind: ...


def instance(name: str, value: object, kind: type[Any]) -> object:
    """A value of one class, or of a Protocol that can be checked; no class itself."""
    if isinstance(value, type) or not (_conforms(type(value), kind) or isinstance(value, kind)):  # type: ignore[arg-type]
        raise refusal(name, value, f"a {kind.__name__}")
    return value


@cache
def _conforms(made: Any, kind: Any) -> bool:  # noqa: ANN401 - mypy: classes have no hash
    """Whether all objects of a class are of a kind, since it has all members of a Protocol.

    To ask an object would compute its properties, which may take milliseconds.
    """
    if not getattr(kind, "_is_protocol", False):
        return False
    own = (one for one in kind.__mro__ if getattr(one, "_is_protocol", False))
    parts = [vars(one) for one in own if one is not Protocol]
    members = {name for part in parts for name in (*part, *part.get("__annotations__", ()))}
    return all(hasattr(made, name) for name in members - _OF_ANY_PROTOCOL)


class _Nothing(Protocol):
    """A Protocol without members."""


_OF_ANY_PROTOCOL = {*vars(_Nothing), "__annotations__", "_is_runtime_protocol"}


def function(name: str, value: object) -> None:
    """Anything that can be called."""
    if not callable(value):
        raise refusal(name, value, "a function")


def optional(name: str, value: object, kind: type[Kind]) -> Kind | None:
    """A value of one class, or None."""
    return None if value is None else instance(name, value, kind)


def matrix(name: str, value: object, width: int | None = None) -> npt.NDArray[np.float32]:
    """Numbers in rows (N, W), as float32; ``width`` None for any W."""
    found = array(name, value)
    wanted = "(N, W)" if width is None else f"(N, {width})"
    if found.ndim != 2 or (width is not None and found.shape[1] != width):
        raise BadInput(f"{name} is of shape {found.shape}: it must be numbers in rows {wanted}")
    return floats(name, found)


def floats(name: str, value: object) -> npt.NDArray[np.float32]:
    """An array of numbers as float32; what is too large for that becomes infinite."""
    import numpy as np

    with np.errstate(over="ignore"):
        return array(name, value).astype(np.float32, copy=False)


def array(name: str, value: object, kinds: str = "fiu") -> npt.NDArray[Any]:
    """An array of numbers, of any shape; no list, which hides what it holds.

    Args:
        name: for the error.
        value: what is given.
        kinds: codes of NumPy for the kinds of numbers that will do.
    """
    import numpy as np

    if not isinstance(value, np.ndarray) or value.dtype.kind not in kinds:
        kind = f"an array of {value.dtype}" if isinstance(value, np.ndarray) else _shown(value)
        raise BadInput(f"{name} is {kind}: it must be an array of numbers")
    return value


def pairs(name: str, value: object) -> npt.NDArray[np.int64]:
    """Pairs of indices (M, 2), each 0 or more."""
    import numpy as np

    found = array(name, value)
    whole = found.dtype.kind in "iu" or not found.size
    if not whole or found.ndim != 2 or found.shape[1] != 2:
        raise BadInput(
            f"{name} is of shape {found.shape} and type {found.dtype}: it must be pairs of "
            "whole numbers (M, 2)"
        )
    if found.size and int(found.min()) < 0:
        raise BadInput(f"{name} holds {int(found.min())}: indices start at 0")
    return found.astype(np.int64, copy=False)


def indices(name: str, value: object, count: int) -> npt.NDArray[np.int64]:
    """Whole numbers (n,), each 0 or more and below ``count``."""
    import numpy as np

    found = array(name, value)
    if found.size:  # NumPy makes an empty list an array of floats
        array(name, found, "iu")
    if found.ndim != 1:
        raise BadInput(f"{name} is of shape {found.shape}: it must be whole numbers (n,)")
    if found.size and not (int(found.min()) >= 0 and int(found.max()) < count):
        raise BadInput(f"{name} holds {int(found.max())}: there are {count}, numbered from 0")
    return found.astype(np.int64, copy=False)


def settings(record: DataclassInstance, limits: Sequence[str] = ()) -> None:
    """Checks the fields of a frozen record by their annotations; its lists become tuples.

    Args:
        record: with fields of one type each.
        limits: names of fields that are numbers above 0, and infinite where there is no limit.

    Raises:
        BadInput: a field is of another type, or no finite number.
    """
    for name, hint in _hints(type(record)).items():
        value = getattr(record, name)
        if name in limits:
            limit(name, value)
            continue
        object.__setattr__(record, name, _fitting(name, value, hint))


@cache
def _hints(record: type) -> dict[str, Any]:
    assert is_dataclass(record)
    known = get_type_hints(record)
    return {field.name: known[field.name] for field in fields(record)}


def _fitting(name: str, value: object, hint: Any) -> object:  # noqa: ANN401 - any annotation
    """The value, where it fits an annotation; numbers of NumPy as Python's own."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        (some,) = (kind for kind in inner if kind is not types.NoneType)
        return None if value is None else _fitting(name, value, some)
    if origin is tuple:
        return _tuple(name, value, inner)
    if hint in (int, float):
        found = whole_number(name, value, -(2**63)) if hint is int else number(name, value)
        return found if hint is int or not isinstance(value, Integral) else int(value)
    if isinstance(hint, type) and not getattr(hint, "_is_protocol", False):
        return instance(name, value, hint)
    return value


def _tuple(name: str, value: object, inner: tuple[Any, ...]) -> tuple[object, ...]:
    found = several(name, value)
    kind = inner[0]
    alike = inner[-1] is ... and isinstance(kind, type) and kind not in (int, float)
    alike = alike and not getattr(kind, "_is_protocol", False)
    if alike and all(isinstance(one, kind) for one in found):
        return tuple(found)  # the usual case, and there may be many
    kinds = inner[:1] * len(found) if inner[-1] is ... else inner
    if len(kinds) != len(found):
        raise refusal(name, value, f"{len(kinds)} values")
    each = zip(found, kinds, strict=True)
    return tuple(_fitting(f"{name}[{n}]", one, kind) for n, (one, kind) in enumerate(each))


def _shown(value: object) -> str:
    """A value in a few characters."""
    try:
        shown = repr(value)
    except Exception:  # a repr may do anything
        return f"a {type(value).__name__}"
    if len(shown) > _SHOWN or not shown.isprintable():
        return f"a {type(value).__name__} ({ascii(shown[:_SHOWN])[1:-1]}…)"
    return shown
