"""``gradpen train``."""

import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

from tyro.conf import Positional

from gradpen.choice import Engine, Precision
from gradpen.commands.options import DATA_HELP, DataOptions, LanguageOption, changed_data_options, flag, option
from gradpen.errors import UsageError, speaks
from gradpen.text import printable

if TYPE_CHECKING:
    from gradpen.machine.signals import Interrupt
    from gradpen.runs.trained import Run

PRESETS_OWN = "the preset's"
OWN = (
    "batch_size",
    "iterations",
    "learning_rate",
    "penalty_weight",
    "freeze_critic",
    "seed",
    "device",
    "engine",
    "precision",
)
"""options that are settings of the same name"""


@dataclass(frozen=True, kw_only=True)
class Train(DataOptions):
    """Train a GAN on DATA and write a run folder: configuration, measures, samples, checkpoints, report.

    Without a preset, quick looks at the data, times steps on this machine and chooses networks and length for the
    minutes given. What it chose stands in the run's config.json; from then on it is an ordinary, reproducible run.

    Typical commands:

      gradpen train photos/ --size 64 --minutes 30
      gradpen train                                   ten minutes on the embedded digits
      gradpen train mnist/ --preset wgan-gp-mnist
      gradpen train --preset cgan-faces --reduced
      gradpen train photos/ --preset wgan-gp --set critic.norm=layer cadence.save_every=1000
      gradpen train photos/ --config runs/00001-photos-quick/config.json --seed 1
      gradpen train --resume runs/00001-photos-quick
      gradpen train few-photos/ --from runs/00001-photos-quick --freeze-critic 2 --minutes 10

    Several processes or GPUs share each batch: torchrun --standalone --nproc-per-node 2 -m gradpen train photos/

    Ctrl-C saves a checkpoint and stops; --resume continues exactly, bit for bit.
    """

    data: Annotated[Positional[str | None], option("[DATA]", "the preset's embedded data", DATA_HELP)] = None
    preset: Annotated[str | None, option("NAME", "quick")] = None
    """Published configuration to start from; gradpen presets lists them."""
    reduced: bool = False
    """The preset with an eighth of the channels and at most 2,000 iterations: minutes on a laptop."""
    conditional: bool = False
    """Let the networks take labels that the preset's do not take as published. (quick does where labels are named.)"""
    config: Annotated[Path | None, option("FILE", "none")] = None
    """JSON or TOML file with any part of a configuration, laid over the preset."""
    flip: bool = False
    """Mirror half of the images, at random, from left to right: never for digits or text."""
    minutes: Annotated[float | None, option("M", "10 with quick, else none")] = None
    """How long to train: steps are timed on this machine, then the length is chosen, with quick the networks too."""
    batch_size: Annotated[int | None, option("N", PRESETS_OWN)] = None
    """Images in a batch, 64 in most presets."""
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
    engine: Annotated[Engine | None, option("lean|reference", "lean")] = None
    """lean leaves needless work out of second derivatives; reference takes PyTorch's own, to compare with."""
    precision: Annotated[Precision | None, option("|".join(get_args(Precision)), "the preset's")] = None
    """What networks compute in: fp32; bf16, where the CPU has it 1.3 to 1.9 times as fast, gradients within 5 %;
    the same with the penalty in fp32; or auto, bf16 where there is hardware for it."""
    out: Annotated[Path | None, option("DIR", "the next free number below runs/")] = None
    """The run's folder, new or empty."""
    start: Annotated[Path | None, option("RUN", "initial weights", name="from")] = None
    """Begin with this run's networks and optimisers, as far as they fit DATA; without --preset its settings too."""
    freeze_critic: Annotated[int | None, option("N", "0")] = None
    """With --from: the critic's first N layers keep their weights, for few images."""
    resume: Annotated[Path | None, option("RUN", "a new run")] = None
    """Continue this run exactly where it stopped; only --iterations, --track and --language may go with it."""
    track: Annotated[tuple[str, ...], option("tensorboard|wandb|csv ...", "nobody")] = ()
    """Who keeps measures and pictures too, in RUN: tensorboard, wandb (offline unless WANDB_MODE is online), csv."""
    language: LanguageOption = None
    """Language of the report and the verdict: English or Korean."""
    set: Annotated[tuple[str, ...], option("KEY=VALUE ...", "nothing")] = ()
    """Any other setting by its dotted key, as in a run's config.json."""

    def run(self) -> int:
        """Train and name what was written."""
        from gradpen import api
        from gradpen.commands.progress import ProgressLine
        from gradpen.language import speaking
        from gradpen.looking.report import publish
        from gradpen.looking.trackers import named_trackers
        from gradpen.machine.device import keep_freed_memory
        from gradpen.machine.signals import Interrupt
        from gradpen.runs.audience import Audience
        from gradpen.settings import parse_override

        settings: dict[str, Any] = {name: getattr(self, name) for name in OWN if getattr(self, name) is not None}
        settings |= {f"data.{name}": value for name, value in changed_data_options(self).items()}
        settings |= {"data.flip": True} if self.flip else {}
        settings |= dict(map(parse_override, self.set))
        if self.resume is not None:
            refuse_with_resume(self, settings)
        keep_freed_memory()
        interrupt = Interrupt()
        audience = Audience(publish=publish, interrupt=interrupt, listen=interrupt.listen)
        audience.trackers = named_trackers(self.track)
        with speaking(self.language), ProgressLine(type(self)) as progress:
            if speaks():
                audience.say, audience.decoding = progress.say, progress.decoding
                audience.show = lambda iteration, config, row: progress.show(iteration, config.iterations, row)
            run = api.train_with(
                settings,
                self.data,
                preset=self.preset,
                minutes=self.minutes,
                reduced=self.reduced,
                conditional=self.conditional,
                out=self.out,
                config=self.config,
                start=self.start,
                resume=self.resume,
                audience=audience,
            )
        if speaks():
            # The run is whole whether or not anybody reads where.
            with suppress(OSError):
                print(where(run, interrupt))
                sys.stdout.flush()
        return interrupt.exit_code


def where(run: "Run", interrupt: "Interrupt") -> str:
    """Return where what was written lies, or how to go on."""
    from gradpen.runs.folder import RunFolder

    if interrupt.signal is not None:
        return f"stopped after iteration {run.iteration:,}; gradpen train --resume {run.path} continues"
    folder = RunFolder(path=run.path)
    return "\n".join(
        [
            f"samples  {folder.sample_grids()[-1]}",
            f"real     {folder.real}",
            f"curves   {folder.curves}",
            f"report   {folder.report}",
        ]
    )


def refuse_with_resume(options: Train, settings: dict[str, Any]) -> None:
    """Raise if an option was given that would make a resumed run another one."""
    given = [name for name in settings if name != "iterations"]
    given += [name for name in ("preset", "minutes", "config", "out", "start") if getattr(options, name) is not None]
    given += [name for name in ("reduced", "conditional") if getattr(options, name)]
    if given:
        names = ", ".join(flag(name.removeprefix("data.")) for name in given)
        raise UsageError(
            f"{names} cannot go with --resume: a resumed run is the same run; only --iterations and the place "
            f"of the data may change. --from {printable(options.resume)} begins a new run with its networks"
        )
