"""Examples of which shapes a function takes, and which of them it is for."""

import ast
import contextlib
import inspect
import math
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import replace
from inspect import Parameter
from types import CodeType

from gradpen.checking.attributes import class_of, constants_of
from gradpen.checking.calling import Convention, found_convention
from gradpen.checking.conventions import Penalty, conventions, signature_of
from gradpen.checking.finding import ORDER, Finding
from gradpen.checking.place_findings import PAIRS
from gradpen.checking.roles import role_of
from gradpen.checking.surroundings import code_of, globals_of, inner

Called = tuple[str, tuple[int, ...], int, Convention]
"""a shape by its name, an example's and the batch's size, and how the function is called on it"""
IMAGES = "images"
SHAPES: dict[str, tuple[int, ...]] = {
    IMAGES: (3, 5, 4),
    "vectors": (7,),
    "signals": (5, 9),
    "volumes": (2, 3, 4, 5),
}
"""examples of every rank; no side is as long as the batch, so that nothing fits by chance"""
FIXED: tuple[tuple[int, ...], ...] = ((3, 32, 32), (1, 28, 28), (3, 64, 64), (1, 32, 32), (784,), (2,))
"""sizes that public code is written for"""
BATCH = 6
PACK, PACKS = 4, range(2, 33)
"""examples that a critic sees together, where it is not said how many, and where it is"""
GUESS = "unknown numbers"
"""the name of what hangs on numbers whose names say nothing"""
VIEWS, MOST_VALUES = ("view", "reshape"), 50_000
LARGEST = 1024
"""batch that is tried where it is written in the code"""


def likeliest(called: list[Called], penalty: Penalty) -> list[Called]:
    """Return the shapes on which arguments are what they most likely stand for: another shape may run by a slip."""
    ranks = {roles: rank for rank, roles in reversed(list(enumerate(conventions(penalty))))}
    least = min((ranks[how.roles] for *_, how in called), default=0)
    return [one for one in called if ranks[one[-1].roles] == least]


def fitting_shapes(each: dict[str, list[Finding]], likely: str = "") -> dict[str, list[Finding]]:
    """Return what was found on the shapes that a function is for: those on which all could be judged, if there are any.

    A function of images may run on vectors or volumes too, and do there what nobody means: with the sum over axes 1, 2
    and 3 for one. So those of images count alone where they are right, and those on which more is wrong than on images
    do not count.

    Args:
        each: what was found on examples of several shapes.
        likely: a shape that it must be right on, so that those count alone on which it is right; empty: any.
    """
    # A share of signals, [N, 1, 1], meets every pair of vectors.
    each = {name: found for name, found in each.items() if all(one.name != PAIRS for one in found)} or each
    whole = {
        name: found
        for name, found in each.items()
        if not any(one.verdict == "not judged" and one.name != GUESS for one in found)
    }
    right = {name: found for name, found in (whole or each).items() if not any(one.verdict == "wrong" for one in found)}
    if right and (likely in {"", *right} or likely not in each):
        return right
    of_images = wrong_names((whole or each).get(likely, []))
    return {
        name: found for name, found in (whole or each).items() if not of_images or not wrong_names(found) > of_images
    }


def wrong_names(found: list[Finding]) -> set[str]:
    """Return what is wrong, by name."""
    return {one.name for one in found if one.verdict == "wrong"}


def together(each: dict[str, list[Finding]]) -> list[Finding]:
    """Return what was found on examples of several shapes, once each: what is wrong anywhere, and with what."""
    names = list(dict.fromkeys(one.name for found in each.values() for one in found))
    result = []
    for name in names:
        here = {shape: one for shape, found in each.items() for one in found if one.name == name}
        first = min(here.values(), key=lambda one: ORDER[one.verdict])
        where = [shape for shape, one in here.items() if one.verdict == first.verdict]
        some = first.verdict == "wrong" and len(where) < len(here)
        result.append(replace(first, found=f"{first.found} (of {', '.join(where)})") if some else first)
    return result


def callable_shapes(
    penalty: Penalty, shape: Sequence[int] | None, batch: int | None, *, whole: bool
) -> Iterator[tuple[str, tuple[int, ...], int, Convention | None, str]]:
    """Yield examples of what shapes the function takes, with how it is called, or why not."""
    batches = [batch] if batch is not None else [BATCH, *sizes_written(penalty)]
    pack = pack_of(penalty)
    if shape is not None:
        name, size = "x".join(map(str, shape)), (pack * shape[0], *shape[1:])
        for one in batches:
            convention, reason = found_convention(penalty, size, one, pack, whole=whole)
            yield name, size, one, convention, reason
            if convention is not None:
                return
        return
    some = False
    for name, size in (
        {f"packs of {pack} vectors": (pack * SHAPES["vectors"][0],)}.items() if pack > 1 else SHAPES.items()
    ):
        for one in batches:
            convention, reason = found_convention(penalty, size, one, pack, whole=whole)
            some = some or convention is not None
            yield name, size, one, convention, reason
            if convention is not None:
                break
    if some:
        return
    for size in (*shapes_written(penalty), *FIXED):
        for one in batches:
            convention, reason = found_convention(penalty, size, one, whole=whole)
            if convention is not None:
                yield "x".join(map(str, size)), size, one, convention, reason
                return


def pack_of(penalty: Penalty) -> int:
    """Return how many examples the critic sees together, where an argument or an attribute says so."""
    by_default = {name: one.default for name, one in signature_of(penalty).parameters.items()}
    sizes = {**constants_of(class_of(inner(penalty))), **by_default}
    found = [size for name, size in sizes.items() if role_of(name) == "pack"]
    return next(
        (PACK if size is Parameter.empty else size for size in found if size is Parameter.empty or size in PACKS), 1
    )


def sizes_written(penalty: Penalty) -> list[int]:
    """Return the sizes of batches that a function may be written for: what is named so, and numbers in its code."""
    place = getattr(inner(penalty), "__globals__", {})
    around = {name: place.get(name) for name in sorted(globals_of(inner(penalty)))}
    around |= getattr(getattr(penalty, "__self__", None), "__dict__", {})
    named = [found for name, found in around.items() if role_of(name) == "batch"]
    numbers = [number for code in code_of(penalty) for number in constants_in(code)]
    sizes = [size for size in named if type(size) is int and size > 1] + [
        size for size in numbers if type(size) is int and size > BATCH
    ]
    return [size for size in dict.fromkeys(sizes) if size <= LARGEST and size != BATCH]


def shapes_written(penalty: Penalty) -> list[tuple[int, ...]]:
    """Return the shapes of examples that a function is written for: what it views a batch as."""
    trees = []
    for code in code_of(penalty):
        with contextlib.suppress(TypeError, OSError, SyntaxError):
            trees.append(ast.parse(textwrap.dedent(inspect.getsource(code))))
    found = []
    for node in (one for tree in trees for one in ast.walk(tree)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in VIEWS:
            sides = [one.value for one in node.args[1:] if isinstance(one, ast.Constant) and type(one.value) is int]
            if len(sides) == len(node.args) - 1 >= 2 and min(sides) > 0 and math.prod(sides) <= MOST_VALUES:
                found.append(tuple(sides))
    return found


def constants_in(code: CodeType) -> Iterator[object]:
    """Yield the constants of some code, in tuples too."""
    for constant in code.co_consts:
        yield from constant if isinstance(constant, tuple) else (constant,)
