"""The process from its first moment to its last: Ctrl-C, and what is imported under its watch.

Imports the lightest modules only, so that hardly any time passes before the watch begins. Knows no
verb.
"""

from __future__ import annotations

import _thread
import os
import signal
import sys
from contextlib import suppress
from types import FrameType

INTERRUPTED = 130
_SOON = 0.01  # seconds
_LINE = b"interrupted: run the same command again to continue\n"


def main() -> int:
    """Runs the command line in a process of its own.

    Returns:
        The exit code; 0: done, 1: error, 2: wrong usage, 130: Ctrl-C.
    """
    ctrl_c = CtrlC()
    try:
        ctrl_c.watch()
        from picturedesk.cli.app import run

        code = run(sys.argv[1:])
    except BaseException as error:
        # Libraries turn a KeyboardInterrupt into errors of their own: the press is what counts.
        if not ctrl_c.pressed:
            from picturedesk.cli.app import reported

            code = reported(error)
    finally:
        ctrl_c.end()
    return ctrl_c.leave() if ctrl_c.pressed else code


class CtrlC:
    """Ctrl-C: the first press raises KeyboardInterrupt, the second one ends the process at once.

    Nothing is lost by either: what is on disk is there whole or not at all.

    Attributes:
        pressed: whether it was pressed.
    """

    def __init__(self) -> None:
        self.pressed = False
        self._told = False
        self._dropping = False  # whether what is raised now would be dropped

    def watch(self) -> None:
        """From now on a press counts."""
        signal.signal(signal.SIGINT, self._press)
        sys.unraisablehook = self._raise_again

    def end(self) -> None:
        """From now on a press is ignored: the process is about to end."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)
        sys.unraisablehook = sys.__unraisablehook__

    def leave(self) -> int:
        """Says that the process was interrupted; ends it if threads are still at work."""
        self._tell()
        threads = sys.modules.get("threading")
        if threads is not None and threads.active_count() > 1:
            os._exit(INTERRUPTED)  # the interpreter would wait for them
        return INTERRUPTED

    def _press(self, number: int, frame: FrameType | None) -> None:
        if self.pressed:
            self._tell()
            os._exit(INTERRUPTED)
        if self._dropping:
            self._press_soon()
            return
        self.pressed = True
        raise KeyboardInterrupt

    def _raise_again(self, lost: sys.UnraisableHookArgs) -> None:
        """A press during a callback or a destructor, where Python drops what is raised."""
        if lost.exc_type is None or not issubclass(lost.exc_type, KeyboardInterrupt):
            sys.__unraisablehook__(lost)
            return
        self._dropping = True
        self.pressed = False
        self._press_soon()
        self._dropping = False

    def _press_soon(self) -> None:
        """Presses once more when the callback has had the time to end."""
        if hasattr(signal, "setitimer"):
            signal.signal(signal.SIGALRM, self._press)
            signal.setitimer(signal.ITIMER_REAL, _SOON)
        else:
            _thread.interrupt_main()

    def _tell(self) -> None:
        if self._told:
            return
        self._told = True
        with suppress(OSError):  # nobody reads it
            os.write(2, _LINE)
