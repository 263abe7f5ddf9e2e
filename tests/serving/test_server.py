import asyncio
import re
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from groupwise.errors import GroupwiseError, UsageError
from groupwise.serving import server as server_module
from groupwise.serving.server import Address, Server, _accept_all, url_of
from serving_case import FakePredictor, picture

HEAD = b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\n"
HELD_BACK = """
import time
from pathlib import Path
from serving_case import FakePredictor
from groupwise.serving.server import Address, serve, url_of

class HeldBack(FakePredictor):
    def answer_images(self, images):
        while not Path(sys.argv[2]).exists():
            time.sleep(0.01)
        return super().answer_images(images)

address = Address(port=0)
listener = address.bind()
serve(HeldBack(), address, listener, on_ready=lambda: print(url_of(listener), flush=True))
"""


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.0.7", "::", "pictures.example"])
def test_an_open_door_needs_a_token(host):
    with pytest.raises(UsageError, match="can be reached from other machines, and there is no token"):
        Address(host=host)
    assert Address(host=host, token="x" * 16).token


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_this_machine_needs_none(host):
    assert Address(host=host).is_loopback
    with pytest.raises(UsageError, match="shorter than 16"):
        Address(host=host, token="x" * 15)


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("", "shorter than 16 characters"),
        (" " + "x" * 16, "begins or ends with blanks"),
        ("x" * 16 + "\n", "begins or ends with blanks"),
        ("zażółć-gęślą-jaźń", "holds what the head of a request cannot"),
        ("x" * 16 + "\udcff" + "x", "holds what the head of a request cannot"),
        ("x" * 8 + "\n" + "x" * 8, "holds what the head of a request cannot"),
    ],
)
def test_a_token_that_no_client_can_send_is_refused_where_it_was_given(token, words):
    with pytest.raises(UsageError, match=f"^TOKENS: {words}.* Make one with"):
        Address(token=token, token_place="TOKENS")


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_others_are_told_an_address_that_leads_here(host, monkeypatch):
    with Address(host=host, port=0, token="x" * 16).bind() as listener:
        port = listener.getsockname()[1]
        url = url_of(listener)
        assert "//0.0.0.0" not in url
        assert "//[::]" not in url
        assert url.endswith(f":{port}/")

        def unreachable(*_):
            raise OSError

        monkeypatch.setattr(socket, "socket", unreachable)  # without a network the name is left
        assert url_of(listener) == f"http://{socket.gethostname()}:{port}/"


def test_one_address_is_told_as_it_is():
    with Address(port=0).bind() as listener:
        assert url_of(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}/"


def test_the_parts_of_an_answer_are_sent_at_once():
    # Left to itself TCP holds the second part back until the first is acknowledged, 40 ms later.
    async def ask() -> int:
        accepted = asyncio.get_running_loop().create_future()
        listener = Address(port=0).bind()
        async with await asyncio.start_server(lambda _, writer: accepted.set_result(writer), sock=listener):
            _, mine = await asyncio.open_connection(*listener.getsockname())
            theirs = await accepted
            set_to = theirs.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            mine.close()
            theirs.close()
        return set_to

    assert asyncio.run(ask())


def test_those_who_wait_when_the_door_closes_are_answered():
    async def close() -> list[bytes]:
        listener = Address(port=0).bind()
        listener.listen()
        listener.setblocking(False)
        # As after the last turn of the loop: connected and asking, and nobody has let them in.
        asking = [socket.create_connection(listener.getsockname(), timeout=5) for _ in range(3)]
        for client in asking:
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        server = Server(FakePredictor(), Address(port=0), drain_s=0.3)
        server.config.load()
        server.lifespan = server.config.lifespan_class(server.config)
        await server.lifespan.startup()
        server.servers, server.should_exit = [], True
        await server.shutdown([listener])
        answers = [client.recv(12) for client in asking]
        for client in asking:
            client.close()
        return answers

    assert asyncio.run(close()) == [b"HTTP/1.1 200"] * 3


def test_all_who_wait_at_the_door_are_let_in():
    with Address(port=0).bind() as listener:
        listener.listen()
        listener.setblocking(False)
        waiting = [socket.create_connection(listener.getsockname()) for _ in range(3)]
        inside = list(_accept_all(listener))
        assert {one.getpeername() for one in inside} == {one.getsockname() for one in waiting}
        assert not list(_accept_all(listener))
        for one in (*waiting, *inside):
            one.close()


def test_a_port_that_is_taken_is_named_with_its_remedy():
    taken = pytest.raises(GroupwiseError, match=r"cannot listen there \(Address already in use\).*--port")
    with socket.create_server(("127.0.0.1", 0)) as other, taken:
        Address(port=other.getsockname()[1]).bind()
    with pytest.raises(GroupwiseError, match="cannot listen there"):
        Address(host="no-such-host.invalid", token="x" * 16).bind()
    for name in ("a" * 70, "two..dots", "\udcff"):
        with pytest.raises(GroupwiseError, match=r"cannot listen there \(no name of a machine\)\. Give"):
            Address(host=name, token="x" * 16).bind()
    with pytest.raises(UsageError, match="--port: 65536 is no port"):
        Address(port=65_536)


def test_a_head_that_trickles_is_cut_off_and_others_are_served(serve, monkeypatch):
    monkeypatch.setattr(server_module, "HEAD_DEADLINE_S", 0.5)
    with serve() as server:
        slow = [_connect(server) for _ in range(50)]
        for connection in slow:
            connection.sendall(HEAD)
        assert httpx.post(f"{server.url}/v1/predict", content=picture()).status_code == 200
        time.sleep(0.3)
        for connection in slow:
            connection.sendall(b"X-Slow: 1\r\n")  # goes on trickling
        assert all(_is_cut(connection) for connection in slow)
        assert not server.server_state.connections


def test_the_deadline_begins_again_with_each_request(serve, monkeypatch):
    monkeypatch.setattr(server_module, "HEAD_DEADLINE_S", 1.5)
    with serve() as server, httpx.Client(base_url=server.url) as client:
        ports, begin = set(), time.monotonic()
        while time.monotonic() < begin + 2:
            response = client.get("/healthz")
            assert response.status_code == 200
            ports.add(response.extensions["network_stream"].get_extra_info("client_addr")[1])
            time.sleep(0.3)
        assert len(ports) == 1


def test_there_are_only_so_many_connections(serve, monkeypatch):
    monkeypatch.setattr(server_module, "MAX_CONNECTIONS", 5)
    with serve() as server:
        kept = [_connect(server) for _ in range(5)]
        _until(lambda: len(server.server_state.connections) == 5)
        assert _is_cut(_connect(server))
        for connection in kept:
            connection.close()
        _until(lambda: not server.server_state.connections)
        assert httpx.get(f"{server.url}/healthz").status_code == 200


def test_a_client_that_hangs_up_leaves_nothing_behind(serve):
    with serve() as server, httpx.Client(base_url=server.url) as client:
        connection = _connect(server)
        connection.sendall(HEAD + b"Content-Length: 1000\r\n\r\nabc")
        _until(lambda: "groupwise_body_bytes_held 3.0" in client.get("/metrics").text)
        connection.close()
        _until(lambda: "groupwise_body_bytes_held 0.0" in client.get("/metrics").text)


def test_many_clients_get_their_own_answers_or_are_told_to_come_again(serve):
    def ask(i):
        level = (i * 29) % 256
        response = client.post("/v1/predict", content=picture(level))
        if response.status_code == 503:
            assert response.headers["retry-after"] == "1"
        else:
            assert response.json()["probabilities"]["light"] == pytest.approx(level / 255, abs=1e-9)
        return response.status_code

    with serve() as server, httpx.Client(base_url=server.url) as client, ThreadPoolExecutor(24) as pool:
        statuses = list(pool.map(ask, range(200)))
    assert set(statuses) <= {200, 503}
    assert statuses.count(200) > 50


@pytest.fixture
def process(tmp_path):
    script, go_on = tmp_path / "held_back.py", tmp_path / "go on"
    script.write_text("import sys\nsys.path.insert(0, sys.argv[1])\n" + HELD_BACK)
    tests = str(Path(__file__).parents[1])
    child = subprocess.Popen(
        [sys.executable, script, tests, go_on], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    child.go_on = go_on
    child.url = child.stdout.readline().strip().rstrip("/")
    yield child
    child.kill()
    child.communicate()


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_what_was_accepted_is_answered_before_it_leaves_with_0(process, name):
    with httpx.Client(base_url=process.url, timeout=60) as client, ThreadPoolExecutor(12) as pool:
        asked = [pool.submit(client.post, "/v1/predict", content=picture()) for _ in range(10)]
        _until(lambda: "groupwise_pictures_inside 10.0" in client.get("/metrics").text)
        process.send_signal(signal.Signals[name])
        if name == "SIGTERM":
            ready = _until(lambda: (now := client.get("/readyz")).status_code == 503 and now)
            assert ready.headers["connection"] == "close"
        process.go_on.touch()
        assert [future.result().status_code for future in asked] == [200] * 10
    assert process.wait(20) == 0
    assert process.stderr.read() == ""
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{process.url}/healthz")


def _until(state, seconds=30):
    """What `state` returns as soon as that is true; the busier the machine, the later."""
    end = time.monotonic() + seconds
    while not (reached := state()):
        assert time.monotonic() < end, "never so"
        time.sleep(0.01)
    return reached


def _connect(server):
    host, port = re.match(r"http://(.+):(\d+)", server.url).groups()
    return socket.create_connection((host, int(port)), timeout=5)


def _is_cut(connection):
    try:
        return connection.recv(1000) == b""
    except ConnectionResetError:
        return True
