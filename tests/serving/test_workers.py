"""Several processes on one socket, by the command: one count, a worker that dies, and a quiet end."""

import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from groupwise.cli.main import main
from groupwise.errors import GroupwiseError
from groupwise.inference.bundle import open_bundle
from groupwise.serving import workers
from groupwise.serving.server import Address
from groupwise.serving.workers import Task, serve_by_workers

PICTURES = 12


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    from groupwise.export.targets import export_run
    from run_case import write_run

    return export_run(write_run(tmp_path_factory.mktemp("workers")).folder, "bundle")[0]


def children_of(pid):
    """The workers among the child processes; multiprocessing has another that tracks resources."""
    numbers = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(n) for n in numbers if b"spawn_main" in Path(f"/proc/{n}/cmdline").read_bytes()]


def blocks_ctrl_c(pid):
    (mask,) = re.findall(r"^SigBlk:\t(\w+)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return bool(int(mask, 16) >> (signal.SIGINT - 1) & 1)


def wait_for(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.skipif(sys.platform != "linux", reason="finds the workers by /proc")
def test_workers_answer_and_count_as_one_and_a_dead_one_is_replaced(bundle):
    files = sorted((bundle.parents[2] / "pets").rglob("*.png"))[:PICTURES]
    pictures = [file.read_bytes() for file in files]
    command = [sys.executable, "-m", "groupwise", "serve", bundle, "--port", "0", "--workers", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        url = process.stdout.readline().removeprefix("Page: ").split(" ")[0]
        first = children_of(process.pid)
        assert len(first) == 2
        assert not any(blocks_ctrl_c(pid) for pid in first)

        def ask(picture):
            answer = httpx.post(f"{url}v1/predict", content=picture, timeout=60)
            assert answer.status_code == 200
            return answer.json()["label"]

        def answered():
            text = httpx.get(f"{url}metrics", timeout=60).text
            return float(re.search(r'^groupwise_answers_total\{kind="all"\} (\S+)$', text, re.MULTILINE)[1])

        with ThreadPoolExecutor(4) as pool:
            labels = list(pool.map(ask, pictures))
        offline = open_bundle(bundle)
        assert labels == [offline.predict([file])[0].label for file in files]
        assert [answered() for _ in range(4)] == [len(files)] * 4  # whichever answers
        os.kill(first[0], signal.SIGKILL)
        wait_for(lambda: len(set(children_of(process.pid)) - set(first)) == 1)
        assert [ask(picture) for picture in pictures[:4]] == labels[:4]
        assert answered() == len(files) + 4  # the dead one's answers count on
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        said, wrong = process.stdout.read(), process.stderr.read()
    assert "A worker ended with status -9; another one takes its place." in said
    assert wrong == ""
    assert not [pid for pid in first if Path(f"/proc/{pid}").exists()]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--workers", "0"], "--workers: 0 is below 1"),
        (["--workers", "2", "--watch"], "--watch --workers 2: several processes would each make the bundle"),
    ],
)
def test_a_number_that_cannot_be_is_refused(capsys, bundle, options, words):
    assert main(["serve", str(bundle.parents[1]), *options]) == 2
    assert words in capsys.readouterr().err


def broken(task, listener, channel):
    channel.send("no model")


def silent(task, listener, channel):
    sys.exit(3)


def turn_of(task):
    """How many workers began before this one, by the files that they leave."""
    turn = len(list(task.bundle.iterdir()))
    (task.bundle / str(turn)).touch()
    return turn


def killed_as_its_successor_loads(task, listener, channel):
    turn = turn_of(task)
    if turn == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    channel.send(None)
    if turn == 0:
        sys.exit(5)
    os.kill(os.getppid(), signal.SIGTERM)
    time.sleep(60)


def broken_once_it_has_answered(task, listener, channel):
    channel.send("no model" if turn_of(task) else None)


def deaf_until_it_listens(task, listener, channel):
    os.kill(os.getpid(), signal.SIGINT)  # as a terminal sends it to all, here while the model is loaded
    time.sleep(0.2)
    heard = []
    signal.signal(signal.SIGINT, lambda *_: heard.append(1))
    assert not heard
    workers.hear_ctrl_c()
    channel.send(None if heard else "deaf")
    os.kill(os.getppid(), signal.SIGTERM)
    time.sleep(60)


def test_ctrl_c_waits_until_a_worker_handles_it(monkeypatch, tmp_path):
    monkeypatch.setattr(workers, "_work", deaf_until_it_listens)
    ready, address = [], Address(port=0)
    with address.bind() as listener:
        serve_by_workers(
            1, Task(tmp_path, address), listener, on_ready=lambda: ready.append(1), say=pytest.fail
        )
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


@pytest.mark.parametrize(
    ("work", "words"),
    [(broken, r"status 0 \(no model\) before"), (silent, "ended with status 3 before")],
)
def test_a_worker_that_cannot_begin_ends_all(monkeypatch, tmp_path, work, words):
    monkeypatch.setattr(workers, "_work", work)
    address = Address(port=0)
    with address.bind() as listener, pytest.raises(GroupwiseError, match=words):
        serve_by_workers(1, Task(tmp_path, address), listener, on_ready=pytest.fail, say=pytest.fail)


def test_a_worker_killed_as_it_loads_is_replaced_while_others_served(monkeypatch, tmp_path):
    monkeypatch.setattr(workers, "_work", killed_as_its_successor_loads)
    said, address = [], Address(port=0)
    with address.bind() as listener:
        serve_by_workers(1, Task(tmp_path, address), listener, on_ready=lambda: None, say=said.append)
    assert [line.split(";")[0] for line in said] == [f"A worker ended with status {n}" for n in (5, -9)]


def test_workers_that_cannot_begin_again_end_all(monkeypatch, tmp_path):
    monkeypatch.setattr(workers, "_work", broken_once_it_has_answered)
    said, address = [], Address(port=0)
    with address.bind() as listener, pytest.raises(GroupwiseError, match=r"status 0 \(no model\) before"):
        serve_by_workers(1, Task(tmp_path, address), listener, on_ready=lambda: None, say=said.append)
    assert len(said) == 1 + workers.MOST_TRIES - 1
