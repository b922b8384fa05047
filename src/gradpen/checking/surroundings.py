"""What a function of somebody else's leans on beside its arguments: globals, an object of its class, a GPU."""

import argparse
import dis
import functools
import itertools
import types
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TypeGuard
from unittest.mock import patch

import numpy as np
import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils.data import DataLoader

from gradpen.checking.around import Around
from gradpen.checking.attributes import class_of
from gradpen.checking.roles import role_of
from gradpen.checking.stand_ins import called_or_not, stub

MISSING = object()
MODULES = {
    "torch": torch,
    "nn": nn,
    "F": nn.functional,
    "np": np,
    "autograd": torch.autograd,
    "grad": torch.autograd.grad,
    "Variable": torch.autograd.Variable,
}
"""what comes out of a package that is missing under these names, with all else that it has"""
FROM_NUMPY, LOADER = torch.from_numpy, DataLoader.__init__
OF_WORKERS = (
    "num_workers",
    "pin_memory",
    "timeout",
    "worker_init_fn",
    "multiprocessing_context",
    "prefetch_factor",
    "persistent_workers",
)
"""what says how a loader's processes work"""
ACCELERATORS = ("cuda", "mps", "xpu")
"""devices that code names and machines lack"""
OLD_NAMES = {"int": int, "float": float, "bool": bool}
"""that NumPy had before version 1.24"""


@functools.lru_cache(maxsize=32)
def globals_of(function: Callable[..., Any], *, called: bool = False) -> set[str]:
    """Return the names of the globals that a function and those inside it look up, or only those they call at once."""
    return {
        str(step.argval)
        for code in code_of(function)
        for step in dis.get_instructions(code)
        if step.opname == "LOAD_GLOBAL" and (not called or "NULL" in step.argrepr)
    }


def code_of(function: Callable[..., Any]) -> list[types.CodeType]:
    """Return the code of a function, of those inside it, and of those of its module or class that they call."""
    plain = inner(function)
    place: dict[str, Any] = getattr(plain, "__globals__", {})
    near = {**vars(class_of(plain) or object), **place}
    found: list[types.CodeType] = []
    waiting: list[Any] = [getattr(plain, "__code__", None)]
    while waiting:
        one = waiting.pop()
        if not isinstance(one, types.CodeType) or one in found:
            continue
        found.append(one)
        beside = [near.get(name) for name in one.co_names]
        waiting += [*one.co_consts, *(each.__code__ for each in beside if is_of(each, place))]
    return found


@functools.lru_cache(maxsize=32)
def words_of(function: Callable[..., Any]) -> tuple[str, ...]:
    """Return what stands in quotes in the code of a function and of what it calls, but for the first of each."""
    constants = [one for code in code_of(function) for one in code.co_consts[1:]]
    each = [part for one in constants for part in (one if isinstance(one, tuple) else (one,))]
    return tuple(one for one in each if isinstance(one, str) and one.split() == [one])


@functools.lru_cache(maxsize=32)
def redrawn_in(function: Callable[..., Any]) -> frozenset[str]:
    """Return the names of what a function fills with random numbers: ``eps.uniform_()``."""
    steps = [step for code in code_of(function) for step in dis.get_instructions(code)]
    return frozenset(
        str(one.argval) for one, after in itertools.pairwise(steps) if after.argval in ("uniform_", "normal_")
    )


def is_of(found: Any, place: dict[str, Any]) -> TypeGuard[types.FunctionType]:
    """Return whether something is a function of a module."""
    return isinstance(found, types.FunctionType) and found.__globals__ is place


def inner(function: Any) -> Any:
    """Return the plain function behind a method, a module or an object that is called."""
    while isinstance(function, functools.partial) or hasattr(function, "__wrapped__"):
        function = function.func if isinstance(function, functools.partial) else function.__wrapped__
    if isinstance(function, nn.Module):
        function = function.forward
    elif not hasattr(function, "__code__") and not hasattr(function, "__func__") and callable(function):
        function = getattr(function, "__call__", function)  # noqa: B004
    return getattr(function, "__func__", function)


@contextmanager
def surroundings(function: Callable[..., Any], around: Around) -> Iterator[None]:
    """Put the probe in place of critics that a function finds around itself, and stubs where it finds nothing.

    Globals that are not there are made up by their names, the critic of a bound object is exchanged for the probe, and
    what asks for a GPU gets the CPU where there is none. All is put back afterwards.
    """
    critic = around.critic
    with ExitStack() as stack:
        if not torch.cuda.is_available():
            stack.enter_context(on_the_cpu())
        place: dict[str, Any] = getattr(inner(function), "__globals__", {})
        builtins = place.get("__builtins__", {})
        built_in = builtins if isinstance(builtins, dict) else vars(builtins)
        changes, calls = {}, globals_of(inner(function), called=True)
        for name in globals_of(inner(function)) - set(built_in):
            found = place.get(name, MISSING)
            known = MODULES.get(name)
            if found is MISSING and known is not None and (callable(known) or name not in calls):
                changes[name] = known  # F(x) is a critic, and F.relu(x) a function
            elif found is MISSING:
                changes[name] = called_or_not(stub(name, around, called=name in calls), name in calls)
            elif isinstance(found, nn.Module) and role_of(name) == "critic":
                changes[name] = critic
            elif role_of(name) == "device" and not torch.cuda.is_available():
                changes[name] = torch.device("cpu")
            elif isinstance(found, argparse.Namespace | dict):
                stack.enter_context(patch.dict(options_in(found), sizes_of_batch(found, around.batch)))
        if "next" not in place:
            changes["next"] = next_of
        stack.enter_context(patch.dict(place, changes))
        stack.enter_context(patch.object(torch, "from_numpy", tensor_of))
        stack.enter_context(patch.object(DataLoader, "__init__", loads_alone))
        stack.enter_context(patch.object(torch, "save", nothing))  # a loop that is tried overwrites no checkpoint
        for name, kind in OLD_NAMES.items():
            if name not in vars(np):
                stack.enter_context(patch.object(np, name, kind, create=True))
        owner = function if isinstance(function, nn.Module) else getattr(function, "__self__", None)
        for name, found in list(getattr(owner, "__dict__", {}).items()):
            if isinstance(found, nn.Module) and role_of(name) == "critic":
                stack.enter_context(patch.object(owner, name, critic))
        modules = vars(owner).get("_modules", {}) if isinstance(owner, nn.Module) else {}
        held = {name: critic for name, found in modules.items() if role_of(name) == "critic" and found is not None}
        stack.enter_context(patch.dict(modules, held))
        yield


def loads_alone(loader: Any, *given: Any, **named: Any) -> None:
    """Make a loader without worker processes, which a few examples are not worth."""
    LOADER(loader, *given[:5], **{name: value for name, value in named.items() if name not in OF_WORKERS})


def nothing(*given: Any, **named: Any) -> None:
    """Do nothing."""
    del given, named


def next_of(batches: Any, *otherwise: Any) -> Any:
    """Return the next of some batches; examples themselves are the only one."""
    return batches if isinstance(batches, torch.Tensor) else next(batches, *otherwise)


def tensor_of(examples: Any) -> torch.Tensor:
    """Return a tensor of an array; examples are one already."""
    return examples if isinstance(examples, torch.Tensor) else FROM_NUMPY(examples)


def options_in(found: argparse.Namespace | dict[Any, Any]) -> dict[Any, Any]:
    """Return the options that somebody keeps, by their names."""
    return found if isinstance(found, dict) else vars(found)


def sizes_of_batch(found: argparse.Namespace | dict[Any, Any], batch: int) -> dict[Any, int]:
    """Return the options that are the size of a batch, at the size that is tried."""
    return {
        name: batch
        for name, value in options_in(found).items()
        if isinstance(name, str) and role_of(name) == "batch" and type(value) is int
    }


@contextmanager
def on_the_cpu() -> Iterator[None]:
    """Let what asks for an accelerator stay where it is."""

    def stay(thing: Any, *arguments: Any, **named: Any) -> Any:
        del arguments, named
        return thing

    with (
        patch.object(torch.Tensor, "cuda", stay),
        patch.object(nn.Module, "cuda", stay),
        patch.object(torch.Tensor, "get_device", lambda tensor: tensor.device),
        patch.object(torch.cuda, "FloatTensor", torch.FloatTensor),
        patch.object(nn.parallel, "data_parallel", in_one_part),
        CpuInPlaceOfOthers(),
    ):
        yield


def in_one_part(module: nn.Module, inputs: Any, *others: Any, **named: Any) -> Any:
    """Call a module, as ``data_parallel`` does on one device."""
    del others, named
    return module(*inputs) if isinstance(inputs, tuple) else module(inputs)


class CpuInPlaceOfOthers(TorchFunctionMode):
    """Gives the CPU to whatever names an accelerator."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Call the function with the CPU in place of each accelerator."""
        del types
        return func(*map(on_cpu, args), **{name: on_cpu(value) for name, value in (kwargs or {}).items()})


def on_cpu(value: Any) -> Any:
    """Return the CPU for an accelerator, and all else as it is."""
    kind = value.partition(":")[0] if isinstance(value, str) else getattr(value, "type", "")
    return torch.device("cpu") if kind in ACCELERATORS and isinstance(value, str | torch.device) else value
