"""Sources over examples that are in memory already."""

from collections.abc import Sequence

from gradpen.data import arrays, lines
from gradpen.data.choice import DataChoice
from gradpen.data.image import MODE_OF_CHANNELS, resize_array
from gradpen.data.labels import Labels
from gradpen.data.source import DataReport, Indices, Source, duplicate_groups, make_source, split
from gradpen.data.values import PIXELS, Images
from gradpen.errors import DataError
from gradpen.text import printable


def from_memory(
    kind: str,
    path: str,
    images: Images,
    labels: Labels | None,
    dtype: str,
    choice: DataChoice,
    parts: tuple[Indices, Indices] | None = None,
    numbers: arrays.Numbers | None = None,
) -> Source:
    """Return a source over images held in memory, resized if asked."""
    if choice.channels not in (None, images.shape[1]):
        mode = MODE_OF_CHANNELS.get(images.shape[1], "no colours")
        raise DataError(
            f"{printable(path)} has {images.shape[1]} channel(s) ({mode}), but "
            f"{choice.channels} were asked for; channels are only converted for image files"
        )
    if choice.columns:
        if labels is None:
            raise DataError(f"{printable(path)} has no labels to choose {', '.join(choice.columns)} from")
        labels = labels.only(choice.columns)
    if choice.size is not None and numbers is not None and numbers.values.layout != "images":
        raise DataError(f"{printable(path)} holds {numbers.values.layout}, which have no size; leave out `data.size`")
    height, width = images.shape[2:]
    values = PIXELS if numbers is None else numbers.values
    pictures = numbers is None or numbers.values.layout == "images"
    groups = duplicate_groups(images, [f"image {row}" for row in range(len(images))]) if pictures else []
    resized = images
    if choice.size is not None:
        resized = resize_array(images, choice.size, choice.fit, choice.background)
    report = DataReport(
        kind=kind,
        path=path,
        found=len(images),
        used=len(images),
        shape=(resized.shape[1] if values.symbols is None else len(values.symbols), resized.shape[2], resized.shape[3]),
        sizes={f"{width} characters" if values.symbols is not None else f"{height}x{width}": len(images)},
        modes={dtype: len(images)},
        duplicates=groups,
        classes={} if labels is None else labels.counts(),
        labels="" if labels is None else "with the data",
        notes={} if numbers is None else numbers.notes | numbers.values.note(len(images)),
    )
    train, held_out = parts or split(len(images), choice.held_out)
    return make_source(resized, train, held_out, labels, report, values=values)


def of_lines(given: Sequence[str], kind: str, path: str, choice: DataChoice) -> Source:
    """Return a source over lines of text.

    Raises:
        DataError: an option is given that has no meaning for text, or there are too few lines.
    """
    for option, meant in (("size", choice.size), ("axes", choice.axes), ("range", choice.range)):
        if meant is not None:
            raise DataError(f"{printable(path)} holds lines of text, which have no {option}; leave out `data.{option}`")
    codes, values, notes = lines.encoded(given, choice.length or lines.USUAL_LENGTH, printable(path))
    numbers = arrays.Numbers(images=codes, values=values, notes=notes)
    return from_memory(kind, path, codes, None, "characters", choice, numbers=numbers)
