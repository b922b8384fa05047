"""What a function of somebody else's leans on beside its arguments: globals, an object of its class, a GPU."""

import dis
import functools
import types
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import MagicMock, patch

import torch
from torch import nn

from gradpen.checking.roles import role_of

WEIGHT = 10.0
"""of a penalty, where the function looks for one outside its arguments"""
MISSING = object()


class StandIn:
    """An object that has every attribute, each being what its name says: in place of ``self``, or of parsed options."""

    def __init__(self, critic: nn.Module, batch: int, assumed: set[str]) -> None:
        self.__dict__.update(critic_=critic, batch_=batch, assumed_=assumed, other_={})

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in self.other_:
            self.other_[name] = stub(name, self.critic_, self.batch_, self.assumed_)
        return self.other_[name]

    def __setattr__(self, name: str, value: Any) -> None:
        self.other_[name] = value

    def __getitem__(self, name: str) -> Any:
        return getattr(self, str(name))


def stub(name: str, critic: nn.Module, batch: int, assumed: set[str]) -> Any:
    """Return what something of this name is likely to be; ``assumed`` notes what was made up."""
    role = role_of(name)
    if role == "critic":
        return critic
    known = {"weight": WEIGHT, "batch": batch, "device": torch.device("cpu"), "switch": False, "target": 1.0}
    if role in known:
        assumed.add(f"{name} = {known[role]}")
        return known[role]
    if role == "group":
        return StandIn(critic, batch, assumed)
    return MagicMock(name=name)


def globals_of(function: Callable[..., Any]) -> set[str]:
    """Return the names of the globals that a function and those inside it look up."""
    plain = inner(function)
    place: dict[str, Any] = getattr(plain, "__globals__", {})
    names: set[str] = set()
    waiting: list[Any] = [getattr(plain, "__code__", None)]
    while waiting:
        one = waiting.pop()
        if not isinstance(one, types.CodeType):
            continue
        found = {str(step.argval) for step in dis.get_instructions(one) if step.opname == "LOAD_GLOBAL"} - names
        names |= found
        waiting += one.co_consts
        # Functions beside it lean on the same globals.
        beside = [place[name] for name in found if isinstance(place.get(name), types.FunctionType)]
        waiting += [each.__code__ for each in beside if each.__globals__ is place]
    return names


def inner(function: Any) -> Any:
    """Return the plain function behind a method, a module or an object that is called."""
    while isinstance(function, functools.partial):
        function = function.func
    if isinstance(function, nn.Module):
        function = function.forward
    elif not hasattr(function, "__code__") and not hasattr(function, "__func__") and callable(function):
        function = getattr(function, "__call__", function)  # noqa: B004
    return getattr(function, "__func__", function)


@contextmanager
def surroundings(function: Callable[..., Any], critic: nn.Module, batch: int, assumed: set[str]) -> Iterator[None]:
    """Put the probe in place of critics that a function finds around itself, and stubs where it finds nothing.

    Globals that are not there are made up by their names, the critic of a bound object is exchanged for the probe, and
    what asks for a GPU gets the CPU where there is none. All is put back afterwards.
    """
    with ExitStack() as stack:
        if not torch.cuda.is_available():
            stack.enter_context(on_the_cpu())
        place: dict[str, Any] = getattr(inner(function), "__globals__", {})
        builtins = place.get("__builtins__", {})
        built_in = builtins if isinstance(builtins, dict) else vars(builtins)
        changes = {}
        for name in globals_of(function) - set(built_in):
            found = place.get(name, MISSING)
            if found is MISSING:
                changes[name] = stub(name, critic, batch, assumed)
            elif isinstance(found, nn.Module) and role_of(name) == "critic":
                changes[name] = critic
            elif role_of(name) == "device" and not torch.cuda.is_available():
                changes[name] = torch.device("cpu")
        stack.enter_context(patch.dict(place, changes))
        owner = function if isinstance(function, nn.Module) else getattr(function, "__self__", None)
        for name, found in list(getattr(owner, "__dict__", {}).items()):
            if isinstance(found, nn.Module) and role_of(name) == "critic":
                stack.enter_context(patch.object(owner, name, critic))
        modules = owner._modules if isinstance(owner, nn.Module) else {}
        held = {name: critic for name, found in modules.items() if role_of(name) == "critic" and found is not None}
        stack.enter_context(patch.dict(modules, held))
        yield


@contextmanager
def on_the_cpu() -> Iterator[None]:
    """Let what asks for a GPU by ``.cuda()`` stay where it is."""

    def stay(thing: Any, *arguments: Any, **named: Any) -> Any:
        del arguments, named
        return thing

    with (
        patch.object(torch.Tensor, "cuda", stay),
        patch.object(nn.Module, "cuda", stay),
        patch.object(torch.cuda, "FloatTensor", torch.FloatTensor),
    ):
        yield
