"""``gradpen hub``."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from gradpen.commands.options import CheckpointOption, checkpoint_named, complain, option
from gradpen.errors import UsageError
from gradpen.text import printable


@dataclass(frozen=True, kw_only=True)
class Hub:
    """Push a run to the Hugging Face hub, or pull one from there.

    What is pushed: the generator as safetensors, the configuration, the measures, a picture of samples, and a model
    card that says all of it. Never the data, never a folder's place on your disk. With --out nothing is sent: look at
    what would be. The token is that of hf auth login, or HF_TOKEN.

    A pulled folder is a run: gradpen sample draws from it. Nothing in it is unpickled or run.

    Typical commands:

      gradpen hub push runs/00001-photos-quick ada/photos --out look
      gradpen hub push runs/00001-photos-quick ada/photos --private
      gradpen hub pull ada/photos
    """

    action: Annotated[Positional[Literal["push", "pull"]], arg(metavar="push|pull")]
    """push a run, or pull one."""
    place: Annotated[Positional[str], arg(metavar="RUN|NAME/REPO")]
    """push: a folder made by gradpen train; pull: a repository that gradpen hub push wrote."""
    repo: Annotated[Positional[str | None], option("[NAME/REPO]", "none, for pull")] = None
    """push: where to."""
    out: Annotated[Path | None, option("FOLDER", "push: it is sent; pull: REPO")] = None
    """push: write here what would be sent, and send nothing. pull: where the run is put."""
    checkpoint: CheckpointOption = "best"
    """push: which state of the run, best, last or an iteration, as for gradpen sample."""
    private: bool = False
    """push: make a repository that only you can see."""
    license: Annotated[str | None, option("LICENCE", "the card names none")] = None
    """push: the licence of the generator, as the hub names it: mit, cc-by-4.0, ..."""
    revision: Annotated[str | None, option("REVISION", "its main branch")] = None
    """pull: a branch, tag or commit."""

    def run(self) -> int:
        """Push or pull, and say where it is."""
        refuse_unfit(self)
        return pushed(self, Path(self.place), str(self.repo)) if self.action == "push" else pulled(self)


def pushed(options: Hub, run: Path, repo: str) -> int:
    """Write what is pushed, send it unless it is only to be looked at, and say so."""
    from gradpen.hub import pack, push

    checkpoint = checkpoint_named(options.checkpoint)
    if options.out is not None:
        ready = pack(run, repo, options.out, checkpoint=checkpoint, license_name=options.license, say=complain)
        print(f"iteration {ready.iteration:,}, as {repo} would hold it; nothing was sent: {printable(options.out)}")
        return 0
    with tempfile.TemporaryDirectory(prefix="gradpen-hub-") as place:
        ready = pack(run, repo, Path(place), checkpoint=checkpoint, license_name=options.license, say=complain)
        address = push(Path(place), repo, private=options.private)
    print(f"iteration {ready.iteration:,}: {printable(address)}")
    return 0


def pulled(options: Hub) -> int:
    """Fetch a run into a folder and say where it is."""
    from gradpen.hub import from_hub, refuse_malformed

    refuse_malformed(options.place)
    out = options.out or Path(options.place.partition("/")[2])
    run = from_hub(options.place, revision=options.revision, out=out, device="cpu", say=complain)
    print(f"iteration {run.iteration:,} of {options.place}: {printable(out)}")
    return 0


def refuse_unfit(options: Hub) -> None:
    """Raise :class:`UsageError` for what belongs to the other action."""
    if options.action == "push" and options.repo is None:
        raise UsageError("say which run goes where: gradpen hub push RUN NAME/REPO")
    if options.action == "pull" and options.repo is not None:
        raise UsageError("say what to pull alone: gradpen hub pull NAME/REPO, and with --out where to")
    unfit = ("revision",) if options.action == "push" else ("private", "license")
    for name in unfit:
        if getattr(options, name):
            raise UsageError(f"--{name} has no meaning for {options.action}; leave it out")
