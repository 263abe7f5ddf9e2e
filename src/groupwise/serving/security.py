"""The guard of the server: turns away what no page or program of ours sends, and marks every answer.

A page of another site can make a browser send requests to a server on this machine, under this server's own
name if it controls that site's DNS records ("DNS rebinding"). The names in `Host` and `Origin` tell.
"""

from __future__ import annotations

import hmac
import ipaddress
import time
from collections.abc import Callable, Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from groupwise.serving.intake import RETRY_AFTER_S, Refused
from groupwise.serving.metrics import Counters

# What a browser may do with our pages: nothing that leaves this server.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
# The page itself holds nothing secret, and probes come without a token.
OPEN_PATHS = ("/", "/healthz", "/readyz")
OPEN_PREFIX = "/static/"


class SecurityMiddleware:
    """The outermost layer: checks `Host`, `Origin` and the token, counts, and sets the headers of `HEADERS`.

    `hosts` are the names this server answers to beside addresses in digits; `draining` says whether
    connections are to be closed after their answer.
    """

    def __init__(
        self,
        app: ASGIApp,
        counters: Counters,
        *,
        hosts: Collection[str],
        token: str | None,
        draining: Callable[[], bool],
    ) -> None:
        self.app, self.counters, self.draining = app, counters, draining
        self.hosts = {host.lower() for host in hosts}
        self.token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":  # uvicorn's start and stop
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                if self.draining():
                    headers["Connection"] = "close"
                self.counters.count(scope["path"], message["status"], time.perf_counter() - started)
            await send(message)

        try:
            self._check(scope)
        except Refused as refused:
            await refusal(refused)(scope, receive, marked)
        else:
            await self.app(scope, receive, marked)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._is_ours(host):
            raise Refused(
                421,
                f"this server does not go by the name {host!r}",
                remedy="Use the address it printed, or start it with --allow-host.",
            )
        origin = headers.get("origin")
        if origin is not None and scope["method"] != "GET" and not _is_same(origin, host):
            raise Refused(403, f"sent by a page of {origin}", remedy="Use this server's own page.")
        path = scope["path"]
        if self.token is not None and path not in OPEN_PATHS and not path.startswith(OPEN_PREFIX):
            self._check_token(headers.get("authorization", ""))

    def _is_ours(self, host: str) -> bool:
        name = _name(host).lower()
        return name in self.hosts or _is_address(name)

    def _check_token(self, authorization: str) -> None:
        scheme, _, given = authorization.partition(" ")
        expected = str(self.token).encode()
        # The comparison takes as long for a wrong token as for the right one.
        same = hmac.compare_digest(given.strip().encode("utf-8", "surrogateescape"), expected)
        if scheme.lower() != "bearer" or not same:
            raise Refused(
                401,
                "the token is missing or wrong",
                remedy="Send the header `Authorization: Bearer TOKEN`, with what --token was given.",
            )


def refusal(refused: Refused) -> JSONResponse:
    """The response that says what was refused."""
    headers = {}
    if refused.status == 503:
        headers["Retry-After"] = str(RETRY_AFTER_S)
    if refused.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    words = {"fact": refused.fact, "remedy": refused.remedy, "code": refused.code}
    return JSONResponse(words, refused.status, headers)


def _name(host: str) -> str:
    """`host` without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _is_address(name: str) -> bool:
    # Rebinding needs a name, so an address in digits is safe.
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_same(origin: str, host: str) -> bool:
    return origin.lower() in (f"http://{host.lower()}", f"https://{host.lower()}")
