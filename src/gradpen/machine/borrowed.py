"""What a training takes of the process it runs in, and gives back: random generators, threads, switches of cuDNN."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from gradpen.errors import UsageError
from gradpen.machine.seeds import separate_randomness

TRAINING = threading.Lock()


@contextmanager
def borrowed() -> Iterator[None]:
    """Train alone in this process, and leave its random generators and threads as they were.

    Two trainings at once would draw from the same generator, and neither would be repeatable.

    Raises:
        UsageError: another thread of this process trains.
    """
    if not TRAINING.acquire(blocking=False):
        raise UsageError(
            "another thread of this process is training, and both would draw from one random generator; train one "
            "after the other, or in a process of its own"
        )
    threads = torch.get_num_threads()
    try:
        with separate_randomness(), exact_arithmetic():
            yield
    finally:
        torch.set_num_threads(threads)
        TRAINING.release()


@contextmanager
def exact_arithmetic() -> Iterator[None]:
    """Let a GPU compute convolutions in the precision that was asked for, and every time in the same way.

    cuDNN otherwise rounds fp32 to 10 bits (TF32) and may add up in the order in which its threads end.
    """
    cudnn = torch.backends.cudnn
    before = cudnn.deterministic, cudnn.benchmark, cudnn.allow_tf32
    cudnn.deterministic, cudnn.benchmark, cudnn.allow_tf32 = True, False, False
    try:
        yield
    finally:
        cudnn.deterministic, cudnn.benchmark, cudnn.allow_tf32 = before
