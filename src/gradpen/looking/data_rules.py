"""Rules about data: too few, all alike, of odd ranges, classes that are missing or labels that say nothing."""

from collections.abc import Iterator
from statistics import median

from gradpen.language import marked, worded
from gradpen.looking.symptoms import SQUEEZED, Symptoms
from gradpen.looking.verdict import Remedy, Verdict
from gradpen.text import printable

APART = 100.0
"""times that one column may spread as far as another"""
FEW_IMAGES = 50
DISTINCT = 0.5
"""share of images that are not equal to another, below which data are unfit"""
ALIKE = 0.02
"""mean distance of two images, pixels in [-1, 1], below which all are alike"""
FEW_OF_CLASS, UNEVEN = 20, 0.1
"""images of a class, and parts of the median class, below both of which there are too few"""
NAMED = 5
"""classes that are named"""
HOLES = 0.25
"""missing numbers in parts of those that are there, up to which they are numbers in a row with holes"""
ENOUGH, SPREADS, LITTLE = 100, 2.0, 0.15
"""held-out images that it takes to see whether labels tell anything of images; standard deviations about chance; parts
of what they could tell above it that they tell at most, where they tell nothing"""


def data_unfit(s: Symptoms) -> Iterator[Verdict]:
    """A handful of images, images that are all alike, the same few many times."""
    more = Remedy(
        words=marked("gather more data, or flip and augment what there is"), settings=("augmentation.strength=0.5",)
    )
    if s.spread < ALIKE:
        yield Verdict(
            name=marked("data unfit"),
            meaning=marked("The training images are all alike: there is nothing to learn but one of them."),
            evidence=worded(
                "mean distance of two training images {spread:.3g} (below {least:g})", spread=s.spread, least=ALIKE
            ),
            remedies=(Remedy(words=marked("look at the data: gradpen data")),),
        )
    elif s.distinct < FEW_IMAGES:
        yield Verdict(
            name=marked("data unfit"),
            meaning=marked("There are too few different images: the critic learns each by heart."),
            evidence=worded("{found:,} different training images (below {least})", found=s.distinct, least=FEW_IMAGES),
            remedies=(more,),
        )
    elif s.distinct < DISTINCT * s.train_images:
        yield Verdict(
            name=marked("data unfit"),
            meaning=marked("Most images are there several times."),
            evidence=worded(
                "{found:,} of {images:,} training images differ (below {least:.0%})",
                found=s.distinct,
                images=s.train_images,
                least=DISTINCT,
            ),
            remedies=(Remedy(words=marked("leave duplicates out")),),
        )
    elif s.classes:
        yield from class_unfit(s.classes)


def range_stretched(s: Symptoms) -> Iterator[Verdict]:
    """Columns of which few values stretch the range."""
    if s.squeezed:
        yield Verdict(
            name=marked("data unfit"),
            meaning=marked(
                "A few values lie far from all others, as codes such as -999 for missing values do. The range reaches "
                "to them, so that the rest is squeezed into a small part of it."
            ),
            evidence=worded(
                "98% of the values within {share:.0%} of the range in column {columns}",
                share=SQUEEZED,
                columns=listed([str(number) for number in s.squeezed]),
            ),
            remedies=(Remedy(words=marked("leave rows with such values out, or put usual values in their place")),),
        )


def ranges_apart(s: Symptoms) -> Iterator[Verdict]:
    """Columns of vectors whose ranges differ so much that the critic sees the widest alone."""
    if s.widths > APART:
        yield Verdict(
            name=marked("data unfit"),
            meaning=marked("Columns have ranges so different that the widest ones are all that counts."),
            evidence=worded(
                "the widest column spreads {times:.0f} times as far as the narrowest (at most {most:.0f})",
                times=s.widths,
                most=APART,
            ),
            remedies=(Remedy(words=marked("scale each column to -1 to 1, or to a standard deviation of 1")),),
        )


def class_unfit(classes: dict[str, int]) -> Iterator[Verdict]:
    """Classes without an image, or with hardly any."""
    few = {
        name: count for name, count in classes.items() if count < min(FEW_OF_CLASS, UNEVEN * median(classes.values()))
    }
    empty = [name for name, count in few.items() if not count]
    if empty:
        yield Verdict(
            name=marked("data unfit"),
            meaning=marked("A class has no training image: what the generator makes for it means nothing."),
            evidence=worded("no image of class {names}", names=listed(empty)),
            remedies=(Remedy(words=marked("gather images of it, or leave the class out")),),
        )
    elif few:
        yield Verdict(
            name=marked("data unfit"),
            meaning=marked("A class has so few training images that samples of it will be copies, or nothing like it."),
            evidence=worded(
                "{found} training images of class {names} (below {least} and below {share:.0%} of the median class)",
                found=", ".join(map(str, list(few.values())[:NAMED])),
                names=listed(list(few)),
                least=FEW_OF_CLASS,
                share=UNEVEN,
            ),
            remedies=(Remedy(words=marked("gather images of it, or leave the class out")),),
        )


def class_missing(s: Symptoms) -> Iterator[Verdict]:
    """A hole in classes that are whole numbers in a row."""
    if s.config["data"]["only"] or not all(name.isdecimal() for name in s.classes):
        return
    numbers = sorted(map(int, s.classes))
    missing = sorted(set(range(numbers[0], numbers[-1] + 1)) - set(numbers)) if numbers else []
    if missing and len(missing) <= HOLES * len(numbers):
        yield Verdict(
            name=marked("class missing"),
            meaning=marked(
                "The classes are whole numbers in a row, and one of them is not there: no sample will show it. If the "
                "data are meant to be so, this is no fault."
            ),
            evidence=worded(
                "classes from {first} to {last}, no image of {names}",
                first=numbers[0],
                last=numbers[-1],
                names=listed([str(number) for number in missing]),
            ),
            remedies=(Remedy(words=marked("gather images of it, or leave the class out")),),
        )


def labels_of_others(s: Symptoms) -> Iterator[Verdict]:
    """Labels that have nothing to do with the images beside them."""
    if not s.agreement or s.agreement.get("asked", 0) < ENOUGH:
        return
    chance, found = s.agreement["by_chance"], s.agreement["held_out"]
    doubt = SPREADS * (chance * (1 - chance) / s.agreement["asked"]) ** 0.5
    # Few images, or a class that nearly all have, leave room for much that labels may tell.
    if found < chance + doubt and found + doubt < chance + LITTLE * (1 - chance):
        yield Verdict(
            name=marked("labels tell nothing"),
            meaning=marked(
                "Images of one label are no more alike than any: the labels belong to other images, or are of "
                "something that pixels hardly show."
            ),
            evidence=worded(
                "the training image nearest to a held-out one has its label in {held_out:.1%} of {asked:.0f}, by "
                "chance in {chance:.1%}",
                held_out=found,
                asked=s.agreement["asked"],
                chance=chance,
            ),
            remedies=(Remedy(words=marked("look at images beside their labels, and whether both are in one order")),),
        )


def listed(names: list[str]) -> str:
    """Return the first few of some names."""
    return ", ".join(map(printable, names[:NAMED])) + (", …" if len(names) > NAMED else "")
