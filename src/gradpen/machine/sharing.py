"""What the processes of one job compute together, so that they train as one.

Each process takes its rows of every batch, and gradients are averaged over all before an optimiser's step. What is
random about a batch is drawn by every process for the whole batch, from the same seed, and each keeps its own rows:
the gradients are those of one process with the whole batch, to rounding. Only dropout and augmentation are drawn
for data and samples in another order.

A process is alone unless it joined a job of gradpen's own (:mod:`gradpen.machine.job`). Alone, every function here is
the identity and nothing is communicated, also inside a process group that the user's program opened.
"""

import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
import torch.distributed as distributed
from torch import Tensor, nn
from torch.optim import Optimizer

from gradpen.errors import ProcessLostError

AWAKE_SECONDS = 0.05
yield_core = getattr(os, "sched_yield", partial(time.sleep, 0))
LONGEST_TEXT = 4096
CPU = torch.device("cpu")


@dataclass(frozen=True, kw_only=True)
class Place:
    """The place of a process in a job."""

    rank: int = 0
    """counted from 0; the process of rank 0 leads: it alone measures, samples, prints and writes"""
    count: int = 1
    device: torch.device = CPU
    """what communications go through"""


class Here:
    """Where this process stands; :func:`gradpen.machine.job.join` alone changes it."""

    place = Place()


HERE = Here()


def count() -> int:
    """Return how many processes train together."""
    return HERE.place.count


def rank() -> int:
    """Return this process's place among them, from 0."""
    return HERE.place.rank


def leads() -> bool:
    """Return whether this is the process that measures and writes."""
    return rank() == 0


@contextmanager
def readable_loss() -> Iterator[None]:
    """Turn the failure of a communication into a sentence."""
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        why = re.sub(r"\[[^]]*\] ?", "", str(error).splitlines()[0])[:80]
        raise ProcessLostError(
            f"process {os.environ.get('RANK', rank())} of the job (counted from 0) stopped because another one ended "
            f"or cannot be reached ({why}); what was saved before is whole: start the job again and let it `resume` "
            f"the run"
        ) from None


def draw_for_all(draw: Callable[[Tensor], Tensor], like: Tensor) -> Tensor:
    """Return ``draw(like)``; of many processes, this one's rows of what is drawn for the rows of all.

    >>> draw_for_all(torch.zeros_like, torch.ones(2, 3)).shape
    torch.Size([2, 3])
    """
    if count() == 1:
        return draw(like)
    start = rank() * len(like)
    return draw(torch.cat([like] * count()))[start : start + len(like)]


class MeanOverAll(torch.autograd.Function):
    """The mean over all processes, as a part of the loss that is the mean of theirs."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """Return the mean."""
        del ctx
        return sum_over_all(x.clone()) / count()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        """Return the mean of all incoming gradients, since every process's loss depends on this one's x."""
        del ctx
        return sum_over_all(gradients[0].clone()) / count()


def mean_over_all(x: Tensor) -> Tensor:
    """Return the mean of x over all processes, differentiable once; each gives a tensor of the same shape."""
    if count() == 1:
        return x
    mean: Tensor = MeanOverAll.apply(x)  # type: ignore[no-untyped-call]
    return mean


def sum_over_all(x: Tensor) -> Tensor:
    """Add x up over all processes, in place.

    On a CPU the wait keeps its core awake for a while: other processes that need the core get it, and it does not have
    to be woken up, which takes longer than the sum.
    """
    with readable_loss():
        work = distributed.all_reduce(x, async_op=True)
        if x.device.type == "cpu":
            asleep = time.monotonic() + AWAKE_SECONDS
            while not work.is_completed() and time.monotonic() < asleep:
                yield_core()
        work.wait()
    return x


def means_over_all(values: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the mean of each scalar over all processes."""
    if count() == 1 or not values:
        return values
    return dict(zip(values, sum_over_all(torch.stack(list(values.values()))) / count(), strict=True))


def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Replace gradients by their mean over all processes, all in one communication."""
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    flat = sum_over_all(torch.cat([gradient.flatten() for gradient in gradients])) / count()
    parts = flat.split([gradient.numel() for gradient in gradients])
    for gradient, mean in zip(gradients, parts, strict=True):
        gradient.copy_(mean.view_as(gradient))


def average_before_steps(optimizer: Optimizer) -> None:
    """Let an optimiser average gradients over all processes before each of its steps."""
    if count() > 1:
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        optimizer.register_step_pre_hook(lambda *_: average_gradients(parameters))


def true_of_any(mine: bool) -> bool:
    """Return whether it is true of any process; all get the same answer."""
    if count() == 1:
        return mine
    return bool(sum_over_all(torch.tensor(float(mine), device=HERE.place.device)).item() > 0)


def wait_for_all() -> None:
    """Wait until all processes are here."""
    true_of_any(False)


def weights_differ(network: nn.Module) -> bool:
    """Return whether the processes hold different weights, compared by a checksum of their bits."""
    if count() == 1:
        return False
    bits = [tensor.detach().contiguous().view(torch.uint8).sum() for tensor in network.parameters()]
    places = torch.arange(1, len(bits) + 1, device=bits[0].device)
    mine = (torch.stack(bits) * places).sum()
    # The largest of x and of -x add up to zero exactly where all x are equal.
    both = torch.stack([mine, -mine])
    with readable_loss():
        distributed.all_reduce(both, distributed.ReduceOp.MAX)
    return bool(both.sum().item() != 0)


def text_of_leader(make: Callable[[], str]) -> str:
    """Return the text that the leader makes; the others make none."""
    if count() == 1:
        return make()
    sent = torch.zeros(LONGEST_TEXT, dtype=torch.uint8, device=HERE.place.device)
    if leads():
        content = make().encode()
        sent[: len(content)] = torch.frombuffer(bytearray(content), dtype=torch.uint8)
    with readable_loss():
        distributed.broadcast(sent, 0)
    return bytes(sent.cpu().numpy()).rstrip(b"\0").decode()
