"""The two players, what they make and what they say of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim import Optimizer

from gradpen.augmentation import Augmentation, Augmented, Score
from gradpen.batch import Batch, packed
from gradpen.machine.sharing import draw_for_all
from gradpen.networks.precision import Casts, in_precision

__all__ = ["Gan"]


@dataclass(frozen=True, kw_only=True)
class Gan:
    """The two players and their optimisers.

    >>> generator, critic = nn.Linear(2, 3), nn.Linear(3, 1)
    >>> gan = Gan(
    ...     generator=generator,
    ...     critic=critic,
    ...     generator_optimizer=torch.optim.Adam(generator.parameters()),
    ...     critic_optimizer=torch.optim.Adam(critic.parameters()),
    ...     latent_dim=2,
    ... )
    >>> gan.generate(Batch(images=torch.zeros(5, 3))).shape
    torch.Size([5, 3])
    """

    generator: nn.Module
    """maps latents ``[B, latent_dim]``, and labels if conditional, to samples ``[B, ...]`` in the data's range"""
    critic: nn.Module
    """maps data ``[B, ...]``, and labels if conditional, to scores ``[B]``"""
    generator_optimizer: Optimizer
    critic_optimizer: Optimizer
    latent_dim: int
    pack: int = 1
    """examples that the critic sees as one"""
    one_pass: bool = True
    """score data and samples in one pass, where no batch norm would mix them"""
    precision: torch.dtype = torch.float32
    """bfloat16: networks compute in it where they can; their weights, outputs and gradients stay as they are"""
    penalty_precision: torch.dtype = torch.float32
    """likewise for the critic under the penalty"""
    augmentation: Augmentation | None = None
    """what happens to images wherever the critic looks at them"""
    strength: Tensor | None = None
    """the augmentation's strength where that is adaptive, a scalar on the networks' device, changed in place"""
    casts: Casts = field(default_factory=Casts, repr=False, compare=False)
    """weights in bfloat16, as they were last used"""

    def __post_init__(self) -> None:
        self.casts.watch(self.generator_optimizer, self.critic_optimizer)

    def generate(self, batch: Batch) -> Tensor:
        """Return as many samples as the batch has examples, with its labels, from fresh latents z ~ N(0, I).

        Where the critic sees several examples as one, batch and samples are of such.
        """
        like = next(self.generator.parameters())
        empty = torch.empty(len(batch) * self.pack, self.latent_dim, device=like.device)
        z = draw_for_all(torch.randn_like, empty).to(like.dtype)
        make = self.generator if batch.labels is None else partial(self.generator, labels=batch.labels)
        made = in_precision(make, self.precision, self.casts)(z)
        return made if self.pack == 1 else packed(made, self.pack)

    def score(self, batch: Batch) -> Score:
        """Return the critic as a function of images alone, the batch's labels bound."""
        return in_precision(self.bound(batch), self.precision, self.casts)

    def score_to_penalise(self, batch: Batch) -> Score:
        """Return the same for the penalty, which may be more precise."""
        return in_precision(self.bound(batch), self.penalty_precision, self.casts)

    def bound(self, batch: Batch) -> Score:
        """Return the critic with the batch's labels bound, looking at images after the augmentation."""
        critic = self.critic if batch.labels is None else partial(self.critic, labels=batch.labels)
        return self.after_augmentation(critic)

    def after_augmentation(self, critic: Score) -> Score:
        """Return a critic that looks at images after the augmentation, if there is one."""
        return critic if self.augmentation is None else Augmented(critic, self.augmentation, self.strength)

    @torch.no_grad()
    def adapt(self, real_scores: Tensor) -> None:
        """Move the augmentation's strength after a critic step's scores of data, if it is adaptive."""
        if self.augmentation is not None and self.augmentation.adaptive is not None and self.strength is not None:
            self.strength.copy_(self.augmentation.adaptive.moved(self.strength, real_scores))

    @contextmanager
    def critic_held_still(self) -> Iterator[None]:
        """Give the critic's parameters no gradients; those that had none before have none afterwards either."""
        learning = [parameter for parameter in self.critic.parameters() if parameter.requires_grad]
        for parameter in learning:
            parameter.requires_grad_(False)
        try:
            yield
        finally:
            for parameter in learning:
                parameter.requires_grad_(True)

    def exact(self) -> "Gan":
        """Return the same players, computing in the type of their weights and looking at images as they are."""
        return replace(self, precision=torch.float32, penalty_precision=torch.float32, augmentation=None)

    def score_both(self, batch: Batch, fake: Tensor) -> tuple[Tensor, Tensor]:
        """Return the scores of the batch and of samples with its labels."""
        if not self.one_pass or any(isinstance(module, _BatchNorm) for module in self.critic.modules()):
            return self.score(batch)(batch.images), self.score(batch)(fake)
        # One pass over both halves the calls; with batch norm it would mix their statistics.
        both = batch.joined_by(fake)
        real_scores, fake_scores = self.score(both)(both.images).chunk(2)
        return real_scores, fake_scores
