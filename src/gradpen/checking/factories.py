"""Functions that return the penalty as a function: both calls made one."""

import ast
import functools
import inspect
import textwrap
from typing import Any

from gradpen.checking.conventions import Penalty, needed
from gradpen.checking.surroundings import inner


def as_one_call(function: Penalty) -> Penalty:
    """Return a function of all that a factory and the penalty it makes are given; any other function as it is.

    >>> def make(weight):
    ...     def penalty(critic, real, fake):
    ...         return weight
    ...
    ...     return penalty
    >>> list(inspect.signature(as_one_call(make)).parameters)
    ['weight', 'critic', 'real', 'fake']
    """
    made = names_of_product(function)
    if made is None:
        return function
    first = needed(function)

    @functools.wraps(function)
    def whole(*arguments: Any) -> Any:
        return function(*arguments[: len(first)])(*arguments[len(first) :])

    one = inspect.Parameter.POSITIONAL_OR_KEYWORD
    names = dict.fromkeys([*(each.name for each in first), *made])
    whole.__signature__ = inspect.Signature([inspect.Parameter(name, one) for name in names])  # type: ignore[attr-defined]
    return whole if len(names) == len(first) + len(made) else function


def names_of_product(function: Penalty) -> list[str] | None:
    """Return the arguments of the function that a function defines and returns; None where it does not."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(inner(function)))).body[0]
    except (TypeError, OSError, SyntaxError, IndexError):
        return None
    if not isinstance(tree, ast.FunctionDef):
        return None
    last = tree.body[-1]
    returned = last.value if isinstance(last, ast.Return) else None
    inside = {one.name: one for one in tree.body if isinstance(one, ast.FunctionDef)}
    made = inside.get(returned.id) if isinstance(returned, ast.Name) else returned
    if not isinstance(made, ast.FunctionDef | ast.Lambda):
        return None
    given = made.args.args
    return [one.arg for one in given[: len(given) - len(made.args.defaults)]]
