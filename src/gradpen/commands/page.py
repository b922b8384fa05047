"""``gradpen page``."""

import errno
import os
import signal
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional

from gradpen.commands.options import complain, option
from gradpen.commands.schedule import cores
from gradpen.errors import UsageError
from gradpen.text import printable

HTTP, LAST_PORT = 80, 65_535
"""the port that browsers leave out"""
POLITE = 5
"""how far the page steps back behind training on the same machine, as ``nice`` counts it"""


@dataclass(frozen=True, kw_only=True)
class PageCommand:
    """Open a local page: watch runs as they train, put two side by side, explore a trained model.

    The page listens on this machine alone, and answers to the address that is printed, which holds a token. It changes
    nothing in the folder. With --out the page of a run is written as files, which open from disk without gradpen.

    Typical commands:

      gradpen page                              (every run below runs/)
      gradpen page runs/00001-photos-quick
      gradpen page runs/00001-photos-quick --out page    (to hand in or to publish)
    """

    folder: Annotated[Positional[Path], option("[RUN|FOLDER]", "runs")] = Path("runs")
    """A run, or a folder with runs, studies or comparisons below it."""
    out: Annotated[Path | None, option("FOLDER", "no")] = None
    """Write the page of one run as files instead: grids, walks, labels and nearest pictures prepared."""
    data: Annotated[str | None, option("DATA", "where they were")] = None
    """Where the data of the run lie now, if they moved."""
    port: Annotated[int, option("N", "8465, or the next that is free")] = 8465
    """Port to listen on."""
    host: Annotated[str, option("ADDRESS", "127.0.0.1, this machine alone")] = "127.0.0.1"
    """Address to listen on; any other lets other machines ask, who need the token too."""

    def run(self) -> int:
        """Serve until Ctrl-C, or write the files."""
        refuse_missing(self.folder)
        try:
            import starlette  # noqa: F401
            import uvicorn  # noqa: F401
        except ImportError:
            raise UsageError(
                "the page needs starlette and uvicorn; install them with: pip install 'gradpen[page]'"
            ) from None
        import torch

        torch.set_num_threads(max(1, cores() // 2))
        if self.out is not None:
            from gradpen.page.frozen import freeze

            print(f"page     {freeze(self.folder, self.out, data=self.data, say=complain)}")
            return 0
        serve(self)
        return 0


def refuse_missing(folder: Path) -> None:
    """Raise if there is no such folder."""
    if not folder.is_dir():
        raise UsageError(f"{printable(folder)} is no folder; give a run, or a folder that holds runs")


def serve(options: PageCommand) -> None:
    """Listen, print the address, and answer until Ctrl-C."""
    import uvicorn

    from gradpen.page.folder import Page
    from gradpen.page.models import Models
    from gradpen.page.server import application, new_token

    listener = listening(options.host, options.port)
    port, token = listener.getsockname()[1], new_token()
    names = names_of(options.host)
    app = application(
        Page(root=options.folder, models=Models(data=options.data)),
        token=token,
        hosts={f"{name}:{port}".lower() for name in names} | ({*names} if port == HTTP else set()),
        cookie=f"gradpen-{port}",
    )
    os.nice(POLITE)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", timeout_graceful_shutdown=1))
    # Ctrl-C is how a page ends, no interruption of anything.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with listener, suppress(KeyboardInterrupt):
        print(f"page     http://{names[0]}:{port}/?token={token}", flush=True)
        complain("Ctrl-C ends it")
        server.run(sockets=[listener])


def names_of(host: str) -> list[str]:
    """Return the names under which an address is asked, the best first."""
    if host in ("0.0.0.0", "::"):
        name = socket.gethostname()
        return [name, socket.getfqdn(), *addresses_of(name), "localhost", "127.0.0.1"]
    return [f"[{host}]" if ":" in host else host, *(["localhost"] if host in ("127.0.0.1", "::1") else [])]


def addresses_of(name: str) -> list[str]:
    """Return the addresses of this machine, as far as it knows them."""
    try:
        return socket.gethostbyname_ex(name)[2]
    except OSError:
        return []


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens on the port, or on the next free one.

    Raises:
        UsageError: there is no such address, or no free port.
    """
    if not 0 <= port <= LAST_PORT:
        raise UsageError(f"--port {port}: expected a port, 0 to {LAST_PORT}")
    for tried in range(port, min(port + 20, LAST_PORT + 1)):
        listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, tried))
            # Whoever opens the address at once waits for the answer, and is not refused.
            listener.listen()
        except OSError as error:
            listener.close()
            if error.errno != errno.EADDRINUSE:
                raise UsageError(f"--host {printable(host)} --port {tried}: {error.strerror or error}") from None
            continue
        return listener
    raise UsageError(f"--port {port}: it and the 19 after it are in use; choose another")
