"""Examples that the critic sees as one: together in the loss, in the penalty and at marks, and nowhere else."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

import gradpen
from gradpen.algorithm import critic_step, generator_step
from gradpen.batch import Batch, packed
from gradpen.data.choice import LabelledArray
from gradpen.errors import DataError, UsageError
from gradpen.gan import Gan
from gradpen.lipschitz import GradientPenalty, Unconstrained
from gradpen.networks.mlp import Maxout, MlpCritic
from gradpen.objectives import Wasserstein
from gradpen.runs.folder import read_measures
from gradpen.runs.training import resume, train
from gradpen.settings import configure
from test_trainer import Stop, small, state


def gan_of(critic: nn.Module, pack: int, rate: float = 0.1) -> Gan:
    generator = nn.Sequential(nn.Linear(2, 3), nn.Unflatten(1, (1, 1, 3)))
    return Gan(
        generator=generator,
        critic=critic,
        generator_optimizer=torch.optim.SGD(generator.parameters(), lr=rate),
        critic_optimizer=torch.optim.SGD(critic.parameters(), lr=rate),
        latent_dim=2,
        pack=pack,
    )


class Spread(nn.Module):
    """Scores the distance of the two examples of a pack, which no critic of one can see."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        spread: Tensor = self.scale * (x[:, 0] - x[:, 1]).flatten(1).norm(dim=1)
        return spread


def test_examples_come_to_lie_after_one_another() -> None:
    images = torch.arange(7 * 2 * 3.0).reshape(7, 2, 1, 3)
    together = packed(images, 3)
    assert together.shape == (2, 6, 1, 3)
    assert torch.equal(together[1, 2:4], images[4])
    assert Batch(images=images).packed(1).images is images


def test_loss_and_samples_are_of_packs() -> None:
    """By hand: as many samples as examples, in pairs, and the mean over pairs."""
    torch.manual_seed(0)
    gan, images = gan_of(Spread(), 2), torch.randn(8, 1, 1, 3)
    torch.manual_seed(1)
    made = gan.generate(Batch(images=images).packed(2))
    assert made.shape == (4, 2, 1, 3)
    torch.manual_seed(1)
    latents = torch.randn(8, 2)
    by_hand = gan.generator(latents).detach()
    assert torch.equal(made.flatten(), by_hand.flatten())
    torch.manual_seed(1)
    found = critic_step(gan, Wasserstein(), Unconstrained(), Batch(images=images).packed(2))
    real, fake = ((x[0::2] - x[1::2]).flatten(1).norm(dim=1).mean() for x in (images, by_hand))
    assert found["critic_loss"].item() == pytest.approx((fake - real).item(), rel=1e-5)


def test_slopes_are_over_the_whole_pack() -> None:
    """A linear critic of pairs with weights w has the slope |w| over both examples, not over one of them."""
    critic = nn.Sequential(nn.Flatten(), nn.Linear(6, 1, bias=False))
    with torch.no_grad():
        next(critic.parameters()).copy_(torch.tensor([[2.0, 0, 0, 0, 0, 1.0]]))
    gan = gan_of(critic, 2)
    found = critic_step(gan, Wasserstein(), GradientPenalty(weight=1), Batch(images=torch.randn(8, 1, 1, 3)).packed(2))
    assert found["penalty"].item() == pytest.approx((5**0.5 - 1) ** 2, rel=1e-5)


def test_the_generator_learns_through_the_pack() -> None:
    """Against a critic of the spread, collapsed samples are moved apart."""
    torch.manual_seed(0)
    gan = gan_of(Spread(), 2, rate=1.0)
    linear: Any = gan.generator[0]  # type: ignore[index]
    with torch.no_grad():
        linear.weight.mul_(1e-3)
    before = linear.weight.norm().item()
    for _ in range(20):
        generator_step(gan, Wasserstein(), Batch(images=torch.zeros(8, 1, 1, 3)).packed(2))
    assert linear.weight.norm().item() > 100 * before


def test_a_packed_run_is_measured_and_resumed_and_takes_parts(tmp_path: Path) -> None:
    config = small(pack=2)
    whole = train(config, out=tmp_path / "whole")
    folder = train(config, out=tmp_path / "run", audience=Stop(5).audience())
    resume(folder.path)
    assert state(folder) == state(whole)
    assert all(np.isfinite(row["critic_gap_held_out"]) for row in read_measures(whole))
    parts = train(small(pack=2, accumulate=2), out=tmp_path / "parts")
    assert all(np.isfinite(row["critic_gap_train"]) for row in read_measures(parts))
    assert gradpen.load(whole.path).sample(2).shape == (2, 8, 8, 1)


def test_points_of_a_packed_critic_are_drawn_without_a_surface(tmp_path: Path) -> None:
    run = gradpen.train(
        "embedded:grid",
        preset="toy-wgan-gp",
        out=tmp_path / "run",
        pack=4,
        generator__widths=[16],
        critic__widths=[16],
        critic__maxout=5,
        iterations=2,
    )
    assert run.sample(3).shape == (3, 2)
    assert sorted((tmp_path / "run" / "samples").glob("*.png"))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"pack": 3}, "a batch of 64 cannot be packed 3 together"),
        ({"pack": 4, "accumulate": 32}, "a batch of 64 cannot be packed 4 together in 32 parts"),
        ({"pack": 2, "augmentation": {"strength": 1.0}}, "pack goes without labels and augmentation"),
        ({"pack": 2, "generator.labels": "concatenate", "critic.labels": "planes"}, "pack goes without labels"),
    ],
)
def test_what_does_not_go_together_is_said(settings: dict[str, Any], says: str) -> None:
    with pytest.raises((UsageError, ValidationError), match=says):
        configure("wgan-gp", settings=settings)


def test_two_packs_must_be_held_out(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8), dtype=np.uint8)
    with pytest.raises(DataError, match="has 4 held-out images, fewer than two packs of 4"):
        train(small(pack=4, batch_size=8), array=LabelledArray(images=images), out=tmp_path / "run")


def test_maxout_takes_the_largest_of_its_pieces() -> None:
    x = torch.tensor([[1.0, 5.0, -2.0, 4.0, 0.0, 3.0]])
    assert Maxout(3)(x).tolist() == [[5.0, 4.0]]
    critic: Any = MlpCritic(widths=(200, 200, 200), maxout=5).build((1, 1, 2))
    linear = [layer for layer in critic if isinstance(layer, nn.Linear)]
    assert [(layer.in_features, layer.out_features) for layer in linear] == [
        (2, 1000),
        (200, 1000),
        (200, 1000),
        (200, 1),
    ]
