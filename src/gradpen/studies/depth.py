"""Gradients through a deep critic, and its weights: under clipping they vanish or explode, under a penalty neither."""

from pathlib import Path
from statistics import median

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from gradpen.lipschitz import Constraint, GradientPenalty, WeightClipping
from gradpen.looking.figures import GREY, HELD_OUT, PENALTY, TRAIN
from gradpen.networks.layers import LeakyReLU
from gradpen.objectives import Wasserstein
from gradpen.optimizers import Adam, RMSProp
from gradpen.studies.critics import begun, numbers, perceptron, rounded, train_critic
from gradpen.studies.study import Case, Criterion, Findings, Found, Results, Scale, Study
from gradpen.studies.surfaces import draw_with_noise

LAYERS, WIDTH, BATCH = 12, 512, 64
SEEDS = (0, 1, 2)
STEPS = {"small": (200, 600), "paper": (5_000, 5_000)}
"""steps, and those of the widest clip, whose weights must first grow to it"""
BARS = 81


def form_of(name: str) -> tuple[Constraint, Adam | RMSProp]:
    """Return a constraint with its optimiser."""
    if name == "penalty":
        return GradientPenalty(weight=10), Adam(learning_rate=1e-4, beta1=0.5, beta2=0.9)
    threshold = float(name.removeprefix("clip "))
    # He-uniform weights of 512 inputs hardly reach 0.1, so that clip needs a faster start to show at all.
    rate = 2e-4 if name == "clip 0.1" else 5e-5
    return WeightClipping(threshold=threshold), RMSProp(learning_rate=rate, alpha=0.9, eps=1e-10, form="tensorflow")


NAMES = ("clip 0.1", "clip 0.01", "clip 0.001", "penalty")
COLOURS = dict(zip(NAMES, (HELD_OUT, TRAIN, GREY, PENALTY), strict=True))


def gradient_norms(critic: nn.Sequential, real: Tensor, fake: Tensor) -> list[float]:
    """Return the norm of the critic loss's gradient with respect to each hidden layer's activations, from the first."""
    kept: list[Tensor] = []

    def keep(_module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
        output.retain_grad()
        kept.append(output)

    hooks = [layer.register_forward_hook(keep) for layer in critic if isinstance(layer, LeakyReLU)]
    try:
        scores = critic(torch.cat([real, fake]))
        Wasserstein().critic_loss(scores[: len(real)], scores[len(real) :]).backward()
    finally:
        for hook in hooks:
            hook.remove()
    norms = [one.grad.double().norm() for one in kept if one.grad is not None]
    critic.zero_grad()
    return [float(norm) for norm in norms]


def train(place: Path, form: str, seed: int, steps: int) -> Found:
    """Train one critic, and return the gradients of its layers and its weights."""
    del place
    constraint, optimizer = form_of(form)
    critic = begun(seed, lambda: perceptron(2, WIDTH, LAYERS))
    draw = draw_with_noise("swissroll")
    train_critic(critic, Wasserstein(), constraint, optimizer, draw, steps=steps, batch=BATCH, seed=seed)
    norms = gradient_norms(critic, *draw(numbers(seed, "measured", 0), BATCH))
    weights = torch.cat([layer.weight.detach().flatten() for layer in critic if isinstance(layer, nn.Linear)]).double()
    extent = float(weights.abs().max())
    counts, edges = np.histogram(weights.numpy(), bins=BARS, range=(-extent, extent))
    return {
        "norms": norms,
        "slope": decades_a_layer(norms),
        "at_extent": float((weights.abs() >= 0.99 * extent).double().mean()),
        "extent": extent,
        "counts": rounded(counts / counts.sum()),
        "edges": rounded(edges),
    }


def decades_a_layer(norms: list[float]) -> float:
    """Return by how many powers of ten the gradient changes from one layer to the one before it, by least squares.

    >>> round(decades_a_layer([1e-3, 1e-2, 1e-1]), 6)
    -1.0
    """
    logs = np.log10(np.maximum(norms, 1e-300))[::-1]
    return float(np.polyfit(np.arange(len(logs)), logs, 1)[0])


def name_of(form: str, seed: int) -> str:
    """Return the name of a case."""
    return f"{form.replace(' ', '-')}-{seed}"


def findings(results: Results, scale: Scale) -> Findings:
    """Return how gradients change through the layers, and where weights lie."""
    del scale
    each = {form: [results[name_of(form, seed)] for seed in SEEDS if name_of(form, seed) in results] for form in NAMES}
    slopes = {form: median(one["slope"] for one in found) if found else float("nan") for form, found in each.items()}
    shares = {
        form: median(one["at_extent"] for one in found) if found else float("nan") for form, found in each.items()
    }
    theory = {"clip 0.1": "+0.20 to +1.4", "clip 0.01": "−0.80", "clip 0.001": "−1.80", "penalty": "0"}
    figure = Figure(figsize=(11, 3.8), layout="constrained")
    panels = figure.subplots(1, 3, width_ratios=(2, 1, 1))
    for form, found in each.items():
        if found:
            layers = np.arange(len(found[0]["norms"]), 0, -1)
            words = "gradient penalty" if form == "penalty" else f"clipping, c = {form.removeprefix('clip ')}"
            logs = np.log10(np.maximum(found[0]["norms"], 1e-300))[::-1]
            panels[0].plot(layers, logs, "o-", ms=3, color=COLOURS[form], label=words)
    panels[0].invert_xaxis()
    panels[0].set_xlabel("layer of the critic, the last first")
    panels[0].set_ylabel("log10 of the gradient norm")
    panels[0].legend(frameon=False, fontsize=8)
    for axes, form in zip(panels[1:], ("clip 0.01", "penalty"), strict=True):
        if each[form]:
            edges = np.array(each[form][0]["edges"])
            axes.stairs(each[form][0]["counts"], edges, fill=True, color=COLOURS[form])
        axes.set_title("weights, clipping at 0.01" if form == "clip 0.01" else "weights, gradient penalty", fontsize=9)
        axes.set_yticks([])
    return Findings(
        columns=("constraint", "seeds", "decades a layer, going back", "expected", "weights at their extent"),
        rows=[(form, len(found), slopes[form], theory[form], shares[form]) for form, found in each.items() if found],
        criteria=[
            Criterion(words="decades a layer, c = 0.001", value=slopes["clip 0.001"], bound=-1.2, at_least=False),
            Criterion(words="decades a layer, c = 0.01", value=slopes["clip 0.01"], bound=-0.5, at_least=False),
            Criterion(words="decades a layer, c = 0.1", value=slopes["clip 0.1"], bound=0.1),
            Criterion(words="size of it with the penalty", value=abs(slopes["penalty"]), bound=0.15, at_least=False),
            Criterion(words="share of weights at ±0.01 when clipped there", value=shares["clip 0.01"], bound=0.5),
            Criterion(
                words="share of weights at their extent, penalised", value=shares["penalty"], bound=0.01, at_least=False
            ),
        ],
        figures=[("Gradients of the loss through twelve layers, and the weights.", figure)],
        notes=(
            "Expected: weights at ±c with random signs multiply a gradient by c √(512 / 2) in each layer; with equal "
            "signs by up to c 512 / 2. Medians over seeds.",
        ),
    )


STUDY = Study(
    name="depth",
    title="Gradients through a deep critic, and its weights",
    source="Gulrajani et al. 2017, arXiv 1704.00028, figure 1b",
    shows="With clipping the gradient grows or shrinks exponentially from layer to layer, and weights go to ±c; with "
    "the penalty neither happens. Twelve layers on the Swiss roll as published; width 512, batch 64 and length are "
    "not, and samples here are the data with noise N(0, I), where the paper trains a generator.",
    cost="small: a minute and a half of 2 cores; paper: an hour and a half",
    cases=lambda scale: [
        Case(
            name=name_of(form, seed),
            work=train,
            arguments={"form": form, "seed": seed, "steps": STEPS[scale][form == "clip 0.1"]},
        )
        for seed in SEEDS
        for form in NAMES
    ],
    findings=findings,
)
