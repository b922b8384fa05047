"""Activations in a critic under a gradient penalty: their second derivative enters its gradient."""

from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import torch
from torch import Tensor, nn

from gradpen.lipschitz import GradientPenalty
from gradpen.looking.figures import HELD_OUT, PENALTY, TRAIN
from gradpen.networks.stages import Softplus
from gradpen.objectives import Wasserstein
from gradpen.optimizers import Adam
from gradpen.studies.critics import begun, judged, numbers, perceptron, rounded, train_critic
from gradpen.studies.runs import NAN, of_all, panels
from gradpen.studies.study import Case, Criterion, Findings, Found, Results, Scale, Study, case_name
from gradpen.studies.surfaces import draw_with_noise

FORMS: dict[str, Callable[[], nn.Module]] = {
    "ReLU": nn.ReLU,
    "leaky ReLU": lambda: nn.LeakyReLU(0.2),
    "ELU": nn.ELU,
    "softplus(2x + 2) / 2 - 1": Softplus,
}
SEEDS = range(6)
TRAINED = 0.3
"""gap over the exact distance from which a critic has found its sign: one that has not stays below 0"""
WIDTH, BATCH, MEASURED = 128, 256, 600
STEPS = {"small": 1_000, "paper": 10_000}
COLOURS = dict(zip(FORMS, ("0.6", PENALTY, HELD_OUT, TRAIN), strict=True))


def critic_with(form: str, seed: int) -> nn.Sequential:
    """Return the critic of three layers with another activation."""
    critic = begun(seed, lambda: perceptron(2, WIDTH, 3))
    return nn.Sequential(*(FORMS[form]() if isinstance(layer, nn.LeakyReLU) else layer for layer in critic))


def second_derivative(activation: nn.Module, x: Tensor) -> Tensor:
    """Return the second derivative at numbers ``[n]``, by autograd."""
    x = x.clone().requires_grad_()
    (first,) = torch.autograd.grad(activation(x).sum(), x, create_graph=True)
    if not first.requires_grad:
        return torch.zeros_like(x)
    (second,) = torch.autograd.grad(first.sum(), x, allow_unused=True)
    return torch.zeros_like(x) if second is None else second


def jump_at_0(activation: nn.Module) -> float:
    """Return by how much the second derivative changes across 0.

    >>> round(jump_at_0(nn.ELU()), 3), round(jump_at_0(Softplus()), 3)
    (1.0, 0.0)
    """
    sides = second_derivative(activation, torch.tensor([-1e-6, 1e-6], dtype=torch.float64))
    return float((sides[0] - sides[1]).abs())


def train(place: Path, form: str, seed: int, steps: int) -> Found:
    """Train one critic of 8 Gaussians and noisy ones, and return its gap, its slopes and its losses."""
    del place
    critic, draw = critic_with(form, seed), draw_with_noise("8gaussians")
    adam = Adam(learning_rate=1e-3, beta1=0.5, beta2=0.9)
    losses = train_critic(
        critic, Wasserstein(), GradientPenalty(weight=10), adam, draw, steps=steps, batch=BATCH, seed=seed
    )
    real, fake = draw(numbers(seed, "measured", 0), MEASURED)
    return judged(critic, real, fake, seed) | {"losses": rounded(losses[:: max(1, steps // 200)])}


def cases(scale: Scale) -> list[Case]:
    """Return a case for each activation and seed."""
    return [
        Case(
            name=case_name(form.split("(")[0], seed),
            work=train,
            arguments={"form": form, "seed": seed, "steps": STEPS[scale]},
        )
        for form in FORMS
        for seed in SEEDS
    ]


def findings(results: Results, scale: Scale) -> Findings:
    """Return second derivatives and what critics reach."""
    del scale
    rows: list[tuple[str | float | int | None, ...]] = []
    trains: dict[str, int] = {}
    figure, axes = panels(1, 2, width=4.5, height=3)
    x = torch.linspace(-3, 3, 601, dtype=torch.float64) + 1e-6
    for form, build in FORMS.items():
        activation = build()
        axes[0][0].plot(x.numpy(), second_derivative(activation, x).numpy(), color=COLOURS[form], label=form)
        each = of_all(results, *(case_name(form.split("(")[0], seed) for seed in SEEDS))
        if each:
            middle = [median(one[name] for one in each) for name in ("share", "slope", "spread")]
            trains[form] = sum(one["share"] >= TRAINED for one in each)
            rows.append((form, jump_at_0(activation), len(each), trains[form], *middle))
            losses = np.median([one["losses"] for one in each], axis=0)
            axes[0][1].plot(np.linspace(0, 1, len(losses)), losses, color=COLOURS[form], label=form)
    axes[0][0].set_title("second derivative", fontsize=9)
    axes[0][1].set_title("critic loss, medians of seeds", fontsize=9)
    axes[0][1].set_xlabel("share of the training")
    axes[0][0].legend(frameon=False, fontsize=7)
    smooth, elu = (trains.get(form, NAN) for form in ("softplus(2x + 2) / 2 - 1", "ELU"))
    return Findings(
        columns=(
            "activation",
            "jump of the second derivative at 0",
            "seeds",
            "seeds that train",
            "gap over exact W1",
            "mean slope",
            "its spread",
        ),
        rows=rows,
        criteria=[
            Criterion(words="jump of ELU's second derivative", value=jump_at_0(nn.ELU()), bound=0.99),
            Criterion(words="jump of the smooth one's", value=jump_at_0(Softplus()), bound=1e-4, at_least=False),
            Criterion(words="seeds that train with the smooth one, beyond those with ELU", value=smooth - elu, bound=0),
        ],
        figures=[("Second derivatives, which enter the penalty's gradient, and critics of 8 Gaussians.", figure)],
        notes=(
            "The paper saw critics with ELU fail and with the smooth activation train, on networks that it does not "
            "name. "
            "A critic that fails here has the wrong sign: to turn round it would have to be flat, which costs penalty.",
        ),
    )


STUDY = Study(
    name="activations",
    title="Activations under a gradient penalty",
    source="Gulrajani et al. 2017, arXiv 1704.00028, appendix D",
    shows="ELU's second derivative jumps at 0 and enters the penalty's gradient; softplus(2x + 2) / 2 - 1 has its "
    "shape "
    "and is smooth.",
    cost="small: a minute and a half of 2 cores; paper: 20 minutes",
    cases=cases,
    findings=findings,
)
