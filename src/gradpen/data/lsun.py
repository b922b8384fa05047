"""LSUN as it is published: an lmdb database with one encoded image (WebP) for each key (yf.io/p/lsun)."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gradpen.data.folder import Collection, Listing
from gradpen.data.image import UnreadableImageError
from gradpen.errors import DataError
from gradpen.text import printable

DATABASE = "data.mdb"


def is_lsun(folder: Path) -> bool:
    """Return whether the folder is an lmdb database."""
    return (folder / DATABASE).is_file()


@contextmanager
def lsun_images(folder: Path) -> Iterator[Collection]:
    """Open the encoded images of a database, by key.

    A database that was only copied in part is refused: reading past its end would end the process.

    Raises:
        DataError: lmdb is not installed, or the database is damaged or empty.
    """
    name = printable(folder)
    try:
        import lmdb
    except ImportError:
        raise DataError(
            f"{name} is an lmdb database, as LSUN's, and lmdb is not installed: pip install 'gradpen[lsun]'"
        ) from None
    try:
        status = (folder / DATABASE).stat()
        database = lmdb.open(str(folder), readonly=True, lock=False, readahead=False, create=False)
    except (lmdb.Error, OSError) as error:
        raise DataError(f"{name} cannot be opened as lmdb ({printable(error)}); copy the database again") from None
    with database:
        pages = (database.info()["last_pgno"] + 1) * database.stat()["psize"]
        if status.st_size < pages:
            raise DataError(
                f"{printable(folder / DATABASE)} has {status.st_size:,} bytes of {pages:,}; copy the database again"
            )

        def read(key: str) -> bytes:
            try:
                with database.begin() as transaction:
                    return bytes(transaction.get(key.encode("latin-1"), b""))
            except lmdb.Error as error:
                raise UnreadableImageError(f"cannot be read from the database: {error}") from None

        try:
            with database.begin() as transaction:
                keys = [bytes(key).decode("latin-1") for key in transaction.cursor().iternext(values=False)]
        except lmdb.Error as error:
            raise DataError(f"{name} is a damaged lmdb ({printable(error)}); copy the database again") from None
        if not keys:
            raise DataError(f"{name} is an empty lmdb database; give one with encoded images, as LSUN's")
        stats = [(status.st_size, status.st_mtime_ns)] * len(keys)
        yield Collection(kind="lsun", path=folder, listing=Listing(files=keys, stats=stats, other={}), read=read)
