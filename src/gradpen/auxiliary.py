"""AC-GAN: the steps of Algorithm 1 with a critic that also classifies (Odena, Olah & Shlens 2017, arXiv 1610.09585).

Both players add the cross-entropy of the class: the critic's on data, and on samples with the class they were made
for; the generator's on its samples. The penalty is on the score alone.
"""

from collections.abc import Iterable

import torch
from pydantic import NonNegativeFloat, PositiveFloat
from pydantic.dataclasses import dataclass
from torch import Tensor
from torch.nn.functional import cross_entropy

from gradpen.algorithm import Measures, mean
from gradpen.batch import Batch
from gradpen.choice import STRICT
from gradpen.errors import UsageError
from gradpen.gan import Gan
from gradpen.lipschitz import Constraint, in_step
from gradpen.networks.labels import ClassifyingCritic
from gradpen.networks.precision import in_precision
from gradpen.objectives import Objective, RelativeObjective


@dataclass(frozen=True, kw_only=True, config=STRICT)
class ClassLoss:
    """Weights of the cross-entropy beside the objective."""

    critic_weight: PositiveFloat = 1.0
    generator_weight: NonNegativeFloat = 1.0
    on_samples: bool = True
    """the critic learns to classify samples too; else data alone"""


def class_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the mean cross-entropy of class logits ``[B, K]`` against one-hot labels ``[B, K]``.

    >>> class_loss(torch.zeros(3, 4), torch.eye(4)[:3])  # log 4
    tensor(1.3863)
    """
    return cross_entropy(logits, labels)


def judge(gan: Gan, images: Tensor) -> tuple[Tensor, Tensor]:
    """Return scores and class logits of images."""
    if not isinstance(gan.critic, ClassifyingCritic):
        raise UsageError("a class loss needs a critic that classifies; choose `critic.labels=classify`")
    outputs = in_precision(gan.after_augmentation(gan.critic.network), gan.precision, gan.casts)(images)
    return outputs[:, 0], outputs[:, 1:]


def labels_of(batch: Batch) -> Tensor:
    """Return the labels of a batch that has them."""
    if batch.labels is None:
        raise UsageError("a class loss needs batches with labels")
    return batch.labels


def critic_step(
    gan: Gan, objective: Objective, constraint: Constraint, extra: ClassLoss, batch: Batch, parts: int = 1
) -> Measures:
    """One critic update on data and as many samples with the same classes; see :func:`gradpen.algorithm.critic_step`.

    Returns:
        Scalar tensors ``critic_loss``, ``penalty`` and ``critic_class_loss`` (unweighted), means over the batch.
    """
    gan.critic_optimizer.zero_grad()
    losses, penalties, class_losses = [], [], []
    for part in batch.parts(parts):
        labels = labels_of(part)
        with torch.no_grad():
            fake = gan.generate(part)
        real_scores, real_logits = judge(gan, part.images)
        fake_scores, fake_logits = judge(gan, fake)
        loss = objective.critic_loss(real_scores, fake_scores)
        penalty = constraint.penalty(gan.score_to_penalise(part), part.images, fake)
        classes = class_loss(real_logits, labels)
        if extra.on_samples:
            classes = (classes + class_loss(fake_logits, labels)) / 2
        ((loss + penalty + extra.critic_weight * classes) / parts).backward()
        gan.adapt(real_scores)
        losses.append(loss.detach())
        penalties.append(penalty.detach())
        class_losses.append(classes.detach())
    gan.critic_optimizer.step()
    constraint.project(gan.critic)
    return {"critic_loss": mean(losses), "penalty": mean(penalties), "critic_class_loss": mean(class_losses)}


def generator_step(gan: Gan, objective: Objective, extra: ClassLoss, batch: Batch, parts: int = 1) -> Measures:
    """One generator update on samples of the batch's classes; see :func:`gradpen.algorithm.generator_step`.

    Returns:
        Scalar tensors ``generator_loss`` and ``generator_class_loss`` (unweighted), means over the batch.
    """
    gan.generator_optimizer.zero_grad()
    losses, class_losses = [], []
    with gan.critic_held_still():
        for part in batch.parts(parts):
            fake_scores, fake_logits = judge(gan, gan.generate(part))
            if isinstance(objective, RelativeObjective):
                loss = objective.relative_generator_loss(judge(gan, part.images)[0], fake_scores)
            else:
                loss = objective.generator_loss(fake_scores)
            classes = class_loss(fake_logits, labels_of(part))
            ((loss + extra.generator_weight * classes) / parts).backward()
            losses.append(loss.detach())
            class_losses.append(classes.detach())
    gan.generator_optimizer.step()
    return {"generator_loss": mean(losses), "generator_class_loss": mean(class_losses)}


def train_iteration(
    gan: Gan,
    objective: Objective,
    constraint: Constraint,
    extra: ClassLoss,
    batches: Iterable[Batch],
    *,
    parts: int = 1,
    steps_before: int = 0,
    generator_batches: int = 1,
) -> Measures:
    """One critic update on each batch, then one generator update; see :func:`gradpen.algorithm.train_iteration`."""
    batch, measures = None, Measures()
    for step, batch in enumerate(batches, steps_before + 1):
        measures = critic_step(gan, objective, in_step(constraint, step), extra, batch, parts)
    if batch is None:
        raise UsageError("an iteration needs at least one batch, found none")
    return measures | generator_step(gan, objective, extra, batch.repeated(generator_batches), parts)
