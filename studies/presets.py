"""Every preset, reduced, on its embedded data: three seeds each, judged by numbers. ``make presets`` runs this.

    python studies/presets.py --out FOLDER [PRESET ...]

Writes a table (presets.md, presets.json) and the first seed's last grid of every preset. An interrupted study goes
on where it stopped. How the bounds and the numbers of iterations were chosen stands in docs/log.md.
"""

import argparse
import json
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import gradpen
from gradpen.data.drawn import HAIR
from gradpen.data.recognise import open_source
from gradpen.data.source import Source, shown
from gradpen.runs.checkpoint import checkpoint_folders, read_checkpoint
from gradpen.runs.folder import RunFolder
from gradpen.runs.trained import Run
from gradpen.settings import configure
from gradpen.studies.runs import run_in

SAMPLES = 500
Values = dict[str, float]


@dataclass(frozen=True)
class Bound:
    """What the median over seeds must lie between."""

    low: float = -np.inf
    high: float = np.inf

    def __str__(self) -> str:
        if np.isinf(self.low):
            return f"≤ {self.high:g}"
        return f"≥ {self.low:g}" if np.isinf(self.high) else f"{self.low:g} to {self.high:g}"


@dataclass(frozen=True)
class Case:
    """A preset, how it is run, and what it must reach."""

    preset: str
    bounds: dict[str, Bound]
    measures: tuple[Callable[[Run, Source], Values], ...] = ()
    iterations: int = 400
    settings: dict[str, Any] = field(default_factory=dict)


def rows_of(run: Run, name: str) -> list[float]:
    return [row[name] for row in run.measures if name in row]


def distance(run: Run, source: Source) -> Values:
    """Exact Wasserstein-1 distance to held-out images, and how much of its excess over the floor is left.

    The untrained generator has an excess of 1, and 0 is as near as training images are.
    """
    record = json.loads(RunFolder(path=run.path).record.read_text())["distance_to_held_out"]
    untrained, reached, floor = rows_of(run, "distance")[0], record["distance"]["mean"], record["floor"]["mean"]
    return {"excess left": (reached - floor) / (untrained - floor), "distance": reached, "floor": floor}


def gap(run: Run, source: Source) -> Values:
    """The critic gap on training images: positive, and fallen from its peak."""
    gaps = rows_of(run, "critic_gap_train")
    return {"gap / its peak": statistics.fmean(gaps[-3:]) / max(gaps), "gap": gaps[-1]}


def slope(run: Run, source: Source) -> Values:
    return {"mean slope": statistics.fmean(rows_of(run, "slope_mean")[-3:])}


def clipped(run: Run, source: Source) -> Values:
    """The largest critic parameter in units of the clip value."""
    critic = read_checkpoint(checkpoint_folders(run.path / "checkpoint")[0]).tensors["critic"]
    threshold = getattr(run.config.constraint, "threshold", 1.0)
    largest = max(float(t.abs().max()) for name, t in critic.items() if "running" not in name and "num_" not in name)
    return {"largest weight / c": largest / threshold}


def accuracy(run: Run, source: Source) -> Values:
    return {"accuracy": statistics.fmean(rows_of(run, "accuracy")[-4:])}


def brightness(run: Run, source: Source) -> Values:
    """How many of the data's standard deviations the samples' mean is off, and their deviation against the data's."""
    made, real = run.sample(SAMPLES).astype(float), source.images[source.train].astype(float)
    off = abs(made.mean() - real.mean()) / real.std()
    return {"mean off by deviations": off, "deviation / data's": made.std() / real.std()}


def nearest(run: Run, source: Source) -> Values:
    """Distance of samples to their nearest training image against that of held-out images, mean absolute error."""
    train = source.images[source.train].reshape(len(source.train), -1).astype(np.float32)

    def to_train(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        flat = images.reshape(len(images), -1).astype(np.float32)
        return np.array([np.abs(train - image).mean(axis=1).min() for image in flat])

    made = to_train(run.pictures(100))
    real = to_train(shown(source, source.held_out[:100]))
    return {"nearest / data's": float(np.median(made) / np.median(real)), "nearest, smallest": float(made.min())}


def consistency_by_rule(run: Run, source: Source) -> Values:
    """How often the hair of a face is the colour its label says, for the worse of both labels, and what else changes.

    The rule looks at the green of a few pixels of hair. What a change of label may change is where the mean images of
    both labels differ most; elsewhere it should change little.
    """
    each = run.sample_every_label(SAMPLES // 2, seed=1).astype(float)
    blond = each[:, :, HAIR[0], HAIR[1], 1].mean(axis=(2, 3)) > 120
    change = np.abs(each[1] - each[0]).mean(axis=(0, 3))
    assert source.labels is not None
    real = [source.images[source.labels.values == label].mean(axis=0) for label in (0, 1)]
    differ = np.abs(real[1] - real[0]).mean(axis=0)
    inside = differ > 0.25 * differ.max()
    return {
        "label consistency": min(float((~blond[0]).mean()), float(blond[1].mean())),
        "change outside / inside": change[~inside].mean() / change[inside].mean(),
    }


def consistency_by_classifier(run: Run, source: Source) -> Values:
    """How often an independent classifier, trained on data, reads the digit that was asked for."""
    from sklearn.svm import SVC

    assert source.labels is not None
    flat = source.images.reshape(len(source.images), -1) / 255.0
    classifier = SVC().fit(flat[source.train], source.labels.values[source.train])
    each = run.sample_every_label(SAMPLES // 10, seed=1)
    read = classifier.predict(each.reshape(-1, flat.shape[1]) / 255.0).reshape(len(each), -1)
    held_out = classifier.score(flat[source.held_out], source.labels.values[source.held_out])
    return {
        "label consistency": float((read == np.arange(len(each))[:, None]).mean()),
        "classifier on held-out digits": held_out,
    }


DISTANCE = {"excess left": Bound(high=0.6)}
PENALISED = {"mean slope": Bound(0.7, 1.3)}
CLIPPED = {"largest weight / c": Bound(high=1)}
FASTER = {"learning_rate": 2e-4}
CASES = [
    Case("wgan-gp-digits", DISTANCE | PENALISED, (slope,)),
    Case("wgan-gp", DISTANCE | PENALISED, (slope,)),
    Case("wgan", DISTANCE, (clipped,), iterations=1500),
    Case("gan", DISTANCE, (accuracy,), iterations=1500),
    Case("wgan-gp-mnist", DISTANCE | {"gap": Bound(low=0)} | PENALISED, (gap, slope)),
    Case("wgan-mnist", DISTANCE | CLIPPED | {"gap": Bound(low=0)}, (gap, clipped)),
    Case("wgan-div-mnist", DISTANCE | {"gap": Bound(low=0)}, (gap,)),
    Case("cgan-mnist", DISTANCE | {"label consistency": Bound(low=0.9)}, (consistency_by_classifier,), iterations=4000),
    Case("dcgan-mnist", DISTANCE, (accuracy,)),
    Case(
        "acgan-mnist", DISTANCE | {"label consistency": Bound(low=0.9)}, (consistency_by_classifier,), iterations=3000
    ),
    Case("mnist-64-wgan-gp", DISTANCE | PENALISED, (slope,), iterations=1500),
    Case("mnist-64-wgan", DISTANCE | CLIPPED, (clipped,), iterations=3000),
    Case("mnist-64-gan", DISTANCE, (accuracy,), iterations=1500),
    Case("wgan-lsun", DISTANCE | CLIPPED, (clipped,), iterations=900, settings=FASTER),
    Case("wgan-lsun-mlp-generator", CLIPPED, (clipped,), iterations=200),
    Case("wgan-lsun-mlp", CLIPPED, (clipped,), iterations=200),
    Case(
        "dcgan-bricks",
        {
            "accuracy": Bound(0.5, 0.98),
            "mean off by deviations": Bound(high=0.5),
            "deviation / data's": Bound(0.75, 1.25),
            "nearest / data's": Bound(0.5, 4),
            "nearest, smallest": Bound(low=0.1),
        },
        (accuracy, brightness, nearest),
        iterations=3000,
        settings={"generator_optimizer.learning_rate": 1e-3},
    ),
    Case("wgan-gp-faces", DISTANCE | PENALISED | {"gap / its peak": Bound(high=0.5)}, (gap, slope), iterations=1000),
    Case(
        "wgan-gp-faces-2019", DISTANCE | PENALISED | {"gap / its peak": Bound(high=0.5)}, (gap, slope), iterations=3000
    ),
    Case(
        "cgan-faces",
        PENALISED | {"label consistency": Bound(low=0.9), "change outside / inside": Bound(high=0.25)},
        (slope, consistency_by_rule),
        iterations=1000,
        settings={"learning_rate": 5e-4},
    ),
    Case("wgan-horses", DISTANCE | CLIPPED, (clipped,), iterations=2000, settings=FASTER),
    Case("gan-camel", DISTANCE, (accuracy,), iterations=1000),
    Case("wgan-gp-fashion", DISTANCE | PENALISED, (slope,), iterations=1000),
]


def study(case: Case, seeds: range, out: Path) -> dict[str, Any]:
    """Train every seed of a case, or take it up where it stands, and return its values and verdict."""
    settings = {"iterations": case.iterations, "threads": 1, "cadence.log_every": 25} | case.settings
    config = configure(case.preset, reduced=True, settings=settings)
    source = open_source(config.data)
    values: list[Values] = []
    for seed in seeds:
        path = out / case.preset / f"seed-{seed}"
        run_in(path, configure(case.preset, reduced=True, settings=settings | {"seed": seed}))
        run = gradpen.load(path)
        measured: Values = {}
        for measure in (distance, *case.measures):
            measured |= measure(run, source)
        values.append(measured)
    first = RunFolder(path=out / case.preset / f"seed-{seeds[0]}")
    (out / f"{case.preset}.png").write_bytes(first.sample_grids()[-1].read_bytes())
    medians = {name: statistics.median(row[name] for row in values) for name in values[0]}
    failed = [name for name, bound in case.bounds.items() if not bound.low <= medians[name] <= bound.high]
    minutes = statistics.fmean(json.loads(line)["seconds"] for line in last_lines(out / case.preset)) / 60
    return {
        "preset": case.preset,
        "iterations": case.iterations,
        "settings": case.settings,
        "minutes_a_seed": round(minutes, 2),
        "medians": medians,
        "seeds": values,
        "bounds": {name: str(bound) for name, bound in case.bounds.items()},
        "failed": failed,
    }


def last_lines(folder: Path) -> list[str]:
    return [file.read_text().splitlines()[-1] for file in sorted(folder.glob("seed-*/measures.jsonl"))]


def table(results: list[dict[str, Any]]) -> str:
    """Return a row for each preset: the median of each measure, its range over seeds, and its bound."""
    lines = ["| preset | iterations | minutes a seed | median (range over seeds); bound | |", "|---|---|---|---|---|"]
    for result in results:
        cells = []
        for name, median in result["medians"].items():
            found = [row[name] for row in result["seeds"]]
            bound = f"; {result['bounds'][name]}" if name in result["bounds"] else ""
            cells.append(f"{name} {median:.3g} ({min(found):.3g} to {max(found):.3g}{bound})")
        verdict = "reached" if not result["failed"] else "NOT reached: " + ", ".join(result["failed"])
        lines.append(
            f"| `{result['preset']}` | {result['iterations']} | {result['minutes_a_seed']} | "
            f"{'<br>'.join(cells)} | {verdict} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("presets", nargs="*", metavar="PRESET", help="presets to run; all without any")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    known = [case.preset for case in CASES]
    unknown = set(options.presets) - set(known)
    if unknown:
        parser.error(f"no preset {', '.join(sorted(unknown))}; choose among {', '.join(known)}")
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    options.out.mkdir(parents=True, exist_ok=True)
    for case in CASES:
        if case.preset in (options.presets or known):
            print(case.preset, flush=True)
            result = study(case, seeds, options.out)
            (options.out / f"{case.preset}.json").write_text(json.dumps(result, indent=2) + "\n")
            print(table([result]), flush=True)
    found = [options.out / f"{name}.json" for name in known]
    results = [json.loads(file.read_text()) for file in found if file.is_file()]
    (options.out / "presets.md").write_text(table(results))


if __name__ == "__main__":
    main()
