"""The parts of a run, each a choice, and what must fit together."""

from dataclasses import replace
from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveInt, Tag, model_validator
from pydantic.dataclasses import dataclass

from gradpen.augmentation import Augmentation
from gradpen.auxiliary import ClassLoss
from gradpen.choice import STRICT, Engine, OneOf, Precision
from gradpen.data.choice import DataChoice
from gradpen.lipschitz import CONSTRAINTS, Constraint
from gradpen.networks.blocks import CriticChoice, GeneratorChoice
from gradpen.networks.choices import CRITICS, GENERATORS
from gradpen.objectives import OBJECTIVES, Hinge, Minimax, NonSaturating, Objective
from gradpen.optimizers import OPTIMIZERS, Average, OptimizerChoice
from gradpen.schedule import NUMBER_OR_PARTS, scheduled, settled

__all__ = ["Cadence", "CriticWarmUp", "RunConfig"]

Optimizer = Annotated[OptimizerChoice, OneOf(OPTIMIZERS)]
OneAverage = Annotated[
    Annotated[float, Field(gt=0, lt=1), Tag("number")] | Annotated[Average, Tag("parts")], NUMBER_OR_PARTS
]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Cadence:
    """How often the run is measured, sampled and saved, in iterations.

    >>> Cadence(sample_every=1000).save_every
    200
    """

    log_every: PositiveInt = 50
    """measure critic and gradients and write a row of measures.jsonl"""
    sample_every: PositiveInt = 200
    """write a sample grid and measure distances to held-out data; a grid also after 10 and 50 iterations"""
    save_every: PositiveInt = 200
    """write a checkpoint"""
    keep: Annotated[int, Field(ge=2)] | Literal["all"] = 2
    """newest checkpoints kept, or all; at least 2, so that a damaged one has a predecessor"""
    keep_every: PositiveInt | None = None
    """keep also, to the end, checkpoints of iterations that are multiples of this; none: no others"""
    grid: PositiveInt = 64
    """samples in a grid"""
    patience: PositiveInt | None = None
    """end the run after so many sample marks without one nearer to held-out images; none: never"""


@dataclass(frozen=True, kw_only=True, config=STRICT)
class CriticWarmUp:
    """More critic updates than usual at the start and now and then.

    Source: github.com/martinarjovsky/WassersteinGAN, ``main.py``: 100 in the first 25 iterations and every 500th.

    >>> CriticWarmUp(first=0, every=10).iterations(20)
    2
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
        # Iterations 0, every, 2 every, … below count, and those of them that the first ones include already.
        multiples = -(-count // self.every)
        multiples_at_start = -(-min(count, self.first) // self.every)
        return min(count, self.first) + multiples - multiples_at_start


@dataclass(frozen=True, kw_only=True, config=STRICT)
class RunConfig:
    """Everything that decides a run; together with data and machine it fixes every bit of the result.

    >>> from gradpen.lipschitz import GradientPenalty
    >>> from gradpen.networks.choices import MlpCritic, MlpGenerator
    >>> from gradpen.objectives import Wasserstein
    >>> from gradpen.optimizers import Adam
    >>> config = RunConfig(
    ...     preset="mine",
    ...     generator=MlpGenerator(),
    ...     critic=MlpCritic(),
    ...     objective=Wasserstein(),
    ...     constraint=GradientPenalty(weight=10),
    ...     generator_optimizer=Adam(),
    ...     critic_optimizer=Adam(),
    ... )
    >>> config.critic_updates(iterations=100)
    500
    """

    preset: str
    """where the configuration started from"""
    generator: Annotated[GeneratorChoice, OneOf(GENERATORS)]
    critic: Annotated[CriticChoice, OneOf(CRITICS)]
    objective: Annotated[Objective, OneOf(OBJECTIVES)]
    constraint: Annotated[Constraint, OneOf(CONSTRAINTS)]
    generator_optimizer: Optimizer
    critic_optimizer: Optimizer
    critic_steps: PositiveInt = 5
    """critic updates per generator update, n_critic in the papers"""
    critic_warm_up: CriticWarmUp | None = None
    """more critic updates at the start and now and then"""
    reuse_batch: bool = False
    """take all critic updates of an iteration on one batch, as the notebooks of Foster, Generative Deep Learning, do"""
    share_samples: bool = False
    """generate once a batch: the generator step takes the samples of the last critic step, for speed"""
    generator_batches: PositiveInt = 1
    """batches of samples in a generator update, whose gradient is then less noisy"""
    class_loss: ClassLoss = Field(default_factory=ClassLoss)
    """weights of the class loss of a critic that classifies"""
    batch_size: Annotated[int, Field(ge=2)] = 64
    """images in a batch, of all processes together, at least 2 so that batch norm has statistics"""
    accumulate: PositiveInt = 1
    """parts of a batch that go through the networks one after the other, their gradients averaged, to save memory"""
    pack: PositiveInt = 1
    """examples that the critic sees as one, so that it sees whether samples are alike (PacGAN)"""
    augmentation: Augmentation | None = None
    """random changes of images wherever the critic looks at them, for small sets of data"""
    average: OneAverage | None = None
    """moving average of the generator's weights, as a half-life in images or as a decay for each update, for example
    0.999; samples and measures are then the average's"""
    iterations: PositiveInt = 10_000
    """generator updates"""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    device: str = "auto"
    """auto, cpu, cuda or cuda:N"""
    engine: Engine = "lean"
    """lean: second derivatives without needless work; reference: PyTorch's own, to compare with"""
    precision: Precision = "fp32"
    """what networks compute in; weights, optimisers, losses and the penalty's norm are fp32 always. bf16: bfloat16;
    bf16-fp32-penalty: the critic under the penalty in fp32; auto: bf16 where the device computes in it, else fp32"""
    threads: Annotated[int, Field(ge=1, le=4096)] | None = None
    """CPU threads; none: as many as torch takes. The last bits of a result depend on it"""
    data: DataChoice = Field(default_factory=DataChoice)
    cadence: Cadence = Field(default_factory=Cadence)
    start: str | None = None
    """folder of a run whose networks and optimisers this one begins with, as far as they fit; none: initial weights"""
    freeze_critic: NonNegativeInt = 0
    """layers of the critic, the first ones, that keep the weights they begin with; for runs with a start"""

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        if self.batch_size % self.accumulate or self.batch_size // self.accumulate < 2:
            raise ValueError(
                f"a batch of {self.batch_size} cannot be accumulated from {self.accumulate} equal parts of at least 2"
            )
        if self.share_samples and (self.accumulate > 1 or self.critic.labels == "classify"):
            raise ValueError("share_samples goes with whole batches and a critic that does not classify")
        if self.batch_size % (self.pack * self.accumulate):
            raise ValueError(
                f"a batch of {self.batch_size} cannot be packed {self.pack} together"
                + (f" in {self.accumulate} parts" if self.accumulate > 1 else "")
            )
        if self.pack > 1 and (self.conditional or self.augmentation or getattr(self.critic, "name", "") == "own"):
            raise ValueError("pack goes without labels and augmentation, and with a critic that gradpen builds")
        if self.share_samples and self.generator_batches > 1:
            raise ValueError("share_samples gives the generator one batch, not several generator_batches")
        adapts = self.augmentation is not None and self.augmentation.adaptive is not None
        if adapts and not isinstance(self.objective, Minimax | NonSaturating | Hinge):
            raise ValueError(
                "augmentation.strength can adapt to scores whose sign tells data from samples, those of the "
                "objectives minimax, non-saturating and hinge; with another, give it a number or a schedule"
            )
        if self.conditional != (self.critic.labels != "none"):
            raise ValueError(
                f"either both networks take labels or none does, but generator.labels is {self.generator.labels} and "
                f"critic.labels is {self.critic.labels}"
            )
        if self.freeze_critic and self.start is None:
            raise ValueError("freeze_critic holds layers of another run still; name the run as the start")
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

    def images(self, iterations: int) -> int:
        """Return how many images the critic has seen after so many iterations."""
        return self.critic_updates(iterations) * self.batch_size

    def during(self, iteration: int) -> Self:
        """Return the configuration as it stands in an iteration, every schedule at its number; the first is 1."""
        seen, total = self.images(iteration - 1), self.images(self.iterations)
        now = {name: settled(getattr(self, name), seen, total) for name in CHANGING}
        return replace(self, **{name: part for name, part in now.items() if part is not getattr(self, name)})

    @property
    def follows_its_length(self) -> bool:
        """Whether a schedule ends with the run, so that a longer run would have been another from the start."""
        schedules = [each for name in CHANGING for each in scheduled(getattr(self, name)).values()]
        return any(schedule.follows_the_run for schedule in schedules)


CHANGING = ("generator_optimizer", "critic_optimizer", "constraint", "average", "augmentation")
"""parts that may hold schedules"""
