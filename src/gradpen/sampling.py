"""Samples from a generator: the same seed gives the same images, however many are drawn."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from gradpen.data.shown import as_pixels
from gradpen.data.source import range_to_pixels
from gradpen.data.values import Values
from gradpen.machine.seeds import derived_seed

CHUNK = 64


def latents(latent_dim: int, seed: int, chunk: int) -> torch.Tensor:
    """Return latents ``[64, latent_dim]`` of one chunk of samples, drawn on the CPU."""
    generator = torch.Generator().manual_seed(derived_seed(seed, "latents", chunk))
    return torch.randn(CHUNK, latent_dim, generator=generator)


def draw_chunks(
    generator: nn.Module, latent_dim: int, count: int, seed: int, labels: torch.Tensor | None = None
) -> Iterator[torch.Tensor]:
    """Yield samples in [-1, 1], 64 at a time, ``count`` in all, with label vectors ``[count, K]`` if conditional."""
    chunks = (latents(latent_dim, seed, chunk) for chunk in range(-(-count // CHUNK)))
    return draw_from(generator, chunks, count, labels)


@torch.no_grad()
def draw_from(
    generator: nn.Module, chunks: Iterable[torch.Tensor], count: int, labels: torch.Tensor | None = None
) -> Iterator[torch.Tensor]:
    """Yield the samples of full chunks of latents ``[64, latent_dim]``, in [-1, 1], ``count`` in all.

    Sample i is always computed at place ``i % 64`` of a full chunk, since the last bit of a matrix product
    may depend on how many rows it has. The generator is put in evaluation mode and back.
    """
    device = next(generator.parameters()).device
    training = generator.training
    generator.eval()
    try:
        for chunk, z in enumerate(chunks):
            if labels is None:
                samples = generator(z.to(device))
            else:
                # The last chunk is full too, so its labels are filled up with the last one.
                rows = torch.arange(chunk * CHUNK, (chunk + 1) * CHUNK).clamp(max=count - 1)
                samples = generator(z.to(device), labels[rows].to(device))
            yield samples[: count - chunk * CHUNK]
    finally:
        generator.train(training)


def draw(
    generator: nn.Module, latent_dim: int, count: int, seed: int, labels: torch.Tensor | None = None
) -> torch.Tensor:
    """Return ``count`` samples ``[count, C, H, W]`` in [-1, 1] on the generator's device."""
    return torch.cat(list(draw_chunks(generator, latent_dim, count, seed, labels)))


def draw_pixels(
    generator: nn.Module, latent_dim: int, count: int, seed: int, labels: torch.Tensor | None = None
) -> NDArray[np.uint8]:
    """Return ``count`` samples as uint8 pixels ``[count, C, H, W]``."""
    chunks = draw_chunks(generator, latent_dim, count, seed, labels)
    return as_pixels(np.concatenate([range_to_pixels(chunk).cpu().numpy() for chunk in chunks]))


def draw_numbers(
    generator: nn.Module, latent_dim: int, count: int, seed: int, labels: torch.Tensor | None, values: Values
) -> NDArray[Any]:
    """Return ``count`` samples in the data's units, type and layout; images as ``[count, H, W, C]``."""
    chunks = draw_chunks(generator, latent_dim, count, seed, labels)
    if values.are_pixels:
        pixels = np.concatenate([range_to_pixels(chunk).cpu().numpy() for chunk in chunks])
        return np.ascontiguousarray(pixels.transpose(0, 2, 3, 1))
    return np.concatenate([values.restore(chunk.float().cpu().numpy()) for chunk in chunks])


def draw_every_label(
    generator: nn.Module, latent_dim: int, each: int, seed: int, examples: torch.Tensor
) -> NDArray[np.uint8]:
    """Return ``each`` samples for each of the label vectors ``[L, K]``, the same latents for all: ``[L * each, …]``."""
    rows = [draw_pixels(generator, latent_dim, each, seed, label.expand(each, -1)) for label in examples]
    return np.concatenate(rows)
