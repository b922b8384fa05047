"""Walks between latents: strips of images from one sample to another, and animations that end where they began."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from gradpen.data.shown import grid
from gradpen.errors import RunError, UsageError, readable_writes
from gradpen.runs.folder import RunFolder
from gradpen.sampling import first_latents
from gradpen.text import DRAWN_BY, printable

STEPS = 8
"""images in a strip"""
KEYS = 4
"""latents that an animation passes through"""
FRAMES = 48
FRAMES_PER_SECOND = 16
ANIMATED = (".gif", ".mp4")
NEARLY_PARALLEL = 1e-6


def spherical(one: Tensor, other: Tensor, fractions: Tensor) -> Tensor:
    r"""Return latents on the way from one to the other along a great circle.

    .. math:: z(t) = r(t) \left( \frac{\sin((1-t)\omega)}{\sin\omega} \frac{a}{|a|}
              + \frac{\sin(t\omega)}{\sin\omega} \frac{b}{|b|} \right), \qquad r(t) = (1-t)|a| + t|b|

    with the angle :math:`\omega` between them. Latents lie near a sphere of radius :math:`\sqrt{d}`; a straight line
    would leave it. Latents on one line through the origin are joined by a straight line, there being no one circle.

    Source: White 2016 (arXiv 1609.04468), section 2.1, with the length going evenly from one to the other.

    Args:
        one: float32 ``[..., d]``.
        other: the same shape.
        fractions: how far, ``[T]`` in [0, 1]; at 0 and 1 the latents themselves come back, bit for bit.

    Returns:
        float32 ``[..., T, d]``.

    >>> spherical(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 3.0]), torch.tensor([0.0, 0.5, 1.0]))
    tensor([[1.0000, 0.0000],
            [1.4142, 1.4142],
            [0.0000, 3.0000]])
    """
    a, b = one.double().unsqueeze(-2), other.double().unsqueeze(-2)
    t = fractions.double().unsqueeze(-1)
    length_a, length_b = a.norm(dim=-1, keepdim=True), b.norm(dim=-1, keepdim=True)
    angle = ((a * b).sum(dim=-1, keepdim=True) / (length_a * length_b)).clamp(-1, 1).acos()
    sine, length = angle.sin(), (1 - t) * length_a + t * length_b
    # Where the sine vanishes both branches are computed, and ``where`` drops the one that is not a number.
    round_way = sine > NEARLY_PARALLEL
    weight_a = torch.where(round_way, ((1 - t) * angle).sin() / sine * (length / length_a), 1 - t)
    weight_b = torch.where(round_way, (t * angle).sin() / sine * (length / length_b), t)
    return (weight_a * a + weight_b * b).float()


def strip_latents(latent_dim: int, seed: int, rows: int) -> Tensor:
    """Return ``[rows * 8, latent_dim]``: row r goes from the latent of sample 2r of a seed to that of sample 2r + 1."""
    ends = first_latents(latent_dim, seed, 2 * rows)
    return spherical(ends[::2], ends[1::2], torch.linspace(0, 1, STEPS)).flatten(0, 1)


def loop_latents(latent_dim: int, seed: int, count: int, frames: int = FRAMES) -> Tensor:
    """Return ``[frames * count, latent_dim]``: ``count`` closed loops, frame after frame, each through 4 latents.

    Loop i passes the latents of the samples i, i + count, i + 2 count, i + 3 count of the seed, at frames 0,
    frames / 4 and so on; ``frames`` is a multiple of 4.
    """
    keys = first_latents(latent_dim, seed, KEYS * count).unflatten(0, (KEYS, count))
    leg = frames // KEYS
    ways = spherical(keys, keys.roll(-1, dims=0), torch.arange(leg) / leg)
    return ways.transpose(1, 2).flatten(0, 2)


def refuse_animation_without_encoder(out: Path) -> None:
    """Raise :class:`UsageError` if a film is asked for and there is no program to encode it."""
    if out.suffix == ".mp4" and shutil.which("ffmpeg") is None:
        raise UsageError(
            f"{printable(out)} needs the program ffmpeg, which is not installed; install it, or choose {out.stem}.gif"
        )


def save_animation(frames: NDArray[np.uint8], out: Path) -> None:
    """Write frames of several images each, uint8 ``[frames, N, C, H, W]``, as an endless ``.gif`` or an ``.mp4``.

    Raises:
        UsageError: the place cannot be written, or ffmpeg is missing or fails.
    """
    save_film([grid(images) for images in frames], out)


def training_film(folder: RunFolder) -> list[Image.Image]:
    """Return the run's grids of samples from the first to the last, which is shown as long as a quarter of them.

    Raises:
        RunError: it has none yet.
    """
    grids = folder.sample_grids()
    if not grids:
        raise RunError(f"{printable(folder.path)} has no grid of samples yet; the first is drawn at the first mark")
    pictures = []
    for file in grids:
        with Image.open(file) as picture:
            pictures.append(picture.convert("RGB"))
    return pictures + pictures[-1:] * (len(pictures) // KEYS)


def save_film(pictures: list[Image.Image], out: Path, frames_per_second: int = FRAMES_PER_SECOND) -> None:
    """Write pictures of one size as an endless ``.gif`` or an ``.mp4``.

    Raises:
        UsageError: the place cannot be written, or ffmpeg is missing or fails.
    """
    refuse_animation_without_encoder(out)
    pictures = [picture if picture.mode == "L" else picture.convert("RGB") for picture in pictures]
    with readable_writes(UsageError, out, "choose another `out`"):
        out.parent.mkdir(parents=True, exist_ok=True)
        if out.suffix == ".mp4":
            encode(pictures, out, frames_per_second)
        else:
            milliseconds = 1000 // frames_per_second
            pictures[0].save(
                out, save_all=True, append_images=pictures[1:], duration=milliseconds, loop=0, comment=DRAWN_BY.encode()
            )


def encode(pictures: list[Image.Image], out: Path, frames_per_second: int) -> None:
    """Encode pictures of one size with ffmpeg; raise :class:`UsageError` with its last words if it fails."""
    width, height = pictures[0].size
    source = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(frames_per_second)]
    # most players know this pixel format alone, and it wants even sides
    film = ["-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2", "-pix_fmt", "yuv420p", str(out.absolute())]
    done = subprocess.run(
        ["ffmpeg", "-loglevel", "error", "-y", *source, "-i", "pipe:0", *film],
        input=b"".join(picture.convert("RGB").tobytes() for picture in pictures),
        capture_output=True,
        check=False,
    )
    if done.returncode:
        words = done.stderr.decode(errors="replace").strip().splitlines() or [f"exit code {done.returncode}"]
        raise UsageError(f"ffmpeg could not write {printable(out)} ({printable(words[-1])}); choose a .gif instead")
