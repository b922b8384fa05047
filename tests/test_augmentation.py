"""Changes of images before the critic looks: what each does, where it happens, and what stays as it is."""

import shutil
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import gradpen
from facts import violates
from gradpen import augmentation
from gradpen.augmentation import AdaptiveStrength, Augmentation, Augmented
from gradpen.batch import Batch
from gradpen.coupling import module_behind
from gradpen.errors import UsageError
from gradpen.gan import Gan
from gradpen.networks.precision import Casts, in_precision
from gradpen.penalties import gradient_penalty
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


def the_strength_follows_the_signs(module: Any) -> None:
    """Karras et al.: p moves by B / images towards a mean sign of the target on data, and stays within 0 and 1."""
    adaptive = module.AdaptiveStrength(target=0.5, images=40)
    start = torch.tensor(0.25)
    sure, unsure = torch.tensor([3.0, 0.1, 2.0, 5.0]), torch.tensor([3.0, -0.1, 0.2, -9.0])
    assert adaptive.moved(start, sure).item() == pytest.approx(0.35)
    assert adaptive.moved(start, unsure).item() == pytest.approx(0.15)
    # Three of four above 0: a mean sign of 0.5 is what is wanted.
    assert adaptive.moved(start, torch.tensor([1.0, 1.0, 9.0, -1.0])).item() == pytest.approx(0.25)
    assert adaptive.moved(torch.tensor(0.95), sure).item() == 1.0
    assert adaptive.moved(torch.tensor(0.05), unsure).item() == 0.0


def an_adaptive_strength_is_the_one_given(module: Any) -> None:
    torch.manual_seed(6)
    adaptive = module.Augmentation(strength=module.AdaptiveStrength(), kinds=("cutout",))
    seen = module.Augmented(lambda images: (images == 0).flatten(1).any(1), adaptive, torch.tensor(0.25))
    assert abs(seen(ramp()).double().mean().item() - 0.25) < 0.03


FACTS = [
    colours_change_as_published,
    images_move_by_an_eighth_at_most,
    holes_are_half_a_side_wide,
    strength_is_a_probability,
    the_strength_follows_the_signs,
    an_adaptive_strength_is_the_one_given,
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
    ("strength always 1", "uniform(images) < likely", "uniform(images) < 1"),
    ("strength reversed", "uniform(images) < likely", "uniform(images) > likely"),
    ("strength falls where the critic is sure", "sure - self.target", "self.target - sure"),
    ("strength of the scores' size", "real_scores.detach().sign().mean()", "real_scores.detach().mean()"),
    ("strength moves in proportion", "(sure - self.target).sign()", "(sure - self.target)"),
    ("strength below 0", ".clamp(0, 1)", ".clamp(max=1)"),
    ("strength above 1", ".clamp(0, 1)", ".clamp(min=0)"),
    ("strength moves by the step, not by images", "len(real_scores) * sharing.count()", "1"),
    (
        "the run's strength is ignored",
        "self.network(self.augmentation(images, self.strength))",
        "self.network(self.augmentation(images, torch.ones(())))",
    ),
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
        ({"augmentation.strength.target": 1.5}, "augmentation.strength.target: input should be less than 1"),
        ({"augmentation.strength.goal": 0.5}, "there is no setting 'augmentation.strength.goal'"),
        (
            {"augmentation.strength.target": 0.5, "objective": "wasserstein"},
            "augmentation.strength can adapt to scores whose sign tells data from samples",
        ),
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


ADAPTIVE: dict[str, Any] = {"augmentation.strength.target": 0.5, "augmentation.strength.images": 400}


def test_an_adaptive_strength_is_measured_and_resumed_exactly(tmp_path: Path) -> None:
    chosen: dict[str, Any] = {"iterations": 40, "cadence.save_every": 20, "cadence.log_every": 10, "threads": 1}
    whole = gradpen.train(out=tmp_path / "run", seed=3, **chosen, **ADAPTIVE)
    strengths = [row["augmentation_strength"] for row in whole.measures]
    assert strengths[0] == 0
    assert max(strengths) > 0.1
    shutil.rmtree(whole.path / "checkpoint" / "00000040")
    resumed = gradpen.train(resume=whole.path)
    assert [row["augmentation_strength"] for row in resumed.measures] == strengths
    assert np.array_equal(resumed.sample(8, seed=1), whole.sample(8, seed=1))


def test_an_augmentation_without_its_strength_is_refused() -> None:
    with pytest.raises(UsageError, match="give it one"):
        Augmentation(strength=AdaptiveStrength())(torch.zeros(2, 1, 4, 4))
