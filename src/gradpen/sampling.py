"""Samples from a generator: the same seed gives the same images, however many are drawn."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from gradpen.data.decode import MODE_OF_CHANNELS
from gradpen.data.source import range_to_pixels
from gradpen.errors import UsageError
from gradpen.names import safe_name
from gradpen.runtime import derived_seed

CHUNK = 64
SHORTEST_SHOWN = 64
GAP = 2
GAP_COLOUR: dict[int, float | tuple[int, ...]] = {1: 128, 2: (128, 255), 3: (128, 128, 128), 4: (128, 128, 128, 255)}


def latents(latent_dim: int, seed: int, chunk: int) -> torch.Tensor:
    """Return latents ``[64, latent_dim]`` of one chunk of samples, drawn on the processor."""
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
    return np.concatenate([range_to_pixels(chunk).cpu().numpy() for chunk in chunks])


def as_image(pixels: NDArray[np.uint8]) -> Image.Image:
    """Return uint8 pixels ``[C, H, W]`` with 1 to 4 channels as a picture."""
    if len(pixels) == 1:
        return Image.fromarray(pixels[0])
    return Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)), MODE_OF_CHANNELS[len(pixels)])


def draw_every_label(
    generator: nn.Module, latent_dim: int, each: int, seed: int, examples: torch.Tensor
) -> NDArray[np.uint8]:
    """Return ``each`` samples for each of the label vectors ``[L, K]``, the same latents for all: ``[L * each, …]``."""
    rows = [draw_pixels(generator, latent_dim, each, seed, label.expand(each, -1)) for label in examples]
    return np.concatenate(rows)


def grid(pixels: NDArray[np.uint8], columns: int | None = None) -> Image.Image:
    """Return uint8 images ``[N, C, H, W]`` as one grid with thin gaps, nearly square unless columns are given.

    Images with sides under 64 pixels are shown enlarged by a whole factor, bicubic, since few people can read a
    digit of 8x8 blocks.
    """
    count, channels, height, width = pixels.shape
    factor = -(-SHORTEST_SHOWN // min(height, width, SHORTEST_SHOWN))
    height, width = height * factor, width * factor
    columns = columns or min(max(int(np.ceil(np.sqrt(count * height / width))), 1), count)
    rows = -(-count // columns)
    size = (columns * (width + GAP) + GAP, rows * (height + GAP) + GAP)
    canvas = Image.new(MODE_OF_CHANNELS[channels], size, GAP_COLOUR[channels])
    for index, image in enumerate(pixels):
        place = (GAP + index % columns * (width + GAP), GAP + index // columns * (height + GAP))
        canvas.paste(as_image(image).resize((width, height), Image.Resampling.BICUBIC), place)
    return canvas


def save_samples(pixels: NDArray[np.uint8], out: Path, columns: int | None = None) -> None:
    """Write samples: a grid to ``.png``, an array ``[N, H, W, C]`` to ``.npz``, else one PNG each to a folder.

    Raises:
        UsageError: the place cannot be written, or its suffix says something else.
    """
    name = safe_name(out)
    try:
        if out.suffix == ".png":
            out.parent.mkdir(parents=True, exist_ok=True)
            grid(pixels, columns).save(out)
        elif out.suffix == ".npz":
            out.parent.mkdir(parents=True, exist_ok=True)
            np.savez_compressed(out, images=pixels.transpose(0, 2, 3, 1))
        elif out.suffix:
            raise UsageError(
                f"samples are written to a .png grid, an .npz array or a folder of PNGs, or animated to .gif or .mp4, "
                f"not to {name}"
            )
        else:
            out.mkdir(parents=True, exist_ok=True)
            for index, image in enumerate(pixels):
                as_image(image).save(out / f"{index:06d}.png")
    except OSError as error:
        raise UsageError(f"{name} cannot be written: {error.strerror or error}; choose another --out") from None
