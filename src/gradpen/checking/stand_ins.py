"""Objects that stand for what a function of somebody else's names and nothing defines: each is what its name says."""

import inspect
import sys
import types
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import torch
from torch import Tensor

from gradpen.checking.around import Around
from gradpen.checking.attributes import constants_of, made_later, names_in
from gradpen.checking.initial_values import initial_value
from gradpen.checking.made_up_losses import OF_LOSSES, made_up_loss
from gradpen.checking.roles import SIDES, Role, is_a_picture, penalised, role_of
from gradpen.checking.scores import scores_of
from gradpen.checking.told_by_names import KINDS, kind_among, size_named
from gradpen.checking.training_steps import SENDS, assigned_to, is_called, parts_after, unpacked_into

WEIGHT = 10.0
"""of a penalty, where the function looks for one outside its arguments"""
LATENTS = 8
"""size of latents, where the function looks for one"""
TINY = 1e-12
"""below a root"""
SECTIONS = ("model", "network", "net", "train", "training", "loss", "gan", "discriminator", "critic", "disc")
"""of parsed options, whose names are those of networks"""
ONES = {"one": 1.0, "mone": -1.0, "minus_one": -1.0, "neg_one": -1.0}
"""what scores are sent backward with"""
RECORDS = ("loss", "history", "log", "metric", "stat")
"""parts of the names of what keeps numbers under the names of networks"""
NUMERIC = ("mean", "sum", "sqrt", "square", "abs", "exp", "log", "norm", "relu", "maximum", "cat", "ones_like")
"""functions that another library has under the names that PyTorch has them"""
WEIGHTS_OF = ("parameters", "named_parameters")
"""of an object that holds the critic: its weights"""
COMPARING = ("gt", "ge", "lt", "le", "eq", "ne", "__gt__", "__ge__", "__lt__", "__le__", "__eq__", "__ne__")
"""functions of PyTorch that compare"""
SIZED = (
    "view",
    "reshape",
    "expand",
    "repeat",
    "rand",
    "randn",
    "zeros",
    "ones",
    "empty",
    "full",
    "arange",
    "randint",
    "randperm",
    "chunk",
    "split",
    "__getitem__",
)
"""functions of PyTorch that take sizes"""
COUNTS = ("batch", "size")
"""roles that are sizes"""
HEADS = ("head", "amp_linear")
"""last layers of a critic that is asked in two parts"""
MARKS = {"real_label": 1.0, "fake_label": 0.0}
"""what scores of data and of samples are to be"""
ELSEWHERE = ("cuda", "cpu")
"""methods that put something on another device"""
TYPES = {"Tensor": torch.FloatTensor, "FloatTensor": torch.FloatTensor, "LongTensor": torch.LongTensor}
"""types of arrays that objects keep, by the device that they are on"""
DRAWN = {"uniform": torch.rand, "normal": torch.randn}


class StandIn:
    """An object that has every attribute, each being what its name says: in place of ``self``, or of parsed options."""

    def __init__(self, around: Around, *, options: bool = False) -> None:
        self.__dict__.update(around_=around, other_={}, options_=options)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Score, as an object of a critic's class does, or make samples, as one that holds a generator."""
        forward = inspect.getattr_static(self.around_.kind, "forward", None)
        if isinstance(forward, types.FunctionType) and any(
            role_of(one) == "generator" for one in forward.__code__.co_names
        ):
            return forward(self, *arguments, **named)
        return self.around_.critic(*arguments, **named)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in (*SENDS, "step"):
            return self.around_.steps.end if name == "step" else self.around_.steps.send
        if name in WEIGHTS_OF:
            return getattr(self.around_.critic, name)
        called = is_called(sys._getframe(1))
        if name in ELSEWHERE and called:
            return lambda *given, **_: next((one for one in given if isinstance(one, Tensor)), self)
        if name not in self.other_:
            found = self.own(name)
            if found is not None:
                return found
            if self.options_ and name.lower() in SECTIONS:
                return StandIn(self.around_, options=True)
            self.other_[name] = self.around_.critic if name == "forward" else stub(name, self.around_, called=called)
        return called_or_not(self.other_[name], called)

    def own(self, name: str) -> Any:
        """Return a method or a property of the object's class; None where it has none of this name."""
        if self.options_ or role_of(name) == "critic" or name == "forward":
            return None
        found = inspect.getattr_static(self.around_.kind, name, None)
        if isinstance(found, staticmethod):
            return found.__func__
        if isinstance(found, property) and found.fget is not None:
            return found.fget(self)
        if isinstance(found, types.FunctionType):
            return found.__get__(self)
        if role_of(name) in (*self.around_.examples, *SIDES):
            return None  # it is filled with examples later
        made = initial_value(self.around_.kind, name, self, lambda given: stub(given, self.around_))
        if made is not None:
            self.other_[name] = made
        return made

    def __setattr__(self, name: str, value: Any) -> None:
        self.other_[name] = value

    def __getitem__(self, name: Any) -> Any:
        if type(name) is int and not self.options_:  # a batch of data and labels, as a loader gives it
            return self.around_.examples["labels" if name == 1 else "real"]
        key = str(name)
        if self.options_ or key in self.other_:
            return getattr(self, key)
        name = getattr(self, "name_", "")
        kept = any(part in name for part in RECORDS)
        return self.other_.setdefault(key, Unknown(self.around_, f"{name}.{key}") if kept else stub(key, self.around_))

    def __setitem__(self, name: str, value: Any) -> None:
        setattr(self, str(name), value)


class Unknown(StandIn):
    """Something whose name says nothing: it changes nothing, whatever is done with it.

    As a number it adds 0 and multiplies by 1, as a condition it does not hold, as a size it is that of the batch, and
    what it is called with comes back.
    """

    def __init__(self, around: Around, name: str) -> None:
        super().__init__(around)
        self.__dict__.update(name_=name)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Return the first tensor it is given, or the scores of examples where it may be the critic."""
        caller = sys._getframe(1)
        if parts_after(caller.f_code, caller.f_lasti):
            return self
        first = first_tensor(arguments, named, self)
        if named.get("requires_grad") is True and isinstance(first, Tensor):
            return first.detach().requires_grad_(True)
        if self.name_ in DRAWN and arguments and isinstance(arguments[0], tuple | list):
            return DRAWN[self.name_](arguments[0])
        if self.name_ in NUMERIC and arguments and isinstance(arguments[0], Tensor):
            return getattr(torch, self.name_)(*arguments, **{"dim" if n == "axis" else n: v for n, v in named.items()})
        if first is self:
            return self.assigned(caller)
        if (made_up := self.as_usual(arguments, named)) is not None:
            return made_up
        real = self.around_.examples["real"]
        if self.around_.unknown_scores and isinstance(first, Tensor) and first.shape == real.shape:
            return self.around_.critic(*arguments, **named)
        if first.dim() > 1 and len(getattr(self.around_.critic, "calls", ())) > 0:
            self.around_.notes.passed.add(self.name_)
        return first

    def as_usual(self, arguments: tuple[Any, ...], named: dict[str, Any]) -> Tensor | None:
        """Return what a loss of scores of this name is likely to be; None where it is none."""
        found = made_up_loss(self.name_, arguments, named)
        if found is not None:
            self.around_.notes.assumed.add(f"{self.name_}() = {found[1]}")
            return found[0]
        if any(part in self.name_.lower() for part in OF_LOSSES):
            first = next(one for one in (*arguments, *named.values()) if isinstance(one, Tensor))
            self.around_.notes.losses.add(self.name_)
            return 0 * first.float().mean()
        return None

    def own(self, name: str) -> Any:
        """Return a method or a property of the object's class, where this is the object that a loop stands in."""
        return super().own(name) if self.name_ == "self" else None

    def __enter__(self) -> "Unknown":
        return self

    def __exit__(self, *raised: object) -> None:
        """Let everything through."""

    def __bool__(self) -> bool:
        return False

    def __len__(self) -> int:
        return 0

    def __next__(self) -> Any:
        return self.assigned(sys._getframe(1))

    def assigned(self, frame: FrameType) -> Any:
        """Return examples or a size where what is asked for is assigned to a name that tells which; else the object."""
        name = assigned_to(frame)
        return stub(name, self.around_) if role_of(name) in (*self.around_.examples, *COUNTS) else self

    def __iter__(self) -> Iterator[Any]:
        return iter([stub(name, self.around_) for name in unpacked_into(sys._getframe(1))])

    def __iadd__(self, other: Any) -> Any:  # type: ignore[misc]
        return self.other(other) if isinstance(other, Tensor) else self  # a count, or a sum to be shown

    def __mod__(self, other: Any) -> int:
        return 0

    def __index__(self) -> int:
        return int(self.around_.batch)

    def __float__(self) -> float:
        return 1.0

    def __array_ufunc__(self, function: Any, way: str, *inputs: Any, **named: Any) -> Any:
        """Take part in a function of NumPy, as what stands beside it, or as 1."""
        del function, way, named
        return self.other(next((one for one in inputs if not isinstance(one, Unknown)), 1.0))

    def other(self, other: Any) -> Any:
        """Return what it is added to, or multiplied with: as many times as is tried."""
        self.around_.notes.guessed.add(self.name_)
        known = isinstance(other, Tensor | float | int)
        return other * self.around_.times if known and self.around_.times != 1 else other

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

    @classmethod
    def __torch_function__(
        cls, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Take part in a function of PyTorch: as a size it is the batch's, else what stands beside it comes back."""
        del types
        flat = [part for one in args for part in (one if isinstance(one, tuple | list) else (one,))]
        unknown = next((one for one in (*flat, *(kwargs or {}).values()) if isinstance(one, cls)), None)
        if unknown is None or func.__name__ in COMPARING:
            return False
        if func.__name__ in SIZED:
            known = {name: one for name, one in (kwargs or {}).items() if name != "generator"}
            return func(*map(as_size, args), **{name: as_size(one) for name, one in known.items()})
        return unknown.other(next((one for one in flat if isinstance(one, Tensor)), unknown))

    __neg__ = __pos__ = __abs__ = itself
    __add__ = __radd__ = __mul__ = __rmul__ = __rsub__ = __rtruediv__ = __rpow__ = __matmul__ = other
    __lt__ = __le__ = __gt__ = __ge__ = smaller
    __sub__, __truediv__ = negative, inverse


def as_size(found: Any) -> Any:
    """Return a size, or several, with the batch's in place of unknown ones."""
    if isinstance(found, tuple | list):
        return type(found)(map(as_size, found))
    return int(found.around_.batch) if isinstance(found, Unknown) else found


def giving(found: Any) -> Callable[..., Any]:
    """Return a function that gives what a name stands for, where it is called: self.latents(64)."""

    def give(*arguments: Any, **named: Any) -> Any:
        del arguments, named
        return found

    return give


def moving(found: torch.device | bool) -> Callable[..., Any]:
    """Return a function that hands back a tensor it is given, as to_device(x), and without one what a name is for."""

    def move(*arguments: Any, **named: Any) -> Any:
        return first_tensor(arguments, named, found)

    return move


def first_tensor(arguments: tuple[Any, ...], named: dict[str, Any], other: Any) -> Any:
    """Return the first tensor among arguments; the other thing where there is none."""
    return next((one for one in (*arguments, *named.values()) if isinstance(one, Tensor)), other)


def called_or_not(found: Any, called: bool) -> Any:
    """Return what a name stands for, or a function that gives it where it is a number or an array, and called."""
    if called and isinstance(found, torch.device | bool):
        return moving(found)
    return giving(found) if called and isinstance(found, Tensor | float | int) else found


def stub(name: str, around: Around, *, called: bool = False) -> Any:
    """Return what something of this name is likely to be, and note it; a picture is of the data, unless it is made."""
    if name in TYPES:
        return TYPES[name]
    role: Role = "batch" if name.strip("_").lower() == "b" else role_of(name)
    usual, assumed = constants_of(around.kind), around.notes.assumed
    if (
        role == "unknown"
        and name not in NUMERIC
        and any(f"{beginning}_{name}" in names_in(around.kind) for beginning in ("fake", "gen"))
    ):
        role = "real"
    if role == "unknown" and is_a_picture(name.lower()) and not called:
        role = "real"
    if role in ("unknown", "epsilon", "gradient", "ones") and name in made_later(around.kind):
        return None
    if role == "unknown" and name.lower() in HEADS and role_of(getattr(around.kind, "__name__", "")) == "critic":
        return around.critic
    if role in SIDES and "loss" not in name.lower() and "err" not in name.lower():
        return scores_of(around.critic(around.examples["real" if role == "real_scores" else "fake"]))
    if role in ("critic", "generator") and usual.get(name) is None:
        return around.critic if role == "critic" else around.generator
    if name in MARKS and role == "labels":
        return usual.get(name, MARKS[name])
    if role in around.examples:
        around.notes.kept.add(role)
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
    if role == "switch" and penalised(name):
        return True
    if role == "epsilon" and name in around.redrawn:
        return torch.empty(around.batch, *[1] * (around.examples["real"].dim() - 1))
    if role == "epsilon" and "eps" in name.lower():
        return TINY
    if role == "unknown" and any(part in name.lower() for part in KINDS) and (word := kind_among(around.words)):
        assumed.add(f"{name} = {word!r}")
        return word
    if name in ONES:
        return torch.tensor(ONES[name])
    if role in known:
        assumed.add(f"{name} = {known[role]}")
        return known[role]
    if role == "unknown" and (size := size_named(name, around.examples["real"].shape)):
        assumed.add(f"{name} = {size}")
        return size
    return StandIn(around, options=True) if role == "group" or name.isupper() else Unknown(around, name)
