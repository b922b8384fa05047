"""Signals: Ctrl-C and SIGTERM end a run after its iteration."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from gradpen.errors import speaks


class Interrupt:
    """Remembers the first SIGINT or SIGTERM until the run reaches the end of an iteration.

    The second SIGINT raises :class:`KeyboardInterrupt` at once. Handlers are installed by :meth:`listen`
    only, which the command line calls; the Python functions never touch signals.
    """

    def __init__(self) -> None:
        self.signal: int | None = None

    @property
    def exit_code(self) -> int:
        """128 plus the signal: 130 for SIGINT, 143 for SIGTERM; 0 without one."""
        return 0 if self.signal is None else 128 + self.signal

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Take note of a signal."""
        del frame
        if self.signal == signal.SIGINT and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.signal = number
        if number == signal.SIGINT and speaks():
            os.write(2, b"\ngradpen: stopping after this iteration; Ctrl-C again stops at once\n")

    @contextmanager
    def listen(self) -> Iterator[None]:
        """Handle SIGINT and SIGTERM, and restore the previous handlers afterwards."""
        previous = {number: signal.signal(number, self.handle) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
