"""Parts of work → answers, in the order of the parts, computed by workers of a Ray cluster.

Each worker opens the job once and works on one part after another. Answers stream: few are in
memory, however many there are. If a worker or its machine dies, Ray starts another, which does the
same part again; each part is answered once. A part that kills its worker again and again ends the
run with an error that names it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any, NamedTuple, Protocol

import numpy as np

from picturedesk.cluster.session import cores, session
from picturedesk.errors import PicturedeskError
from picturedesk.types import Floats, Json

TRIES = 8  # of one part, whose worker dies each time; machines that die count, too
Part = Sequence[str]
"""Items that a worker gets together; any text, such as paths."""
_FLOAT = np.dtype("<f4")
_LOG = logging.getLogger(__name__)


class Answer(NamedTuple):
    """What a worker says of a part.

    Attributes:
        records: one for each item, or fewer; JSON.
        numbers: (n, D), float32.
    """

    records: Sequence[Json]
    numbers: Floats


class Job(Protocol):
    """What workers do; it is pickled, and so a class of a module that workers can import."""

    def opened(self) -> Callable[[Part], Answer]:
        """Called once in each worker."""


def mapped(job: Job, parts: Sequence[Part]) -> Generator[Answer, None, None]:
    """The answers to all parts, in their order. Close the generator to stop early.

    Raises:
        PicturedeskError: raised by the job; or the cluster failed, or one part kills its workers.
        Any other exception of the job: with the traceback of the worker.
    """
    if not parts:
        return
    with session() as ray, _one_line_errors(ray):
        tries = ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)(_Tries).remote()
        with _in_order(ray) as data:
            answers = _data_set(ray, data, job, parts, tries)
            for expected, row in enumerate(_rows(answers)):
                if row["number"] != expected:
                    raise RuntimeError(f"part {row['number']} came in the place of {expected}")
                yield _answer(row)
        again = ray.get(tries.again.remote())
        if again:
            _LOG.warning("%d parts were done again, because a worker had died", again)


class _Tries:
    """Counts how often each part was begun; one for all workers."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}

    def begin(self, number: int) -> int:
        """How often a part was begun, this time included."""
        self._counts[number] = self._counts.get(number, 0) + 1
        return self._counts[number]

    def again(self) -> int:
        """How many parts were begun more than once."""
        return sum(count > 1 for count in self._counts.values())


class _Worker:
    """Answers parts; opens the job with the first.

    Args:
        job: a reference to it in a list, which Ray passes on as it is.
        tries: the actor that counts.
    """

    def __init__(self, job: list[Any], tries: Any) -> None:  # noqa: ANN401 - Ray's handles
        self._job = job
        self._tries = tries
        self._work: Callable[[Part], Answer] | None = None

    def __call__(self, table: Any) -> Any:  # noqa: ANN401 - a table of pyarrow
        row = _rows_of(table)[0]
        part = json.loads(row["part"])
        try:
            answer, error = self._answer(row["number"], part), ""
        except PicturedeskError as failed:
            answer, error = Answer((), np.zeros((0, 0), dtype=np.float32)), str(failed)
        return _answer_table(row["number"], answer, error)

    def _answer(self, number: int, part: Part) -> Answer:
        import ray

        if ray.get(self._tries.begin.remote(number)) > TRIES:
            raise PicturedeskError(
                f"{TRIES} workers of the Ray cluster died, one after another, while they worked on "
                f"{part[0]} … {part[-1]}: one of these may need too much memory; the logs of Ray "
                "say more"
            )
        if self._work is None:
            job: Job = ray.get(self._job[0])
            self._work = job.opened()
        return self._work(part)


def _data_set(
    ray: ModuleType,
    data: ModuleType,
    job: Job,
    parts: Sequence[Part],
    tries: Any,  # noqa: ANN401 - a handle of Ray
) -> Any:  # noqa: ANN401 - a data set of Ray
    most = min(cores(ray), len(parts))
    pool = data.ActorPoolStrategy(min_size=1, initial_size=most, max_size=most)
    given = data.from_arrow([_part_table(number, part) for number, part in enumerate(parts)])
    return given.map_batches(
        _Worker,
        batch_size=1,
        batch_format="pyarrow",
        compute=pool,
        num_cpus=1,
        fn_constructor_args=([ray.put(job)], tries),
    )


@contextmanager
def _in_order(ray: ModuleType) -> Iterator[ModuleType]:
    """Ray Data, set up for answers in order and for no output; the settings before come back."""
    data: ModuleType = ray.data
    logger = logging.getLogger("ray.data")
    context = data.DataContext.get_current()
    options, level = context.execution_options, logger.level
    ordered, bars = options.preserve_order, context.enable_progress_bars
    options.preserve_order = True
    context.enable_progress_bars = False
    logger.setLevel(logging.ERROR)
    try:
        yield data
    finally:
        options.preserve_order = ordered
        context.enable_progress_bars = bars
        logger.setLevel(level)


@contextmanager
def _one_line_errors(ray: ModuleType) -> Iterator[None]:
    """Turns errors of the cluster into one line; those of the job are bugs, with a traceback."""
    try:
        yield
    except ray.exceptions.RayTaskError:
        raise
    except ray.exceptions.RayError as error:
        said = " ".join(str(error).split())
        raise PicturedeskError(
            f"the Ray cluster failed ({said[:300]}): look after it, and run the command again; it "
            "continues"
        ) from error


def _part_table(number: int, part: Part) -> Any:  # noqa: ANN401 - a table of pyarrow
    import pyarrow as pa

    # JSON in ASCII: names of files need not be valid Unicode.
    return pa.table({"number": [number], "part": [json.dumps(list(part))]})


def _answer_table(number: int, answer: Answer, error: str) -> Any:  # noqa: ANN401
    import pyarrow as pa

    numbers = np.ascontiguousarray(answer.numbers, dtype=_FLOAT)
    return pa.table(
        {
            "number": [number],
            "said": [json.dumps({"error": error, "records": list(answer.records)})],
            "width": [numbers.shape[1]],
            "numbers": pa.array([numbers.tobytes()], pa.large_binary()),
        }
    )


def _answer(row: Json) -> Answer:
    said = json.loads(row["said"])
    if said["error"]:
        raise PicturedeskError(said["error"])
    numbers = np.frombuffer(row["numbers"], dtype=_FLOAT)
    return Answer(said["records"], numbers.reshape(-1, max(1, row["width"])))


def _rows(answers: Any) -> Iterator[Json]:  # noqa: ANN401 - a data set of Ray
    for table in answers.iter_batches(batch_size=None, prefetch_batches=1, batch_format="pyarrow"):
        yield from _rows_of(table)


def _rows_of(table: Any) -> list[Json]:  # noqa: ANN401 - a table of pyarrow
    rows: list[Json] = table.to_pylist()
    return rows
