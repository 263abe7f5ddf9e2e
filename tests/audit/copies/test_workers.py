"""Processes that compare never hear Ctrl-C, which a terminal sends to all of them; who started them does."""

import signal
import sys
import warnings

import pytest

from groupwise.audit.copies.workers import applying


def hears_ctrl_c(number: int) -> tuple[int, bool]:
    return number, signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


@pytest.mark.skipif(sys.platform == "win32", reason="has no masks of signals")
@pytest.mark.parametrize(("workers", "hear"), [(1, True), (2, False)])
def test_only_the_process_of_the_command_hears_ctrl_c(workers, hear):
    with applying(workers) as apply:
        assert list(apply(hears_ctrl_c, [(1,), (2,), (3,)])) == [(1, hear), (2, hear), (3, hear)]
    assert hears_ctrl_c(0) == (0, True)


def test_that_an_idle_process_is_started_anew_is_not_told():
    with warnings.catch_warnings(record=True) as told, applying(2):
        warnings.warn("A worker stopped while some jobs were given to the executor. This", stacklevel=1)
        warnings.warn("Another thing", stacklevel=1)
    assert [str(one.message) for one in told] == ["Another thing"]
