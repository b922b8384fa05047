"""Samples as pictures, arrays and folders of pictures; rows of pictures under their words."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradpen.data.plane import SAMPLES, draw_plane, window_of
from gradpen.data.shown import as_image, grid, save_drawn
from gradpen.errors import UsageError, readable_writes
from gradpen.runs.checkpoint import replace_file
from gradpen.text import printable


def save_samples(pixels: NDArray[np.uint8], out: Path, columns: int | None = None) -> None:
    """Write samples: a grid to ``.png``, an array ``[N, H, W, C]`` to ``.npz``, else one PNG each to a folder.

    Raises:
        UsageError: the place cannot be written, or its suffix says something else.
    """
    with readable_writes(UsageError, out, "choose another `out`"):
        if out.suffix == ".png":
            out.parent.mkdir(parents=True, exist_ok=True)
            save_drawn(grid(pixels, columns), out)
        elif out.suffix == ".npz":
            out.parent.mkdir(parents=True, exist_ok=True)
            np.savez_compressed(out, images=pixels.transpose(0, 2, 3, 1))
        elif out.suffix:
            raise UsageError(
                f"samples are written to a .png grid, an .npz array or a folder of PNGs, animated to .gif or .mp4, "
                f"or, of text, to .txt, not to {printable(out)}"
            )
        else:
            out.mkdir(parents=True, exist_ok=True)
            for index, image in enumerate(pixels):
                as_image(image).save(out / f"{index:06d}.png")


def save_points(points: NDArray[Any], out: Path) -> None:
    """Write points in the plane ``[N, 2]`` as one picture.

    Raises:
        UsageError: the place cannot be written.
    """
    with readable_writes(UsageError, out, "choose another `out`"):
        out.parent.mkdir(parents=True, exist_ok=True)
        save_drawn(draw_plane(window_of(points), [(points, SAMPLES)]), out)


def save_lines(lines: Sequence[str], out: Path) -> None:
    """Write lines of text in UTF-8.

    Raises:
        UsageError: the place cannot be written.
    """
    with readable_writes(UsageError, out, "choose another `out`"):
        out.parent.mkdir(parents=True, exist_ok=True)
        replace_file(out, "".join(f"{line}\n" for line in lines).encode())


def save_numbers(numbers: NDArray[Any], out: Path, latents: NDArray[np.float32]) -> None:
    """Write samples in the data's units, ``[N, …]``, as ``images`` of an ``.npz`` file, with ``latents`` beside them.

    Raises:
        UsageError: the place cannot be written.
    """
    with readable_writes(UsageError, out, "choose another `out`"):
        out.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(out, images=numbers, latents=latents)


def save_rows(rows: Sequence[tuple[str, NDArray[np.uint8]]], out: Path) -> None:
    """Write rows of images, each uint8 ``[N, C, H, W]`` under its words, as one PNG.

    Raises:
        UsageError: the place cannot be written.
    """
    from gradpen.looking.figures import labelled_rows, png  # matplotlib takes long to load

    pictures = [(printable(words), np.asarray(grid(images, len(images)).convert("RGB"))) for words, images in rows]
    with readable_writes(UsageError, out, "choose another `out`"):
        out.parent.mkdir(parents=True, exist_ok=True)
        replace_file(out, png(labelled_rows(pictures)))
