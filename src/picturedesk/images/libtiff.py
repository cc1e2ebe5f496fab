"""Silences libtiff, the C library that Pillow reads TIFFs with, in chosen threads only.

Pillow switches libtiff's warnings off and leaves its errors, which libtiff writes to the standard
error of the whole process, past ``sys.stderr``. Redirecting that file descriptor would also swallow
what other threads write meanwhile. libtiff hands every message to one handler, so this module sets
a handler that drops messages of the chosen threads and passes all others to the one before.

If Pillow has libtiff built in without a name for its function, as in the wheels for Windows,
nothing can be set, and libtiff writes as before. Knows no pictures.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable

from PIL import _imaging

# The last argument is C's va_list. On every platform of Pillow's wheels it is passed as one pointer
# or a value of that size, and this module only passes it on.
_Handler = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p)

_LOCK = threading.Lock()
_KEPT: list[object] = []  # what libtiff points to must not be freed


def silence(here: Callable[[], bool]) -> None:
    """Drops libtiff's errors in threads in which ``here()`` is true. Only the first call counts."""
    if _KEPT:
        return
    with _LOCK:
        if not _KEPT:
            _KEPT.append(_install(here))


def _install(here: Callable[[], bool]) -> object:
    try:
        # Looks in Pillow's own module and in the libraries that it is linked with.
        swap = ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler
    except (AttributeError, OSError):
        return "libtiff cannot be reached"
    swap.restype = ctypes.c_void_p
    swap.argtypes = [ctypes.c_void_p]
    before: list[Callable[..., None]] = []

    def handle(module: bytes | None, form: bytes | None, values: int | None) -> None:
        if not here():
            for handler in before:
                handler(module, form, values)

    handler = _Handler(handle)
    address = swap(handler)
    if address:
        before.append(_Handler(address))
    return handler
