"""Characters as numbers: codes in memory, and one number for each symbol to the networks."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

UNKNOWN, END = "\N{REPLACEMENT CHARACTER}", "\n"
"""what stands for all rare characters, and what fills a line up"""
Codes = NDArray[np.uint16]


def codes_of(lines: Sequence[str], symbols: Sequence[str], length: int) -> Codes:
    """Return lines as codes ``[N, 1, 1, length]``, cut off or filled up.

    >>> codes_of(["ab", "ba?b"], (UNKNOWN, END, "a", "b"), 3)[:, 0, 0].tolist()
    [[2, 3, 1], [3, 2, 0]]
    """
    places = {symbol: place for place, symbol in enumerate(symbols)}
    codes = np.full((len(lines), 1, 1, length), places[END], dtype=np.uint16)
    for row, line in zip(codes[:, 0, 0], lines, strict=True):
        found = [places.get(symbol, 0) for symbol in line[:length]]
        row[: len(found)] = found
    return codes


def lines_of(codes: NDArray[Any], symbols: Sequence[str]) -> list[str]:
    """Return codes ``[N, 1, 1, L]`` as lines, each up to the first mark of an end.

    >>> lines_of(np.array([[[[2, 3, 1]]], [[[1, 2, 0]]]]), (UNKNOWN, END, "a", "b"))
    ['ab', '']
    """
    return ["".join(symbols[code] for code in row).split(END, 1)[0] for row in codes[:, 0, 0].tolist()]


def spread_out_symbols(codes: NDArray[Any], count: int) -> NDArray[np.float32]:
    """Return codes ``[N, 1, 1, L]`` as ``[N, count, 1, L]``: 1 for the symbol that is there, 0 for the others.

    >>> spread_out_symbols(np.array([[[[1, 0]]]]), 2)[0, :, 0].tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    numbers: NDArray[np.float32] = (codes == np.arange(count)[:, None, None]).astype(np.float32)
    return numbers
