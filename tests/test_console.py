import pytest

from groupwise.console import Console


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("groupwise.console.time.monotonic", lambda: now[0])
    return now


def test_long_work_without_a_terminal_says_a_line_a_minute(capsys, clock):
    with Console().progress("Decoding images") as move:
        for second in range(1, 151):
            clock[0] = float(second)
            move(second * 10, 2000)
        clock[0] = 190.0
        move(1600, None, task="Epoch 2/3", note="loss 0.5, [b]")
    assert capsys.readouterr().out.splitlines() == [
        "Decoding images: 600 of 2,000",
        "Decoding images: 1,200 of 2,000",
        "Epoch 2/3: 1,600, loss 0.5, [b]",
    ]


def test_short_work_without_a_terminal_says_nothing(capsys, clock):
    with Console().progress("Decoding images") as move:
        clock[0] = 59.9
        move(2000, 2000)
    assert capsys.readouterr().out == ""


def test_a_terminal_shows_a_bar_with_the_note_instead_of_lines(capsys, monkeypatch):
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    with Console().progress("Training") as move:
        move(3, 8, task="Epoch 2/3", note="loss 0.5, 70 images/s, 4 s left")
    shown = capsys.readouterr().out
    assert "Epoch 2/3" in shown
    assert "3/8" in shown
    assert "loss 0.5, 70 images/s, 4 s left" in shown


def test_a_quiet_console_stays_quiet(capsys, clock):
    with Console(quiet=True).progress("Training") as move:
        clock[0] = 600.0
        move(3, 8)
    assert capsys.readouterr().out == ""
