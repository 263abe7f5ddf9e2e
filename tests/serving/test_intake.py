import asyncio

import pytest
from starlette.requests import Request

from groupwise.serving import intake as intake_module
from groupwise.serving.intake import Intake, Refused


def request(chunks, *, pause_s=0.0, **headers):
    """A request whose body arrives in `chunks`, with a pause before each."""
    waiting = list(chunks)

    async def receive():
        await asyncio.sleep(pause_s)
        return {"type": "http.request", "body": waiting.pop(0), "more_body": bool(waiting)}

    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "POST", "headers": raw}, receive)


def receive(intake, asked):
    async def go():
        async with intake.body(asked) as data:
            return data, intake.bytes_held

    return asyncio.run(go())


def test_a_body_comes_whole_and_counts_as_held_until_it_is_answered():
    intake = Intake()
    assert receive(intake, request([b"ab", b"", b"c"])) == (b"abc", 3)
    assert intake.bytes_held == 0


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (lambda: request([], content_length="20000001"), 413),  # refused before anything is received
        (lambda: request([b"x" * 15_000_000, b"x" * 5_000_001, b""]), 413),
        (lambda: request([b""]), 400),
    ],
)
def test_sizes_are_refused_while_they_arrive(asked, status):
    intake = Intake()
    with pytest.raises(Refused) as caught:
        receive(intake, asked())
    assert caught.value.status == status
    assert intake.bytes_held == 0


def test_the_largest_body_is_taken():
    assert len(receive(Intake(), request([b"x" * 20_000_000], content_length="20000000"))[0]) == 20_000_000


def test_a_body_that_trickles_is_refused_in_the_end(monkeypatch):
    monkeypatch.setattr(intake_module, "BODY_DEADLINE_S", 0.2)
    with pytest.raises(Refused, match="did not arrive") as caught:
        receive(Intake(), request([b"x"] * 100, pause_s=0.05))
    assert caught.value.status == 408


def test_all_bodies_together_are_bounded():
    intake = Intake()
    intake.bytes_held = intake_module.MAX_BYTES_HELD - 2
    with pytest.raises(Refused, match="too many large pictures") as caught:
        receive(intake, request([b"abc"]))
    assert caught.value.status == 503
    assert intake.bytes_held == intake_module.MAX_BYTES_HELD - 2
    assert receive(intake, request([b"ab"]))[0] == b"ab"
