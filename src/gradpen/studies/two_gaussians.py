"""A discriminator and critics trained to their optimum between two Gaussians on a line."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure

from gradpen.lipschitz import Constraint, GradientPenalty, Unconstrained, WeightClipping
from gradpen.looking.figures import GREY, HELD_OUT, PENALTY, TRAIN
from gradpen.objectives import NonSaturating, Objective, Wasserstein
from gradpen.optimizers import Adam, RMSProp
from gradpen.studies.critics import Random, begun, perceptron, rounded, train_critic
from gradpen.studies.study import Case, Criterion, Findings, Found, Results, Scale, Study

MIDDLE, SPREAD = 2.0, 0.5
"""real points are N(2, 0.5²), samples N(-2, 0.5²); the paper does not state its own"""
WIDTH, STEPS, BATCH = 64, 2_000, 512
SEEDS = (0, 1, 2)
PLACES = np.linspace(-4, 4, 161)
Form = tuple[Objective, Constraint, Adam | RMSProp]
FORMS: dict[str, Form] = {
    "GAN discriminator": (NonSaturating(), Unconstrained(), Adam(learning_rate=1e-3)),
    "WGAN critic, clipped": (Wasserstein(), WeightClipping(threshold=0.1), RMSProp(learning_rate=1e-3)),
    "WGAN critic, penalised": (Wasserstein(), GradientPenalty(weight=10), Adam(learning_rate=1e-3)),
}
COLOURS = dict(zip(FORMS, (HELD_OUT, TRAIN, PENALTY), strict=True))


def draw(random: Random, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return real and fake points ``[count, 1]``."""
    points = SPREAD * random.standard_normal((2, count, 1)).astype(np.float32)
    return torch.from_numpy(points[0] + np.float32(MIDDLE)), torch.from_numpy(points[1] - np.float32(MIDDLE))


def train(place: Path, form: str, seed: int, steps: int) -> Found:
    """Train one critic and return its values and slopes along the line; a discriminator's as probabilities."""
    del place
    objective, constraint, optimizer = FORMS[form]
    critic = begun(seed, lambda: perceptron(1, WIDTH, 2))
    train_critic(critic, objective, constraint, optimizer, draw, steps=steps, batch=BATCH, seed=seed)
    x = torch.from_numpy(PLACES).float()[:, None].requires_grad_(True)
    scores = critic(x)
    values = scores.sigmoid() if isinstance(objective, NonSaturating) else scores
    (slopes,) = torch.autograd.grad(values.sum(), x)
    return {"values": rounded(values.detach()), "slopes": rounded(slopes[:, 0])}


def normal(mean: float) -> np.ndarray:
    """Return a density of the two along the line."""
    density: np.ndarray = np.exp(-0.5 * ((PLACES - mean) / SPREAD) ** 2) / (SPREAD * math.sqrt(2 * math.pi))
    return density


def steadiness(slopes: np.ndarray) -> float:
    """Return the smallest slope between the Gaussians over the largest; negative if it changes sign."""
    between = slopes[np.abs(PLACES) <= MIDDLE + 2 * SPREAD]
    return float(between.min() / between.max()) if between.max() > 0 else float("nan")


def at_samples(slopes: np.ndarray) -> float:
    """Return the mean size of the slope where the samples lie."""
    density = normal(-MIDDLE)
    return float((np.abs(slopes) * density).sum() / density.sum())


def name_of(form: str, seed: int) -> str:
    """Return the name of a case."""
    return f"{form.replace(' ', '-').replace(',', '').lower()}-{seed}"


def findings(results: Results, scale: Scale) -> Findings:
    """Return slopes where the samples are, and how even they are between the two."""
    del scale
    found: dict[str, list[Any]] = {
        form: [results[name_of(form, seed)] for seed in SEEDS if name_of(form, seed) in results] for form in FORMS
    }
    rows: list[tuple[str | float | None, ...]] = []
    medians: dict[str, tuple[float, float]] = {}
    for form, each in found.items():
        if each:
            slopes = [np.array(one["slopes"]) for one in each]
            at, even = (float(np.median([f(s) for s in slopes])) for f in (at_samples, steadiness))
            medians[form] = (at, even)
            rows.append((form, len(each), at, even))
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    axes.fill_between(PLACES, normal(MIDDLE), color=GREY, alpha=0.35, lw=0, label="density of real points")
    axes.fill_between(PLACES, normal(-MIDDLE), color=GREY, alpha=0.15, lw=0, label="density of samples")
    for form, each in found.items():
        if each:
            values = np.array(each[0]["values"])
            if "critic" in form:
                values = (values - values[0]) / (values[-1] - values[0])
            axes.plot(PLACES, values, color=COLOURS[form], label=form)
    axes.set_title("Critics are shifted and scaled to go from 0 to 1", fontsize=10)
    axes.legend(frameon=False, loc="upper left", fontsize=8)
    nan = (float("nan"), float("nan"))
    gan, clipped = (medians.get(form, nan) for form in list(FORMS)[:2])
    return Findings(
        columns=("network", "seeds", "mean slope at the samples", "smallest over largest slope on [-3, 3]"),
        rows=rows,
        criteria=[
            Criterion(words="slope of the discriminator at the samples", value=gan[0], bound=1e-3, at_least=False),
            Criterion(words="smallest over largest slope of the clipped critic", value=clipped[1], bound=0.25),
            Criterion(words="its slope over the discriminator's, at the samples", value=clipped[0] / gan[0], bound=50),
        ],
        figures=[("The discriminator is flat where the samples are; critics are not.", figure)],
        notes=(f"Medians over {len(SEEDS)} seeds. {STEPS:,} steps of {BATCH} fresh points of either kind.",),
    )


STUDY = Study(
    name="two-gaussians",
    title="An optimal discriminator and optimal critics between two Gaussians",
    source="Arjovsky et al. 2017, arXiv 1701.07875, figure 2",
    shows="The discriminator saturates and gives the samples no gradient; the critic is nearly linear and does. Means, "
    "spreads and networks are not published: here N(±2, 0.5²) and two hidden layers of 64.",
    cost="half a minute at either scale",
    cases=lambda _: [
        Case(name=name_of(form, seed), work=train, arguments={"form": form, "seed": seed, "steps": STEPS})
        for form in FORMS
        for seed in SEEDS
    ],
    findings=findings,
)
