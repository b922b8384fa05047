"""Do the cases of a study: some at a time, each once, each in its folder; one that fails stops no other.

joblib schedules them, on this machine or on a Dask cluster. A case that a killed worker left unfinished is begun
again, and goes on from its own checkpoints.
"""

import hashlib
import json
import os
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from joblib import Parallel, delayed, parallel_config
from joblib.externals.loky.process_executor import TerminatedWorkerError

from gradpen.errors import GradpenError, UsageError
from gradpen.runs.folder import write_json
from gradpen.studies.study import Case, Found, Results
from gradpen.text import printable

PATIENCE = 20
"""seconds in which a cluster must answer"""
ATTEMPTS = 3
"""how often a case is begun whose worker was killed"""
THREADS = 1
"""CPU threads of a case, whatever else runs: the last bits of a result depend on them"""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a case ended."""

    case: str
    failure: str | None
    seconds: float
    log: str = ""
    """the file that tells all of a failure"""


Tell = Callable[[Outcome, int, int], None]
"""what is told of a case that ended: how, how many are done, and of how many"""


def tell_nobody(_outcome: Outcome, _done: int, _of: int) -> None:
    """Tell nothing."""


@dataclass(frozen=True)
class Shard:
    """Part ``index`` of ``count`` of a study's cases, the first being 0.

    >>> Shard(1, 3).of(["a", "b", "c", "d", "e"])
    ['b', 'e']
    """

    index: int = 0
    count: int = 1

    def of(self, cases: Sequence[Any]) -> list[Any]:
        """Return the cases of this part: every count-th."""
        return list(cases[self.index :: self.count])


WHOLE = Shard()


def parse_shard(text: str | None) -> Shard:
    """Return the part that ``2/5`` or the variables of a SLURM array name; the whole where neither does.

    Raises:
        UsageError: it names none.

    >>> parse_shard("2/5")
    Shard(index=1, count=5)
    """
    if text is None:
        task, least, most, step = (
            os.environ.get(f"SLURM_ARRAY_TASK_{name}", "") for name in ("ID", "MIN", "MAX", "STEP")
        )
        if not task.isdigit():
            return WHOLE
        first, stride = int(least or 0), int(step or 1)
        return Shard((int(task) - first) // stride, (int(most or task) - first) // stride + 1)
    index, _, count = text.partition("/")
    if not (index.isdecimal() and count.isdecimal() and 1 <= int(index) <= int(count)):
        raise UsageError(f"`shard={printable(text)}`: expected a part and their number, as in 1/4 to 4/4")
    return Shard(int(index) - 1, int(count))


def fingerprint(case: Case) -> str:
    """Return what a case is, as a digest: its function and its arguments."""
    work = f"{case.work.__module__}.{case.work.__qualname__}"
    return hashlib.sha256(json.dumps([work, case.arguments], sort_keys=True).encode()).hexdigest()[:16]


def place_of(case: Case, out: Path) -> Path:
    """Return the folder of a case."""
    return out / (case.folder or f"{case.name}-{fingerprint(case)[:8]}")


def read_result(case: Case, out: Path) -> dict[str, Any] | None:
    """Return the record of a finished case; None where there is none that is whole."""
    try:
        record: dict[str, Any] = json.loads((place_of(case, out) / "result.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and record.get("case") == fingerprint(case) else None


def results_of(cases: Sequence[Case], out: Path) -> Results:
    """Return what the finished cases found, by their names, in their order."""
    records = {case.name: read_result(case, out) for case in cases}
    return {name: record["found"] for name, record in records.items() if record is not None}


def work_on(case: Case, out: Path) -> Outcome:
    """Do a case, and leave its result or its failure in its folder."""
    torch.set_num_threads(THREADS)
    place, identity, started, used = place_of(case, out), fingerprint(case), time.monotonic(), time.process_time()
    place.mkdir(parents=True, exist_ok=True)
    failure = None
    try:
        found: Found = case.work(place, **case.arguments)
        times = {"seconds": time.monotonic() - started, "cpu_seconds": time.process_time() - used}
        times = {name: round(seconds, 1) for name, seconds in times.items()}
        write_json(place / "result.json", {"case": identity, **times, "found": found})
        (place / "failure.txt").unlink(missing_ok=True)
    except Exception as error:
        failure = str(error) if isinstance(error, GradpenError) else f"{type(error).__name__}: {error}"
        (place / "failure.txt").write_text(traceback.format_exc(), encoding="utf-8")
    log = str(place / "failure.txt") if failure else ""
    return Outcome(case=case.name, failure=failure, seconds=time.monotonic() - started, log=log)


def carry_out(
    cases: Sequence[Case],
    out: Path,
    *,
    jobs: int = 1,
    shard: Shard = WHOLE,
    cluster: str | None = None,
    tell: Tell = tell_nobody,
) -> dict[str, str]:
    """Do the cases that are not finished, and return why some failed, by their names.

    Args:
        cases: of a study.
        out: folder of the study; each case has a folder of its own below it.
        jobs: cases at a time on this machine, or on the cluster, where -1 is as many as it has threads.
        shard: the part of the cases to do.
        cluster: address of a running Dask scheduler whose workers see the same folders; None: this machine.
        tell: called after each case with its outcome, the number done and the number to do.
    """
    out = out.absolute()  # workers may have been started elsewhere
    waiting = [case for case in shard.of(cases) if read_result(case, out) is None]
    total, done = len(waiting), 0
    failures: dict[str, str] = {}
    for attempt in range(1, ATTEMPTS + 1):
        try:
            for outcome in finished(waiting, out, jobs, cluster):
                done += 1
                tell(outcome, done, total)
                if outcome.failure is not None:
                    failures[outcome.case] = outcome.failure
        except (TerminatedWorkerError, BrokenProcessPool) as error:
            unfinished = [case for case in waiting if read_result(case, out) is None and case.name not in failures]
            done = total - len(unfinished)
            if attempt == ATTEMPTS:
                killed = f"its worker was killed {ATTEMPTS} times ({str(error).splitlines()[0]})"
                failures |= {case.name: killed for case in unfinished}
            waiting = unfinished
            continue
        break
    return failures


def finished(cases: Sequence[Case], out: Path, jobs: int, cluster: str | None) -> Iterator[Outcome]:
    """Yield the outcomes of cases as they end."""
    if jobs == 1 and cluster is None:
        yield from (work_on(case, out) for case in cases)
        return
    with scheduler(cluster):
        parallel = Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size=1, pre_dispatch="n_jobs")
        yield from parallel(delayed(work_on)(case, out) for case in cases)


def scheduler(cluster: str | None) -> AbstractContextManager[Any]:
    """Return where cases run: in processes of this machine, or on a Dask cluster.

    Raises:
        UsageError: there is no such cluster, or no ``distributed`` to reach it with.
    """
    if cluster is None:
        here: AbstractContextManager[Any] = parallel_config(backend="loky", inner_max_num_threads=THREADS)
        return here
    try:
        from distributed import Client
    except ImportError:
        raise UsageError("a cluster needs Dask; install it with: pip install 'gradpen[study]'") from None
    try:
        client: Any = Client(cluster, timeout=PATIENCE)  # type: ignore[no-untyped-call]
    except (OSError, ValueError, TimeoutError) as error:
        raise UsageError(f"`cluster={printable(cluster)}` cannot be reached ({printable(error)})") from None
    there: AbstractContextManager[Any] = parallel_config(backend="dask", client=client)
    return there
