"""An engine in a process of its own, as its users run it, that waits while others take their turn.

gradpen's process keeps freed memory, as every run of it does; the others are as Python starts them.
"""

import subprocess
import sys
import time

from cases import CASES, ENGINES, Case, Engine, loop
from floor import floor
from gradpen.machine.device import keep_freed_memory


class Worker:
    """Answers with seconds."""

    def __init__(self, case: Case, engine: Engine) -> None:
        arguments = [__file__, str(CASES.index(case)), str(ENGINES.index(engine))]
        self.process = subprocess.Popen(
            [sys.executable, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def seconds(self, what: str, times: int = 1) -> float:
        """Return the seconds of a ``critic`` or ``generator`` step, the mean of so many, or of the ``floor``."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(what, times, file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline())

    def end(self) -> None:
        """Let the process end."""
        self.process.communicate()


def main() -> None:
    """Take steps as they are asked for."""
    case, engine = CASES[int(sys.argv[1])], ENGINES[int(sys.argv[2])]
    if engine.name == "gradpen":
        keep_freed_memory()
    steps = loop(case, engine)
    for line in sys.stdin:
        what, times = line.split()
        if what == "floor":
            print(floor(case, engine), flush=True)
            continue
        step = steps.critic if what == "critic" else steps.generator
        start = time.perf_counter()
        for _ in range(int(times)):
            step()
        print((time.perf_counter() - start) / int(times), flush=True)


if __name__ == "__main__":
    main()
