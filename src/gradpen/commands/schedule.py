"""Who does the runs of a study or a comparison, as options, and what is told of them as they end."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from gradpen.commands.options import as_options, complain, option
from gradpen.errors import UsageError

if TYPE_CHECKING:
    from gradpen.studies.engine import Outcome


@dataclass(frozen=True, kw_only=True)
class ScheduleOptions:
    """Options of commands that do many runs."""

    jobs: Annotated[int | None, option("N", "as many as there are CPU cores; of a cluster all its threads")] = None
    """Pieces of work at a time, each on one thread."""
    shard: Annotated[str | None, option("I/N", "all; of a SLURM array its part")] = None
    """Do part I of N of the work, and leave the rest to others."""
    cluster: Annotated[str | None, option("ADDRESS", "this machine")] = None
    """A running Dask scheduler, whose workers see the same folders (pip install 'gradpen[study]')."""


def jobs_of(options: ScheduleOptions) -> int:
    """Return how many pieces of work to do at a time; -1: as many as the cluster has threads.

    Raises:
        UsageError: fewer than one was asked for.
    """
    if options.jobs is not None and options.jobs < 1:
        raise UsageError(f"--jobs {options.jobs}: at least 1 is needed")
    return options.jobs or (-1 if options.cluster else cores())


def cores() -> int:
    """Return how many CPU cores this process may use: of a node that others share, its own."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def teller(command: Any) -> "Callable[[Outcome, int, int], None]":
    """Return what tells of a piece of work that ended, in the words of a command's options, and of the time left."""
    started = time.monotonic()

    def tell(outcome: "Outcome", number: int, of: int) -> None:
        left = (time.monotonic() - started) / number * (of - number) / 60
        how = f"{outcome.seconds:.0f} s"
        if outcome.failure:
            where = f" (all of it in {outcome.log})" if outcome.log else ""
            how = f"failed: {as_options(outcome.failure, command)}{where}"
        complain(f"  {number} of {of}: {outcome.case}, {how}; about {left:.0f} minutes left")

    return tell
