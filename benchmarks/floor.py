"""The floor of a critic step: the convolutions and matrix products that it cannot do without, each timed alone.

They are those of gradpen's own step, whose number is as small as it can be (a test counts them), each at its own shape
and type, in the better of two memory layouts.
"""

import time
from collections import Counter
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from cases import BATCH, CONSTRAINT, OBJECTIVE, Case, Engine, make_gan
from gradpen.algorithm import critic_step
from gradpen.batch import Batch

Call = tuple[Any, tuple[Any, ...], tuple[Any, ...]]
"""an operation, its tensors as shape, type and whether transposed, and its other arguments"""


class Recorded(TorchDispatchMode):
    """Writes down every convolution and matrix product."""

    KINDS = ("convolution", "convolution_backward", "_linear_pointwise", "mm", "addmm")

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.calls: Counter[Call] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.overloadpacket.__name__ in self.KINDS:
            tensors = tuple(described(a) if isinstance(a, Tensor) else None for a in args)
            others = tuple(None if isinstance(a, Tensor) else frozen(a) for a in args)
            self.calls[(func, tensors, others)] += 1
        return func(*args, **(kwargs or {}))


def described(tensor: Tensor) -> tuple[tuple[int, ...], torch.dtype, bool]:
    """Return shape, type, and whether it is a transposed matrix."""
    return tuple(tensor.shape), tensor.dtype, tensor.dim() == 2 and not tensor.is_contiguous()


def frozen(value: Any) -> Any:
    """Return something hashable."""
    return tuple(value) if isinstance(value, list) else value


def floor(case: Case, engine: Engine) -> float:
    """Return the seconds of the needed operations of one critic step, each timed alone."""
    gan = make_gan(case, engine)
    batch = Batch(images=torch.rand(BATCH, *case.shape).contiguous(memory_format=torch.channels_last))
    critic_step(gan, OBJECTIVE, CONSTRAINT, batch)
    with Recorded() as recorded:
        critic_step(gan, OBJECTIVE, CONSTRAINT, batch)
    times: list[float] = [count * best_time(call) for call, count in recorded.calls.items()]
    return sum(times)


def best_time(call: Call) -> float:
    """Return the least seconds of an operation over two memory layouts and five tries of each."""
    func, tensors, others = call
    times = []
    for memory_format in (torch.contiguous_format, torch.channels_last):
        arguments: list[Any] = []
        for tensor, other in zip(tensors, others, strict=True):
            if tensor is None:
                arguments.append(list(other) if isinstance(other, tuple) else other)
                continue
            shape, dtype, transposed = tensor
            made = torch.randn(shape[::-1]).t().to(dtype) if transposed else torch.randn(shape).to(dtype)
            arguments.append(made.contiguous(memory_format=memory_format) if len(shape) == 4 else made)
        func(*arguments)
        for _ in range(5):
            start = time.perf_counter()
            func(*arguments)
            times.append(time.perf_counter() - start)
    return min(times)
