"""AC-GAN's steps against the formulas written out."""

from itertools import islice, repeat
from statistics import median
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy, cross_entropy

from gradpen import auxiliary
from gradpen.auxiliary import ClassLoss
from gradpen.batch import Batch
from gradpen.errors import UsageError
from gradpen.gan import Gan
from gradpen.lipschitz import GradientPenalty, Unconstrained
from gradpen.networks.labels import ClassifyingCritic
from gradpen.objectives import NonSaturating, Relativistic
from gradpen.penalties import gradient_penalty


class Generator(nn.Module):
    """Linear in the latent, with a row added for each label."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.table = nn.Linear(3, 2), nn.Parameter(torch.randn(4, 2))

    def forward(self, latents: Tensor, labels: Tensor) -> Tensor:
        points: Tensor = self.linear(latents) + labels @ self.table
        return points


def gan() -> Any:
    torch.manual_seed(0)
    generator = Generator()
    critic = ClassifyingCritic(nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 5)))
    return Gan(
        generator=generator,
        critic=critic,
        generator_optimizer=torch.optim.SGD(generator.parameters(), lr=1.0),
        critic_optimizer=torch.optim.SGD(critic.parameters(), lr=1.0),
        latent_dim=3,
    )


def batch() -> Batch:
    generator = torch.Generator().manual_seed(1)
    return Batch(images=torch.randn(6, 2, generator=generator), labels=torch.eye(4)[[0, 1, 2, 3, 3, 0]])


@pytest.mark.parametrize("on_samples", [True, False])
@pytest.mark.parametrize("constraint", [Unconstrained(), GradientPenalty()], ids=repr)
def test_critic_step_is_the_published_loss(on_samples: bool, constraint: Any) -> None:
    """Half the sum of the two entropies of source and class each (Odena et al. 2017, section 3)."""
    extra, data = ClassLoss(critic_weight=0.7, on_samples=on_samples), batch()
    stepped, still = gan(), gan()
    torch.manual_seed(2)
    auxiliary.critic_step(stepped, NonSaturating(), constraint, extra, data)
    torch.manual_seed(2)
    fake = still.generate(data).detach()
    (real_scores, real_logits), (fake_scores, fake_logits) = still.critic.judge(data.images), still.critic.judge(fake)
    assert data.labels is not None
    number = data.labels.argmax(1)
    source = binary_cross_entropy(real_scores.sigmoid(), torch.ones(6))
    source = (source + binary_cross_entropy(fake_scores.sigmoid(), torch.zeros(6))) / 2
    classes = cross_entropy(real_logits, number)
    if on_samples:
        classes = (classes + cross_entropy(fake_logits, number)) / 2
    loss = source + 0.7 * classes
    if isinstance(constraint, GradientPenalty):
        loss = loss + gradient_penalty(still.critic, data.images, fake)
    loss.backward()
    for found, before in zip(stepped.critic.parameters(), still.critic.parameters(), strict=True):
        assert torch.allclose(found, before - before.grad, atol=1e-6)
    assert all(p.grad is None for p in stepped.generator.parameters())


@pytest.mark.parametrize("objective", [NonSaturating(), Relativistic()], ids=repr)
def test_generator_step_wants_its_samples_classified(objective: Any) -> None:
    extra, data = ClassLoss(generator_weight=0.5), batch()
    stepped, still = gan(), gan()
    torch.manual_seed(3)
    auxiliary.generator_step(stepped, objective, extra, data)
    torch.manual_seed(3)
    scores, logits = still.critic.judge(still.generate(data))
    if isinstance(objective, NonSaturating):
        source = -scores.sigmoid().log().mean()
    else:
        source = -(scores - still.critic(data.images).detach()).sigmoid().log().mean()
    assert data.labels is not None
    (source + 0.5 * cross_entropy(logits, data.labels.argmax(1))).backward()
    for found, before in zip(stepped.generator.parameters(), still.generator.parameters(), strict=True):
        assert torch.allclose(found, before - before.grad, atol=1e-6)
    for found, before in zip(stepped.critic.parameters(), still.critic.parameters(), strict=True):
        assert torch.equal(found, before)
        assert found.requires_grad


def test_an_iteration_learns_classes() -> None:
    player, data = gan(), batch()
    losses = []
    for _ in range(60):
        measures = auxiliary.train_iteration(
            player, NonSaturating(), Unconstrained(), ClassLoss(), islice(repeat(data), 2), parts=2
        )
        losses.append(measures["critic_class_loss"].item())
    # One loss is that of one draw of latents: half of the losses after the middle lie below.
    assert median(losses[30:]) < 0.7 * losses[0]
    assert set(measures) == {"critic_loss", "penalty", "critic_class_loss", "generator_loss", "generator_class_loss"}


def test_what_cannot_classify_is_refused() -> None:
    player, data = gan(), batch()
    with pytest.raises(UsageError, match="needs batches with labels"):
        auxiliary.critic_step(player, NonSaturating(), Unconstrained(), ClassLoss(), Batch(images=data.images))
    other = Gan(**{**vars(player), "critic": nn.Linear(2, 1)})
    with pytest.raises(UsageError, match=r"critic\.labels=classify"):
        auxiliary.critic_step(other, NonSaturating(), Unconstrained(), ClassLoss(), data)
