"""Momentum on a clipped critic: its steps point against its own gradient."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from statistics import fmean, median
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from gradpen.data.recognise import open_source
from gradpen.looking.figures import HELD_OUT, TRAIN
from gradpen.runs.iteration import batches_from, iterate
from gradpen.runs.own import Own
from gradpen.runs.state import Task, initial_state
from gradpen.settings import configure
from gradpen.studies.critics import rounded
from gradpen.studies.estimates import CLIPPED
from gradpen.studies.runs import of_all, panels
from gradpen.studies.study import Case, Findings, Found, Results, Scale, Study, case_name

FORMS: dict[str, dict[str, Any]] = {
    "RMSProp 5e-4": {"name": "rmsprop", "learning_rate": 5e-4},
    "Adam 5e-4, beta1 0": {"name": "adam", "learning_rate": 5e-4, "beta1": 0.0, "beta2": 0.99},
    "Adam 5e-4, beta1 0.9": {"name": "adam", "learning_rate": 5e-4, "beta1": 0.9, "beta2": 0.999},
    "Adam 5e-3, beta1 0.9": {"name": "adam", "learning_rate": 5e-3, "beta1": 0.9, "beta2": 0.999},
}
SEEDS = (0, 1, 2)
ITERATIONS = {"small": 300, "paper": 20_000}


class Watch:
    """The cosine between an optimiser's step and the descent direction, of every step."""

    def __init__(self) -> None:
        self.before: list[Tensor] = []
        self.cosines: list[float] = []

    def begin(self, optimizer: torch.optim.Optimizer, *_: object) -> None:
        """Keep the parameters before a step."""
        self.before = [p.detach().clone() for group in optimizer.param_groups for p in group["params"]]

    def end(self, optimizer: torch.optim.Optimizer, *_: object) -> None:
        """Compare the step with the gradient."""
        after = [p for group in optimizer.param_groups for p in group["params"]]
        step = torch.cat([(p.detach() - old).flatten() for p, old in zip(after, self.before, strict=True)])
        descent = torch.cat([-p.grad.flatten() for p in after if p.grad is not None])
        self.cosines.append(float(cosine_similarity(step.double(), descent.double(), dim=0)))


@contextmanager
def watched(optimizer: torch.optim.Optimizer) -> Iterator[Watch]:
    """Watch an optimiser's steps."""
    watch = Watch()
    hooks = [optimizer.register_step_pre_hook(watch.begin), optimizer.register_step_post_hook(watch.end)]
    try:
        yield watch
    finally:
        for hook in hooks:
            hook.remove()


def train(place: Path, settings: dict[str, Any]) -> Found:
    """Train a clipped critic and its generator, and return the cosines and the critic's losses."""
    del place
    config = configure("wgan-gp-digits", settings={"data.path": "embedded:digits"} | settings)
    task = Task(config=config, source=open_source(config.data), device=torch.device("cpu"), own=Own())
    state, stream = initial_state(task), batches_from(task, 0)
    with watched(state.gan.critic_optimizer) as watch:
        losses = [float(iterate(state, config, stream)["critic_loss"]) for _ in range(config.iterations)]
    return {"cosines": rounded(watch.cosines, 3), "losses": rounded(losses)}


def cases(scale: Scale) -> list[Case]:
    """Return a case for each optimiser and seed."""
    return [
        Case(
            name=case_name(form, seed),
            work=train,
            arguments={
                "settings": CLIPPED
                | {"critic_optimizer": optimizer, "generator_optimizer": optimizer}
                | {"seed": seed, "iterations": ITERATIONS[scale]}
            },
        )
        for form, optimizer in FORMS.items()
        for seed in SEEDS
    ]


def roughness(losses: list[float]) -> float:
    """Return the mean change of a loss from one iteration to the next over its mean size.

    >>> roughness([1.0, -1.0, 1.0])
    2.0
    """
    changes = [abs(after - before) for before, after in pairwise(losses)]
    return fmean(changes) / max(fmean(map(abs, losses)), 1e-12)


def findings(results: Results, scale: Scale) -> Findings:
    """Return cosines and how rough the losses are."""
    del scale
    rows: list[tuple[str | float | int | None, ...]] = []
    figure, axes = panels(2, len(FORMS), width=2.8, height=2)
    for place, form in enumerate(FORMS):
        each = of_all(results, *(case_name(form, seed) for seed in SEEDS))
        if not each:
            continue
        second = [one["cosines"][len(one["cosines"]) // 2 :] for one in each]
        rows.append(
            (
                form,
                len(each),
                median(median(cosines) for cosines in second),
                median(fmean(cosine < 0 for cosine in cosines) for cosines in second),
                median(roughness(one["losses"][len(one["losses"]) // 2 :]) for one in each),
            )
        )
        axes[0][place].plot(each[0]["losses"], color=TRAIN, lw=0.5)
        axes[0][place].set_title(form, fontsize=9)
        axes[1][place].plot(each[0]["cosines"], ".", color=HELD_OUT, ms=1)
        axes[1][place].set_ylim(-1, 1)
        axes[0][place].set_xlabel("iterations", fontsize=8)
        axes[1][place].set_xlabel("critic steps", fontsize=8)
        axes[1][place].axhline(0, color="0.6", lw=0.6)
    return Findings(
        columns=(
            "optimiser",
            "seeds",
            "median cosine of step and descent",
            "share of steps against it",
            "change of the loss from step to step, of its size",
        ),
        rows=rows,
        criteria=[],
        figures=[("Above the critic's loss, below the cosine of each critic step with the descent direction.", figure)],
        notes=(
            "Over the second half of each run, medians of seeds. A report without a criterion: the paper says that "
            "with "
            "momentum or high rates training is “at times” unstable, and that the cosine is then usually negative.",
        ),
    )


STUDY = Study(
    name="momentum",
    title="Momentum on a clipped critic",
    source="Arjovsky et al. 2017, arXiv 1701.07875, end of section 4.2",
    shows="Adam with momentum makes clipped critics unstable: the cosine between its step and the descent direction "
    "turns negative.",
    cost="small: a minute and a half of 2 cores; paper: an hour",
    cases=cases,
    findings=findings,
)
