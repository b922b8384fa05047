"""What a run shows on a terminal: a live line, or plain lines where there is no terminal."""

import sys
import time
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.text import Text

from gradpen.commands.options import as_options
from gradpen.errors import speaks
from gradpen.text import printable

SECONDS_BETWEEN_PLAIN_LINES = 10.0


def clock(seconds: float) -> str:
    """Return a duration as minutes and seconds, or hours and minutes.

    >>> clock(75), clock(3720)
    ('1:15', '1h02')
    """
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}h{minutes % 60:02d}" if minutes >= 60 else f"{minutes}:{rest:02d}"


def line(iteration: int, iterations: int, row: dict[str, Any], left: float | None) -> str:
    """Return the progress of a run in one line."""
    parts = [f"iteration {iteration:,}/{iterations:,}"]
    if row.get("images_per_second"):
        parts.append(f"{row['images_per_second']:,.0f} examples/s")
    if row:
        parts += [
            f"gap {row['critic_gap_train']:.3f}±{row['critic_gap_train_error']:.3f} train "
            f"{row['critic_gap_held_out']:.3f}±{row['critic_gap_held_out_error']:.3f} held-out",
            f"slope {row['slope_mean']:.2f}",
        ]
    if left is not None:
        parts.append(f"{clock(left)} left")
    return " | ".join(parts)


class ProgressLine:
    """Shows the newest state of a run, and sentences above it in the words of a command's options."""

    def __init__(self, command: Any) -> None:
        self.command = command
        self.console = Console(file=sys.stderr, highlight=False, soft_wrap=True)
        self.live: Live | None = None
        self.started: tuple[float, int] | None = None
        self.printed = 0.0

    def __enter__(self) -> "ProgressLine":
        if self.console.is_terminal and speaks():
            self.live = Live(console=self.console, refresh_per_second=4, transient=True)
            self.live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.live is not None:
            self.live.stop()

    def say(self, sentence: str) -> None:
        """Print a sentence."""
        self.console.print(Text(printable(as_options(sentence, self.command))))

    def put(self, words: str, *, last: bool = False) -> None:
        """Show a state: in place on a terminal, else as a line every ten seconds."""
        if self.live is not None:
            self.live.update(Text(words, no_wrap=True, overflow="ellipsis"))
        elif last or time.monotonic() - self.printed > SECONDS_BETWEEN_PLAIN_LINES:
            self.printed = time.monotonic()
            self.console.print(Text(words))

    def show(self, iteration: int, iterations: int, row: dict[str, Any]) -> None:
        """Show how far a run is."""
        now = time.monotonic()
        if self.started is None or iteration < self.started[1]:  # a comparison shows one run after the other
            self.started = (now, iteration)
        since, first = self.started
        left = (now - since) / (iteration - first) * (iterations - iteration) if iteration > first else None
        self.put(line(iteration, iterations, row, left), last=iteration == iterations)

    def decoding(self, step: str, done: int, total: int) -> None:
        """Show how far the decoding of a folder is."""
        self.put(f"{step} {done:,}/{total:,}", last=done == total)
