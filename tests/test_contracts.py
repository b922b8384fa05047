"""What every choice promises: finite losses and gradients, an identity through JSON, no side effects."""

import copy
import json
from dataclasses import fields, replace
from typing import Any

import pytest
import torch

from gradpen.config import RunConfig
from gradpen.lipschitz import CONSTRAINT_FORMS, CONSTRAINTS, Constraint, GradientPenalty, WeightClipping
from gradpen.networks.blocks import CriticChoice, GeneratorChoice, Shape
from gradpen.networks.choices import (
    CRITICS,
    GENERATORS,
    BottleneckCritic,
    BottleneckGenerator,
    DcganCritic,
    DcganGenerator,
    LanguageCritic,
    LanguageGenerator,
    MlpCritic,
    MlpGenerator,
    OwnCritic,
    OwnGenerator,
    R3ganCritic,
    R3ganGenerator,
    ResidualCritic,
    ResidualGenerator,
    Stage,
    StagedCritic,
    StagedGenerator,
    StridedCritic,
    StridedGenerator,
    TaperedCritic,
    TaperedGenerator,
)
from gradpen.objectives import (
    OBJECTIVES,
    Hinge,
    LeastSquares,
    Minimax,
    NonSaturating,
    Objective,
    Relativistic,
    RelativisticAverage,
    Wasserstein,
)
from gradpen.optimizers import OPTIMIZERS, Adam, OptimizerChoice, RMSProp
from gradpen.presets.catalogue import PRESETS, find, parameter_counts
from gradpen.presets.preset import Preset
from gradpen.settings import ADAPTER, configure, from_dict, to_dict

OBJECTIVE_FORMS: list[Objective] = [
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
EVERY_CONSTRAINT: list[Any] = [
    *CONSTRAINT_FORMS.values(),
    WeightClipping(norm_layers=False),
    GradientPenalty(weight=0.1, one_sided=True),
    GradientPenalty(where="normal-line"),
]
ANY_SHAPE: list[Shape] = [(1, 8, 8), (3, 7, 13), (4, 20, 9), (2, 1, 1)]
HALVING: list[Shape] = [(1, 8, 8), (3, 16, 8), (2, 32, 64)]
"""what residual networks take"""
LINES: list[Shape] = [(5, 1, 7), (26, 1, 32)]
"""symbols and characters"""
UP = Stage(channels=4, way="up", norm="batch", activation="relu"), Stage(way="up", activation="tanh")
DOWN = Stage(channels=4, dropout=0.1), Stage(channels=6, kernel=5, norm="layer")
GENERATOR_SHAPES: dict[GeneratorChoice, list[Shape]] = {
    MlpGenerator(widths=(8, 8)): ANY_SHAPE,
    MlpGenerator(widths=(8,), batch_norm=False): ANY_SHAPE,
    DcganGenerator(width=4): ANY_SHAPE,
    DcganGenerator(width=4, norm="none", initialiser="normal-0.02"): ANY_SHAPE,
    DcganGenerator(width=4, norm="layer", initialiser="pytorch"): ANY_SHAPE,
    DcganGenerator(width=4, way="upsample"): ANY_SHAPE,
    StagedGenerator(first=(4, 2, 3), first_norm="batch", stages=UP): [(1, 8, 12), (3, 8, 12)],
    StagedGenerator(first=(4, 2, 3), stages=UP, way="upsample"): [(3, 8, 12)],
    StagedGenerator(latent_dim=5, stages=(Stage(kernel=7, way="up", valid=True, activation="sigmoid-range"),)): [
        (2, 7, 7)
    ],
    ResidualGenerator(latent_dim=5, width=4): HALVING,
    R3ganGenerator(latent_dim=5, width=4, group=4): HALVING,
    TaperedGenerator(latent_dim=5, width=4, most=2): HALVING,
    StridedGenerator(latent_dim=5, width=4, most=2): HALVING,
    BottleneckGenerator(latent_dim=5, width=4, blocks=2): HALVING,
    LanguageGenerator(latent_dim=5, width=4, blocks=2): LINES,
    OwnGenerator(source="own_networks:Generator", arguments={"width": 6}, latent_dim=12): [(1, 8, 8)],
}
CRITIC_SHAPES: dict[CriticChoice, list[Shape]] = {
    MlpCritic(widths=(8,)): ANY_SHAPE,
    MlpCritic(widths=(8, 4), maxout=3): ANY_SHAPE,
    DcganCritic(width=4): ANY_SHAPE,
    DcganCritic(width=4, norm="layer", initialiser="normal-0.02"): ANY_SHAPE,
    StagedCritic(stages=DOWN[1:]): ANY_SHAPE,
    StagedCritic(stages=(*DOWN, Stage(channels=1, kernel=2, valid=True)), pad_to=8): [(1, 8, 8), (3, 7, 5)],
    ResidualCritic(width=4): HALVING,
    R3ganCritic(width=4, group=4): HALVING,
    TaperedCritic(width=4, most=2): HALVING,
    StridedCritic(width=4, most=2): HALVING,
    BottleneckCritic(width=4, blocks=2): HALVING,
    LanguageCritic(width=4, blocks=2): LINES,
    OwnCritic(source="torch.nn:LeakyReLU", reduce="mean"): ANY_SHAPE,
}
OPTIMIZER_FORMS: list[OptimizerChoice] = [Adam(), RMSProp(), RMSProp(form="tensorflow")]
EVERY_FORM = [*OBJECTIVE_FORMS, *EVERY_CONSTRAINT, *GENERATOR_SHAPES, *CRITIC_SHAPES, *OPTIMIZER_FORMS]
FAMILIES: dict[str, tuple[type, ...]] = {
    "generator": GENERATORS,
    "critic": CRITICS,
    "objective": OBJECTIVES,
    "constraint": CONSTRAINTS,
    "generator_optimizer": OPTIMIZERS,
    "critic_optimizer": OPTIMIZERS,
}
"""the members of each, by the setting that chooses one"""
CHOICES = {member for family in FAMILIES.values() for member in family}


def with_shapes(table: dict[Any, list[Shape]]) -> list[Any]:
    return [pytest.param(choice, shape, id=f"{choice}-{shape}") for choice, shapes in table.items() for shape in shapes]


def test_every_choice_is_held_to_its_contract() -> None:
    assert {type(form) for form in EVERY_FORM} == CHOICES


@pytest.mark.parametrize("objective", OBJECTIVE_FORMS, ids=repr)
@pytest.mark.parametrize("constraint", EVERY_CONSTRAINT, ids=repr)
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


@pytest.mark.parametrize(("generator", "shape"), with_shapes(GENERATOR_SHAPES))
def test_generators_make_images_of_the_shape(generator: GeneratorChoice, shape: Shape) -> None:
    torch.manual_seed(0)
    samples = generator.build(shape)(torch.randn(5, generator.latent_dim))
    assert samples.shape == (5, *shape)
    assert samples.abs().max() <= 1
    assert samples.std(0).max() > 0, "other latents, other images"


@pytest.mark.parametrize(("critic", "shape"), with_shapes(CRITIC_SHAPES))
def test_critics_score_each_image_of_the_shape_on_its_own(critic: CriticChoice, shape: Shape) -> None:
    """In training, changing one example changes no other score; a gradient penalty rests on that."""
    torch.manual_seed(0)
    network = critic.build(shape).double()
    images = torch.rand(5, *shape, dtype=torch.float64) * 2 - 1
    moved = images.clone()
    moved[2] += 1
    scores = []
    for batch in (images, moved):
        torch.manual_seed(1)
        scores.append(network(batch))
        assert scores[-1].shape == (5,)
    changed = (scores[1] - scores[0]).abs() > 1e-12
    assert changed.tolist() == [False, False, True, False, False]


@pytest.mark.parametrize("choice", EVERY_FORM, ids=repr)
def test_choice_is_frozen_and_reads_as_its_fields(choice: Any) -> None:
    with pytest.raises(AttributeError):
        choice.name = "other"
    assert eval(repr(choice), {kind.__name__: kind for kind in (*CHOICES, Stage)}) == choice


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
    """Counted layer by layer from PyTorch-GAN's wgan.py and wgan_gp.py, and from the scripts of the WGAN-GP release."""
    counts = {preset.name: parameter_counts(preset) for preset in PRESETS}
    assert counts["wgan-mnist"] == (1_510_032, 533_505)
    assert counts["wgan-gp-mnist"] == (1_756_032, 656_385)
    baseline_critic = 4_316_545
    assert counts["lsun-64-dcgan"] == (5_364_739, baseline_critic)
    assert counts["lsun-64-constant-filters"] == (444_291, baseline_critic)
    assert counts["lsun-64-mlp"] == (7_157_760, baseline_critic)
    assert counts["lsun-64-no-norm"] == (5_362_819, 4_314_753)
    assert counts["lsun-64-gated"] == (10_724_675, 8_624_897)
    assert counts["lsun-64-tanh"] == counts["lsun-64-dcgan"]
    assert counts["lsun-64-residual-101"] == (9_189_587, 7_618_801)
    assert counts["lsun-64-residual"] == (8_540_483, 7_491_841)
    assert counts["lsun-128-residual"] == (8_543_555, 47_757_697)
    assert counts["language-model"] == (15_277_156, 13_180_417)
    assert counts["toy-wgan-gp"] == counts["toy-wgan"] == (527_874, 527_361)
    assert counts["cifar10-wgan-gp"] == (5_179_907, 4_114_689)
    assert counts["cifar10-wgan"] == (5_179_907, 4_114_689 + 1_536)
    assert counts["cifar10-residual"] == (1_204_483, 1_053_825)
    assert counts["cifar10-residual-labels"] == (1_218_307, 1_053_825 + 1_290)


def test_dcgan_counts_at_64() -> None:
    """The critic of github.com/martinarjovsky/WassersteinGAN has 2,765,568 without biases and with batch norm."""

    def count(module: torch.nn.Module) -> int:
        return sum(p.numel() for p in module.parameters())

    ours = count(DcganCritic(norm="batch").build((3, 64, 64)))
    first_bias, last_bias = 64, 1
    assert ours - first_bias - last_bias == 2_765_568


def test_settings_given_are_left_as_they_are() -> None:
    network = to_dict(replace(find("gan").config(), generator=DcganGenerator(width=4)))["generator"]
    settings = {"generator": network, "generator.way": "upsample", "data.path": "embedded:bricks"}
    before = copy.deepcopy(settings)
    config = configure("gan", settings=settings)
    assert settings == before
    assert isinstance(config.generator, DcganGenerator)
    assert (config.generator.width, config.generator.way) == (4, "upsample")


def test_schema_is_complete() -> None:
    """It has every field of a configuration, and for each choice every member of its family with every field."""
    schema = ADAPTER.json_schema()

    def names(kind: Any) -> set[str]:
        return {field.name for field in fields(kind)}

    assert schema["properties"].keys() == names(RunConfig)
    for part, family in FAMILIES.items():
        found = schema["properties"][part]["discriminator"]["mapping"]
        members = {name: schema["$defs"][reference.rsplit("/")[-1]] for name, reference in found.items()}
        expected: dict[str, Any] = {getattr(member, "name"): names(member) for member in family}  # noqa: B009
        assert {name: set(member["properties"]) for name, member in members.items()} == expected
