"""Bodies of requests as bytes, under limits of size, time and memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import Request

from groupwise.errors import GroupwiseError

MAX_BODY_BYTES = 20_000_000  # of one picture
MAX_CASE_BYTES = 60_000_000
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

    def of_picture(self, number: int, pictures: int) -> Refused:
        """The same of a case, which says which of its pictures it is."""
        fact = f"picture {number} of {pictures}: {self.fact}"
        return Refused(self.status, fact, remedy=self.remedy, place=self.place, code=self.code)


def busy(fact: str) -> Refused:
    """The refusal of a request that may be sent again in a moment."""
    return Refused(503, fact, remedy=f"Send it again in {RETRY_AFTER_S} s.")


class Intake:
    """Receives bodies; `bytes_held` counts those of all clients that are not answered yet."""

    def __init__(self) -> None:
        self.bytes_held = 0

    @asynccontextmanager
    async def body(self, request: Request, max_bytes: int = MAX_BODY_BYTES) -> AsyncIterator[bytes]:
        """Yield the whole body, which counts as held until the block ends.

        Raises `Refused`: 400 (empty), 408 (too slow), 413 (too large), 503 (too much of others).
        """
        announced = request.headers.get("content-length", "")
        # The protocol's parser has already refused what is no number.
        if announced.isdigit() and int(announced) > max_bytes:
            raise too_large(max_bytes)
        chunks, size = [], 0
        try:
            try:
                async with asyncio.timeout(BODY_DEADLINE_S):
                    async for chunk in request.stream():
                        size += len(chunk)
                        self.bytes_held += len(chunk)
                        self._check_size(size, max_bytes)
                        chunks.append(chunk)
            except TimeoutError:
                raise Refused(
                    408,
                    f"the picture did not arrive within {BODY_DEADLINE_S:.0f} s",
                    remedy="Make it smaller, or use a faster connection.",
                ) from None
            if not size:
                remedy = "Send the bytes of an image file, or of a case a form with a file for each picture."
                raise Refused(400, "the body is empty", remedy=remedy)
            yield b"".join(chunks)
        finally:
            self.bytes_held -= size

    def _check_size(self, size: int, max_bytes: int) -> None:
        if size > max_bytes:
            raise too_large(max_bytes)
        if self.bytes_held > MAX_BYTES_HELD:
            raise busy("too many large pictures are being received")


def refuse_form(request: Request) -> None:
    """Raise `Refused` (415) for a form where a picture's own bytes are wanted."""
    if request.headers.get("content-type", "").lower().startswith("multipart/"):
        raise Refused(
            415,
            "the body is a form, not a picture",
            remedy="Send the raw bytes: curl --data-binary @file, not -F; or pictures of one case to"
            " /v1/predict-case.",
            code="form",
        )


def too_large(max_bytes: int = MAX_BODY_BYTES) -> Refused:
    """The refusal of a body, or of a file in it, of more than `max_bytes`."""
    what = "file is" if max_bytes == MAX_BODY_BYTES else "files are"
    return Refused(
        413, f"the {what} larger than {max_bytes / 1e6:.0f} MB", remedy="Make the picture smaller."
    )
