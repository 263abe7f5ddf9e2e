"""The server on its socket: no open door without a token, no slow head, no request lost."""

from __future__ import annotations

import asyncio
import ipaddress
import resource
import signal
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from groupwise.errors import GroupwiseError, UsageError
from groupwise.serving.app import create_app
from groupwise.serving.batching import Predictor
from groupwise.serving.intake import BODY_DEADLINE_S
from groupwise.serving.watching import Watch

HEAD_DEADLINE_S = 10.0
# How long a stopping server still takes requests, until whoever sends them has read /readyz or seen its
# connection closed.
DRAIN_S = 1.0
POLL_S = 0.02  # how often it looks whether all have left
SHORTEST_TOKEN = 16
SPARE_FILES = 64


@dataclass(frozen=True)
class Address:
    """Where to listen, under which further names, and for whom; without `token`, only for this machine.

    `token_place` is what gave the token.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    token: str | None = None
    names: tuple[str, ...] = ()
    token_place: str = "--token"

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65_535:
            raise UsageError(
                f"{self.port} is no port", place="--port", remedy="Give 1 to 65535, or 0 for any."
            )
        if self.token is not None and (fault := _token_fault(self.token)):
            raise UsageError(
                fault,
                place=self.token_place,
                remedy='Make one with: python -c "import secrets; print(secrets.token_urlsafe())"',
            )
        if self.token is None and not self.is_loopback:
            raise UsageError(
                f"{self.host} can be reached from other machines, and there is no token",
                place="--host",
                remedy="Give --token as well, or leave --host out.",
            )

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names that a request may address."""
        own = () if self.is_loopback else (self.host, socket.gethostname())
        return ("localhost", *own, *self.names)

    def bind(self) -> socket.socket:
        """Take the port, before anything large is loaded."""
        try:
            # asyncio sends small parts at once only where the protocol is named; else answers wait 40 ms
            info = socket.getaddrinfo(self.host, self.port, proto=socket.IPPROTO_TCP)[0]
            listener = socket.socket(*info[:3])
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(info[4])
        except (OSError, UnicodeError) as error:  # that of a name longer than names can be
            reason = error.strerror if isinstance(error, OSError) else "no name of a machine"
            raise GroupwiseError(
                f"cannot listen there ({reason})",
                place=f"{self.host}:{self.port}",
                remedy="Give another --port or --host.",
            ) from None
        return listener


def _token_fault(token: str) -> str:
    """Why no client could be told by it; empty where nothing is wrong with it."""
    if len(token) < SHORTEST_TOKEN:
        return f"shorter than {SHORTEST_TOKEN} characters"
    if token != token.strip():
        return "begins or ends with blanks or a line break, which no client can send"
    if not (token.isascii() and token.isprintable()):
        return "holds what the head of a request cannot: only ASCII letters, digits and signs"
    return ""


def url_of(listener: socket.socket) -> str:
    """The address of the page, one that other machines can use where it listens on all of this machine's."""
    host, port = listener.getsockname()[:2]
    if ipaddress.ip_address(host).is_unspecified:
        host = _outward_address(listener.family)
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def _outward_address(family: int) -> str:
    """The address that this machine shows to the next router, else its name; nothing is sent."""
    elsewhere = "192.0.2.1" if family == socket.AF_INET else "2001:db8::1"  # of no machine, RFC 5737 and 3849
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((elsewhere, 9))
            return str(probe.getsockname()[0])
    except OSError:
        return socket.gethostname()


def serve(
    predictor: Predictor,
    address: Address,
    listener: socket.socket,
    *,
    on_ready: Callable[[], None],
    watch: Watch | None = None,
) -> None:
    """Serve until SIGTERM or Ctrl-C, and return when all that was accepted is answered.

    `on_ready` is called when it listens, and would stop without losing any; `watch` finds later models.
    """
    server = Server(predictor, address, on_ready=on_ready, watch=watch)
    server.run(sockets=[listener])


class Server(uvicorn.Server):
    """uvicorn's server, which stops in two steps.

    First `/readyz` says 503 while requests are still served, each on a connection that closes with its
    answer; then it no longer listens, finishes what it has, and returns.
    """

    def __init__(
        self,
        predictor: Predictor,
        address: Address,
        *,
        on_ready: Callable[[], None] = lambda: None,
        drain_s: float = DRAIN_S,
        watch: Watch | None = None,
    ) -> None:
        self.on_ready, self.drain_s = on_ready, drain_s
        app = create_app(
            predictor,
            hosts=address.hosts,
            token=address.token,
            draining=lambda: self.should_exit,
            watch=watch,
        )
        super().__init__(
            uvicorn.Config(
                app,
                http=PatientProtocol,
                ws="none",
                log_level="warning",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=round(BODY_DEADLINE_S) + 10,
            )
        )

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Begin to stop; uvicorn's own would raise the signal again at the end, and not leave with 0."""
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True
        if sig == signal.SIGINT:  # somebody sits before it and waits
            self.drain_s = 0.0

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so."""
        await super().startup(sockets)
        self.on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain, stop listening, and finish; whoever came at the last moment is still heard."""
        await asyncio.sleep(self.drain_s)
        await self._close_door(sockets or ())
        loop = asyncio.get_running_loop()
        end = loop.time() + self.drain_s
        while self.server_state.connections and loop.time() < end:
            await asyncio.sleep(POLL_S)
        await super().shutdown(sockets)

    async def _close_door(self, listeners: Iterable[socket.socket]) -> None:
        """Stop listening, but let in who waits already, whom closing alone would cut off."""
        waiting = [connection for listener in listeners for connection in _accept_all(listener)]
        for server in self.servers:
            server.close()
        loop = asyncio.get_running_loop()
        for connection in waiting:
            await loop.connect_accepted_socket(self._protocol, connection)

    def _protocol(self) -> PatientProtocol:
        return PatientProtocol(self.config, self.server_state, self.lifespan.state)


def _accept_all(listener: socket.socket) -> Iterator[socket.socket]:
    """The connections that are made already, on a socket that does not wait."""
    with suppress(OSError):
        while True:
            yield listener.accept()[0]


class PatientProtocol(H11Protocol):
    """uvicorn's HTTP/1.1 with a deadline for the head of a request, which uvicorn lets trickle for ever."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, unless there are too many for the process's file descriptors."""
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            transport.abort()
            return
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadline."""
        super().connection_lost(exc)
        if self._deadline:
            self._deadline.cancel()

    def on_response_complete(self) -> None:
        """Expect the next request on the same connection."""
        self._expect_head()
        super().on_response_complete()

    def _expect_head(self) -> None:
        if self._deadline:
            self._deadline.cancel()
        self._deadline = self.loop.call_later(HEAD_DEADLINE_S, self._close_unless_served, self.cycle)

    def _close_unless_served(self, last: Any) -> None:
        if self.cycle is last and not self.transport.is_closing():
            self.transport.abort()


def _count_connections() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(SPARE_FILES, soft - SPARE_FILES)


MAX_CONNECTIONS = _count_connections()
