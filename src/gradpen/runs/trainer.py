"""A run in progress. The trainer alone writes into the run's folder, publishes and stops."""

import math
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from threading import Timer
from typing import Any, Literal

import torch

from gradpen.algorithm import Measures
from gradpen.data.shown import save_drawn
from gradpen.data.source import label_space
from gradpen.errors import DivergedError
from gradpen.machine import sharing
from gradpen.machine.seeds import separate_randomness
from gradpen.metrics.generator import Estimate
from gradpen.runs import marks
from gradpen.runs.audience import Audience
from gradpen.runs.checkpoint import checkpoint_folders, remove_superseded, replace_file, write_checkpoint
from gradpen.runs.checks import all_finite, refuse_drift, refuse_non_finite
from gradpen.runs.folder import Row, RunFolder, append_row, read_measures, write_json
from gradpen.runs.instruments import instruments
from gradpen.runs.iteration import batches_from, iterate
from gradpen.runs.state import State, Task, checkpoint_of, record_of, slow
from gradpen.runs.trained import Run
from gradpen.text import printable

EARLY = (10, 50)
"""iterations after which samples are shown and critics measured too, so that slow networks show something soon"""
USUALLY_KEPT = 2
SAVE_SECONDS = 300
"""a run is also saved when so much time has passed; that changes nothing in it"""
SLOW_SECONDS = 20
"""after so long a user who sees nothing is told why"""
PUBLISH_SECONDS = 60
"""figures and report are written anew at most so often, and the run is judged"""
JUDGED_SHARE = 50
"""times as long as judging takes, a run trains before it is judged again"""


@dataclass(kw_only=True)
class Trainer:
    """A run in progress: what is trained, how far it is, where it is written and whom it talks to."""

    task: Task
    state: State
    folder: RunFolder
    audience: Audience
    run_id: str
    row: Row = field(default_factory=dict)
    """the newest measures"""
    nearest: Row = field(default_factory=dict)
    """the measures at the sample mark whose samples were nearest to held-out images"""
    seconds: float = 0.0
    """how long it has trained and measured"""
    waited: int = 0
    """sample marks since then"""
    saved: int | None = None
    """the iteration of the newest checkpoint"""
    saved_at: float = field(default_factory=time.monotonic)
    published_at: float = field(default_factory=time.monotonic)
    judged_at: float = field(default_factory=time.monotonic)
    judging: float = 0.0
    """seconds that judging took"""
    marked_at: float = field(default_factory=time.monotonic)
    tracking: bool = False
    """whether trackers know of the run"""
    first: bool = True
    """whether no iteration was done in this process yet"""
    marked: int = 0
    """the iteration of the newest mark in this process"""

    def begin(self) -> None:
        """Measure, sample and save the untrained networks: the baseline of every later figure, and a place to resume.

        Raises:
            DivergedError: a measure is infinite or NaN already.
        """
        self.record("running")
        self.track("begin", self.folder, self.task.config, 0)
        with self.divergence_recorded(), self.slowness_said():
            self.marked_at = time.monotonic()
            if slow(self.state, self.task):
                # A picture at once, and the first step before the first measures: those alone would take a minute.
                self.sample()
            else:
                self.mark({}, sampling=True)
            self.save()

    def run(self) -> None:
        """Train to the end, or to the end of the iteration that a signal arrives in.

        Raises:
            DivergedError: a loss or weight is no longer finite; the last checkpoint stays.
        """
        self.record("running")
        self.track("begin", self.folder, self.task.config, self.state.iteration)
        self.marked_at, self.marked = time.monotonic(), self.state.iteration
        with self.divergence_recorded():
            self.iterate_to_the_end()
            if self.saved != self.state.iteration:
                self.save()
        self.finish()
        self.track("end")

    def iterate_to_the_end(self) -> None:
        """Iterate; mark, save and show where it is time."""
        config, state = self.task.config, self.state
        stream = batches_from(self.task, state.iteration)
        while state.iteration < config.iterations and not self.outwaited() and not self.interrupted():
            with self.slowness_said() if self.first else nullcontext():
                losses = iterate(state, config, stream)
            self.first = False
            state.finite = state.finite & torch.isfinite(torch.stack(list(losses.values()))).all()
            early = state.iteration in EARLY and state.iteration < config.cadence.sample_every
            sampling = self.due(config.cadence.sample_every)
            if early or sampling or self.due(config.cadence.log_every):
                self.mark(losses, sampling=sampling)
            if early and not sampling:
                self.sample()
            if self.due(config.cadence.save_every) or self.overdue():
                self.save()
            self.audience.show(state.iteration, config, self.row)

    @contextmanager
    def slowness_said(self) -> Iterator[None]:
        """Say so if what is done first takes long, once it does: nothing else would be heard until it is over."""
        sides = self.task.source.sides
        sentence = (
            f"the first steps on {sides} take longer than {SLOW_SECONDS} s here; they go on. Smaller images (`size`), "
            f"a smaller `batch_size` or narrower networks are faster"
        )
        timer = Timer(SLOW_SECONDS, self.audience.say, [sentence])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def due(self, every: int) -> bool:
        """Return whether something done every so many iterations, and at the end, is due."""
        return self.state.iteration % every == 0 or self.state.iteration == self.task.config.iterations

    def overdue(self) -> bool:
        """Return whether the last checkpoint is so old that the leader wants another."""
        return sharing.true_of_any(sharing.leads() and time.monotonic() - self.saved_at > SAVE_SECONDS)

    def interrupted(self) -> bool:
        """Return whether a signal asked any process to stop."""
        interrupt = self.audience.interrupt
        stop = sharing.true_of_any(interrupt.signal is not None)
        if stop and interrupt.signal is None:
            interrupt.signal = signal.SIGTERM
        return stop

    def outwaited(self) -> bool:
        """Return whether so many sample marks as the run has patience for brought no nearer samples."""
        patience = self.task.config.cadence.patience
        return patience is not None and sharing.true_of_any(sharing.leads() and self.waited >= patience)

    def mark(self, losses: Measures, *, sampling: bool) -> None:
        """Read losses back, the only place that does, measure, and write both down; sample if it is time."""
        self.refuse_non_finite(self.finite_everywhere())
        losses = sharing.means_over_all(losses)
        if not sharing.leads():
            return
        measured, slopes = marks.measure(self.state, self.task)
        measures = {name: loss.item() for name, loss in losses.items()} | measured
        if sampling:
            measures |= marks.distances(self.state, self.task, self.held_out)
        row = self.timed(measures)
        self.refuse_non_finite(all(math.isfinite(value) for value in row.values()))
        self.row = row
        append_row(self.folder, row)
        self.track("measures", row)
        if sampling:
            self.sample()
            critic, constraint = self.state.gan.critic, self.task.config.constraint
            write_json(self.folder.critic, asdict(instruments(self.state.iteration, critic, slopes, constraint)))
            self.keep_the_best(row)
            if time.monotonic() - self.judged_at > max(PUBLISH_SECONDS, JUDGED_SHARE * self.judging):
                self.judge("running")
            if time.monotonic() - self.published_at > PUBLISH_SECONDS:
                self.publish()

    def sample(self) -> None:
        """Let the leader write a grid of samples."""
        if not sharing.leads():
            return
        place = self.folder.sample_grid(self.state.iteration)
        save_drawn(marks.sample_grid(self.state, self.task), place)
        self.track("picture", self.state.iteration, place)
        if self.task.source.values.symbols is not None:
            lines = "".join(f"{line}\n" for line in marks.sample_lines(self.state, self.task))
            replace_file(place.with_suffix(".txt"), lines.encode())

    @cached_property
    def held_out(self) -> marks.HeldOut:
        """What samples are compared with at marks."""
        return marks.held_out(self.task)

    def keep_the_best(self, row: Row) -> None:
        """Write down the generator that samples come from if they are about as near to held-out images as ever."""
        if marks.nearest([self.nearest, row] if self.nearest else [row]) is row:
            self.nearest, self.waited = row, 0
        else:
            self.waited += bool(self.nearest)
            if not self.nearest or not marks.near_enough(row, self.nearest):
                return
        checkpoint = checkpoint_of(self.state, self.task, self.run_id)
        name = "generator" if self.state.average is None else "average"
        shown = replace(checkpoint, tensors={name: checkpoint.tensors[name]})
        self.refuse_non_finite(all_finite(shown))
        write_checkpoint(self.folder.best, shown, keep=None)

    def timed(self, measures: Row) -> Row:
        """Return a row of measures with how far the run is and how fast it went since the last one."""
        now, config, iteration = time.monotonic(), self.task.config, self.state.iteration
        elapsed, self.marked_at = now - self.marked_at, now
        before, seen = (config.critic_updates(n) * config.batch_size for n in (self.marked, iteration))
        self.seconds, self.marked = self.seconds + elapsed, iteration
        return {
            "iteration": iteration,
            "images": seen,
            **measures,
            "images_per_second": round((seen - before) / elapsed if elapsed else 0.0, 1),
            "seconds": round(self.seconds, 3),
        }

    def save(self) -> None:
        """Write a checkpoint of finite weights; of many processes, the leader does, when all hold the same."""
        self.refuse_non_finite(self.finite_everywhere())
        refuse_drift(self.state.gan)
        if sharing.leads():
            checkpoint = checkpoint_of(self.state, self.task, self.run_id)
            self.refuse_non_finite(all_finite(checkpoint))
            cadence = self.task.config.cadence
            keep = None if cadence.keep == "all" else cadence.keep
            write_checkpoint(self.folder.checkpoints, checkpoint, keep=keep, keep_every=cadence.keep_every)
            # A resumed run may begin at the oldest of the newest checkpoints, and then needs the best of that time.
            newest = checkpoint_folders(self.folder.checkpoints)[: keep or USUALLY_KEPT]
            remove_superseded(self.folder.best, int(newest[-1].name))
        sharing.wait_for_all()
        self.saved, self.saved_at = self.state.iteration, time.monotonic()

    def finite_everywhere(self) -> bool:
        """Return whether the losses of all processes were finite so far."""
        return not sharing.true_of_any(not bool(self.state.finite))

    def refuse_non_finite(self, finite: bool) -> None:
        """Raise :class:`DivergedError` unless all is finite."""
        refuse_non_finite(finite, self.row, iteration=self.state.iteration, saved=self.saved, folder=self.folder)

    @contextmanager
    def divergence_recorded(self) -> Iterator[None]:
        """Note in the record, and publish, that a run diverged."""
        try:
            yield
        except DivergedError:
            self.record("diverged")
            if self.row:
                self.judge("diverged")
                self.publish()
            self.track("end")
            raise

    def finish(self) -> None:
        """Let the leader write the final facts of the run and publish it, and the others wait for that."""
        early = self.outwaited()
        whole = early or self.state.iteration >= self.task.config.iterations
        done = whole and self.audience.interrupt.signal is None
        if early and sharing.leads():
            self.audience.say(
                f"ended after iteration {self.state.iteration:,}: {self.waited} sample marks brought nothing nearer to "
                f"held-out images than iteration {self.nearest['iteration']:,} (`cadence.patience`)"
            )
        if sharing.leads():
            if done:
                self.record("finished", marks.final_distances(self.state, self.task))
                self.judge("finished")
            else:
                self.record("interrupted")
            self.publish()
        sharing.wait_for_all()

    def record(self, stage: str, distances: dict[str, Estimate] | None = None) -> None:
        """Write what a reader of the run needs beside configuration and measures."""
        if sharing.leads():
            found = {name: asdict(distance) for name, distance in (distances or {}).items()}
            write_json(self.folder.record, record_of(self.state, self.task, self.run_id, stage, found))

    def track(self, event: Literal["begin", "measures", "picture", "end"], *arguments: Any) -> None:
        """Tell the trackers; whoever fails is left out, and training goes on."""
        if not sharing.leads():
            return
        begun, self.tracking = self.tracking, event != "end"
        if event == "begin" and begun:
            return
        for tracker in list(self.audience.trackers):
            try:
                getattr(tracker, event)(*arguments)
            except Exception as error:
                self.audience.trackers.remove(tracker)
                self.audience.say(
                    f"{type(tracker).__name__} failed and keeps nothing from iteration {self.state.iteration:,} on: "
                    f"{type(error).__name__}: {printable(error)}"
                )

    def judge(self, stage: str) -> None:
        """Let the audience judge the run as it is."""
        if not sharing.leads() or self.audience.judge is None:
            return
        started, config, source = time.monotonic(), self.task.config, self.task.source
        run = Run(
            path=self.folder.path,
            config=config,
            iteration=self.state.iteration,
            generator=self.state.shown,
            labels=label_space(source.labels) if source.labels is not None and config.conditional else None,
            measures=read_measures(self.folder),
            data_fingerprint=source.fingerprint,
            values=source.values,
        )
        try:
            with separate_randomness():
                self.audience.judge(run, source, stage)
        except Exception as error:
            # The run is worth more than what is said of it.
            self.audience.say(f"the run could not be judged: {type(error).__name__}: {printable(error)}")
        self.judged_at = time.monotonic()
        self.judging = self.judged_at - started

    def publish(self) -> None:
        """Let the audience write figures and report."""
        if sharing.leads() and self.audience.publish is not None:
            self.audience.publish(self.folder)
            self.published_at = time.monotonic()
