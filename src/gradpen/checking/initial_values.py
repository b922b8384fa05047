"""What the making of somebody else's object gives its attributes, where no network and no data are needed for it."""

import ast
import functools
import inspect
import textwrap
from collections.abc import Callable
from types import CodeType, FunctionType, ModuleType
from typing import Any

import torch

from gradpen.checking.attributes import CONSTANTS, assignments
from gradpen.machine.seeds import separate_randomness

MAKERS = (
    "device",
    "Size",
    "tensor",
    "Tensor",
    "FloatTensor",
    "zeros",
    "ones",
    "empty",
    "rand",
    "randn",
    "Uniform",
    "Normal",
)
"""functions of PyTorch that make a tensor, its size or device, or a distribution"""
METHODS = ("to", "cuda", "cpu", "float", "view", "reshape", "expand", "requires_grad_", "type")
"""of a tensor, that may be called upon it at once"""
LIBRARIES = ("numpy", "scipy", "torch", "random", "math")
"""whose functions an object may keep"""
SEED = 0
"""of what is drawn where an object is made: once, so that it is the same in each of its calls"""


def initial_value(kind: type | None, name: str, thing: Any, give: Callable[[str], Any]) -> Any:
    """Return what an attribute is given where an object is made; None where that cannot be told.

    Args:
        kind: the object's class.
        name: the attribute's.
        thing: stands for the object.
        give: what an argument of this name is.
    """
    made = expressions_of(kind).get(name)
    if made is None:
        return None
    code, names, place = made
    try:
        with separate_randomness():
            torch.manual_seed(SEED)
            return FunctionType(code, place)(thing, *map(give, names))
    except Exception:
        return None


@functools.lru_cache(maxsize=64)
def expressions_of(kind: type | None) -> dict[str, tuple[CodeType, tuple[str, ...], dict[str, Any]]]:
    """Return the attributes that are made of tensors, sizes, distributions and losses: code, arguments and globals."""
    found = {}
    for owner in reversed(kind.__mro__ if kind is not None else ()):
        method = vars(owner).get("__init__")
        if not isinstance(method, FunctionType):
            continue
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(method)))
        except (OSError, SyntaxError):
            continue
        own, *names = inspect.signature(method).parameters
        for target, value in assignments(tree):
            of_object = isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name)
            if not of_object or not isinstance(value, ast.Call | ast.Attribute):
                continue
            assert isinstance(target, ast.Attribute)
            of_itself = any(ast.unparse(one) == ast.unparse(target) for one in ast.walk(value))
            place = method.__globals__
            known = is_plain(value, {own, *names}, place) if isinstance(value, ast.Call) else is_named(value, place)
            if not of_itself and known:
                code = code_of_expression(value, [own, *names])
                found[target.attr] = (code, tuple(names), method.__globals__)
    return found


def code_of_expression(value: ast.expr, names: list[str]) -> CodeType:
    """Return the code of a function of these arguments that returns an expression."""
    arguments = ast.arguments(
        posonlyargs=[], args=[ast.arg(one) for one in names], kwonlyargs=[], kw_defaults=[], defaults=[]
    )
    function = ast.Lambda(args=arguments, body=value)
    module = ast.fix_missing_locations(ast.Module([ast.Expr(function)], []))
    whole = compile(module, "<where the object is made>", "exec")
    return next(one for one in whole.co_consts if isinstance(one, CodeType))


def is_plain(node: ast.AST, names: set[str], place: dict[str, Any]) -> bool:
    """Return whether an expression calls nothing but what makes tensors, sizes, distributions and losses."""
    if isinstance(node, ast.Call):
        beside = [*node.args, *(one.value for one in node.keywords)]
        return is_maker(node.func, names, place) and all(is_plain(one, names, place) for one in beside)
    if isinstance(node, ast.Name):
        return node.id in names or isinstance(place.get(node.id), CONSTANTS) or "device" in node.id.lower()
    if isinstance(node, ast.Attribute):
        return is_plain(node.value, names, place) or dotted(node).startswith("torch.")
    if isinstance(node, ast.Constant):
        return True
    if isinstance(node, ast.List | ast.Tuple | ast.BinOp | ast.UnaryOp | ast.Starred):
        parts = [one for one in ast.iter_child_nodes(node) if isinstance(one, ast.expr)]
        return all(is_plain(one, names, place) for one in parts)
    return False


def is_named(node: ast.expr, place: dict[str, Any]) -> bool:
    """Return whether an expression names something of a library of numbers, which is not called: stats.uniform.rvs."""
    found = place.get(dotted(node).partition(".")[0])
    return isinstance(found, ModuleType) and found.__name__.partition(".")[0] in LIBRARIES


def is_maker(function: ast.expr, names: set[str], place: dict[str, Any]) -> bool:
    """Return whether what is called makes a tensor, its size, a distribution or a loss, or is a method of such."""
    if isinstance(function, ast.Attribute) and function.attr in METHODS and isinstance(function.value, ast.Call):
        return is_plain(function.value, names, place)
    found = looked_up(dotted(function).split("."), place)
    name = dotted(function).rpartition(".")[2]
    if name in MAKERS:
        return str(getattr(found, "__module__", None) or "torch").startswith("torch") and callable(found)
    return isinstance(found, type) and is_quickly_made(found, place)


def looked_up(parts: list[str], place: dict[str, Any]) -> Any:
    """Return what a name with dots in it is among the globals of a module; None where it is nothing."""
    found = place.get(parts[0])
    for part in parts[1:]:
        found = getattr(found, part, None)
    return found


def is_quickly_made(kind: type, place: dict[str, Any]) -> bool:
    """Return whether a class is a loss of PyTorch's, or a module's whose making calls only what makes tensors.

    So nothing is written, read or fetched.
    """
    if kind.__module__.startswith("torch.nn"):
        return kind.__name__.endswith("Loss")
    if kind.__module__ != place.get("__name__"):
        return False
    for owner in kind.__mro__:
        making = vars(owner).get("__init__")
        if not isinstance(making, FunctionType) or owner.__module__.startswith("torch."):
            continue
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(making)))
        except (OSError, SyntaxError):
            return False
        names = set(inspect.signature(making).parameters)
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and not is_of_module(node)]
        if not all(is_plain(node, names, making.__globals__) for node in calls):
            return False
    return True


def is_of_module(node: ast.Call) -> bool:
    """Return whether a call is ``super()``, that of the base, or one that keeps or moves a tensor of its own."""
    text = ast.unparse(node.func)
    moves = text.startswith("self.") and text.rpartition(".")[2] in ("register_buffer", *METHODS)
    return moves or text == "super" or (text.startswith("super(") and text.endswith(".__init__"))


def dotted(node: ast.expr) -> str:
    """Return a name with the dots in it; empty where it is none."""
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return getattr(node, "id", "")
