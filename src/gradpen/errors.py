"""Errors that a user can do something about, each one a sentence, and which process says it."""

import os


def speaks() -> bool:
    """Return whether this process talks to the user: alone, or the first of those that a launcher started."""
    return os.environ.get("RANK", "0") == "0"


class GradpenError(Exception):
    """What went wrong, what was expected and what to do next, in words for the user.

    The command line prints the message without a traceback and exits with ``exit_code``.
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
