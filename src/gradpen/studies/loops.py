"""A training loop in plain PyTorch as people write it, right or with one mistake, looked at by a watch."""

from typing import Any

import torch
from torch import Tensor, nn

from gradpen.data.choice import DataChoice
from gradpen.data.recognise import open_source
from gradpen.data.source import gather
from gradpen.looking.symptoms import Symptoms
from gradpen.looking.watch import Watch
from gradpen.machine.seeds import seed_everything
from gradpen.studies.critics import numbers
from gradpen.studies.defects import RIGHT, SHAPE, Wrong, critic_for

LATENTS, WIDTH, BATCH, CRITIC_STEPS, RATE = 32, 128, 64, 5, 1e-3
LAST_AT_REST = "last layer of the generator at rest"
BYTES = "data from 0 to 255 under tanh"
SWAPPED = "signs of the critic's loss swapped"
UPHILL = "sign of the generator's loss wrong"
ONE_BATCH = "one batch again and again"
DECAYING = "weight decay of 1"
MISTAKES: dict[str, tuple[str, ...]] = {
    RIGHT: (),
    "norm over the channels alone": ("penalty violated", "critic unconstrained"),
    "one norm for the batch": ("penalty violated",),
    "a share for every pixel": ("penalty violated",),
    "never added to the loss": ("critic unconstrained", "penalty violated"),
    "batch norm in the critic": ("batch norm under a penalty",),
    LAST_AT_REST: ("weights at rest",),
    BYTES: ("range out of reach",),
    SWAPPED: ("critic upside down", "critic unconstrained"),
    UPHILL: ("generator moving away",),
    ONE_BATCH: ("other than watched", "overfitting critic"),
    DECAYING: ("weights shrinking",),
}
"""what is wrong with a loop, and the verdicts that fit"""


def watched(mistake: str, seed: int, iterations: int, marks: int) -> Symptoms:
    """Train a generator of digits in a loop with a mistake, and return what a watch sees in it at the end.

    Args:
        mistake: one of :data:`MISTAKES`.
        seed: of weights, latents and order of the data.
        iterations: updates of the generator.
        marks: looks of the watch.
    """
    source = open_source(DataChoice(path="embedded:digits"))
    cpu = torch.device("cpu")
    factor, shift = (127.5, 127.5) if mistake == BYTES else (1.0, 0.0)
    data, held_out = (factor * gather(source, rows, cpu) + shift for rows in (source.train, source.held_out))
    seed_everything(seed, "a loop of one's own", 0)
    generator = nn.Sequential(
        nn.Linear(LATENTS, WIDTH),
        nn.ReLU(),
        nn.Linear(WIDTH, WIDTH),
        nn.ReLU(),
        nn.Linear(WIDTH, 64),
        nn.Tanh(),
        nn.Unflatten(1, SHAPE),
    )
    critic = critic_for(mistake, seed)
    watch = Watch(generator, critic, data, held_out=held_out, latent_dim=LATENTS)
    train(watch, mistake, generator, critic, data, seed, iterations, iterations // marks)
    return watch.symptoms(iterations)


def train(
    watch: Watch,
    mistake: str,
    generator: nn.Module,
    critic: nn.Module,
    data: Tensor,
    seed: int,
    iterations: int,
    every: int,
) -> None:
    """Train both networks, looking every so often."""
    penalty, sign = Wrong(name=mistake), -1 if mistake == SWAPPED else 1
    uphill, decay = -1 if mistake == UPHILL else 1, 1.0 if mistake == DECAYING else 0.0
    moved: list[Any] = list(generator.parameters())
    if mistake == LAST_AT_REST:
        moved = moved[:-2]
    players = [
        torch.optim.Adam(weights, lr=RATE, betas=(0.5, 0.9), weight_decay=decay)
        for weights in (moved, critic.parameters())
    ]
    watch.look(0)
    for iteration in range(1, iterations + 1):
        for step in range(CRITIC_STEPS):
            number = 0 if mistake == ONE_BATCH else iteration * CRITIC_STEPS + step
            rows = numbers(seed, "batch", number).integers(len(data), size=BATCH)
            real, fake = data[rows], generator(torch.randn(BATCH, LATENTS)).detach()
            apart, slopes = sign * (critic(fake).mean() - critic(real).mean()), penalty.penalty(critic, real, fake)
            loss = apart + slopes
            players[1].zero_grad()
            loss.backward()
            players[1].step()
        players[0].zero_grad()
        (-uphill * critic(generator(torch.randn(BATCH, LATENTS))).mean()).backward()
        players[0].step()
        if iteration % every == 0:
            watch.look(iteration, losses={"critic_loss": apart.item(), "penalty": slopes.item()})
