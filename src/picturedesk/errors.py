"""Every error that Picturedesk raises on purpose. Knows nothing else of the package.

The family::

    PicturedeskError                a problem that the user can fix; the CLI prints one line
    ├── BadInput                    an argument, column or query that cannot be used
    │   └── UnknownPicture          a key that a catalogue does not have, or not any more
    ├── BadPicture                  a picture that cannot be read: path, reason, cure
    ├── Closed                      a desk, catalogue or store that was used after it was closed
    ├── Mismatch                    artefacts of different fingerprints that must not be mixed
    ├── MissingArtefact             a file or folder of an earlier step is missing or damaged
    └── MissingExtra                an optional dependency is not installed, or does not run here

A message says what was given, what was expected, and what to do. Any other exception is a bug and
shows its traceback.
"""

from __future__ import annotations


class PicturedeskError(Exception):
    """A problem that the user can fix; its message is one line."""


class BadInput(PicturedeskError):
    """An argument, column, level name or query cannot be used."""


class UnknownPicture(BadInput):
    """A catalogue has no picture with this key, or not any more."""


class BadPicture(PicturedeskError):
    """A picture cannot be read: where it is, why, and how to fix it.

    Attributes:
        source: path or name of the picture, as the user gave it.
        reason: what is wrong with it.
        cure: how to fix it; names the setting if one helps.
    """

    def __init__(self, source: str, reason: str, cure: str) -> None:
        super().__init__(f"{source}: {reason}; {cure}")
        self.source = source
        self.reason = reason
        self.cure = cure


class Closed(PicturedeskError):
    """A desk, catalogue or store was used after it was closed.

    Args:
        what: kind and path of it.
    """

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} is closed: open it again")


class Mismatch(PicturedeskError):
    """Artefacts were made with different settings and must not be mixed."""


class MissingArtefact(PicturedeskError):
    """A file or folder of an earlier step is missing or damaged."""


class MissingExtra(PicturedeskError):
    """An optional dependency is not installed, or does not run on this machine.

    Attributes:
        extra: the extra that installs it.
    """

    def __init__(self, what: str, extra: str, problem: str = "") -> None:
        """Says how to install it, or if there is a problem with what is installed, which.

        Args:
            what: what needs the extra.
            extra: its name.
            problem: why it does not run; "" if it is not installed.
        """
        cure = f"pip install 'picturedesk[{extra}]'"
        if problem:
            cure = f"it is installed and does not run on this machine ({problem}), do without it"
        super().__init__(f"{what} needs the extra '{extra}': {cure}")
        self.extra = extra
