"""The page's server: its addresses, and what an answer is that cannot be given."""

import secrets
import sys
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gradpen.errors import GradpenError, RunError
from gradpen.language import speaking
from gradpen.page.access import Guard
from gradpen.page.answers import ANSWERS, Answer, checkpoint_of
from gradpen.page.folder import Page

STATIC = Path(__file__).parent / "static"
KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
MOST_SENT = 20_000_000
"""bytes of a picture that is given"""


def application(page: Page, *, token: str, hosts: set[str], cookie: str) -> Starlette:
    """Return the server of a folder.

    Args:
        page: what is looked at.
        token: that a browser must bring.
        hosts: names with ports under which it answers.
        cookie: name of the cookie that holds the token.
    """
    routes = [Route(f"/api/{name}", answering(page, answer)) for name, answer in ANSWERS.items()]
    routes += [Route("/api/find", receiving(page), methods=["POST"])]
    routes += [Route("/", static("index.html"))]
    routes += [Route(f"/{file.name}", static(file.name)) for file in sorted(STATIC.iterdir()) if file.suffix in KINDS]
    return Starlette(routes=routes, middleware=[Middleware(Guard, token=token, hosts=hosts, cookie=cookie)])


def new_token() -> str:
    """Return a token that nobody guesses."""
    return secrets.token_urlsafe(24)


def static(name: str) -> Callable[[Request], Response]:
    """Return what answers with one of the page's own files."""
    file = STATIC / name

    def answer(_request: Request) -> Response:
        return Response(file.read_bytes(), media_type=KINDS[file.suffix])

    return answer


def answering(page: Page, answer: Answer) -> Callable[[Request], Response]:
    """Return what answers a request, with a sentence where that is not possible."""

    def answered(request: Request) -> Response:
        return in_words(lambda: answer(page, request))

    return answered


def receiving(page: Page) -> Callable[[Request], Awaitable[Response]]:
    """Return what takes a picture of bounded size and answers with the sample nearest to it."""

    async def received(request: Request) -> Response:
        content = bytearray()
        async for part in request.stream():
            content += part
            if len(content) > MOST_SENT:
                return problem(f"The file has more than {MOST_SENT:,} bytes; give a smaller picture.", 413)

        def found() -> dict[str, Any]:
            run = page.models.run(page.run_folder(request.query_params.get("run")).path, checkpoint_of(request))
            return page.models.find(run, bytes(content), request.query_params.get("label"))

        return await run_in_threadpool(in_words, found)

    return received


def in_words(answer: Callable[[], Any]) -> Response:
    """Return an answer as a response; what went wrong as a sentence, never a trace of the program."""
    try:
        with speaking("en"):  # as the page itself does
            answered = answer()
            return answered if isinstance(answered, Response) else JSONResponse(answered)
    except GradpenError as error:
        return problem(str(error), 404 if isinstance(error, RunError) else 422)
    except Exception as error:
        traceback.print_exc(file=sys.stderr)
        return problem(f"gradpen could not answer ({type(error).__name__}); its terminal says more.", 500)


def problem(sentence: str, status: int) -> Response:
    """Return a sentence about what went wrong."""
    return JSONResponse({"problem": sentence}, status_code=status)
