"""What a function of somebody else's leans on beside its arguments: globals, an object of its class, a GPU."""

import ast
import dis
import functools
import inspect
import textwrap
import types
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import MagicMock, patch

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from gradpen.checking.roles import role_of

WEIGHT = 10.0
"""of a penalty, where the function looks for one outside its arguments"""
LATENTS = 8
"""size of latents, where the function looks for one"""
MISSING = object()


@dataclass(frozen=True)
class Around:
    """What a function is to find around itself."""

    critic: nn.Module
    generator: nn.Module
    batch: int
    assumed: set[str]
    """what was made up, as it would be written"""
    kind: type | None = None
    """the class of a method that is called without an object"""


class StandIn:
    """An object that has every attribute, each being what its name says: in place of ``self``, or of parsed options."""

    def __init__(self, around: Around) -> None:
        self.__dict__.update(around_=around, other_={})

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Score, as an object of a critic's class does."""
        return self.around_.critic(*arguments, **named)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        method = getattr(self.around_.kind, name, None)
        if isinstance(method, types.FunctionType) and role_of(name) != "critic" and name != "forward":
            return method.__get__(self)
        if name not in self.other_:
            self.other_[name] = self.around_.critic if name == "forward" else stub(name, self.around_)
        return self.other_[name]

    def __setattr__(self, name: str, value: Any) -> None:
        self.other_[name] = value

    def __getitem__(self, name: str) -> Any:
        return getattr(self, str(name))


def stub(name: str, around: Around) -> Any:
    """Return what something of this name is likely to be, and note it."""
    role = role_of(name)
    if role in ("critic", "generator"):
        return around.critic if role == "critic" else around.generator
    assumed = around.assumed
    usual = numbers_of(around.kind).get(name)
    if usual is not None:
        assumed.add(f"{name} = {usual}")
        return usual
    known = {
        "weight": WEIGHT,
        "batch": around.batch,
        "size": LATENTS,
        "device": torch.device("cpu"),
        "switch": False,
        "target": 1.0,
    }
    if role in known:
        assumed.add(f"{name} = {known[role]}")
        return known[role]
    if role == "group" or name.isupper():
        return StandIn(around)
    return MagicMock(name=name)


@functools.lru_cache(maxsize=64)
def numbers_of(kind: type | None) -> dict[str, float]:
    """Return the attributes that objects of a class have as numbers where they are made without arguments."""
    try:
        method = vars(kind)["__init__"]
        tree = ast.parse(textwrap.dedent(inspect.getsource(method)))
        given = inspect.signature(method).parameters
    except (KeyError, TypeError, OSError, SyntaxError, ValueError):
        return {}
    usual = {name: one.default for name, one in given.items() if is_number(one.default)}
    found = {}
    for target, value in assignments(tree):
        if not isinstance(target, ast.Attribute) or not isinstance(target.value, ast.Name):
            continue
        if isinstance(value, ast.Name) and value.id in usual:
            found[target.attr] = usual[value.id]
        elif isinstance(value, ast.Constant) and is_number(value.value):
            found[target.attr] = value.value
    return found


def assignments(tree: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Yield what is assigned to what, one by one where several are at once."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assign):
            continue
        for target in node.targets:
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                yield from zip(target.elts, node.value.elts, strict=False)
            else:
                yield target, node.value


def is_number(value: object) -> bool:
    """Return whether a value is a number, True and False being none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def class_of(function: Callable[..., Any]) -> type | None:
    """Return the class that a method was taken from without an object; None for others."""
    plain = inner(function)
    found: Any = getattr(plain, "__globals__", {}).get(getattr(plain, "__qualname__", "").split(".")[0])
    return found if isinstance(found, type) else None


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
        changes = {}
        for name in globals_of(function) - set(built_in):
            found = place.get(name, MISSING)
            if found is MISSING:
                changes[name] = stub(name, around)
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
        CpuInPlaceOfCuda(),
    ):
        yield


class CpuInPlaceOfCuda(TorchFunctionMode):
    """Gives the CPU to whatever names a CUDA device."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Call the function with the CPU in place of each CUDA device."""
        del types
        return func(*map(on_cpu, args), **{name: on_cpu(value) for name, value in (kwargs or {}).items()})


def on_cpu(value: Any) -> Any:
    """Return the CPU for a CUDA device, and all else as it is."""
    named = isinstance(value, str) and value.startswith("cuda")
    return torch.device("cpu") if named or (isinstance(value, torch.device) and value.type == "cuda") else value
