"""Critic steps per second of gradpen against the usual training loop, written out, in the same run.

The usual loop is that of public PyTorch WGAN-GP code: images loaded one by one through Pillow, three separate
critic forwards, fakes not detached, so that the critic's backward pass runs through the generator too. Both
train the same networks with the same optimiser; the loops take turns, and the ratio is taken turn by turn.

    python benchmarks/baseline.py [--rounds 9] [--steps 20] [--out benchmarks/results/baseline.json]
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from gradpen.algorithm import critic_step
from gradpen.data.choice import DataChoice, LabelledArray
from gradpen.data.open import open_source
from gradpen.data.source import batches
from gradpen.gan import Gan
from gradpen.lipschitz import GradientPenalty
from gradpen.networks.blocks import CriticChoice, GeneratorChoice
from gradpen.networks.dcgan import DcganCritic, DcganGenerator
from gradpen.networks.mlp import MlpCritic, MlpGenerator
from gradpen.objectives import Wasserstein
from gradpen.optimizers import Adam
from gradpen.runtime import versions

BATCH = 64
CPU = torch.device("cpu")
Step = Callable[[], object]


@dataclass(frozen=True)
class Case:
    name: str
    stored: tuple[int, ...]
    side: int
    generator: GeneratorChoice
    critic: CriticChoice

    def images(self) -> NDArray[np.uint8]:
        return np.random.default_rng(0).integers(0, 256, (6400, *self.stored), dtype=np.uint8)


CASES = [
    Case("MLP pair, MNIST-sized images resized to 32x32", (28, 28), 32, MlpGenerator(), MlpCritic()),
    Case("DCGAN-shaped pair, 64x64 RGB", (64, 64, 3), 64, DcganGenerator(), DcganCritic()),
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


def networks(case: Case) -> tuple[nn.Module, nn.Module, torch.optim.Optimizer, torch.optim.Optimizer]:
    torch.manual_seed(0)
    shape = (1 if len(case.stored) == 2 else case.stored[2], case.side, case.side)
    generator, critic = case.generator.build(shape), case.critic.build(shape)
    choice = Adam(learning_rate=2e-4, beta1=0.5, beta2=0.999)
    return generator, critic, choice.build(generator.parameters()), choice.build(critic.parameters())


def usual_loop(case: Case) -> Step:
    generator, critic, *_ = networks(case)
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


def gradpen_loop(case: Case) -> Step:
    generator, critic, generator_optimizer, critic_optimizer = networks(case)
    gan = Gan(
        generator=generator,
        critic=critic,
        generator_optimizer=generator_optimizer,
        critic_optimizer=critic_optimizer,
        latent_dim=case.generator.latent_dim,
    )
    source = open_source(DataChoice(size=(case.side, case.side)), array=LabelledArray(images=case.images()))
    stream = batches(source, BATCH, seed=0, start=0, device=CPU)
    objective, constraint = Wasserstein(), GradientPenalty(weight=10)
    return lambda: critic_step(gan, objective, constraint, next(stream))


def measure(case: Case, rounds: int, steps: int) -> dict[str, Any]:
    loops = {"usual loop": usual_loop(case), "gradpen": gradpen_loop(case)}
    seconds: dict[str, list[float]] = {name: [] for name in loops}
    for round_number in range(rounds + 1):
        for name, step in loops.items():
            start = time.perf_counter()
            for _ in range(steps):
                step()
            if round_number > 0:
                seconds[name].append((time.perf_counter() - start) / steps)
    ratios = sorted(a / b for a, b in zip(seconds["usual loop"], seconds["gradpen"], strict=True))
    return {
        "case": case.name,
        "batch": BATCH,
        "rounds": rounds,
        "steps_a_round": steps,
        "critic_steps_per_second": {name: round(1 / statistics.median(times), 2) for name, times in seconds.items()},
        "ratio_median": round(statistics.median(ratios), 3),
        "ratio_range": [round(ratios[0], 3), round(ratios[-1], 3)],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "baseline.json")
    options = parser.parse_args()
    rows = [measure(case, options.rounds, options.steps) for case in CASES]
    machine = {key: value for key, value in versions(CPU).items() if key not in ("platform", "commit")}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps({"machine": machine, "rows": rows}, indent=2) + "\n")
    print(f"{'':48s}{'usual loop':>12s}{'gradpen':>12s}{'ratio (range)':>24s}")
    for row in rows:
        speeds = row["critic_steps_per_second"]
        low, high = row["ratio_range"]
        print(
            f"{row['case']!s:48s}{speeds['usual loop']:12.1f}{speeds['gradpen']:12.1f}"
            f"{row['ratio_median']:>10}x ({low} to {high})"
        )
    print(
        f"critic steps/s, fp32, batch {BATCH}, {machine['threads']} threads, {machine['cpu_capability']}: {options.out}"
    )


if __name__ == "__main__":
    main()
