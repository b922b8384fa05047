"""Output that may go nowhere: a closed terminal, a reader that has seen enough, a full disk, an ASCII locale."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

NOWHERE = frozenset({errno.EPIPE, errno.ENOSPC, errno.EIO, errno.EBADF})
"""what a write to a stream answers that leads nowhere"""


class Forgiving:
    """A stream of messages: where nobody can read them any more, work goes on without."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """Write, or do nothing."""
        with suppress(OSError, ValueError):
            self.stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush, or do nothing."""
        with suppress(OSError, ValueError):
            self.stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


@contextmanager
def forgiving_streams() -> Iterator[None]:
    """Let messages go unread, and letters that a locale lacks be written as their codes."""
    # A program that was started with closed streams has none.
    sys.stdout, sys.stderr = (stream or open(os.devnull, "w") for stream in (sys.stdout, sys.stderr))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    before = sys.stderr
    sys.stderr = Forgiving(before)
    try:
        yield
    finally:
        sys.stderr.flush()
        sys.stderr = before


def lead_nowhere(error: OSError) -> bool:
    """Return whether an error is that of a stream, which has no file name, and silence standard output if so."""
    if error.errno not in NOWHERE or error.filename is not None:
        return False
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return True
