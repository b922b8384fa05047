"""The step inside a training loop, as a function of its own: the penalty of many scripts stands in their loop."""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterable, Iterator
from types import CodeType, FunctionType
from typing import Any

from torch import Tensor

from gradpen.checking.attributes import OWNER, class_of
from gradpen.checking.roles import SAMPLED, penalised, role_of
from gradpen.checking.surroundings import inner
from gradpen.checking.training_steps import SENDS

STEP, BATCH = "gradpen_step", "one_of_the_loader"
"""names of the function, and of what a loop takes from its loader"""
Loop = ast.For | ast.While
Owner = ast.For | ast.While | ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef


def step_in(function: Callable[..., Any]) -> Callable[..., Any] | None:
    """Return the step of the loop inside a function that trains with a penalty; None where it has no such loop.

    What it takes of the function around it, it looks up as globals, which are made up by their names.
    """
    plain: Any = inner(function)
    try:
        lines, first = inspect.getsourcelines(plain)
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (TypeError, OSError, SyntaxError):
        return None
    step = step_of(tree)
    if step is None:
        return None
    ast.increment_lineno(step, first - 1)
    try:
        module = compile(ast.fix_missing_locations(ast.Module([step], [])), plain.__code__.co_filename, "exec")
    except SyntaxError:
        return None
    code = next(one for one in module.co_consts if isinstance(one, CodeType))
    found = FunctionType(code, plain.__globals__)
    setattr(found, OWNER, class_of(plain))
    found.__qualname__ = f"the loop of {plain.__qualname__} in line {step.lineno}"
    return found


def step_of(tree: ast.AST) -> ast.FunctionDef | None:
    """Return the body of the first loop that takes a penalty and sends a loss backward, as a function."""
    loop = next((one for one in ast.walk(tree) if isinstance(one, Loop) and is_step(one)), None)
    if loop is None:
        return None
    nothing = ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])
    body: list[ast.stmt] = [AsAFunction().visit(one) for one in loop.body]
    taken = [] if isinstance(loop, ast.While) else [one for one in ast.walk(loop.target) if isinstance(one, ast.Name)]
    for target in taken:
        if is_taken_apart(target.id, body):
            body.insert(0, ast.Assign(targets=[target], value=ast.Name(BATCH, ast.Load())))
    outside = sorted(of_outside(body))
    if outside:
        body.insert(0, ast.Global(names=outside))
    step = ast.FunctionDef(name=STEP, args=nothing, body=body, decorator_list=[])
    return ast.fix_missing_locations(ast.copy_location(step, loop))


def within(owner: ast.AST, *, loops: bool = True) -> Iterator[ast.AST]:
    """Yield all that is inside something, but for functions in it, and for loops in it if they are not asked for."""
    for child in ast.iter_child_nodes(owner):
        if isinstance(child, Owner) and not (loops and isinstance(child, Loop)):
            continue
        yield child
        yield from within(child, loops=loops)


def is_step(loop: Loop) -> bool:
    """Return whether a loop sends a loss backward itself, and takes a gradient or a penalty."""
    sends = any(name in SENDS for name in called(within(loop, loops=False)))
    return sends and any(name == "grad" or penalised(name) for name in called(within(loop, loops=False)))


def called(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield the names of what is called."""
    for node in nodes:
        if isinstance(node, ast.Call):
            function = node.func
            yield function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def of_outside(body: list[ast.stmt]) -> set[str]:
    """Return the names that a loop's body assigns, and that have a value before it does."""
    first: dict[str, bool] = {}
    stored = set()
    for node in (each for statement in body for each in as_run(statement)):
        loads = isinstance(node.ctx, ast.Load)
        first.setdefault(node.id, loads)
        stored |= set() if loads else {node.id}
    return {name for name in stored if first[name]}


def as_run(node: ast.AST) -> Iterator[ast.Name]:
    """Yield the names in something in the order in which they are looked up and assigned."""
    if isinstance(node, ast.Name):
        yield node
        return
    if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
        yield ast.Name(node.target.id, ast.Load())
    parts = list(ast.iter_child_nodes(node))
    if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign) and node.value is not None:
        parts.sort(key=lambda part: part is not node.value)
    elif isinstance(node, ast.For):
        parts.sort(key=lambda part: part is not node.iter)
    for part in parts:
        yield from as_run(part)


def is_taken_apart(name: str, body: list[ast.stmt]) -> bool:
    """Return whether what a loop takes from its loader is unpacked or indexed in it: a batch with its labels.

    Not so where it is asked first whether it is a tuple, or how long, and its name says that it is data.
    """
    alone = role_of(name) in SAMPLED
    for node in (one for statement in body for one in walked(statement, name if alone else "")):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple) and is_named(node.value, name):
            return True
        if isinstance(node, ast.Subscript) and is_named(node.value, name):
            return True
    return False


def walked(node: ast.AST, name: str) -> Iterator[ast.AST]:
    """Yield a node and all in it, but for what hangs on what a name is: isinstance(data, tuple), len(data) == 2."""
    if isinstance(node, ast.If | ast.IfExp) and any(asks_of(one, name) for one in ast.walk(node.test)):
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from walked(child, name)


def asks_of(node: ast.AST, name: str) -> bool:
    """Return whether a call asks what a name is, or how long."""
    if not isinstance(node, ast.Call) or not node.args or not isinstance(node.func, ast.Name):
        return False
    return node.func.id in ("isinstance", "len") and is_named(node.args[0], name)


def taken_apart(function: Any) -> set[str]:
    """Return the arguments of a function that are batches of data and labels: unpacked, or indexed."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    except (TypeError, OSError, SyntaxError, IndexError):
        return set()
    if not isinstance(tree, ast.FunctionDef):
        return set()
    return {one.arg for one in tree.args.args if is_a_batch(one.arg, tree)}


def is_a_batch(name: str, function: ast.FunctionDef) -> bool:
    """Return whether an argument is unpacked, indexed by 0 and 1 or by names, or has attributes that no tensor has."""
    found = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple) and is_named(node.value, name):
            return True
        if isinstance(node, ast.Subscript) and is_named(node.value, name) and isinstance(node.slice, ast.Constant):
            found.add(node.slice.value)
        if isinstance(node, ast.Attribute) and is_named(node.value, name) and not hasattr(Tensor, node.attr):
            return name not in ("self", "cls") and role_of(name) in (*SAMPLED, "batch", "scores", "unknown")
    return {0, 1} <= found or any(isinstance(one, str) for one in found)


def is_named(node: ast.AST, name: str) -> bool:
    """Return whether an expression is this name."""
    return isinstance(node, ast.Name) and node.id == name


class AsAFunction(ast.NodeTransformer):
    """Makes of what leaves or goes on with a loop a return, and of assignments with a type ones without."""

    def __init__(self) -> None:
        self.deep = 0
        """loops inside"""

    def visit_Break(self, node: ast.Break) -> ast.AST:
        """Return in its place."""
        return node if self.deep else ast.copy_location(ast.Return(), node)

    def visit_Continue(self, node: ast.Continue) -> ast.AST:
        """Return in its place."""
        return node if self.deep else ast.copy_location(ast.Return(), node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        """Leave the annotation out: a name that is one of outside has none."""
        if node.value is None:
            return ast.copy_location(ast.Pass(), node)
        return ast.copy_location(ast.Assign(targets=[node.target], value=node.value), node)

    def visit_For(self, node: ast.For) -> ast.AST:
        """Leave what leaves a loop inside."""
        return self.inside(node)

    def visit_While(self, node: ast.While) -> ast.AST:
        """Leave what leaves a loop inside."""
        return self.inside(node)

    def inside(self, loop: Loop) -> ast.AST:
        """Go on in a loop inside, whose breaks are its own."""
        self.deep += 1
        self.generic_visit(loop)
        self.deep -= 1
        return loop
