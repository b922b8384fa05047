"""Commands that look at a trained run: nearest, evaluate."""

import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from gradpen.commands.options import CheckpointOption, checkpoint_named, complain, option
from gradpen.errors import UsageError, readable_writes
from gradpen.text import printable

if TYPE_CHECKING:
    from gradpen.metrics.copies import Neighbours
    from gradpen.metrics.generator import Estimate

COLLAPSED = 0.5
"""samples that differ less than this share of what images do are said to be collapsed"""


@dataclass(frozen=True, kw_only=True)
class Evaluate:
    """Measure a run's samples beside real images, over several independent sets of each.

    samples is the exact Wasserstein-1 distance of pixels, which sees little but whether a generator is trained; sliced
    and energy are two other distances of pixels. Of a named mixture of Gaussians, captured counts the modes.
    frechet and kernel are distances in features of a fixed random convolutional net, which see shape; they are no FID
    and no KID. precision and density ask whether samples are like the data, recall and coverage whether all the data
    are there. diversity is the mean distance between two samples; sharpness is the variance of the Laplacian.
    Of data with classes, class_frechet is the distance in features of a classifier that is trained on them, and
    class_shares says how unevenly samples show the classes; label_consistency, how often they show the one asked for.
    Beside each stands the same measure of training images: what a perfect generator would have.
    """

    subject: Annotated[Positional[Path], arg(metavar="RUN|IMAGES")]
    """A folder made by gradpen train; or images from anywhere: a folder, or an array in a file."""
    against: Annotated[str | None, option("DATA", "the data of the run, where they were")] = None
    """What is measured against: where the run's data lie now; for images from anywhere any data, at their size."""
    count: int = 500
    """Images in each set, at most as many as are held out."""
    sets: int = 5
    """Independent sets of samples, at least 2."""
    seed: int = 0
    """Seed of the latents, or of the choice of images."""
    checkpoint: CheckpointOption = "best"
    """Which state of the run: best, last or an iteration, as for gradpen sample."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""
    classes: bool = True
    """Where the data have classes, also measure with a small classifier of them, trained at first and kept."""
    out: Annotated[Path | None, option("FILE.json", "RUN/evaluation.json; none for images from anywhere")] = None
    """Where the measures are written too."""
    fid: bool = False
    """Print the commands that measure FID, KID and Inception score, and measure nothing: they need torch-fidelity."""
    json: bool = False
    """Print JSON."""

    def run(self) -> int:
        """Measure, print and write."""
        from dataclasses import asdict

        if self.fid:
            print(fid_commands(self.subject, self.against))
            return 0

        from gradpen import evaluation
        from gradpen.runs.folder import RunFolder, is_run, write_json

        if self.out is not None and self.out.suffix != ".json":
            raise UsageError(f"--out {printable(self.out)}: measures are written to a .json file")
        chosen = checkpoint_named(self.checkpoint)
        found = evaluation.evaluate(
            self.subject,
            self.against,
            count=self.count,
            sets=self.sets,
            seed=self.seed,
            checkpoint=chosen,
            device=self.device,
            classes=self.classes,
            say=complain,
            progress=complain,
        )
        values = {name: asdict(estimate) for name, estimate in found.items()}
        print(json.dumps(values, indent=2) if self.json else measures_page(found))
        out = RunFolder(path=self.subject).evaluation if self.out is None and is_run(self.subject) else self.out
        if out is not None:
            with readable_writes(UsageError, out, "name another place with --out"):
                write_json(out, {"of": str(self.subject), "iteration": self.iteration(), "measures": values})
        return 0

    def iteration(self) -> int | None:
        """Return the iteration that was measured; None for images from anywhere."""
        from gradpen.runs.folder import RunFolder, is_run
        from gradpen.runs.trained import choose_checkpoint

        if not is_run(self.subject):
            return None
        chosen = checkpoint_named(self.checkpoint)
        return choose_checkpoint(RunFolder(path=self.subject), chosen, lambda _: None).iteration


FID_COUNT = 10_000
"""samples for FID, which is biased upwards by few"""


def fid_commands(subject: Path, against: str | None) -> str:
    """Return the commands that measure samples in features of Inception, in an environment of their own.

    Args:
        subject: a run, or a folder of images that are samples already.
        against: a folder of real images; none: the data of the run.

    Raises:
        UsageError: there is no run, or its data are no images in files.
    """
    from gradpen.runs.folder import existing_folder, read_config

    drawn = against is not None and holds_images(subject)
    path = against or read_config(existing_folder(subject)).data.path
    if path is None or not holds_images(Path(path)):
        raise UsageError(
            f"--fid compares with a folder of image files, and the data of {printable(subject)} are none; write them "
            f"into one and name it as DATA"
        )
    samples = subject if drawn else subject / "samples-for-fid"
    run, made, real = (shlex.quote(printable(place)) for place in (subject, samples, path))
    return "\n".join(
        [
            "torch-fidelity needs torchvision, which has no build beside every PyTorch, so it goes into an environment",
            "of its own; without --feature-extractor-weights-path it downloads the weights of Inception:",
            "  python -m venv fidelity && fidelity/bin/pip install torch-fidelity",
            *([] if drawn else [f"  gradpen sample {run} --count {FID_COUNT} --out {made}"]),
            f"  fidelity/bin/fidelity --input1 {made} --input2 {real} --samples-find-deep "
            f"--fid --kid --isc --cpu --feature-extractor-weights-path WEIGHTS",
            "Give the images in DATA the size of the samples first: Inception sees the difference of a resize.",
        ]
    )


def holds_images(folder: Path) -> bool:
    """Return whether a folder, which is no run, has image files in or below it."""
    from gradpen.data.image import SUFFIXES

    is_run = (folder / "config.json").is_file()
    return folder.is_dir() and not is_run and any(file.suffix.lower() in SUFFIXES for file in folder.rglob("*"))


def measures_page(found: "dict[str, Estimate]") -> str:
    """Return measures of samples beside those of training images as lines of text."""
    from gradpen.metrics.classes import WORDS
    from gradpen.metrics.generator import DISTANCE, MEASURES, MEASURES_OF_LINES, NGRAMS
    from gradpen.metrics.modes import MODES_IN_WORDS

    measures = MEASURES_OF_LINES if NGRAMS[0].name in found else MEASURES
    rows = [(measure.name, measure.real_name, measure.words) for measure in measures]
    rows += [(name, f"real_{name}", words) for name, words in (MODES_IN_WORDS | WORDS).items()]
    about, things = found[DISTANCE.name], "lines" if measures is MEASURES_OF_LINES else "images"
    lines = [
        f"{about.n} {things} a set, {about.sets} sets: mean ± standard deviation over the sets",
        f"{'':17s}{'samples':>18s}  {f'training {things}':>18s}",
    ]
    for name, real_name, words in rows:
        if name in found:
            made, real = (
                f"{value.mean:.4f} ± {value.standard_deviation:.4f}" for value in (found[name], found[real_name])
            )
            lines.append(f"{name:17s}{made:>18s}  {real:>18s}  {words}")
    if "diversity" in found and found["diversity"].mean < COLLAPSED * found["real_diversity"].mean:
        lines.append(f"the samples differ much less than {things} do: the generator has collapsed, or nearly so")
    return "\n".join(lines)


@dataclass(frozen=True, kw_only=True)
class NearestImages:
    """Look for copies: the nearest training image and the nearest held-out image of samples.

    Distances are mean absolute errors over pixels, 0 to 255. How far real held-out images are from their nearest
    training image is the floor: a generator that copies comes nearer.
    """

    run_folder: Annotated[Positional[Path], arg(metavar="RUN")]
    """A folder made by gradpen train."""
    data: Annotated[Positional[str | None], option("[DATA]", "where they were")] = None
    """Where the run's data lie now, if they moved."""
    count: int = 15
    """How many samples."""
    seed: int = 0
    """Seed of the latents."""
    out: Path = Path("nearest.png")
    """FILE.png with three rows: samples, nearest training images, nearest held-out images."""
    checkpoint: CheckpointOption = "best"
    """Which state of the run: best, last or an iteration, as for gradpen sample."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""
    json: bool = False
    """Print JSON."""

    def run(self) -> int:
        """Search, draw and print."""
        from gradpen.data.source import shown
        from gradpen.evaluation import load_with_data, neighbours_of
        from gradpen.looking.pictures import save_rows
        from gradpen.metrics.copies import neighbours_to_json

        if self.out.suffix != ".png":
            raise UsageError(f"--out {printable(self.out)}: the picture is written to a .png file")
        chosen = checkpoint_named(self.checkpoint)
        run, source = load_with_data(self.run_folder, self.data, complain, checkpoint=chosen, device=self.device)
        found = neighbours_of(run, source, self.count, self.seed)
        rows = [
            (f"samples of {run.path.name}, iteration {run.iteration:,}, seed {self.seed}", found.samples),
            (f"nearest of {found.train.among:,} training images", shown(source, found.train.rows)),
            (f"nearest of {found.held_out.among:,} held-out images", shown(source, found.held_out.rows)),
        ]
        save_rows(rows, self.out)
        if self.json:
            print(json.dumps(neighbours_to_json(found), indent=2))
        else:
            print(neighbours_page(found))
            print(f"picture  {self.out}")
        return 0


def neighbours_page(found: "Neighbours") -> str:
    """Return the table of distances, the medians and the verdict as lines of text."""
    from gradpen.metrics.copies import verdict

    lines = [f"distance to the nearest image: {found.unit}", "sample   training   (image)   held-out   (image)"]
    for number in range(len(found.samples)):
        cells = [
            f"{part.distances[number]:10.2f} {f'({part.rows[number]})':>9s}" for part in (found.train, found.held_out)
        ]
        lines.append(f"{number + 1:6d} " + " ".join(cells))
    subset, real = found.subset, found.real
    return "\n".join(
        [
            *lines,
            f"median     {found.train.median:8.2f} to the nearest of {found.train.among:,} training images",
            f"           {subset.median:8.2f} to the nearest of {subset.among:,} random training images",
            f"           {found.held_out.median:8.2f} to the nearest of {found.held_out.among:,} held-out images",
            f"floor      {real.median:8.2f}: a real image is typically this far from its nearest training image "
            f"(median of {len(real.distances)} held-out images, smallest {real.distances.min():.2f})",
            verdict(found),
        ]
    )
