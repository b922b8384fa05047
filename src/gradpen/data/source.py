"""A data source: images held once as uint8, a held-out part, and endless batches addressed by number."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gradpen.batch import Batch
from gradpen.data.labels import Labels, LabelSpace, class_labels
from gradpen.data.shown import as_pixels
from gradpen.data.values import PIXELS, Images, Values
from gradpen.errors import DataError
from gradpen.machine.sharing import count, rank
from gradpen.networks.blocks import Shape
from gradpen.text import composed, printable

Indices = NDArray[np.int64]

FEWEST_HELD_OUT = 2
"""a standard error needs two"""


@dataclass(frozen=True, kw_only=True)
class DataReport:
    """What was found in the data, and what was done to it."""

    kind: str
    """folder, idx, cifar, lsun, array or embedded"""
    path: str
    found: int
    """images found, readable or not"""
    used: int
    """images in the source"""
    shape: tuple[int, int, int]
    """channels, height and width of the images as trained on"""
    sizes: dict[str, int] = field(default_factory=dict)
    """images per original size, written HEIGHTxWIDTH"""
    modes: dict[str, int] = field(default_factory=dict)
    """images per original mode (Pillow's names) or dtype"""
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    """file and reason for each image that was left out"""
    duplicates: list[list[str]] = field(default_factory=list)
    """groups of images with the same content"""
    classes: dict[str, int] = field(default_factory=dict)
    """images per class or with each attribute, where labels are known"""
    labels: str = ""
    """where the labels come from"""
    notes: dict[str, int] = field(default_factory=dict)
    """how often something was done to an image on the way in, or found about it"""
    other_files: dict[str, int] = field(default_factory=dict)
    """files that are no images, by their suffix"""


@dataclass(frozen=True, kw_only=True)
class Source:
    """Images to learn from."""

    images: Images
    """``[N, C, H, W]``, in memory or memory-mapped: uint8 from 0 to 255, or float32 in [-1, 1]; of text uint16 codes
    ``[N, 1, 1, L]``"""
    train: Indices
    """rows to train on"""
    held_out: Indices
    """rows never trained on, for honest measures"""
    labels: Labels | None
    """label of each row, where labels are known"""
    fingerprint: str
    """sha256 of shape, pixels, labels (not their names) and split: equal exactly if these are"""
    report: DataReport
    values: Values = PIXELS
    """what the numbers mean in the data's own units"""
    endless: Callable[[np.random.Generator, int], NDArray[np.float32]] | None = None
    """draws so many new vectors ``[n, D]``, which then make up every batch; the rows are for measures"""

    @property
    def shape(self) -> Shape:
        """Channels, height and width of one image as the networks take it; of text symbols, 1 and characters."""
        _, channels, height, width = self.images.shape
        return channels if self.values.symbols is None else len(self.values.symbols), height, width

    @property
    def sides(self) -> str:
        """Height and width, of volumes depth, height and width, of text its length, in words."""
        _, height, width = self.shape
        if self.values.symbols is not None:
            return f"{width} characters"
        depth = self.values.depth
        return f"{height}x{width}" if depth is None else f"{depth}x{height // depth}x{width}"


def pixels_to_range(pixels: Tensor) -> Tensor:
    """Map uint8 pixels 0..255 to the networks' range [-1, 1].

    >>> pixels_to_range(torch.tensor([0, 255], dtype=torch.uint8))
    tensor([-1.,  1.])
    """
    return pixels.float().div_(127.5).sub_(1)


def range_to_pixels(images: Tensor) -> Tensor:
    """Map [-1, 1] to the nearest uint8 pixel; values outside are clamped.

    >>> range_to_pixels(torch.tensor([-1.0, 0.0, 1.0, 3.0]))
    tensor([  0, 128, 255, 255], dtype=torch.uint8)
    """
    return (images * 127.5 + 127.5).round_().clamp_(0, 255).to(torch.uint8)


def gather(source: Source, rows: Indices, device: torch.device) -> Tensor:
    """Return the images of these rows as float32 ``[len(rows), C, H, W]`` in [-1, 1] on the device, channels last."""
    if source.values.symbols is not None:
        return one_hot(torch.from_numpy(source.images[rows].astype(np.int64)).to(device), len(source.values.symbols))
    numbers = torch.from_numpy(source.images[rows]).to(device)
    in_range = pixels_to_range(numbers) if numbers.dtype == torch.uint8 else numbers
    return in_range.contiguous(memory_format=torch.channels_last)


def one_hot(codes: Tensor, symbols: int) -> Tensor:
    """Return codes ``[N, 1, 1, L]`` as float32 ``[N, symbols, 1, L]``, channels last: 1 for the symbol that is there.

    >>> one_hot(torch.tensor([[[[1, 0]]]]), 2)[0, :, 0].tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    return torch.nn.functional.one_hot(codes[:, 0].long(), symbols).float().permute(0, 3, 1, 2)


def settled(samples: Tensor) -> Tensor:
    """Return text ``[N, V, 1, L]`` with 1 for the likeliest symbol of each place and 0 for the others."""
    return one_hot(samples.argmax(1, keepdim=True), samples.shape[1])


def shown(source: Source, rows: Indices) -> NDArray[np.uint8]:
    """Return the images of these rows as pictures, uint8 ``[len(rows), C, H, W]``."""
    return as_pixels(np.asarray(source.images[rows]), source.values)


def spread_out(rows: Indices, count: int) -> Indices:
    """Return ``count`` of the rows at even distances."""
    return rows[np.linspace(0, len(rows), count, endpoint=False).astype(np.int64)]


@lru_cache(maxsize=2)
def epoch_order(count: int, seed: int, epoch: int) -> Indices:
    """Return the order of one pass over ``count`` images, a permutation that depends on nothing else."""
    return np.random.Generator(np.random.Philox(key=[seed, epoch])).permutation(count)


def batch_positions(count: int, batch_size: int, seed: int, number: int) -> Indices:
    """Return which of ``count`` images make up batch ``number`` of the endless sequence.

    The sequence is one shuffled pass after the other, cut into full batches; any batch is addressed by its
    number alone, so a resumed run continues with exactly the next one.

    >>> sorted(int(i) for n in range(3) for i in batch_positions(6, 2, seed=0, number=n))
    [0, 1, 2, 3, 4, 5]
    """
    start, stop = number * batch_size, (number + 1) * batch_size
    parts = []
    for epoch in range(start // count, (stop - 1) // count + 1):
        first, last = max(start - epoch * count, 0), min(stop - epoch * count, count)
        parts.append(epoch_order(count, seed, epoch)[first:last])
    return np.concatenate(parts)


def label_vectors(source: Source, rows: Indices) -> Tensor:
    """Return the label vectors of these rows, ``[len(rows), K]``.

    Raises:
        DataError: the data have no labels.
    """
    if source.labels is None:
        raise DataError(f"{printable(source.report.path)} has no labels to condition on; {how_to_label(source.report)}")
    return torch.from_numpy(label_space(source.labels).vectors(source.labels.values[rows]))


def how_to_label(report: DataReport) -> str:
    """Return in words how images of this kind get labels."""
    if report.kind == "folder":
        return "choose `data.labels` as folders, names or FILE (a table), or `data.columns` of a table there"
    if report.kind == "array":
        return "save an .npz with images and labels, or pass labels= in Python"
    return "give a folder of images, whose labels `data.labels` can name, or an .npz with images and labels"


@lru_cache(maxsize=2)
def label_space(labels: Labels) -> LabelSpace:
    """Return the space of these labels, computed once."""
    return labels.space()


def batches(
    source: Source,
    batch_size: int,
    *,
    seed: int,
    start: int,
    device: torch.device,
    conditional: bool = False,
    flip: bool = False,
    dequantise: bool = False,
    parts: int = 1,
) -> Iterator[Batch]:
    """Yield training batches of images in [-1, 1], with labels if conditional, for ever, from batch ``start`` on.

    Of many processes, each gets its rows of every part that gradients are accumulated from. With ``flip`` half of the
    images, drawn for each batch by its number, are mirrored from left to right; ``dequantise`` adds noise to pixels.
    """
    number = start
    while True:
        everyone = source.train[batch_positions(len(source.train), batch_size, seed, number)]
        # Parts first and processes second: part p of all processes together is part p of one process alone.
        mine = np.arange(batch_size).reshape(parts, count(), -1)[:, rank()].flatten()
        rows = everyone[mine]
        labels = label_vectors(source, rows).to(device) if conditional else None
        if source.endless is None:
            images = gather(source, rows, device)
        else:
            random = np.random.Generator(np.random.Philox(key=[seed, number], counter=2))
            images = torch.from_numpy(source.endless(random, batch_size)[mine][:, None, None]).to(device)
        if dequantise:
            random = np.random.Generator(np.random.Philox(key=[seed, number], counter=1))
            noise = random.random((batch_size, *source.shape), dtype=np.float32)[mine]
            images = spread_in_levels(images, torch.from_numpy(noise).to(device))
        if flip:
            mirrored = np.random.Generator(np.random.Philox(key=[seed, number])).random(batch_size) < 0.5
            images = torch.where(
                torch.from_numpy(mirrored[mine]).to(device)[:, None, None, None], images.flip(3), images
            )
        yield Batch(images=images, labels=labels)
        number += 1


def spread_in_levels(images: Tensor, noise: Tensor) -> Tensor:
    """Return 8-bit images in [-1, 1], grey level p spread from p / 128 - 1 to the next by noise in [0, 1).

    Source: ``gan_cifar_resnet.py`` of Gulrajani et al. 2017 (github.com/igul222/improved_wgan_training).

    >>> spread_in_levels(torch.tensor([-1.0, 1.0]), torch.tensor([0.5, 0.5]))
    tensor([-0.9961,  0.9961])
    """
    return ((images + 1) * 127.5 + noise) / 128 - 1


def split(count: int, fraction: float) -> tuple[Indices, Indices]:
    """Return rows to train on and held-out rows (at least two), the same for every run on this many images."""
    order = np.random.Generator(np.random.Philox(key=0)).permutation(count)
    held_out = max(FEWEST_HELD_OUT, int(count * fraction))
    return np.sort(order[held_out:]), np.sort(order[:held_out])


def only_classes(source: Source, wanted: tuple[str, ...]) -> Source:
    """Return the source with the images of the wanted classes, or with all of the wanted attributes, only.

    Raises:
        DataError: a class is not there, or the data have no classes.
    """
    if not wanted:
        return source
    labels, wanted = source.labels, tuple(map(composed, wanted))
    if labels is None or labels.kind in ("values", "mixed"):
        raise DataError(
            f"{printable(source.report.path)} has no classes to choose {', '.join(wanted)} from; leave out "
            f"`data.only`, or give data with labels (`data.labels=folders` for one sub-folder per class, idx, npz)"
        )
    for name in wanted:
        if name not in labels.names:
            known = ", ".join(printable(name) for name in labels.names)
            raise DataError(f"{printable(source.report.path)} has no class '{printable(name)}'; it has: {known}")
    numbers = [labels.names.index(name) for name in wanted]
    keep: NDArray[np.bool_] = np.isin(labels.values, numbers)
    if labels.kind == "attributes":
        keep = np.all(labels.values[:, numbers] > 0, axis=1)
    renumbered = np.cumsum(keep) - 1
    images, labels = source.images[keep], labels.take(np.flatnonzero(keep))
    if labels.kind == "classes":
        order = {number: place for place, number in enumerate(numbers)}
        labels = class_labels(np.array([order[int(number)] for number in labels.values]), wanted)
    train = renumbered[source.train[keep[source.train]]]
    held_out = renumbered[source.held_out[keep[source.held_out]]]
    report = replace(source.report, used=len(images), classes=labels.counts())
    return make_source(images, train, held_out, labels, report, values=source.values)


def make_source(
    images: Images,
    train: Indices,
    held_out: Indices,
    labels: Labels | None,
    report: DataReport,
    pixels: str | None = None,
    values: Values = PIXELS,
) -> Source:
    """Return a source with its fingerprint; ``pixels`` is the images' digest where it is known already."""
    digest = hashlib.sha256(json.dumps(images.shape).encode())
    if images.dtype != np.uint8:
        digest.update(f"{values.low},{values.high}{''.join(values.symbols or ())}".encode())
    digest.update((pixels or pixel_digest(images)).encode())
    for rows in (train, held_out, None if labels is None else labels.values):
        form = "<i8" if rows is None or rows.dtype == np.int64 else "<f4"
        digest.update(b"-" if rows is None else rows.astype(form).tobytes())
    return Source(
        images=images,
        train=train,
        held_out=held_out,
        labels=labels,
        fingerprint=digest.hexdigest(),
        report=report,
        values=values,
    )


def pixel_digest(images: Images) -> str:
    """Return the sha256 of the pixels in order."""
    digest = hashlib.sha256()
    for start in range(0, len(images), 4096):
        digest.update(np.ascontiguousarray(images[start : start + 4096]).data)
    return digest.hexdigest()


def duplicate_groups(images: Images, names: list[str]) -> list[list[str]]:
    """Return groups of names whose images are equal pixel for pixel."""
    groups: dict[bytes, list[str]] = {}
    for name, image in zip(names, images, strict=True):
        groups.setdefault(hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=16).digest(), []).append(name)
    return [group for group in groups.values() if len(group) > 1]


def report_to_json(source: Source) -> dict[str, Any]:
    """Return the report and what the numbers mean as JSON-able values, every outside name made safe to print."""
    report = source.report
    values = asdict(report) | {"values": source.values.to_json()}
    values["path"] = printable(report.path)
    values["unreadable"] = [[printable(name), printable(reason)] for name, reason in report.unreadable]
    values["other_files"] = {printable(suffix): count for suffix, count in report.other_files.items()}
    values["duplicates"] = [[printable(name) for name in group] for group in report.duplicates]
    values["labels"] = printable(report.labels)
    values["classes"] = {printable(name): count for name, count in report.classes.items()}
    return values
