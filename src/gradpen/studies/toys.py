"""Whole runs on three toys in the plane: weight clipping, and the gradient penalty with two weights."""

from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

import torch
from matplotlib.figure import Figure

from gradpen.data.toys import TOYS
from gradpen.metrics.modes import modes_reached
from gradpen.metrics.samples import exact_wasserstein
from gradpen.studies.critics import numbers
from gradpen.studies.runs import in_letters, newest_grid, panels, show, trained
from gradpen.studies.study import Case, Criterion, Findings, Found, Results, Scale, Study
from gradpen.studies.surfaces import NAMES

FORMS: dict[str, tuple[str, dict[str, Any]]] = {
    "penalty 0.1": ("toy-wgan-gp", {"constraint.weight": 0.1}),
    "penalty 10": ("toy-wgan-gp", {"constraint.weight": 10.0}),
    "clipping": ("toy-wgan", {}),
}
MEASURED, MATCHED = 2_500, 600
NEAR = 0.2
"""a sample within this of a centre is near it; three standard deviations are 0.04, which few small networks meet"""
SMALL = {
    "iterations": 2_000,
    "generator.widths": [128, 128, 128],
    "critic.widths": [128, 128, 128],
}
FASTER = {"generator_optimizer.learning_rate": 5e-4, "critic_optimizer.learning_rate": 5e-4}
"""of Adam, for the short runs"""


def train(place: Path, toy: str, preset: str, seed: int, settings: dict[str, Any]) -> Found:
    """Train one run, and return how near its samples come and which modes they reach."""
    run = trained(place, preset, {"data.path": f"embedded:{toy}", "seed": seed} | settings)
    points = torch.from_numpy(run.sample(MEASURED, seed=1))
    mixture = TOYS[toy].mixture
    draw = TOYS[toy].draw if mixture is None else mixture.draw  # each point on its own, unlike those of a fixed set
    real, others = (torch.from_numpy(draw(numbers(seed, "measured", part), MATCHED)) for part in range(2))
    gaps = [row["critic_gap_train"] for row in run.measures if row["iteration"] > 0]
    found: Found = {
        "distance": exact_wasserstein(points[:MATCHED].float(), real),
        "floor": exact_wasserstein(others, real),
        "last_gap": gaps[-1],
        "largest_gap": max(gaps),
        "picture": in_letters(newest_grid(place)),
    }
    if mixture is not None:
        found["near"] = asdict(modes_reached(points.numpy(), mixture.centres, mixture.spread, reach=NEAR))
        found["strict"] = asdict(modes_reached(points.numpy(), mixture.centres, mixture.spread))
    return found


def seeds_of(form: str) -> tuple[int, ...]:
    """Return the seeds of a form: three where it is judged."""
    return (0, 1, 2) if form == "penalty 0.1" else (0,)


def settings_of(form: str, scale: Scale) -> dict[str, Any]:
    """Return what a form sets of its preset."""
    preset, settings = FORMS[form]
    faster = FASTER if preset == "toy-wgan-gp" else {}
    return settings | (SMALL | faster if scale == "small" else {})


def name_of(toy: str, form: str, seed: int) -> str:
    """Return the name of a case."""
    return f"{toy}-{form.replace(' ', '-')}-{seed}"


def cases(scale: Scale) -> list[Case]:
    """Return a case for each toy, form and seed."""
    return [
        Case(
            name=name_of(toy, form, seed),
            work=train,
            arguments={"toy": toy, "preset": FORMS[form][0], "seed": seed, "settings": settings_of(form, scale)},
        )
        for form in FORMS
        for seed in seeds_of(form)
        for toy in NAMES
    ]


def findings(results: Results, scale: Scale) -> Findings:
    """Return modes, distances and the last pictures."""
    del scale
    rows: list[tuple[str | float | int | None, ...]] = []
    judged: dict[str, dict[str, float]] = {}
    for toy, words in NAMES.items():
        for form in FORMS:
            each = [results[name] for seed in seeds_of(form) if (name := name_of(toy, form, seed)) in results]
            if not each:
                continue
            near = [one["near"] for one in each if "near" in one]
            middle = {
                "captured": median(one["captured"] for one in near) if near else None,
                "near": median(one["high_quality"] for one in near) if near else None,
                "strict": median(one["strict"]["high_quality"] for one in each) if near else None,
                "distance": median(one["distance"] for one in each),
                "floor": median(one["floor"] for one in each),
                "gap": median(one["last_gap"] / one["largest_gap"] for one in each),
            }
            reached = f"{middle['captured']:g} of {near[0]['of']}" if near else None
            rows.append((words, form, len(each), reached, *list(middle.values())[1:]))
            if form == "penalty 0.1":
                judged[toy] = {name: float(value) for name, value in middle.items() if value is not None}
    nan = float("nan")

    def of(toy: str, name: str) -> float:
        return judged.get(toy, {}).get(name, nan)

    farthest = max((of(toy, "distance") for toy in NAMES), default=nan)
    return Findings(
        columns=(
            "data",
            "constraint",
            "seeds",
            f"modes with a sample within {NEAR}",
            "samples within it",
            "within three deviations",
            "exact W1",
            "W1, real against real",
            "last gap over the largest",
        ),
        rows=rows,
        criteria=[
            Criterion(words="modes of 8 Gaussians", value=of("8gaussians", "captured"), bound=8),
            Criterion(words="samples near a mode of them", value=of("8gaussians", "near"), bound=0.6),
            Criterion(words="modes of 25 Gaussians", value=of("25gaussians", "captured"), bound=23),
            Criterion(words="largest exact W1", value=farthest, bound=0.3, at_least=False),
        ],
        figures=[("The last samples (green) and data (orange) over the critic's surface.", figure_of(results))],
        notes=(
            f"{MEASURED:,} samples; W1 of {MATCHED} samples to as many points. Medians over seeds; judged by the "
            "weight 0.1, the script's. Modes count within 0.2 of a centre, samples also within three deviations.",
        ),
    )


def figure_of(results: Results) -> Figure:
    """Return the last pictures of the first seed, a row for each form."""
    figure, axes = panels(len(FORMS), len(NAMES), width=3.3, height=3.4)
    for row, form in enumerate(FORMS):
        for column, (toy, words) in enumerate(NAMES.items()):
            show(axes[row][column], results.get(name_of(toy, form, 0)), f"{words}, {form}")
    return figure


STUDY = Study(
    name="toys",
    title="Whole runs on toys in the plane",
    source="Gulrajani et al. 2017, github.com/igul222/improved_wgan_training, gan_toy.py; no numbers are published",
    shows="With the penalty the generator finds all modes and the critic's surface follows the data; with clipping it "
    "is slower and the surface stays simple.",
    cost="small: 8 minutes of 2 cores; paper: a GPU, or days of a CPU",
    cases=cases,
    findings=findings,
)
