"""A run's configuration: its parts, its checks, JSON in and out, overrides by dotted key."""

import json
import tomllib
import types
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self, Union, get_args, get_origin, get_type_hints

from pydantic import Field, NonNegativeInt, PositiveInt, TypeAdapter, ValidationError, model_validator
from pydantic.dataclasses import dataclass

from gradpen.auxiliary import ClassLoss
from gradpen.choice import STRICT
from gradpen.data.choice import DataChoice
from gradpen.errors import UsageError
from gradpen.lipschitz import (
    GradientPenalty,
    SpectralNorm,
    Unconstrained,
    WassersteinDivergence,
    WeightClipping,
)
from gradpen.names import nearest, safe_name
from gradpen.networks.dcgan import DcganCritic, DcganGenerator
from gradpen.networks.mlp import MlpCritic, MlpGenerator
from gradpen.networks.residual import ResidualCritic, ResidualGenerator
from gradpen.networks.stages import StagedCritic, StagedGenerator
from gradpen.objectives import (
    Hinge,
    LeastSquares,
    Minimax,
    NonSaturating,
    Relativistic,
    RelativisticAverage,
    Wasserstein,
)
from gradpen.optimizers import Adam, RmsProp

ObjectiveChoice = Annotated[
    Wasserstein | Minimax | NonSaturating | LeastSquares | Hinge | Relativistic | RelativisticAverage,
    Field(discriminator="name"),
]
ConstraintChoice = Annotated[
    Unconstrained | WeightClipping | SpectralNorm | GradientPenalty | WassersteinDivergence,
    Field(discriminator="name"),
]
GeneratorNetwork = Annotated[
    MlpGenerator | DcganGenerator | StagedGenerator | ResidualGenerator, Field(discriminator="name")
]
CriticNetwork = Annotated[MlpCritic | DcganCritic | StagedCritic | ResidualCritic, Field(discriminator="name")]
Optimizer = Annotated[Adam | RmsProp, Field(discriminator="name")]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Cadence:
    """How often the run is measured, sampled and saved, in iterations."""

    log_every: PositiveInt = 50
    """measure critic and gradients and write a row of measures.jsonl"""
    sample_every: PositiveInt = 200
    """write a sample grid and measure the distance to held-out data; also after 10 and 50 iterations"""
    save_every: PositiveInt = 200
    """write a checkpoint"""
    keep: Annotated[int, Field(ge=2)] = 2
    """checkpoints kept; at least 2, so that a damaged one has a predecessor"""
    grid: PositiveInt = 64
    """samples in a grid"""


@dataclass(frozen=True, kw_only=True, config=STRICT)
class CriticWarmUp:
    """More critic updates than usual at the start and now and then.

    Source: github.com/martinarjovsky/WassersteinGAN, ``main.py``: 100 in the first 25 iterations and every 500th.
    """

    steps: PositiveInt = 100
    """critic updates in such an iteration"""
    first: NonNegativeInt = 25
    """iterations at the start that are such"""
    every: PositiveInt = 500
    """also every so many iterations, counted from the first"""

    def iterations(self, count: int) -> int:
        """Return how many of the first ``count`` iterations are such.

        >>> CriticWarmUp().iterations(25), CriticWarmUp().iterations(500), CriticWarmUp().iterations(501)
        (25, 25, 26)
        """
        multiples = -(-count // self.every)
        multiples_at_start = -(-min(count, self.first) // self.every)
        return min(count, self.first) + multiples - multiples_at_start


@dataclass(frozen=True, kw_only=True, config=STRICT)
class RunConfig:
    """Everything that decides a run; together with data and machine it fixes every bit of the result."""

    preset: str
    """where the configuration started from"""
    generator: GeneratorNetwork
    critic: CriticNetwork
    objective: ObjectiveChoice
    constraint: ConstraintChoice
    generator_optimizer: Optimizer
    critic_optimizer: Optimizer
    critic_steps: PositiveInt = 5
    """critic updates per generator update, n_critic in the papers"""
    critic_warm_up: CriticWarmUp | None = None
    """more critic updates at the start and now and then"""
    reuse_batch: bool = False
    """take all critic updates of an iteration on one batch, as the notebooks of Foster, Generative Deep Learning, do"""
    class_loss: ClassLoss = Field(default_factory=ClassLoss)
    """weights of the class loss of a critic that classifies"""
    batch_size: Annotated[int, Field(ge=2)] = 64
    """images in a batch, of all processes together, at least 2 so that batch norm has statistics"""
    accumulate: PositiveInt = 1
    """parts of a batch that go through the networks one after the other, their gradients averaged, to save memory"""
    average: Annotated[float, Field(gt=0, lt=1)] | None = None
    """decay of a moving average of the generator's weights, for example 0.999; samples and measures are then its"""
    learning_rate_decay: Literal["none", "linear"] = "none"
    """linear: both learning rates fall to 0 over the iterations"""
    iterations: PositiveInt = 10_000
    """generator updates"""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    device: str = "auto"
    """auto, cpu, cuda or cuda:N"""
    engine: Literal["lean", "reference"] = "lean"
    """lean: second derivatives without needless work; reference: PyTorch's own, to compare with"""
    precision: Literal["fp32", "bf16", "bf16-fp32-penalty", "auto"] = "fp32"
    """what networks compute in; weights, optimisers, losses and the penalty's norm are fp32 always. bf16: bfloat16;
    bf16-fp32-penalty: the critic under the penalty in fp32; auto: bf16 where the device computes in it, else fp32"""
    threads: PositiveInt | None = None
    """processor threads; none: as many as torch takes. The last bits of a result depend on it"""
    data: DataChoice = Field(default_factory=DataChoice)
    cadence: Cadence = Field(default_factory=Cadence)

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        if self.batch_size % self.accumulate or self.batch_size // self.accumulate < 2:
            raise ValueError(
                f"a batch of {self.batch_size} cannot be accumulated from {self.accumulate} equal parts of at least 2"
            )
        if self.conditional != (self.critic.labels != "none"):
            raise ValueError(
                f"either both networks take labels or none does, but generator.labels is {self.generator.labels} and "
                f"critic.labels is {self.critic.labels}"
            )
        if self.engine == "reference" and self.precision != "fp32":
            raise ValueError(f"the reference engine is fp32, but precision is {self.precision}")
        return self

    @property
    def conditional(self) -> bool:
        """Whether the networks take labels."""
        return self.generator.labels != "none"

    def critic_updates(self, iterations: int) -> int:
        """Return how many critic updates the first ``iterations`` iterations take."""
        usual = iterations * self.critic_steps
        if self.critic_warm_up is None:
            return usual
        return usual + (self.critic_warm_up.steps - self.critic_steps) * self.critic_warm_up.iterations(iterations)

    def learning_rate_factor(self, iteration: int) -> float:
        """Return what both learning rates are multiplied by in an iteration, the first being 1."""
        return 1 - (iteration - 1) / self.iterations if self.learning_rate_decay == "linear" else 1.0


ADAPTER = TypeAdapter(RunConfig)


def to_dict(config: RunConfig) -> dict[str, Any]:
    """Return the configuration as JSON-able values."""
    values: dict[str, Any] = ADAPTER.dump_python(config, mode="json")
    return values


def from_dict(values: Mapping[str, Any], *, origin: str = "the configuration") -> RunConfig:
    """Return a validated configuration.

    Raises:
        UsageError: naming the key, what was found and what was expected.
    """
    if not isinstance(values, Mapping):
        raise UsageError(f"{origin} holds no settings; expected an object of settings by name")
    try:
        return ADAPTER.validate_python(dict(values))
    except ValidationError as error:
        problems = [describe(problem) for problem in error.errors(include_url=False)]
        raise UsageError(f"{origin}: " + "; ".join(problems)) from None


def describe(problem: Mapping[str, Any]) -> str:
    """Return one pydantic problem as words."""
    *parents, last = without_tags([str(part) for part in problem["loc"]])
    key = ".".join([*parents, last])
    if problem["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        return f"there is no setting '{safe_name(key)}'" + nearest(last, known_fields(parents))
    if problem["type"] == "union_tag_invalid":
        tag = problem["ctx"]["tag"]
        allowed = problem["ctx"]["expected_tags"]
        return f"{key}: there is no '{safe_name(tag)}'; choose one of {allowed}"
    found = safe_name(repr(problem["input"]))[:80]
    message = problem["msg"].removeprefix("Value error, ")
    return f"{key}: {message[0].lower()}{message[1:]}, found {found}"


def without_tags(place: list[str]) -> list[str]:
    """Return the keys of pydantic's location, without the choice's name that follows a choice's key."""
    kept: list[str] = []
    tag_may_follow = False
    for part in place:
        if tag_may_follow and part in CHOICE_NAMES:
            tag_may_follow = False
            continue
        tag_may_follow = part in CHOICE_KEYS and not kept
        kept.append(part)
    return kept or ["configuration"]


def members(annotation: Any) -> list[type]:
    """Return the dataclasses an annotation admits."""
    if get_origin(annotation) is Annotated:
        return members(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return [member for part in get_args(annotation) for member in members(part)]
    return [annotation] if is_dataclass(annotation) and isinstance(annotation, type) else []


CHOICE_KEYS = ("generator", "critic", "objective", "constraint", "generator_optimizer", "critic_optimizer")
CHOICE_NAMES = frozenset(
    str(field.default)
    for annotation in get_type_hints(RunConfig, include_extras=True).values()
    for member in members(annotation)
    for field in fields(member)
    if field.name == "name"
)


def known_fields(parents: Iterable[str]) -> list[str]:
    """Return the names of the settings below a dotted key."""
    choices: list[type] = [RunConfig]
    for parent in parents:
        choices = [
            member for choice in choices for member in members(get_type_hints(choice, include_extras=True).get(parent))
        ]
    return [field.name for choice in choices for field in fields(choice)]


def read_file(file: Path) -> dict[str, Any]:
    """Return the values in a JSON or TOML configuration file.

    Raises:
        UsageError: the file cannot be read or is neither.
    """
    name = safe_name(file)
    try:
        text = file.read_text(encoding="utf-8")
        if file.suffix == ".toml":
            values: Any = tomllib.loads(text)
        elif file.suffix == ".json":
            values = json.loads(text)
        else:
            raise UsageError(f"{name}: configuration files end in .json or .toml")
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{name} is not valid {file.suffix[1:].upper()}: {safe_name(error)}") from None
    if not isinstance(values, dict):
        raise UsageError(f"{name} holds no settings; expected an object of settings by name")
    return values


def parse_override(text: str) -> tuple[str, Any]:
    """Split ``key=value``; the value is read as JSON where it is JSON, else as text.

    >>> parse_override("constraint.weight=0.1"), parse_override("device=cpu")
    (('constraint.weight', 0.1), ('device', 'cpu'))
    """
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise UsageError(f"--set {safe_name(text)}: write KEY=VALUE, for example --set critic_steps=3")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


def override(values: dict[str, Any], key: str, value: Any) -> None:
    """Set a dotted key in place. A choice may be named alone: ``constraint=weight-clipping``.

    Raises:
        UsageError: there is no such setting; the nearest one is named.
    """
    *parents, last = key.split(".")
    place = values
    for depth, parent in enumerate(parents):
        if place.get(parent) is None:
            place[parent] = {}
        if parent not in known_fields(parents[:depth]) or not isinstance(place[parent], dict):
            raise UsageError(f"there is no setting '{safe_name(key)}'" + nearest(parent, known_fields(parents[:depth])))
        place = place[parent]
    if last not in known_fields(parents):
        raise UsageError(f"there is no setting '{safe_name(key)}'" + nearest(last, known_fields(parents)))
    if not parents and isinstance(value, str) and isinstance(place.get(last), dict):
        value = {"name": value}
    place[last] = value


def merge(values: dict[str, Any], changes: Mapping[str, Any]) -> None:
    """Lay the values of a configuration file over ``values``, part by part, in place."""
    for key, value in changes.items():
        below = values.get(key)
        renamed = isinstance(value, Mapping) and value.get("name", None) not in (
            None,
            below.get("name") if isinstance(below, dict) else None,
        )
        if isinstance(value, Mapping) and isinstance(below, dict) and not renamed:
            merge(below, value)
        else:
            values[key] = dict(value) if isinstance(value, Mapping) else value


def differences(one: RunConfig, other: RunConfig) -> list[str]:
    """Return the dotted keys in which two configurations differ, with both values."""

    def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key, value in values.items():
            if isinstance(value, dict):
                result |= flat(value, f"{prefix}{key}.")
            else:
                result[prefix + key] = value
        return result

    a, b = flat(asdict(one)), flat(asdict(other))
    return [f"{key}: {a.get(key)!r} -> {b.get(key)!r}" for key in sorted(a | b) if a.get(key) != b.get(key)]
