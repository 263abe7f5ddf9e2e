import errno
import os
import subprocess
import sys
import threading
import time

import pytest

from groupwise.files import write_atomic
from groupwise.runs import lock as locks
from groupwise.runs.lock import lock, locked
from side_case import wait_for


def is_free(file):
    try:
        os.close(lock(file, wait=False))
    except BlockingIOError:
        return False
    return True


HOLD = """
import sys
from pathlib import Path
from groupwise.runs.lock import lock
lock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def file(tmp_path):
    file = tmp_path / "x"
    file.write_text("")
    return file


def test_what_another_process_holds_is_free_again_when_it_is_killed(file):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(BlockingIOError):
        lock(file, wait=False)
    holder.kill()
    holder.communicate()
    os.close(lock(file, wait=False))


def test_a_lock_is_not_passed_on_to_a_process_that_outlives_us(file):
    with locked(file):
        left = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, close_fds=False)
    wait_for(lambda: is_free(file), seconds=10)  # the kernel closes the child's copy a moment after
    assert left.poll() is None
    left.communicate(b"\n")


def test_one_file_does_not_hold_up_another(file):
    other = file.with_name("y")
    with locked(file):
        os.close(lock(other, create=True, wait=False))
    assert other.exists()


@pytest.mark.parametrize("change", ["replaced", "removed"])
def test_who_waited_for_a_file_that_is_another_now_looks_again(file, change):
    held, found = lock(file), []
    waiting = threading.Thread(target=lambda: found.append(lock(file, create=True)))
    waiting.start()
    time.sleep(0.2)
    write_atomic(file, "new") if change == "replaced" else file.unlink()
    os.close(held)
    waiting.join(10)
    assert os.path.samestat(os.fstat(found[0]), file.stat())
    with pytest.raises(BlockingIOError):
        lock(file, wait=False)
    os.close(found[0])


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_stops_nobody(file, monkeypatch, number):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(locks.fcntl, "flock", refuse)
    with locked(file):
        descriptor = lock(file, wait=False)
        assert os.path.samestat(os.fstat(descriptor), file.stat())
        os.close(descriptor)


def test_another_failure_is_not_taken_for_that(file, monkeypatch):
    def fail(*_):
        raise OSError(errno.EIO, "broken disk")

    monkeypatch.setattr(locks.fcntl, "flock", fail)
    with pytest.raises(OSError, match="broken disk"), locked(file):
        pass


def test_a_file_that_is_not_there_is_not_made_unasked(tmp_path):
    with pytest.raises(FileNotFoundError), locked(tmp_path / "x"):
        pass
