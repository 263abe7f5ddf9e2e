"""Files in the body of a form, as `curl -F` and browsers send it (RFC 7578)."""

from __future__ import annotations

import logging

from python_multipart import FormParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import File, parse_options_header

from groupwise.serving.intake import MAX_BODY_BYTES, Refused, too_large

FORM = "multipart/form-data"
MAX_FILES = 64
CURL = "curl -F picture=@left.jpg -F picture=@right.jpg"
# What a client gets wrong is told to the client, not to whoever runs the server.
logging.getLogger("python_multipart").setLevel(logging.ERROR)


def files_of(body: bytes, content_type: str) -> list[bytes]:
    """The files of a form, in order.

    Raises `Refused`: 400 (no form, cut off, a field that is no file, no file), 413 (a file too large, too
    many).
    """
    kind, options = parse_options_header(content_type)
    if kind != FORM.encode() or b"boundary" not in options:
        raise _no_form("the body is no form of files")
    found: list[bytes] = []
    ends: list[bool] = []

    def keep(file: File) -> None:
        if file.size > MAX_BODY_BYTES:
            raise too_large()
        if len(found) == MAX_FILES:  # at once: a million empty ones would keep the others waiting
            fact = f"the form holds more than {MAX_FILES} files, which are the most that a case has here"
            remedy = "Send fewer, or answer it by `groupwise predict RUN FOLDER --group-regex PATTERN`."
            raise Refused(413, fact, remedy=remedy)
        file.file_object.seek(0)
        found.append(file.file_object.read())

    in_memory = {"MAX_MEMORY_FILE_SIZE": len(body)}
    try:
        form = FormParser(
            FORM, _refuse_field, keep, lambda: ends.append(True), options[b"boundary"], config=in_memory
        )
        form.write(body)
    except FormParserError:
        raise _no_form("the form cannot be read") from None
    if not ends:
        raise _no_form("the form ends before its last boundary")
    if not found:
        raise _no_form("the form holds no file")
    return found


def _refuse_field(_: object) -> None:
    raise _no_form("a field of the form is no file")


def _no_form(fact: str) -> Refused:
    return Refused(400, fact, remedy=f"Send each picture as a file: {CURL}, with the @.")
