"""Images per second through gradpen's critic step as batch, image size and width grow: a table and a figure.

DCGAN-shaped pair on RGB images; batch 64, 32x32 and width 64 where they are not what grows.

    python benchmarks/scaling.py [--rounds 3] [--out benchmarks/results/scaling.json]
"""

import argparse
import json
import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt

from cases import CPU, ENGINES, Case, Engine, loop
from gradpen.machine.versions import versions
from gradpen.networks.dcgan import DcganCritic, DcganGenerator

START = Case("DCGAN-shaped", (32, 32, 3), 32, DcganGenerator(), DcganCritic(), 1)
OURS = [engine for engine in ENGINES if engine.name == "gradpen" and engine.precision == engine.penalty_precision]


def wide(width: int) -> Case:
    """Return the pair with other channels."""
    return replace(START, generator=DcganGenerator(width=width), critic=DcganCritic(width=width))


GROWS: dict[str, dict[int, Case]] = {
    "batch": {count: replace(START, batch=count) for count in (16, 32, 64, 128, 256, 512)},
    "image size": {side: replace(START, stored=(side, side, 3), side=side) for side in (16, 32, 64, 128)},
    "width": {width: wide(width) for width in (16, 32, 64, 128)},
}


def images_per_second(case: Case, engine: Engine, rounds: int) -> float:
    """Return the median over turns, the first left out."""
    step = loop(case, engine).critic
    times = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return case.batch / statistics.median(times[1:])


def figure(rows: list[dict[str, Any]], out: Path) -> None:
    """Draw images per second over what grows."""
    panels, axes = plt.subplots(1, len(GROWS), figsize=(11, 3.2), layout="constrained")
    for axis, grows in zip(axes, GROWS, strict=True):
        for engine in OURS:
            mine = [row for row in rows if row["grows"] == grows and row["precision"] == engine.words]
            axis.loglog(
                [row["value"] for row in mine], [row["images_per_second"] for row in mine], "o-", label=engine.words
            )
        axis.set(xlabel=grows, xticks=list(GROWS[grows]), xticklabels=list(GROWS[grows]))
        axis.minorticks_off()
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("images a second in critic steps")
    axes[0].legend()
    panels.savefig(out, dpi=120)


def main() -> None:
    """Measure, print, draw and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "scaling.json")
    options = parser.parse_args()
    rows = []
    for grows, cases in GROWS.items():
        for value, case in cases.items():
            for engine in OURS:
                speed = round(images_per_second(case, engine, options.rounds), 1)
                rows.append({"grows": grows, "value": value, "precision": engine.words, "images_per_second": speed})
            print(
                f"{grows} {value}: " + ", ".join(f"{r['precision']} {r['images_per_second']:,.0f}" for r in rows[-2:])
            )
    machine = {key: value for key, value in versions(CPU).items() if key not in ("platform", "commit")}
    options.out.write_text(json.dumps({"machine": machine, "rows": rows}, indent=2) + "\n")
    figure(rows, options.out.with_suffix(".png"))
    print(f"written to {options.out}")


if __name__ == "__main__":
    main()
