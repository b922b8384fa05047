"""Samples from a generator: the same seed gives the same images, however many are drawn."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from gradpen.data.shown import as_pixels
from gradpen.data.source import range_to_pixels
from gradpen.data.values import IN_THE_PLANE, PIXELS, Values
from gradpen.machine.seeds import derived_seed

CHUNK = 64


def latents(latent_dim: int, seed: int, chunk: int) -> torch.Tensor:
    """Return latents ``[64, latent_dim]`` of one chunk of samples, drawn on the CPU."""
    generator = torch.Generator().manual_seed(derived_seed(seed, "latents", chunk))
    return torch.randn(CHUNK, latent_dim, generator=generator)


def first_latents(latent_dim: int, seed: int, count: int, truncation: float | None = None) -> torch.Tensor:
    r"""Return the latents ``[count, latent_dim]`` of the first samples of a seed.

    Truncated, their numbers follow the normal distribution between ±t alone, the truncation trick of Brock, Donahue &
    Simonyan 2019 (arXiv 1809.11096): fewer odd samples, less variety. Each number goes to the place of equal rank,

    .. math:: z' = \Phi^{-1}\left( \Phi(-t) + \Phi(z) \left( \Phi(t) - \Phi(-t) \right) \right),

    instead of being drawn again, so that a sample changes gradually with t.

    >>> first_latents(2, 0, 5, truncation=0.5).abs().max() <= 0.5
    tensor(True)
    """
    z = torch.cat([latents(latent_dim, seed, chunk) for chunk in range(-(-count // CHUNK))])[:count]
    if truncation is None:
        return z
    least, most = (torch.special.ndtr(torch.tensor(bound, dtype=torch.float64)) for bound in (-truncation, truncation))
    rank = least + torch.special.ndtr(z.double()) * (most - least)
    truncated: torch.Tensor = torch.special.ndtri(rank)
    return truncated.clamp(-truncation, truncation).float()


@torch.no_grad()
def draw_from(generator: nn.Module, z: torch.Tensor, labels: torch.Tensor | None = None) -> Iterator[torch.Tensor]:
    """Yield the samples of latents ``[N, latent_dim]``, in [-1, 1], 64 at a time, with label vectors ``[N, K]`` if any.

    Sample i is always computed at place ``i % 64`` of a full chunk, since the last bit of a matrix product
    may depend on how many rows it has. The generator is put in evaluation mode and back.
    """
    count = len(z)
    chunks = torch.cat([z, z.new_zeros(-count % CHUNK, z.shape[1])]).split(CHUNK)
    device = next(generator.parameters()).device
    training = generator.training
    generator.eval()
    try:
        for chunk, full in enumerate(chunks):
            if labels is None:
                samples = generator(full.to(device))
            else:
                # The last chunk is full too, so its labels are filled up with the last one.
                rows = torch.arange(chunk * CHUNK, (chunk + 1) * CHUNK).clamp(max=count - 1)
                samples = generator(full.to(device), labels[rows].to(device))
            yield samples[: count - chunk * CHUNK]
    finally:
        generator.train(training)


def draw(
    generator: nn.Module, latent_dim: int, count: int, seed: int, labels: torch.Tensor | None = None
) -> torch.Tensor:
    """Return ``count`` samples ``[count, C, H, W]`` in [-1, 1] on the generator's device."""
    return torch.cat(list(draw_from(generator, first_latents(latent_dim, seed, count), labels)))


def draw_pixels(
    generator: nn.Module, z: torch.Tensor, labels: torch.Tensor | None = None, values: Values = PIXELS
) -> NDArray[np.uint8]:
    """Return the samples of latents ``[N, latent_dim]`` as pictures, uint8 ``[N, C, H, W]``.

    The values say what the generator's numbers mean: of volumes the slices are shown, of text the lines.
    """
    chunks = draw_from(generator, z, labels)
    made = torch.cat(list(chunks))
    if made.shape[1:] == (1, 1, IN_THE_PLANE) or values.symbols is not None:
        return as_pixels(made.float().cpu().numpy(), values)
    return as_pixels(range_to_pixels(made).cpu().numpy(), values)


def draw_numbers(generator: nn.Module, z: torch.Tensor, labels: torch.Tensor | None, values: Values) -> NDArray[Any]:
    """Return the samples of latents in the data's units, type and layout; images as ``[N, H, W, C]``, text as lines."""
    chunks = draw_from(generator, z, labels)
    if values.are_pixels:
        pixels = np.concatenate([range_to_pixels(chunk).cpu().numpy() for chunk in chunks])
        return np.ascontiguousarray(pixels.transpose(0, 2, 3, 1))
    return np.concatenate([values.restore(chunk.float().cpu().numpy()) for chunk in chunks])


def every_label(draw: Callable[[torch.Tensor], NDArray[Any]], each: int, examples: torch.Tensor) -> list[NDArray[Any]]:
    """Return what is drawn with each of the label vectors ``[L, K]`` for so many latents, the same for all."""
    return [draw(label.expand(each, -1)) for label in examples]
