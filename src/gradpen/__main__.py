"""Where the command line begins: signals are answered before anything heavy is imported, and until the very end."""

import os
import signal
import sys
from contextlib import suppress
from types import FrameType

ANSWERED = (signal.SIGINT, signal.SIGTERM)


def stop(number: int, frame: FrameType | None) -> None:
    """End at once with 128 plus the signal: whatever is saved is saved whole or not at all.

    No exception is raised, which an import under way would turn into another one.
    """
    del frame
    if os.environ.get("RANK", "0") == "0":
        with suppress(OSError):
            os.write(2, b"\ngradpen: stopped at once; whatever was saved before is whole\n")
    os._exit(128 + number)


def main() -> int:
    """Run the command line as a process of its own and return the exit code."""
    heard = [number for number in ANSWERED if signal.getsignal(number) != signal.SIG_IGN]
    for number in heard:
        signal.signal(number, stop)
    from gradpen.cli import main as run

    code = run()
    # The work is done and said: what comes while Python puts itself away changes nothing.
    for number in heard:
        signal.signal(number, signal.SIG_IGN)
    return code


if __name__ == "__main__":
    sys.exit(main())
