"""Every error that Picturedesk raises on purpose. Knows nothing else of the package.

The family::

    PicturedeskError                what a user can mend; the CLI prints it as one line
    ├── BadInput                    an argument, a column, a query that cannot be used
    ├── BadPicture                  one picture that cannot be read: path, reason, cure
    ├── Mismatch                    artefacts of different fingerprints that must not be mixed
    ├── MissingArtefact             a folder or file that an earlier step should have left
    └── MissingExtra                an optional dependency that is not installed

A message says what was given, what was wanted, and what to do. Anything else that is
raised is a bug and shows its traceback.
"""

from __future__ import annotations


class PicturedeskError(Exception):
    """A problem that the user can mend; its message is one line."""


class BadInput(PicturedeskError):
    """An argument, column, level name or query that cannot be used as given."""


class BadPicture(PicturedeskError):
    """One picture that is left out: where it is, why, and what would let it in.

    Attributes:
        source: path or name of the picture, as the user gave it.
        reason: what is wrong with it.
        cure: what to do, naming the setting where one lifts the refusal.
    """

    def __init__(self, source: str, reason: str, cure: str) -> None:
        super().__init__(f"{source}: {reason}; {cure}")
        self.source = source
        self.reason = reason
        self.cure = cure


class Mismatch(PicturedeskError):
    """Artefacts that were made with different settings and must not be mixed."""


class MissingArtefact(PicturedeskError):
    """A folder or file that an earlier step should have left is not there."""


class MissingExtra(PicturedeskError):
    """An optional dependency is needed and not installed; the message is its cure."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs the extra '{extra}': pip install 'picturedesk[{extra}]'")
        self.extra = extra
