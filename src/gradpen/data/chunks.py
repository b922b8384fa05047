"""Decode encoded images into an array, chunk by chunk, so that an interrupted decoding goes on where it stopped.

The array lies in a folder of work that one process at a time holds by a lock. When a chunk is in the array, a note
of what came of it is written whole or not at all; after an interruption a note is trusted only if the chunk's
pixels in the array are those that it names.
"""

import hashlib
import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from gradpen.data.folder import Collection, FolderOptions, Progress, in_order, scan
from gradpen.data.image import Header, UnreadableImageError
from gradpen.data.source import pixel_digest
from gradpen.data.target import Target, decode_file
from gradpen.data.values import Images
from gradpen.machine.files import lock_at_once, take_room

CHUNK = 4096
"""images between two notes"""
POLL_SECONDS = 0.2
LOCK, HEADERS, ARRAY = "lock", "headers.json", "images.npy"

Mapped = np.memmap[Any, np.dtype[Any]]
Headers = list[Header | UnreadableImageError]
Result = tuple[Images, list[str], str] | UnreadableImageError


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """What came of consecutive image files."""

    rows: list[int]
    """index in the listing of each image in the array"""
    unreadable: list[tuple[str, str]]
    digests: list[str]
    """digest of each used file's bytes"""
    notes: dict[str, int]


def note_file(place: Path, start: int) -> Path:
    """Return where the chunk that begins at this file is noted."""
    return place / f"chunk-{start:010d}.json"


def write_whole(file: Path, text: str) -> None:
    """Write a file so that after an interruption all of it is there, or nothing new."""
    new = file.with_suffix(".new")
    with new.open("w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(new, file)


def hold(place: Path, progress: Progress) -> TextIO:
    """Take a folder of work, made if it is not there, for this process; wait while another one holds it.

    The lock is held until the file that is returned is closed, or the process ends, however it does.
    """
    while True:
        place.mkdir(parents=True, exist_ok=True)
        # Whoever held the folder may rename or remove it between the two lines: then begin again.
        with suppress(FileNotFoundError):
            lock = (place / LOCK).open("a")
            if is_mine(lock, place):
                return lock
            lock.close()
        progress("waiting for another process that decodes these images", 0, 1)
        time.sleep(POLL_SECONDS)


def is_mine(lock: TextIO, place: Path) -> bool:
    """Lock an open file at once if nobody has it, and return whether it still is the lock of this folder.

    Who held it before may have renamed or removed the folder.
    """
    try:
        if lock_at_once(lock) is False:
            return False
        return os.path.samestat(os.fstat(lock.fileno()), (place / LOCK).stat())
    except FileNotFoundError:
        return False


def known_headers(collection: Collection, place: Path, options: FolderOptions, progress: Progress) -> Headers:
    """Return the header of each file, from an interrupted decoding where it got so far."""
    try:
        found: list[Any] = json.loads((place / HEADERS).read_text())
        headers: Headers = [
            UnreadableImageError(item)
            if isinstance(item, str)
            else Header(**{**item, "extremes": (item["extremes"][0], item["extremes"][1])})
            for item in found
        ]
        if len(headers) == len(collection.listing.files):
            return headers
    except (OSError, ValueError, TypeError, LookupError):
        pass
    headers = scan(collection, options, progress)
    items = [asdict(item) if isinstance(item, Header) else str(item) for item in headers]
    write_whole(place / HEADERS, json.dumps(items))
    return headers


def open_array(place: Path, shape: tuple[int, ...], dtype: str) -> Mapped:
    """Return the array of an interrupted decoding, or a new one, its room on the disk taken at once.

    Raises:
        OSError: there is no room; what was taken is given back.
    """
    try:
        array: Mapped | None = np.load(place / ARRAY, mmap_mode="r+")
    except (OSError, ValueError):
        array = None
    if array is None or array.shape != shape or array.dtype != dtype:
        for note in place.glob("chunk-*.json"):
            note.unlink()
        array = np.lib.format.open_memmap(place / ARRAY, mode="w+", dtype=dtype, shape=shape)
    try:
        with (place / ARRAY).open("r+b") as file:
            take_room(file)
    except OSError:
        (place / ARRAY).unlink()
        raise
    return array


def trusted_chunks(place: Path, candidates: list[int], array: Images) -> list[Decoded]:
    """Return what came of the first chunks as an interrupted decoding noted it, as far as the array bears it out."""
    chunks: list[Decoded] = []
    used = 0
    for start in range(0, len(candidates), CHUNK):
        try:
            note = json.loads(note_file(place, start).read_text())
            pixels, files = note.pop("pixels"), note.pop("files")
            chunk = Decoded(**{**note, "unreadable": [(file, reason) for file, reason in note["unreadable"]]})
            known = len(chunk.rows) + len(chunk.unreadable) == len(files) and len(chunk.digests) == len(chunk.rows)
        except (OSError, ValueError, TypeError, LookupError, AttributeError):
            break
        if not known or files != candidates[start : start + CHUNK] or not set(chunk.rows) <= set(files):
            break
        if pixel_digest(array[used : used + len(chunk.rows)]) != pixels:
            break
        chunks.append(chunk)
        used += len(chunk.rows)
    return chunks


def decode_all(
    collection: Collection,
    headers: Headers,
    array: Mapped,
    place: Path,
    target: Target,
    options: FolderOptions,
    progress: Progress,
) -> Decoded:
    """Decode every file with a header into the rows of ``array`` ``[N, C, H, W]``, in order.

    Chunks that are noted in ``place`` are not decoded again.
    """
    known = {
        file: header
        for file, header in zip(collection.listing.files, headers, strict=True)
        if isinstance(header, Header)
    }

    def work(file: str) -> Result:
        try:
            content = collection.read(file)
            pixels, notes = decode_file(content, known[file], target, options)
        except UnreadableImageError as error:
            return error
        return pixels, notes, hashlib.blake2b(content, digest_size=16).hexdigest()

    files = collection.listing.files
    candidates = [index for index, header in enumerate(headers) if isinstance(header, Header)]
    chunks = trusted_chunks(place, candidates, array)
    first = len(chunks) * CHUNK
    results = in_order(work, [files[index] for index in candidates], "decoding", progress, first)
    used = sum(len(chunk.rows) for chunk in chunks)
    for start in range(first, len(candidates), CHUNK):
        chosen = candidates[start : start + CHUNK]
        chunk = take_chunk(chosen, results, files, array[used : used + len(chosen)])
        chunks.append(chunk)
        array.flush()
        done = array[used : used + len(chunk.rows)]
        note = {**asdict(chunk), "files": chosen, "pixels": pixel_digest(done)}
        write_whole(note_file(place, start), json.dumps(note))
        used += len(chunk.rows)
    bad = [(file, str(item)) for file, item in zip(files, headers, strict=True) if not isinstance(item, Header)]
    return merge(bad, chunks)


def take_chunk(chosen: list[int], results: Iterator[Result], files: list[str], array: Images) -> Decoded:
    """Lay the results for the chosen files into the first rows of ``array``."""
    rows: list[int] = []
    unreadable: list[tuple[str, str]] = []
    digests: list[str] = []
    notes: Counter[str] = Counter()
    for index, result in zip(chosen, results, strict=False):
        if isinstance(result, UnreadableImageError):
            unreadable.append((files[index], str(result)))
            continue
        array[len(rows)], noted, digest = result
        rows.append(index)
        digests.append(digest)
        notes.update(noted)
    return Decoded(rows=rows, unreadable=unreadable, digests=digests, notes=dict(notes))


def merge(unreadable: list[tuple[str, str]], chunks: list[Decoded]) -> Decoded:
    """Return all chunks as one, after the files without a header."""
    notes: Counter[str] = Counter()
    for chunk in chunks:
        notes.update(chunk.notes)
    return Decoded(
        rows=[row for chunk in chunks for row in chunk.rows],
        unreadable=unreadable + [item for chunk in chunks for item in chunk.unreadable],
        digests=[digest for chunk in chunks for digest in chunk.digests],
        notes=dict(notes),
    )
