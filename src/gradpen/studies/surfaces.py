"""Value surfaces of critics trained to their optimum: weight clipping against the gradient penalty on three toys."""

from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure

from gradpen.data.plane import Window
from gradpen.data.toys import EIGHT, TOYS
from gradpen.lipschitz import Constraint, GradientPenalty, WeightClipping
from gradpen.metrics.samples import exact_wasserstein
from gradpen.objectives import Wasserstein
from gradpen.optimizers import Adam, RMSProp
from gradpen.studies.critics import (
    Random,
    begun,
    numbers,
    perceptron,
    rounded,
    slopes_at,
    slopes_between,
    train_critic,
)
from gradpen.studies.study import Case, Criterion, Findings, Found, Results, Scale, Study

NAMES = {"8gaussians": "8 Gaussians", "25gaussians": "25 Gaussians", "swissroll": "Swiss roll"}
FORMS = ("clipping", "penalty")
WINDOW, CELLS = Window(-3.0, -3.0, 6.0), 64
MEASURED, MATCHED, DRAWN = 4_096, 1_000, 300
BATCH, CLIP, WEIGHT = 256, 0.01, 10.0
SIZES = {"small": (128, 4_000, 1e-3), "paper": (512, 10_000, 1e-4)}
"""width of the critic's three layers, its steps, and Adam's learning rate"""
SEEDS = (0, 1, 2)


def draw_with_noise(toy: str) -> Any:
    """Return what gives real points, and the same points with noise N(0, I), as the release's fixed generator does."""

    def draw(random: Random, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        real = torch.from_numpy(TOYS[toy].draw(random, count))
        return real, real + torch.from_numpy(random.standard_normal((count, 2)).astype(np.float32))

    return draw


def form_of(form: str, rate: float) -> tuple[Constraint, Adam | RMSProp]:
    """Return the constraint of a row of the figure, with its optimiser."""
    if form == "clipping":
        return WeightClipping(threshold=CLIP), RMSProp(learning_rate=5e-5, alpha=0.9, eps=1e-10, form="tensorflow")
    return GradientPenalty(weight=WEIGHT), Adam(learning_rate=rate, beta1=0.5, beta2=0.9)


def train(place: Path, toy: str, form: str, seed: int, width: int, steps: int, rate: float) -> Found:
    """Train one critic and return its surface and what is measured of it."""
    del place
    constraint, optimizer = form_of(form, rate)
    critic = begun(seed, lambda: perceptron(2, width, 3))
    draw = draw_with_noise(toy)
    train_critic(critic, Wasserstein(), constraint, optimizer, draw, steps=steps, batch=BATCH, seed=seed)
    real, fake = draw(numbers(seed, "measured", 0), MEASURED)
    others, _ = draw(numbers(seed, "measured", 1), MATCHED)
    grid = torch.from_numpy(WINDOW.places(CELLS))
    with torch.no_grad():
        gap = float(critic(real).mean() - critic(fake).mean())
        heights = critic(grid)
    between = slopes_between(critic, real, fake, seed)
    steepest = float(torch.cat([between, slopes_at(critic, torch.cat([real, fake, grid]))]).max())
    distance = exact_wasserstein(real[:MATCHED], fake[MATCHED : 2 * MATCHED])
    weights = torch.cat([p.detach().abs().flatten() for p in critic.parameters()])
    bound = CLIP if form == "clipping" else float(weights.max())
    found: Found = {
        "gap": gap,
        "distance": distance,
        "floor": exact_wasserstein(real[:MATCHED], others),
        "steepest": steepest,
        "efficiency": gap / (steepest * distance),
        "slope_mean": float(between.mean()),
        "slope_deviation": float(between.std()),
        "at_bound": float((weights >= 0.99 * bound).float().mean()),
        "heights": rounded(heights, 4),
        "real": rounded(real[:DRAWN], 4),
        "fake": rounded(fake[:DRAWN], 4),
    }
    if toy == "8gaussians":
        found["contrast"] = contrast(critic, steepest)
    return found


@torch.no_grad()
def contrast(critic: torch.nn.Module, steepest: float) -> float:
    """Return how much higher the modes score than points halfway between them on the circle, over the largest rise."""
    modes = torch.from_numpy(EIGHT.centres).float()
    turn = np.pi / len(modes)
    turned = torch.tensor([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]], dtype=torch.float32)
    halfway = modes @ turned
    chord = float(2 * modes[0].norm() * np.sin(turn / 2))
    return float(critic(modes).mean() - critic(halfway).mean()) / (steepest * chord)


def name_of(toy: str, form: str, seed: int) -> str:
    """Return the name of a case."""
    return f"{toy}-{form}-{seed}"


def cases(scale: Scale) -> list[Case]:
    """Return a case for each toy, constraint and seed."""
    sizes = dict(zip(("width", "steps", "rate"), SIZES[scale], strict=True))
    return [
        Case(
            name=name_of(toy, form, seed),
            work=train,
            arguments={"toy": toy, "form": form, "seed": seed, **sizes},
        )
        for seed in SEEDS
        for toy in NAMES
        for form in FORMS
    ]


def medians(results: Results, toy: str, form: str) -> dict[str, float]:
    """Return the median of every measured number over the seeds."""
    each = [results[name_of(toy, form, seed)] for seed in SEEDS if name_of(toy, form, seed) in results]
    kinds = [name for name in (each[0] if each else {}) if isinstance(each[0][name], float)]
    return {name: median(one[name] for one in each) for name in kinds} | {"seeds": len(each)}


def relative_spread(measured: dict[str, float]) -> float:
    """Return the deviation of slopes over their mean: 0 where the critic is equally steep everywhere."""
    nan = float("nan")
    return measured.get("slope_deviation", nan) / measured.get("slope_mean", nan)


def findings(results: Results, scale: Scale) -> Findings:
    """Return the surfaces, and what the gaps are worth beside the exact distance."""
    del scale
    found = {(toy, form): medians(results, toy, form) for toy in NAMES for form in FORMS}
    nan = float("nan")
    rows: list[tuple[str | float | None, ...]] = [
        (
            NAMES[toy],
            form,
            one["seeds"],
            one["gap"],
            one["distance"],
            one["floor"],
            one["slope_mean"],
            one["slope_deviation"],
            one["steepest"],
            one["efficiency"],
            one.get("contrast"),
            one["at_bound"],
        )
        for (toy, form), one in found.items()
        if one["seeds"]
    ]

    def least(name: str, form: str, pick: Any = min) -> float:
        values = [found[toy, form].get(name, nan) for toy in NAMES]
        return float(pick(values))

    spreads = {form: [relative_spread(found[toy, form]) for toy in NAMES] for form in FORMS}
    slopes = [found[toy, "penalty"].get("slope_mean", nan) for toy in NAMES]
    rings = [found["8gaussians", form].get("contrast", nan) for form in FORMS]
    return Findings(
        columns=(
            "data",
            "constraint",
            "seeds",
            "critic gap",
            "exact W1",
            "W1, real against real",
            "mean slope between",
            "its deviation",
            "steepest slope",
            "gap over (steepest slope × W1)",
            "modes over gaps",
            "share of weights at their bound",
        ),
        rows=rows,
        criteria=[
            Criterion(words="least dual efficiency with the penalty", value=least("efficiency", "penalty"), bound=0.6),
            Criterion(
                words="largest relative spread of slopes with the penalty",
                value=max(spreads["penalty"]),
                bound=0.15,
                at_least=False,
            ),
            Criterion(words="smallest of it with clipping", value=min(spreads["clipping"]), bound=0.2),
            Criterion(words="smallest mean slope with the penalty", value=min(slopes), bound=0.8),
            Criterion(words="largest mean slope with the penalty", value=max(slopes), bound=1.2, at_least=False),
            Criterion(words="modes over gaps with the penalty", value=rings[1], bound=0.15),
            Criterion(words="that over the same with clipping", value=rings[1] / max(rings[0], 1e-9), bound=3),
            Criterion(words="share of clipped weights at ±c", value=least("at_bound", "clipping"), bound=0.5),
        ],
        figures=[("Contours of critics' values; orange: real points, green: the same with noise.", figure_of(results))],
        notes=(
            "Dual efficiency is the critic's gap over what the steepest critic of that slope could reach, the exact "
            f"Wasserstein-1 distance of {MATCHED:,} real points to as many noisy ones times the slope; it does not "
            "depend on the critic's scale. Medians over seeds.",
        ),
    )


def figure_of(results: Results) -> Figure:
    """Return the surfaces laid out as figure 1a of the paper: clipping above, the penalty below."""
    figure = Figure(figsize=(10, 6.8), layout="constrained")
    panels = figure.subplots(len(FORMS), len(NAMES))
    x, y = (WINDOW.places(CELLS)[:, axis].reshape(CELLS, CELLS) for axis in (0, 1))
    for row, form in enumerate(FORMS):
        for column, (toy, words) in enumerate(NAMES.items()):
            axes = panels[row, column]
            axes.set_xticks([])
            axes.set_yticks([])
            axes.set_title(
                f"{words}, weight {form}" if form == "clipping" else f"{words}, gradient penalty", fontsize=9
            )
            one = results.get(name_of(toy, form, SEEDS[0]))
            if one is None:
                axes.text(0.5, 0.5, "not finished", ha="center", transform=axes.transAxes)
                continue
            heights = np.array(one["heights"]).reshape(CELLS, CELLS)
            axes.contour(x, y, heights, levels=14, linewidths=0.8, cmap="viridis")
            for points, colour in (("fake", "#2e8b57"), ("real", "#e37400")):
                places = np.array(one[points]).reshape(-1, 2)
                axes.plot(places[:, 0], places[:, 1], "+", color=colour, ms=3, mew=0.6)
            axes.set_xlim(-3, 3)
            axes.set_ylim(-3, 3)
    return figure


STUDY = Study(
    name="surfaces",
    title="Value surfaces of optimal critics",
    source="Gulrajani et al. 2017, arXiv 1704.00028, figure 1a; gan_toy.py with FIXED_GENERATOR",
    shows="Clipped critics ignore higher moments of the data and model very simple functions; penalised ones follow "
    "the data. The generator is fixed: the real points with noise N(0, I). The penalty's weight is the paper's 10, "
    "where the script for toys has 0.1; the paper does not state the figure's.",
    cost="small: 3 minutes of 2 cores; paper: two hours of 2 cores",
    cases=cases,
    findings=findings,
)
