"""Small frozen records, and the Protocols of exchangeable parts. Knows NumPy only.

Letters used for shapes throughout:

    B  pictures in a batch        N    items (pictures, catalogue entries)
    Q  queries (texts)            T    archive texts
    M  links text - picture       L    levels
    D_l  width of one level       ΣD_l width of all levels, concatenated
    D  width of the shared space  K    how many suggestions
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Protocol, Self, SupportsIndex, overload, runtime_checkable

import numpy as np
import numpy.typing as npt

import picturedesk.checks as checks
from picturedesk.errors import BadInput
from picturedesk.own_columns import column_names

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

FRAMINGS = ("centre", "whole")
PARTS = ("train", "validate", "test")
_PICTURE_WORDS = (
    *("uri", "key", "caption", "credit", "licence", "date", "expiry", "embargo", "last_used"),
)
_PICTURE_LISTS = ("tags", "names", "territory")

DIVERSITY = 0.05  # 0 to 1; see docs/recipes.md
FATIGUE = 14.0  # days; likewise
RAN_WITH, SIMILAR_TEXT, SIMILAR = "ran with", "similar text", "similar"  # kinds of evidence


Cell = str | float | bool | tuple[str, ...]
"""A value of a column of one's own: a text or an ISO 8601 date, a number, true or false, tags."""


@runtime_checkable
class RowSource(Protocol):
    """Rows of numbers: an array, or rows that are read or computed when they are asked for."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, w)."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Ints | slice, /) -> Floats:
        """Some of the rows (n, w), in the order of their indices."""


@dataclass(frozen=True, slots=True, eq=False)
class SomeRows:
    """Some rows (n, w) of others, without a copy; see ``RowSource``.

    Attributes:
        source: (N, w).
        rows: (n,) the chosen ones.
    """

    source: RowSource
    rows: Ints

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, w)."""
        return len(self.rows), self.source.shape[1]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, rows: Ints | slice) -> Floats:
        """Some of the chosen rows."""
        return self.source[self.rows[rows]]


@dataclass(frozen=True, slots=True)
class Level:
    """One depth of a backbone whose output is read, with its pooling (paper, Eq. 2 and 3).

    Attributes:
        name: module path ("Mixed_7b", "blocks.3"), "final" for the backbone's own final pool,
            "probs" for its class probabilities, or "projected" for a dual encoder's vector.
        width: numbers per picture after pooling (D_l).
        pooling: "max", "avg", "gem", "cls", "gridN" (N x N cells), or "none" for an output that is
            a vector, such as "final" and "probs".
    """

    name: str
    width: int
    pooling: str

    def __str__(self) -> str:
        return self.name if self.pooling == "none" else f"{self.name}:{self.pooling}"


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How a decoded picture becomes the backbone's input; part of every fingerprint.

    Attributes:
        size: side of the square input, pixels.
        resize: length of the shorter side before the crop, pixels; ``size`` if nothing is cut.
        interpolation: "bicubic", "bilinear", "lanczos" or "nearest".
        mean: per channel R, G, B, of values in 0 to 1.
        std: per channel R, G, B, of values in 0 to 1.
        framing: "centre" (the central square) or "whole" (the whole picture, squashed to a square).

    Raises:
        BadInput: the framing is unknown, or it is "whole" and ``resize`` differs from ``size``.
    """

    size: int
    resize: int
    interpolation: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    framing: str = "centre"

    def __post_init__(self) -> None:
        checks.settings(self)
        if self.framing not in FRAMINGS:
            raise BadInput(f"unknown framing '{self.framing}': there are {', '.join(FRAMINGS)}")
        if self.framing == "whole" and self.resize != self.size:
            raise BadInput(
                f"framing 'whole' has resize {self.resize} and size {self.size}: make them equal, "
                "since nothing is cut"
            )


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture with its metadata. Its identity is the hash of its bytes, not its name.

    Attributes:
        uri: path or address, as the user gave it.
        key: content hash (hex); "" until the bytes have been read.
        caption: words that describe it.
        credit: maker or owner.
        licence: as in the archive, e.g. "cc0".
        date: ISO 8601; "" if unknown.
        tags: keywords.
        names: all paths of its bytes, if there are several; ``uri`` is the first that is there.
        expiry: ISO 8601, the last day on which it may run; "" for no end.
        embargo: ISO 8601, the first moment at which it may run; "" for none.
        territory: where it may run, as the archive names countries ("DE"); () for everywhere.
        uses: how often it has run.
        max_uses: how often it may run; 0 for no limit.
        last_used: ISO 8601, when it ran last; "" if unknown.
        missing: its file is gone.
        columns: all other metadata, by the names of the columns; not to be changed. Names are
            normalised ("Art der Rechte" → "art_der_rechte"), empty values are left out.

    Raises:
        BadInput: a field is of another kind.
    """

    uri: str
    key: str = ""
    caption: str = ""
    credit: str = ""
    licence: str = ""
    date: str = ""
    tags: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    expiry: str = ""
    embargo: str = ""
    territory: tuple[str, ...] = ()
    uses: int = 0
    max_uses: int = 0
    last_used: str = ""
    missing: bool = False
    columns: Mapping[str, Cell] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        checks.strings(self, _PICTURE_WORDS)
        for name in _PICTURE_LISTS:
            value = getattr(self, name)
            if type(value) is not tuple or not all(isinstance(one, str) for one in value):
                object.__setattr__(self, name, tuple(checks.texts(name, value)))
        for name in ("uses", "max_uses"):
            if type(getattr(self, name)) is not int or getattr(self, name) < 0:
                object.__setattr__(self, name, checks.whole_number(name, getattr(self, name)))
        if type(self.missing) is not bool:
            raise checks.refusal("missing", self.missing, "true or false")
        if self.columns:
            object.__setattr__(self, "columns", _cells(self.columns))

    @classmethod
    def stored(cls, *values: Any) -> Picture:  # noqa: ANN401 - those of the fields
        """A picture of values, in the order of the fields, that were checked before.

        Checking again what was stored would take most of the time of reading it.
        """
        picture = object.__new__(cls)
        for name, value in zip(_PICTURE_FIELDS, values, strict=True):
            object.__setattr__(picture, name, value)
        return picture


_PICTURE_FIELDS = tuple(one.name for one in fields(Picture))


def _cells(columns: object) -> dict[str, Cell]:
    """Checks columns of a picture and normalises their names; leaves empty values out.

    Lists of texts become tuples, whole numbers floats.
    """
    if not isinstance(columns, Mapping):
        raise checks.refusal("columns", columns, "values by the names of columns")
    found: dict[str, Cell] = {}
    for name, value in columns.items():
        checks.text("the name of a column", name)
        if isinstance(value, str | bool):
            found[name] = value
        elif isinstance(value, int | float):
            found[name] = checks.number(name, value)
        else:
            found[name] = tuple(checks.texts(name, value))
    named = zip(column_names(found), found.values(), strict=True)
    return {name: value for name, value in named if value not in ("", ())}


@dataclass(frozen=True, slots=True)
class Text:
    """A text of the archive, in full length.

    Attributes:
        id: unique within its archive.
        body: the text itself.
        title: its headline; "" if it has none.
        date: ISO 8601, when it ran; "" if unknown.
        link: where it can be read, as the archive names it; "" if unknown.
        decided: whether an editor chose its pictures in the desk; such texts count more.

    Raises:
        BadInput: a field is no text.
    """

    id: str
    body: str
    title: str = ""
    date: str = ""
    link: str = ""
    decided: bool = False

    def __post_init__(self) -> None:
        checks.strings(self, ("id", "body", "title", "date", "link"))

    @property
    def whole(self) -> str:
        """Title and body as one string, the input of text encoders."""
        return f"{self.title}\n{self.body}" if self.title else self.body


@dataclass(frozen=True, slots=True)
class Rejection:
    """A row, file or picture that was left out: where it is, why, and how to fix it."""

    source: str
    reason: str
    cure: str


@dataclass(frozen=True, slots=True, eq=False)
class Archive:
    """Texts linked to the pictures that ran with them, many to many.

    Attributes:
        name: shown in reports.
        texts: T texts.
        pictures: N pictures.
        links: (M, 2) indices (text, picture).
        parts: for each text "train", "validate", "test", or "" (still to be split).
        groups: for each text the name of its group; a split keeps groups together. () if there are
            no groups.
        rejections: rows, files and links that were left out.
        against: (A, 2) indices (text, picture): an editor saw the picture and passed it over.

    Raises:
        BadInput: the fields are of other kinds, or do not fit together.
    """

    name: str
    texts: tuple[Text, ...]
    pictures: tuple[Picture, ...]
    links: Ints
    parts: tuple[str, ...]
    groups: tuple[str, ...] = ()
    rejections: tuple[Rejection, ...] = ()
    against: Ints = field(default_factory=lambda: np.empty((0, 2), dtype=np.int64))

    def __post_init__(self) -> None:
        checks.settings(self)
        counts = (len(self.texts), len(self.pictures))
        for name, given in (("links", self.links), ("against", self.against)):
            pairs = checks.pairs(name, given)
            if len(pairs) and (pairs.max(axis=0) >= counts).any():
                raise BadInput(
                    f"a link of {self.name} points outside its {counts[0]} texts and "
                    f"{counts[1]} pictures"
                )
        groups = len(self.groups) or counts[0]
        if (len(self.parts), groups) != (counts[0], counts[0]):
            raise BadInput(
                f"{self.name} has {counts[0]} texts, {len(self.parts)} parts and "
                f"{len(self.groups)} groups: give one of each per text, or no groups"
            )
        odd = set(self.parts) - {"", *PARTS}
        if odd:
            raise checks.refusal("a part", min(odd), f'one of {", ".join(PARTS)}, or ""')


@dataclass(frozen=True, slots=True)
class Evidence:
    """One archive text that supports a suggestion, and the picture that ran with it.

    Attributes:
        text: the archive text (its first 280 characters).
        text_similarity: cosine of query and archive text, -1 to 1.
        picture: the picture that ran with this text.
        picture_similarity: cosine of this picture and the suggested one, -1 to 1; None if it is
            the suggested picture.
        kind: "ran with" (the suggested picture ran with this text), "similar text" (it adds to the
            score, because a similar picture ran with it), or "similar" (text and picture are
            similar, which adds nothing to the score).
        share: what the text adds to the score, as a summand of it; together no more than the
            transfer route adds. None where archive texts count for nothing in the score.
        id: of the archive text.
        title: its headline; "" if it has none.
        date: ISO 8601, when it ran; "" if unknown.
        link: where it can be read; "" if unknown.
        available: whether its picture may be suggested at this date; false if it is missing, has
            expired, is under embargo, or has run as often as it may.
    """

    text: str
    text_similarity: float
    picture: Picture
    picture_similarity: float | None
    kind: str = SIMILAR
    share: float | None = None
    id: str = ""
    title: str = ""
    date: str = ""
    link: str = ""
    available: bool = True


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One picture for a text.

    Attributes:
        picture: the suggested picture.
        score: of the route that ranked it: for the blend the weighted sum of the routes' scores,
            for the captions route saturated BM25 (0 to 1), for other routes a cosine (-1 to 1).
        route: "blend", "direct", "transfer", "class_names", "captions" or "zero_shot"; "asked" if
            more than a text was asked: a cosine for pictures alone, otherwise the text's score
            and what the other parts add in its deviations.
        rank: from 1.
        evidence: the archive text that it ran with, if that is similar, and those that support it
            most, strongest first.
        found: chance, 0 to 1, that this is the picture that an editor ran with the text; None if
            none was calibrated.
        match: "strong", "fair" or "weak": its score against its scores for other texts; "" if none
            was calibrated.
        others: number of near-duplicates of the picture that are not shown.
        other_keys: their content keys, best first.

    Raises:
        BadInput: a field is of another kind.
    """

    picture: Picture
    score: float
    route: str
    rank: int
    evidence: tuple[Evidence, ...] = field(default=())
    found: float | None = None
    match: str = ""
    others: int = 0
    other_keys: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        checks.instance("picture", self.picture, Picture)
        checks.text("route", self.route)
        checks.whole_number("rank", self.rank, 1)
        checks.number("score", self.score)
        checks.text("match", self.match)
        checks.whole_number("others", self.others)
        if self.found is not None:
            checks.share("found", self.found)


@dataclass(frozen=True, slots=True)
class Choice:
    """An editor's decision: a picture was taken for a text, others were passed over.

    Attributes:
        text: in full length.
        picture: content key of the picture that was taken.
        rejected: content keys of pictures that were seen and not taken.
        time: ISO 8601, when.
        who: decided; "" if unknown.
        number: in the desk's log, from 1; 0 until it is written.
        undone: whether it was taken back.

    Raises:
        BadInput: a field is of another kind, or text, picture or time is missing.
    """

    text: str
    picture: str
    rejected: tuple[str, ...] = ()
    time: str = ""
    who: str = ""
    number: int = 0
    undone: bool = False

    def __post_init__(self) -> None:
        checks.settings(self)
        for name in ("text", "picture", "time", "who"):
            checks.encodable(name, getattr(self, name))
        for name in ("text", "picture", "time"):
            if not getattr(self, name).strip():
                raise checks.refusal(name, getattr(self, name), "a text that is not empty")
        for key in self.rejected:
            checks.encodable("rejected", key)


@dataclass(frozen=True, slots=True)
class Tag:
    """A word of the archive that a picture shows.

    Attributes:
        word: as ``texts.words`` makes it, in the archive's language.
        probability: 0 to 1, that a text about the picture has the word.

    Raises:
        BadInput: a field is of another kind.
    """

    word: str
    probability: float

    def __post_init__(self) -> None:
        checks.text("word", self.word)
        checks.share("probability", self.probability)


@dataclass(frozen=True, slots=True)
class RankedText:
    """A text that suits a picture.

    Attributes:
        text: as it was given; of an archive text its beginning.
        score: of the route, less the usual score of the text; comparable for one picture.
        route: that ranked it.
        rank: from 1.
        id: of an archive text; "" for a given one.
    """

    text: str
    score: float
    route: str
    rank: int
    id: str = ""

    def __post_init__(self) -> None:
        checks.strings(self, ("text", "route", "id"))
        checks.number("score", self.score)
        checks.whole_number("rank", self.rank, 1)


class Suggestions(list[Suggestion]):
    """Suggestions for one text, best first, and what can be said of them together.

    A slice and a copy keep ``found`` and ``doubt``, which are those of the whole answer; a sum with
    other suggestions is a plain list.

    Attributes:
        found: chance, 0 to 1, that the picture that an editor ran is among them, near-duplicates
            that are not shown not counted; None if none was calibrated.
        doubt: why there may be no good picture; "" if there is no such reason.
    """

    def __init__(
        self,
        suggestions: Iterable[Suggestion] = (),
        found: float | None = None,
        doubt: str = "",
    ) -> None:
        super().__init__(suggestions)
        self.found = found
        self.doubt = doubt

    @overload
    def __getitem__(self, where: SupportsIndex) -> Suggestion: ...

    @overload
    def __getitem__(self, where: slice) -> Suggestions: ...

    def __getitem__(self, where: SupportsIndex | slice) -> Suggestion | Suggestions:
        if not isinstance(where, slice):
            return super().__getitem__(where)
        return Suggestions(super().__getitem__(where), self.found, self.doubt)

    def copy(self) -> Suggestions:
        """The same suggestions in another list."""
        return self[:]

    def __eq__(self, other: object) -> bool:
        """Equal to a plain list with the same suggestions; ``found`` and ``doubt`` count, too."""
        if not isinstance(other, Suggestions):
            return super().__eq__(other)
        mine, others = (self.found, self.doubt), (other.found, other.doubt)
        return mine == others and super().__eq__(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None  # as of every list


class Progress(Protocol):
    """Receives the progress of a run: the library calls it, the CLI draws it, tests record it."""

    def __call__(self, done: int, total: int, what: str) -> None:
        """``done`` of ``total`` units of ``what`` ("pictures", "epochs") are finished."""


def silent(done: int, total: int, what: str) -> None:
    """A Progress that shows nothing."""


@contextmanager
def step(progress: Progress, what: str) -> Iterator[None]:
    """Reports to ``progress`` that a named step begins, and that it has ended."""
    progress(0, 1, what)
    yield
    progress(1, 1, what)


class Runner(Protocol):
    """Runs one backbone network, in torch or in ONNX Runtime."""

    def __call__(self, pixels: Floats) -> Floats:
        """Pixels (B, 3, S, S), normalised → all levels, pooled and concatenated (B, ΣD_l)."""


@runtime_checkable
class TextEncoder(Protocol):
    """Texts → vectors. Encoding needs neither torch nor scikit-learn."""

    @property
    def width(self) -> int:
        """Width D of the vectors."""

    @property
    def fingerprint(self) -> str:
        """Hash of everything that determines the output."""

    def encode(self, texts: Sequence[str]) -> Floats:
        """Q texts → (Q, D) vectors of length one; zeros if no word of a text is known."""

    def save(self, folder: Path) -> None:
        """Writes arrays and JSON; no pickle."""

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Reads what ``save`` wrote; returns the same output."""


class LazyPictures(Sequence[Picture]):
    """Pictures that are made when they are looked at: of many candidates, few are.

    Args:
        origins: N, what each is made of.
        make: one of them → its picture.
    """

    def __init__(self, origins: Sequence[Any], make: Callable[[Any], Picture]) -> None:
        self._origins = origins
        self._make = make

    def __len__(self) -> int:
        return len(self._origins)

    @overload
    def __getitem__(self, place: int) -> Picture: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Picture, ...]: ...
    def __getitem__(self, place: int | slice) -> Picture | tuple[Picture, ...]:
        if isinstance(place, slice):
            return tuple(map(self._make, self._origins[place]))
        return self._make(self._origins[place])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, slots=True, eq=False)
class Entries:
    """Catalogue entries.

    Attributes:
        pictures: N; those of large catalogues are made when they are first asked for.
        vectors: (N, W) of these.
        known: keys of these N, where they are known without making the pictures; else ().
    """

    pictures: Sequence[Picture]
    vectors: Floats
    known: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """Content keys of the pictures, N."""
        return self.known or tuple(picture.key for picture in self.pictures)

    def __len__(self) -> int:
        return len(self.pictures)


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """The result of a search, best first: ``entries`` (N) and their ``scores`` (N,).

    Scores are cosines (``Catalogue.nearest``) or BM25 (``Catalogue.matching``); higher is better.
    """

    entries: Entries
    scores: Doubles


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a catalogue.

    Attributes:
        type: "text", "date" (ISO 8601), "number", "boolean" or "tags"; of values of several types
            "text".
        filled: number of entries that have a value there.
    """

    type: str
    filled: int


@dataclass(frozen=True, slots=True, eq=False)
class Changes:
    """Changes of a catalogue that are made together.

    Attributes:
        pictures: N pictures to add or replace by key; if a key occurs twice, the last counts.
        vectors: (N, W) of these; None for none.
        updated: pictures with known keys whose records are replaced; they keep their vectors.
        removed: keys of pictures to remove; unknown ones are ignored.
        added: keys of pictures that count as put there by ``add`` from now on.
        named: key → fields and own columns that a user has set; they outlive a fit.
        keep_out: whether removed pictures stay out when the archive is fitted again.
    """

    pictures: Sequence[Picture] = ()
    vectors: Floats | None = None
    updated: Sequence[Picture] = ()
    removed: Sequence[str] = ()
    added: Collection[str] = ()
    named: Mapping[str, Collection[str]] = field(default_factory=dict)
    keep_out: bool = False


@runtime_checkable
class Catalogue(Protocol):
    """The pictures that may be suggested now: vectors (W,) of length one with their metadata.

    No method needs the scores of all entries, so an index, a server or a dictionary can implement
    it. The contract suite, ``tests/test_catalogue_contract.py``, tests every implementation.

    ``where`` is an SQL condition on the metadata, or "" for none. Columns are the fields of
    ``Picture`` and the own columns of its entries, by their names or between double quotes:
    ``date >= '2020-05'`` compares ISO dates, ``has_tag(tags, 'sea')`` finds a tag in any case,
    ``tags LIKE '%sea%'`` finds a part of one, ``price < 20`` compares numbers. True is 1, false 0;
    where an entry has no value, an own column is NULL.

    Every method raises BadInput for arguments that it cannot use: a malformed condition (the
    message names the columns), vectors or queries of another width or with NaN or infinite numbers,
    a negative amount.
    """

    @property
    def fingerprint(self) -> str:
        """Hash of everything that determines the vectors; "" for an empty catalogue."""

    @property
    def width(self) -> int:
        """Width W of the vectors; 0 for an empty catalogue."""

    def add(self, pictures: Sequence[Picture], vectors: Floats) -> int:
        """Adds or replaces N pictures by key with vectors (N, W); returns how many were new.

        One transaction. Vectors have length one within 1e-3, or are zero. If a key occurs twice,
        the last picture counts.
        """

    def remove(self, keys: Sequence[str]) -> int:
        """Removes pictures by key; returns how many were removed."""

    def update(self, pictures: Sequence[Picture]) -> None:
        """Replaces the records of known pictures, which keep their vectors; one transaction.

        Raises BadInput for an unknown key.
        """

    def change(self, changes: Changes) -> int:
        """Removes, updates and adds in one transaction; returns how many pictures were new."""

    def replace_all(
        self,
        pictures: Sequence[Picture],
        vectors: Floats,
        fingerprint: str = "",
        added: Collection[str] = (),
        named: Mapping[str, Collection[str]] | None = None,
        kept_out: Collection[str] = (),
    ) -> None:
        """Replaces all pictures in one transaction.

        With ``fingerprint`` the vectors are new ones, which may have another width; a catalogue
        without one needs it. Those whose keys are in ``added`` count as put there by ``add``.
        ``named`` and ``kept_out`` are the answers of the methods of these names from now on.
        """

    def nearest(self, queries: Floats | Doubles, k: int, where: str = "") -> list[Found]:
        """For each query (Q, W), the k entries with the highest cosine that meet ``where``.

        Equal cosines are ordered by key. Returns fewer than k if fewer meet the condition. An index
        may miss entries; the cosines that it returns are exact, and the same for a query alone and
        in a batch. Queries may have any length; zeros score 0.
        """

    def highest(self, queries: Floats | Doubles, k: int) -> list[Doubles]:
        """For each query (Q, W), the k highest cosines of all entries, as of ``nearest``."""

    def matching(
        self, words: Sequence[str], k: int, where: str = "", at_least: float = 0.0
    ) -> Found:
        """The k entries with the highest BM25 of caption and tags that meet ``where``.

        Only entries that contain one of the words (as ``texts.words`` makes them) and have a BM25
        of ``at_least``. If the words are very many or very common, only the rarest count. Neither
        the order of the words nor ``where`` changes a score. Equal scores are ordered by key.
        """

    def word_scores(self, words: Sequence[str], keys: Sequence[str]) -> Doubles:
        """BM25 (N,) of the entries with these keys, as in ``matching``; 0 if no word matches.

        Raises BadInput for an unknown key.
        """

    def fetch(self, keys: Sequence[str]) -> Entries:
        """The entries with these keys, in their order; raises BadInput for an unknown key."""

    def mentioning(self, words: Sequence[str], k: int, where: str = "") -> Found:
        """The k entries with the highest BM25 of caption, tags and own columns of words.

        As ``matching``, with the BM25 of own columns that hold texts or tags added.
        """

    def find(self, keys: Sequence[str]) -> dict[str, Picture]:
        """The pictures that it has among these keys, by key."""

    def page(
        self, where: str = "", order: str = "", after: str = "", limit: int = 100
    ) -> tuple[Picture, ...]:
        """Pictures that meet ``where``, sorted by a column; equal ones by key.

        ``order`` is the name of a column, with "-" before it from the highest to the lowest; "" for
        the key. Entries without a value come last. ``after`` is the key of the last picture of the
        page before; "" for the first page. Raises BadInput for an unknown column or key.
        """

    def columns(self) -> dict[str, Column]:
        """All columns by name: those of every picture, then own ones in alphabetical order."""

    def places(self) -> dict[str, tuple[str, ...]]:
        """Key → all names of the picture's bytes, its ``uri`` first; of all entries."""

    def named(self) -> dict[str, frozenset[str]]:
        """Key → fields and own columns that a user has set; of entries that have any."""

    def kept_out(self) -> frozenset[str]:
        """Keys of removed pictures that stay out until ``add`` brings them again."""

    def sample(self, count: int, where: str = "") -> Entries:
        """``count`` entries that meet ``where``, or all: a fixed random sample.

        These are the entries with the lowest keys; keys are hashes, so the sample is random. A new
        entry replaces at most one of the sample.
        """

    def keys(self, after: str = "", limit: int = 1000) -> list[str]:
        """The first ``limit`` keys greater than ``after``, ascending: one page of all keys."""

    def added(self, after: str = "", limit: int = 1000) -> list[str]:
        """The same of the keys that ``add`` put there, also where one replaced an entry.

        The others came by ``replace_all``, with the archive.
        """

    def count(self, where: str = "") -> int:
        """Number of entries that meet ``where``."""

    @property
    def has_words(self) -> bool:
        """Whether any entry has a word in caption or tags."""

    def optimize(self, queries: Floats | None = None, only_if_needed: bool = False) -> None:
        """Brings up to date what makes searches fast; others may read and write meanwhile.

        What an index misses may be other entries afterwards; nothing else changes.

        Args:
            queries: (Q, W) typical ones, which an index is made to answer well; None for none.
            only_if_needed: whether to leave out what would gain little.
        """

    @property
    def indexed(self) -> int:
        """Number of entries that the index has as they are; 0 without one."""

    def recall(self, queries: Floats, k: int = 10) -> float:
        """The share of the k entries of highest cosine that ``nearest`` finds, 0 to 1.

        Compares all entries with the queries (Q, W), so it takes its time.
        """

    def close(self) -> None:
        """Closes files and connections."""


Json = dict[str, Any]
