"""Algorithm 1 of the two Wasserstein GAN papers, and nothing else.

Arjovsky, Chintala & Bottou 2017 (arXiv 1701.07875) with :class:`~gradpen.lipschitz.WeightClipping`;
Gulrajani et al. 2017 (arXiv 1704.00028) with :class:`~gradpen.lipschitz.GradientPenalty`. torch's generator draws.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

from gradpen.batch import Batch
from gradpen.errors import UsageError
from gradpen.gan import Gan
from gradpen.lipschitz import Constraint, in_step
from gradpen.objectives import Objective, RelativeObjective

__all__ = ["critic_step", "generator_step", "train_iteration"]

Measures = dict[str, Tensor]


def critic_step(
    gan: Gan, objective: Objective, constraint: Constraint, batch: Batch, parts: int = 1, fakes: Tensor | None = None
) -> Measures:
    """Lines 3-9: one critic update on one batch of data and as many fakes.

    Args:
        gan: the networks and their optimisers; the critic is updated in place.
        objective: the losses.
        constraint: on the critic.
        batch: data on the networks' device, ``[B, ...]`` in their range, with labels if conditional.
        parts: equal parts of the batch whose gradients are averaged, to save memory; 1 as in the papers.
        fakes: samples to take, ``[B, ...]``, the batch being whole; None makes them from fresh latents.

    Returns scalar means ``critic_loss`` (no penalty) and ``penalty``; raises :class:`UsageError` for unequal parts.
    """
    gan.critic_optimizer.zero_grad()
    losses, penalties = [], []
    for part in batch.parts(parts):
        with torch.no_grad():
            fake = gan.generate(part) if fakes is None else fakes.detach()
        scores = gan.score_both(part, fake)
        loss = objective.critic_loss(*scores)
        penalty = constraint.penalty(gan.score_to_penalise(part), part.images, fake)
        ((loss + penalty) / parts).backward()
        gan.adapt(scores[0])
        losses.append(loss.detach())
        penalties.append(penalty.detach())
    gan.critic_optimizer.step()
    constraint.project(gan.critic)
    return {"critic_loss": mean(losses), "penalty": mean(penalties)}


def generator_step(
    gan: Gan, objective: Objective, batch: Batch, parts: int = 1, fakes: Tensor | None = None
) -> Measures:
    """Lines 11-12: one generator update on as many fresh latents as the batch has examples, the critic held still.

    Args:
        gan: the networks and their optimisers; the generator is updated in place.
        objective: the losses.
        batch: data as for :func:`critic_step`; relativistic objectives compare samples with it.
        parts: as for :func:`critic_step`.
        fakes: likewise.

    Returns the scalar tensor ``generator_loss``, a mean over the batch; raises as :func:`critic_step` does.
    """
    gan.generator_optimizer.zero_grad()
    losses = []
    with gan.critic_held_still():
        for part in batch.parts(parts):
            score = gan.score(part)
            fake_scores = score(gan.generate(part) if fakes is None else fakes)
            if isinstance(objective, RelativeObjective):
                loss = objective.relative_generator_loss(score(part.images), fake_scores)
            else:
                loss = objective.generator_loss(fake_scores)
            (loss / parts).backward()
            losses.append(loss.detach())
    gan.generator_optimizer.step()
    return {"generator_loss": mean(losses)}


def train_iteration(
    gan: Gan,
    objective: Objective,
    constraint: Constraint,
    batches: Iterable[Batch],
    *,
    parts: int = 1,
    steps_before: int = 0,
    share_samples: bool = False,
    generator_batches: int = 1,
) -> Measures:
    """Lines 2-12: one critic update on each batch, then one generator update.

    Args:
        gan: the networks and their optimisers, updated in place.
        objective: the losses.
        constraint: the Lipschitz constraint on the critic.
        batches: n_critic batches of data on the networks' device, at least one.
        parts: equal parts of a batch whose gradients are averaged, to save memory; 1 as in the papers.
        steps_before: critic steps of earlier iterations, from which a lazy penalty counts.
        share_samples: generate once a batch; the generator step takes the last critic step's samples.
        generator_batches: batches of samples in the generator step; 1 as in the papers.

    Returns the measures of the last critic step and the generator step; raises :class:`UsageError` without a batch.
    """
    batch, measures, fakes = None, Measures(), None
    for step, batch in enumerate(batches, steps_before + 1):
        fakes = gan.generate(batch) if share_samples else None
        measures = critic_step(gan, objective, in_step(constraint, step), batch, parts, fakes)
    if batch is None:
        raise UsageError("an iteration needs at least one batch, found none")
    return measures | generator_step(gan, objective, batch.repeated(generator_batches), parts, fakes)


def mean(losses: list[Tensor]) -> Tensor:
    return losses[0] if len(losses) == 1 else torch.stack(losses).mean()
