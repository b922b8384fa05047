"""A job of many processes, as ``torchrun`` starts them: how they join, who goes first, and who says what went wrong."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as distributed

from gradpen.errors import GradpenError, ProcessLostError, UsageError
from gradpen.machine.sharing import HERE, Place, leads, readable_loss
from gradpen.text import printable

PATIENCE = timedelta(minutes=30)
"""how long a process waits for another that is alive; a dead one is noticed at once"""
LOOPBACK = Path("/sys/class/net/lo")
"""what processes of one machine talk through, since what they say is neither signed nor encrypted"""
LONGEST_DECODING = timedelta(days=7)
DONE, SAID = b"done", "said"
LONGEST_SAYING = timedelta(seconds=10)
"""how long the others let the leader say first why it failed"""


class Notes:
    """What the processes of a job leave for one another beside communications."""

    store: Any = None
    """a ``torch.distributed.Store``; None outside a job"""
    waits = 0
    """how often the leader went first"""


NOTES = Notes()


def launched() -> bool:
    """Return whether a launcher started several processes."""
    return number_set("WORLD_SIZE", 1) > 1 and "RANK" in os.environ


def number_set(variable: str, otherwise: int) -> int:
    """Return the number that a launcher set a variable to.

    Raises:
        UsageError: it is none.
    """
    text = os.environ.get(variable, str(otherwise))
    if not (text.isascii() and text.isdigit()):
        raise said_by_all(f"{variable} is '{printable(text)}'; a launcher sets it to a whole number: unset it")
    return int(text)


def said_by_all(sentence: str) -> UsageError:
    """Return an error that every process tells the user, since none leads yet."""
    error = UsageError(sentence)
    error.said_elsewhere = False
    return error


def refuse_incomplete() -> None:
    """Raise if the variables of a launcher do not tell how processes meet."""
    missing = [name for name in ("MASTER_ADDR", "MASTER_PORT") if not os.environ.get(name)]
    count, rank = number_set("WORLD_SIZE", 1), number_set("RANK", 0)
    number_set("MASTER_PORT", 0)
    if missing:
        raise said_by_all(
            f"WORLD_SIZE={count} and RANK are set but {' and '.join(missing)} not, so the processes cannot meet; start "
            f"with torchrun, which sets them all, or unset WORLD_SIZE"
        )
    if rank >= count:
        raise said_by_all(f"RANK={rank} is beyond WORLD_SIZE={count}, whose ranks are 0 to {count - 1}")


def restarted() -> bool:
    """Return whether ``torchrun`` started this process anew after one of the job ended."""
    return number_set("TORCHELASTIC_RESTART_COUNT", 0) > 0


def local_device(name: str) -> str:
    """Return the device this process takes: of ``auto`` and ``cuda``, the GPU of its place on its machine."""
    if launched() and torch.cuda.is_available() and name in ("auto", "cuda"):
        return f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
    return name


@contextmanager
def join(device: str) -> Iterator[None]:
    """Join the other processes of the job, if a launcher started several.

    Whatever goes wrong within is said by the process that it goes wrong in first. Where the user's program opened a
    process group of its own, that is left alone, and so is this process.
    """
    if not launched() or distributed.is_initialized():
        yield
        return
    refuse_incomplete()
    connect(device)
    try:
        yield
    except GradpenError as error:
        if isinstance(error, ProcessLostError) and threading.current_thread() is threading.main_thread():
            # The launcher ends the others once it sees that one is gone. This one ends by itself, and says why first.
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if error.said_elsewhere is None:
            with suppress(RuntimeError):
                error.said_elsewhere = NOTES.store.add(SAID, 1) > 1
        raise
    finally:
        NOTES.store, HERE.place = None, Place()
        distributed.destroy_process_group()


def connect(device: str) -> None:
    """Connect to the other processes."""
    if os.environ.get("LOCAL_WORLD_SIZE") == os.environ["WORLD_SIZE"] and LOOPBACK.exists():
        os.environ.setdefault("GLOO_SOCKET_IFNAME", LOOPBACK.name)
    on_gpus = device.startswith("cuda") or (device == "auto" and torch.cuda.is_available())
    if on_gpus:
        torch.cuda.set_device(local_device("cuda"))
    with readable_loss():
        found, rank, count = next(distributed.rendezvous("env://", timeout=PATIENCE))  # type: ignore[attr-defined]
        # torchrun keeps its store when it restarts a job, so each attempt needs keys of its own.
        attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
        store: Any = distributed.PrefixStore(f"attempt-{attempt}", found)  # type: ignore[attr-defined]
        distributed.init_process_group(
            "nccl" if on_gpus else "gloo", store=store, rank=rank, world_size=count, timeout=PATIENCE
        )
    NOTES.store = store
    HERE.place = Place(rank=rank, count=count, device=torch.device("cuda" if on_gpus else "cpu"))


@contextmanager
def leader_first() -> Iterator[None]:
    """Let the leader do what follows before the others, however long it takes, who then find it done."""
    if NOTES.store is None:
        yield
        return
    NOTES.waits += 1
    note = f"leader-first-{NOTES.waits}"
    if not leads():
        NOTES.store.wait([note], LONGEST_DECODING)
        if NOTES.store.get(note) != DONE:
            with suppress(RuntimeError):
                NOTES.store.wait([SAID], LONGEST_SAYING)
            raise GradpenError("the leading process failed; it says why")
        yield
        return
    try:
        yield
    except BaseException:
        NOTES.store.set(note, "failed")
        raise
    NOTES.store.set(note, DONE.decode())
