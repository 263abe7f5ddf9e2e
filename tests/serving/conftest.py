import threading
import time
from contextlib import contextmanager

import pytest

from groupwise.serving.server import Address, Server, url_of
from serving_case import FakePredictor


@contextmanager
def running(predictor=None, watch=None, **address):
    """A server on a free port of this machine, in a thread; yields it with its `url`."""
    where = Address(port=0, **address)
    listener = where.bind()
    server = Server(predictor or FakePredictor(), where, drain_s=0.3, watch=watch)
    server.url = url_of(listener).rstrip("/")
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield server
    finally:
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive()


@pytest.fixture
def serve():
    """`running`, as a fixture."""
    return running


@pytest.fixture(scope="module")
def server():
    with running() as server:
        yield server
