"""Decode a folder once: a memory-mapped uint8 array in the user's cache, found again by its key.

The key is the list of files with their sizes and modification times, and the options that shape the array;
the digest of the pixels is kept beside it, so that equal pixels have equal fingerprints wherever they lie.
"""

import errno
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from gradpen.data.decode import Header
from gradpen.data.folder import (
    Decoded,
    FolderOptions,
    Listing,
    Progress,
    decode_all,
    list_folder,
    scan,
    target_shape,
)
from gradpen.data.source import DataReport, Images, pixel_digest
from gradpen.errors import DataError
from gradpen.names import safe_name

FORMAT = 1
ABANDONED_SECONDS = 24 * 3600


def cache_folder() -> Path:
    """Return where decoded data are kept: ``$GRADPEN_CACHE``, else ``gradpen`` in the user's cache folder."""
    given = os.environ.get("GRADPEN_CACHE")
    if given:
        return Path(given)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "gradpen"


def store_key(folder: Path, listing: Listing, options: FolderOptions) -> str:
    """Return the key of the decoded array."""
    shaping = [options.size, options.channels, options.fit, options.background, options.max_pixels]
    digest = hashlib.sha256(json.dumps([FORMAT, os.fsdecode(folder.resolve()), shaping]).encode())
    for file, status in zip(listing.files, listing.stats, strict=True):
        digest.update(os.fsencode(file) + b"\0" + repr(status).encode() + b"\0")
    return digest.hexdigest()[:32]


def load_folder(
    folder: Path, options: FolderOptions, *, strict: bool, progress: Progress
) -> tuple[Images, list[str], str, DataReport]:
    """Return a folder's images, their file names, the digest of the pixels and the report.

    Raises:
        DataError: there is no readable image, a file is unreadable and ``strict`` is set, or the cache
            cannot be written.
    """
    listing = list_folder(folder)
    if not listing.files:
        others = ", ".join(f"{n} {safe_name(suffix)}" for suffix, n in list(listing.other.items())[:5])
        raise DataError(
            f"{safe_name(folder)} holds no image file" + (f" (only {others})" if others else "") + "; give "
            "a folder with PNG, JPEG, WebP, GIF, BMP, TIFF, PNM or AVIF images in it or below it"
        )
    place = cache_folder() / store_key(folder, listing, options)
    stored = read_store(place)
    if stored is None:
        build(folder, listing, options, place, strict=strict, progress=progress)
        stored = read_store(place)
    if stored is None:
        raise DataError(f"the decoded images in {safe_name(place)} cannot be read back; remove that folder")
    images, meta = stored
    report = DataReport(**{**meta["report"], "unreadable": [(a, b) for a, b in meta["report"]["unreadable"]]})
    if strict:
        refuse_unreadable(report.unreadable)
    return images, [listing.files[row] for row in meta["rows"]], meta["pixels"], report


def read_store(place: Path) -> tuple[Images, dict[str, Any]] | None:
    """Return a stored array and what is known about it; None if it is not there or not as it was written."""
    try:
        meta = json.loads((place / "meta.json").read_text())
        images = np.load(place / "images.npy", mmap_mode="r")[: len(meta["rows"])]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return (images, meta) if pixel_digest(images) == meta["pixels"] else None


def build(
    folder: Path, listing: Listing, options: FolderOptions, place: Path, *, strict: bool, progress: Progress
) -> None:
    """Decode the folder into ``place``: whole or not at all."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        for abandoned in place.parent.glob("*.decoding-*"):
            if time.time() - abandoned.stat().st_mtime > ABANDONED_SECONDS:
                shutil.rmtree(abandoned, ignore_errors=True)
        temporary = Path(tempfile.mkdtemp(prefix=f"{place.name}.decoding-", dir=place.parent))
    except OSError as error:
        raise DataError(
            f"the cache {safe_name(place.parent)} cannot be written ({error.strerror}); set GRADPEN_CACHE to "
            f"a folder with room for the decoded images"
        ) from None
    try:
        write_store(folder, listing, options, temporary, strict=strict, progress=progress)
        shutil.rmtree(place, ignore_errors=True)
        os.rename(temporary, place)
    except OSError as error:
        if error.errno in (errno.EEXIST, errno.ENOTEMPTY):
            return
        raise DataError(
            f"decoded images cannot be written to {safe_name(place.parent)} ({error.strerror}); make room "
            f"there or set GRADPEN_CACHE to another folder"
        ) from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_store(
    folder: Path, listing: Listing, options: FolderOptions, place: Path, *, strict: bool, progress: Progress
) -> None:
    """Write the decoded array and what is known about it."""
    headers = scan(folder, listing, options.max_pixels, progress)
    good = [header for header in headers if isinstance(header, Header)]
    bad = [(f, str(h)) for f, h in zip(listing.files, headers, strict=True) if not isinstance(h, Header)]
    if strict:
        refuse_unreadable(bad)
    refuse_nothing(folder, len(good), bad)
    shape = target_shape(good, options)
    room = shutil.disk_usage(place).free
    needed = len(good) * int(np.prod(shape))
    if needed > room:
        raise DataError(
            f"{len(good):,} images of {'x'.join(map(str, shape))} need {needed >> 20:,} MiB in "
            f"{safe_name(place.parent)}, which has {room >> 20:,} MiB free; choose a smaller --size or set "
            f"GRADPEN_CACHE to a folder with more room"
        )
    array = np.lib.format.open_memmap(place / "images.npy", mode="w+", dtype=np.uint8, shape=(len(good), *shape))
    with (place / "images.npy").open("r+b") as file:
        os.posix_fallocate(file.fileno(), 0, os.fstat(file.fileno()).st_size)
    decoded = decode_all(folder, listing, headers, array, options, progress)
    if strict:
        refuse_unreadable(decoded.unreadable)
    refuse_nothing(folder, len(decoded.rows), decoded.unreadable)
    array.flush()
    meta = {
        "rows": decoded.rows,
        "pixels": pixel_digest(array[: len(decoded.rows)]),
        "report": asdict(folder_report(folder, listing, good, decoded, shape)),
    }
    (place / "meta.json").write_text(json.dumps(meta))


def refuse_unreadable(unreadable: list[tuple[str, str]]) -> None:
    """Raise for the first unreadable file."""
    if unreadable:
        file, reason = unreadable[0]
        raise DataError(
            f"{safe_name(file)} is unreadable ({safe_name(reason)}), and {len(unreadable) - 1} more; repair "
            f"or remove them, or leave out --strict to train without them"
        )


def refuse_nothing(folder: Path, readable: int, unreadable: list[tuple[str, str]]) -> None:
    """Raise if no image is readable."""
    if readable == 0:
        file, reason = unreadable[0]
        raise DataError(
            f"none of the {len(unreadable)} image files in {safe_name(folder)} is readable; the first is "
            f"{safe_name(file)}: {safe_name(reason)}"
        )


def folder_report(
    folder: Path, listing: Listing, headers: list[Header], decoded: Decoded, shape: tuple[int, int, int]
) -> DataReport:
    """Return the report of a decoded folder."""
    sizes = Counter(f"{header.height}x{header.width}" for header in headers)
    groups: dict[bytes, list[str]] = {}
    for row, digest in zip(decoded.rows, decoded.digests, strict=True):
        groups.setdefault(digest, []).append(listing.files[row])
    return DataReport(
        kind="folder",
        path=str(folder),
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
