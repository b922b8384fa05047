"""What every choice promises: finite losses and gradients, an identity through JSON, no side effects."""

import itertools
import json
from typing import Any

import pytest
import torch

from gradpen.config import RunConfig
from gradpen.lipschitz import (
    Constraint,
    GradientPenalty,
    SpectralNorm,
    Unconstrained,
    WassersteinDivergence,
    WeightClipping,
)
from gradpen.networks.blocks import CriticChoice, GeneratorChoice
from gradpen.networks.dcgan import DcganCritic, DcganGenerator
from gradpen.networks.mlp import MlpCritic, MlpGenerator
from gradpen.objectives import (
    Hinge,
    LeastSquares,
    Minimax,
    NonSaturating,
    Objective,
    Relativistic,
    RelativisticAverage,
    Wasserstein,
)
from gradpen.optimizers import Adam, OptimizerChoice, RMSProp
from gradpen.presets.catalogue import PRESETS, parameter_counts
from gradpen.presets.preset import Preset
from gradpen.settings import ADAPTER, from_dict, to_dict

OBJECTIVES: list[Objective] = [
    Wasserstein(),
    Minimax(),
    NonSaturating(),
    NonSaturating(real_targets=(0.8, 1.0), fake_targets=(0.0, 0.1), flip=0.1),
    NonSaturating(real_targets=(1.0, 1.1), fake_targets=(-0.1, 0.0), beyond_bounds=True),
    LeastSquares(),
    Hinge(),
    Relativistic(),
    RelativisticAverage(),
]
CONSTRAINTS: list[Constraint] = [
    Unconstrained(),
    WeightClipping(),
    WeightClipping(norm_layers=False),
    GradientPenalty(),
    GradientPenalty(weight=0.1, one_sided=True),
    GradientPenalty(target=0),
    GradientPenalty(weight=5, target=0, where="real"),
    GradientPenalty(weight=5, target=0, where="fake"),
    GradientPenalty(where="noise"),
    GradientPenalty(where="normal-line"),
    WassersteinDivergence(),
    SpectralNorm(),
]
GENERATORS: list[GeneratorChoice] = [
    MlpGenerator(widths=(8, 8)),
    MlpGenerator(widths=(8,), batch_norm=False),
    DcganGenerator(width=4),
    DcganGenerator(width=4, norm="none", initialiser="normal-0.02"),
    DcganGenerator(width=4, norm="layer", initialiser="pytorch"),
    DcganGenerator(width=4, way="upsample"),
]
CRITICS: list[CriticChoice] = [
    MlpCritic(widths=(8,)),
    DcganCritic(width=4),
    DcganCritic(width=4, norm="layer", initialiser="normal-0.02"),
]
OPTIMIZERS: list[OptimizerChoice] = [Adam(), RMSProp(), RMSProp(form="tensorflow")]
SHAPES = [(1, 8, 8), (3, 7, 13), (4, 20, 9), (2, 1, 1)]


@pytest.mark.parametrize("objective", OBJECTIVES, ids=repr)
@pytest.mark.parametrize("constraint", CONSTRAINTS, ids=repr)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("rank", [2, 3, 4])
def test_losses_and_gradients_are_finite(
    objective: Objective, constraint: Constraint, dtype: torch.dtype, rank: int
) -> None:
    torch.manual_seed(0)
    real, fake = torch.randn(2, 6, *[3] * (rank - 1), dtype=dtype)
    critic = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 ** (rank - 1), 4), torch.nn.ReLU())
    critic.append(torch.nn.Linear(4, 1)).to(dtype)
    constraint.prepare(critic)
    inputs = real.clone(), fake.clone()
    loss = objective.critic_loss(critic(real), critic(fake)) + constraint.penalty(critic, real, fake)
    loss.backward()
    assert loss.dtype == dtype
    assert bool(torch.isfinite(loss))
    assert all(p.grad is not None and bool(torch.isfinite(p.grad).all()) for p in critic.parameters())
    assert torch.equal(real, inputs[0])
    assert torch.equal(fake, inputs[1])
    constraint.project(critic)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(("generator", "critic"), list(itertools.product(GENERATORS, CRITICS)))
def test_networks_take_any_image(generator: GeneratorChoice, critic: CriticChoice, shape: tuple[int, int, int]) -> None:
    torch.manual_seed(0)
    samples = generator.build(shape)(torch.randn(5, generator.latent_dim))
    assert samples.shape == (5, *shape)
    assert samples.abs().max() <= 1
    scores = critic.build(shape)(samples)
    assert scores.shape == (5,)


@pytest.mark.parametrize("critic", CRITICS, ids=repr)
def test_critic_scores_each_example_on_its_own(critic: CriticChoice) -> None:
    """Changing one example changes no other score; a gradient penalty rests on that."""
    torch.manual_seed(0)
    network = critic.build((1, 8, 8)).double()
    images = torch.randn(4, 1, 8, 8, dtype=torch.float64)
    before = network(images)
    images[2] += 1
    changed = (network(images) - before).abs() > 1e-12
    assert changed.tolist() == [False, False, True, False]


@pytest.mark.parametrize("choice", [*OBJECTIVES, *CONSTRAINTS, *GENERATORS, *CRITICS, *OPTIMIZERS], ids=repr)
def test_choice_is_frozen_and_reads_as_its_fields(choice: Any) -> None:
    with pytest.raises(AttributeError):
        choice.name = "other"
    assert eval(repr(choice), globals()) == choice


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_preset_survives_json(preset: Preset) -> None:
    config = preset.config()
    assert config.preset == preset.name
    assert from_dict(json.loads(json.dumps(to_dict(config)))) == config
    assert preset.config.__doc__


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_preset_builds_what_its_constraint_allows(preset: Preset) -> None:
    config = preset.config()
    config.constraint.prepare(config.critic.build(preset.shape, preset.labels))


def test_published_parameter_counts() -> None:
    """PyTorch-GAN's MLPs at 28x28 and 32x32: counted layer by layer from its wgan.py and wgan_gp.py."""
    counts = {preset.name: parameter_counts(preset) for preset in PRESETS}
    assert counts["wgan-mnist"] == (1_510_032, 533_505)
    assert counts["wgan-gp-mnist"] == (1_756_032, 656_385)


def test_dcgan_counts_at_64() -> None:
    """The critic of github.com/martinarjovsky/WassersteinGAN has 2,765,568 without biases and with batch norm."""

    def count(module: torch.nn.Module) -> int:
        return sum(p.numel() for p in module.parameters())

    ours = count(DcganCritic(norm="batch").build((3, 64, 64)))
    first_bias, last_bias = 64, 1
    assert ours - first_bias - last_bias == 2_765_568


def test_schema_is_complete() -> None:
    assert ADAPTER.json_schema()["title"] == RunConfig.__name__
