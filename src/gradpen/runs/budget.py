"""A run that fits into minutes: steps are timed on this machine, then width, length and marks are chosen for good."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import median
from typing import Annotated

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass as validated

from gradpen.choice import STRICT
from gradpen.config import RunConfig
from gradpen.data.source import Source
from gradpen.lipschitz import GradientPenalty
from gradpen.machine import sharing
from gradpen.presets.quick import (
    AVERAGE,
    ENOUGH,
    HALF_LIFE,
    PENALTY,
    PENALTY_OF_POINTS,
    USUAL_WIDTH,
    batch_for,
    pair,
    sizes_for,
)
from gradpen.runs import marks
from gradpen.runs.iteration import batches_from, iterate
from gradpen.runs.state import State, Task, initial_state
from gradpen.runs.volumes import with_depth

LONGEST = 1_000_000
"""minutes that a run may be given"""
TIMED_SECONDS, TIMED_ROUNDS = 0.5, 3
"""a candidate is timed for so long, or for so many rounds of its lazy penalty, whichever is over first"""
TIMED_SHARE, CHOSEN_ROUNDS = 0.005, 20
"""the chosen one is timed again, for so much of the time or so many rounds: a busy moment would decide on the length"""
FREE = 1.1
"""what costs less than so much more than the smallest is taken: on a GPU many sizes take the same time"""
SPARED = 0.04
"""share of the time left to marks, checkpoints and the end"""
MARKS = 0.012
"""share of the time that marks of either kind may take"""
MARKED, SAMPLED = 200, 25
"""marks of either kind that a run has at most, spread evenly"""


@validated(frozen=True, kw_only=True, config=STRICT)
class Budget:
    """What may be chosen for a run on the user's data."""

    minutes: Annotated[float, Field(gt=0, le=LONGEST)] | None = None
    """how long it may take; none: the iterations stay as they are, and nothing is timed"""
    networks: bool = False
    """whether networks are chosen too, for the data and the time; else they stay"""
    labelled: bool = False
    """whether the networks that are chosen take labels"""
    batch: bool = False
    """whether the batch is chosen too"""
    marks: bool = True
    """whether marks are put so far apart that they take little; else they stay as they are"""


@dataclass(frozen=True)
class Timing:
    """A candidate and what an iteration of it takes."""

    config: RunConfig
    seconds: float

    def iterations(self, seconds: float) -> int:
        """Return how many iterations fit into so much time, rounded down to two figures; a critic's warm-up counts."""
        usual = (1 - SPARED) * seconds / self.seconds
        count = max(1, int(usual))
        while count > 1 and self.config.critic_updates(count) > usual * self.config.critic_steps:
            count = max(1, int(0.98 * count))
        step = int(10 ** max(0, int(math.log10(count)) - 1))
        return count // step * step


def fitted(task: Task, budget: Budget) -> tuple[RunConfig, str]:
    """Return the task's configuration with what was chosen, and a sentence that says what and why.

    From then on it is an ordinary configuration: the same one gives the same bits.
    """
    source, started = task.source, time.monotonic()
    if budget.minutes is None:
        networks = with_size(task.config, source, usual_size(source), budget) if budget.networks else task.config
        return networks, f"{networks.preset}: {about(source)} get {words_of(networks)}"
    whole = 60 * budget.minutes
    config = with_faster_threads(task, budget)
    if budget.networks:
        config, why = largest(replace(task, config=config), budget, whole)
    else:
        why = ""
    chosen = timed(replace(task, config=config), TIMED_SHARE * whole, CHOSEN_ROUNDS)
    left = max(whole - (time.monotonic() - started), whole / 2)
    iterations = chosen.iterations(same_for_all(left))
    fitting = replace(chosen.config, iterations=iterations)
    if budget.marks:
        fitting = with_cadence(replace(task, config=fitting), chosen.seconds)
    return fitting, (
        f"{fitting.preset}: {about(source)} get {words_of(fitting)}; an iteration of {fitting.batch_size} images takes "
        f"{1000 * chosen.seconds:.3g} ms here, so {iterations:,} iterations fit into {budget.minutes:g} minutes{why}"
    )


def about(source: Source) -> str:
    """Return the data in a few words."""
    channels = source.shape[0]
    if source.values.symbols is not None:
        return f"{len(source.train):,} training lines of {source.sides}"
    return f"{len(source.train):,} training images, {source.sides} in {channels} channel{'s' * (channels > 1)},"


def words_of(config: RunConfig) -> str:
    """Return networks and threads in a few words."""
    threads = "" if config.threads is None else f" on {config.threads} thread{'s' * (config.threads > 1)}"
    generator = config.generator
    name, width, widths = (getattr(generator, key, None) for key in ("name", "width", "widths"))
    size = f" of width {width}" if width else f" of widths {', '.join(map(str, widths))}" if widths else ""
    return f"{name} networks{size}{threads}"


def with_size(config: RunConfig, source: Source, size: tuple[int, int], budget: Budget) -> RunConfig:
    """Return the configuration with networks of a width for these data, and a batch if that is chosen too.

    The average, unless one was asked for, goes over as many updates whatever the batch.
    """
    width, batch = size
    generator, critic = pair(source.shape, width, labelled=budget.labelled, bounded=not source.values.unscaled)
    config = with_depth(replace(config, generator=generator, critic=critic), source)
    if source.values.unscaled and config.constraint == PENALTY:
        config = replace(config, constraint=PENALTY_OF_POINTS)
    if not budget.batch:
        return config
    average = config.average
    if average == AVERAGE:
        average = replace(AVERAGE, half_life=HALF_LIFE * batch / batch_for(source.shape))
    unit = sharing.count() * config.accumulate * config.pack
    fitting = max(min(batch, len(source.train)) // unit, 1) * unit
    return replace(config, batch_size=fitting, average=average)


def largest(task: Task, budget: Budget, seconds: float) -> tuple[RunConfig, str]:
    """Return the configuration with the largest size that makes enough iterations in the time, and why no larger.

    A size that costs next to nothing beside the smallest is taken too, as a GPU has many.
    """
    tried: list[Timing] = []
    for size in sizes(task.source, budget):
        config = with_size(task.config, task.source, size, budget)
        if tried and config == tried[-1].config:
            continue
        try:
            timing = timed(replace(task, config=config))
        except torch.OutOfMemoryError:
            if not tried or sharing.count() > 1:
                raise
            return tried[-1].config, f" ({words_of_size(size, budget)} needs more memory than there is)"
        count = timing.iterations(seconds)
        if tried and count < ENOUGH and timing.seconds > FREE * tried[0].seconds:
            best = tried[-1]
            if best.iterations(seconds) < ENOUGH:
                return best.config, f" (fewer than the {ENOUGH:,} that pictures need: give it more `minutes`)"
            return (
                best.config,
                f" ({words_of_size(size, budget)} would make {count:,}, and at least {ENOUGH:,} are needed)",
            )
        tried.append(timing)
    return tried[-1].config, ""


def sizes(source: Source, budget: Budget) -> tuple[tuple[int, int], ...]:
    """Return the sizes to choose from; where the batch is not to be chosen, each width once."""
    known = sizes_for(source.shape)
    return known if budget.batch else tuple({width: (width, batch) for width, batch in known}.values())


def usual_size(source: Source) -> tuple[int, int]:
    """Return the size that is taken where nothing is timed."""
    return USUAL_WIDTH, batch_for(source.shape)


def words_of_size(size: tuple[int, int], budget: Budget) -> str:
    """Return a width, and a batch if that is chosen, in words."""
    return f"width {size[0]}{f' with {size[1]} images at a time' if budget.batch else ''}"


def with_faster_threads(task: Task, budget: Budget) -> RunConfig:
    """Return the configuration with one CPU thread where that is faster than all: small layers do not share well."""
    config = with_size(task.config, task.source, usual_size(task.source), budget) if budget.networks else task.config
    many = torch.get_num_threads()
    if task.device.type != "cpu" or config.threads is not None or sharing.count() > 1:
        return config
    if many == 1:
        return replace(config, threads=1)
    seconds = {}
    for threads in (many, 1):
        torch.set_num_threads(threads)
        seconds[threads] = timed(replace(task, config=config)).seconds
    faster = min(seconds, key=lambda threads: seconds[threads])
    torch.set_num_threads(faster)
    return replace(config, threads=faster)


def timed(task: Task, most_seconds: float = TIMED_SECONDS, most_rounds: int = TIMED_ROUNDS) -> Timing:
    """Return what an iteration takes, after a first round; the median of a few rounds."""
    config = replace(task.config, critic_warm_up=None)
    state, stream = initial_state(task), batches_from(task, 0)
    every = task.config.constraint.every if isinstance(task.config.constraint, GradientPenalty) else 1

    def round_of() -> None:
        for _ in range(every):
            iterate(state, config, stream)
        finish(state)

    round_of()
    seconds: list[float] = []
    started = time.monotonic()
    while not seconds or sharing.true_of_any(len(seconds) < most_rounds and time.monotonic() - started < most_seconds):
        seconds.append(seconds_of(round_of) / every)
    return Timing(task.config, same_for_all(median(seconds)))


def same_for_all(seconds: float) -> float:
    """Return the mean of a duration over all processes, which must choose alike."""
    mine = torch.tensor(seconds, device=sharing.HERE.place.device)
    return sharing.means_over_all({"seconds": mine})["seconds"].item()


def finish(state: State) -> None:
    """Wait until the device has done what was asked of it."""
    next(state.gan.generator.parameters()).flatten()[0].item()


def seconds_of(work: Callable[[], object]) -> float:
    """Return how long something takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def with_cadence(task: Task, seconds: float) -> RunConfig:
    """Return the configuration with marks so far apart that they take a small share of the time."""
    config, state = task.config, initial_state(task)
    marks.measure(state, task)
    measuring = seconds_of(lambda: marks.measure(state, task))
    beside = marks.held_out(task)
    marks.distances(state, task, beside)
    sampling = seconds_of(lambda: (marks.distances(state, task, beside), marks.sample_grid(state, task)))
    log_every = round_up(max(config.iterations / MARKED, same_for_all(measuring) / (MARKS * seconds)))
    apart = round_up(max(config.iterations / SAMPLED, same_for_all(sampling) / (MARKS * seconds)))
    sample_every = max(1, round(apart / log_every)) * log_every
    cadence = replace(config.cadence, log_every=log_every, sample_every=sample_every, save_every=sample_every)
    return replace(config, cadence=cadence)


def round_up(number: float) -> int:
    """Return the next number of one or two round figures.

    >>> [round_up(number) for number in (0.3, 7.2, 51.0, 123.0, 1834.0)]
    [1, 8, 55, 150, 2000]
    """
    step = max(1, int(10 ** math.floor(math.log10(max(number, 1)))) // 2)
    return max(1, step * math.ceil(number / step))
