"""Which pictures may be suggested at a date: none that has expired, is under embargo or is gone.

The same rules as a condition for a search, and for one record. Reads no catalogue.

Dates are ISO 8601 in the desk's own time; marks of zones are ignored. A year, month or day of
expiry counts to its end, an embargo until a day ends with the beginning of that day.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import picturedesk.checks as checks
from picturedesk.errors import BadInput
from picturedesk.own_columns import is_date
from picturedesk.types import Column, Picture

LIFTED = ("expired", "embargoed", "missing", "used_up")
"""What ``include`` may name."""

_NEEDS = {"expired": "expiry", "embargoed": "embargo", "missing": "missing", "used_up": "max_uses"}


@dataclass(frozen=True, slots=True)
class Rights:
    """What is asked for.

    Attributes:
        include: parts of the rule that do not count (``LIFTED``).
        territory: where the picture is to run ("DE"); "" for any.
        today: ISO 8601, a day or a moment; "" for now.

    Raises:
        BadInput: a part of ``include`` is unknown, or ``today`` is no date.
    """

    include: Collection[str] = ()
    territory: str = ""
    today: str = ""

    def __post_init__(self) -> None:
        checks.encodable("territory", self.territory)
        checks.text("today", self.today)
        for part in checks.texts("include", self.include):
            if part not in LIFTED:
                raise checks.refusal("include", part, f"one of {', '.join(LIFTED)}")
        if "\0" in self.territory:
            raise checks.refusal("territory", self.territory, 'the name of a country, like "DE"')
        if self.today and not (len(self.today) >= 10 and is_date(self.today)):
            raise BadInput(f"today is {self.today[:40]!r}: write YYYY-MM-DD or YYYY-MM-DDTHH:MM")

    @property
    def moment(self) -> str:
        """The moment that counts, as ``_plain`` writes it."""
        today = self.today or datetime.datetime.now().isoformat(timespec="minutes")
        return _plain(today)

    def condition(self, columns: Mapping[str, Column]) -> str:
        """The SQL condition that a picture may be suggested; "" if that is true of all.

        Args:
            columns: of the catalogue; a rule that concerns none of its pictures is left out.
        """
        return " AND ".join(f"({rule})" for rule in self._rules(columns))

    def _rules(self, columns: Mapping[str, Column]) -> Iterator[str]:
        now = self.moment
        rules = {
            "missing": "missing = 0",
            "expired": f"expiry = '' OR {_sql('expiry')} >= substr('{now}', 1, "
            f"length({_sql('expiry')}))",
            "embargoed": f"embargo = '' OR {_sql('embargo')} <= '{now}'",
            "used_up": "max_uses = 0 OR uses < max_uses",
        }
        for part, rule in rules.items():
            if part not in self.include and columns[_NEEDS[part]].filled:
                yield rule
        if self.territory and columns["territory"].filled:
            quoted = self.territory.replace("'", "''")
            yield f"territory = '[]' OR has_tag(territory, '{quoted}')"

    def allows(self, picture: Picture) -> bool:
        """Whether a picture may be suggested."""
        limits = (picture.expiry, picture.embargo, picture.max_uses, picture.territory)
        if not (picture.missing or any(limits)):
            return True
        now, expiry = self.moment, _plain(picture.expiry)
        hindered = {
            "missing": picture.missing,
            "expired": bool(expiry) and expiry < now[: len(expiry)],
            "embargoed": bool(picture.embargo) and _plain(picture.embargo) > now,
            "used_up": 0 < picture.max_uses <= picture.uses,
        }
        if any(found for part, found in hindered.items() if part not in self.include):
            return False
        places = {place.casefold() for place in picture.territory}
        return not self.territory or not places or self.territory.casefold() in places


NOW = Rights()
"""Everything that may be suggested now, anywhere."""


def _plain(date: str) -> str:
    """Day and minutes of a date, without what stands between them."""
    return date[:10] + date[11:16]


def _sql(column: str) -> str:
    """``_plain`` in SQL."""
    return f"(substr({column}, 1, 10) || substr({column}, 12, 5))"
