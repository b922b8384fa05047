"""Decode a folder once: a memory-mapped uint8 array in the user's cache, found again by its key.

The key is the list of files with their sizes and modification times, and the options that shape the array;
the digest of the pixels is kept beside it, so that equal pixels have equal fingerprints wherever they lie. While it
is made, the array lies in a folder of work beside its place, where an interrupted decoding is found and continued.
"""

import hashlib
import json
import os
import shutil
import time
from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradpen.data.arrays import ARRAY_ERRORS
from gradpen.data.chunks import ARRAY, LOCK, Decoded, decode_all, hold, is_mine, known_headers, open_array
from gradpen.data.folder import Collection, FolderOptions, Listing, Progress, list_folder, read_file
from gradpen.data.image import Header
from gradpen.data.numbers import can_read_tiff
from gradpen.data.source import DataReport, pixel_digest
from gradpen.data.target import target_of
from gradpen.data.values import PIXELS, Images, Values, few_levels, values_from_json
from gradpen.errors import DataError, readable_writes
from gradpen.machine.room import cache_folder
from gradpen.text import printable

FORMAT = 3
META = "meta.json"
WORK = ".decoding"
SPREAD = "masks"
ABANDONED_SECONDS = 30 * 24 * 3600
"""after so long an interrupted decoding is removed"""


@dataclass(frozen=True, kw_only=True)
class Stored:
    """Decoded images, and what is known about them."""

    images: Images
    """``[N, C, H, W]``, mapped from the disk"""
    files: list[str]
    """name of each"""
    pixels: str
    """digest of the numbers"""
    report: DataReport
    values: Values


def store_key(folder: Path, listing: Listing, options: FolderOptions) -> str:
    """Return the key of the decoded array."""
    shaping = [
        options.size,
        options.channels,
        options.fit,
        options.background,
        options.range,
        options.max_pixels,
        can_read_tiff(),
        options.axes,
    ]
    digest = hashlib.sha256(json.dumps([FORMAT, os.fsdecode(folder.resolve()), shaping]).encode())
    for file, status in zip(listing.files, listing.stats, strict=True):
        digest.update(os.fsencode(file) + b"\0" + repr(status).encode() + b"\0")
    return digest.hexdigest()[:32]


def load_folder(folder: Path, options: FolderOptions, *, strict: bool, progress: Progress) -> Stored:
    """Return a folder's images and what is known about them.

    Raises:
        DataError: there is no readable image, a file is unreadable and ``strict`` is set, or the cache
            cannot be written.
    """
    collection = image_files(folder)
    return load_collection(collection, options, strict=strict, progress=progress)


def image_files(folder: Path) -> Collection:
    """Return the image files below a folder.

    Raises:
        DataError: there are none.
    """
    listing = list_folder(folder)
    if not listing.files:
        others = ", ".join(f"{n} {printable(suffix)}" for suffix, n in list(listing.other.items())[:5])
        raise DataError(
            f"{printable(folder)} holds no image file" + (f" (only {others})" if others else "") + "; give "
            "a folder with PNG, JPEG, WebP, GIF, BMP, TIFF, PNM or AVIF images in it or below it, or with .npy files"
        )
    return Collection(kind="folder", path=folder, listing=listing, read=lambda file: read_file(folder / file))


def load_collection(collection: Collection, options: FolderOptions, *, strict: bool, progress: Progress) -> Stored:
    """Return encoded images as an array from the store, decoded now if they are not there; see :func:`load_folder`."""
    place = cache_folder() / store_key(collection.path, collection.listing, options)
    stored = read_store(place)
    if stored is None:
        if place.exists():
            progress("the decoded images in the cache were damaged, so they are decoded again", 0, 1)
        build(collection, options, place, strict=strict, progress=progress)
        stored = read_store(place)
    if stored is None:
        raise DataError(f"the decoded images in {printable(place)} cannot be read back; remove that folder")
    images, meta = stored
    # Other files may have come since the images were decoded, and do not change the key.
    now = {
        "unreadable": [(file, reason) for file, reason in meta["report"]["unreadable"]],
        "other_files": collection.listing.other,
    }
    report = DataReport(**(meta["report"] | now))
    if strict:
        refuse_unreadable(report.unreadable)
    return Stored(
        images=images,
        files=[collection.listing.files[row] for row in meta["rows"]],
        pixels=meta["pixels"],
        report=report,
        values=values_from_json(meta["values"]),
    )


def read_store(place: Path) -> tuple[Images, dict[str, Any]] | None:
    """Return a stored array and what is known about it; None if it is not there or not as it was written."""
    try:
        digest, _, text = (place / META).read_text().partition("\n")
        if digest != digest_of(text):
            return None
        meta = json.loads(text)
        images = np.load(place / ARRAY, mmap_mode="r")[: len(meta["rows"])]
        if [str(images.dtype), *images.shape[1:]] != [meta["dtype"], *meta["report"]["shape"]]:
            return None
    except ARRAY_ERRORS:
        return None
    return (images, meta) if pixel_digest(images) == meta["pixels"] else None


def digest_of(text: str) -> str:
    """Return the sha256 of what is known about a stored array, which stands in the line before it."""
    return hashlib.sha256(text.encode()).hexdigest()


def build(collection: Collection, options: FolderOptions, place: Path, *, strict: bool, progress: Progress) -> None:
    """Decode into ``place``: whole or not at all. What an interrupted decoding did is not done again."""
    work = place.with_name(place.name + WORK)
    cache = f"the cache {place.parent}"
    with readable_writes(DataError, cache, "set GRADPEN_CACHE to a folder with room for the decoded images"):
        remove_abandoned(place.parent, work)
        lock = hold(work, progress)
    advice = "make room there or set GRADPEN_CACHE to another folder; what is decoded already is kept"
    with lock, readable_writes(DataError, cache, advice):
        if read_store(place) is not None:
            shutil.rmtree(work)
            return
        write_store(collection, options, work, strict=strict, progress=progress)
        shutil.rmtree(place, ignore_errors=True)
        os.rename(work, place)


def remove_abandoned(cache: Path, wanted: Path) -> None:
    """Remove what interrupted decodings left long ago and nobody holds, but for the wanted one."""
    for work in cache.glob(f"*{WORK}*"):
        with suppress(OSError):
            if work != wanted and time.time() - work.stat().st_mtime > ABANDONED_SECONDS:
                with (work / LOCK).open("a") as lock:
                    if is_mine(lock, work):
                        shutil.rmtree(work, ignore_errors=True)


def write_store(
    collection: Collection, options: FolderOptions, work: Path, *, strict: bool, progress: Progress
) -> None:
    """Write the decoded array and what is known about it, and remove the notes that led there."""
    files = collection.listing.files
    headers = known_headers(collection, work, options, progress)
    good = [header for header in headers if isinstance(header, Header)]
    bad = [(f, str(h)) for f, h in zip(files, headers, strict=True) if not isinstance(h, Header)]
    if strict:
        refuse_unreadable(bad)
    refuse_nothing(collection.path, len(good), bad)
    target = target_of(good, options)
    shape = (len(good), *target.shape)
    refuse_too_large(shape, target.dtype, work)
    array = open_array(work, shape, target.dtype)
    decoded = decode_all(collection, headers, array, work, target, options, progress)
    if strict:
        refuse_unreadable(decoded.unreadable)
    if not decoded.rows:
        (work / ARRAY).unlink()
    refuse_nothing(collection.path, len(decoded.rows), decoded.unreadable)
    if not target.numbers:
        decoded = with_masks_spread(array[: len(decoded.rows)], decoded, work / SPREAD)
    decoded = replace(decoded, notes=decoded.notes | target.values.note(len(decoded.rows)))
    meta = {
        "rows": decoded.rows,
        "pixels": pixel_digest(array[: len(decoded.rows)]),
        "dtype": target.dtype,
        "values": target.values.to_json(),
        "report": asdict(collection_report(collection, good, decoded, shape[1:])),
    }
    text = json.dumps(meta)
    (work / META).write_text(f"{digest_of(text)}\n{text}")
    for file in work.iterdir():
        if file.name not in (ARRAY, META, LOCK):
            file.unlink()


def with_masks_spread(array: NDArray[np.uint8], decoded: Decoded, begun: Path) -> Decoded:
    """Bring masks of 0 and 1 to 0 and 255, in place, and note it; note other images that use few levels."""
    if begun.exists() or (array.shape[1] == 1 and int(array.max()) == 1):
        begun.touch()  # an interruption in the middle leaves both 1 and 255
        array[array == 1] = 255
        return replace(decoded, notes=decoded.notes | {"mask of 0 and 1 taken as black and white": len(decoded.rows)})
    return replace(decoded, notes=decoded.notes | few_levels(array, PIXELS))


def refuse_too_large(shape: tuple[int, int, int, int], dtype: str, work: Path) -> None:
    """Raise if the disk has no room for an array, beside what is there of it already."""
    have = (work / ARRAY).stat().st_blocks * 512 if (work / ARRAY).is_file() else 0
    room = shutil.disk_usage(work).free
    needed = int(np.prod(shape)) * np.dtype(dtype).itemsize
    if needed > room + have:
        raise DataError(
            f"{shape[0]:,} images of {'x'.join(map(str, shape[1:]))} need {needed >> 20:,} MiB in "
            f"{printable(work.parent)}, which has {room >> 20:,} MiB free; choose a smaller `data.size` or set "
            f"GRADPEN_CACHE to a folder with more room"
        )


def refuse_unreadable(unreadable: list[tuple[str, str]]) -> None:
    """Raise for the first unreadable file."""
    if unreadable:
        file, reason = unreadable[0]
        raise DataError(
            f"{printable(file)} is unreadable ({printable(reason)}), and {len(unreadable) - 1} more; repair "
            f"or remove them, or leave out `data.strict` to train without them"
        )


def refuse_nothing(folder: Path, readable: int, unreadable: list[tuple[str, str]]) -> None:
    """Raise if no image is readable."""
    if readable == 0:
        file, reason = unreadable[0]
        raise DataError(
            f"none of the {len(unreadable)} image files in {printable(folder)} is readable; the first is "
            f"{printable(file)}: {printable(reason)}"
        )


def collection_report(
    collection: Collection, headers: list[Header], decoded: Decoded, shape: tuple[int, int, int]
) -> DataReport:
    """Return the report of decoded images."""
    listing = collection.listing
    sizes = Counter(f"{header.height}x{header.width}" for header in headers)
    groups: dict[str, list[str]] = {}
    for row, digest in zip(decoded.rows, decoded.digests, strict=True):
        groups.setdefault(digest, []).append(listing.files[row])
    return DataReport(
        kind=collection.kind,
        path=str(collection.path),
        found=len(listing.files),
        used=len(decoded.rows),
        shape=shape,
        sizes=dict(sizes.most_common(20)),
        modes=dict(Counter(header.mode for header in headers).most_common()),
        unreadable=decoded.unreadable,
        duplicates=[group for group in groups.values() if len(group) > 1],
        notes=decoded.notes,
        other_files=listing.other,
    )
