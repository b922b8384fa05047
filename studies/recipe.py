"""Recipes for a user's own data at equal time: which pieces bring samples nearer to held-out images, on one core.

Every recipe is `quick` with settings of its own, and gets the same minutes: its length is fitted to the machine, so
cheaper iterations are more iterations. Run it with nothing else on the machine. Finished runs are not repeated.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

import gradpen

WASSERSTEIN = {
    "objective": "wasserstein",
    "constraint": {"name": "gradient-penalty", "weight": 10},
    "critic_steps": 2,
}
RECIPES: dict[str, Mapping[str, Any]] = {
    "quick": {},
    "penalty in every step": {"constraint__every": 1},
    "penalty in every 8th step": {"constraint__every": 8},
    "batch 32": {"batch_size": 32},
    "batch 64": {"batch_size": 64},
    "rates 1e-3": {"learning_rate": 1e-3},
    "rates 4e-3": {"learning_rate": 4e-3},
    "constant rates": {
        "generator_optimizer": {"name": "adam", "learning_rate": 2e-3, "beta2": 0.99},
        "critic_optimizer": {"name": "adam", "learning_rate": 2e-3, "beta2": 0.99},
    },
    "R1 weight 0.3": {"penalty_weight": 0.3},
    "R1 weight 3": {"penalty_weight": 3},
    "relativistic, R1 + R2": {
        "objective": "relativistic",
        "constraint": {"name": "gradient-penalty", "where": "both", "target": 0, "weight": 0.1, "every": 4},
    },
    "WGAN-GP, two critic steps": WASSERSTEIN,
    "upsampling": {"generator__way": "upsample"},
    "augmentation": {"augmentation": {"strength": 1.0}},
    "samples shared": {"share_samples": True},
}


def main() -> None:
    """Train what is not there yet, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", help="what gradpen train takes")
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--width", type=int, default=16, help="of both networks")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--size", help="height and width, as gradpen train takes it")
    parser.add_argument("--recipes", nargs="+", default=list(RECIPES), choices=list(RECIPES))
    parser.add_argument("--out", type=Path, default=Path("runs/recipe"))
    arguments = parser.parse_args()
    size = {} if arguments.size is None else {"data__size": arguments.size}
    networks = {"generator__width": arguments.width, "critic__width": arguments.width, "threads": 1}
    print("| recipe | updates | Fréchet, median (range) | floor | precision | recall |\n|---|---|---|---|---|---|")
    for name in arguments.recipes:
        found = []
        for seed in range(arguments.seeds):
            out = arguments.out / f"{name.replace(' ', '-').replace(',', '')}-{seed}"
            if not (out / "report.html").is_file():
                settings = {**networks, **size, **RECIPES[name], "seed": seed}
                gradpen.train(arguments.data, minutes=arguments.minutes, out=out, **settings)
            found.append((gradpen.load(out), gradpen.evaluate(out)))
        distances = sorted(measures["frechet"].mean for _, measures in found)
        middle = {key: median(measures[key].mean for _, measures in found) for key in found[0][1]}
        print(
            f"| {name} | {median(run.iteration for run, _ in found):,.0f} | {middle['frechet']:.3f} "
            f"({distances[0]:.3f}–{distances[-1]:.3f}) | {middle['real_frechet']:.3f} | {middle['precision']:.3f} | "
            f"{middle['recall']:.3f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
