"""A function or class of somebody else's, by import path or out of a file, of which only what it needs is run."""

import __future__

import ast
import builtins
import importlib
import importlib.util
import inspect
import os
import symtable
import sys
from collections.abc import Callable, Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any
from unittest.mock import patch

from torch import nn

from gradpen.checking.loop_steps import called, step_of
from gradpen.errors import UsageError
from gradpen.text import did_you_mean, printable

Statement = ast.stmt
BASE, DECORATOR, DEFAULT = "gradpen_base_of", "gradpen_decorator_of", "gradpen_default_of"
OPTIONS = ("EasyDict", "CfgNode", "ConfigDict", "AttrDict", "Munch", "DotMap", "Dict")
"""what packages of options call a dictionary whose entries are attributes too"""
MAIN = "__main__"
"""what a script does where it is run"""
NESTED = "gradpen_nested"
"""name of a function that was inside another"""
SET_UP = ("add_argument",)
"""calls that belong to an object that was assigned"""


def load_named(source: str) -> Any:
    """Return what ``package.module:name`` or ``path/file.py:name`` names, a method as ``Class.method``.

    A module is imported, which runs it. Of a file only the function and what it needs are run: imports, other functions
    and classes, assignments of the names that it uses. So a script that trains when it is started does not train.

    Raises:
        UsageError: there is no such module, file or name, or it cannot be loaded.
    """
    place, colon, name = source.rpartition(":")
    if not colon or not place or not name:
        raise UsageError(f"'{printable(source)}': expected package.module:function, or path/file.py:function")
    found = from_file(Path(place), name) if place.endswith(".py") else from_module(place)
    whole, first = found, name.split(".")[0]
    for part in [NESTED] if hasattr(found, NESTED) else name.split("."):
        try:
            found = getattr(found, mangled(found, part))
        except AttributeError:
            known = [one for one in dir(whole) if not one.startswith("_")]
            raise UsageError(
                f"there is no '{printable(name)}' in {printable(place)}{did_you_mean(first, known)}"
            ) from None
    if getattr(found, "__qualname__", "") == NESTED:
        found.__qualname__ = name
    return found


def mangled(place: Any, name: str) -> str:
    """Return the name that Python keeps a private one of a class under.

    >>> mangled(Path, "__private"), mangled(Path, "exists"), mangled(Path, "__call__")
    ('_Path__private', 'exists', '__call__')
    """
    private = isinstance(place, type) and name.startswith("__") and not name.endswith("__")
    return f"_{place.__name__.lstrip('_')}{name}" if private else name


def parsed(path: Path) -> ast.Module:
    """Return the syntax tree of a file.

    Raises:
        UsageError: it cannot be read, or is no Python.
    """
    try:
        return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{printable(path)} cannot be read ({error})") from error
    except (SyntaxError, ValueError) as error:
        raise UsageError(f"{printable(path)} is no Python of version {sys.version_info[0]}: {error}") from error


def is_plain(statement: Statement) -> bool:
    """Return whether a statement of a script defines something, or names a number or a loss.

    The rest makes networks, and data, which may be fetched: they are made up by their names.
    """
    if isinstance(statement, ast.Assign | ast.AnnAssign):
        return all(name.endswith("Loss") and hasattr(nn, name) for name in called(ast.walk(statement)))
    return isinstance(statement, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)


def main_loop_of(tree: ast.Module) -> ast.FunctionDef | None:
    """Return the step of the loop that a script trains in where it is run, as a function; None where it has none."""
    defined = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    step = step_of(ast.Module([one for one in tree.body if not isinstance(one, defined)], []))
    if step is not None:
        step.name = NESTED
    return step


def from_module(name: str) -> Any:
    """Import a module; the current folder is looked in, as ``python -m`` does.

    Raises:
        UsageError: it cannot be imported.
    """
    sys.path.insert(0, "")
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        raise UsageError(
            f"{printable(name)} cannot be imported ({type(error).__name__}: {printable(error)}); to run no more of a "
            f"script than a function needs, name its file: path/file.py:function"
        ) from error
    finally:
        sys.path.remove("")


def from_file(path: Path, name: str) -> Any:
    """Return a module of what a name in a file needs.

    Raises:
        UsageError: the file cannot be read, is no Python, or has no such name.
    """
    tree = parsed(path)
    loop = main_loop_of(tree) if name == MAIN else None
    if loop is not None:
        tree.body = [*filter(is_plain, tree.body), loop]
        name = loop.name
    first = name.split(".")[0]
    defined = {one for statement in tree.body for one in names_of(statement)}
    if first not in defined:
        raise UsageError(f"{printable(path)} defines no '{printable(first)}'{did_you_mean(first, sorted(defined))}")
    nested = nested_in(tree, name)
    if nested is not None:
        tree.body.append(nested)
        first = nested.name
    tree.body = needed(tree.body, first)
    loader = PartLoader("checked_" + path.stem, str(path), tree)
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    setattr(module, BASE, base_of)
    setattr(module, DECORATOR, decorator_of)
    setattr(module, DEFAULT, default_of)
    for options in names_of_options(tree.body):
        setattr(module, options, Options)
    folder, before = str(path.parent.resolve()), set(sys.modules)
    sys.path.insert(0, folder)
    try:
        # A script that reads its options finds none, and takes the usual ones.
        sys.modules[loader.name] = module
        with patch.object(sys, "argv", [str(path)]):
            loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise UsageError(
            f"what '{printable(name)}' needs of {printable(path)} cannot be run: {type(error).__name__}: "
            f"{printable(error)}"
        ) from error
    finally:
        sys.path.remove(folder)
        for one in [one for one, held in sys.modules.items() if one not in before and is_below(held, folder)]:
            del sys.modules[one]  # another folder may have another module of this name
        sys.modules.pop(loader.name, None)
    return module


def is_below(module: Any, folder: str) -> bool:
    """Return whether a module lies in a folder."""
    return str(getattr(module, "__file__", None) or "").startswith(folder + os.sep)


class PartLoader(SourceFileLoader):
    """Runs some statements of a file, each on its own: one that fails leaves its names undefined."""

    def __init__(self, name: str, path: str, tree: ast.Module) -> None:
        super().__init__(name, path)
        self.tree = tree

    def get_code(self, fullname: str) -> CodeType:
        """Return the code of the statements."""
        del fullname
        body = [self.tried(one) for statement in self.tree.body for one in one_by_one(statement)]
        whole = ast.fix_missing_locations(ast.Module(body=body, type_ignores=[]))
        # What annotations name may be of a package that is missing, and is not asked for.
        unasked = __future__.annotations.compiler_flag
        found: CodeType = compile(whole, self.path, "exec", flags=unasked, dont_inherit=True)
        return found

    def tried(self, statement: Statement) -> Statement:
        """Return a statement that may fail, if it is no definition: data that are missing, options of a script."""
        if isinstance(statement, ast.ClassDef):
            statement.bases = [found_by(BASE, base) for base in statement.bases]
            assigned = ast.Assign | ast.AnnAssign | ast.Expr
            tried = assigned | ast.FunctionDef | ast.AsyncFunctionDef
            statement.body = [self.tried(one) if isinstance(one, tried) else one for one in statement.body]
        if isinstance(statement, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            statement.decorator_list = [found_by(DECORATOR, one) for one in statement.decorator_list]
            for given in [node for node in ast.walk(statement) if isinstance(node, ast.arguments)]:
                given.defaults = [found_by(DEFAULT, one) for one in given.defaults]
                given.kw_defaults = [one if one is None else found_by(DEFAULT, one) for one in given.kw_defaults]
            return statement
        caught = ast.Tuple(elts=[ast.Name("Exception", ast.Load()), ast.Name("SystemExit", ast.Load())], ctx=ast.Load())
        handler = ast.ExceptHandler(type=caught, name=None, body=[ast.Pass()])
        return ast.Try(body=[statement], handlers=[handler], orelse=[], finalbody=[])


def one_by_one(statement: Statement) -> list[Statement]:
    """Return an import of several modules as one of each, since some may be missing; any other statement as it is."""
    if isinstance(statement, ast.Import):
        return [ast.Import(names=[alias]) for alias in statement.names]
    return [statement]


def found_by(function: str, wanted: ast.expr) -> ast.expr:
    """Return an expression as a function finds it, which may find another thing where its package is missing."""
    nothing = ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])
    return ast.Call(func=ast.Name(function, ast.Load()), args=[ast.Lambda(args=nothing, body=wanted)], keywords=[])


def base_of(found: Callable[[], Any]) -> Any:
    """Return a base class, or an empty module of PyTorch's where there is none."""
    try:
        return found()
    except (NameError, AttributeError):
        return type("StandIn", (nn.Module,), {})


def decorator_of(found: Callable[[], Any]) -> Any:
    """Return a decorator, or one that changes nothing where there is none."""
    try:
        return found()
    except (NameError, AttributeError):
        return lambda decorated: decorated


def default_of(found: Callable[[], Any]) -> Any:
    """Return the default of an argument, or none where what it names is missing: the argument is then needed."""
    try:
        return found()
    except (NameError, AttributeError):
        return inspect.Parameter.empty


class Options(dict[str, Any]):
    """A dictionary whose entries are attributes too, where a package that has one is missing."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value


def names_of_options(body: list[Statement]) -> Iterator[str]:
    """Yield the names under which dictionaries of options are imported."""
    for statement in body:
        if isinstance(statement, ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in statement.names if alias.name in OPTIONS)


def needed(body: list[Statement], name: str) -> list[Statement]:
    """Return the statements that define a name, and what those use, in their order."""
    wanted, seen = [name], {name}
    kept: set[int] = set()
    while wanted:
        one = wanted.pop()
        for place, statement in enumerate(body):
            if place in kept or not (one in names_of(statement) or sets_up(statement, one)):
                continue
            kept.add(place)
            more = used_by(statement) - seen - set(dir(builtins))
            seen |= more
            wanted += sorted(more)
    # Star imports may bring anything.
    kept |= {place for place, one in enumerate(body) if isinstance(one, ast.ImportFrom) and one.names[0].name == "*"}
    return [body[place] for place in sorted(kept)]


def nested_in(tree: ast.Module, name: str) -> ast.FunctionDef | None:
    """Return a function inside a function, named as outer.inner, as one of the module; None for other names.

    What it takes of the function around it, it looks up as globals then.
    """
    outer, _, wanted = name.partition(".")
    around = next((one for one in tree.body if isinstance(one, ast.FunctionDef) and one.name == outer), None)
    inside = [one for one in ast.walk(around or ast.Module([], [])) if isinstance(one, ast.FunctionDef)]
    found = next((one for one in inside if one.name == wanted), None)
    if found is None:
        return None
    found.name = NESTED
    return found


def names_of(statement: Statement) -> Iterator[str]:
    """Yield the names that a statement defines."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
        yield statement.name
    elif isinstance(statement, ast.Import | ast.ImportFrom):
        for alias in statement.names:
            yield alias.asname or alias.name.split(".")[0]
    elif isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        for target in targets:
            yield from (node.id for node in ast.walk(target) if isinstance(node, ast.Name))
    elif isinstance(statement, ast.If | ast.Try):
        for inner in ast.iter_child_nodes(statement):
            if isinstance(inner, ast.stmt):
                yield from names_of(inner)


def sets_up(statement: Statement, name: str) -> bool:
    """Return whether a statement is a call that sets up an object of this name, as parser.add_argument."""
    if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Call):
        return False
    function = statement.value.func
    return (
        isinstance(function, ast.Attribute)
        and function.attr in SET_UP
        and isinstance(function.value, ast.Name)
        and function.value.id == name
    )


def used_by(statement: Statement) -> set[str]:
    """Return the globals that a statement looks up, in the functions inside it too."""
    table = symtable.symtable(ast.unparse(statement), "statement", "exec")
    found = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_referenced()}
    waiting = table.get_children()
    while waiting:
        inner = waiting.pop()
        found |= {symbol.get_name() for symbol in inner.get_symbols() if symbol.is_global()}
        waiting += inner.get_children()
    return found
