"""The command line: its commands by name. Nothing heavy is imported before it is needed."""

import errno
import importlib
import sys
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Protocol

import tyro

from gradpen import __version__
from gradpen.commands.streams import forgiving_streams, lead_nowhere
from gradpen.errors import GradpenError, speaks
from gradpen.text import did_you_mean, printable


class Command(Protocol):
    """A subcommand with its options."""

    def run(self) -> int:
        """Do it and return the exit code."""


COMMANDS = {
    "train": ("gradpen.commands.train", "Train", "train a GAN on your data; writes a run folder with a report"),
    "sample": ("gradpen.commands.sample", "Sample", "draw images, strips and animations from a run"),
    "evaluate": ("gradpen.commands.look", "Evaluate", "measure a run's samples against held-out data"),
    "diagnose": ("gradpen.commands.diagnose", "Diagnose", "how a run is, in plain words, and what to change"),
    "report": ("gradpen.commands.report", "Report", "write a run's report anew, or two runs side by side"),
    "page": ("gradpen.commands.page", "PageCommand", "a local page to watch runs and to explore models"),
    "nearest": ("gradpen.commands.look", "NearestImages", "look for copies of training images"),
    "export": ("gradpen.commands.export", "Export", "write a run's generator for other programs: onnx, pt2"),
    "hub": ("gradpen.commands.hub", "Hub", "push a run to the Hugging Face hub, or pull one"),
    "check": ("gradpen.commands.check", "Check", "check anybody's gradient penalty, yours too"),
    "vae": ("gradpen.commands.vae", "VaeBaseline", "train a VAE on a run's data and compare"),
    "compare": ("gradpen.commands.compare", "Compare", "train several configurations at equal budget"),
    "study": ("gradpen.commands.study", "StudyCommand", "repeat an experiment of the Wasserstein GAN papers"),
    "data": ("gradpen.commands.data", "Data", "report on data without training"),
    "presets": ("gradpen.commands.presets", "Presets", "list the published configurations"),
}
"""module, class and what it does in a line"""


def overview() -> str:
    """Return the help of the command line as a whole: a line a command."""
    lines = [f"  {name:10s}{words}" for name, (_, _, words) in COMMANDS.items()]
    return "\n".join(
        [
            "usage: gradpen COMMAND [OPTION ...]",
            "",
            "Wasserstein GANs that do not fall over: train, measure, explain.",
            "",
            *lines,
            "",
            "gradpen COMMAND --help explains a command and its options; gradpen --version says which gradpen this is.",
        ]
    )


def parse(arguments: Sequence[str]) -> Command:
    """Return what the command line asks for; exits 2 on a wrong option, with the nearest right name.

    Raises:
        GradpenError: there is no such command.
    """
    name, *options = arguments
    if name not in COMMANDS:
        raise GradpenError(
            f"there is no command '{printable(name)}' among {', '.join(COMMANDS)}{did_you_mean(name, COMMANDS)}"
        )
    kind = command(name)
    parsed: Command = tyro.cli(kind, prog=f"gradpen {name}", args=gathered(options, taking_many(kind)))
    return parsed


def taking_many(kind: Any) -> list[str]:
    """Return the options of a command that take several values."""
    return [f"--{field.name.replace('_', '-')}" for field in fields(kind) if isinstance(field.default, tuple)]


def gathered(options: Sequence[str], many: Sequence[str]) -> list[str]:
    """Return options with all values of one that is given several times behind its first mention.

    >>> gathered(["--set", "a=1", "--out", "run", "--set=b=2", "--set", "c=3"], ["--set"])
    ['--set', 'a=1', 'b=2', 'c=3', '--out', 'run']
    """
    groups: list[list[str]] = [[]]
    first: dict[str, list[str]] = {}
    for option in options:
        name, equals, value = option.partition("=")
        if not name.startswith("--"):
            groups[-1].append(option)
            continue
        known = name.replace("_", "-")
        if known in first:
            # What follows are more values of the option's first mention.
            groups.append(first[known])
            groups[-1].extend([value] if equals else [])
        elif known in many:
            groups.append(first.setdefault(known, [name, *([value] if equals else [])]))
        else:
            groups.append([option])
    placed = {id(group): group for group in groups}
    return [option for group in placed.values() for option in group]


def command(name: str) -> Any:
    """Return the class of a command."""
    module, kind, _ = COMMANDS[name]
    return getattr(importlib.import_module(module), kind)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code: 0 done, 1 failed run, 2 the user's mistake."""
    with forgiving_streams():
        try:
            code = run(sys.argv[1:] if arguments is None else list(arguments))
            sys.stdout.flush()
        except OSError as error:
            if not lead_nowhere(error):
                raise
            if error.errno == errno.EPIPE:
                return 1
            print(f"gradpen: error: the output cannot be written ({error.strerror})", file=sys.stderr)
            return 2
        except SystemExit as end:
            # A help text or a wrong option: what was printed may not have arrived.
            try:
                sys.stdout.flush()
            except OSError as error:
                lead_nowhere(error)
                return 2
            return end.code if isinstance(end.code, int) else 2
    return code


def run(arguments: list[str]) -> int:
    """Run a command and return the exit code."""
    if not arguments or arguments[0] in ("--help", "-h"):
        print(overview(), file=sys.stdout if arguments else sys.stderr)
        return 0 if arguments else 2
    if arguments[0] == "--version":
        print(f"gradpen {__version__}")
        return 0
    name = arguments[0]
    try:
        return parse(arguments).run()
    except GradpenError as error:
        if not (error.said_elsewhere or (error.said_elsewhere is None and not speaks())):
            complain(str(error), name)
        return error.exit_code
    except KeyboardInterrupt:
        print("gradpen: stopped at once; whatever was saved before is whole", file=sys.stderr)
        return 130
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        complain(
            f"there is not enough memory ({str(error).splitlines()[0]}); choose a smaller `data.size` or `batch_size`, "
            f"or narrower networks",
            name,
        )
        return 2


def complain(sentence: str, name: str) -> None:
    """Print an error of a command, settings as its options that set them."""
    from gradpen.commands.options import as_options

    shown = as_options(sentence, command(name)) if name in COMMANDS else sentence
    print(f"gradpen: error: {shown}", file=sys.stderr)


def is_out_of_memory(error: MemoryError | RuntimeError) -> bool:
    """Return whether memory ran out: by the error's type, but for torch's CPU allocator, which has none of its own."""
    if isinstance(error, MemoryError):
        return True
    import torch

    return isinstance(error, torch.OutOfMemoryError) or "DefaultCPUAllocator: can't allocate" in str(error)
