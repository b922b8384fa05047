"""What was noted about data, in the language of the page: the data's own report is English, for programs too."""

import re
from functools import lru_cache

from gradpen.language import language, marked, said

SENTENCES = (
    marked("with the data"),
    marked("characters"),
    marked("column has a range of its own, since some span little of the range of all"),
    marked("several pages: the first is used; `data.axes=NDHW` takes a stack of pages as a volume"),
    marked("animated: first frame used"),
    marked("turned by its EXIF orientation"),
    marked("one value that is declared transparent, taken as it is"),
    marked("fourth band that is not declared as transparency, left out"),
    marked("transparency laid on the background colour"),
    marked("bands beyond the colours, left out: pip install 'gradpen[tiff]' reads all"),
    marked("the upper 8 of 16 bits a band taken: pip install 'gradpen[tiff]' reads all"),
    marked("the upper 8 of 16 bits a band taken; TIFF and .npy are read whole"),
    marked("mask of 0 and 1 taken as black and white"),
    marked("of mode {mode}, 8 bits: as it is, `data.range` does not apply"),
    marked("{bits}-bit values from {low} to {high} taken as 0 to 255"),
    marked("values from {low} to {high} taken as 0 to 255"),
    marked("{dtype} values from the smallest to the largest of each column taken as -1 to 1"),
    marked("{dtype} values from {low} to {high} taken as -1 to 1"),
    marked("{dtype} values taken as they are"),
    marked("value beyond {low} to {high}, cut off there"),
    marked("with values beyond {low} to {high}, cut off there"),
    marked("level alone is used, from {low} to {high} of 255: `data.range={range}` maps them to the full range"),
    marked(
        "column spans less than {share} of {low} to {high}, the range of all, since these look like pixels; scale the "
        "columns alike before training"
    ),
    marked("array '{name}' in the file, not used"),
    marked("column, named {names}"),
    marked("table without names of columns, called {names}"),
    marked("row of {table} without an image"),
    marked("row of {table} found by a name without a suffix"),
    marked("image without a row in {table}, so that the usual split is taken"),
    marked("image in one part of {table}, so that the usual split is taken"),
    marked("image held out by {table}"),
    marked("image held out, since it lies in {folder}"),
    marked("image in {folder}, too few so that the usual split is taken"),
    marked("line without a character, left out"),
    marked("line cut off after {length} characters (`data.length`)"),
    marked("line that is there before"),
    marked("character among the rarest, taken as {symbol}"),
    marked("different character, the mark at a line's end and that of rare ones among them"),
    marked("empty file"),
    marked("file larger than {size} MiB"),
    marked("{size}: more than {most} pixels"),
    marked("more than {most} pixels"),
    marked("not an image of a known format"),
    marked("broken header ({error})"),
    marked("damaged: {error}"),
    marked("a picture of many samples that gradpen drew, no data"),
    marked("cannot be read: {error}"),
    marked("cannot be read from the database: {error}"),
    marked("cannot be read as a NumPy array: {error}"),
    marked("{mode} among pictures of 8 bits"),
    marked("changed while it was read"),
    marked("{count} of its numbers are NaN or infinite"),
    marked("dtype {dtype}; expected numbers: integers, floats or booleans"),
    marked("a TIFF of a kind that needs tifffile: pip install 'gradpen[tiff]'"),
    marked("a TIFF of {dtype} with axes {axes}; expected one image of numbers"),
    marked("an empty array of shape {shape}"),
)
"""notes and reasons of the data's report, the narrower before the wider"""


def said_of_data(words: str) -> str:
    """Return a note or a reason in the present language; in English what is none of :data:`SENTENCES`."""
    if language() == "en":
        return words
    for sentence in SENTENCES:
        if (found := pattern(sentence).fullmatch(words)) is not None:
            return said(sentence).format(**found.groupdict())
    return words


@lru_cache(maxsize=len(SENTENCES))
def pattern(sentence: str) -> re.Pattern[str]:
    """Return what recognises a sentence, whatever stands in its places."""
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+)", re.escape(sentence)), re.DOTALL)
