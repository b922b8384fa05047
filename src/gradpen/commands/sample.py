"""``gradpen sample``."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import Positional, arg

from gradpen.commands.options import CheckpointOption, checkpoint_named, complain, option
from gradpen.errors import UsageError
from gradpen.text import printable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from gradpen.runs.trained import Run


FRAMES_A_SECOND = 6
"""of the film of a training"""
DRAWING = ("count", "truncation", "latents", "label", "labels", "strip")
"""options that say what is drawn"""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Draw images from a trained run.

    The same seed gives the same images, however many are drawn. The suffix of --out decides: .png one grid,
    .npz an array [N, H, W, C] with its latents, no suffix a folder of PNG files, .gif or .mp4 an animation: every
    image of a grid walks through four latents and back to the first. Lines of text are printed, or written to .txt.

    Typical commands:

      gradpen sample runs/00001-digits-wgan-gp --count 16 --seed 3
      gradpen sample runs/00001-digits-wgan-gp --strip 4 --out strip.png
      gradpen sample runs/00001-digits-wgan-gp --out walk.gif
      gradpen sample runs/00001-digits-wgan-gp --training --out training.gif
      gradpen sample runs/00002-faces-wgan-gp --labels all    (of a run trained with labels)
    """

    run_folder: Annotated[Positional[Path], arg(metavar="RUN")]
    """A folder made by gradpen train."""
    count: Annotated[
        int | None, option("N", "64; 1,000 of points; 8 for each label with --labels all; 16 animated")
    ] = None
    """How many images."""
    seed: int = 0
    """Seed of the latents."""
    truncation: Annotated[float | None, option("T", "no")] = None
    """Latents between -T and T alone, for example 1: fewer odd samples, less variety."""
    latents: Annotated[Path | None, option("FILE", "drawn from the seed")] = None
    """Latents [N, latent size] in a .npy file, or in an .npz file of samples, instead of drawn ones."""
    checkpoint: CheckpointOption = "best"
    """Which state of the run: best (the newest of those about nearest to held-out images), last, or an iteration."""
    label: Annotated[str | None, option("LABEL", "all labels in turn")] = None
    """Draw this label only: a class, attributes as A+B or none, numbers as A=0.5,B=1."""
    labels: Annotated[Literal["all"] | None, option("all", "no")] = None
    """One row for each label, the same latents in every row."""
    strip: Annotated[int | None, option("N", "no")] = None
    """N rows of 8 images, each walking from one sample to another; all of one label, --label or the first."""
    training: bool = False
    """The run's own grids of samples from first to last, as training.gif or --out: how it learned."""
    out: Annotated[Path | None, option("PLACE", "samples.png; text is printed")] = None
    """FILE.png, FILE.npz, FOLDER, FILE.gif or FILE.mp4 (with the program ffmpeg); of text also FILE.txt."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""

    def run(self) -> int:
        """Draw and write."""
        from gradpen.data.lines import SUFFIXES
        from gradpen.looking.films import (
            ANIMATED,
            refuse_animation_without_encoder,
            save_animation,
            save_film,
            training_film,
        )
        from gradpen.looking.pictures import save_lines, save_numbers, save_points, save_samples
        from gradpen.runs.folder import existing_folder
        from gradpen.runs.trained import load

        out = self.out or Path("training.gif" if self.training else "samples.png")
        refuse_together(self, out)
        refuse_animation_without_encoder(out)
        if self.training:
            pictures = training_film(existing_folder(self.run_folder))
            save_film(pictures, out, FRAMES_A_SECOND)
            print(f"{len(pictures)} frames of how {printable(self.run_folder)} learned: {out}")
            return 0
        run = load(self.run_folder, checkpoint=checkpoint_named(self.checkpoint), device=self.device, say=complain)
        if run.values.symbols is not None and self.strip is None and (self.out is None or out.suffix in SUFFIXES):
            z = latents_of(run, self, usual=64)
            lines, said = run.sample(latents=z, label=self.label).tolist(), f"{len(z)} samples"
            if self.out is None:
                print("\n".join(map(printable, lines)))
                return 0
            save_lines(lines, out)
        elif out.suffix in ANIMATED:
            frames, said = animated_samples(run, self)
            save_animation(frames, out)
        elif out.suffix == ".npz" and self.strip is None:
            numbers, z, said = samples_in_units(run, self)
            save_numbers(numbers, out, z.numpy())
        elif (
            out.suffix == ".png"
            and self.strip is None
            and self.labels is None
            and run.values.are_points(math.prod(run.sample(1).shape))
        ):
            z = latents_of(run, self, usual=1_000)
            save_points(run.sample(latents=z, label=self.label), out)
            said = f"{len(z)} samples"
        else:
            pixels, columns, said = still_samples(run, self)
            save_samples(pixels, out, columns)
        best = " (the best)" if is_best(run) and self.checkpoint == "best" else ""
        origin = f"seed {self.seed}" if self.latents is None else f"latents of {printable(self.latents)}"
        truncated = "" if self.truncation is None else f", truncated to ±{self.truncation:g}"
        print(f"{said} of iteration {run.iteration:,}{best}, {origin}{truncated}: {out}")
        return 0


def is_best(run: "Run") -> bool:
    """Return whether the run keeps a best checkpoint, and this is it."""
    from gradpen.runs.checkpoint import checkpoint_folders
    from gradpen.runs.folder import RunFolder

    return str(run.iteration) in {place.name.lstrip("0") for place in checkpoint_folders(RunFolder(path=run.path).best)}


def refuse_together(options: Sample, out: Path) -> None:
    """Raise if options were given that ask for different pictures, or for none."""
    from gradpen.looking.films import ANIMATED

    animated = out.suffix in ANIMATED
    for one, other, both in (
        ("--strip", "--labels all", options.strip is not None and options.labels is not None),
        ("--strip", "--count", options.strip is not None and options.count is not None),
        ("--label", "--labels all", options.label is not None and options.labels is not None),
        ("--strip", f"--out {out}", options.strip is not None and animated),
        ("--labels all", f"--out {out}", options.labels is not None and animated),
        ("--latents", "--count", options.latents is not None and options.count is not None),
        ("--latents", "--truncation", options.latents is not None and options.truncation is not None),
        ("--latents", "--strip", options.latents is not None and options.strip is not None),
        ("--latents", f"--out {out}", options.latents is not None and animated),
        ("--truncation", "--strip", options.truncation is not None and options.strip is not None),
        ("--truncation", f"--out {out}", options.truncation is not None and animated),
    ):
        if both:
            raise UsageError(f"{one} and {printable(other)} ask for different pictures; choose one of them")
    if options.training and (asked := [name for name in DRAWING if getattr(options, name) is not None]):
        raise UsageError(f"--training shows what the run drew, so --{asked[0]} has no meaning; leave it out")
    if options.training and not animated:
        raise UsageError(f"--out {printable(out)}: --training is a film; choose a .gif or an .mp4")
    for name, number in (("count", options.count), ("strip", options.strip)):
        if number is not None and number < 1:
            raise UsageError(f"at least 1 sample can be drawn, found --{name} {number}")


def still_samples(run: "Run", options: Sample) -> tuple["NDArray[np.uint8]", int | None, str]:
    """Return samples ``[N, C, H, W]``, the columns of their grid if it has a meaning, and what they are in words."""
    from gradpen.looking.films import STEPS, strip_latents
    from gradpen.sampling import draw_pixels

    if options.strip is not None:
        z = strip_latents(run.config.generator.latent_dim, options.seed, options.strip)
        label = run.label_vectors(1, options.label)
        pixels = draw_pixels(run.generator, z, None if label is None else label.expand(len(z), -1), run.values)
        return pixels, STEPS, f"{options.strip} strips of {STEPS} images"
    if options.labels is not None:
        z = latents_of(run, options, usual=8)
        pixels = run.pictures_of_every_label(latents=z)
        return pixels, len(z), f"{len(z)} samples of each label ({names_of_labels(run)})"
    z = latents_of(run, options, usual=64)
    return run.pictures(latents=z, label=options.label), None, f"{len(z)} samples"


def latents_of(run: "Run", options: Sample, *, usual: int) -> "Tensor":
    """Return the latents ``[N, latent_dim]`` that were asked for."""
    if options.latents is None:
        count = usual if options.count is None else options.count
        return run.latents(count, seed=options.seed, truncation=options.truncation)
    return run.checked_latents(read_latents(options.latents))


def read_latents(file: Path) -> "NDArray[Any]":
    """Return the array in a file of latents.

    Raises:
        UsageError: it cannot be read.
    """
    import numpy as np

    from gradpen.data.arrays import ARRAY_ERRORS

    try:
        loaded: Any = np.load(file, allow_pickle=False)
        return np.asarray(loaded["latents"] if isinstance(loaded, np.lib.npyio.NpzFile) else loaded)
    except ARRAY_ERRORS as error:
        raise UsageError(
            f"--latents {printable(file)} cannot be read ({printable(error)}); give an array [N, latent size] in a "
            f".npy file, or an .npz file that gradpen sample wrote"
        ) from None


def names_of_labels(run: "Run") -> str:
    """Return the labels that every sample is drawn for."""
    return ", ".join(printable(name) for name in run.labels.example_names()) if run.labels else ""


def samples_in_units(run: "Run", options: Sample) -> tuple["NDArray[Any]", "Tensor", str]:
    """Return samples ``[N, …]`` in the data's units and type, their latents, and what they are in words."""
    if options.labels is not None:
        z = latents_of(run, options, usual=8)
        rows = run.sample_every_label(latents=z)
        said = f"{len(z)} samples of each label ({names_of_labels(run)})"
        return rows.reshape(-1, *rows.shape[2:]), z.repeat(len(rows), 1), said
    z = latents_of(run, options, usual=64)
    return run.sample(latents=z, label=options.label), z, f"{len(z)} samples"


def animated_samples(run: "Run", options: Sample) -> tuple["NDArray[np.uint8]", str]:
    """Return frames ``[frames, N, C, H, W]`` and what they are in words."""
    from gradpen.looking.films import FRAMES, loop_latents
    from gradpen.sampling import draw_pixels

    count = 16 if options.count is None else options.count
    z = loop_latents(run.config.generator.latent_dim, options.seed, count)
    labels = run.label_vectors(count, options.label)
    pixels = draw_pixels(run.generator, z, None if labels is None else labels.repeat(FRAMES, 1), run.values)
    return pixels.reshape(FRAMES, count, *pixels.shape[1:]), f"{FRAMES} frames of {count} samples"
