"""The command line: its commands by name. Nothing heavy is imported before it is needed."""

import sys
from collections.abc import Callable, Sequence
from typing import Protocol

import tyro

from gradpen.commands.compare import Compare
from gradpen.commands.data import Data
from gradpen.commands.look import Evaluate, NearestImages, Sample
from gradpen.commands.presets import Presets
from gradpen.commands.train import Train
from gradpen.commands.vae import VaeBaseline
from gradpen.errors import GradpenError, speaks


class Command(Protocol):
    """A subcommand with its options."""

    def run(self) -> int:
        """Do it and return the exit code."""


COMMANDS: dict[str, Callable[..., Command]] = {
    "train": Train,
    "sample": Sample,
    "evaluate": Evaluate,
    "nearest": NearestImages,
    "vae": VaeBaseline,
    "compare": Compare,
    "data": Data,
    "presets": Presets,
}


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
        if error.said_elsewhere or (error.said_elsewhere is None and not speaks()):
            return error.exit_code
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
