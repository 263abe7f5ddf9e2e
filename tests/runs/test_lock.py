import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from groupwise.errors import UsageError
from groupwise.runs.lock import LOCK_FILE, clear, is_occupied, training_lock

HOLD = """
import sys
from pathlib import Path
from groupwise.runs.lock import training_lock
with training_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that trains in `tmp_path / "run"`."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "run")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_second_process_is_refused_and_told_by_whom(tmp_path, holder):
    message = rf"run: is being trained by process {holder.pid} on {os.uname().nodename}\. Wait until it ends"
    with pytest.raises(UsageError, match=message), training_lock(tmp_path / "run"):
        pass
    with training_lock(tmp_path / "another"):
        pass
    assert (tmp_path / "run" / LOCK_FILE).exists()


def test_a_folder_is_free_as_soon_as_its_process_was_killed(tmp_path, holder):
    holder.kill()
    holder.wait()
    assert not is_occupied(tmp_path / "run")  # though the file is left
    with training_lock(tmp_path / "run"):
        assert (tmp_path / "run" / LOCK_FILE).read_text().startswith(f"process {os.getpid()} on")


def test_patience_waits_for_one_that_is_about_to_leave(tmp_path, holder):
    threading.Timer(0.3, holder.kill).start()
    with training_lock(tmp_path / "run", patience_s=20):
        assert holder.wait() < 0


def test_patience_ends(tmp_path, holder):
    begun = time.monotonic()
    with pytest.raises(UsageError, match="is being trained"), training_lock(tmp_path / "run", patience_s=0.3):
        pass
    assert time.monotonic() - begun >= 0.3


@pytest.mark.parametrize("words", ["", "\udcff"])
def test_a_claim_without_words_is_one_all_the_same(tmp_path, holder, words):
    (tmp_path / "run" / LOCK_FILE).write_bytes(words.encode(errors="surrogateescape"))
    with pytest.raises(UsageError, match="trained by another process"), training_lock(tmp_path / "run"):
        pass


def test_a_claim_outlives_the_clearing_of_its_folder(tmp_path):
    run, elsewhere = tmp_path / "run", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").touch()
    with training_lock(run):
        (run / "checkpoints" / "old").mkdir(parents=True)
        (run / "link").symlink_to(elsewhere)
        (run / ".run.json.abc.partial").touch()
        assert is_occupied(run)
        clear(run)
        assert not is_occupied(run)
        with pytest.raises(UsageError, match=f"by process {os.getpid()} "), training_lock(run):
            pass
    assert (elsewhere / "kept").exists()


def test_nothing_is_left_where_nothing_came(tmp_path):
    with pytest.raises(ZeroDivisionError), training_lock(tmp_path / "runs" / "first"):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_what_came_stays_and_so_does_a_folder_that_was_there(tmp_path):
    (tmp_path / "empty").mkdir()
    with training_lock(tmp_path / "empty"):
        pass
    with training_lock(tmp_path / "runs" / "first"):
        (tmp_path / "runs" / "first" / "run.json").touch()
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == [
        "empty",
        "runs",
        "runs/first",
        "runs/first/run.json",
    ]


def test_many_that_come_and_go_never_meet(tmp_path):
    """The file and the folder go and come back under those who look for them."""
    inside, met = [], []

    def come_and_go():
        for _ in range(20):
            with training_lock(tmp_path / "run", patience_s=60):
                inside.append(None)
                met.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=come_and_go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert met == [1] * 80


@pytest.mark.parametrize("make", [Path.touch, lambda path: path.symlink_to("nowhere")])
def test_what_is_no_folder_is_refused(tmp_path, make):
    make(tmp_path / "x")
    with pytest.raises(UsageError, match=r"x: is not a folder\. Give another"), training_lock(tmp_path / "x"):
        pass
