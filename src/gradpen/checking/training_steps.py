"""What a training step does beside returning: losses that it sends backward, its optimizers' steps, what it unpacks."""

import dis
import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import CodeType, FrameType, TracebackType
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor

STORES = ("STORE_FAST", "STORE_NAME", "STORE_GLOBAL", "STORE_DEREF", "STORE_ATTR")
SENDS = ("backward", "manual_backward")
CALLS = ("LOAD_METHOD", "LOAD_ATTR")
PASSING = ("CACHE", "PRECALL", "CALL", "KW_NAMES", "LOAD_", "PUSH_NULL")
"""what stands between a call and an assignment where methods are called upon it: next(batches).to(device)"""


@dataclass
class Steps:
    """The losses of a training step, each the sum of what is sent backward before an optimizer's step."""

    losses: list[Tensor] = field(default_factory=list)
    ended: bool = True
    asked: Callable[[], int] = lambda: 0
    """how often the critic has been asked"""
    before: list[int] = field(default_factory=list)
    """that number where each loss was sent"""

    def send(self, loss: Any, gradient: Any = None, **named: Any) -> None:
        """Take a loss in place of sending it backward, times the gradient that it is sent with."""
        del named
        if not isinstance(loss, Tensor):
            return
        part = (loss if gradient is None else loss * gradient).sum()
        if self.ended:
            self.losses.append(part)
            self.before.append(0)
        else:
            self.losses[-1] = self.losses[-1] + part
        self.before[-1] = self.asked()
        self.ended = False

    def end(self, *arguments: Any, **named: Any) -> None:
        """Let the next loss be another one: an optimizer has made its step."""
        del arguments, named
        self.ended = True

    def survives(self, error: Exception, function: Any) -> bool:
        """Return whether a loss was sent whole before a function failed, at what it notes down or the next network.

        It was if an optimizer has made its step since, or if the function sends nothing backward after that line.
        """
        if not self.losses:
            return False
        if not self.ended:
            code, trace = getattr(function, "__code__", None), error.__traceback__
            lines = [trace.tb_lineno for trace in traces(trace) if trace.tb_frame.f_code is code]
            last = last_line_of(code, SENDS) if code is not None else 0
            if lines and lines[0] > last:
                return True
            del self.losses[-1], self.before[-1]
        return bool(self.losses)


def traces(trace: TracebackType | None) -> Iterator[TracebackType]:
    """Yield where an error went through, the outmost first."""
    while trace is not None:
        yield trace
        trace = trace.tb_next


def last_line_of(code: CodeType, names: Sequence[str]) -> int:
    """Return the last line of some code that looks up one of these names; 0 where none does."""
    lines = [
        step.positions.lineno or 0 for step in dis.get_instructions(code) if step.argval in names and step.positions
    ]
    return max(lines, default=0)


@contextmanager
def noted(steps: Steps) -> Iterator[None]:
    """Note what is sent backward in place of doing it: the graph is needed afterwards.

    What is sent backward with ``create_graph`` is so, since it makes a gradient to go on with.
    """
    usual = torch.autograd.backward

    def backward(
        tensors: Any,
        grad_tensors: Any = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        **named: Any,
    ) -> None:
        if create_graph:
            usual(tensors, grad_tensors, retain_graph, create_graph, **named)
            return
        for place, tensor in enumerate([tensors] if isinstance(tensors, Tensor) else tensors):
            steps.send(tensor, grad_tensors[place] if isinstance(grad_tensors, tuple | list) else grad_tensors)

    with patch.object(torch.autograd, "backward", backward):
        yield


def is_called(frame: FrameType) -> bool:
    """Return whether what code looks up by a dot just now is called at once, as a method is."""
    return calls_at(frame.f_code, frame.f_lasti)


@functools.lru_cache(maxsize=4096)
def calls_at(code: CodeType, place: int) -> bool:
    """Return whether code looks something up by a dot in a place and calls it."""
    steps = [one for one in dis.get_instructions(code) if one.opname != "CACHE"]
    number = next((number for number, one in enumerate(steps) if one.offset == place), None)
    if number is None or steps[number].opname not in CALLS:
        return False
    if steps[number].opname == "LOAD_METHOD" or "NULL" in steps[number].argrepr:
        return True
    # Functions of what is imported as a module are looked up as any attribute, with a mark for the whole of it.
    if any(one.opname == "PUSH_NULL" and one.positions == steps[number].positions for one in steps):
        return True
    first = number
    while steps[first].opname in CALLS:
        first -= 1
    marked = steps[first].opname == "LOAD_GLOBAL" and "NULL" in steps[first].argrepr
    return marked and steps[number + 1].opname not in CALLS


def unpacked_into(frame: FrameType) -> tuple[str, ...]:
    """Return the names of what code unpacks something into just now; none where it does another thing with it."""
    return unpacked_at(frame.f_code, frame.f_lasti)


@functools.lru_cache(maxsize=4096)
def unpacked_at(code: CodeType, place: int) -> tuple[str, ...]:
    """Return the names of what code unpacks something into in a place."""
    steps = iter(dis.get_instructions(code))
    now = next((one for one in steps if one.offset == place), None)
    if now is None or now.opname != "UNPACK_SEQUENCE":
        return ()
    names: list[str] = []
    for step in steps:
        if step.opname.startswith(STORES) and len(names) < int(now.argval):
            names += step.argval[: step.opname.count("STORE")] if isinstance(step.argval, tuple) else [step.argval]
    return tuple(names[: int(now.argval)])


@functools.lru_cache(maxsize=4096)
def parts_after(code: CodeType, place: int) -> int:
    """Return into how many parts code takes apart at once what it calls in a place; 0 where it does not."""
    after = next((one for one in dis.get_instructions(code) if one.offset > place and one.opname != "CACHE"), None)
    return int(after.argval) if after is not None and after.opname == "UNPACK_SEQUENCE" else 0


def assigned_to(frame: FrameType) -> str:
    """Return the name that what code asks for just now is assigned to, whatever is called upon it before; or none."""
    return assigned_at(frame.f_code, frame.f_lasti)


@functools.lru_cache(maxsize=4096)
def assigned_at(code: CodeType, place: int) -> str:
    """Return the name that what is called in a place is assigned to; empty where it is taken apart or passed on."""
    for step in dis.get_instructions(code):
        if step.offset <= place:
            continue
        if step.opname.startswith(STORES):
            return str(step.argval[0] if isinstance(step.argval, tuple) else step.argval)
        if not step.opname.startswith(PASSING):
            return ""
    return ""
