"""`groupwise evaluate --ordered` adds the weighted kappas, and refuses another set of classes."""

import json

import pytest

from groupwise.cli.main import main
from run_case import write_run


def test_evaluate_tells_the_weighted_kappas(tmp_path, capsys):
    run = write_run(tmp_path)
    assert main(["evaluate", str(run.folder), "--ordered", "[dog,cat]", "--json"]) == 0
    kappa = json.loads(capsys.readouterr().out)["test"]["kappa"]
    assert kappa["ordered"] == ["dog", "cat"]
    assert kappa["linear"]["value"] == pytest.approx(kappa["quadratic"]["value"])  # the same, of two classes
    assert main(["evaluate", str(run.folder), "--ordered", "[dog]"]) == 2
    assert "does not name each class once" in capsys.readouterr().err
