"""Do the measures order damage to images? Real images, then worse and worse ones, on data with classes.

    python studies/ladder.py --data embedded:bricks --size 32 --out docs/pictures/ladder.png

Each rung is measured against the same held-out images, for several sets; the table gives mean and standard deviation.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

from gradpen.data.choice import DataChoice
from gradpen.data.recognise import open_source
from gradpen.data.source import Source, gather, spread_out
from gradpen.looking.figures import png
from gradpen.metrics.generator import MEASURES, Estimate, Measure, estimates

CPU = torch.device("cpu")
NOISE = 0.07
Rung = Callable[[int], Tensor]


def blurred(images: Tensor) -> Tensor:
    """Return images whose every pixel is the mean of 3x3."""
    return avg_pool2d(pad(images, (1, 1, 1, 1), mode="replicate"), 3, 1)


def rungs(source: Source, n: int) -> dict[str, Rung]:
    """Return the ladder: each rung draws a set of n images by its number."""
    assert source.labels is not None, "the ladder needs data with classes"
    kinds = source.labels.values[source.train]
    common = np.bincount(np.asarray(kinds, dtype=np.int64)).argmax()

    def draw(wanted: np.ndarray, number: int) -> Tensor:
        rows = source.train[wanted]
        chance = np.random.default_rng(number)
        return gather(source, np.sort(chance.choice(rows, n, replace=len(rows) < n)), CPU)

    def noise(number: int, images: Tensor, size: float) -> Tensor:
        return images + size * torch.randn(images.shape, generator=torch.Generator().manual_seed(number))

    def tenth_blurred(number: int) -> Tensor:
        images = draw(kinds >= 0, number)
        images[: n // 10] = blurred(images[: n // 10])
        return images

    return {
        "real": lambda number: draw(kinds >= 0, number),
        "a tenth blurred": tenth_blurred,
        f"noise {NOISE}": lambda number: noise(number, draw(kinds >= 0, number), NOISE).clamp(-1, 1),
        "one class missing": lambda number: draw(kinds != common, number),
        "one class only": lambda number: draw(kinds == common, number),
        "untrained": lambda number: torch.tanh(noise(number, torch.zeros(n, *source.shape), 0.1)),
    }


def measure(source: Source, n: int, sets: int, measures: list[Measure]) -> dict[str, list[Estimate]]:
    """Return each measure of each rung."""
    held_out = gather(source, spread_out(source.held_out, n), CPU)
    return {
        name: estimates(measures, (rung(number) for number in range(1, sets + 1)), held_out)
        for name, rung in rungs(source, n).items()
    }


def figure(found: dict[str, list[Estimate]], measures: list[Measure]) -> Figure:
    """Return a panel for each measure, a bar for each rung; distances in features on a logarithmic axis."""
    page = Figure(figsize=(11, 7), layout="constrained")
    for axes, (place, shown) in zip(page.subplots(3, 3).ravel(), enumerate(measures), strict=True):
        values = [estimated[place] for estimated in found.values()]
        colours = ["#d1701c" if name == "real" else "#1f5fa8" for name in found]
        axes.barh(list(found), [v.mean for v in values], xerr=[v.standard_deviation for v in values], color=colours)
        axes.invert_yaxis()
        if shown.name == "frechet":
            axes.set_xscale("log")
        if shown.name == "kernel":
            axes.set_xscale("symlog", linthresh=0.01)
            axes.set_xticks([0, 0.1, 1, 10], ["0", "0.1", "1", "10"])
        axes.set_title(shown.name, fontsize=10)
        axes.spines[["top", "right"]].set_visible(False)
    return page


def main() -> None:
    """Print the table and write the figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", default="embedded:bricks")
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--sets", type=int, default=5)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    source = open_source(DataChoice(path=options.data, size=(options.size, options.size)))
    n, measures = min(options.count, len(source.held_out)), list(MEASURES)
    found = measure(source, n, options.sets, measures)
    print(f"{options.data} at {options.size}x{options.size}, {n} images a set, {options.sets} sets\n")
    print("| | " + " | ".join(shown.name for shown in measures) + " |")
    print("|---" * (len(measures) + 1) + "|")
    for name, values in found.items():
        print(f"| {name} | " + " | ".join(f"{v.mean:.3g} ± {v.standard_deviation:.1g}" for v in values) + " |")
    if options.out is not None:
        options.out.write_bytes(png(figure(found, measures)))


if __name__ == "__main__":
    main()
