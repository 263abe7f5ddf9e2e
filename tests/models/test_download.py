"""Downloads from a server that goes wrong in every way that was thought of."""

import hashlib

import numpy as np
import pytest
import safetensors.numpy

from groupwise.errors import GroupwiseError
from groupwise.models.download import Download, fetch
from hub_case import serving

WEIGHTS = safetensors.numpy.save({"fc.weight": np.random.default_rng(0).normal(size=(40, 50))})
DIGEST = hashlib.sha256(WEIGHTS).hexdigest()


@pytest.fixture(scope="module")
def server():
    with serving(WEIGHTS) as hub:
        yield hub


@pytest.fixture
def hub(server):
    server.fault, server.content, server.version = None, WEIGHTS, '"one"'
    server.ranges.clear()
    return server


@pytest.fixture
def wanted(hub, tmp_path):
    url = f"{hub.url}/timm/net/resolve/main/model.safetensors"
    return Download(url, tmp_path / "weights" / "model.safetensors", DIGEST[:8])


def test_a_file_comes_whole_by_way_of_a_redirect(wanted, hub):
    shown = []
    assert fetch(wanted, lambda done, total: shown.append((done, total))) == DIGEST
    assert wanted.target.read_bytes() == WEIGHTS
    assert shown[-1] == (len(WEIGHTS), len(WEIGHTS))
    assert [file.name for file in wanted.target.parent.iterdir()] == ["model.safetensors"]
    hub.fault = "500"
    assert fetch(wanted) == DIGEST  # it is there, and nobody is asked


FAULTS = {
    "404": "is not there",
    "403": "is not given out",
    "500": "not given out by the server just now",
    "html": "a page of HTML",
    "html in disguise": "a page of HTML",
    "pickle": "is pickled",
    "another file": "has the SHA-256|no file of safetensors",
    "truncated": "has the SHA-256|no file of safetensors",
    "longer than stated": "has the SHA-256|no file of safetensors",
    "dropped": "broke off",
    "silence": "sent nothing for 0.2 s",
    "redirect to a file": "leads to no address of the web",
}


@pytest.mark.parametrize(("fault", "said"), FAULTS.items(), ids=FAULTS)
def test_each_fault_is_refused_by_name_and_the_next_try_has_the_file(fault, said, wanted, hub):
    hub.fault = fault
    with pytest.raises(GroupwiseError, match=said):
        fetch(wanted, timeout_s=0.2)
    assert not wanted.target.exists()
    hub.fault = None
    assert fetch(wanted) == DIGEST
    assert wanted.target.read_bytes() == WEIGHTS


def test_the_next_try_asks_for_the_rest_alone(wanted, hub):
    hub.fault = "dropped"
    with pytest.raises(GroupwiseError, match="goes on where it stopped"):
        fetch(wanted)
    kept = wanted.target.with_name("model.safetensors.part").stat().st_size
    assert 0 < kept < len(WEIGHTS)
    hub.fault = None
    fetch(wanted)
    assert hub.ranges == [None, f"bytes={kept}-"]


@pytest.mark.parametrize("change", ["no ranges", "newer"])
def test_a_part_of_something_else_is_not_gone_on_with(change, wanted, hub):
    hub.fault = "dropped"
    with pytest.raises(GroupwiseError):
        fetch(wanted)
    hub.fault = change if change == "no ranges" else None
    hub.version = '"two"' if change == "newer" else hub.version
    assert fetch(wanted) == DIGEST


def test_a_part_that_is_whole_is_asked_for_anew(wanted, hub):
    hub.fault = "dropped"
    with pytest.raises(GroupwiseError):
        fetch(wanted)
    wanted.target.with_name("model.safetensors.part").write_bytes(bytes(2 * len(WEIGHTS)))
    hub.fault = None
    assert fetch(wanted) == DIGEST


def test_a_digest_that_is_not_pinned_is_the_hubs_own(wanted, hub):
    free = Download(wanted.url, wanted.target)
    hub.fault = "another file"
    with pytest.raises(GroupwiseError, match=r"no file of safetensors|the server states"):
        fetch(free)
    hub.fault, hub.content = None, WEIGHTS[:-1] + bytes([WEIGHTS[-1] ^ 1])  # whole, and another
    assert fetch(free) == hashlib.sha256(hub.content).hexdigest()
    with pytest.raises(GroupwiseError, match="this version knows"):
        fetch(wanted)  # which pins what lies there


def test_no_server_at_all(tmp_path):
    with pytest.raises(GroupwiseError, match=r"cannot be reached.*without a network bring that file"):
        fetch(Download("http://127.0.0.1:9/x", tmp_path / "x.safetensors"), timeout_s=1)
