"""Numbers that change over training, and what a run makes of them."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gradpen.config import RunConfig
from gradpen.errors import UsageError
from gradpen.lipschitz import GradientPenalty, in_step
from gradpen.optimizers import Adam, Average
from gradpen.schedule import Schedule, number, scheduled, settled
from gradpen.settings import configure, from_dict, to_dict

NUMBERS = st.floats(0, 1e3, allow_nan=False)


def test_r3gans_rate_on_its_way() -> None:
    """Cosine from 2e-4 to 5e-5 over 2e7 images (R3GAN's train.py): start, half way, end and beyond."""
    rate = Schedule(start=2e-4, end=5e-5, images=20_000_000)
    found = [rate.at(images, total=100_000_000) for images in (0, 10_000_000, 20_000_000, 90_000_000)]
    assert found == pytest.approx([2e-4, 1.25e-4, 5e-5, 5e-5], rel=1e-12)
    quarter = 5e-5 + 1.5e-4 * (1 + math.cos(math.pi / 4)) / 2
    assert rate.at(5_000_000, total=100_000_000) == pytest.approx(quarter, rel=1e-12)


def test_a_line_is_a_line() -> None:
    line = Schedule(start=1.0, end=3.0, shape="linear")
    assert [line.at(images, total=4) for images in range(6)] == [1.0, 1.5, 2.0, 2.5, 3.0, 3.0]


@given(NUMBERS, NUMBERS, st.integers(0, 200), st.integers(1, 100), st.sampled_from(["linear", "cosine"]))
def test_a_schedule_stays_between_its_ends(start: float, end: float, images: int, total: int, shape: Any) -> None:
    value = Schedule(start=start, end=end, shape=shape).at(images, total)
    slack = 1e-9 * (1 + max(start, end))
    assert min(start, end) - slack <= value <= max(start, end) + slack


def test_schedules_are_settled_and_nothing_else() -> None:
    adam = Adam(learning_rate=Schedule(start=1.0, end=0.0, shape="linear"), beta2=0.99)
    assert set(scheduled(adam)) == {"learning_rate"}
    assert settled(adam, images=1, total=4) == Adam(learning_rate=0.75, beta2=0.99)
    assert settled(None, images=1, total=4) is None
    constant = GradientPenalty()
    assert settled(constant, images=1, total=4) is constant


def test_a_schedule_has_no_value_by_itself() -> None:
    weakening = GradientPenalty(weight=Schedule(start=1.0, end=0.5))
    points = torch.zeros(4, 2)
    with pytest.raises(UsageError, match="a schedule has a value only at a point of a run"):
        weakening.penalty(torch.nn.Linear(2, 1), points, points)
    assert number(2.0) == 2.0


def test_each_part_of_a_run_changes_as_it_says() -> None:
    falling, rising = Schedule(start=1e-3, end=0.0, shape="linear"), Schedule(start=0.9, end=0.99, shape="linear")
    config = replace(
        configure("wgan-gp"),
        iterations=10,
        generator_optimizer=Adam(learning_rate=falling),
        critic_optimizer=Adam(beta2=rising),
        constraint=GradientPenalty(weight=Schedule(start=2.0, end=1.0, shape="linear")),
        average=Average(half_life=Schedule(start=0.0, end=1000.0, shape="linear"), ramp_up=None),
    )
    first, sixth = config.during(1), config.during(6)
    assert (number_of(first, "generator_optimizer", "learning_rate"), first.constraint) == (
        1e-3,
        GradientPenalty(weight=2.0),
    )
    assert number_of(sixth, "generator_optimizer", "learning_rate") == pytest.approx(5e-4)
    assert number_of(sixth, "critic_optimizer", "beta2") == pytest.approx(0.945)
    assert number_of(sixth, "constraint", "weight") == pytest.approx(1.5)
    assert number_of(sixth, "average", "half_life") == pytest.approx(500.0)
    assert config.follows_its_length
    assert not configure("wgan-gp").follows_its_length
    fixed = replace(configure("wgan-gp"), critic_optimizer=Adam(beta2=Schedule(start=0.5, end=0.9, images=64)))
    assert not fixed.follows_its_length


def number_of(config: RunConfig, part: str, name: str) -> float:
    value: float = getattr(getattr(config, part), name)
    return value


def test_stylegans_average() -> None:
    """stylegan2-ada-pytorch, training_loop.py: 0.5 ** (batch / max(min(ema_nimg, seen * 0.05), 1e-8))."""
    average = Average(half_life=10_000)
    assert average.decay(images=32, seen=0) == 0.0
    assert average.decay(images=32, seen=6_400) == pytest.approx(0.5 ** (32 / 320), rel=1e-12)
    assert average.decay(images=32, seen=10_000_000) == pytest.approx(0.5 ** (32 / 10_000), rel=1e-12)
    assert Average(half_life=320, ramp_up=None).decay(images=32, seen=0) == pytest.approx(0.5**0.1, rel=1e-12)
    assert Average(half_life=0, ramp_up=None).decay(images=32, seen=100) == 0.0


def test_a_lazy_penalty_weighs_as_much_in_all_as_one_in_every_step() -> None:
    lazy = GradientPenalty(weight=0.5, every=4)
    critic, points = torch.nn.Linear(2, 1), torch.ones(4, 2)
    found = [in_step(lazy, step).penalty(critic, points, points).item() for step in range(1, 9)]
    whole = GradientPenalty(weight=0.5).penalty(critic, points, points).item()
    assert found == pytest.approx([0, 0, 0, 4 * whole, 0, 0, 0, 4 * whole])
    every = GradientPenalty(weight=0.5)
    assert in_step(every, 3) is every


def test_both_ends_are_the_sum_of_r1_and_r2() -> None:
    critic = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1)).double()
    real, fake = torch.randn(2, 6, 3, dtype=torch.float64)
    both, real_end, fake_end = (
        GradientPenalty(where=where, target=0, weight=0.5).penalty(critic, real, fake).item()
        for where in ("both", "real", "fake")
    )
    assert both == pytest.approx(real_end + fake_end, rel=1e-12)


def test_a_rate_by_its_option_keeps_the_proportion_of_its_schedule() -> None:
    settings = {"generator_optimizer.learning_rate.end": 1e-5, "generator_optimizer.learning_rate.shape": "linear"}
    config = configure("wgan-gp", settings=settings)
    assert config.generator_optimizer.learning_rate == Schedule(start=2e-4, end=1e-5, shape="linear")
    doubled = configure("wgan-gp", settings={**settings, "learning_rate": 4e-4})
    assert doubled.generator_optimizer.learning_rate == Schedule(start=4e-4, end=2e-5, shape="linear")
    assert doubled.critic_optimizer.learning_rate == 4e-4


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"generator_optimizer.learning_rate": -1}, "learning_rate: input should be greater than 0, found -1"),
        ({"generator_optimizer.learning_rate": {"start": 1}}, "learning_rate.end: field required"),
        ({"critic_optimizer.beta2": 1.0}, "critic_optimizer.beta2: input should be less than 1, found 1.0"),
        ({"average": 2}, "average: input should be less than 1, found 2"),
        ({"average": {"half": 2}}, "there is no setting 'average.half'"),
        ({"critic_optimizer.beta2": {"start": 0.9, "end": 1.0}}, "a schedule of a decay stays below 1"),
        ({"augmentation": {"strength": {"start": 0, "end": 2}}}, "a schedule of a share stays within 0 and 1"),
        ({"constraint.every": 0}, "constraint.every: input should be greater than 0, found 0"),
    ],
)
def test_wrong_numbers_and_schedules(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as error:
        configure("wgan-gp", settings=settings)
    assert message in str(error.value)


def test_a_configuration_of_an_earlier_version_is_read() -> None:
    values = to_dict(configure("wgan-gp"))
    assert from_dict({**values, "learning_rate_decay": "none"}) == configure("wgan-gp")
    decaying = from_dict({**values, "learning_rate_decay": "linear"})
    linear = Schedule(start=2e-4, end=0.0, shape="linear")
    assert decaying.generator_optimizer.learning_rate == decaying.critic_optimizer.learning_rate == linear


def test_a_schedule_may_start_and_end_at_zero() -> None:
    """A warm-up from 0, and a rate that is 0 before the run is over, where a number by itself must be positive."""
    config = replace(
        configure("quick"),
        iterations=10,
        generator_optimizer=Adam(learning_rate=Schedule(start=1e-3, end=0.0, images=32)),
        critic_optimizer=Adam(learning_rate=Schedule(start=0.0, end=1e-3)),
        constraint=GradientPenalty(weight=Schedule(start=0.0, end=1.0)),
    )
    assert number_of(config.during(9), "generator_optimizer", "learning_rate") == 0.0
    assert number_of(config.during(1), "critic_optimizer", "learning_rate") == 0.0
    assert number_of(config.during(1), "constraint", "weight") == 0.0


def test_whole_numbers_become_schedules_too() -> None:
    config = configure("wgan-gp", settings={"constraint.weight": 10, "constraint.weight.end": 1})
    assert config.constraint == GradientPenalty(weight=Schedule(start=10, end=1))
    averaged = configure("wgan-gp", settings={"average": 0.999, "average.half_life": 500})
    assert averaged.average == Average(half_life=500)
    with pytest.raises(UsageError, match=r"learning_rate.end: field required"):
        configure("wgan-gp", settings={"generator_optimizer.learning_rate.hold": 0.5, "learning_rate": 1e-3})
