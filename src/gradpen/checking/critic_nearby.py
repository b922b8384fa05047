"""The critic that stands beside a penalty function in its file, where none was handed over to be looked at."""

import ast
import inspect
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from gradpen.checking.attributes import assignments, class_of
from gradpen.checking.conventions import Penalty
from gradpen.checking.finding import Finding
from gradpen.checking.loading import load_named
from gradpen.checking.roles import role_of
from gradpen.checking.surroundings import inner
from gradpen.checking.told_by_names import size_named
from gradpen.checking.trials import same_randomness
from gradpen.coupling import batch_norm_in
from gradpen.errors import UsageError

NO_CRITICS = ("loss", "penalty", "trainer", "wrapper")
"""parts of the names of classes that are about critics and none"""
EXAMPLES = (6, 3, 64, 64)
"""shape of a batch that a critic is made for, where it is to be told sizes"""
WIDTH = 8
"""of layers, where it is to be told"""
BATCH_NORM = "BatchNorm"
FLATTENS = ("view", "flatten", "reshape", "rearrange", "mean(", "permute")
"""what a critic of vectors has not in its source"""
REMEDY = "Take layer norm, torch.nn.GroupNorm(1, channels), or no norm."


@dataclass(frozen=True)
class Nearby:
    """A critic in the same file as a function."""

    name: str
    source: str
    module: nn.Module | None
    """none where it cannot be made"""

    def shapes(self) -> set[str]:
        """Return which examples it is for, as its first layers tell; none where they do not."""
        layers = list(self.module.modules()) if self.module is not None else []
        for kind, shape in ((nn.Conv3d, "volumes"), (nn.Conv2d, "images")):
            if any(isinstance(layer, kind) for layer in layers):
                return {shape}
        lines = [layer for layer in layers if isinstance(layer, nn.Conv1d)]
        if lines:
            return {"signals", "vectors"} if lines[0].in_channels == 1 else {"signals"}
        dense = any(isinstance(layer, nn.Linear) for layer in layers)
        other = any(isinstance(layer, nn.RNNBase | nn.Flatten | nn.MultiheadAttention) for layer in layers)
        return {"vectors"} if dense and not other and not any(word in self.source for word in FLATTENS) else set()

    def findings(self) -> Iterator[Finding]:
        """Yield whether it has batch norm, and whether it ends in a sigmoid."""
        layer, kind = batch_norm_in(self.module) if self.module is not None else ("", "")
        if kind:
            yield Finding(
                name="critic",
                verdict="wrong",
                found=f"{self.name} in the same file has batch norm: its layer {layer!r} is {kind}",
                expected="a score that depends on its own example alone",
                meaning="The penalty is on the gradient of each score with respect to its own example.",
                remedy=f"{REMEDY} If it is another critic that you penalise, hand it over as `critic`.",
            )
        elif self.module is None and BATCH_NORM in self.source:
            words = f"{self.name} in the same file may have batch norm, in which scores of examples hang together"
            yield Finding(
                name="critic", verdict="note", found=words, meaning="Hand it over as `critic` to be looked at."
            )
        elif self.module is not None and isinstance(list(self.module.modules())[-1], nn.Sigmoid):
            yield Finding(
                name="critic",
                verdict="note",
                found=f"{self.name} in the same file ends in a sigmoid",
                meaning="A Wasserstein critic ends without one: bounded scores cannot measure a distance.",
            )


def critic_near(function: Penalty) -> Nearby | None:
    """Return the critic that a function's object makes, or the only one in its file; None where there is none."""
    place = inner(function)
    try:
        path = Path(place.__code__.co_filename)
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (AttributeError, OSError, SyntaxError, ValueError):
        return None
    name = name_of_critic(tree, class_of(place))
    if name is None:
        return None
    return Nearby(name, source_of(classes_of(tree)[name]), made(path, name, place.__globals__.get(name)))


def source_of(one: ast.ClassDef) -> str:
    """Return the source of a class but for its methods that take a gradient: the penalty may be one."""
    body = [part for part in one.body if "autograd.grad(" not in ast.unparse(part)]
    return "\n".join(map(ast.unparse, body))


def classes_of(tree: ast.Module) -> dict[str, ast.ClassDef]:
    """Return the classes of a file by their names."""
    return {one.name: one for one in tree.body if isinstance(one, ast.ClassDef)}


def name_of_critic(tree: ast.Module, kind: type | None) -> str | None:
    """Return the class of the critic that a penalty in this file is of: what its object makes, or the only one."""
    classes = classes_of(tree)
    if kind is not None and kind.__name__ in classes:
        for target, value in assignments(classes[kind.__name__]):
            if isinstance(target, ast.Attribute) and role_of(target.attr) == "critic" and isinstance(value, ast.Call):
                return next((name for name in called(value) if name in classes), None)
        if issubclass(kind, nn.Module) and is_alone(classes[kind.__name__]):
            return kind.__name__
    found = [name for name, one in classes.items() if is_critic(one)]
    return found[0] if len(found) == 1 else None


def is_alone(one: ast.ClassDef) -> bool:
    """Return whether a class has a forward pass of examples alone, and no generator: the critic whose penalty it is."""
    names = {target.attr for target, _ in assignments(one) if isinstance(target, ast.Attribute)}
    forward = next((part for part in one.body if isinstance(part, ast.FunctionDef) and part.name == "forward"), None)
    if forward is None or any(role_of(name) == "generator" for name in names):
        return False
    return not any(role_of(argument.arg) in ("critic", "fake") for argument in forward.args.args)


def called(value: ast.expr) -> Iterator[str]:
    """Yield the names that an expression calls, the inmost last."""
    for node in ast.walk(value):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id


def is_critic(one: ast.ClassDef) -> bool:
    """Return whether a class is a critic: it is named so, and has a forward pass."""
    plain = one.name.lower()
    forward = any(isinstance(part, ast.FunctionDef) and part.name == "forward" for part in one.body)
    return forward and role_of(plain) == "critic" and not any(part in plain for part in NO_CRITICS)


def made(path: Path, name: str, found: Any) -> nn.Module | None:
    """Return a critic of a class, told whatever sizes it needs; None where it cannot be made."""
    try:
        kind = found if isinstance(found, type) else load_named(f"{path}:{name}")
        needed = [one for one in inspect.signature(kind).parameters.values() if one.default is one.empty]
        plain = [one for one in needed if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)]
    except (Exception, SystemExit, UsageError):
        return None
    module = None
    for widths in (WIDTH, (WIDTH, WIDTH)):
        with suppress(Exception, SystemExit), same_randomness(0):
            module = module or kind(**{one.name: told(one.name, widths) for one in plain})
    return module if isinstance(module, nn.Module) else None


def told(name: str, widths: int | tuple[int, ...]) -> Any:
    """Return what an argument of this name is told where a critic is made: a width or several where it says nothing."""
    if "shape" in name:
        return EXAMPLES[1:]
    if role_of(name) == "device":
        return torch.device("cpu")
    return size_named(name, EXAMPLES) or widths
