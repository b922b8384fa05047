"""What the objects of somebody else's class have, read off its source, since none is made."""

import ast
import functools
import inspect
import textwrap
import types
from collections.abc import Callable, Iterator
from typing import Any

from gradpen.checking.roles import penalised

CONSTANTS = (int, float, str, bool)
OWNER = "gradpen_owner"
"""where the loop of a method keeps the method's class"""


@functools.lru_cache(maxsize=64)
def names_in(kind: type | None) -> set[str]:
    """Return the names that the methods of a class look up."""
    methods = [one for one in vars(kind or object).values() if isinstance(one, types.FunctionType)]
    return {name for method in methods for name in method.__code__.co_names}


@functools.lru_cache(maxsize=64)
def made_later(kind: type | None) -> set[str]:
    """Return the attributes that an object has as None where it is made, and that its methods make if they are so."""
    try:
        sources = [
            inspect.getsource(one) for one in vars(kind or object).values() if isinstance(one, types.FunctionType)
        ]
        tree = ast.Module([part for each in sources for part in ast.parse(textwrap.dedent(each)).body], [])
    except (OSError, SyntaxError):
        return set()
    none = {
        target.attr
        for target, value in assignments(tree)
        if isinstance(target, ast.Attribute) and isinstance(value, ast.Constant) and value.value is None
    }
    asked = {
        node.left.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare) and isinstance(node.left, ast.Attribute) and isinstance(node.ops[0], ast.Is)
    }
    return none & asked


@functools.lru_cache(maxsize=64)
def constants_of(kind: type | None) -> dict[str, Any]:
    """Return the attributes that objects of a class have as numbers, words, True or False where they are made.

    None counts where it is the default of an argument, which is then meant; one that is assigned is set later.
    """
    found: dict[str, Any] = {}
    for place in reversed(kind.__mro__ if kind is not None else ()):
        found |= {
            name: value for name, value in vars(place).items() if type(value) in CONSTANTS and name[:2] != "__"
        } | constants_of_init(place)
    return found


def constants_of_init(kind: type) -> dict[str, Any]:
    """Return the constants that the making of an object assigns to its attributes, a penalty turned on."""
    try:
        method = vars(kind)["__init__"]
        tree = ast.parse(textwrap.dedent(inspect.getsource(method)))
        given = inspect.signature(method).parameters
    except (KeyError, TypeError, OSError, SyntaxError, ValueError):
        return {}
    usual = {
        name: True if one.default is False and penalised(name) else one.default
        for name, one in given.items()
        if one.default is None or type(one.default) in CONSTANTS
    }
    found = {}
    for target, value in assignments(tree):
        if not isinstance(target, ast.Attribute) or not isinstance(target.value, ast.Name):
            continue
        if isinstance(value, ast.Name) and value.id in usual:
            found[target.attr] = usual[value.id]
        elif isinstance(value, ast.Constant) and type(value.value) in CONSTANTS:
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


def class_of(function: Callable[..., Any]) -> type | None:
    """Return the class that a plain method was taken from without an object, or a loop of one; None for others."""
    found: Any = getattr(function, OWNER, None) or getattr(function, "__globals__", {}).get(
        getattr(function, "__qualname__", "").split(".")[0]
    )
    return found if isinstance(found, type) else None
