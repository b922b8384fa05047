"""Critic steps and iterations per second of three loops on the same networks, and how near they come to the floor.

The loops (``cases.py``) take turns, each in a process of its own (``turns.py``); ratios are taken turn by turn. An
iteration is five critic steps and a generator step, images loaded. The floor (``floor.py``) is what a critic step
cannot do without. Memory is what steps need in a process that gives back what is freed, unlike gradpen's timed one.
The gradient error is that of all parameters together against the same step in float64.

    python benchmarks/speed.py [--rounds 5] [--cases TEXT] [--out benchmarks/results/speed.json]
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from cases import BATCH, CASES, CPU, CRITIC_STEPS, ENGINES, USUAL, Case, Engine, gradient_error
from gradpen.machine.versions import versions
from turns import Worker

RATIOS = ("against_usual", "iteration_against_usual", "against_stock", "share_of_floor")
MEMORY = """
import sys
sys.path.insert(0, sys.argv[1])
from cases import CASES, ENGINES, loop
step = loop(CASES[int(sys.argv[2])], ENGINES[int(sys.argv[3])]).critic
def kibibytes(name):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(name))
step()
open("/proc/self/clear_refs", "w").write("5")  # forget the peak so far
before = kibibytes("VmRSS")
for _ in range(3):
    step()
print((kibibytes("VmHWM") - before) / 1024)
"""


def measure(case: Case, rounds: int) -> list[dict[str, Any]]:
    """Return a row for each engine."""
    workers = {engine: Worker(case, engine) for engine in ENGINES}
    seconds, iterations, floors = ({engine: list[float]() for engine in ENGINES} for _ in range(3))
    ours = [engine for engine in ENGINES if engine.name == "gradpen"]
    for turn in range(rounds + 1):
        for engine, worker in workers.items():
            critic = worker.seconds("critic", case.steps)
            generator = worker.seconds("generator", max(case.steps // CRITIC_STEPS, 1))
            if turn > 0:
                seconds[engine].append(critic)
                iterations[engine].append(CRITIC_STEPS * critic + generator)
        if turn % 3 == 1:
            for engine in ours:
                floors[engine].append(workers[engine].seconds("floor"))
    for worker in workers.values():
        worker.end()
    rows = []
    for engine in ENGINES:
        median = statistics.median(seconds[engine])
        row = {
            "case": case.name,
            "engine": engine.name,
            "precision": engine.words,
            "batch": case.batch,
            "critic_steps_per_second": round(1 / median, 2),
            "images_per_second": round(case.batch / median, 1),
            "iterations_per_second": round(1 / statistics.median(iterations[engine]), 3),
            "gradient_error": None if engine == USUAL else gradient_error(case, engine),
            "peak_memory_mebibytes": peak_memory(case, engine),
            "against_usual": ratios(seconds[USUAL], seconds[engine]),
            "iteration_against_usual": ratios(iterations[USUAL], iterations[engine]),
        }
        if engine in ours:
            rival = next(e for e in ENGINES if e.name == "stock" and e.precision == engine.precision)
            row["against_stock"] = ratios(seconds[rival], seconds[engine])
            row["floor_milliseconds"] = round(min(floors[engine]) * 1e3, 2)
            row["share_of_floor"] = spread([min(floors[engine]) / each for each in seconds[engine]])
        rows.append(row)
    return rows


def peak_memory(case: Case, engine: Engine) -> float:
    """Return what three steps add to the peak of resident memory, in MiB, in a process of their own."""
    place = str(Path(__file__).parent)
    arguments = [place, str(CASES.index(case)), str(ENGINES.index(engine))]
    answer = subprocess.run([sys.executable, "-c", MEMORY, *arguments], capture_output=True, text=True, check=True)
    return round(float(answer.stdout), 1)


def ratios(theirs: list[float], ours: list[float]) -> list[float]:
    """Return how many times faster, turn by turn: median, smallest and largest."""
    return spread([a / b for a, b in zip(theirs, ours, strict=True)])


def spread(values: list[float]) -> list[float]:
    """Return median, smallest and largest."""
    return [round(value, 3) for value in (statistics.median(values), min(values), max(values))]


def shown(row: dict[str, Any], key: str) -> str:
    """Return a spread as text."""
    if key not in row:
        return ""
    middle, low, high = row[key]
    return f"{middle:.2f} ({low:.2f}-{high:.2f})"


def main() -> None:
    """Measure every case, print a table and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cases", default="", help="only cases whose name holds this")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "speed.json")
    options = parser.parse_args()
    machine = {key: value for key, value in versions(CPU).items() if key not in ("platform", "commit")}
    print(f"batch {BATCH}, {machine['threads']} threads, {', '.join(machine['cpu_features'])}")
    print(
        f"{'case':22s}{'engine':9s}{'precision':20s}{'steps/s':>9s}{'MiB':>7s}{'error':>9s}{'against usual':>19s}"
        f"{'an iteration':>19s}{'against stock':>19s}{'of the floor':>19s}"
    )
    rows: list[dict[str, Any]] = []
    for case in (case for case in CASES if options.cases in case.name):
        for row in measure(case, options.rounds):
            rows.append(row)
            error = "" if row["gradient_error"] is None else f"{row['gradient_error']:.1e}"
            print(
                f"{row['case']:22s}{row['engine']:9s}{row['precision']:20s}{row['critic_steps_per_second']:9.1f}"
                f"{row['peak_memory_mebibytes']:7.0f}{error:>9s}"
                + "".join(f"{shown(row, key):>19s}" for key in RATIOS),
                flush=True,
            )
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps({"machine": machine, "rows": rows}, indent=2) + "\n")
    print(f"written to {options.out}")


if __name__ == "__main__":
    main()
