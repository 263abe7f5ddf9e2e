import subprocess
import sys
import time

import pytest

from groupwise.runs.deadline import Deadline, command_began, process_began, waited_for_processor


def test_what_is_left_falls_with_the_clock_and_below_zero():
    now = [100.0]
    deadline = Deadline(60, 100, clock=lambda: now[0])
    assert (deadline.spent_s, deadline.left_s) == (0, 60)
    now[0] = 165
    assert (deadline.spent_s, deadline.left_s) == (65, -5)


def test_the_budget_of_a_command_counts_from_its_beginning_and_that_of_a_call_from_now():
    with command_began(time.monotonic() - 1000):
        assert Deadline.of(60).left_s == pytest.approx(-940, abs=1)
    assert Deadline.of(60).left_s == pytest.approx(60, abs=1)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux says when a process began")
def test_a_process_began_before_its_interpreter_was_ready_and_after_its_parent_asked():
    asked = time.monotonic()
    code = "import time; time.sleep(0.3); from groupwise.runs.deadline import process_began as p; print(p())"
    began = float(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
    assert asked - 0.02 <= began < time.monotonic() - 0.3
    assert process_began() < asked


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux says how a thread was scheduled")
def test_the_time_that_a_thread_has_run_grows_with_its_work():
    before, used = waited_for_processor()[0], time.thread_time()
    while time.thread_time() - used < 0.05:
        pass
    assert waited_for_processor()[0] - before >= 0.04
