"""One file from the network: whole, checked and resumable, or refused by name.

What arrives is kept beside the target as `.part`, with the address and the version that it is of; the next
try asks for the rest alone. Only what has its digest takes the target's place.
"""

from __future__ import annotations

import http.client
import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from groupwise.errors import GroupwiseError
from groupwise.files import sha256_file, write_json
from groupwise.version import __version__

TIMEOUT_S = 30.0
PIECE = 1 << 20
MOST_BYTES = 4 << 30
SHA256 = re.compile(r"[0-9a-f]{64}")
STATUS = {
    401: "is not given out without a token",
    403: "is not given out (403)",
    404: "is not there (404)",
    410: "is no longer there (410)",
    429: "is asked for too often (429)",
}

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Download:
    """What to get: `sha256` is the whole digest or the part of it that is known; None is not pinned."""

    url: str
    target: Path
    sha256: str | None = None


def fetch(wanted: Download, progress: Progress | None = None, *, timeout_s: float = TIMEOUT_S) -> str:
    """Get the file unless it is there whole; returns its SHA-256.

    Raises `GroupwiseError` for whatever does not give the file; what was received until then is gone on with
    by the next call, unless it is of another file.
    """
    if wanted.target.is_file():
        return _checked(wanted, wanted.target, "kept")
    wanted.target.parent.mkdir(parents=True, exist_ok=True)
    part, marker = (wanted.target.with_name(f"{wanted.target.name}.{end}") for end in ("part", "part.json"))
    try:
        announced = _receive(wanted, part, marker, progress, timeout_s)
    except TimeoutError:
        raise _failed(wanted, f"sent nothing for {timeout_s:g} s") from None
    except urllib.error.HTTPError as error:
        said = STATUS.get(error.code, f"is not given out by the server just now ({error.code})")
        if 300 <= error.code < 400:
            said = f"leads to no address of the web ({error.code})"
        raise _failed(wanted, said) from None
    except urllib.error.URLError as error:
        if isinstance(error.reason, TimeoutError):
            raise _failed(wanted, f"sent nothing for {timeout_s:g} s") from None
        raise _failed(wanted, f"cannot be reached ({error.reason})") from None
    except (http.client.HTTPException, OSError) as error:
        raise _failed(wanted, f"broke off ({error or type(error).__name__})") from None
    try:
        _refuse_other_kind(wanted, part)
        digest = _checked(wanted, part, "received", announced)
    except GroupwiseError:
        _forget(part, marker)
        raise
    part.replace(wanted.target)
    marker.unlink(missing_ok=True)
    return digest


def _receive(
    wanted: Download, part: Path, marker: Path, progress: Progress | None, timeout_s: float
) -> str | None:
    """Append what is still missing to `part`; returns the digest that the server announces, if it does."""
    known = _version(part, marker, wanted.url)
    request = urllib.request.Request(wanted.url, headers={"User-Agent": f"groupwise/{__version__}"})
    began = part.stat().st_size if known is not None else 0
    if known is not None:
        request.add_header("Range", f"bytes={began}-")
        request.add_header("If-Range", known)
    announced: list[str] = []
    opener = urllib.request.build_opener(_Redirects(announced))
    try:
        answer = opener.open(request, timeout=timeout_s)
    except urllib.error.HTTPError as error:
        if error.code != 416 or known is None:  # the part is as long as the file, or longer
            raise
        _forget(part, marker)
        return _receive(wanted, part, marker, progress, timeout_s)
    with answer:
        if "html" in (answer.headers.get("Content-Type") or ""):
            raise _unsuited(wanted, "is a page of HTML where a file should be")
        goes_on = answer.status == 206 and _starts_at(answer, began)
        began = began if goes_on else 0
        total = began + int(answer.headers.get("Content-Length") or 0)
        if total > MOST_BYTES:
            raise _unsuited(wanted, f"is of {total:,} bytes, and at most {MOST_BYTES:,} are taken")
        if version := answer.headers.get("ETag"):
            write_json(marker, {"url": wanted.url, "version": version})
        else:
            marker.unlink(missing_ok=True)
        with part.open("ab" if goes_on else "wb") as file:
            _copy(answer, file, began, total, progress)
    if total and part.stat().st_size != total:
        raise _failed(wanted, f"broke off after {part.stat().st_size:,} of {total:,} bytes")
    return next(iter(announced), None) or _linked(answer.headers)


def _copy(answer: Any, file: IO[bytes], done: int, total: int, progress: Progress | None) -> None:
    while piece := answer.read(PIECE):
        file.write(piece)
        done += len(piece)
        if done > max(total, MOST_BYTES):
            raise OSError("more than a file of weights")
        if progress:
            progress(done, max(total, done))


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, and keeps the digest that the hub states on the first answer of its own."""

    def __init__(self, announced: list[str]) -> None:
        self._announced = announced

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if digest := _linked(headers):
            self._announced.append(digest)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _linked(headers: Any) -> str | None:
    """The SHA-256 that a hub states of a large file."""
    said = (headers.get("X-Linked-ETag") or "").strip('"')
    return said if SHA256.fullmatch(said) else None


def _starts_at(answer: Any, began: int) -> bool:
    return (answer.headers.get("Content-Range") or "").startswith(f"bytes {began}-")


def _version(part: Path, marker: Path, url: str) -> str | None:
    """The version of which `part` is the beginning; None where that is not known."""
    if not (part.is_file() and marker.is_file()):
        return None
    with suppress(ValueError, OSError, KeyError, TypeError):
        held = json.loads(marker.read_text())
        if held["url"] == url and part.stat().st_size:
            return str(held["version"])
    return None


def _refuse_other_kind(wanted: Download, file: Path) -> None:
    """Refuse what the first bytes show to be no weights, before anything reads on."""
    with file.open("rb") as held:
        first = held.read(256)
    if first.lstrip()[:1] == b"<":
        raise _unsuited(wanted, "is a page of HTML where a file should be")
    if wanted.target.suffix == ".safetensors":
        length = int.from_bytes(first[:8], "little")
        if first[8:9] != b"{" or not 0 < length <= file.stat().st_size - 8:
            pickled = first[:2] in (b"\x80\x02", b"PK") or first[:1] == b"\x80"
            raise _unsuited(wanted, "is pickled" if pickled else "is no file of safetensors")


def _checked(wanted: Download, file: Path, verb: str, announced: str | None = None) -> str:
    digest = sha256_file(file)
    for known, whose in ((wanted.sha256, "this version knows"), (announced, "the server states")):
        if known is not None and not digest.startswith(known):
            place = file if verb == "kept" else wanted.url
            raise GroupwiseError(
                f"has the SHA-256 {digest[:12]}..., and {whose} {known[:12]}...; nothing of it was read",
                place=place,
                remedy="Remove the file, and try again."
                if verb == "kept"
                else "Try again, or another mirror.",
            )
    return digest


def _forget(part: Path, marker: Path) -> None:
    part.unlink(missing_ok=True)
    marker.unlink(missing_ok=True)


def _failed(wanted: Download, fact: str) -> GroupwiseError:
    return GroupwiseError(
        fact,
        place=wanted.url,
        remedy="The same command goes on where it stopped; without a network bring that file here by other"
        f" means, and name it: --weights {wanted.url.rpartition('/')[2]}",
    )


def _unsuited(wanted: Download, fact: str) -> GroupwiseError:
    return GroupwiseError(
        fact, place=wanted.url, remedy="Look at the address in a browser, or name a file: --weights FILE."
    )
