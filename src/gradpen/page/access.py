"""Who may ask: under this machine's name, with the token, from our own pages; what a browser may do with answers."""

import hmac
from collections.abc import Collection
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
REPORT_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; sandbox"
)
"""of reports, which are whole in themselves, and of studies, which anybody may have written"""
HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


class Guard:
    """Refuses requests under another host's name, without the token, or sent by another site's page.

    The first address carries the token, which becomes a cookie that no script reads and no other site sends.
    """

    def __init__(self, app: ASGIApp, *, token: str, hosts: Collection[str], cookie: str) -> None:
        self.app, self.token, self.hosts, self.cookie = app, token, hosts, cookie

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse to."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        refused = self.refusal(scope["method"], headers, given)
        if refused is not None:
            await PlainTextResponse(refused, status_code=403, headers=HEADERS)(scope, receive, send)
        elif given:
            to_itself = RedirectResponse(scope["path"], status_code=303, headers=HEADERS)
            to_itself.set_cookie(self.cookie, self.token, httponly=True, samesite="strict")
            await to_itself(scope, receive, send)
        else:
            await self.app(scope, receive, with_headers(send))

    def refusal(self, method: str, headers: Headers, given: str) -> str | None:
        """Return why a request is refused; None if it is not."""
        host = headers.get("host", "").lower()
        if host not in self.hosts:
            return "gradpen: this page answers under the address that it printed alone.\n"
        # Other servers of this machine set cookies too, in any form.
        token = given or cookie_parser(headers.get("cookie", "")).get(self.cookie, "")
        if not hmac.compare_digest(token.encode(), self.token.encode()):
            return "gradpen: open the whole address that gradpen page printed, with its token.\n"
        if method not in ("GET", "HEAD") and headers.get("origin") != f"http://{host}":
            return "gradpen: only its own page may send something.\n"
        return None


def with_headers(send: Send) -> Send:
    """Return a way to answer that tells browsers what an answer may do."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in {"content-security-policy": POLICY, **HEADERS}.items():
                headers.setdefault(name, value)
        await send(message)

    return sent
