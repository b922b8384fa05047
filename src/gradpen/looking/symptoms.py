"""What a verdict on a run rests on: its measures, and what its generator and its data show when it is looked at."""

import json
import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradpen.data.source import Source, gather, spread_out
from gradpen.looking.agreement import class_agreement
from gradpen.looking.left_out import LeftOut, left_out
from gradpen.looking.wiring import Wiring
from gradpen.metrics.copies import find_neighbours
from gradpen.metrics.generator import CPU, measure_generator, measures_for
from gradpen.metrics.samples import diversity
from gradpen.runs.folder import Row, RunFolder, read_measures
from gradpen.runs.trained import Run
from gradpen.settings import to_dict

ALONE = 1.0
"""spread of a single image, which the number of images tells of"""
FEWEST_NUMBERS = 64
"""in an example whose copies can be told from chance"""
SQUEEZED, OUTER, FEW_VALUES = 0.02, (0.01, 0.99), 10
"""parts of a column's range in which nearly all its values lie where few stretch it; which are all but few; different
values that these have at least"""
MOST_VALUES = 100
"""that are looked at first"""
MOST_ROWS = 5_000
"""of a table that are looked at"""
SETS, LOOKED_AT, LABELLED = 2, 64, 32
"""sets of samples measured; samples looked at for copies; latents drawn under every label"""


@dataclass(frozen=True, kw_only=True)
class Symptoms:
    """Everything that :func:`~gradpen.looking.diagnosis.diagnose` looks at, as plain values."""

    config: dict[str, Any]
    rows: list[Row]
    state: str
    """running, finished, interrupted or diverged"""
    iteration: int
    iterations: int
    train_images: int
    distinct: int
    """of them, images that are not equal to another"""
    numbers: int = 1
    """in an example"""
    spread: float
    """mean distance of two training images, pixels in [-1, 1]"""
    squeezed: tuple[int, ...] = ()
    """columns of vectors, from 1, in which few values stretch the range"""
    widths: float = 1.0
    """of the column of vectors that spreads farthest, in parts of that which spreads least"""
    measures: dict[str, float] = field(default_factory=dict)
    """of the samples and, named ``real_…`` or ``floor``, of training images"""
    copies: dict[str, float] = field(default_factory=dict)
    """medians: distance of a sample, and of a held-out image, to the nearest training image"""
    label_change: float | None = None
    """how far a sample moves with its label, in parts of how far it moves with its latents; none without labels"""
    agreement: dict[str, float] = field(default_factory=dict)
    """see :func:`~gradpen.looking.agreement.class_agreement`"""
    classes: dict[str, int] = field(default_factory=dict)
    """training images of each class; empty where labels are no classes, or are not used"""
    left_out: LeftOut | None = None
    """kinds of the data that hardly a sample shows"""
    wiring: Wiring | None = None
    """of networks that are not gradpen's own, in a loop of the user's"""
    beyond: float | None = None
    """share of the data's numbers that lie where no sample of them can"""


def symptoms(run: Run, source: Source, *, state: str = "finished", closely: bool = True) -> Symptoms:
    """Return the symptoms of a run.

    Args:
        run: with all its measures.
        source: its data.
        state: of the run: running, finished, interrupted or diverged.
        closely: look at samples too, and not at measures and data alone.
    """
    rows = spread_out(source.train, min(LOOKED_AT, len(source.train)))
    seen = Symptoms(
        config=to_dict(run.config),
        rows=run.measures,
        state=state,
        iteration=run.iteration,
        iterations=run.config.iterations,
        train_images=len(source.train),
        distinct=distinct(source),
        numbers=math.prod(source.shape),
        squeezed=squeezed(source),
        widths=widths(source),
        spread=diversity(gather(source, rows, CPU)) if len(rows) > 1 else ALONE,
        classes=class_counts(run, source),
    )
    if not closely:
        return seen
    found = measure_generator(
        run.generator,
        run.config.generator.latent_dim,
        source,
        conditional=run.config.conditional,
        seed=1,
        sets=SETS,
        measures=measures_for(source),
    )
    return replace(
        seen,
        measures={name: estimate.mean for name, estimate in found.items()},
        copies=copies(run, source),
        label_change=label_change(run),
        agreement=class_agreement(run, source),
        left_out=left_out(run, source),
    )


def recorded_symptoms(run: Run, source: Source) -> Symptoms:
    """Return the symptoms of a run in its folder, measured after the iteration that was loaded too."""
    folder = RunFolder(path=run.path)
    record = json.loads(folder.record.read_text(encoding="utf-8"))
    seen = symptoms(replace(run, measures=read_measures(folder)), source, state=record["state"])
    return replace(seen, iteration=record["iteration"])


def distinct(source: Source) -> int:
    """Return how many training images differ from all others."""
    images = np.asarray(source.images[source.train])
    return len({image.tobytes() for image in images})


def vectors_of(source: Source) -> NDArray[np.float32] | None:
    """Return some of the training vectors ``[n, D]`` as the critic sees them; None of other data."""
    if source.values.layout != "vectors" or source.values.symbols is not None:
        return None
    rows = spread_out(source.train, min(MOST_ROWS, len(source.train)))
    vectors: NDArray[np.float32] = gather(source, rows, CPU).flatten(1).numpy()
    return vectors


def widths(source: Source) -> float:
    """Return how much farther the widest column of vectors spreads than the narrowest, of those with many values."""
    vectors = vectors_of(source)
    spread = [column.std() for column in vectors.T if has_many(column)] if vectors is not None else []
    return float(max(spread) / min(spread)) if spread else 1.0


def has_many(values: NDArray[np.float32]) -> bool:
    """Return whether many values are different: of the first ones, or else of all."""
    return len(np.unique(values[:MOST_VALUES])) > FEW_VALUES or len(np.unique(values)) > FEW_VALUES


def squeezed(source: Source) -> tuple[int, ...]:
    """Return the columns of vectors, from 1, in which nearly all values lie in a small part of the range."""
    vectors = vectors_of(source)
    if vectors is None or source.values.unscaled:
        return ()
    low, high = np.quantile(vectors, OUTER, axis=0)
    narrow = np.flatnonzero(high - low < SQUEEZED * (vectors.max(0) - vectors.min(0)))
    # Where nearly all values are the same few, as in counts, a rare other one is an event and stretches nothing.
    inner = [vectors[(vectors[:, one] >= low[one]) & (vectors[:, one] <= high[one]), one] for one in narrow]
    return tuple(
        int(column) + 1 for column, values in zip(narrow, inner, strict=True) if len(np.unique(values)) > FEW_VALUES
    )


def class_counts(run: Run, source: Source) -> dict[str, int]:
    """Return how many training images each class has that the run is trained with."""
    if run.labels is None or source.labels is None or source.labels.kind != "classes":
        return {}
    return source.labels.take(source.train).counts()


def copies(run: Run, source: Source) -> dict[str, float]:
    """Return how near samples come to training images, and how near real ones do; nothing of short vectors.

    In few dimensions data lie so close that everything has a near neighbour by chance.
    """
    if source.values.symbols is None and math.prod(source.shape) < FEWEST_NUMBERS:
        return {}
    pictures = run.pictures(LOOKED_AT, seed=1)
    lines = run.sample(LOOKED_AT, seed=1) if source.values.symbols is not None else None
    found = find_neighbours(pictures, source, lines)
    return {
        "samples": found.subset.median,
        "held_out": found.held_out.median,
        "real": found.real.median,
        "copied": len(found.copies) / LOOKED_AT,
    }


def label_change(run: Run) -> float | None:
    """Return how far samples move with their label, in parts of how far they move with their latents."""
    if run.labels is None:
        return None
    each = run.sample_every_label(LABELLED, seed=1).astype(np.float64)
    by_label = np.abs(each[1:] - each[:-1]).mean()
    by_latents = np.abs(each[:, 1:] - each[:, :-1]).mean()
    return float(by_label / by_latents) if by_latents else 0.0
