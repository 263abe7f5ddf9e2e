import io
import json
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from groupwise.serving import app as app_module
from groupwise.serving.app import create_app
from groupwise.serving.metrics import PATHS
from serving_case import FakePredictor, picture


def head(width, height):
    """A PNG file that ends where its pixels would begin."""
    chunks = [struct.pack(">4s2I5B", b"IHDR", width, height, 8, 2, 0, 0, 0), b"IDAT" + zlib.compress(b"")]
    lengths = [struct.pack(">I", len(chunk) - 4) for chunk in chunks]
    sums = [struct.pack(">I", zlib.crc32(chunk)) for chunk in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(map(b"".join, zip(lengths, chunks, sums, strict=True)))


@pytest.fixture
def client():
    with _client() as client:
        yield client


def _client(predictor=None, **options):
    app = create_app(predictor or FakePredictor(), **options)
    return TestClient(app, base_url="http://localhost", raise_server_exceptions=False)


def test_an_answer_is_what_the_predictor_says(client):
    answer = client.post("/v1/predict", content=picture(level=204)).json()
    assert answer == {
        "label": "light",
        "probability": pytest.approx(0.8),
        "probabilities": {"dark": pytest.approx(0.2), "light": pytest.approx(0.8)},
        "prediction_set": ["light", "dark"],
        "abstain": False,
        "unlike": False,
        "decided": "light",
        "heat": None,
    }


def test_what_scanning_would_remark_is_said(client):
    file = io.BytesIO()
    Image.fromarray(np.full((16, 16), 52428, np.uint16)).save(file, "PNG")
    remarks = client.post("/v1/predict", content=file.getvalue()).json()["remarks"]
    assert [remark["code"] for remark in remarks] == ["deep-integer"]


def test_a_depth_that_the_model_does_not_know_is_refused(client):
    file = io.BytesIO()
    Image.fromarray(np.full((16, 16), 3000, np.uint16)).save(file, "PNG")
    response = client.post("/v1/predict", content=file.getvalue())
    assert (response.status_code, response.json()["code"]) == (415, "unknown-depth")
    assert "nothing says which of them is white" in response.json()["fact"]


def test_the_preprocessing_is_the_one_of_training(client):
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 255, (40, 70, 3)).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "PNG")
    predictor = FakePredictor()
    expected = predictor.answer_images(predictor.preprocessing.resize_image(rgb)[None])[0].as_json()
    assert client.post("/v1/predict", content=file.getvalue()).json() == expected | {"heat": None}


def test_a_heat_map_comes_on_request_and_speaks_of_the_label(client):
    for level in (51, 204):
        heat = client.post("/v1/predict?heat=1", content=picture(level=level)).json()["heat"]
        assert np.array(heat) == pytest.approx(np.full((4, 4), 0.8))


@pytest.mark.parametrize(
    ("content", "status", "fact"),
    [
        (b"", 400, "the body is empty"),
        (b"hello there", 415, "the file holds text"),
        (b"%PDF-1.7\n", 415, "PDF"),
        (picture(form="PNG")[:60], 422, "the file ends before the image does"),
        (b"\0" * 20_000_001, 413, "larger than 20 MB"),
        (head(7072, 7072), 413, "7072 x 7072 pixels, more than the 50000000"),
        (head(7071, 7071), 422, "the file ends before the image does"),
    ],
)
def test_what_is_no_picture_is_refused_in_words(client, content, status, fact):
    response = client.post("/v1/predict", content=content)
    assert response.status_code == status
    assert fact in response.json()["fact"]
    assert response.json()["remedy"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nowhere", 404), ("GET", "/v1/predict", 405), ("POST", "/v1/predict?heat=maybe", 422),
     ("POST", "/static/page.js", 405), ("GET", "/static/../app.py", 404), ("GET", "/docs", 404)],
)  # fmt: skip
def test_every_error_has_one_shape(client, method, path, status):
    response = client.request(method, path, content=picture() if method == "POST" else None)
    assert response.status_code == status
    assert set(response.json()) == {"fact", "remedy", "code"}


def test_a_form_is_told_how_to_send_a_picture(client):
    response = client.post("/v1/predict", files={"file": ("a.png", picture(), "image/png")})
    assert response.status_code == 415
    assert response.json() == {
        "fact": "the body is a form, not a picture",
        "remedy": "Send the raw bytes: curl --data-binary @file, not -F; or pictures of one case to"
        " /v1/predict-case.",
        "code": "form",
    }
    as_curl_says = {"Content-Type": "application/x-www-form-urlencoded"}  # with --data-binary
    assert client.post("/v1/predict", content=picture(), headers=as_curl_says).status_code == 200


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"hello there", "wrong-content"), (picture()[:60], "truncated"), (b"", None),
     (head(7072, 7072), "decompression-bomb")],
)  # fmt: skip
def test_a_refusal_says_why_in_one_word(client, content, code):
    assert client.post("/v1/predict", content=content).json()["code"] == code


def test_the_head_of_the_page_has_no_body(client):
    got, headed = client.get("/"), client.head("/")
    assert (headed.status_code, headed.content) == (200, b"")
    for name in ("content-length", "content-type"):
        assert headed.headers[name] == got.headers[name]


def test_a_defect_gives_no_traceback():
    class Broken(FakePredictor):
        def answer_images(self, images):
            raise RuntimeError("secret path /home/me")

    response = _client(Broken()).post("/v1/predict", content=picture())
    assert response.status_code == 500
    assert "secret" not in response.text


def test_the_description_covers_what_is_said(client):
    described = client.get("/openapi.json").json()
    assert set(described["paths"]) == {*PATHS}
    responses = described["paths"]["/v1/predict"]["post"]["responses"]
    assert set(responses) >= {"200", "400", "401", "403", "408", "413", "415", "421", "422", "503"}
    fields = described["components"]["schemas"]["PredictionOut"]["properties"]
    assert set(fields) == set(client.post("/v1/predict", content=picture()).json())
    assert set(described["components"]["schemas"]["ModelOut"]["properties"]) == set(
        client.get("/v1/model").json()
    )


def test_metrics_count_requests_and_doubtful_answers(client):
    for level in (140, 140, 254, 204):
        client.post("/v1/predict", content=picture(level=level))
    client.post("/v1/predict", content=b"no picture")
    client.get("/made/up")
    lines = client.get("/metrics").text.splitlines()
    assert 'groupwise_requests_total{path="/v1/predict",status="200"} 4.0' in lines
    assert 'groupwise_requests_total{path="/v1/predict",status="415"} 1.0' in lines
    assert 'groupwise_requests_total{path="other",status="404"} 1.0' in lines
    assert 'groupwise_answers_total{kind="all"} 4.0' in lines
    assert 'groupwise_answers_total{kind="abstain"} 2.0' in lines
    assert 'groupwise_answers_total{kind="unlike"} 1.0' in lines
    assert "groupwise_pictures_inside 0.0" in lines
    assert "groupwise_body_bytes_held 0.0" in lines


def test_readiness_ends_before_life_does():
    draining = _client(draining=lambda: True)
    assert draining.get("/readyz").status_code == 503
    assert draining.get("/readyz").headers["retry-after"] == "1"
    assert draining.get("/healthz").status_code == 200


def test_the_page_asks_nothing_of_other_servers(client):
    assert "text/html" in client.get("/").headers["content-type"]
    for file in app_module.STATIC.iterdir():
        text = file.read_text().replace("http://www.w3.org/2000/svg", "")
        assert "http:" not in text, file
        assert "https:" not in text, file
        assert " style=" not in text, file
        assert " onclick=" not in text, file


def test_serving_needs_no_torch():
    done = subprocess.run(
        [sys.executable, "-c", "import groupwise.serving.server, sys; print('torch' in sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout.strip().lower()) is False
