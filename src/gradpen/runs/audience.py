"""Whom a run talks to."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from gradpen.config import RunConfig
from gradpen.data.folder import Progress
from gradpen.data.recognise import no_progress
from gradpen.data.source import Source
from gradpen.machine.signals import Interrupt
from gradpen.runs.folder import Row, RunFolder
from gradpen.runs.trained import Run

__all__ = ["Tracker"]


class Tracker(Protocol):
    """Whoever keeps a run's measures and pictures too; any object with these methods.

    >>> class Printer:
    ...     def begin(self, folder, config, iteration): ...
    ...     def measures(self, row): print(row["iteration"], row["critic_gap_train"])
    ...     def picture(self, iteration, picture): ...
    ...     def end(self): ...
    >>> tracker: Tracker = Printer()  # gradpen.train(..., track=[Printer()])
    """

    def begin(self, folder: RunFolder, config: RunConfig, iteration: int) -> None:
        """A run begins, or goes on after so many iterations."""

    def measures(self, row: Row) -> None:
        """The measures of a mark, as they are appended to ``measures.jsonl``."""

    def picture(self, iteration: int, picture: Path) -> None:
        """A grid of samples was written."""

    def end(self) -> None:
        """The run ended, was interrupted or diverged."""


@dataclass(kw_only=True)
class Audience:
    """Whom a run talks to. Nothing here changes a bit of the result."""

    say: Callable[[str], None] = lambda _: None
    """a sentence worth reading"""
    show: Callable[[int, RunConfig, Row], None] = lambda _iteration, _config, _row: None
    """after every iteration, with the newest measures"""
    decoding: Progress = no_progress
    """while a folder is decoded"""
    publish: Callable[[RunFolder], None] | None = None
    """at sample marks now and then, and at the end: figures and report; :func:`gradpen.train` gives its own"""
    judge: Callable[[Run, Source, str], None] | None = None
    """at sample marks now and then, and at the end: what is wrong with the run, be it running, finished or diverged"""
    trackers: list[Tracker] = field(default_factory=list)
    """who keeps measures and pictures too; one that fails is told of and left out"""
    interrupt: Interrupt = field(default_factory=Interrupt)
    """whether to stop"""
    listen: Callable[[], AbstractContextManager[None]] = nullcontext
    """what to enter while the run can be interrupted: :meth:`Interrupt.listen` of a command line"""
