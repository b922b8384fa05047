"""The choice of data: which images, which labels, and how they become an array."""

import os
from dataclasses import dataclass as plain_dataclass
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from PIL import ImageColor
from pydantic import Field, field_validator, model_validator
from pydantic.dataclasses import dataclass

from gradpen.choice import STRICT
from gradpen.data.image import Fit

EMBEDDED = "embedded:"
READ = (
    "a folder of images (any size, mode and format, searched recursively), a folder of idx files (MNIST, "
    "Fashion-MNIST), of CIFAR-10, of LSUN or of .npy files, an array in a .npy, .npz or .h5 file, a .csv file of "
    "numbers, or a .txt file with one example a line"
)
"""which data gradpen reads"""
Side = Annotated[int, Field(ge=1, le=65_536)]
WITHOUT_TABLE = (None, "folders", "names")
"""choices of labels that need no table"""


def parse_size(text: str) -> tuple[int, int]:
    """Return height and width from ``64`` or ``48x32``; raise :class:`ValueError` for anything else.

    >>> parse_size("64"), parse_size("48x32")
    ((64, 64), (48, 32))
    """
    parts = text.lower().split("x")
    if len(parts) > 2 or not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise ValueError("write one number, or HEIGHTxWIDTH as in 48x32")
    return int(parts[0]), int(parts[-1])


@dataclass(frozen=True, kw_only=True, config=STRICT)
class DataChoice:
    """Which images to train on, and how they become an array."""

    path: str = "embedded:digits"
    """what :data:`READ` says; embedded:digits (scikit-learn's digits), embedded:bricks or embedded:faces (drawn
    stand-ins), embedded:8gaussians, 25gaussians, swissroll, ring or grid (points in the plane), or embedded:sentences
    (short lines of text)"""
    size: tuple[Side, Side] | None = None
    """height and width, also written 48x32; none: the images' own, but 64x64 for a folder whose images differ in size
    or exceed 128"""
    fit: Fit = "crop"
    """how an image of another aspect ratio reaches the size: crop, pad or stretch"""
    channels: Literal[1, 2, 3, 4] | None = None
    """1 grey, 2 grey and alpha, 3 RGB, 4 RGBA; none: grey if every image is grey, else RGB"""
    background: str = "white"
    """colour under transparent pixels and around padded images"""
    labels: str | None = None
    """where labels come from: folders, the first sub-folder an image lies in; names, its file name before a running
    number; or a .csv, .txt or .json file, a table of file names and labels; none: what the data bring along"""
    columns: tuple[str, ...] = ()
    """columns of the table, or of the labels that the data bring along, to train with; NAME:number, NAME:class or
    NAME:attribute states what a column of a table is, and columns of several kinds go together"""
    only: tuple[str, ...] = ()
    """train on these classes only"""
    axes: Literal["NHW", "NHWC", "NCHW", "ND", "NCL", "NDHW", "NDHWC", "NCDHW"] | None = None
    """what the axes of an array are: N examples of H rows, W columns and C channels; D numbers; C channels of L
    numbers; or volumes of D slices; none: told by the shape, the fewest being channels"""
    unscaled: bool = False
    """take vectors of floats as they are, without a range, for networks without bounds"""
    range: tuple[float, float] | None = None
    """smallest and largest number of an array, or of images with more than 8 bits, also written 0,4095; none: told by
    type and data"""
    length: Annotated[int, Field(ge=4, le=4096)] | None = None
    """characters of a line of text; longer lines are cut off and shorter ones filled up; none: 32"""
    held_out: float = Field(default=0.1, ge=0.01, le=0.5)
    """fraction held out for honest measures where the data bring no test part"""
    flip: bool = False
    """mirror half of the training images, at random, from left to right"""
    dequantise: bool = False
    """spread every grey level of 8-bit images evenly over its width by noise, anew in every batch"""
    strict: bool = False
    """end with an error at the first unreadable image instead of leaving it out"""
    max_pixels: int = Field(default=64_000_000, ge=1, le=178_000_000)
    """largest image to decode; Pillow itself refuses more than 178 million"""

    @property
    def numbers(self) -> tuple[float, float] | Literal["unscaled"] | None:
        """The range of an array's numbers, or that they have none."""
        return "unscaled" if self.unscaled else self.range

    @model_validator(mode="after")
    def _one_range(self) -> Self:
        if self.unscaled and self.range is not None:
            raise ValueError("unscaled takes numbers as they are, so there is no range")
        return self

    @field_validator("size", mode="before")
    @classmethod
    def _size_in_words(cls, value: Any) -> Any:
        if isinstance(value, int) and not isinstance(value, bool):
            return value, value
        return parse_size(value) if isinstance(value, str) else value

    @field_validator("range", mode="before")
    @classmethod
    def _range_in_words(cls, value: Any) -> Any:
        return tuple(map(float, value.split(","))) if isinstance(value, str) else value

    @field_validator("range")
    @classmethod
    def _rising(cls, value: tuple[float, float] | None) -> tuple[float, float] | None:
        if value is not None and not (isfinite(value[0]) and isfinite(value[1]) and value[0] < value[1]):
            raise ValueError("expected the smallest number before the largest, as in 0,4095")
        return value

    @field_validator("path")
    @classmethod
    def _names_something(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("expected a folder, a file or embedded data by name; '.' is the folder you are in")
        return value

    @field_validator("background")
    @classmethod
    def _known_colour(cls, value: str) -> str:
        ImageColor.getrgb(value)
        return value


@plain_dataclass(frozen=True, kw_only=True)
class LabelledArray:
    """Images in memory, with their labels if they have any."""

    images: NDArray[np.generic]
    """as :func:`gradpen.data.arrays.images_from_array` takes them"""
    labels: NDArray[np.generic] | None = None
    """as :func:`gradpen.data.arrays.labels_from_array` takes them"""
    asked: bool = False
    """whether the labels were given for themselves, and did not just come with the images"""


def at_absolute_path(choice: DataChoice, path: str) -> DataChoice:
    """Return the choice with this path and its table's made absolute, so that a run can be continued from any folder.

    A table that lay in or beside the data's old folder is looked for at the same place from the new one.
    """
    if not path.startswith(EMBEDDED):
        path = str(Path(os.path.expanduser(path)).absolute())
    labels = choice.labels
    if labels not in WITHOUT_TABLE:
        table = Path(os.path.expanduser(str(labels))).absolute()
        before = Path(os.path.expanduser(choice.path)).absolute()
        moved = Path(os.path.normpath(Path(path) / os.path.relpath(table, before)))
        labels = str(moved if table.is_relative_to(before) or not table.exists() else table)
    return replace(choice, path=path, labels=labels)
