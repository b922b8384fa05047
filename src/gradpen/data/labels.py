"""What is known about each image beside its pixels: a class, several attributes, numbers, or some of each.

A network sees a label as a vector of K numbers: one-hot for classes, 0 or 1 for each attribute, and numbers
scaled so that the data span [-1, 1]. Columns of different kinds follow one another in the vector.
"""

import re
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gradpen.errors import UsageError
from gradpen.text import composed, did_you_mean, printable

Kind = Literal["classes", "attributes", "values", "mixed"]
Vectors = NDArray[np.float32]

MOST_EXAMPLES = 64
NUMBERS_SHOWN = 8
NAMES_SHOWN = 6


@dataclass(frozen=True, kw_only=True, eq=False)
class Labels:
    """The label of every image of a source."""

    kind: Kind
    """classes: exactly one of ``names``; attributes: any number of them; values: a number for each; mixed: a label of
    its own kind for each, see ``parts``"""
    names: tuple[str, ...]
    values: NDArray[np.int64] | Vectors
    """classes: the class of each image, int64 ``[N]``; else float32 ``[N, K]``: 0 or 1, or numbers in their own unit;
    mixed: ``[N, P]``, the number of a class, a number in its own unit, or 0 or 1"""
    parts: tuple["Labels", ...] = ()
    """mixed: the labels of each column"""

    def take(self, rows: NDArray[np.int64]) -> "Labels":
        """Return the labels of these rows."""
        parts = tuple(part.take(rows) for part in self.parts)
        return Labels(kind=self.kind, names=self.names, values=self.values[rows], parts=parts)

    def only(self, columns: tuple[str, ...]) -> "Labels":
        """Return the labels with these attributes or numbers alone; one attribute becomes two classes.

        Raises:
            UsageError: there is no such column; the nearest name is given.
        """
        for column in columns:
            if self.kind == "classes" or column not in self.names:
                known = "no columns" if self.kind == "classes" else ", ".join(printable(name) for name in self.names)
                raise UsageError(
                    f"there is no column '{printable(column)}' among the labels ({known})"
                    f"{did_you_mean(column, self.names)}"
                )
        values = self.values[:, [self.names.index(column) for column in columns]]
        if self.kind == "attributes" and len(columns) == 1:
            return class_labels(values[:, 0], (f"not {columns[0]}", columns[0]))
        return Labels(kind=self.kind, names=columns, values=values)

    def counts(self) -> dict[str, int]:
        """Return images per class or with each attribute; nothing for numbers."""
        if self.kind == "classes":
            found = np.bincount(np.asarray(self.values, dtype=np.int64), minlength=len(self.names))
        elif self.kind == "attributes":
            found = self.values.sum(axis=0)
        else:
            counted = zip(self.names, (part.counts() for part in self.parts), strict=False)
            return {f"{name}={value}": count for name, counts in counted for value, count in counts.items()}
        return {name: int(count) for name, count in zip(self.names, found, strict=True)}

    def space(self) -> "LabelSpace":
        """Return which labels there are, as much as a trained generator needs to know."""
        if self.kind == "classes":
            examples: NDArray[Any] = np.eye(len(self.names))
        elif self.kind == "attributes":
            found, counts = np.unique(self.values, axis=0, return_counts=True)
            examples = found[np.argsort(-counts, kind="stable")][:MOST_EXAMPLES]
        else:
            order = np.lexsort(self.values.T[::-1])
            examples = self.values[order[np.linspace(0, len(order) - 1, NUMBERS_SHOWN).astype(int)]]
        parts = tuple(part.space() for part in self.parts)
        low, high = (self.values.min(axis=0), self.values.max(axis=0)) if self.kind == "values" else ([], [])
        return LabelSpace(
            kind=self.kind,
            names=self.names,
            low=tuple(float(value) for value in low),
            high=tuple(float(value) for value in high),
            examples=tuple(tuple(float(value) for value in row) for row in examples),
            parts=parts,
        )

    def about(self) -> str:
        """Return in words what the vector of a label holds."""
        if self.kind == "mixed":
            return "; ".join(
                f"{printable(name)}, {part.about()}" for name, part in zip(self.names, self.parts, strict=True)
            )
        if self.kind == "classes":
            shown = ", ".join(printable(name) for name in self.names[:NAMES_SHOWN])
            return f"one of {len(self.names)} classes ({shown}{', …' if len(self.names) > NAMES_SHOWN else ''})"
        if self.kind == "attributes":
            return f"{len(self.names)} attributes, each there or not"
        lowest, highest = self.values.min(axis=0), self.values.max(axis=0)
        ranges = [f"from {low:g} to {high:g}" for low, high in zip(lowest[:NAMES_SHOWN], highest, strict=False)]
        return f"a number {ranges[0]}" if len(self.names) == 1 else f"{len(self.names)} numbers, {', '.join(ranges)}"


@dataclass(frozen=True, kw_only=True)
class LabelSpace:
    """Which labels there are."""

    kind: Kind
    names: tuple[str, ...]
    low: tuple[float, ...] = ()
    """smallest number of each column of values"""
    high: tuple[float, ...] = ()
    examples: tuple[tuple[float, ...], ...]
    """every class; the most frequent combinations of attributes; numbers spread over the data"""
    parts: tuple["LabelSpace", ...] = ()
    """mixed: the labels of each column"""

    @property
    def size(self) -> int:
        """K, the numbers in a label's vector."""
        return sum(part.size for part in self.parts) if self.kind == "mixed" else len(self.names)

    def vectors(self, values: NDArray[np.int64] | Vectors) -> Vectors:
        """Return label vectors ``[n, K]`` of values as in :attr:`Labels.values`.

        >>> space = LabelSpace(kind="classes", names=("cat", "dog"), examples=())
        >>> space.vectors(np.array([1, 0])).tolist()
        [[0.0, 1.0], [1.0, 0.0]]
        """
        if self.kind == "classes":
            one_hot: Vectors = np.eye(self.size, dtype=np.float32)[np.asarray(values, dtype=np.int64)]
            return one_hot
        if self.kind == "attributes":
            return values.astype(np.float32)
        if self.kind == "mixed":
            columns = [values[:, [place]] for place in range(len(self.parts))]
            found = [
                part.vectors(column[:, 0].astype(np.int64) if part.kind == "classes" else column)
                for part, column in zip(self.parts, columns, strict=True)
            ]
            return np.concatenate(found, axis=1)
        low, high = np.array(self.low), np.array(self.high)
        scaled: Vectors = (2 * (values - low) / np.where(high > low, high - low, 1) - 1).astype(np.float32)
        return scaled

    def example_vectors(self) -> Vectors:
        """Return the vectors of the examples, ``[n, K]``."""
        examples = np.array(self.examples, dtype=np.float32)
        return self.vectors(examples) if self.kind in ("values", "mixed") else examples

    def example_names(self) -> list[str]:
        """Return the examples in words, as :meth:`parse` reads them."""
        return [self.describe(example) for example in self.examples]

    def describe(self, example: tuple[float, ...]) -> str:
        """Return one example in words."""
        if self.kind == "values":
            return ",".join(f"{name}={value:.9g}" for name, value in zip(self.names, example, strict=True))
        if self.kind == "mixed":
            return ",".join(
                f"{name}={part.describe_value(value)}"
                for name, part, value in zip(self.names, self.parts, example, strict=True)
            )
        return "+".join(name for name, value in zip(self.names, example, strict=True) if value) or "none"

    def describe_value(self, value: float) -> str:
        """Return one cell of a mixed label in words."""
        if self.kind == "classes":
            return self.names[int(value)]
        return f"{value:.9g}"

    def parse(self, text: str) -> Vectors:
        """Return the vector ``[K]`` of a label in words: ``CLASS``, ``A+B`` or ``none``, ``A=0.5,B=CLASS``.

        Raises:
            UsageError: there is no such label; the names are given.
        """
        text = composed(text)
        if self.kind == "values":
            numbers: Vectors = self.vectors(np.array([self.parse_numbers(text)], dtype=np.float32))[0]
            return numbers
        if self.kind == "mixed":
            return self.parse_mixed(text)
        parts = [text] if self.kind == "classes" else [] if text == "none" else text.split("+")
        for part in parts:
            if part not in self.names:
                known = ", ".join(printable(name) for name in self.names[:20])
                raise UsageError(f"there is no label '{printable(part)}' among {known}{did_you_mean(part, self.names)}")
        return np.array([name in parts for name in self.names], dtype=np.float32)

    def parse_mixed(self, text: str) -> Vectors:
        """Return the vector of a label with a value for each column, as ``A=0.5,B=CLASS``."""
        # A class may have a comma in its name: only one before the name of a column parts.
        columns = "|".join(re.escape(name) for name in self.names)
        given = dict(part.partition("=")[::2] for part in re.split(f",(?=(?:{columns})=)", text))
        if set(given) != set(self.names):
            form = ",".join(
                f"{printable(name)}={ {'classes': 'CLASS', 'values': 'NUMBER'}.get(part.kind, '0|1') }"
                for name, part in zip(self.names, self.parts, strict=True)
            )
            raise UsageError(f"the label '{printable(text)}' is not of the form {form}")
        found = []
        for name, part in zip(self.names, self.parts, strict=True):
            value = given[name]
            if part.kind == "attributes" and value in ("0", "1"):
                found.append(np.array([float(value)], dtype=np.float32))
                continue
            found.append(part.parse(f"{name}={value}" if part.kind == "values" else value))
        return np.concatenate(found)

    def parse_numbers(self, text: str) -> list[float]:
        """Return the number of each name in ``A=0.5,B=1``."""
        given = dict(part.partition("=")[::2] for part in text.split(","))
        try:
            numbers = [float(given[name]) for name in self.names]
            if set(given) == set(self.names) and np.isfinite(numbers).all():
                return numbers
        except (ValueError, KeyError):
            pass
        form = ",".join(f"{printable(name)}=NUMBER" for name in self.names)
        raise UsageError(f"the label '{printable(text)}' is not of the form {form}")

    def to_json(self) -> dict[str, Any]:
        """Return JSON-able values."""
        return asdict(self)


def space_from_json(values: dict[str, Any]) -> LabelSpace:
    """Return what :meth:`LabelSpace.to_json` wrote."""
    return LabelSpace(
        kind=values["kind"],
        names=tuple(values["names"]),
        low=tuple(values["low"]),
        high=tuple(values["high"]),
        examples=tuple(tuple(example) for example in values["examples"]),
        parts=tuple(space_from_json(part) for part in values.get("parts", ())),
    )


def class_labels(values: NDArray[np.generic], names: tuple[str, ...]) -> Labels:
    """Return labels of the kind ``classes``."""
    return Labels(kind="classes", names=names, values=values.astype(np.int64))
