"""Whom a run talks to."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from gradpen.config import RunConfig
from gradpen.data.folder import Progress
from gradpen.data.recognise import no_progress
from gradpen.data.source import Source
from gradpen.machine.signals import Interrupt
from gradpen.runs.folder import Row, RunFolder
from gradpen.runs.trained import Run


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
    interrupt: Interrupt = field(default_factory=Interrupt)
    """whether to stop"""
    listen: Callable[[], AbstractContextManager[None]] = nullcontext
    """what to enter while the run can be interrupted: :meth:`Interrupt.listen` of a command line"""
