import pytest

from groupwise.cli import demo
from groupwise.console import Console


@pytest.mark.parametrize("resume", [False, True])
def test_a_demo_that_was_stopped_goes_on_or_begins_anew(monkeypatch, tmp_path, resume):
    folder, jobs = tmp_path / "demo", []
    folder.mkdir()
    (folder / "recipe.yaml").write_text("name: digits\n")
    monkeypatch.setattr(demo, "write_digits", lambda data: None)
    monkeypatch.setattr(demo, "train", lambda job, console: jobs.append(job))
    demo.demo(folder, Console(quiet=True), resume=resume)
    assert [job.resume for job in jobs] == [resume]
    assert (folder / "recipe.yaml").exists() == resume
