"""The verb, from a run to an answer: one command, as a newcomer types it."""

import shutil
import signal
import subprocess
import sys

import httpx
import pytest

from groupwise.cli.main import main
from groupwise.distributed import processor
from groupwise.inference.predictor import load_run
from groupwise.serving import server
from run_case import write_run

SERVE = [sys.executable, "-m", "groupwise", "serve"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("served"))


def test_one_command_leads_from_a_run_to_answers(run):
    command = [*SERVE, str(run.folder), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        lines = [process.stdout.readline() for _ in range(2)]
        assert lines[0] == "Making a bundle of the run ...\n"
        url = lines[1].removeprefix("Page: ").split(" ")[0]
        files = sorted((run.folder.parent / "pets").rglob("*.png"))
        offline = load_run(run.folder).predict(files)
        with httpx.Client(base_url=url) as client:
            for file, prediction in zip(files, offline, strict=True):
                answer = client.post("/v1/predict?heat=1", content=file.read_bytes()).json()
                assert answer["probabilities"] == pytest.approx(dict(prediction.probabilities), abs=1e-5)
                assert len(answer["heat"]) == len(answer["heat"][0]) > 1
            assert client.get("/v1/model").json()["classes"] == ["cat", "dog"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert process.stderr.read() == ""


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        (
            ["--host", "0.0.0.0"],
            2,
            "--host: 0.0.0.0 can be reached from other machines, and there is no token",
        ),
        (["--token", "short"], 2, "--token: shorter than 16 characters"),
        (["--token", ""], 2, "--token: shorter than 16 characters"),
        (["--port", "99999"], 2, "--port: 99999 is no port"),
    ],
)
def test_an_unsafe_or_impossible_address_is_refused_before_anything_is_made(
    capsys, tmp_path, options, status, message
):
    assert main(["serve", str(tmp_path), *options]) == status
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_the_token_may_come_from_the_environment(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("GROUPWISE_TOKEN", "x" * 16)
    assert main(["serve", str(tmp_path), "--host", "0.0.0.0"]) == 2
    assert "holds neither a run" in capsys.readouterr().err  # so the address was accepted
    monkeypatch.setenv("GROUPWISE_TOKEN", "")
    assert main(["serve", str(tmp_path)]) == 2
    assert "GROUPWISE_TOKEN: shorter than 16 characters" in capsys.readouterr().err
    assert main(["serve", str(tmp_path), "--token", "y" * 16]) == 2
    assert "holds neither a run" in capsys.readouterr().err


def test_a_missing_package_is_named(capsys, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "groupwise.serving.server", None)
    assert main(["serve", str(tmp_path)]) == 1
    assert "pip install 'groupwise[serve]'" in capsys.readouterr().err


def test_ctrl_c_while_the_bundle_is_made_leaves_nothing(run, capsys, monkeypatch, tmp_path):
    folder = shutil.copytree(run.folder, tmp_path / "run")
    shutil.rmtree(folder / "export", ignore_errors=True)
    before = sorted(folder.rglob("*"))

    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("groupwise.export.bundle.write_rest", stop)
    assert main(["serve", str(folder)]) == 130
    assert "Stopped before there was a bundle to serve." in capsys.readouterr().err
    assert sorted(folder.rglob("*")) == before


def test_a_processor_that_was_not_verified_is_said_before_it_serves(run, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(server, "serve", lambda *_, on_ready, watch: on_ready())
    main(["serve", str(run.folder), "--port", "0"])
    assert "another kind of processor" not in "".join(capsys.readouterr())
    (tmp_path / "cpuinfo").write_text("model name : Old\nflags : avx2\n")
    monkeypatch.setattr(processor, "CPUINFO", tmp_path / "cpuinfo")
    assert main(["serve", str(run.folder), "--port", "0"]) == 0
    said = "".join(capsys.readouterr())
    assert "verified on another kind of processor than this one" in " ".join(said.split())
    assert "Page: http" in said
