"""Network pairs to measure, and the loops that train them.

* usual: the loop of public PyTorch WGAN-GP code: images loaded one by one through Pillow, three separate critic
  forwards, fakes not detached, so that the critic's backward pass runs through the generator too; fp32.
* stock: PyTorch's own derivatives at their best: fakes without a graph, data and samples in one forward,
  interpolates in theirs, images in memory, fused Adam, channels last; bf16 by autocast.
* gradpen: its own steps.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from gradpen.algorithm import critic_step, generator_step
from gradpen.batch import Batch
from gradpen.data.choice import DataChoice, LabelledArray
from gradpen.data.recognise import open_source
from gradpen.data.source import batches
from gradpen.gan import Gan
from gradpen.lipschitz import GradientPenalty
from gradpen.networks.blocks import CriticChoice, GeneratorChoice, Shape
from gradpen.networks.dcgan import DcganCritic, DcganGenerator
from gradpen.networks.layers import use_stock_derivatives
from gradpen.networks.mlp import MlpCritic, MlpGenerator
from gradpen.networks.residual import ResidualCritic, ResidualGenerator
from gradpen.networks.stages import Stage, StagedCritic, StagedGenerator
from gradpen.objectives import Wasserstein
from gradpen.optimizers import Adam
from gradpen.presets.book import wgan_gp_faces

BATCH = 64
CPU = torch.device("cpu")
OBJECTIVE, CONSTRAINT = Wasserstein(), GradientPenalty(weight=10)
CRITIC_STEPS = 5
Step = Callable[[], object]
FP32, BF16 = torch.float32, torch.bfloat16


@dataclass(frozen=True)
class Case:
    """A pair of networks and the images it is measured on."""

    name: str
    stored: tuple[int, ...]
    side: int
    generator: GeneratorChoice
    critic: CriticChoice
    steps: int
    """critic steps in a turn"""
    batch: int = BATCH

    @property
    def shape(self) -> Shape:
        return (1 if len(self.stored) == 2 else self.stored[2], self.side, self.side)

    def images(self) -> NDArray[np.uint8]:
        return np.random.default_rng(0).integers(0, 256, (50 * self.batch, *self.stored), dtype=np.uint8)


@dataclass(frozen=True)
class Engine:
    """A way of training."""

    name: str
    precision: torch.dtype
    penalty_precision: torch.dtype

    @property
    def words(self) -> str:
        """The precision in words."""
        if self.precision == FP32:
            return "fp32"
        return "bf16" if self.penalty_precision == BF16 else "bf16, penalty fp32"


USUAL = Engine("usual", FP32, FP32)
ENGINES = [
    USUAL,
    Engine("stock", FP32, FP32),
    Engine("gradpen", FP32, FP32),
    Engine("stock", BF16, BF16),
    Engine("gradpen", BF16, FP32),
    Engine("gradpen", BF16, BF16),
]


@dataclass(frozen=True)
class Loop:
    """What an engine repeats: ``CRITIC_STEPS`` critic steps, then a generator step."""

    critic: Step
    generator: Step


def cifar_pair(dim: int) -> tuple[StagedGenerator, StagedCritic]:
    """The 32x32 pair of github.com/igul222/improved_wgan_training, ``gan_cifar.py``."""
    generator = StagedGenerator(
        latent_dim=128,
        first=(4 * dim, 4, 4),
        first_norm="batch-features",
        stages=(
            Stage(channels=2 * dim, kernel=5, way="up", norm="batch", activation="relu"),
            Stage(channels=dim, kernel=5, way="up", norm="batch", activation="relu"),
            Stage(kernel=5, way="up", activation="tanh"),
        ),
        initialiser="he-uniform",
    )
    stages = tuple(Stage(channels=dim * 2**stage, kernel=5) for stage in range(3))
    return generator, StagedCritic(stages=stages, initialiser="he-uniform")


FACES = wgan_gp_faces()
CASES = [
    Case("MLP pair, 32x32", (28, 28), 32, MlpGenerator(), MlpCritic(), 30),
    Case("DCGAN-shaped, 32x32", (32, 32, 3), 32, DcganGenerator(), DcganCritic(), 5),
    Case("CIFAR pair, DIM 64", (32, 32, 3), 32, *cifar_pair(64), 4),
    Case("CIFAR pair, DIM 128", (32, 32, 3), 32, *cifar_pair(128), 2),
    Case("residual pair, 32x32", (32, 32, 3), 32, ResidualGenerator(), ResidualCritic(), 1),
    Case("DCGAN-shaped, 64x64", (64, 64, 3), 64, DcganGenerator(), DcganCritic(), 2),
    Case("wgan-gp-faces, 64x64", (64, 64, 3), 64, FACES.generator, FACES.critic, 2),
]


class OneByOne(Dataset[Tensor]):
    """Images through Pillow one at a time, as torchvision's transforms do it."""

    def __init__(self, images: NDArray[np.uint8], side: int) -> None:
        self.images, self.side = images, side

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        image = Image.fromarray(self.images[index]).resize((self.side, self.side), Image.Resampling.BILINEAR)
        pixels = torch.from_numpy(np.array(image))
        pixels = pixels[None] if pixels.dim() == 2 else pixels.permute(2, 0, 1)
        return (pixels.contiguous().float().div(255) - 0.5) / 0.5


def make_gan(case: Case, engine: Engine, dtype: torch.dtype = FP32) -> Gan:
    """Return the pair as an engine trains it."""
    torch.manual_seed(0)
    generator, critic = case.generator.build(case.shape).to(dtype), case.critic.build(case.shape).to(dtype)
    if engine.name != "gradpen":
        use_stock_derivatives(generator)
        use_stock_derivatives(critic)
    choice = Adam(learning_rate=2e-4, beta1=0.5, beta2=0.999)
    return Gan(
        generator=generator,
        critic=critic,
        generator_optimizer=choice.build(generator.parameters()),
        critic_optimizer=choice.build(critic.parameters()),
        latent_dim=case.generator.latent_dim,
        precision=engine.precision,
        penalty_precision=engine.penalty_precision,
    )


def usual_loop(case: Case) -> Loop:
    """Return the steps as public code takes them."""
    gan = make_gan(case, USUAL)
    generator, critic = gan.generator, gan.critic
    for parameter in (*generator.parameters(), *critic.parameters()):
        parameter.data = parameter.data.contiguous()
    optimizer, generator_optimizer = (
        torch.optim.Adam(network.parameters(), lr=2e-4, betas=(0.5, 0.999)) for network in (critic, generator)
    )

    def endless() -> Iterator[Tensor]:
        while True:
            data = OneByOne(case.images(), case.side)
            yield from DataLoader(data, batch_size=case.batch, shuffle=True, drop_last=True)

    stream = endless()

    def critic_step() -> None:
        real = next(stream)
        optimizer.zero_grad()
        fake = generator(torch.randn(case.batch, case.generator.latent_dim))
        real_scores, fake_scores = critic(real), critic(fake)
        alpha = torch.rand(case.batch, 1, 1, 1)
        points = (alpha * real + (1 - alpha) * fake.data).requires_grad_(True)
        scores = critic(points)
        gradient = torch.autograd.grad(scores, points, torch.ones_like(scores), create_graph=True, retain_graph=True)[0]
        penalty = ((gradient.reshape(case.batch, -1).norm(2, dim=1) - 1) ** 2).mean()
        loss = -real_scores.mean() + fake_scores.mean() + 10 * penalty
        loss.backward()
        optimizer.step()

    def generator_step() -> None:
        generator_optimizer.zero_grad()
        loss = -critic(generator(torch.randn(case.batch, case.generator.latent_dim))).mean()
        loss.backward()
        generator_optimizer.step()

    return Loop(critic=critic_step, generator=generator_step)


def loop(case: Case, engine: Engine) -> Loop:
    """Return the steps of an engine."""
    if engine == USUAL:
        return usual_loop(case)
    gan = make_gan(case, engine)
    source = open_source(DataChoice(size=(case.side, case.side)), array=LabelledArray(images=case.images()))
    stream = batches(source, case.batch, seed=0, start=0, device=CPU)
    batch = next(stream)
    return Loop(
        critic=lambda: critic_step(gan, OBJECTIVE, CONSTRAINT, next(stream)),
        generator=lambda: generator_step(gan, OBJECTIVE, batch),
    )


def gradients(case: Case, engine: Engine, dtype: torch.dtype) -> list[Tensor]:
    """Parameter gradients of one critic loss with its penalty, on the same weights, images and interpolates."""
    gan = make_gan(case, engine, dtype)
    gan.critic.eval()
    generator = torch.Generator().manual_seed(1)
    real, fake = (torch.rand(2, 16, *case.shape, generator=generator) * 2 - 1).to(dtype)
    points = (real + fake) / 2
    batch = Batch(images=points)
    score = gan.score(batch)
    loss = OBJECTIVE.critic_loss(score(real), score(fake))
    (loss + CONSTRAINT.penalty(gan.score_to_penalise(batch), points, points)).backward()
    return [p.grad.double() for p in gan.critic.parameters() if p.grad is not None]


def gradient_error(case: Case, engine: Engine) -> float:
    """Relative error of all parameters' gradients together against float64."""
    exact = gradients(case, replace(engine, precision=FP32, penalty_precision=FP32), torch.float64)
    found = gradients(case, engine, FP32)
    difference = torch.stack([(a - b).square().sum() for a, b in zip(exact, found, strict=True)]).sum()
    return float((difference / torch.stack([a.square().sum() for a in exact]).sum()).sqrt())
