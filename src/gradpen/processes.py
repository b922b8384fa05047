"""Many processes that train as one.

Each process takes its rows of every batch, and gradients are averaged over all before an optimiser's step. What is
random about a batch is drawn by every process for the whole batch, from the same seed, and each keeps its own rows:
the gradients are those of one process with the whole batch, to rounding. Of one process alone, everything here is the
identity. Dropout alone is drawn for data and samples in another order.

The process of rank 0 leads: it alone measures, samples, prints and writes.
"""

import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.distributed as distributed
from torch import Tensor, nn
from torch.optim import Optimizer

from gradpen.errors import GradpenError, ProcessLostError

PATIENCE = timedelta(minutes=30)
"""how long a process waits for another that is alive; a dead one is noticed at once"""
LOOPBACK = Path("/sys/class/net/lo")
"""what processes of one machine talk through, since what they say is neither signed nor encrypted"""
AWAKE_SECONDS = 0.05
yield_core = getattr(os, "sched_yield", partial(time.sleep, 0))
LONGEST_TEXT = 4096
LONGEST_DECODING = timedelta(days=7)
DONE, SAID = b"done", "said"
LONGEST_SAYING = timedelta(seconds=10)
"""how long the others let the leader say first why it failed"""


class Met:
    """What processes that have met share beside communications: a place for notes."""

    store: Any = None
    """a ``torch.distributed.Store``; None before they met"""
    waits = 0
    """how often the leader went first"""


MET = Met()


def count() -> int:
    """Return how many processes train together."""
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


def rank() -> int:
    """Return this process's place among them, from 0."""
    return distributed.get_rank() if count() > 1 else 0


def leads() -> bool:
    """Return whether this is the process that measures and writes."""
    return rank() == 0


def launched() -> bool:
    """Return whether a launcher started several processes."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1 and "RANK" in os.environ


def restarted() -> bool:
    """Return whether ``torchrun`` started this process anew after one of the job ended."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0


def local_device(name: str) -> str:
    """Return the device this process takes: of ``auto`` and ``cuda``, the GPU of its place on its machine."""
    if launched() and torch.cuda.is_available() and name in ("auto", "cuda"):
        return f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
    return name


@contextmanager
def joined(device: str) -> Iterator[None]:
    """Join the other processes of the job, if a launcher started several and they have not met yet.

    Whatever goes wrong within is said by the process that it goes wrong in first.
    """
    if not launched() or distributed.is_initialized():
        yield
        return
    store = meet_first(device)
    try:
        yield
    except GradpenError as error:
        if error.said_elsewhere is None:
            with suppress(RuntimeError):
                error.said_elsewhere = store.add(SAID, 1) > 1
        raise
    finally:
        MET.store = None
        distributed.destroy_process_group()


def meet_first(device: str) -> Any:
    """Connect to the other processes, and return what they can leave notes in."""
    if os.environ.get("LOCAL_WORLD_SIZE") == os.environ["WORLD_SIZE"] and LOOPBACK.exists():
        os.environ.setdefault("GLOO_SOCKET_IFNAME", LOOPBACK.name)
    on_gpus = device.startswith("cuda") or (device == "auto" and torch.cuda.is_available())
    if on_gpus:
        torch.cuda.set_device(local_device("cuda"))
    with readable_loss():
        found, rank, count = next(distributed.rendezvous("env://", timeout=PATIENCE))  # type: ignore[attr-defined]
        attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
        store: Any = distributed.PrefixStore(f"attempt-{attempt}", found)  # type: ignore[attr-defined]
        distributed.init_process_group(
            "nccl" if on_gpus else "gloo", store=store, rank=rank, world_size=count, timeout=PATIENCE
        )
    MET.store = store
    return store


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
            f"or cannot be reached ({why}); what was saved before is whole: start the job again with gradpen train "
            f"--resume RUN"
        ) from None


def drawn(draw: Callable[[Tensor], Tensor], like: Tensor) -> Tensor:
    """Return ``draw(like)``; of many processes, this one's rows of what is drawn for the rows of all.

    >>> drawn(torch.zeros_like, torch.ones(2, 3)).shape
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
        return summed(x.clone()) / count()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        """Return the mean of all incoming gradients, since every process's loss depends on this one's x."""
        del ctx
        return summed(gradients[0].clone()) / count()


def mean_over_all(x: Tensor) -> Tensor:
    """Return the mean of x over all processes, differentiable once; each gives a tensor of the same shape."""
    if count() == 1:
        return x
    mean: Tensor = MeanOverAll.apply(x)  # type: ignore[no-untyped-call]
    return mean


def summed(x: Tensor) -> Tensor:
    """Add x up over all processes, in place.

    On a processor the wait keeps its core awake for a while: others that need it get it, and it does not have to be
    woken up, which takes longer than the sum.
    """
    with readable_loss():
        work = distributed.all_reduce(x, async_op=True)
        if x.device.type == "cpu":
            asleep = time.monotonic() + AWAKE_SECONDS
            while not work.is_completed() and time.monotonic() < asleep:
                yield_core()
        work.wait()
    return x


def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Replace gradients by their mean over all processes, all in one communication."""
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    flat = summed(torch.cat([gradient.flatten() for gradient in gradients])) / count()
    parts = flat.split([gradient.numel() for gradient in gradients])
    for gradient, mean in zip(gradients, parts, strict=True):
        gradient.copy_(mean.view_as(gradient))


def average_before_steps(optimizer: Optimizer) -> None:
    """Let an optimiser average gradients over all processes before each of its steps."""
    if count() > 1:
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        optimizer.register_step_pre_hook(lambda *_: average_gradients(parameters))


def anyone(mine: bool) -> bool:
    """Return whether any process says so; all get the same answer."""
    if count() == 1:
        return mine
    return bool(summed(torch.tensor(float(mine), device=where())).item() > 0)


def mean_of_each(values: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the mean of each scalar over all processes."""
    if count() == 1 or not values:
        return values
    return dict(zip(values, summed(torch.stack(list(values.values()))) / count(), strict=True))


def differs(network: nn.Module) -> bool:
    """Return whether the processes hold different weights, compared by a checksum of their bits."""
    if count() == 1:
        return False
    bits = [tensor.detach().contiguous().view(torch.uint8).sum() for tensor in network.parameters()]
    places = torch.arange(1, len(bits) + 1, device=bits[0].device)
    mine = (torch.stack(bits) * places).sum()
    both = torch.stack([mine, -mine])
    with readable_loss():
        distributed.all_reduce(both, distributed.ReduceOp.MAX)
    return bool(both.sum().item() != 0)


def meet() -> None:
    """Wait for all processes."""
    anyone(False)


@contextmanager
def leader_first() -> Iterator[None]:
    """Let the leader do what follows before the others, however long it takes, who then find it done."""
    if MET.store is None:
        yield
        return
    MET.waits += 1
    note = f"leader-first-{MET.waits}"
    if not leads():
        MET.store.wait([note], LONGEST_DECODING)
        if MET.store.get(note) != DONE:
            with suppress(RuntimeError):
                MET.store.wait([SAID], LONGEST_SAYING)
            raise GradpenError("the leading process failed; it says why")
        yield
        return
    try:
        yield
    except BaseException:
        MET.store.set(note, "failed")
        raise
    MET.store.set(note, DONE.decode())


def leaders(text: Callable[[], str]) -> str:
    """Return the text that the leader makes; the others do not make one."""
    if count() == 1:
        return text()
    sent = torch.zeros(LONGEST_TEXT, dtype=torch.uint8, device=where())
    if leads():
        content = text().encode()
        sent[: len(content)] = torch.frombuffer(bytearray(content), dtype=torch.uint8)
    with readable_loss():
        distributed.broadcast(sent, 0)
    return bytes(sent.cpu().numpy()).rstrip(b"\0").decode()


def where() -> torch.device:
    """Return the device that communications go through."""
    return torch.device("cuda" if distributed.get_backend() == "nccl" else "cpu")
