"""The command line: train, sample, evaluate, compare, data, presets. Nothing heavy is imported before it is needed."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol

import tyro
from tyro.conf import Positional, arg

from gradpen.errors import GradpenError, UsageError

if TYPE_CHECKING:
    from gradpen.data.open import DataChoice


class Command(Protocol):
    """A subcommand with its options."""

    def run(self) -> int:
        """Do it and return the exit code."""


def option(metavar: str, default: str) -> Any:
    """Return how an option without a value of its own shows in the help."""
    return arg(metavar=metavar, help_behavior_hint=f"(default: {default})")


PRESETS_OWN = "the preset's"


@dataclass(frozen=True, kw_only=True)
class DataOptions:
    """How images become an array."""

    size: Annotated[
        str | None, option("N|HxW", "the images' own; 64 for a folder whose images differ in size or exceed 128")
    ] = None
    """Image size, N or HEIGHTxWIDTH."""
    fit: Literal["crop", "pad", "stretch"] = "crop"
    """How an image of another aspect ratio reaches the size: cut the centre, pad, or stretch."""
    channels: Annotated[Literal[1, 2, 3, 4] | None, option("1|2|3|4", "grey if every image is grey, else RGB")] = None
    """1 grey, 2 grey and alpha, 3 RGB, 4 RGBA."""
    background: str = "white"
    """Colour under transparent pixels and around padded images: a name or #rrggbb."""
    labels: Annotated[str | None, option("folders|names|FILE", "what the data bring along")] = None
    """Where labels come from: folders takes the first sub-folder an image lies in as its class, names the file's
    name before its running number, a .csv, .txt or .json table what stands in it."""
    columns: Annotated[tuple[str, ...], option("NAME ...", "the table's only one")] = ()
    """Columns of the table that are the label; without --labels, of the table at the folder, as CelebA's."""
    only: Annotated[tuple[str, ...], option("CLASS ...", "all")] = ()
    """Use the images of these classes only."""
    strict: bool = False
    """End with an error at the first unreadable image instead of leaving it out and counting it."""


@dataclass(frozen=True, kw_only=True)
class Train(DataOptions):
    """Train a GAN on DATA and write a run folder: configuration, measures, samples, checkpoints, report.

    DATA is a folder of images (any size, mode and format, searched recursively), a folder of idx files (MNIST,
    Fashion-MNIST), of CIFAR-10 or of LSUN, a .npy or .npz array, or nothing for scikit-learn's embedded digits.

    Typical commands:

      gradpen train                                   WGAN-GP on the embedded digits
      gradpen train photos/ --size 64 --iterations 20000
      gradpen train mnist/ --preset wgan-gp-mnist
      gradpen train photos/ --set critic.norm=layer cadence.save_every=1000
      gradpen train --resume runs/00001-digits-wgan-gp

    Ctrl-C saves a checkpoint and stops; --resume continues exactly, bit for bit.
    """

    data: Annotated[Positional[str | None], option("[DATA]", "the embedded digits")] = None
    """Folder of images, of idx files, of CIFAR-10 or of LSUN, .npy or .npz."""
    preset: Annotated[str | None, option("NAME", "wgan-gp")] = None
    """Published configuration to start from; gradpen presets lists them."""
    config: Annotated[Path | None, option("FILE", "none")] = None
    """JSON or TOML file with any part of a configuration, laid over the preset."""
    batch_size: Annotated[int | None, option("N", PRESETS_OWN)] = None
    """Images in a batch, 64 in every preset."""
    iterations: Annotated[int | None, option("N", PRESETS_OWN)] = None
    """Generator updates, each after the preset's number of critic updates."""
    learning_rate: Annotated[float | None, option("RATE", PRESETS_OWN)] = None
    """Learning rate of both optimisers."""
    penalty_weight: Annotated[float | None, option("LAMBDA", PRESETS_OWN)] = None
    """Penalty coefficient, lambda in the paper; 10 in the WGAN-GP presets."""
    seed: Annotated[int | None, option("N", "0")] = None
    """Seed of everything random; seed, configuration and data fix the run."""
    device: Annotated[str | None, option("DEVICE", "auto")] = None
    """auto, cpu, cuda or cuda:N; auto takes a GPU where there is one."""
    out: Annotated[Path | None, option("DIR", "the next free number below runs/")] = None
    """The run's folder, new or empty."""
    resume: Annotated[Path | None, option("RUN", "a new run")] = None
    """Continue this run exactly where it stopped; of the other options only --iterations may go with it."""
    set: Annotated[tuple[str, ...], option("KEY=VALUE ...", "nothing")] = ()
    """Any other setting by its dotted key, as in a run's config.json."""

    def run(self) -> int:
        """Train and name what was written."""
        from gradpen import api
        from gradpen.config import parse_override
        from gradpen.progress import ProgressLine
        from gradpen.report import publish
        from gradpen.runs import RunFolder
        from gradpen.runtime import Interrupt
        from gradpen.session import Audience

        settings: dict[str, Any] = {
            name: getattr(self, name)
            for name in ("batch_size", "iterations", "learning_rate", "penalty_weight", "seed", "device")
            if getattr(self, name) is not None
        }
        settings |= {f"data__{name}": value for name, value in changed_data_options(self).items()}
        settings |= {key.replace(".", "__"): value for key, value in map(parse_override, self.set)}
        if self.resume is not None:
            refuse_with_resume(self, settings)
        interrupt = Interrupt()
        with ProgressLine() as progress:
            audience = Audience(
                say=progress.say,
                show=lambda iteration, config, row: progress.show(iteration, config.iterations, row),
                decoding=progress.decoding,
                publish=publish,
                interrupt=interrupt,
                listen=interrupt.listen,
            )
            run = api.train(
                self.data,
                preset=self.preset,
                out=self.out,
                config=self.config,
                resume=self.resume,
                audience=audience,
                **settings,
            )
        folder = RunFolder(path=run.path)
        if interrupt.signal is not None:
            print(f"stopped after iteration {run.iteration:,}; gradpen train --resume {run.path} continues")
            return interrupt.exit_code
        print(f"samples  {folder.sample_grids()[-1]}")
        print(f"real     {folder.real}")
        print(f"curves   {folder.curves}")
        print(f"report   {folder.report}")
        return 0


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Draw images from a trained run.

    The same seed gives the same images, however many are drawn. The suffix of --out decides: .png one grid,
    .npz an array [N, H, W, C], no suffix a folder of PNG files.
    """

    run_folder: Annotated[Positional[Path], arg(metavar="RUN")]
    """A folder made by gradpen train."""
    count: int = 64
    """How many images."""
    seed: int = 0
    """Seed of the latents."""
    out: Path = Path("samples.png")
    """FILE.png, FILE.npz or FOLDER."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""

    def run(self) -> int:
        """Draw and write."""
        from gradpen.runs import load
        from gradpen.sampling import save_samples

        run = load(self.run_folder, device=self.device, say=complain)
        save_samples(run.sample(self.count, seed=self.seed).transpose(0, 3, 1, 2), self.out)
        print(f"{self.count} samples of iteration {run.iteration:,}, seed {self.seed}: {self.out}")
        return 0


@dataclass(frozen=True, kw_only=True)
class Evaluate:
    """Measure how far a run's samples are from held-out data.

    Prints the exact Wasserstein-1 distance in pixel space (optimal assignment) between samples and held-out
    images, over several independent sets, and the same for training images: the floor of the measure.
    """

    run_folder: Annotated[Positional[Path], arg(metavar="RUN")]
    """A folder made by gradpen train."""
    data: Annotated[Positional[str | None], option("[DATA]", "where they were")] = None
    """Where the run's data lie now, if they moved."""
    count: int = 500
    """Images in each set, at most as many as are held out."""
    sets: int = 5
    """Independent sets of samples, at least 2."""
    seed: int = 0
    """Seed of the latents."""
    json: bool = False
    """Print JSON."""

    def run(self) -> int:
        """Measure and print."""
        from dataclasses import asdict

        from gradpen.api import evaluate

        result = evaluate(self.run_folder, self.data, count=self.count, sets=self.sets, seed=self.seed, say=complain)
        if self.json:
            print(json.dumps({name: asdict(distance) for name, distance in result.items()}, indent=2))
        else:
            for name, distance in result.items():
                print(
                    f"{name:9s}{distance.mean:.4f} ± {distance.standard_deviation:.4f}  exact Wasserstein-1, "
                    f"{distance.n} against {distance.n} held-out images, {distance.sets} sets"
                )
        return 0


@dataclass(frozen=True, kw_only=True)
class Compare(DataOptions):
    """Train several configurations at equal budget and the same seeds; write one table and one figure.

    Cells are presets, each with settings of its own after commas, or every objective with every constraint on the
    networks of one preset. The budget is the number of generator updates.

    Typical commands:

      gradpen compare --cells wgan-gp-digits wgan-gp-digits,constraint.weight=1 --iterations 1000
      gradpen compare --preset wgan-gp-digits --objectives all --constraints all --seeds 1 --iterations 500

    An interrupted comparison goes on where it stopped when the same command is given again.
    """

    data: Annotated[Positional[str | None], option("[DATA]", "the embedded digits")] = None
    """Folder of images, of idx files, of CIFAR-10 or of LSUN, .npy or .npz."""
    cells: Annotated[tuple[str, ...], option("CELL ...", "none")] = ()
    """Cells as PRESET or PRESET,KEY=VALUE,…"""
    preset: Annotated[str, option("NAME", "wgan-gp")] = "wgan-gp"
    """Preset whose networks --objectives and --constraints go with."""
    objectives: Annotated[tuple[str, ...], option("NAME ...", "wasserstein, if --constraints are given")] = ()
    """Objectives to cross with the constraints, or all."""
    constraints: Annotated[tuple[str, ...], option("NAME ...", "gradient-penalty, if --objectives are given")] = ()
    """Constraints to cross with the objectives, or all: none, weight-clipping, spectral-norm, gradient-penalty,
    one-sided, zero-centred, r1, r2, dragan, wgan-div."""
    seeds: int = 3
    """Runs of each cell, with seeds 0, 1, …"""
    iterations: int = 1000
    """Generator updates of every run."""
    out: Path = Path("compare")
    """Folder of the comparison."""
    set: Annotated[tuple[str, ...], option("KEY=VALUE ...", "nothing")] = ()
    """Settings of every cell."""

    def run(self) -> int:
        """Train, and print the table."""
        from gradpen.compare import CONSTRAINTS, OBJECTIVES, compare, grid_cells, parse_cell, table
        from gradpen.config import parse_override
        from gradpen.progress import ProgressLine
        from gradpen.runtime import Interrupt
        from gradpen.session import Audience

        if self.seeds < 1:
            raise UsageError(f"--seeds {self.seeds}: at least 1 run of each cell is needed")
        common: dict[str, Any] = {"iterations": self.iterations}
        common |= {} if self.data is None else {"data.path": self.data}
        common |= {f"data.{name}": value for name, value in changed_data_options(self).items()}
        common |= dict(map(parse_override, self.set))
        cells = [parse_cell(text, common) for text in self.cells]
        if self.objectives or self.constraints:
            objectives = OBJECTIVES if self.objectives == ("all",) else self.objectives or ("wasserstein",)
            constraints = tuple(CONSTRAINTS) if self.constraints == ("all",) else self.constraints
            cells += grid_cells(self.preset, objectives, constraints or ("gradient-penalty",), common)
        with ProgressLine() as progress:

            def audience() -> Audience:
                interrupt = Interrupt()
                return Audience(
                    show=lambda iteration, config, row: progress.show(iteration, config.iterations, row),
                    decoding=progress.decoding,
                    interrupt=interrupt,
                    listen=interrupt.listen,
                )

            results = compare(cells, self.seeds, self.out, say=progress.say, audience=audience)
        print(table(results), end="")
        print(f"figure   {self.out / 'compare.png'}")
        return 0 if all(result.distances for result in results) else 1


@dataclass(frozen=True, kw_only=True)
class Data(DataOptions):
    """Report on data without training: counts, sizes, modes, unreadable files by name, duplicates, classes."""

    data: Annotated[Positional[str | None], option("[DATA]", "the embedded digits")] = None
    """Folder of images, of idx files, of CIFAR-10 or of LSUN, .npy or .npz."""
    json: bool = False
    """Print JSON."""

    def run(self) -> int:
        """Open the data and print the report."""
        from gradpen.data.open import open_source
        from gradpen.data.source import report_to_json
        from gradpen.progress import ProgressLine

        with ProgressLine() as progress:
            source = open_source(data_choice(self), progress=progress.decoding)
        values = report_to_json(source.report) | {
            "train_images": len(source.train),
            "held_out_images": len(source.held_out),
            "fingerprint": source.fingerprint,
        }
        print(json.dumps(values, indent=2, ensure_ascii=False) if self.json else data_page(values))
        return 0


@dataclass(frozen=True, kw_only=True)
class Presets:
    """List the published configurations by name."""

    json: bool = False
    """Print JSON, with the parameters of generator and critic."""

    def run(self) -> int:
        """Print the list."""
        from gradpen.presets.catalogue import PRESETS, parameter_counts

        listed: list[dict[str, Any]] = []
        for preset in PRESETS:
            generator, critic = parameter_counts(preset)
            listed.append(
                {
                    "name": preset.name,
                    "summary": preset.summary,
                    "source": preset.source,
                    "data": preset.data,
                    "counted_at_shape": list(preset.shape),
                    "generator_parameters": generator,
                    "critic_parameters": critic,
                }
            )
        if self.json:
            print(json.dumps(listed, indent=2))
            return 0
        for entry in listed:
            shape = "x".join(str(n) for n in entry["counted_at_shape"])
            print(
                f"{entry['name']}\n    {entry['summary']}\n    source      {entry['source']}\n"
                f"    data        {entry['data']}\n    parameters  generator {entry['generator_parameters']:,}, "
                f"critic {entry['critic_parameters']:,} at {shape}"
            )
        return 0


COMMANDS: dict[str, Callable[..., Command]] = {
    "train": Train,
    "sample": Sample,
    "evaluate": Evaluate,
    "compare": Compare,
    "data": Data,
    "presets": Presets,
}


def parse_size(text: str) -> tuple[int, int]:
    """Return height and width from ``64`` or ``48x32``.

    >>> parse_size("64"), parse_size("48x32")
    ((64, 64), (48, 32))
    """
    parts = text.lower().split("x")
    if len(parts) > 2 or not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise UsageError(f"--size {text}: write one number, or HEIGHTxWIDTH as in 48x32")
    height, width = int(parts[0]), int(parts[-1])
    return height, width


def changed_data_options(options: DataOptions) -> dict[str, Any]:
    """Return the data options that were given, as configuration values."""
    changed = {
        field.name: getattr(options, field.name)
        for field in fields(DataOptions)
        if getattr(options, field.name) != field.default
    }
    if options.size is not None:
        changed["size"] = parse_size(options.size)
    return changed


def data_choice(options: Data) -> "DataChoice":
    """Return the checked choice of data."""
    from gradpen.api import configure

    settings = {f"data.{name}": value for name, value in changed_data_options(options).items()}
    return configure(settings=settings if options.data is None else settings | {"data.path": options.data}).data


def refuse_with_resume(options: Train, settings: dict[str, Any]) -> None:
    """Raise if an option was given that would make a resumed run another one."""
    given = [name for name in settings if name != "iterations"]
    given += [name for name in ("preset", "config", "out") if getattr(options, name) is not None]
    if given:
        names = ", ".join(f"--{name.replace('data__', '').replace('__', '.').replace('_', '-')}" for name in given)
        raise UsageError(
            f"{names} cannot go with --resume: a resumed run is the same run; only --iterations and the place "
            f"of the data may change. Start a new run instead"
        )


def data_page(values: dict[str, Any]) -> str:
    """Return the data report as lines of text."""
    lines = [
        f"{values['path']}: {values['kind']}",
        f"images      {values['used']:,} usable of {values['found']:,} found; {values['train_images']:,} to train "
        f"on, {values['held_out_images']:,} held out",
        f"shape       {'x'.join(map(str, values['shape']))} (channels, height, width)",
        "sizes       " + ", ".join(f"{n:,} of {size}" for size, n in values["sizes"].items()),
        "modes       " + ", ".join(f"{n:,} {mode}" for mode, n in values["modes"].items()),
        f"duplicates  {len(values['duplicates'])} groups",
        *("            " + " = ".join(group[:4]) for group in values["duplicates"][:5]),
        f"unreadable  {len(values['unreadable'])}",
        *(f"            {file}: {reason}" for file, reason in values["unreadable"]),
    ]
    if values["classes"]:
        counts = values["classes"].values()
        lines.append(f"classes     {len(counts)}, from {min(counts):,} to {max(counts):,} images")
        lines += [f"            {name}: {n:,}" for name, n in values["classes"].items()]
    lines += [f"noted       {n:,} × {note}" for note, n in values["notes"].items()]
    lines += [f"left out    {n:,} other files: {suffix}" for suffix, n in values["other_files"].items()]
    lines.append(f"fingerprint {values['fingerprint']}")
    return "\n".join(lines)


def complain(message: str) -> None:
    """Print a sentence beside the output."""
    print(f"gradpen: {message}", file=sys.stderr)


def parse(arguments: Sequence[str]) -> Callable[[], int]:
    """Return what the command line asks for; exits 2 on a wrong one, with the nearest right name."""
    command: Command = tyro.extras.subcommand_cli_from_dict(
        COMMANDS,
        prog="gradpen",
        description="Wasserstein GANs that do not fall over: train, measure, explain.",
        args=list(arguments),
    )
    return command.run


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code: 0 done, 1 failed run, 2 the user's mistake."""
    try:
        return parse(sys.argv[1:] if arguments is None else arguments)()
    except GradpenError as error:
        print(f"gradpen: error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("gradpen: stopped at once; whatever was saved before is whole", file=sys.stderr)
        return 130
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and "memory" not in str(error):
            raise
        print(
            f"gradpen: error: there is not enough memory ({str(error).splitlines()[0]}); choose a smaller --size or "
            f"--batch-size, or narrower networks",
            file=sys.stderr,
        )
        return 2
    except BrokenPipeError:
        return 1
