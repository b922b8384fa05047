"""What file systems of other machines may lack: locks, room taken ahead, entries of folders forced to disk."""

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

UNSUPPORTED = frozenset(
    getattr(errno, name) for name in ("ENOSYS", "ENOLCK", "EOPNOTSUPP", "ENOTSUP", "EINVAL") if hasattr(errno, name)
)
"""what a file system answers that cannot do it, as some network and container ones"""
FULL = frozenset(getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EFBIG") if hasattr(errno, name))


def lock_at_once(file: IO[Any]) -> bool | None:
    """Lock an open file for this process until it is closed, without waiting.

    Returns:
        Whether it is ours now; None where the system or the file system has no locks, so that nobody can say.

    Raises:
        OSError: for any other reason than that another process holds it.
    """
    try:
        flock_at_once(file.fileno())
    except BlockingIOError:
        return False
    except (ImportError, AttributeError):
        return None
    except OSError as error:
        if error.errno in UNSUPPORTED:
            return None
        raise
    return True


def flock_at_once(descriptor: int) -> None:
    """Lock a descriptor as this system does; raise :class:`BlockingIOError` if another process holds it."""
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except PermissionError as error:
            raise BlockingIOError(errno.EWOULDBLOCK, "locked") from error
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def take_room(file: IO[Any]) -> None:
    """Take a file's room on the disk at once, where the system can; else it is taken as the file is filled.

    Raises:
        OSError: there is no room.
    """
    take: Callable[[int, int, int], None] | None = getattr(os, "posix_fallocate", None)
    if take is None:
        return
    try:
        take(file.fileno(), 0, os.fstat(file.fileno()).st_size)
    except OSError as error:
        if error.errno in FULL:
            raise


def sync_folder(path: Path) -> None:
    """Force a folder's entries to disk, where the system can."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except PermissionError:
        return  # Windows opens no folders.
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in {*UNSUPPORTED, errno.EACCES}:
            raise
    finally:
        os.close(descriptor)
