"""Objects that stand for what a function of somebody else's names and nothing defines: each is what its name says."""

import ast
import functools
import inspect
import textwrap
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gradpen.checking.roles import Role, role_of

WEIGHT = 10.0
"""of a penalty, where the function looks for one outside its arguments"""
LATENTS = 8
"""size of latents, where the function looks for one"""
TINY = 1e-12
"""below a root"""
PENALISED = ("gp", "penal", "wgan")
"""parts of the names of switches that are on"""
SECTIONS = ("model", "network", "net", "train", "training", "loss", "gan", "discriminator", "critic", "disc")
"""of parsed options, whose names are those of networks"""
CONSTANTS = (int, float, str, bool)


@dataclass(frozen=True, kw_only=True)
class Around:
    """What a function is to find around itself."""

    critic: nn.Module
    generator: nn.Module
    examples: dict[Role, Tensor]
    """data, samples and what else it may have kept in its object in place of taking it"""
    assumed: set[str]
    """what was made up, as it would be written"""
    guessed: set[str]
    """numbers whose names say nothing"""
    kept: set[Role]
    """which of the examples were taken out of an object"""
    kind: type | None = None
    """the class of a method that is called without an object"""
    unknown_scores: bool = False
    """whether what is called by a name that says nothing is the critic"""

    @property
    def batch(self) -> int:
        """Return how many examples there are."""
        return len(self.examples["real"])


class StandIn:
    """An object that has every attribute, each being what its name says: in place of ``self``, or of parsed options."""

    def __init__(self, around: Around, *, options: bool = False) -> None:
        self.__dict__.update(around_=around, other_={}, options_=options)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Score, as an object of a critic's class does."""
        return self.around_.critic(*arguments, **named)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in self.other_:
            found = self.own(name)
            if found is not None:
                return found
            if self.options_ and name.lower() in SECTIONS:
                return StandIn(self.around_, options=True)
            self.other_[name] = self.around_.critic if name == "forward" else stub(name, self.around_)
        return self.other_[name]

    def own(self, name: str) -> Any:
        """Return a method or a property of the object's class; None where it has none of this name."""
        if role_of(name) == "critic" or name == "forward":
            return None
        found = inspect.getattr_static(self.around_.kind, name, None)
        if isinstance(found, staticmethod):
            return found.__func__
        if isinstance(found, property) and found.fget is not None:
            return found.fget(self)
        return found.__get__(self) if isinstance(found, types.FunctionType) else None

    def __setattr__(self, name: str, value: Any) -> None:
        self.other_[name] = value

    def __getitem__(self, name: str) -> Any:
        return getattr(self, str(name))

    def __setitem__(self, name: str, value: Any) -> None:
        setattr(self, str(name), value)


class Unknown(StandIn):
    """Something whose name says nothing: it changes nothing, whatever is done with it.

    As a number it adds 0 and multiplies by 1, as a condition it does not hold, as a size it is that of the batch, and
    what it is called with comes back.
    """

    __array_ufunc__ = None

    def __init__(self, around: Around, name: str) -> None:
        super().__init__(around)
        self.__dict__.update(name_=name)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Return the first tensor it is given, or the scores of examples where it may be the critic."""
        first = next((one for one in (*arguments, *named.values()) if isinstance(one, Tensor)), self)
        real = self.around_.examples["real"]
        if self.around_.unknown_scores and isinstance(first, Tensor) and first.shape == real.shape:
            return self.around_.critic(*arguments, **named)
        return first

    def __enter__(self) -> "Unknown":
        return self

    def __exit__(self, *raised: object) -> None:
        """Let everything through."""

    def __bool__(self) -> bool:
        return False

    def __len__(self) -> int:
        return 0

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __index__(self) -> int:
        return int(self.around_.batch)

    def __float__(self) -> float:
        return 1.0

    def other(self, other: Any) -> Any:
        """Return what it is added to, or multiplied with."""
        self.around_.guessed.add(self.name_)
        return other

    def smaller(self, other: Any) -> bool:
        """Return that a comparison does not hold."""
        del other
        return False

    def negative(self, other: Any) -> Any:
        """Return what is left of it less something."""
        return -self.other(other)

    def inverse(self, other: Any) -> Any:
        """Return what it is over something."""
        return 1 / self.other(other)

    def itself(self) -> "Unknown":
        """Return the object: its negative is as unknown."""
        return self

    __neg__ = __pos__ = __abs__ = itself
    __add__ = __radd__ = __mul__ = __rmul__ = __rsub__ = __rtruediv__ = __rpow__ = __matmul__ = other
    __lt__ = __le__ = __gt__ = __ge__ = smaller
    __sub__, __truediv__ = negative, inverse


def stub(name: str, around: Around) -> Any:
    """Return what something of this name is likely to be, and note it."""
    role: Role = "batch" if name.strip("_").lower() == "b" else role_of(name)
    usual, assumed = constants_of(around.kind), around.assumed
    if role in ("critic", "generator") and usual.get(name) is None:
        return around.critic if role == "critic" else around.generator
    if role in around.examples:
        around.kept.add(role)
        return around.examples[role]
    if name in usual and role != "batch":
        assumed.add(f"{name} = {usual[name]!r}")
        return usual[name]
    known = {
        "weight": WEIGHT,
        "other weight": 0.0,
        "batch": around.batch,
        "size": LATENTS,
        "device": torch.device("cpu"),
        "switch": False,
        "target": 1.0,
    }
    if role == "switch" and name.endswith("ids"):
        return []
    if role == "switch" and any(part in name.lower() for part in PENALISED):
        return True
    if role == "epsilon" and "eps" in name.lower():
        return TINY
    if role in known:
        assumed.add(f"{name} = {known[role]}")
        return known[role]
    return StandIn(around, options=True) if role == "group" or name.isupper() else Unknown(around, name)


@functools.lru_cache(maxsize=64)
def constants_of(kind: type | None) -> dict[str, Any]:
    """Return the attributes that objects of a class have as numbers, words, True, False or losses where they are made.

    None counts where it is the default of an argument, which is then meant; one that is assigned is set later.
    """
    found: dict[str, Any] = {}
    for place in reversed(kind.__mro__ if kind is not None else ()):
        found |= {
            name: value for name, value in vars(place).items() if type(value) in CONSTANTS and name[:2] != "__"
        } | constants_of_init(place)
    return found


def constants_of_init(kind: type) -> dict[str, Any]:
    """Return the constants that the making of an object assigns to its attributes."""
    try:
        method = vars(kind)["__init__"]
        tree = ast.parse(textwrap.dedent(inspect.getsource(method)))
        given = inspect.signature(method).parameters
    except (KeyError, TypeError, OSError, SyntaxError, ValueError):
        return {}
    usual = {name: one.default for name, one in given.items() if one.default is None or type(one.default) in CONSTANTS}
    found = {}
    for target, value in assignments(tree):
        if not isinstance(target, ast.Attribute) or not isinstance(target.value, ast.Name):
            continue
        if isinstance(value, ast.Name) and value.id in usual:
            found[target.attr] = usual[value.id]
        elif isinstance(value, ast.Constant) and type(value.value) in CONSTANTS:
            found[target.attr] = value.value
        elif (loss := loss_of(value)) is not None:
            found[target.attr] = loss
    return found


def loss_of(value: ast.expr) -> nn.Module | None:
    """Return the loss of PyTorch's that an expression makes without arguments; None where it makes none."""
    if not isinstance(value, ast.Call) or value.args or value.keywords:
        return None
    name = value.func.attr if isinstance(value.func, ast.Attribute) else getattr(value.func, "id", "")
    kind = getattr(nn, name, None) if name.endswith("Loss") else None
    return kind() if isinstance(kind, type) else None


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
    """Return the class that a plain method was taken from without an object; None for others."""
    found: Any = getattr(function, "__globals__", {}).get(getattr(function, "__qualname__", "").split(".")[0])
    return found if isinstance(found, type) else None
