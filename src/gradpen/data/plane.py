"""Points in the plane as a picture: data, samples, and a critic's surface with its contours and slopes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

SIDE = 384
"""pixels of a picture"""
CELLS = 64
"""places along a side at which the surface is known"""
LINES = 14
"""contours of a surface"""
ARROWS = 12
"""along a side"""
DATA, SAMPLES = (227, 116, 0), (0, 120, 60)
"""colours of real and generated points, as in figure 1 of Gulrajani et al. 2017"""
LOW, MIDDLE, HIGH = np.array([58, 96, 170]), np.array([250, 250, 250]), np.array([176, 58, 84])
"""of the surface"""
CONTOUR, ARROW = (110, 110, 120), (40, 40, 50)
MARGIN = 0.25
"""room around the data, as a share of their extent"""

Surface = Callable[[NDArray[np.float32]], NDArray[np.floating]]
"""scores of points ``[n, 2]``"""


@dataclass(frozen=True)
class Window:
    """The square part of the plane that is drawn."""

    left: float
    bottom: float
    side: float

    def places(self, cells: int) -> NDArray[np.float32]:
        """Return the centres ``[cells * cells, 2]`` of the cells, row by row from the top left."""
        steps = (np.arange(cells) + 0.5) / cells * self.side
        x, y = np.meshgrid(self.left + steps, self.bottom + steps[::-1])
        return np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)

    def pixels(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return where points ``[n, 2]`` lie in a picture, x and y from the top left."""
        x = (points[:, 0] - self.left) / self.side
        y = 1 - (points[:, 1] - self.bottom) / self.side
        return np.stack([x, y], axis=1).astype(np.float64) * SIDE


def window_of(points: NDArray[np.floating]) -> Window:
    """Return the window around points ``[n, 2]``.

    >>> window_of(np.array([[-1.0, 0.0], [1.0, 1.0]]))
    Window(left=-1.5, bottom=-1.0, side=3.0)
    """
    low, high = points.min(axis=0), points.max(axis=0)
    middle, side = (low + high) / 2, float(max(high - low)) * (1 + 2 * MARGIN) or 1.0
    return Window(left=float(middle[0]) - side / 2, bottom=float(middle[1]) - side / 2, side=side)


def draw_plane(
    window: Window, sets: Sequence[tuple[NDArray[np.floating], tuple[int, int, int]]], surface: Surface | None = None
) -> Image.Image:
    """Return a picture of sets of points ``[n, 2]``, each of its colour, over a surface with contours and slopes."""
    picture = Image.new("RGB", (SIDE, SIDE), "white")
    if surface is not None:
        heights = np.asarray(surface(window.places(CELLS)), dtype=np.float64).reshape(CELLS, CELLS)
        if np.isfinite(heights).all():
            picture = with_arrows(painted(heights), heights)
    pen = ImageDraw.Draw(picture)
    for points, colour in sets:
        for x, y in window.pixels(points).round().astype(int).tolist():
            pen.line((x - 2, y, x + 2, y), fill=colour)
            pen.line((x, y - 2, x, y + 2), fill=colour)
    return picture


def painted(heights: NDArray[np.float64]) -> Image.Image:
    """Return a surface as colours, white halfway, with contours at even steps."""
    low, high = float(heights.min()), float(heights.max())
    share = (heights - low) / (high - low) if high > low else np.full(heights.shape, 0.5)
    smooth = Image.fromarray(share.astype(np.float32)).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    share = np.clip(np.asarray(smooth, dtype=np.float64), 0, 1)[:, :, None]
    colours = np.where(share < 0.5, LOW + (MIDDLE - LOW) * 2 * share, MIDDLE + (HIGH - MIDDLE) * (2 * share - 1))
    bands = np.floor(share[:, :, 0] * (LINES + 1))
    edges = np.zeros(bands.shape, dtype=bool)
    edges[:, 1:] |= bands[:, 1:] != bands[:, :-1]
    edges[1:] |= bands[1:] != bands[:-1]
    colours[edges] = CONTOUR
    return Image.fromarray(colours.round().astype(np.uint8))


def with_arrows(picture: Image.Image, heights: NDArray[np.float64]) -> Image.Image:
    """Return the picture with the direction in which the surface rises, as short lines with a dot at their foot."""
    down, right = (np.asarray(slope) for slope in np.gradient(heights))
    length = np.hypot(down, right)
    pen, cell = ImageDraw.Draw(picture), SIDE / CELLS
    flat = 1e-3 * float(length.max())
    for row in range(CELLS // ARROWS // 2, CELLS, CELLS // ARROWS):
        for column in range(CELLS // ARROWS // 2, CELLS, CELLS // ARROWS):
            if length[row, column] <= flat:
                continue
            x, y = (column + 0.5) * cell, (row + 0.5) * cell
            step = SIDE / ARROWS / 2.4 / float(length[row, column])
            pen.line((x, y, x + step * float(right[row, column]), y + step * float(down[row, column])), fill=ARROW)
            pen.ellipse((x - 1, y - 1, x + 1, y + 1), fill=ARROW)
    return picture
