"""What the page says of more data, as the command was asked."""

import json

from groupwise.cli.main import main
from groupwise.files import write_json
from groupwise.report.page import write_report


def test_the_report_says_what_was_asked(make_run, capsys):
    run = make_run()
    figure = {"value": 0.8, "low": 0.7, "high": 0.9, "n": 12, "sources": 12, "effective_n": 12.0}
    metrics = json.loads((run / "metrics.json").read_text())
    metrics["test"]["accuracy"] |= figure
    write_json(run / "metrics.json", metrics)
    assert main(["learning-curve", str(run), "--interval-width", "0.05"]) == 0
    said = capsys.readouterr().out
    assert "12 sources judge the number, and its interval is 20.0 points wide." in said
    assert "For 5.0 points about " in (run / "report.html").read_text()
    assert main(["learning-curve", str(run), "--interval-width", "5"]) == 2
    assert "5 is no width of an interval. Give a share" in capsys.readouterr().err
    assert main(["learning-curve", str(run), "--interval-width", "0.0009"]) == 2
    narrow = "--interval-width: 0.0009 is narrower than a tenth of a point. Give 0.001 or more, as in 0.05."
    assert narrow in capsys.readouterr().err
    points = [
        {"sources": size, "images": size, "scores": [0.5, 0.6], "accuracy": figure} for size in (5, 10, 20)
    ]
    fitted = [{"sources": size, "accuracy": figure} for size in (5, 20, 40)]
    facts = {"points": points, "fitted": fitted, "words": ["It rises."], "repeats": 2, "fold": "test"}
    write_json(run / "learning_curve.json", facts)
    write_report(run)
    assert "It rises." in (run / "report.html").read_text()
    assert (run / "figures/learning_curve.png").is_file()
