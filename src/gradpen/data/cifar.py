"""CIFAR-10 in its two published forms, Python batches and binary records (cs.toronto.edu/~kriz/cifar.html).

A Python batch is a pickle, a format that can run any code when it is loaded. It is never loaded here: its
instructions are read one by one with :mod:`pickletools`, which executes nothing, and only those that make
dictionaries, lists, texts, integers and arrays of bytes are followed.
"""

import math
import os
import pickletools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradpen.errors import DataError
from gradpen.text import printable

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
BATCHES = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch")
SHAPE = (3, 32, 32)
VALUES = math.prod(SHAPE)
LARGEST_BATCH = 64 << 20
"""bytes; a published batch has 31,035,704"""
MOST_INSTRUCTIONS = 200_000
"""a published batch has about 40,000; each can cost memory, so that a small file must not hold many more"""

Part = tuple[NDArray[np.uint8], NDArray[np.int64]]
"""images ``[N, 3, 32, 32]`` and classes ``[N]``"""


class _Mark:
    """Where the items of a list, dictionary or tuple begin on the stack."""


@dataclass
class _Global:
    """A name that a pickle refers to, never looked up."""

    name: str


@dataclass
class _Array:
    """An array that a pickle builds; its bytes stay shared with the pickle until they are wanted."""

    shape: tuple[int, ...] = (0,)
    content: str = ""

    def values(self) -> NDArray[np.uint8]:
        """Return the array; raise :class:`ValueError` if its text is no bytes."""
        return np.frombuffer(self.content.encode("latin-1"), dtype=np.uint8).reshape(self.shape)


@dataclass
class _Dtype:
    """The type of unsigned bytes."""


RECONSTRUCT, NDARRAY, DTYPE = "numpy.core.multiarray _reconstruct", "numpy ndarray", "numpy dtype"
FROM_BUFFER, ENCODE = "numpy.core.numeric _frombuffer", "_codecs encode"
"""how Python 3 writes an array in protocol 5, and bytes in protocol 2"""
CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
SCALARS = ("BININT", "BININT1", "BININT2", "SHORT_BINSTRING", "BINSTRING", "SHORT_BINUNICODE", "BINUNICODE")
BYTES = ("SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "BYTEARRAY8")
EMPTY: dict[str, type] = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple, "MARK": _Mark}
TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


def cifar_folder(path: Path) -> Path | None:
    """Return the folder at or one level below ``path`` that holds CIFAR-10's first batch, or None."""
    try:
        below = sorted(entry.name for entry in os.scandir(path) if entry.is_dir())
    except OSError:
        below = []
    for folder in [path, *(path / name for name in below)]:
        if any((folder / f"{BATCHES[0]}{suffix}").is_file() for suffix in ("", ".bin")):
            return folder
    return None


def read_cifar(folder: Path) -> tuple[Part, Part, tuple[str, ...]]:
    """Return training part, test part and the names of the classes.

    Raises:
        DataError: a batch is missing, damaged, or holds anything but images and classes.
    """
    suffix = "" if (folder / BATCHES[0]).is_file() else ".bin"
    missing = [f"{batch}{suffix}" for batch in BATCHES if not (folder / f"{batch}{suffix}").is_file()]
    if missing:
        raise DataError(
            f"{printable(folder)} lacks {', '.join(missing)} of CIFAR-10's six files; copy the folder again"
        )
    read = read_records if suffix else read_batch
    parts = [read(folder / f"{batch}{suffix}") for batch in BATCHES]
    training = np.concatenate([images for images, _ in parts[:-1]]), np.concatenate([found for _, found in parts[:-1]])
    return training, parts[-1], class_names(folder)


def class_names(folder: Path) -> tuple[str, ...]:
    """Return the names in ``batches.meta``, or the published ones where it cannot be read."""
    names: Any = CLASSES
    try:
        if (folder / "batches.meta").is_file():
            names = read_pickle(folder / "batches.meta").get("label_names")
        elif (folder / "batches.meta.txt").is_file():
            names = read_bytes(folder / "batches.meta.txt").decode("latin-1").split()
    except DataError:
        return CLASSES
    fits = isinstance(names, (list, tuple)) and all(isinstance(name, str) and name for name in names)
    return tuple(names) if fits and len(set(names)) == len(names) == len(CLASSES) else CLASSES


def read_bytes(file: Path) -> bytes:
    """Return the bytes of a file that is no larger than a batch can be."""
    try:
        size = file.stat().st_size
        if size > LARGEST_BATCH:
            raise DataError(
                f"{printable(file)} has {size:,} bytes, more than any file of CIFAR-10; copy the folder again"
            )
        return file.read_bytes()
    except OSError as error:
        raise DataError(f"{printable(file)} cannot be read ({error.strerror}); copy the file again") from None


def read_records(file: Path) -> Part:
    """Return what a binary batch holds: records of one byte for the class and 3,072 for the pixels."""
    content = read_bytes(file)
    if not content or len(content) % (1 + VALUES):
        raise DataError(
            f"{printable(file)} has {len(content):,} bytes, expected a multiple of {1 + VALUES:,}; copy the file again"
        )
    records = np.frombuffer(content, dtype=np.uint8).reshape(-1, 1 + VALUES)
    return checked(file, records[:, 1:], records[:, 0].astype(np.int64))


def read_batch(file: Path) -> Part:
    """Return what a Python batch holds: ``data`` ``[N, 3072]`` and ``labels``."""
    batch = read_pickle(file)
    data, labels = batch.get("data"), batch.get("labels")
    if not isinstance(data, _Array) or data.shape[1:] != (VALUES,):
        raise DataError(f"{printable(file)} holds no array 'data' of shape [N, {VALUES}]; copy the file again")
    if not isinstance(labels, list) or len(labels) != data.shape[0] or not all(type(n) is int for n in labels):
        raise DataError(f"{printable(file)} holds no list 'labels' of {data.shape[0]:,} integers; copy the file again")
    try:
        return checked(file, data.values(), np.array(labels, dtype=np.int64))
    except (ValueError, OverflowError) as error:
        raise DataError(f"{printable(file)} holds values that are no bytes ({printable(error)[:80]})") from None


def checked(file: Path, pixels: NDArray[np.uint8], classes: NDArray[np.int64]) -> Part:
    """Return pixels ``[N, 3072]`` as images, with their classes."""
    if len(classes) == 0 or classes.min() < 0 or classes.max() >= len(CLASSES):
        raise DataError(f"{printable(file)} holds no images of classes 0 to {len(CLASSES) - 1}; copy the file again")
    return pixels.reshape(-1, *SHAPE), classes


def read_pickle(file: Path) -> dict[str, Any]:
    """Return the dictionary in a pickle of CIFAR-10, without loading it.

    Raises:
        DataError: the file is damaged, or does anything that CIFAR-10's files do not do.
    """
    content = read_bytes(file)
    try:
        result = interpret(content, printable(file))
    except (ValueError, TypeError, LookupError, OverflowError, AttributeError) as error:
        raise DataError(
            f"{printable(file)} is not a Python batch of CIFAR-10 ({printable(error)[:80]}); copy the file again"
        ) from None
    if not isinstance(result, dict):
        raise DataError(f"{printable(file)} holds no dictionary, as CIFAR-10's batches do; copy the file again")
    return result


def interpret(content: bytes, name: str) -> Any:
    """Follow the instructions of a pickle, executing nothing, and return the object they make.

    Texts of Python 2 and bytes of Python 3 are read as Latin-1, byte by byte. Broken pickles raise what
    :mod:`pickletools` or a stack in disorder raises.
    """
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    for count, (code, argument, _) in enumerate(pickletools.genops(content)):
        instruction = code.name
        if count > MOST_INSTRUCTIONS:
            raise DataError(f"{name} has more than {MOST_INSTRUCTIONS:,} instructions; CIFAR-10's batches have fewer")
        if instruction in ("PROTO", "FRAME"):
            continue
        if instruction == "STOP":
            return stack.pop()
        if instruction in CONSTANTS:
            stack.append(CONSTANTS[instruction])
        elif instruction in SCALARS:
            stack.append(argument)
        elif instruction in BYTES:
            stack.append(bytes(argument or b"").decode("latin-1"))
        elif instruction in EMPTY:
            stack.append(EMPTY[instruction]())
        elif instruction in ("BINPUT", "LONG_BINPUT"):
            memo[int(argument or 0)] = stack[-1]
        elif instruction == "MEMOIZE":
            memo[len(memo)] = stack[-1]
        elif instruction in ("BINGET", "LONG_BINGET"):
            stack.append(memo[int(argument or 0)])
        elif instruction == "GLOBAL":
            stack.append(known(str(argument), name))
        elif instruction == "STACK_GLOBAL":
            what, where = expect(stack.pop(), str), expect(stack.pop(), str)
            stack.append(known(f"{where} {what}", name))
        else:
            combine(stack, instruction, name)
    raise ValueError("it has no end")


def known(path: str, name: str) -> _Global:
    """Return a name that CIFAR-10's batches refer to, as earlier NumPy wrote it; raise for any other."""
    path = path.replace("numpy._core.", "numpy.core.")
    if path not in (RECONSTRUCT, NDARRAY, DTYPE, FROM_BUFFER, ENCODE):
        raise refused(name, f"the name {path}")
    return _Global(path)


def combine(stack: list[Any], instruction: str, name: str) -> None:
    """Follow an instruction that takes from the stack, in place."""
    if instruction in TUPLES:
        items = [stack.pop() for _ in range(TUPLES[instruction])]
        stack.append(tuple(reversed(items)))
    elif instruction == "TUPLE":
        stack.append(tuple(since_mark(stack)))
    elif instruction in ("APPEND", "APPENDS"):
        items = [stack.pop()] if instruction == "APPEND" else since_mark(stack)
        expect(stack[-1], list).extend(items)
    elif instruction in ("SETITEM", "SETITEMS"):
        items = [stack.pop(), stack.pop()][::-1] if instruction == "SETITEM" else since_mark(stack)
        expect(stack[-1], dict).update((expect(k, str), v) for k, v in zip(items[::2], items[1::2], strict=True))
    elif instruction == "REDUCE":
        arguments, what = stack.pop(), expect(stack.pop(), _Global).name
        if what == RECONSTRUCT and arguments == (_Global(NDARRAY), (0,), "b"):
            stack.append(_Array())
        elif what == DTYPE and arguments in (("u1", 0, 1), ("|u1", 0, 1)):
            stack.append(_Dtype())
        elif what == ENCODE and len(arguments) == 2 and arguments[1] == "latin1":
            stack.append(expect(arguments[0], str))
        elif what == FROM_BUFFER and len(arguments) == 4 and arguments[1:4:2] == (_Dtype(), "C"):
            stack.append(filled(_Array(), arguments[2], arguments[0]))
        else:
            raise refused(name, f"a call of {what} other than for an array of bytes")
    elif instruction == "BUILD":
        build(stack, name)
    else:
        raise refused(name, f"the instruction {instruction}")


def build(stack: list[Any], name: str) -> None:
    """Give an array its values, in place."""
    state, target = stack.pop(), stack[-1]
    if isinstance(target, _Dtype):
        return
    _, shape, dtype, column_major, values = state
    if not isinstance(target, _Array) or not isinstance(dtype, _Dtype) or column_major:
        raise refused(name, "a state of something other than an array of bytes")
    filled(target, shape, values)


def filled(target: _Array, shape: Any, values: Any) -> _Array:
    """Return an array, now with this shape and these bytes."""
    sizes = tuple(expect(size, int) for size in expect(shape, tuple))
    if len(sizes) > 2 or math.prod(sizes) != len(expect(values, str)) or min(sizes, default=-1) < 0:
        raise ValueError(f"{len(values):,} bytes for an array of the shape {list(sizes[:3])}")
    target.shape, target.content = sizes, values
    return target


def since_mark(stack: list[Any]) -> list[Any]:
    """Take everything since the last mark from the stack, and the mark."""
    place = next((place for place in range(len(stack) - 1, -1, -1) if isinstance(stack[place], _Mark)), None)
    if place is None:
        raise ValueError("a mark is missing")
    items = stack[place + 1 :]
    del stack[place:]
    return items


def expect(value: Any, kind: type) -> Any:
    """Return the value if it is of this very type."""
    if type(value) is not kind:
        raise TypeError(f"found {type(value).__name__}, expected {kind.__name__}")
    return value


def refused(name: str, what: str) -> DataError:
    """Return the error for a pickle that does what CIFAR-10's do not."""
    return DataError(
        f"{name} is refused: it has {printable(what)[:200]}, which CIFAR-10's batches do not have, and a pickle can "
        f"run any code; nothing was run: get the files from cs.toronto.edu/~kriz/cifar.html"
    )
