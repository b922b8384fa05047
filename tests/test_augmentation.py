"""Changes of images before the critic looks: what each does, where it happens, and what stays as it is."""

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from facts import violates
from gradpen import augmentation
from gradpen.augmentation import Augmentation, Augmented
from gradpen.batch import Batch
from gradpen.coupling import module_behind
from gradpen.errors import UsageError
from gradpen.gan import Gan
from gradpen.lipschitz import gradient_penalty
from gradpen.networks.precision import Casts, in_precision
from gradpen.settings import configure

COUNT = 4000


def ramp(count: int = COUNT, side: int = 8) -> Tensor:
    """Images whose pixels all differ, none of them 0."""
    return torch.arange(1.0, 1 + 3 * side * side).view(1, 3, side, side).repeat(count, 1, 1, 1)


def colours_change_as_published(module: Any) -> None:
    """DiffAugment: brightness + U - 0.5; saturation times 2 U about the grey; contrast times U + 0.5 about the mean."""
    torch.manual_seed(0)
    images = torch.tensor([1.0, 0.0, -1.0]).view(1, 3, 1, 1).expand(COUNT, 3, 2, 2)
    found = module.recoloured(images)
    shift, spread = found.mean((1, 2, 3)), found[:, 0, 0, 0] - found[:, 2, 0, 0]
    assert -0.5 <= shift.min() < -0.48
    assert 0.48 < shift.max() <= 0.5
    assert abs(float(shift.mean())) < 0.02
    # The spread of 2 is multiplied by 2 U and by V + 0.5: at most 6, 2 on average.
    assert 0 <= spread.min() < 0.1
    assert 5.5 < spread.max() <= 6.0
    assert abs(float(spread.mean()) - 2) < 0.1
    assert (found - found.mean((2, 3), keepdim=True)).abs().max() < 1e-5


def images_move_by_an_eighth_at_most(module: Any) -> None:
    """Each by -1, 0 or 1 of 8 pixels either way, all nine places equally often, with 0 coming in."""
    torch.manual_seed(1)
    images = ramp()
    found = module.moved(images)
    places = []
    for rows in (-1, 0, 1):
        for columns in (-1, 0, 1):
            expected = torch.zeros(3, 8, 8)
            for row in range(8):
                for column in range(8):
                    if 0 <= row + rows < 8 and 0 <= column + columns < 8:
                        expected[:, row, column] = images[0, :, row + rows, column + columns]
            places.append((found == expected).flatten(1).all(1).double().mean().item())
    assert sum(places) == pytest.approx(1.0)
    assert min(places) > 1 / 9 - 0.03


def holes_are_half_a_side_wide(module: Any) -> None:
    """A square of 4 of 8 pixels, whole or cut off by the border, the same in all channels; the rest untouched."""
    torch.manual_seed(2)
    images = ramp()
    found = module.with_a_hole(images)
    hole = found == 0
    assert bool((hole == hole[:, :1]).all())
    assert bool((found == images)[~hole].all())
    rows, columns = hole[:, 0].any(2).sum(1), hole[:, 0].any(1).sum(1)
    assert (int(rows.max()), int(columns.max())) == (4, 4)
    assert (int(rows.min()), int(columns.min())) == (2, 2)
    assert bool((hole[:, 0].flatten(1).sum(1) == rows * columns).all())


def strength_is_a_probability(module: Any) -> None:
    """Each kind for an image by itself: with 0.25, a quarter of the images has a hole; with 0 none is changed."""
    torch.manual_seed(3)
    images = ramp()
    share = (module.Augmentation(strength=0.25, kinds=("cutout",))(images) == 0).flatten(1).any(1).double().mean()
    assert abs(share.item() - 0.25) < 0.03
    assert torch.equal(module.Augmentation(strength=0.0)(images), images)


FACTS = [
    colours_change_as_published,
    images_move_by_an_eighth_at_most,
    holes_are_half_a_side_wide,
    strength_is_a_probability,
]
MUTANTS = [
    ("brightness upwards only", "uniform(images) - 0.5", "uniform(images)"),
    ("saturation without its mean", "2 * uniform(images)", "uniform(images)"),
    ("contrast from 0", "0.5 + uniform(images)", "uniform(images)"),
    ("one shift for the batch", "images.new_empty(len(images), 1, 1, 1)", "images.new_empty(1, 1, 1, 1)"),
    ("shift by a quarter", "SHIFT = 1 / 8", "SHIFT = 1 / 4"),
    ("shift one way", ".clamp(max=2 * most) - most", ".clamp(max=2 * most)"),
    ("what moves out comes in", "(source >= 0) & (source < size)", "source < size + size"),
    ("hole of a whole side", "HOLE = 1 / 2", "HOLE = 1.0"),
    ("hole in one direction", "inside = inside & (place", "inside = (place"),
    ("strength always 1", "uniform(images) < strength", "uniform(images) < 1"),
    ("strength reversed", "uniform(images) < strength", "uniform(images) > strength"),
]


@pytest.mark.parametrize("fact", FACTS)
def test_fact_holds(fact: Any) -> None:
    fact(augmentation)


@pytest.mark.parametrize(("wrong", "old", "new"), MUTANTS)
def test_wrong_form_is_noticed(wrong: str, old: str, new: str) -> None:
    assert violates(augmentation, old, new, FACTS), wrong


def small_gan(augmentation: Augmentation | None) -> Gan:
    torch.manual_seed(4)
    generator = nn.Sequential(nn.Linear(3, 48), nn.Unflatten(1, (3, 4, 4)))
    critic = nn.Sequential(nn.Flatten(), nn.Linear(48, 1), nn.Flatten(0))
    return Gan(
        generator=generator,
        critic=critic,
        generator_optimizer=torch.optim.Adam(generator.parameters()),
        critic_optimizer=torch.optim.Adam(critic.parameters()),
        latent_dim=3,
        augmentation=augmentation,
    )


def test_the_critic_looks_at_changed_images_and_measures_at_real_ones() -> None:
    gan = small_gan(Augmentation())
    batch = Batch(images=torch.rand(6, 3, 4, 4) * 2 - 1)
    plain = gan.critic(batch.images)
    assert torch.equal(gan.exact().score(batch)(batch.images), plain)
    for score in (gan.score(batch), gan.score_to_penalise(batch)):
        assert not torch.allclose(score(batch.images), plain)
    real_scores, _ = gan.score_both(batch, gan.generate(batch))
    assert not torch.allclose(real_scores, plain)
    assert torch.equal(small_gan(None).score(batch)(batch.images), plain)


def test_the_penalty_is_on_the_image_before_its_change() -> None:
    """A linear critic with a hole in what it sees: the slope misses the weights under the hole, image by image."""
    critic = nn.Sequential(nn.Flatten(), nn.Linear(64, 1, bias=False), nn.Flatten(0))
    nn.init.ones_(critic[1].weight)  # type: ignore[arg-type]
    images = torch.ones(50, 1, 8, 8)
    torch.manual_seed(5)
    seen = Augmentation(kinds=("cutout",))(images).flatten(1).sum(1)
    torch.manual_seed(5)
    score = Augmented(critic, Augmentation(kinds=("cutout",)))
    penalty = gradient_penalty(score, images, images, weight=1, target=0, where="real")
    assert penalty.item() == pytest.approx(seen.mean().item(), rel=1e-5)


def test_batch_norm_behind_an_augmentation_is_found() -> None:
    critic = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(48), nn.Linear(48, 1))
    score = in_precision(Augmented(partial(critic), Augmentation()), torch.bfloat16, Casts())
    assert module_behind(score) is critic
    with pytest.raises(UsageError, match="BatchNorm1d"):
        gradient_penalty(score, torch.zeros(4, 3, 4, 4), torch.zeros(4, 3, 4, 4))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"augmentation": {"strength": 1.5}}, "augmentation.strength: input should be less than or equal to 1"),
        ({"augmentation": {"kinds": ["blur"]}}, "augmentation.kinds.0"),
        ({"augmentation": {"size": 3}}, "there is no setting 'augmentation.size'"),
    ],
)
def test_wrong_settings(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as error:
        configure("quick", settings=settings)
    assert message in str(error.value)


def test_a_schedule_of_its_strength() -> None:
    config = configure("quick", settings={"augmentation": {}, "augmentation.strength": {"start": 0.0, "end": 0.5}})
    assert config.augmentation is not None
    last = config.during(config.iterations).augmentation
    assert last is not None
    assert last.strength == pytest.approx(0.5, abs=1e-3)
