"""A critic whose gradients are known everywhere, which notes what it is asked."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Any, Literal

import torch
from torch import Tensor, nn

from gradpen.checking.scores import ByName
from gradpen.checking.stand_ins import called_or_not
from gradpen.checking.training_steps import is_called, parts_after

Output = Literal["flat", "column", "maps", "patches", "pair", "reversed pair", "by name", "list", "list of lists"]
"""scores as [N], [N, 1], [N, 1, 1, 1], [N, 1, 2, 2], or (scores, features, ...), or (features, scores), or [N, 1] in a
dictionary or a list, or [N, 1, 1] as the last of a list in a list"""
BOXED: tuple[Output, ...] = ("column", "by name", "list", "list of lists")
"""forms of scores [N, 1]"""
CLASSES = 3
FEATURES = CLASSES
"""which may be logits of classes"""


@dataclass(frozen=True)
class Call:
    """One call of the critic."""

    points: Tensor
    """what it was asked about, ``[N, ...]``, with the graph that leads to it"""
    conditions: tuple[Any, ...]
    """what else it was given"""
    scores: Tensor
    """``[N]``, with their graph"""


def asked_about(given: Sequence[Any], labels: Tensor | None) -> tuple[Tensor, tuple[Any, ...]]:
    """Return what a critic is asked about, and the conditions: the first tensor that is not the labels is it.

    What is handed over in a dictionary is looked at one by one.
    """
    given = [part for one in given for part in (one.values() if isinstance(one, dict) else (one,))]
    place = next((n for n, one in enumerate(given) if isinstance(one, Tensor) and not same(one, labels)), 0)
    return given[place], (*given[:place], *given[place + 1 :])


def same(one: Tensor, labels: Tensor | None) -> bool:
    """Return whether a tensor is the labels."""
    return labels is not None and one.shape == labels.shape and not one.requires_grad and torch.equal(one, labels)


def boxed(column: Tensor, output: Output) -> Any:
    """Return scores ``[N, 1]`` in what a critic may return them in."""
    if output == "by name":
        return ByName(column)
    if output == "list":
        return [column]
    return [[column[:, :, None]]] if output == "list of lists" else column


class Probe(nn.Module):
    """What stands for a critic, and perhaps for a model that holds it."""

    def __init__(self) -> None:
        super().__init__()
        self.labels: Tensor | None = None
        """those of the data, which may stand before the examples"""
        self.inside: Callable[[str], Any] | None = None
        """what it holds under a name"""

    def __getattr__(self, name: str) -> Any:
        """Return itself for a critic in it, and what else a model is that holds both networks."""
        inside = self.__dict__.get("inside")
        of_torch = name.startswith("_") or name == "module" or name in self._parameters or name in self._modules
        if inside is None or of_torch:
            return super().__getattr__(name)
        return called_or_not(inside(name), is_called(sys._getframe(1)))


class ProbeCritic(Probe):
    r"""A critic :math:`s \sum_e (a_e x_e / 3 + b_e x_e^2 / 2)` of examples of any shape, with fixed random a and b.

    Its gradient :math:`s (a / 3 + b x)` differs between examples and between the values of an example, so that norms
    over different axes are different numbers.
    """

    def __init__(self, scale: float, output: Output = "flat", pack: int = 1) -> None:
        super().__init__()
        self.scale, self.output, self.pack = scale, output, pack
        self.weights = nn.ParameterDict()
        # What looks for the device or the type of the first parameter finds one before the first call.
        self.anchor = nn.Parameter(torch.zeros(()))
        self.calls: list[Call] = []
        self.size = 0
        """values of an example"""

    def of_size(self, size: int, kind: str, *more: int) -> Tensor:
        """Return the parameters of examples with so many values, always the same ones."""
        key = f"{kind}{size}"
        if key not in self.weights:
            numbers = torch.Generator().manual_seed(size)
            drawn = torch.randn(2, size, *more, generator=numbers)[0 if kind == "a" else 1]
            self.weights[key] = nn.Parameter(drawn / size**0.5)
        found: Tensor = self.weights[key]
        return found

    def make_weights(self, size: int) -> None:
        """Make the parameters for examples with so many values, before a transform of functions looks at them."""
        self.size = size
        for kind, more in (("a", ()), ("b", ()), ("f", (FEATURES,))):
            self.of_size(size, kind, *more)

    def forward(self, *given: Any, **named: Any) -> Any:
        """Return the scores in the form asked for, of so many examples together as a critic that packs sees."""
        points, conditions = asked_about((*given, *named.values()), self.labels)
        points = points[None] if points.numel() == self.size and len(points) != 1 else points  # under vmap
        if self.pack > 1 and len(points) % self.pack == 0:
            points = points.reshape(len(points) // self.pack, -1)
        flat = points.flatten(1)
        size = flat.shape[1]
        a, b = self.of_size(size, "a").to(flat.dtype), self.of_size(size, "b").to(flat.dtype)
        terms = self.scale * (a * flat / 3 + 0.5 * b * flat.square())
        scores = terms.sum(1) + self.anchor.to(flat.dtype)
        self.calls.append(Call(examples(points), conditions, examples(scores)))
        if self.output == "flat":
            return scores
        if self.output == "maps":
            return scores.view(-1, 1, 1, 1)
        if self.output == "patches":
            parts = [part.sum(1) for part in terms.tensor_split(4, dim=1)]
            return torch.stack(parts, 1).view(-1, 1, 2, 2)
        column = scores.view(-1, 1)
        if self.output in BOXED:
            return boxed(column, self.output)
        bases = flat @ self.of_size(size, "f", FEATURES).to(flat.dtype) / 4
        features = self.scale * (bases + bases.square() / 2)
        return (column, *[features] * (parts_asked() - 1)) if self.output == "pair" else (features, column)

    def gradient(self, points: Tensor) -> Tensor:
        """Return the gradient of each score at points ``[N, ...]``, float64, of the same shape."""
        flat = points.detach().double().flatten(1)
        a, b = (self.of_size(flat.shape[1], kind).detach().double() for kind in "ab")
        return (self.scale * (a / 3 + b * flat)).view(points.shape)

    def gradient_of_features(self, points: Tensor) -> Tensor:
        """Return the gradient of the sum of the features, float64, of the shape of the points."""
        flat = points.detach().double().flatten(1)
        bases = self.of_size(flat.shape[1], "f", FEATURES).detach().double()
        return (self.scale * (1 + flat @ bases / 4) @ bases.T / 4).view(points.shape)

    def differentiable_gradient(self, points: Tensor) -> Tensor:
        """Return the same with the graph to the parameters, for what a penalty should do to them."""
        flat = points.detach().flatten(1)
        a, b = (self.of_size(flat.shape[1], kind) for kind in "ab")
        return (self.scale * (a / 3 + b * flat)).view(points.shape)


def examples(wrapped: Tensor) -> Tensor:
    """Return a tensor as it lies in memory, where a transform of ``torch.func`` is under way.

    Under ``vmap`` a critic is asked about one example at a time, ``[1, ...]``: here they are together, ``[N, ...]``.
    """
    functorch = torch._C._functorch
    together = False
    while functorch.is_functorch_wrapped_tensor(wrapped):
        if functorch.is_batchedtensor(wrapped):
            axis = functorch.maybe_get_bdim(wrapped)
            wrapped, together = functorch.get_unwrapped(wrapped).movedim(axis, 0), True
        else:
            wrapped = functorch.get_unwrapped(wrapped)
    return wrapped.flatten(0, 1) if together and wrapped.dim() > 1 else wrapped


def parts_asked() -> int:
    """Return into how many parts what a critic returns is taken apart where it is called; 2 where it is not."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and str(frame.f_globals.get("__name__", "")).startswith("torch."):
        frame = frame.f_back
    return max(2, parts_after(frame.f_code, frame.f_lasti)) if frame is not None else 2


class DeadCritic(Probe):
    """A critic with the same score everywhere, whose gradient is exactly zero: a network whose ReLUs all are off."""

    def __init__(self, output: Output = "flat") -> None:
        super().__init__()
        self.weight, self.output = nn.Parameter(torch.full((), -1.0)), output

    def forward(self, *given: Any, **named: Any) -> Any:
        """Return zeros that depend on the points and the weight as ReLU makes them."""
        points, _ = asked_about((*given, *named.values()), self.labels)
        scores = (self.weight * points.flatten(1).square().sum(1) - 1).relu()
        if self.output == "flat":
            return scores
        if self.output == "maps":
            return scores.view(-1, 1, 1, 1)
        if self.output == "patches":
            return scores.view(-1, 1, 1, 1).expand(-1, 1, 2, 2)
        if self.output in BOXED:
            return boxed(scores[:, None], self.output)
        features = scores[:, None].expand(-1, FEATURES)
        return (
            (scores[:, None], *[features] * (parts_asked() - 1))
            if self.output == "pair"
            else (features, scores[:, None])
        )
