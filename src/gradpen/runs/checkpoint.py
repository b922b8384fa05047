"""Checkpoints: whole or not at all, checked on reading, no pickle.

A checkpoint is a folder of safetensors files and a ``manifest.json`` with the size and sha256 of each. It is
written under another name beside its place, forced to disk, and renamed; a crash at any instant leaves the
previous checkpoint whole.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from gradpen.errors import RunError
from gradpen.machine.files import sync_folder
from gradpen.text import printable

FORMAT_VERSION = 1
MANIFEST = "manifest.json"
TEMPORARY = ".writing-"
OptimizerState = dict[str, Any]


class DamagedCheckpointError(Exception):
    """Why a checkpoint cannot be trusted, in a few words."""


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """The state of a run after ``iteration`` generator updates."""

    iteration: int
    tensors: dict[str, dict[str, Tensor]]
    """tensors by file (``generator``, ``critic``, ``generator_optimizer`` …) and name"""
    facts: dict[str, Any]
    """JSON-able facts: configuration, data fingerprint, run id"""


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return an optimiser's state as tensors named ``parameter.state``."""
    return {
        f"{index}.{name}": torch.as_tensor(value)
        for index, state in optimizer.state_dict()["state"].items()
        for name, value in state.items()
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Put back a state taken by :func:`optimizer_tensors`.

    It gets the memory layout of its parameters: fused optimisers walk through both in the order of memory.
    """
    states: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        index, _, name = key.partition(".")
        states.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": states})
    for parameter, state in optimizer.state.items():
        for name, value in state.items():
            # Moments lie as their parameters do; the step count, a scalar, has no layout.
            if value.shape == parameter.shape:
                state[name] = torch.empty_like(parameter).copy_(value)


def apart(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors that share no memory, as safetensors wants them: networks may hold a layer under two names."""
    seen: set[int] = set()
    result = {}
    for name, tensor in tensors.items():
        place = tensor.untyped_storage().data_ptr()
        result[name] = tensor.clone() if place in seen else tensor
        seen.add(place)
    return result


def write_file(path: Path, content: bytes) -> None:
    """Write a file and force it to disk."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def replace_file(path: Path, content: bytes) -> None:
    """Replace a file's content: readers see the old or the new, never a part."""
    temporary = path.with_name(f"{TEMPORARY}{path.name}")
    try:
        write_file(temporary, content)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


def write_checkpoint(folder: Path, checkpoint: Checkpoint, *, keep: int | None, keep_every: int | None = None) -> Path:
    """Write a checkpoint below ``folder`` and remove all but the newest ``keep``; None keeps all.

    Those of iterations that are multiples of ``keep_every`` are kept too.

    Raises:
        OSError: it could not be written; earlier checkpoints are untouched and nothing is left behind.
    """
    place = folder / f"{checkpoint.iteration:08d}"
    temporary = folder / f"{TEMPORARY}{place.name}"
    for left_behind in folder.glob(f"{TEMPORARY}*"):
        shutil.rmtree(left_behind, ignore_errors=True)
    try:
        temporary.mkdir(parents=True)
        files = {}
        for name, tensors in checkpoint.tensors.items():
            content = save(apart({key: tensor.contiguous().cpu() for key, tensor in tensors.items()}))
            write_file(temporary / f"{name}.safetensors", content)
            files[name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        manifest = {
            "format_version": FORMAT_VERSION,
            "iteration": checkpoint.iteration,
            "files": files,
            "facts": checkpoint.facts,
        }
        manifest["sha256"] = manifest_digest(manifest)
        write_file(temporary / MANIFEST, json.dumps(manifest, indent=1).encode())
        sync_folder(temporary)
        shutil.rmtree(place, ignore_errors=True)
        # The rename makes it whole at once; without syncing the folder the name could be lost in a power cut.
        os.rename(temporary, place)
        sync_folder(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    for old in checkpoint_folders(folder)[slice(keep, None)] if keep is not None else ():
        if keep_every is None or int(old.name) % keep_every:
            shutil.rmtree(old, ignore_errors=True)
    return place


def remove_superseded(folder: Path, iteration: int) -> None:
    """Remove all checkpoints before the newest of those up to an iteration."""
    for old in [place for place in checkpoint_folders(folder) if int(place.name) <= iteration][1:]:
        shutil.rmtree(old, ignore_errors=True)


def refuse_generator_alone(run: Path, checkpoint: Checkpoint) -> None:
    """Raise :class:`RunError` if a checkpoint has no critic, as those of runs from the hub: training cannot go on."""
    if "critic" not in checkpoint.tensors:
        raise RunError(
            f"{printable(run)} holds a generator alone, as runs from the hub do; samples can be drawn from it, but "
            f"training needs the critic and the optimisers too: give the run that it was pushed from"
        )


def manifest_digest(manifest: Mapping[str, Any]) -> str:
    """Return the sha256 of a manifest's other entries."""
    rest = {key: value for key, value in manifest.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def checkpoint_folders(folder: Path) -> list[Path]:
    """Return the checkpoints below ``folder``, newest first."""
    return sorted((place for place in folder.glob("[0-9]" * 8) if place.is_dir()), reverse=True)


def read_checkpoint(place: Path) -> Checkpoint:
    """Return a checkpoint after checking every byte of it.

    Raises:
        DamagedCheckpointError: something is missing or not as it was written.
    """
    try:
        manifest = json.loads((place / MANIFEST).read_bytes())
        # A flipped bit in the number is damage; only a manifest that is whole can be of a newer gradpen.
        if manifest["sha256"] != manifest_digest(manifest):
            raise DamagedCheckpointError(f"{MANIFEST} is not as it was written")
        if manifest["format_version"] > FORMAT_VERSION:
            raise RunError(
                f"{printable(place)} was written by a newer gradpen (format {manifest['format_version']}, this "
                f"one reads {FORMAT_VERSION}); update gradpen"
            )
        tensors = {}
        for name, file in manifest["files"].items():
            content = (place / f"{name}.safetensors").read_bytes()
            if hashlib.sha256(content).hexdigest() != file["sha256"]:
                raise DamagedCheckpointError(f"{printable(name)}.safetensors is not as it was written")
            tensors[name] = load(content)
        return Checkpoint(iteration=int(manifest["iteration"]), tensors=tensors, facts=manifest["facts"])
    except OSError as error:
        raise DamagedCheckpointError(f"{Path(error.filename or '').name}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
        raise DamagedCheckpointError(f"{MANIFEST} cannot be read ({type(error).__name__})") from None


def remove_newer(folder: Path, iteration: int) -> None:
    """Remove checkpoints after an iteration: the damaged ones that a resumed run passed over."""
    for place in checkpoint_folders(folder):
        if int(place.name) > iteration:
            shutil.rmtree(place, ignore_errors=True)


def numbered_checkpoint(run: Path, iteration: int, folders: tuple[Path, ...]) -> Checkpoint:
    """Return the checkpoint of an iteration from one of the folders.

    Raises:
        RunError: there is none, or it is damaged.
    """
    kept = {int(place.name): place for folder in folders for place in checkpoint_folders(folder)}
    if iteration not in kept:
        known = ", ".join(f"{number:,}" for number in sorted(kept)) or "none"
        raise RunError(f"{printable(run)} keeps no checkpoint of iteration {iteration:,}; it keeps those of {known}")
    try:
        return read_checkpoint(kept[iteration])
    except DamagedCheckpointError as error:
        raise RunError(f"the checkpoint of iteration {iteration:,} is damaged ({error}); choose another") from None


def newest_checkpoint(folder: Path, say: Callable[[str], None]) -> Checkpoint:
    """Return the newest whole checkpoint below ``folder``, and say which damaged ones were passed over.

    Raises:
        RunError: there is none.
    """
    places = checkpoint_folders(folder)
    for place in places:
        try:
            return read_checkpoint(place)
        except DamagedCheckpointError as error:
            say(f"checkpoint {place.name} is damaged ({error}); using the one before it")
    what = f"none of its {len(places)} checkpoints is whole" if places else "it has no checkpoint yet"
    raise RunError(f"{printable(folder.parent)} cannot be continued or sampled: {what}; start a new run")
