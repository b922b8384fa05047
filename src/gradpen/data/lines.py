"""Text: one line an example, of a fixed number of characters, each a place in a list of symbols.

As in ``language_helpers.py`` of Gulrajani et al. 2017 (github.com/igul222/improved_wgan_training), but for the mark
that fills short lines: a line break, which no line holds, where they take a back-quote, which one may.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from gradpen.data.symbols import END, UNKNOWN, Codes, codes_of
from gradpen.data.values import Values
from gradpen.errors import DataError
from gradpen.text import printable

SUFFIXES = (".txt", ".text")
TEXT = "embedded:sentences"
USUAL_LENGTH = 32
"""characters of a line, as in Gulrajani et al. 2017"""
MOST_SYMBOLS = 2048
"""the unknown one and the mark at the end among them, as in Gulrajani et al. 2017"""
FEWEST_LINES = 20


def read_lines(file: Path) -> list[str]:
    """Return the lines of a text file in UTF-8, without spaces at their ends.

    Raises:
        DataError: it cannot be read, or is no such text.
    """
    name = printable(file)
    try:
        content = file.read_bytes()
    except OSError as error:
        raise DataError(f"{name} cannot be read ({error.strerror})") from None
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise DataError(f"{name} is text in UTF-16; save it as UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{name} is not text in UTF-8 (byte {error.start:,}); save it as UTF-8") from None
    if "\0" in text:
        raise DataError(f"{name} holds bytes of 0, so it is no text; give a file of lines of text in UTF-8")
    return [line.rstrip() for line in text.splitlines()]


def encoded(lines: Sequence[str], length: int, name: str) -> tuple[Codes, Values, dict[str, int]]:
    """Return lines as codes ``[N, 1, 1, length]``, what they mean, and notes for the report.

    Raises:
        DataError: there are too few lines that hold anything.
    """
    notes = Counter({"line without a character, left out": sum(not line for line in lines)})
    kept = [line for line in lines if line]
    if len(kept) < FEWEST_LINES:
        advice = "put one example on each line" if kept else "it is empty"
        raise DataError(
            f"{name} has {len(kept)} lines that hold anything, and a run needs at least {FEWEST_LINES}; {advice}"
        )
    notes[f"line cut off after {length} characters (`data.length`)"] = sum(len(line) > length for line in kept)
    kept = [line[:length] for line in kept]
    notes["line that is there before"] = len(kept) - len(set(kept))
    counts = Counter("".join(kept))
    # The most frequent first, and of equally frequent ones the smaller: the same lines give the same codes.
    ordered = sorted(counts, key=lambda symbol: (-counts[symbol], symbol))
    symbols = (UNKNOWN, END, *[symbol for symbol in ordered if symbol not in (UNKNOWN, END)][: MOST_SYMBOLS - 2])
    notes[f"character among the rarest, taken as {UNKNOWN}"] = sum(
        counts[symbol] for symbol in counts.keys() - {*symbols}
    )
    values = Values(low=0, high=1, dtype="str", layout="lines", symbols=symbols)
    return codes_of(kept, symbols, length), values, {note: count for note, count in notes.items() if count}
