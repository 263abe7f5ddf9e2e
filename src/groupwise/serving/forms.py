"""Files in the body of a form, as `curl -F` and browsers send it (RFC 7578)."""

from __future__ import annotations

from email.message import Message

from groupwise.serving.intake import MAX_BODY_BYTES, Refused, too_large

MAX_FILES = 64
CURL = "curl -F picture=@left.jpg -F picture=@right.jpg"


def files_of(body: bytes, content_type: str) -> list[bytes]:
    """The files of a form, in order.

    Raises `Refused`: 400 (no form, cut off, a field that is no file, no file), 413 (a file too large, too
    many).
    """
    head = Message()
    head["Content-Type"] = content_type
    boundary = head.get_boundary()
    if head.get_content_type() != "multipart/form-data" or not boundary:
        raise _no_form("the body is no form of files")
    mark = b"--" + boundary.encode("latin-1", "replace")
    parts = body.removeprefix(mark).split(b"\r\n" + mark)
    if not parts.pop().startswith(b"--"):
        raise _no_form("the form ends before its last boundary")
    if not parts:
        raise _no_form("the form holds no file")
    if len(parts) > MAX_FILES:
        raise Refused(
            413,
            f"the form holds {len(parts)} files, and a case has at most {MAX_FILES} pictures here",
            remedy="Send fewer of them.",
        )
    return [_file(part) for part in parts]


def _file(part: bytes) -> bytes:
    """What follows the blank line of one part, if its head names a file."""
    head, found, content = part.partition(b"\r\n\r\n")
    if not found or b"filename" not in head.lower():
        raise _no_form("a field of the form is no file")
    if len(content) > MAX_BODY_BYTES:
        raise too_large()
    return content


def _no_form(fact: str) -> Refused:
    return Refused(400, fact, remedy=f"Send each picture as a file: {CURL}, with the @.")
