import httpx
import pytest

from groupwise.serving.security import HEADERS
from serving_case import picture

TOKEN = "correct-horse-battery"
PRIVATE = (("POST", "/v1/predict"), ("GET", "/v1/model"), ("GET", "/metrics"), ("GET", "/openapi.json"))


def post(server, **headers):
    return httpx.post(f"{server.url}/v1/predict", content=picture(), headers=headers)


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:80", "localhost.evil.example", "", "127.0.0.1.evil.example"],
)
def test_other_names_are_turned_away(server, host):
    response = httpx.get(f"{server.url}/healthz", headers={"Host": host})
    assert response.status_code == 421
    assert "--allow-host" in response.json()["remedy"]


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:9", "[::1]:8000", "192.168.0.7"])
def test_our_own_names_and_addresses_are_served(server, host):
    assert httpx.get(f"{server.url}/healthz", headers={"Host": host}).status_code == 200


def test_a_further_name_is_served_where_it_was_allowed(serve):
    with serve(names=("pictures.example",)) as server:
        host = {"Host": "pictures.example"}
        assert httpx.get(f"{server.url}/healthz", headers=host).status_code == 200
        assert post(server, Host="pictures.example", Origin="https://pictures.example").status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "file://", ""])
def test_pages_of_other_sites_may_not_send(server, origin):
    response = post(server, Origin=origin)
    assert response.status_code == 403
    assert "this server's own page" in response.json()["remedy"]


def test_our_own_page_and_programs_may(server):
    assert post(server, Origin=server.url).status_code == 200
    assert post(server).status_code == 200


def test_no_other_site_is_ever_told_that_it_may_read(server):
    headers = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    for response in (
        httpx.options(f"{server.url}/v1/predict", headers=headers),
        httpx.get(f"{server.url}/v1/model", headers=headers),
    ):
        assert not [name for name in response.headers if name.startswith("access-control")]


def test_every_answer_carries_the_headers(server):
    for response in (
        httpx.get(server.url),
        httpx.get(f"{server.url}/nowhere"),
        httpx.get(f"{server.url}/healthz", headers={"Host": "evil.example"}),
        post(server),
    ):
        assert (
            HEADERS.items()
            <= {
                key.title().replace("Nosniff", "nosniff"): value for key, value in response.headers.items()
            }.items()
        )
    assert HEADERS["Content-Security-Policy"].startswith("default-src 'self';")


@pytest.mark.parametrize(
    "given",
    [
        None,
        "",
        "Bearer",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Basic {TOKEN}",
        TOKEN,
        "Bearer \xff\xfe",
    ],
)
def test_without_the_token_nothing_is_said(serve, given):
    with serve(token=TOKEN) as server:
        headers = {} if given is None else {"Authorization": given.encode("latin-1")}
        for method, path in PRIVATE:
            response = httpx.request(method, server.url + path, headers=headers)
            assert response.status_code == 401
            assert response.headers["www-authenticate"] == "Bearer"


def test_with_the_token_all_is(serve):
    for token in (TOKEN, "four words and 2 ~signs="):
        with serve(token=token) as server:
            assert post(server, Authorization=f"Bearer {token}").status_code == 200
    with serve(token=TOKEN) as server:
        assert httpx.get(f"{server.url}/readyz").status_code == 200  # probes carry no token
        assert httpx.get(server.url).status_code == 200  # nor does a browser that opens the page
