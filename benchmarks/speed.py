"""Critic steps per second of three loops on the same networks, and how near they come to what cannot be left out.

* usual: the loop of public PyTorch WGAN-GP code: images loaded one by one through Pillow, three separate critic
  forwards, fakes not detached, so that the critic's backward pass runs through the generator too.
* stock: PyTorch's own derivatives at their best: fakes without a graph, data and samples in one forward,
  interpolates in theirs, images in memory, fused Adam, channels last.
* gradpen: its critic step.

The floor of a step is the sum of its convolutions and matrix products, as few as they can be, each timed alone at its
own shape in the better of two memory layouts. The loops take turns in one process; ratios are taken turn by turn. The
gradient error is that of all parameters together against the same step in float64.

    python benchmarks/speed.py [--rounds 7] [--out benchmarks/results/speed.json]
"""

import argparse
import json
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.data import DataLoader, Dataset

from gradpen.algorithm import critic_step
from gradpen.batch import Batch
from gradpen.data.choice import DataChoice, LabelledArray
from gradpen.data.open import open_source
from gradpen.data.source import batches
from gradpen.gan import Gan
from gradpen.lipschitz import GradientPenalty
from gradpen.networks.blocks import CriticChoice, GeneratorChoice, Shape
from gradpen.networks.dcgan import DcganCritic, DcganGenerator
from gradpen.networks.layers import use_stock_derivatives
from gradpen.networks.mlp import MlpCritic, MlpGenerator
from gradpen.objectives import Wasserstein
from gradpen.optimizers import Adam
from gradpen.presets.book import wgan_gp_faces
from gradpen.runtime import versions

BATCH = 64
CPU = torch.device("cpu")
OBJECTIVE, CONSTRAINT = Wasserstein(), GradientPenalty(weight=10)
Step = Callable[[], object]


@dataclass(frozen=True)
class Case:
    name: str
    stored: tuple[int, ...]
    side: int
    generator: GeneratorChoice
    critic: CriticChoice
    steps: int

    @property
    def shape(self) -> Shape:
        return (1 if len(self.stored) == 2 else self.stored[2], self.side, self.side)

    def images(self) -> NDArray[np.uint8]:
        return np.random.default_rng(0).integers(0, 256, (6400, *self.stored), dtype=np.uint8)


FACES = wgan_gp_faces()
CASES = [
    Case("MLP pair, MNIST-sized, 32x32", (28, 28), 32, MlpGenerator(), MlpCritic(), 30),
    Case("DCGAN-shaped pair, 32x32 RGB", (32, 32, 3), 32, DcganGenerator(), DcganCritic(), 5),
    Case("DCGAN-shaped pair, 64x64 RGB", (64, 64, 3), 64, DcganGenerator(), DcganCritic(), 2),
    Case("wgan-gp-faces, 64x64 RGB", (64, 64, 3), 64, FACES.generator, FACES.critic, 2),
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


def make_gan(case: Case, *, stock: bool, dtype: torch.dtype = torch.float32) -> Gan:
    torch.manual_seed(0)
    generator, critic = case.generator.build(case.shape).to(dtype), case.critic.build(case.shape).to(dtype)
    if stock:
        use_stock_derivatives(generator)
        use_stock_derivatives(critic)
    choice = Adam(learning_rate=2e-4, beta1=0.5, beta2=0.999)
    return Gan(
        generator=generator,
        critic=critic,
        generator_optimizer=choice.build(generator.parameters()),
        critic_optimizer=choice.build(critic.parameters()),
        latent_dim=case.generator.latent_dim,
    )


def usual_loop(case: Case) -> Step:
    gan = make_gan(case, stock=True)
    generator, critic = gan.generator, gan.critic
    for parameter in (*generator.parameters(), *critic.parameters()):
        parameter.data = parameter.data.contiguous()
    optimizer = torch.optim.Adam(critic.parameters(), lr=2e-4, betas=(0.5, 0.999))

    def endless() -> Iterator[Tensor]:
        while True:
            yield from DataLoader(OneByOne(case.images(), case.side), batch_size=BATCH, shuffle=True, drop_last=True)

    stream = endless()

    def step() -> None:
        real = next(stream)
        optimizer.zero_grad()
        fake = generator(torch.randn(BATCH, case.generator.latent_dim))
        real_scores, fake_scores = critic(real), critic(fake)
        alpha = torch.rand(BATCH, 1, 1, 1)
        points = (alpha * real + (1 - alpha) * fake.data).requires_grad_(True)
        scores = critic(points)
        gradient = torch.autograd.grad(scores, points, torch.ones_like(scores), create_graph=True, retain_graph=True)[0]
        penalty = ((gradient.reshape(BATCH, -1).norm(2, dim=1) - 1) ** 2).mean()
        loss = -real_scores.mean() + fake_scores.mean() + 10 * penalty
        loss.backward()
        optimizer.step()

    return step


def loop(case: Case, *, stock: bool) -> Step:
    gan = make_gan(case, stock=stock)
    source = open_source(DataChoice(size=(case.side, case.side)), array=LabelledArray(images=case.images()))
    stream = batches(source, BATCH, seed=0, start=0, device=CPU)
    return lambda: critic_step(gan, OBJECTIVE, CONSTRAINT, next(stream))


class Recorded(TorchDispatchMode):
    """Writes down every convolution and matrix product with its shapes."""

    KINDS = ("convolution", "convolution_backward", "_linear_pointwise", "mm", "addmm")

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.calls: Counter[tuple[Any, ...]] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.overloadpacket.__name__ in self.KINDS:
            key = tuple(
                ("tensor", tuple(a.shape), not a.is_contiguous() and a.dim() == 2) if isinstance(a, Tensor) else repr(a)
                for a in args
            )
            self.calls[(func, key, tuple(a if not isinstance(a, Tensor) else None for a in map(frozen, args)))] += 1
        return func(*args, **(kwargs or {}))


def frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def floor(case: Case) -> float:
    """Seconds of the convolutions and products of one critic step, each timed alone, best layout."""
    gan = make_gan(case, stock=False)
    batch = Batch(images=torch.rand(BATCH, *case.shape).contiguous(memory_format=torch.channels_last))
    with Recorded() as recorded:
        critic_step(gan, OBJECTIVE, CONSTRAINT, batch)
    times: list[float] = [count * best_time(*call) for call, count in recorded.calls.items()]
    return sum(times)


def best_time(func: Any, key: tuple[Any, ...], others: tuple[Any, ...]) -> float:
    times = []
    for memory_format in (torch.contiguous_format, torch.channels_last):
        arguments: list[Any] = []
        for described, other in zip(key, others, strict=True):
            if isinstance(described, tuple):
                _, shape, transposed = described
                tensor = torch.randn(shape[::-1]).t() if transposed else torch.randn(shape)
                arguments.append(tensor.contiguous(memory_format=memory_format) if len(shape) == 4 else tensor)
            else:
                arguments.append(list(other) if isinstance(other, tuple) else other)
        func(*arguments)
        for _ in range(5):
            start = time.perf_counter()
            func(*arguments)
            times.append(time.perf_counter() - start)
    return min(times)


def gradients(case: Case, *, stock: bool, dtype: torch.dtype) -> list[Tensor]:
    """Parameter gradients of one critic loss with its penalty, on the same weights, images and interpolates."""
    gan = make_gan(case, stock=stock, dtype=dtype)
    gan.critic.eval()
    generator = torch.Generator().manual_seed(1)
    real, fake = (torch.rand(2, 16, *case.shape, generator=generator) * 2 - 1).to(dtype)
    points = (real + fake) / 2
    scores = gan.critic(real), gan.critic(fake)
    loss = OBJECTIVE.critic_loss(*scores) + CONSTRAINT.penalty(gan.critic, points, points)
    loss.backward()
    return [p.grad.double() for p in gan.critic.parameters() if p.grad is not None]


def gradient_error(case: Case, *, stock: bool) -> float:
    exact, found = (gradients(case, stock=stock, dtype=dtype) for dtype in (torch.float64, torch.float32))
    difference = torch.stack([(a - b).square().sum() for a, b in zip(exact, found, strict=True)]).sum()
    return float((difference / torch.stack([a.square().sum() for a in exact]).sum()).sqrt())


def measure(case: Case, rounds: int) -> dict[str, Any]:
    loops = {"usual": usual_loop(case), "stock": loop(case, stock=True), "gradpen": loop(case, stock=False)}
    seconds: dict[str, list[float]] = {name: [] for name in loops}
    floors = []
    for round_number in range(rounds + 1):
        for name, step in loops.items():
            start = time.perf_counter()
            for _ in range(case.steps):
                step()
            if round_number > 0:
                seconds[name].append((time.perf_counter() - start) / case.steps)
        if round_number % 3 == 1:
            floors.append(floor(case))
    shares = [min(floors) / each for each in seconds["gradpen"]]
    return {
        "case": case.name,
        "precision": "fp32",
        "batch": BATCH,
        "rounds": rounds,
        "steps_a_round": case.steps,
        "critic_steps_per_second": {name: round(1 / statistics.median(times), 2) for name, times in seconds.items()},
        "against_usual": spread([a / b for a, b in zip(seconds["usual"], seconds["gradpen"], strict=True)]),
        "against_stock": spread([a / b for a, b in zip(seconds["stock"], seconds["gradpen"], strict=True)]),
        "floor_milliseconds": round(min(floors) * 1e3, 2),
        "share_of_floor": spread(shares),
        "gradient_error": {"stock": gradient_error(case, stock=True), "gradpen": gradient_error(case, stock=False)},
    }


def spread(values: list[float]) -> list[float]:
    """Median, smallest and largest."""
    return [round(value, 3) for value in (statistics.median(values), min(values), max(values))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "speed.json")
    options = parser.parse_args()
    machine = {key: value for key, value in versions(CPU).items() if key not in ("platform", "commit")}
    print(f"critic steps/s, fp32, batch {BATCH}, {machine['threads']} threads, {', '.join(machine['cpu_features'])}")
    print(f"{'':32s}{'usual':>8s}{'stock':>8s}{'gradpen':>9s}{'/usual':>16s}{'/stock':>20s}{'of the floor':>22s}")
    rows = []
    for case in CASES:
        row = measure(case, options.rounds)
        rows.append(row)
        speeds = row["critic_steps_per_second"]
        against = [
            f"{middle:6.2f} ({low:.2f}-{high:.2f})"
            for middle, low, high in (row[key] for key in ("against_usual", "against_stock", "share_of_floor"))
        ]
        print(
            f"{case.name:32s}{speeds['usual']:8.1f}{speeds['stock']:8.1f}{speeds['gradpen']:9.1f}"
            + "".join(f"{text:>20s}" for text in against),
            flush=True,
        )
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps({"machine": machine, "rows": rows}, indent=2) + "\n")
    print(f"written to {options.out}")


if __name__ == "__main__":
    main()
