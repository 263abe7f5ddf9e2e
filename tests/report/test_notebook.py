"""What a notebook shows: figures with intervals, verdict and findings, escaped, without scripts or frames."""

import base64
import doctest
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

import groupwise
from groupwise.audit.search import LOCAL
from groupwise.errors import GroupwiseError, UsageError
from groupwise.files import read_json, write_csv, write_json
from groupwise.notebook import SHOWN_FINDINGS, Audit, Metrics
from groupwise.report.audit_files import read_audit

HOSTILE = "<script>alert(1)</script>"


def test_figures_are_a_dictionary_that_a_notebook_draws(make_run):
    metrics = groupwise.open_run(make_run()).metrics
    assert isinstance(metrics, dict)
    assert json.loads(json.dumps(metrics)) == metrics
    shown = metrics._repr_html_()
    assert "12 images from" in shown
    assert "of 12 images from 4 sources were classified correctly" in shown
    assert "Macro F1 is undefined: " in shown
    assert Metrics({HOSTILE: metrics["test"]})._repr_html_().count("<script") == 0


def test_a_run_shows_the_number_what_next_and_the_curves(make_run):
    folder = make_run(ledger={"data": HOSTILE})
    (folder / "figures").mkdir()
    (folder / "figures" / "curves.png").write_bytes(b"curves")
    run = groupwise.open_run(str(folder))
    shown = run._repr_html_()
    assert run.verdict.number in shown.replace("&#39;", "'")
    assert "<code>groupwise train" in shown
    assert base64.b64encode(b"curves").decode() in shown
    assert repr(run).splitlines() == [f"Run in {folder}", *run.verdict.sentences]  # where nothing is drawn
    assert shown.count("<img") == 1  # what was not drawn leaves no gap
    assert "<script" not in shown


def test_an_unmeasured_run_is_refused(make_run):
    folder = make_run()
    (folder / "metrics.json").unlink()
    with pytest.raises(GroupwiseError, match="no number to report"):
        groupwise.open_run(folder)


def write_audit(folder: Path, findings: list[dict[str, object]]) -> Path:
    write_csv(folder / "manifest.csv", ("path", "label", "status", "reason"), [("a.png", "cat", "ok", "")])
    write_csv(folder / "clusters.csv", ("path", "label", "cluster"), [("a.png", "cat", 0)])
    write_json(folder / "findings.json", findings)
    write_json(folder / "audit.json", {"data": "pets", "root": str(folder)})
    return folder


def test_an_audit_shows_its_answer_and_the_gravest_findings_first(tmp_path):
    note = {"code": "note", "severity": "note", "title": HOSTILE, "text": "t", "remedy": "r"}
    stop = {"code": "shortcut-size", "severity": "stop", "title": "Size tells", "picture": "cGljdHVyZQ=="}
    found = Audit(read_audit(write_audit(tmp_path, [*([note] * SHOWN_FINDINGS), stop])))
    assert found.findings[0].title == "Size tells"
    shown = found._repr_html_()
    assert "May these data be trusted? Not yet." in shown
    assert 'src="data:image/png;base64,cGljdHVyZQ=="' in shown
    assert "May these data be trusted? Not yet." in repr(found)
    assert "1 more in the page" in shown
    assert "<script" not in shown


def test_an_audit_is_that_of_the_command(monkeypatch, tmp_path):
    def write(scan, data, out, *, options, seed, console, backend):
        assert backend is LOCAL
        assert data == Path("pets")
        assert options == {"group_column": "patient"}
        assert seed == 7
        write_audit(out, [])

    monkeypatch.setattr("groupwise.notebook.audit_into", write)
    found = groupwise.audit_data("pets", out=tmp_path / "audit", group_column="patient", seed=7, quiet=True)
    assert found.folder == tmp_path / "audit"
    assert "May these data be trusted?" in found._repr_html_()
    with pytest.raises(UsageError, match="--group-column is given as well"):
        groupwise.audit_data("pets", group_column="a", group_regex="b")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"exclude": ["a.png"]}, r"exclude: holds list, which is no path\. Write the paths into a text file"),
        ({"root": 5}, "root: holds int, which is no path"),
        ({"group_column": 3}, "group_column: holds int 3, which is not a text"),
        ({"seed": "1"}, "seed: holds str '1', which is not a whole number"),
        ({"seed": -1}, "--seed: -1 is not at least 0"),
        ({"quiet": "yes"}, "quiet: .* not True or False"),
    ],
)
def test_arguments_of_another_kind_are_named(tmp_path, wrong, said):
    with pytest.raises(UsageError, match=said):
        groupwise.audit_data(tmp_path, out=tmp_path / "audit", **wrong)


def test_the_example_of_an_audit_gives_what_it_says(monkeypatch, tmp_path):
    """On findings as an audit has them; that of its own quality is for the page alone."""
    codes = {"few-photographs": "warning", "copies-across-labels": "stop", "audit-quality": "note"}
    found = [{"code": code, "severity": severity} for code, severity in codes.items()]
    audit = Audit(read_audit(write_audit(tmp_path, found)))
    (example,) = doctest.DocTestFinder(recurse=False).find(groupwise.audit_ray, "audit_ray")
    monkeypatch.setattr(groupwise, "audit_ray", lambda data, *, out, concurrency: audit)
    assert doctest.DocTestRunner().run(example).failed == 0
    assert len(example.examples) == 3


def test_an_error_is_its_sentence_alone_where_a_notebook_would_draw_its_frames():
    error = UsageError("no such file", place="pets", remedy="Check the path.")
    assert error._render_traceback_() == ["UsageError: pets: no such file. Check the path."]


def test_training_returns_figures_that_a_notebook_draws(make_run, monkeypatch, tmp_path):
    held = read_json(make_run() / "metrics.json")
    monkeypatch.setattr("groupwise.api.run_chain", lambda request, console: held)
    request = SimpleNamespace(cv=None, refit=False)
    monkeypatch.setattr("groupwise.api.request_run", lambda *_, **__: request)
    metrics = groupwise.train("pets", run=tmp_path / "run", quiet=True)
    assert metrics == held
    assert "of 12 images from 4 sources" in metrics._repr_html_()
