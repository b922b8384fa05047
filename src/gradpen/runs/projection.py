"""Latents whose samples come nearest to given images.

Source: optimisation of the latent, Zhu et al. 2016 (arXiv 1609.03552), section 3.1, and Lipton & Tripathi 2017 (arXiv
1702.04782): gradient descent on the squared error, from several places since it ends in the nearest valley.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gradpen.optimizers import AdamWithoutCompiler
from gradpen.sampling import first_latents

__all__ = ["Projection"]

TRIED = 512
"""latents among which the descent's first places are looked for"""
PLACES = 4
"""from which each image is descended to"""
RATE = 0.1
STEPS = 200
AT_ONCE = 64


@dataclass(frozen=True, kw_only=True)
class Projection:
    """What came nearest to images.

    >>> Projection(latents=torch.zeros(1, 2), samples=np.zeros((1, 8, 8, 1)), distances=np.array([3.5])).distances
    array([3.5])
    """

    latents: Tensor
    """``[N, latent_dim]``, as :meth:`gradpen.Run.sample` takes them"""
    samples: NDArray[Any]
    """their samples, in the data's units"""
    distances: NDArray[np.float64]
    """mean absolute error of each, ``[N]``, where 255 is the whole range of the data"""


def project(
    generator: nn.Module, latent_dim: int, images: Tensor, labels: Tensor | None, *, seed: int
) -> tuple[Tensor, Tensor]:
    """Return the latents ``[N, latent_dim]`` that come nearest, and the mean absolute errors ``[N]`` in [-1, 1].

    Args:
        generator: in evaluation mode.
        latent_dim: size of its latents.
        images: ``[N, C, H, W]`` in [-1, 1], on the generator's device.
        labels: label vectors ``[N, K]`` there, of a conditional generator.
        seed: of the latents that are tried first.
    """
    found = []
    for start in range(0, len(images), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        found.append(descend(generator, latent_dim, images[part], None if labels is None else labels[part], seed))
    latents, errors = zip(*found, strict=True)
    return torch.cat(latents), torch.cat(errors)


def descend(
    generator: nn.Module, latent_dim: int, images: Tensor, labels: Tensor | None, seed: int
) -> tuple[Tensor, Tensor]:
    """Do it for as many images as go through the generator at once."""
    device = images.device
    places = first_places(generator, first_latents(latent_dim, seed, TRIED).to(device), images, labels)
    z = places.flatten(0, 1).requires_grad_(True)
    targets = images.repeat_interleave(PLACES, dim=0)
    vectors = () if labels is None else (labels.repeat_interleave(PLACES, dim=0),)
    optimizer = AdamWithoutCompiler([z], lr=RATE)
    for step in range(STEPS):
        optimizer.param_groups[0]["lr"] = RATE * (1 + math.cos(math.pi * step / STEPS)) / 2
        with torch.enable_grad():
            loss = (generator(z, *vectors) - targets).square().flatten(1).mean(dim=1).sum()
            (z.grad,) = torch.autograd.grad(loss, [z])
        optimizer.step()
    with torch.no_grad():
        differences = (generator(z, *vectors) - targets).flatten(1)
        squares = differences.square().mean(dim=1).unflatten(0, (len(images), PLACES))
        errors = differences.abs().mean(dim=1).unflatten(0, (len(images), PLACES))
        best = squares.argmin(dim=1, keepdim=True)
        chosen = z.detach().unflatten(0, (len(images), PLACES))[torch.arange(len(images), device=device), best[:, 0]]
        return chosen, errors.gather(1, best)[:, 0]


@torch.no_grad()
def first_places(generator: nn.Module, tried: Tensor, images: Tensor, labels: Tensor | None) -> Tensor:
    """Return of the latents tried the nearest few of each image, ``[N, 4, latent_dim]``."""
    if labels is None:
        made = torch.cat([generator(z) for z in tried.split(AT_ONCE)]).flatten(1)
        distances = torch.cdist(images.flatten(1), made)
    else:
        rows = []
        for image, label in zip(images.flatten(1), labels, strict=True):
            parts = [generator(z, label.expand(len(z), -1)) for z in tried.split(AT_ONCE)]
            rows.append(torch.cdist(image[None], torch.cat(parts).flatten(1)))
        distances = torch.cat(rows)
    return tried[distances.topk(PLACES, largest=False).indices]
