"""`groupwise evaluate --ordered` adds the weighted kappas, and refuses another set of classes."""

import json

import pytest

from groupwise.cli.main import main
from groupwise.files import read_json
from run_case import write_run


def test_evaluate_tells_the_weighted_kappas(tmp_path, capsys):
    run = write_run(tmp_path)
    assert main(["evaluate", str(run.folder), "--ordered", "[dog,cat]", "--json"]) == 0
    kappa = json.loads(capsys.readouterr().out)["test"]["kappa"]
    assert kappa["ordered"] == ["dog", "cat"]
    assert kappa["linear"]["value"] == pytest.approx(kappa["quadratic"]["value"])  # the same, of two classes
    assert main(["evaluate", str(run.folder), "--ordered", "[dog]"]) == 2
    assert "does not name each class once" in capsys.readouterr().err


def test_an_order_is_told_and_kept_for_the_next_time(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("groupwise.report.page.write_report", lambda folder: folder / "report.html")
    run = write_run(tmp_path)
    words = ["evaluate", str(run.folder)]
    assert main(words) == 0
    assert "kappa" not in read_json(run.path("metrics.json"))["test"]
    assert "kappa" not in capsys.readouterr().out
    assert main([*words, "--ordered", "[dog,cat]"]) == 0
    out = capsys.readouterr().out
    assert "Weighted kappa, linear, " in out
    assert "Report: " in out
    for fold in ("test", "val"):  # an order is one of the classes, whatever fold is measured
        assert main([*words, "--fold", fold]) == 0
        assert "Weighted kappa, quadratic, " in capsys.readouterr().out
        assert read_json(run.path("metrics.json"))[fold]["kappa"]["ordered"] == ["dog", "cat"]
