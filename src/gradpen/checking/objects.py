"""Objects of a class of penalties, where one can be made without knowing more."""

import re
from inspect import getsource, signature
from types import FunctionType
from typing import Any

from gradpen.checking.attributes import class_of
from gradpen.checking.conventions import Penalty
from gradpen.checking.initial_values import is_quickly_made
from gradpen.checking.roles import role_of
from gradpen.checking.stand_ins import WEIGHT
from gradpen.checking.surroundings import inner
from gradpen.errors import UsageError

OF_SELF = re.compile(r"\bself\.(\w+)")
LOSSES = ("loss", "penalty", "criterion", "regular")
"""parts of the names of classes whose objects are made for a method of theirs"""


def likely_arguments(kind: type) -> dict[str, float]:
    """Return what a class of penalties needs to be made, as far as it is a weight or a target."""
    known = {"weight": WEIGHT, "target": 1.0}
    needed = [name for name, one in signature(kind).parameters.items() if one.default is one.empty]
    return {name: known[role_of(name)] for name in needed if role_of(name) in known}


def of_an_object(function: Penalty) -> Penalty:
    """Return a method of a class of losses as one of an object, where one can be made; any other function as it is.

    So is a method that asks the object for a critic which it does not have.
    """
    kind = class_of(inner(function)) if isinstance(function, FunctionType) else None
    first = next(iter(signature(function).parameters), "")
    named = kind is not None and any(part in kind.__name__.lower() for part in LOSSES)
    if kind is None or first != "self" or not named or not is_quickly_made(kind, inner(function).__globals__):
        return function
    try:
        thing = kind(**likely_arguments(kind))
        asked = set(OF_SELF.findall(getsource(function)))
    except Exception:
        return function
    held = {*dir(kind), *vars(thing), *vars(thing).get("_modules", {}), *vars(thing).get("_parameters", {})}
    found: Penalty = getattr(thing, function.__name__, function)
    return function if any(role_of(name) == "critic" for name in asked - held) else found


def made(kind: type) -> Penalty:
    """Return an object of a class of penalties, made without arguments, or with a weight and a target.

    Raises:
        UsageError: it needs some.
    """
    try:
        thing: Any = kind(**likely_arguments(kind))
    except TypeError as error:
        raise UsageError(f"{kind.__name__} cannot be made without arguments ({error}); hand over an object") from error
    if not callable(thing):
        raise UsageError(f"objects of {kind.__name__} cannot be called; hand over a method")
    found: Penalty = thing
    return found
