"""Runs on the Hugging Face hub: pushed without their data, and loaded back. Nothing is sent or fetched unasked."""

import fnmatch
import importlib
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
from torch import nn

from gradpen.errors import GradpenError, RunError, UsageError, readable_writes
from gradpen.looking.card import card
from gradpen.looking.pictures import save_lines, save_points, save_samples
from gradpen.networks.own import OwnGenerator
from gradpen.runs.checkpoint import DamagedCheckpointError, checkpoint_folders, read_checkpoint, replace_file
from gradpen.runs.folder import RunFolder, read_config, refuse_used
from gradpen.runs.parcel import write_parcel
from gradpen.runs.trained import Run, load, warn
from gradpen.settings import from_dict
from gradpen.text import printable

__all__ = ["from_hub"]

NUMBER = "[0-9]" * 8
FILES = (
    *("config.json", "run.json", "data.json", "measures.jsonl", "verdict.json", "evaluation.json"),
    *("README.md", "samples.png", "samples.txt"),
    *(f"checkpoint/{NUMBER}/{name}" for name in ("manifest.json", "generator.safetensors", "average.safetensors")),
)
"""patterns of all files that are ever pushed, or fetched"""
HUBS_OWN = (".gitattributes", ".gitignore", "LICENSE", "LICENSE.md")
"""files that may lie beside a run"""
DRAWN, POINTS = 64, 1_000
"""samples that a card shows: pictures or lines, and points in the plane"""


def from_hub(
    repo: str,
    *,
    revision: str | None = None,
    out: str | Path | None = None,
    device: str = "auto",
    generator: nn.Module | Callable[[], nn.Module] | None = None,
    say: Callable[[str], None] = warn,
) -> Run:
    """Fetch a run from the Hugging Face hub and load it, as :func:`gradpen.load` does; needs the extra ``hub``.

    Only what ``gradpen hub push`` writes is fetched, and nothing of it is unpickled or run.

    Args:
        repo: NAME/REPO, where ``gradpen hub push`` put it.
        revision: a branch, tag or commit of the repository; None: its main branch.
        out: a new folder for the run; None: it stays in the hub's own cache, from where it is taken again when it has
            not changed.
        device: auto, cpu, cuda or cuda:N.
        generator: of a run with a generator of its maker's own: a module of that class, or the class.
        say: called if the configuration was changed after training; a warning by default.

    Raises:
        UsageError: the name is none, the extra is missing, or the run needs a generator that was not given.
        RunError: the hub cannot be reached, has no such repository, or what it holds is damaged or no run.
    """
    refuse_malformed(repo)
    if out is not None:
        refuse_used(Path(out))
    fetched = RunFolder(path=fetch(repo, revision))
    run = checked(fetched, repo, device, generator, say)
    if out is None:
        return run
    with readable_writes(RunError, out, "choose another `out`"):
        for file in files_of(fetched.path):
            (Path(out) / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(fetched.path / file, Path(out) / file)
    return checked(RunFolder(path=Path(out)), repo, device, generator, say)


def pack(
    run: Path,
    repo: str,
    out: Path,
    *,
    checkpoint: Literal["best", "last"] | int = "best",
    license_name: str | None = None,
    say: Callable[[str], None] = warn,
) -> Run:
    """Write what :func:`push` sends of a run into a new folder, which is a run again, and return that.

    Raises:
        GradpenError: there is no run, it is not whole, or the folder is in use.
    """
    refuse_malformed(repo)
    if license_name is not None and not re.fullmatch(r"[a-z0-9][a-z0-9.-]*", license_name):
        raise UsageError(
            f"`license={printable(license_name)}`: expected the hub's name of a licence, as mit or cc-by-4.0"
        )
    refuse_used(out)
    parcel = write_parcel(run, out, checkpoint=checkpoint, say=say)
    ready = load(out, device="cpu", say=say)
    draw(ready, out)
    with readable_writes(RunError, out, "choose another `out`"):
        replace_file(out / "README.md", card(parcel, ready, repo, license_name=license_name).encode())
    return ready


def draw(run: Run, out: Path) -> None:
    """Draw the samples that a card shows: a grid, points in the plane, or lines of text."""
    if run.values.symbols is not None:
        save_lines(run.sample(DRAWN).tolist(), out / "samples.txt")
    elif run.values.are_points(int(np.prod(run.sample(1).shape))):
        save_points(run.sample(POINTS), out / "samples.png")
    else:
        save_samples(run.pictures(DRAWN), out / "samples.png")


def push(parcel: Path, repo: str, *, private: bool = False) -> str:
    """Send a folder that :func:`pack` wrote to the hub in one commit, and return the address of the repository.

    What an earlier push left is replaced. The token is that of the hub's own login.

    Raises:
        UsageError: the name is none, the extra is missing, nobody is logged in, or the repository holds something else.
        RunError: the hub cannot be reached or refuses.
    """
    refuse_malformed(repo)
    hub = library()
    with in_a_sentence(repo, hub):
        if hub.get_token() is None:
            raise UsageError(
                "nobody is logged in to the hub; run hf auth login, or set HF_TOKEN to a token that may write"
            )
        api = hub.HfApi()
        address = str(api.create_repo(repo, private=private or None, exist_ok=True))
        there = api.model_info(repo)
        held = names_in(there)
        strange = [name for name in held if not is_ours(name) and name not in HUBS_OWN]
        if strange:
            raise UsageError(f"{repo} holds something else ({listed(strange)}); choose the name of a new repository")
        if private and not there.private:
            raise UsageError(f"{repo} is there already and public; make it private on its page, or choose another name")
        files = files_of(parcel)
        stale = [name for name in held if is_ours(name) and name not in files]
        changes = [hub.CommitOperationAdd(path_in_repo=name, path_or_fileobj=str(parcel / name)) for name in files]
        changes += [hub.CommitOperationDelete(path_in_repo=name) for name in stale]
        api.create_commit(repo, operations=changes, commit_message="Run trained by gradpen")
    return address


def fetch(repo: str, revision: str | None) -> Path:
    """Fetch the files of a run into the hub's own cache and return their folder there."""
    hub = library()
    with in_a_sentence(repo, hub):
        offline = bool(hub.constants.HF_HUB_OFFLINE)
        if not offline:
            # Asked first: a download that fails would fall back on an older copy without a word.
            refuse_other_kinds(names_in(hub.HfApi().model_info(repo, revision=revision)), repo)
        return Path(
            hub.HfApi().snapshot_download(repo, revision=revision, allow_patterns=[*FILES], local_files_only=offline)
        )


def checked(
    folder: RunFolder,
    repo: str,
    device: str,
    generator: nn.Module | Callable[[], nn.Module] | None,
    say: Callable[[str], None],
) -> Run:
    """Return the run in a folder that was fetched; whatever is wrong with it is said in a sentence.

    Raises:
        UsageError: its generator is its maker's own, and none is given.
        RunError: it is incomplete, damaged or no run.
    """
    refuse_other_kinds(files_of(folder.path), repo)
    (place,) = checkpoint_folders(folder.checkpoints)
    try:
        chosen = from_dict(read_checkpoint(place).facts["config"]).generator
        if isinstance(chosen, OwnGenerator) and generator is None:
            # Its import path would run code of whatever module a stranger's file names.
            raise UsageError(
                f"the generator of {repo} is its maker's own class, {printable(chosen.source)}; in Python, give that "
                f"class or a module of it: gradpen.from_hub({repo!r}, generator=…)"
            )
        read_config(folder)
        return load(folder.path, device=device, generator=generator, say=say)
    except DamagedCheckpointError as error:
        raise RunError(
            f"the run of {repo} is damaged: in checkpoint {place.name} {error}; ask its maker to push it again, or, if "
            f"only the copy in {printable(folder.path)} is damaged, remove that"
        ) from None
    except GradpenError as error:
        raise type(error)(f"the run of {repo} cannot be loaded: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, RuntimeError) as error:
        raise RunError(
            f"{repo} is no run that gradpen hub push wrote: its files do not fit together ({type(error).__name__}: "
            f"{printable(error)})"
        ) from None


def refuse_malformed(repo: str) -> None:
    """Raise :class:`UsageError` for what is no name of a repository."""
    named = re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*/[A-Za-z0-9][A-Za-z0-9_.-]*", repo)
    if not named or len(repo) > 96 or "--" in repo or ".." in repo or repo.endswith((".git", "-", ".")):
        raise UsageError(
            f"{printable(repo)} is no name of a repository; expected NAME/REPO of letters, digits, -, _ and ., for "
            f"example ada/digits-wgan-gp"
        )


def refuse_other_kinds(names: list[str], repo: str) -> None:
    """Raise :class:`RunError` if files are not those of one run with one checkpoint."""
    places = {name.split("/")[1] for name in names if is_ours(name) and name.startswith("checkpoint/")}
    if "config.json" not in names or not places:
        missing = "checkpoint/" if "config.json" in names else "config.json"
        raise RunError(f"{repo} is no run that gradpen hub push wrote: it has no {missing} (it holds {listed(names)})")
    if len(places) > 1:
        raise RunError(
            f"{repo} holds {len(places)} checkpoints where a pushed run has one; ask its maker to push it anew"
        )


def is_ours(name: str) -> bool:
    """Return whether a file is one of those that are pushed."""
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in FILES)


def files_of(folder: Path) -> list[str]:
    """Return the files of a pushed run in a folder, as a repository names them."""
    return sorted(name for file in folder.rglob("*") if is_ours(name := file.relative_to(folder).as_posix()))


def names_in(info: Any) -> list[str]:
    """Return the names of the files that the hub says are in a repository."""
    return [sibling.rfilename for sibling in info.siblings or []]


def listed(names: list[str]) -> str:
    """Return the first few names and how many more there are."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(map(printable, names[:3])) + more if names else "nothing"


def library() -> Any:
    """Return huggingface_hub; raise :class:`UsageError` if it is not installed."""
    try:
        for part in ("errors", "constants"):
            importlib.import_module(f"huggingface_hub.{part}")
        return importlib.import_module("huggingface_hub")
    except ImportError as error:
        raise UsageError(
            f"the hub needs huggingface_hub ({printable(error)}); install it with pip install 'gradpen[hub]'"
        ) from None


@contextmanager
def in_a_sentence(repo: str, hub: Any) -> Iterator[None]:
    """Turn whatever the hub and its library raise within into a sentence."""
    try:
        yield
    except GradpenError:
        raise
    except Exception as error:
        # Whatever answers at that address may answer anything, and the library says so in many ways.
        raise RunError(sentence(repo, error, hub)) from None


def sentence(repo: str, error: BaseException, hub: Any) -> str:
    """Return what went wrong at the hub, and what to do."""
    errors = hub.errors
    if isinstance(error, errors.GatedRepoError):
        return f"{repo} is open only to those whom its owner lets in; ask for access on its page"
    if isinstance(error, errors.RevisionNotFoundError):
        return f"{repo} has no such revision; look at its page for branches, tags and commits"
    if isinstance(error, errors.RepositoryNotFoundError):
        return (
            f"the hub has no model repository {repo}, or it is private and not yours; check the name, or run "
            f"hf auth login"
        )
    if isinstance(error, errors.HfHubHTTPError):
        return refusal(repo, error)
    if hub.constants.HF_HUB_OFFLINE:
        return f"{repo} is not whole in the hub's cache, and HF_HUB_OFFLINE is set; unset it to reach the hub"
    if isinstance(error, errors.HTTPError | ConnectionError):
        what = printable(error) or type(error).__name__
        return f"the hub cannot be reached ({what}); check the network, and try again"
    if error.__cause__ is not None:
        # Errors of uploads and downloads, which run in threads, come wrapped.
        return sentence(repo, error.__cause__, hub)
    return f"{repo}: the hub or its library failed ({type(error).__name__}: {printable(error)}); try again"


def refusal(repo: str, error: Any) -> str:
    """Return why the hub said no."""
    status = error.response.status_code
    if status == 401:
        return f"the hub does not know the token it was given for {repo}; run hf auth login anew, or set HF_TOKEN"
    if status == 403:
        return f"your token may not do that to {repo}; take one that may write there, or choose a name of your own"
    return f"the hub refused {repo}: it answered {status} ({printable(error.server_message or 'without a reason')})"
