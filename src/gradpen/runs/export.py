"""A trained generator as a file for other programs: ONNX, PyTorch's exported program, or safetensors.

A file is written beside its place, read back and compared with the run before it gets its name.
"""

import json
import logging
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from gradpen.errors import RunError, UsageError, readable_writes
from gradpen.text import printable

__all__ = ["export"]

CHECKED = (1, 3, 64)
"""batches at which a file is compared with the run"""
TOLERANCE = 1e-4
"""largest difference that is rounding, where the data span -1 to 1"""
OPSET = 18
FORMATS = (".onnx", ".pt2", ".safetensors")
Compute = Callable[[tuple[Tensor, ...]], Tensor]


class Trained(Protocol):
    """What an export needs of a run; :class:`gradpen.Run` is one."""

    @property
    def generator(self) -> nn.Module: ...
    @property
    def iteration(self) -> int: ...
    def describe(self) -> dict[str, Any]: ...
    def inputs(self, count: int, *, seed: int = 0) -> tuple[Tensor, ...]: ...
    def plain_generator(self, *, units: bool = False) -> nn.Module: ...


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What was written and how near it is to the run."""

    path: Path
    difference: float
    """largest difference to the run's own samples over the batches compared, where the data span -1 to 1"""


def export(run: Trained, out: str | Path, *, units: bool = False) -> Exported:
    """Write a run's generator for other programs, and compare the file with the run at batches of 1, 3 and 64.

    Latents are the input ``latents [B, latent_dim]``, labels the input ``labels [B, K]`` of a conditional run; images
    come out ``[B, C, H, W]``. The batch is free.

    Args:
        run: a loaded run.
        out: ``.onnx`` (needs the extra ``onnx``), ``.pt2`` for ``torch.export.load``, or ``.safetensors``, the weights
            alone with what they are in the header.
        units: numbers come out in the data's units, 0 to 255 for images, instead of -1 to 1.

    Raises:
        UsageError: the suffix is another, the place cannot be written, or a program that is needed is not there.
        RunError: what was written does not compute what the run does.
    """
    path = Path(out)
    if path.suffix not in FORMATS:
        raise UsageError(f"`out={printable(path)}`: a generator is exported to one of {', '.join(FORMATS)}")
    if units and path.suffix == ".safetensors":
        raise UsageError("weights alone have no units; leave out `units`, or export to .onnx or .pt2")
    write, read = {".onnx": (write_onnx, read_onnx), ".pt2": (write_program, read_program)}.get(
        path.suffix, (write_weights, lambda file: read_weights(file, run))
    )
    with readable_writes(UsageError, path, "choose another `out`"):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".exporting-") as folder:
            written = Path(folder) / path.name
            write(run, written, units)
            difference = compared(run, read(written), units)
            os.replace(written, path)
    return Exported(path=path, difference=difference)


def compared(run: Trained, compute: Compute, units: bool) -> float:
    """Return the largest difference between what a file computes and the run; raise if it is more than rounding."""
    scale = run.describe()["range"] if units else (-1.0, 1.0)
    largest = 0.0
    for count in CHECKED:
        inputs = run.inputs(count, seed=count)
        with torch.no_grad():
            expected = run.plain_generator(units=units)(*inputs)
        found = compute(inputs)
        if found.shape != expected.shape:
            raise RunError(f"the export gives {list(found.shape)} for a batch of {count}, not {list(expected.shape)}")
        largest = max(largest, float((found - expected).abs().max()) * 2 / (scale[1] - scale[0]))
    if not largest <= TOLERANCE:
        raise RunError(f"the export differs from the run by {largest:.2g} where {TOLERANCE:g} is rounding: not written")
    return largest


def write_program(run: Trained, path: Path, units: bool) -> None:
    """Write PyTorch's exported program."""
    inputs = run.inputs(2)
    with quietly():
        free = tuple({0: torch.export.Dim("batch", min=1)} for _ in inputs)
        program = torch.export.export(run.plain_generator(units=units), inputs, dynamic_shapes=free)
        torch.export.save(program, path, extra_files={"gradpen.json": json.dumps(run.describe())})


def read_program(path: Path) -> Compute:
    """Return what an exported program computes."""
    with quietly():
        program = torch.export.load(path).module()
    return lambda inputs: program(*inputs).detach()


def write_onnx(run: Trained, path: Path, units: bool) -> None:
    """Write an ONNX file; raise :class:`UsageError` if the extra is not installed."""
    try:
        import onnx
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise UsageError(f"an ONNX file needs {error.name}; install it with pip install 'gradpen[onnx]'") from None
    inputs = run.inputs(2)
    with quietly():
        program = torch.onnx.export(
            run.plain_generator(units=units),
            inputs,
            dynamo=True,
            opset_version=OPSET,
            input_names=["latents", "labels"][: len(inputs)],
            output_names=["images"],
            dynamic_shapes=tuple({0: torch.export.Dim("batch", min=1)} for _ in inputs),
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    onnx.helper.set_model_props(model, {"gradpen": json.dumps(run.describe())})
    onnx.checker.check_model(model)
    onnx.save(model, path)


def read_onnx(path: Path) -> Compute:
    """Return what onnxruntime computes with a file."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [given.name for given in session.get_inputs()]

    def compute(inputs: tuple[Tensor, ...]) -> Tensor:
        feeds = {name: value.numpy() for name, value in zip(names, inputs, strict=True)}
        return torch.from_numpy(np.asarray(session.run(None, feeds)[0]))

    return compute


def write_weights(run: Trained, path: Path, units: bool) -> None:
    """Write the weights under the names that the plain generator has them by."""
    del units
    from safetensors.torch import save_file

    tensors = {name: tensor.contiguous() for name, tensor in run.plain_generator().state_dict().items()}
    save_file(tensors, path, metadata={"gradpen": json.dumps(run.describe())})


def read_weights(path: Path, run: Trained) -> Compute:
    """Return what a plain generator computes with the weights of a file."""
    from safetensors.torch import load_file

    network = run.plain_generator()
    for parameter in network.parameters():
        parameter.data.zero_()
    network.load_state_dict(load_file(path))

    @torch.no_grad()
    def compute(inputs: tuple[Tensor, ...]) -> Tensor:
        images: Tensor = network(*inputs)
        return images

    return compute


@contextmanager
def quietly() -> Iterator[None]:
    """Leave out what exporters say about themselves."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
