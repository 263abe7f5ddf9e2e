import json
import shutil

import pytest
from safetensors.numpy import load_file

from groupwise.errors import GroupwiseError, UsageError
from groupwise.export.bundle import Terms
from groupwise.export.current import current_bundle, kept_bundle
from groupwise.export.reference import MADE
from groupwise.export.targets import export_run
from groupwise.inference.decision import Decision, write_decision
from groupwise.runs.run import Run


@pytest.fixture
def served(run, bundle, tmp_path):
    """A copy of the run with its bundle, which may be changed; the data stay where they are."""
    assert bundle.is_relative_to(run.folder)
    return Run.open(shutil.copytree(run.folder, tmp_path / "run"))


def made(folder):
    """How many bundles were made to get a current one, and where it lies."""
    calls = []
    bundle = current_bundle(folder, on_export=lambda: calls.append(1))
    return len(calls), bundle


def test_a_bundle_is_made_once(served):
    shutil.rmtree(served.folder / "export")
    times, bundle = made(served.folder)
    assert (times, bundle) == (1, served.folder / "export" / "bundle")
    assert made(served.folder) == (0, bundle)
    assert made(bundle) == (0, bundle)  # a bundle is its own


@pytest.mark.parametrize("change", ["weights", "decision", "format"])
def test_and_again_when_the_run_is_no_longer_the_same(served, change):
    bundle = served.folder / "export" / "bundle" / "bundle.json"
    if change == "weights":
        facts = json.loads(bundle.read_text())
        facts["source"]["weights"] = ["0" * 64]
        bundle.write_text(json.dumps(facts))
    elif change == "decision":
        write_decision(served, Decision(("cat", "dog"), temperature=2.5), None)
    else:
        bundle.write_text(json.dumps(json.loads(bundle.read_text()) | {"format": 0}))
    assert made(served.folder)[0] == 1
    assert made(served.folder)[0] == 0
    if change == "decision":
        assert json.loads(bundle.read_text())["decision"]["temperature"] == 2.5


@pytest.mark.parametrize(
    ("terms", "damage"),
    [(Terms("cc-by-4.0", with_pictures=True), False), (Terms("mit"), False), (Terms("cc0-1.0"), True)],
)
def test_the_one_that_gives_way_leaves_its_licence_and_pictures(served, terms, damage):
    target = served.folder / "export" / "bundle"
    export_run(served.folder, "bundle", terms=terms, replace=True)
    held = len(load_file(target / "pictures.safetensors")["pictures"])
    if damage:
        (target / "pictures.safetensors").write_bytes(b"none")
    write_decision(served, Decision(("cat", "dog"), temperature=2.5), None)
    assert made(served.folder)[0] == 1
    assert json.loads((target / "bundle.json").read_text())["licence"] == terms.licence
    assert len(load_file(target / "pictures.safetensors")["pictures"]) == held
    assert (held > MADE) is terms.with_pictures


def test_what_is_neither_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"holds neither a run \(run.json\) nor a bundle"):
        made(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_run_that_began_anew_keeps_its_bundle_and_is_told_from_a_finished_one(served):
    ledger = json.loads((served.folder / "run.json").read_text())
    (served.folder / "run.json").write_text(json.dumps(ledger | {"artefacts": {}}))
    bundle = served.folder / "export" / "bundle" / "bundle.json"
    before = bundle.read_bytes()
    with pytest.raises(GroupwiseError, match=r"model.safetensors is missing\. Finish the run"):
        current_bundle(served.folder, on_export=pytest.fail)
    with pytest.raises(UsageError, match="of weights or decisions that it no longer has"):
        kept_bundle(served.folder)
    assert bundle.read_bytes() == before
