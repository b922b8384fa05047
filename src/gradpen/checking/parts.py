"""What of a file is checked where no function is named: all that takes a gradient or trains with a penalty."""

import ast
from collections.abc import Iterator
from pathlib import Path

from gradpen.checking.loading import MAIN, main_loop_of, parsed
from gradpen.checking.loop_steps import called, within
from gradpen.checking.roles import penalised
from gradpen.checking.training_steps import SENDS
from gradpen.errors import UsageError
from gradpen.text import printable


def parts_of(source: str) -> list[str]:
    """Return what of a file is to be checked, as ``file.py:name`` each, in its order.

    Raises:
        UsageError: it cannot be read, is no Python, or takes no gradient.
    """
    tree = parsed(Path(source))
    found = [f"{source}:{name}" for name, function in functions_of(tree) if is_to_be_checked(function)]
    if main_loop_of(tree) is not None:
        found.append(f"{source}:{MAIN}")
    if not found:
        raise UsageError(
            f"{printable(source)} has no function that takes a gradient, and no loop that trains with a penalty; name "
            f"one, as in {printable(source)}:function"
        )
    return found


def functions_of(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    """Yield the functions of a file, and the methods of its classes, with their names."""
    for one in tree.body:
        if isinstance(one, ast.FunctionDef):
            yield one.name, one
        elif isinstance(one, ast.ClassDef):
            yield from ((f"{one.name}.{part.name}", part) for part in one.body if isinstance(part, ast.FunctionDef))


def is_to_be_checked(function: ast.FunctionDef) -> bool:
    """Return whether a function takes a gradient, or sends a loss backward that has a penalty in it."""
    names = set(called(within(function)))
    return "grad" in names or (bool(names & set(SENDS)) and any(map(penalised, names)))
