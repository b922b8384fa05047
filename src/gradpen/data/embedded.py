"""Data without a file: scikit-learn's digits, drawn pictures, points in the plane, sentences."""

from dataclasses import replace
from importlib import metadata

import numpy as np

from gradpen.data import arrays
from gradpen.data.choice import EMBEDDED, DataChoice
from gradpen.data.drawn import bricks, faces
from gradpen.data.labels import class_labels
from gradpen.data.memory import from_memory, of_lines
from gradpen.data.sentences import sentences
from gradpen.data.source import Source, split
from gradpen.data.toys import TOYS, points_of
from gradpen.errors import DataError
from gradpen.text import printable

DRAWN = {"bricks": bricks, "faces": faces}
SENTENCES = "sentences"


def embedded(choice: DataChoice) -> Source:
    """Open data that need no file.

    Raises:
        DataError: there are none of this name.
    """
    name = choice.path.removeprefix(EMBEDDED)
    if name == "digits":
        return digits(choice)
    if name in TOYS:
        return toy(name, choice)
    if name == SENTENCES:
        return of_lines(sentences(), "embedded", f"{name} put together by gradpen", choice)
    if name not in DRAWN:
        known = ", ".join(f"{EMBEDDED}{known}" for known in ("digits", *DRAWN, *TOYS, SENTENCES))
        raise DataError(f"there are no embedded data '{printable(name)}'; choose one of {known}")
    images, labels = DRAWN[name]()
    return from_memory("embedded", f"{name} drawn by gradpen", images, labels, "uint8", choice)


def digits(choice: DataChoice) -> Source:
    """Open scikit-learn's 1,797 handwritten digits of 8x8 pixels with 17 grey levels.

    They are read from scikit-learn's file: ``sklearn.datasets.load_digits`` gives the same numbers, but its imports
    take most of a second of every command.
    """
    file = metadata.distribution("scikit-learn").locate_file("sklearn/datasets/data/digits.csv.gz")
    rows = np.loadtxt(str(file), delimiter=",")
    images = np.rint(rows[:, :-1] * (255 / 16)).astype(np.uint8).reshape(-1, 1, 8, 8)
    labels = class_labels(rows[:, -1].astype(np.int64), tuple(str(n) for n in range(10)))
    return from_memory("embedded", "digits embedded in scikit-learn", images, labels, "float64", choice)


def toy(name: str, choice: DataChoice) -> Source:
    """Open points in the plane, at their papers' scale unless a range is asked for."""
    points = points_of(TOYS[name])
    chosen: arrays.ChosenRange = "unscaled" if choice.range is None else choice.range
    numbers = arrays.images_from_array(points, f"embedded:{name}", "ND", chosen)
    halves = split(len(points), 0.5) if TOYS[name].endless else None
    path = f"{name}, points in the plane drawn by gradpen"
    source = from_memory("embedded", path, numbers.images, None, "float32", choice, halves, numbers)
    return replace(source, endless=TOYS[name].draw if TOYS[name].endless and chosen == "unscaled" else None)
