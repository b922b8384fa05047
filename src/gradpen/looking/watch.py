"""The measures and the verdict of gradpen in anybody's own training loop."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import nn

from gradpen.config import RunConfig
from gradpen.data.source import label_space
from gradpen.gan import Gan
from gradpen.lipschitz import Constraint
from gradpen.looking.diagnosis import diagnose
from gradpen.looking.loop import config_of, source_of, tried
from gradpen.looking.symptoms import Symptoms, symptoms
from gradpen.looking.verdict import LAST, Verdict
from gradpen.looking.verdict_pages import page
from gradpen.looking.weights import Course, weights_of
from gradpen.looking.wiring import beyond, wiring
from gradpen.machine.seeds import separate_randomness
from gradpen.metrics.samples import diversity
from gradpen.runs import marks
from gradpen.runs.folder import Row
from gradpen.runs.state import State, Task
from gradpen.runs.trained import Run
from gradpen.sampling import first_latents

__all__ = ["Seen", "Watch"]

SURE, NEARER, ALIKE = 2.0, 0.6, 2.5
"""standard errors by which a gap is below 0; parts of the first distance that samples have come nearer by; times that
two gaps may differ that are the same"""
COLLAPSED = 0.5
"""parts of the data's variety, below which samples have come nearer by being the same"""
TRIED = 64
"""examples on which it is tried how networks hang together"""


@dataclass(frozen=True)
class Seen:
    """What :class:`Watch` found at a mark; as text, the verdict in plain words.

    >>> print(Seen({"iteration": 9}, (Verdict(name="healthy", meaning="Nothing is wrong.", evidence="all checks"),)))
    healthy: Nothing is wrong.
      all checks
    """

    measures: Row
    """as in a run's ``measures.jsonl``"""
    verdicts: tuple[Verdict, ...]
    """the gravest first"""

    def __str__(self) -> str:
        return page(self.verdicts, None)


class Watch:
    """Looks at the networks of a training loop of your own: measures and a verdict, whenever it is asked.

    It changes neither weights nor gradients nor random numbers, and leaves networks in the mode they were in.

    >>> generator, critic = nn.Linear(4, 2), nn.Linear(2, 1)
    >>> watch = Watch(generator, critic, torch.rand(200, 2) * 2 - 1, latent_dim=4)
    >>> seen = watch.look(0)  # and again in your loop, every few hundred iterations
    >>> seen.verdicts[0].name
    'too early to say'
    """

    def __init__(
        self,
        generator: nn.Module,
        critic: nn.Module,
        data: ArrayLike,
        *,
        latent_dim: int,
        latents: Literal["vectors", "maps"] = "vectors",
        labels_as: Literal["vectors", "numbers"] = "vectors",
        labels: ArrayLike | None = None,
        held_out: ArrayLike | None = None,
        held_out_labels: ArrayLike | None = None,
        objective: str = "wasserstein",
        constraint: str | Constraint = "gradient-penalty",
        critic_steps: int = 5,
        patches: bool = False,
        seed: int = 0,
    ) -> None:
        """Remember networks and data.

        Args:
            generator: maps latents, and labels if there are any, to examples in the data's range.
            critic: maps examples, and labels if there are any, to scores: a number each. The first of several outputs
                is taken, and of probabilities, which a sigmoid gives, the logits.
            data: what it is trained on, as the critic sees it: images ``[N, C, H, W]``, vectors ``[N, D]``, signals
                ``[N, C, L]`` or volumes ``[N, C, D, H, W]``, floats, usually in [-1, 1]. Of more than 5,000 a part is
                looked at, evenly spread.
            latent_dim: size of the latents, which are drawn from N(0, I).
            latents: whether the generator takes them as ``[B, latent_dim]`` or as maps ``[B, latent_dim, 1, 1]``.
            labels_as: whether networks take labels as vectors ``[B, K]`` or as integers ``[B]``.
            labels: class of each example, integers ``[N]``, of networks that take them as their second argument.
            held_out: examples never trained on; without any, a tenth of the data stands in for them, and neither an
                overfitting critic nor memorising is noticed.
            held_out_labels: their classes, where there are labels.
            objective: what is trained: wasserstein, non-saturating, minimax, hinge, least-squares, relativistic, …
            constraint: of the critic: gradient-penalty, weight-clipping, none, …, or one of gradpen's.
            critic_steps: critic updates for each of the generator's.
            patches: the critic scores patches, whose mean is meant.
            seed: of the latents that measures are taken on.

        Raises:
            UsageError: the data are no such array, a network does not take or give what it should, or there is no such
                objective or constraint.
        """
        self.source = source_of(data, labels, held_out, held_out_labels)
        taken: Literal["none", "argument", "numbers"] = "none"
        if labels is not None:
            taken = "numbers" if labels_as == "numbers" else "argument"
        self.config = config_of(objective, constraint, critic_steps, latent_dim, latents, taken, patches, seed)
        self.task = Task(config=self.config, source=self.source, device=next(critic.parameters()).device)
        around, judge, self.squashed = tried(generator, critic, self.config, self.source, np.shape(data)[1:])
        self.gan = Gan(
            generator=around,
            critic=judge,
            generator_optimizer=torch.optim.SGD(around.parameters(), lr=0.0),
            critic_optimizer=torch.optim.SGD(judge.parameters(), lr=0.0),
            latent_dim=latent_dim,
        )
        self.held_out = marks.held_out(self.task)
        images = self.held_out.batch.images
        self.variety = diversity(images) if len(images) > 1 else 0.0
        self.rows: list[Row] = []
        """the measures of every look"""
        self.course = Course()

    def look(self, iteration: int, losses: Mapping[str, float] | None = None) -> Seen:
        """Measure the networks as they are now, and judge the run by this and all looks before.

        Args:
            iteration: generator updates so far; 0 for untrained networks, which are a baseline.
            losses: of your own, under the names ``critic_loss``, ``penalty`` and ``generator_loss``.
        """
        networks = (self.gan.generator, self.gan.critic)
        row: Row = {"iteration": iteration, **(losses or {})}
        finite = [bool(torch.isfinite(part).all()) for network in networks for part in network.state_dict().values()]
        if not all(finite) or not all(map(math.isfinite, row.values())):
            return Seen(row, self.judged(iteration, "diverged"))
        modes = [(module, module.training) for network in networks for module in network.modules()]
        state = State(gan=self.gan, average=None, finite=torch.ones(()), iteration=iteration)
        try:
            with separate_randomness():
                row |= marks.measure(state, self.task)[0]
                row |= marks.distances(state, self.task, self.held_out)
                self.rows.append(row)
                verdicts = self.judged(iteration, "running")
        finally:
            for module, training in modes:
                module.training = training
        return Seen(row, verdicts)

    def judged(self, iteration: int, state: str) -> tuple[Verdict, ...]:
        """Return what the run shows, which is running or has diverged."""
        return diagnose(self.symptoms(iteration, state))

    def symptoms(self, iteration: int, state: str = "running") -> Symptoms:
        """Return what the verdict after the last look rests on."""
        conditional = self.config.conditional and self.source.labels is not None
        run = Run(
            path=Path(),
            config=self.config,
            iteration=iteration,
            generator=self.gan.generator,
            labels=label_space(self.source.labels) if conditional and self.source.labels is not None else None,
            measures=turned(self.rows, self.config, self.variety),
            data_fingerprint=self.source.fingerprint,
            values=self.source.values,
        )
        if state == "diverged":
            return symptoms(run, self.source, state=state, closely=False)
        closely = sum(row["iteration"] > 0 for row in self.rows) >= LAST
        return replace(symptoms(run, self.source, state=state, closely=closely), **self.wired(iteration))

    def wired(self, iteration: int) -> dict[str, Any]:
        """Return how the networks hang together, and which share of the data lies where no sample can."""
        networks = self.gan.generator, self.gan.critic
        self.course.see(weights_of(*networks, iteration))
        z = first_latents(self.gan.latent_dim, self.config.seed, TRIED).to(next(networks[0].parameters()).device)
        batch = marks.measured_batch(self.task, self.source.train)[:TRIED]
        networks[0].eval()
        found = wiring(*networks, self.course, z[: len(batch)], batch.images, batch.labels)
        found = replace(found, squashed=self.squashed)
        return {"wiring": found, "beyond": beyond(batch.images, found.lowest, found.highest)}


def turned(rows: list[Row], config: RunConfig, variety: float = 0.0) -> list[Row]:
    """Return measures of a critic that scores data above samples, where a loop means it the other way round.

    It does where all gaps lie below 0, samples have come nearer to the data all the same and differ from one another,
    and the losses, if they were handed over, are of gaps as large: public code has both signs.

    Args:
        rows: the measures of every look.
        config: of the loop.
        variety: mean distance of two examples of the data.
    """
    later = [row for row in rows if row["iteration"] > 0]
    below = all(row["critic_gap_train"] < -SURE * row["critic_gap_train_error"] for row in later)
    near = [value for row in rows if (value := marks.nearness(row)) is not None]
    if not later or not below or len(near) < 2 or near[-1] > NEARER * near[0]:
        return rows
    last = later[-1]
    if last.get("diversity", variety) < COLLAPSED * variety:
        return rows
    if "critic_loss" in last and "penalty" in last:
        weight = getattr(config.constraint, "weight", 1.0)
        own = [times * last["penalty"] - last["critic_loss"] for times in (0.0, 1.0, weight)]
        if not any(1 / ALIKE < gap / -last["critic_gap_train"] < ALIKE for gap in own):
            return rows
    signed = ("critic_gap_train", "critic_gap_held_out", "dual_efficiency")
    return [row | {name: -row[name] for name in signed if name in row} for row in rows]
