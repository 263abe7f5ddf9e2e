import io
import json
import subprocess
import sys
from types import SimpleNamespace

import pytest

from groupwise.console import Console, show_any_character


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


@pytest.fixture
def cell(monkeypatch):
    """What a notebook's cell shows, drawing after drawing."""
    drawn = []

    def display(shown, display_id):
        assert display_id
        drawn.append(shown)
        return SimpleNamespace(update=drawn.append)

    shown = SimpleNamespace(HTML=str, display=display)
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(display=shown))
    monkeypatch.setitem(sys.modules, "IPython.display", shown)
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    return drawn


def test_a_notebook_shows_a_bar_below_the_cell_that_goes(cell, clock):
    with Console().progress("Reading <b>") as move:
        for step in range(1, 11):
            clock[0] += 0.1
            move(step, 10, note="4 s left")
    assert cell[0] == "Reading &lt;b&gt;"
    assert cell[1] == 'Reading &lt;b&gt; <progress max="10" value="1"></progress> 1 of 10 4 s left'
    assert len(cell) == 2 + 4  # four drawings a second at most
    assert cell[-1] == ""


def test_a_quiet_notebook_shows_none(cell, clock):
    with Console(quiet=True).progress("Reading") as move:
        clock[0] = 600.0
        move(3, 8)
    assert cell == []


CONSOLES = ("ascii", "gbk", "cp932", "cp949", "latin-1", "utf-8")


@pytest.mark.parametrize("encoding", CONSOLES)
def test_a_console_shows_any_text(monkeypatch, encoding):
    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True)
    monkeypatch.setattr("sys.stdout", out)
    for text in ("48\N{NO-BREAK SPACE}s", "Löwe", "狮子", "\U0001f981", "odd \udce9 byte"):
        Console().say(text)
    shown = out.buffer.getvalue().decode(encoding).splitlines()
    assert shown[0].replace("\N{NO-BREAK SPACE}", " ") == "48 s"
    assert len(shown) == 5
    assert shown[4] == "odd \\udce9 byte"


def test_letters_that_cannot_be_shown_stay_exact_and_json(monkeypatch):
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii", write_through=True)
    monkeypatch.setattr("sys.stdout", out)
    show_any_character()
    print(json.dumps({"name": "Löwe 狮子 \U0001f981"}, ensure_ascii=False))
    assert json.loads(out.buffer.getvalue()) == {"name": "Löwe 狮子 \U0001f981"}


@pytest.mark.parametrize("encoding", CONSOLES)
def test_what_a_console_can_show_it_shows_as_it_is(monkeypatch, encoding):
    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True)
    monkeypatch.setattr("sys.stdout", out)
    Console().say("cat [b] 5-6 ... x")
    assert out.buffer.getvalue().decode(encoding) == "cat [b] 5-6 ... x\n"


@pytest.mark.skipif(sys.platform == "win32", reason="a closed pipe is told otherwise there")
def test_work_goes_on_when_the_reader_has_left(tmp_path):
    done = tmp_path / "done"
    told = "console.say('first'); " + "console.say('x' * 100_000); " * 3
    code = f"from groupwise.console import Console; console = Console(); {told}open({str(done)!r}, 'w')"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as work:
        assert work.stdout.readline() == b"first\n"
        work.stdout.close()
        assert (work.stderr.read(), work.wait()) == (b"", 0)
    assert done.exists()
