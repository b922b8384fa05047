"""Errors that a user can do something about, each one a sentence, and which process says it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from gradpen.text import printable

__all__ = ["GradpenError"]


def speaks() -> bool:
    """Return whether this process talks to the user: alone, or the first of those that a launcher started."""
    return os.environ.get("RANK", "0") == "0"


class GradpenError(Exception):
    """What went wrong, what was expected and what to do next, in words for the user.

    Settings stand in backticks, ```batch_size=36```; the command line prints its own options in their place, without a
    traceback, and exits with ``exit_code``.

    >>> GradpenError("there is no such preset").exit_code
    2
    """

    exit_code = 2
    said_elsewhere: bool | None = None
    """of a job of many processes: whether another one tells the user already"""


class UsageError(GradpenError):
    """An option, a configuration or an argument that cannot be used."""


class DataError(GradpenError):
    """Data that cannot be read or cannot be trained on."""


class RunError(GradpenError):
    """A run folder that cannot be written, read or continued."""


class ProcessLostError(RunError):
    """A process of a job of many that ended; exit code 1, since the command itself was right."""

    exit_code = 1


class DivergedError(GradpenError):
    """A run whose losses are no longer finite; exit code 1, since the command itself was right."""

    exit_code = 1


def cannot_be_written(place: object, error: OSError, advice: str) -> str:
    """Return the sentence for a failed write."""
    return f"{printable(place)} cannot be written ({error.strerror or error}); {advice}"


@contextmanager
def readable_writes(kind: type[GradpenError], place: object, advice: str) -> Iterator[None]:
    """Turn a failed write within into an error of this kind, which names the place and says what to do."""
    try:
        yield
    except OSError as error:
        raise kind(cannot_be_written(place, error, advice)) from None
