"""What a function is called with: data, samples, a generator and all that may be asked for."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from gradpen.checking.around import Around, Notes
from gradpen.checking.probe import CLASSES, Probe
from gradpen.checking.shares import apart
from gradpen.checking.stand_ins import LATENTS, WEIGHT, called_or_not, stub
from gradpen.checking.training_steps import is_called


@dataclass
class Material:
    """What one call is given, and what came of it."""

    critic: nn.Module
    real: Tensor
    fake: Tensor
    generator: "Pairing"
    latents: Tensor
    epsilon: Tensor
    points: Tensor
    labels: Tensor
    weight: float = WEIGHT
    notes: Notes = field(default_factory=Notes)
    """what was made up for the function"""
    times: int = 1
    """how many times what is done with an unknown number is left"""
    gradient: Tensor | None = None
    """what a function that takes the gradient was given"""
    overwritten: bool = False
    """whether the function wrote into data or samples"""
    values: int = 1
    """how many values it returned or sent backward, one of which was taken"""

    @property
    def labels_of_samples(self) -> Tensor:
        """The labels that samples are of, where those of the data are handed over too."""
        return self.labels.roll(1, 0)


class Pairing(nn.Module):
    """A generator whose samples are known and have a parameter behind them."""

    def __init__(self, fake: Tensor) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(()))
        self.fake = fake
        self.asked = False
        self.around: Around | None = None

    def __getattr__(self, name: str) -> Any:
        around = self.__dict__.get("around")
        if around is None or name.startswith("_") or name in self._parameters or name == "module":
            return super().__getattr__(name)
        found = stub(name, around)
        return called_or_not(found, is_called(sys._getframe(1)))

    def forward(self, *inputs: Any, **named: Any) -> Tensor:
        """Return the samples."""
        del inputs, named
        self.asked = True
        return self.fake + self.shift


def material(critic: nn.Module, shape: Sequence[int], batch: int, seed: int, labels: str = "one-hot") -> Material:
    """Return what a call is given: data and samples that differ in every value, and all that may be asked for."""
    real, fake = apart(shape, batch, seed)
    generator = Pairing(fake)
    numbers = torch.Generator().manual_seed(seed + 1)
    epsilon = torch.rand(batch, *[1] * len(shape), generator=numbers)
    points = torch.lerp(fake, real, epsilon).requires_grad_(True)
    classes = torch.arange(batch) % CLASSES
    one_hot = torch.nn.functional.one_hot(classes, CLASSES).float()
    kinds = {
        "one-hot": one_hot,
        "numbers": classes,
        "column": classes.float()[:, None],
        "planes": one_hot.view(batch, CLASSES, *[1] * (len(shape) - 1)).expand(batch, CLASSES, *shape[1:]).clone()
        if len(shape) > 1
        else one_hot,
    }
    if isinstance(critic, Probe):
        critic.labels = kinds[labels]
    return Material(
        critic=critic,
        real=real,
        fake=fake,
        generator=generator,
        latents=torch.randn(batch, LATENTS, generator=numbers),
        epsilon=epsilon,
        points=points,
        labels=kinds[labels],
    )
