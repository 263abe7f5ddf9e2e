"""Bodies of requests as bytes, under limits of size, time and memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import Request

from groupwise.errors import GroupwiseError

MAX_BODY_BYTES = 20_000_000
MAX_PIXELS = 50_000_000
BODY_DEADLINE_S = 20.0
# The bodies of all clients together, so that memory does not grow with their number.
MAX_BYTES_HELD = 256_000_000
RETRY_AFTER_S = 1


class Refused(GroupwiseError):  # noqa: N818  # names the outcome, as the statuses do
    """A request that is answered by a 4xx or 503 `status`, with fact and remedy in its body."""

    def __init__(
        self, status: int, fact: str, *, remedy: str, place: str = "request", code: str | None = None
    ) -> None:
        self.status, self.code = status, code
        super().__init__(fact, place=place, remedy=remedy)


def busy(fact: str) -> Refused:
    """The refusal of a request that may be sent again in a moment."""
    return Refused(503, fact, remedy=f"Send it again in {RETRY_AFTER_S} s.")


class Intake:
    """Receives bodies; `bytes_held` counts those of all clients that are not answered yet."""

    def __init__(self) -> None:
        self.bytes_held = 0

    @asynccontextmanager
    async def body(self, request: Request) -> AsyncIterator[bytes]:
        """Yield the whole body, which counts as held until the block ends.

        Raises `Refused`: 400 (empty), 408 (too slow), 413 (too large), 415 (a form), 503 (too much of
        others).
        """
        _check_announced(request.headers.get("content-length", ""))
        if request.headers.get("content-type", "").lower().startswith("multipart/"):
            raise Refused(
                415,
                "the body is a form, not a picture",
                remedy="Send the raw bytes: curl --data-binary @file, not -F.",
                code="form",
            )
        chunks, size = [], 0
        try:
            try:
                async with asyncio.timeout(BODY_DEADLINE_S):
                    async for chunk in request.stream():
                        size += len(chunk)
                        self.bytes_held += len(chunk)
                        self._check_size(size)
                        chunks.append(chunk)
            except TimeoutError:
                raise Refused(
                    408,
                    f"the picture did not arrive within {BODY_DEADLINE_S:.0f} s",
                    remedy="Make it smaller, or use a faster connection.",
                ) from None
            if not size:
                raise Refused(400, "the body is empty", remedy="Send the bytes of an image file.")
            yield b"".join(chunks)
        finally:
            self.bytes_held -= size

    def _check_size(self, size: int) -> None:
        if size > MAX_BODY_BYTES:
            raise _too_large()
        if self.bytes_held > MAX_BYTES_HELD:
            raise busy("too many large pictures are being received")


def _check_announced(content_length: str) -> None:
    # The protocol's parser has already refused what is no number.
    if content_length.isdigit() and int(content_length) > MAX_BODY_BYTES:
        raise _too_large()


def _too_large() -> Refused:
    return Refused(
        413, f"the file is larger than {MAX_BODY_BYTES / 1e6:.0f} MB", remedy="Make the picture smaller."
    )
