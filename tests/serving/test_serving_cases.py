"""Several pictures of one case in a request: the form that they come in, and the answer."""

import asyncio
import dataclasses

import pytest
from starlette.testclient import TestClient

from groupwise.inference.decision import Decision
from groupwise.serving.app import create_app
from groupwise.serving.batching import Batcher
from groupwise.serving.forms import MAX_FILES, files_of
from groupwise.serving.intake import MAX_BODY_BYTES, Refused
from groupwise.stats.cases import CaseRule
from serving_case import FakePredictor, picture

FORM = "multipart/form-data; boundary=x-y"
HEAD = b'Content-Disposition: form-data; name="picture"; filename="a.png"\r\n\r\n'


@pytest.fixture(scope="module")
def client():
    app = create_app(FakePredictor())
    with TestClient(app, base_url="http://localhost") as client:
        yield client


def send(client, *contents, name="picture"):
    files = [(name, (f"{i}.png", content, "image/png")) for i, content in enumerate(contents)]
    return client.post("/v1/predict-case", files=files)


def test_the_pictures_of_a_case_have_one_answer_and_each_its_own(client):
    answer = send(client, picture(level=204), picture(level=51), picture(level=204)).json()
    alone = [client.post("/v1/predict", content=picture(level=one)).json() for one in (204, 51, 204)]
    assert answer.pop("answers") == alone
    assert answer == {
        "label": "light",
        "probability": pytest.approx(0.6),
        "probabilities": {"dark": pytest.approx(0.4), "light": pytest.approx(0.6)},
        "pictures": 3,
        "unlike": 0,
        "rule": "mean",
    }


def test_the_rule_is_that_of_the_decision(client):
    predictor = FakePredictor()
    predictor.decision = dataclasses.replace(Decision(predictor.classes), case=CaseRule("vote"))
    with TestClient(create_app(predictor), base_url="http://localhost") as voting:
        answer = send(voting, picture(level=255), picture(level=120), picture(level=120)).json()
        assert voting.get("/v1/model").json()["case_rule"] == answer["rule"] == "vote"
    assert answer["label"] == "dark"  # two of three; by the mean it is light
    assert send(client, picture(level=255), picture(level=120), picture(level=120)).json()["label"] == "light"


@pytest.mark.parametrize(
    ("contents", "status", "fact"),
    [
        ([picture(), b"hello there"], 415, "picture 2 of 2: the file holds text"),
        ([picture(form="PNG")[:60], picture()], 422, "picture 1 of 2: the file ends before the image does"),
        ([b"\0" * (MAX_BODY_BYTES + 1)], 413, "the file is larger than 20 MB"),
        ([picture()] * (MAX_FILES + 1), 413, "more than 64 files"),
    ],
)
def test_a_case_with_a_picture_that_cannot_be_taken_is_refused(client, contents, status, fact):
    response = send(client, *contents)
    assert response.status_code == status
    assert fact in response.json()["fact"]


@pytest.mark.parametrize(
    ("body", "kind", "fact"),
    [
        (picture(), "image/png", "the body is no form of files"),
        (b"--x-y--\r\n", "multipart/form-data", "the body is no form of files"),
        (b"--x-y--\r\n", FORM, "the form holds no file"),
        (b"--x-y\r\n" + HEAD + b"abc", FORM, "the form ends before its last boundary"),
        (b'--x-y\r\nContent-Disposition: form-data; name="picture"\r\n\r\nleft.jpg\r\n--x-y--', FORM,
         "a field of the form is no file"),
        (b"hello\r\n--x-y\r\n" + HEAD + b"abc\r\n--x-y--", FORM, "the form cannot be read"),
    ],
)  # fmt: skip
def test_what_is_no_form_of_files_is_told_how_to_send_one(client, body, kind, fact):
    response = client.post("/v1/predict-case", content=body, headers={"Content-Type": kind})
    assert response.status_code == 400
    assert response.json()["fact"] == fact
    assert "curl -F picture=@left.jpg" in response.json()["remedy"]


def test_files_keep_their_bytes_whatever_stands_in_them():
    contents = [b"\r\n--x-\r\n\n\0", b"", b"-x-y\r\n--x-", bytes(range(256))]
    body = b"".join(b"--x-y\r\n" + HEAD + content + b"\r\n" for content in contents) + b"--x-y--\r\n"
    assert files_of(body, FORM) == contents
    assert files_of(body, 'multipart/form-data; charset=utf-8; boundary="x-y"') == contents
    with pytest.raises(Refused):
        files_of(body, FORM.replace("x-y", "other"))


def test_a_case_is_answered_by_one_model_though_another_comes_in_between():
    first, second = FakePredictor(), FakePredictor(("left", "right"))

    class Exchanged(FakePredictor):
        def answer_images(self, images):
            batcher.predictor = second
            return first.answer_images(images)

    batcher = Batcher(Exchanged())
    answer = asyncio.run(batcher.answer_case([picture(), picture()]))
    batcher.close()
    assert [set(one["probabilities"]) for one in answer["answers"]] == [{"dark", "light"}] * 2
    assert second.batches == []


def test_metrics_count_the_pictures_of_a_case(client):
    def counted():
        lines = client.get("/metrics").text.splitlines()
        of_kind = dict(line.rsplit(" ", 1) for line in lines if line.startswith("groupwise_"))
        return float(of_kind['groupwise_answers_total{kind="all"}'])

    before = counted()
    send(client, picture(), picture())
    assert counted() == before + 2
