from pathlib import Path

import pytest

from groupwise.cli import demo
from groupwise.console import Console


@pytest.mark.parametrize("resume", [False, True])
def test_a_demo_that_was_stopped_goes_on_or_begins_anew(monkeypatch, capsys, tmp_path, resume):
    folder, requests = tmp_path / "my demo", []
    folder.mkdir()
    (folder / "recipe.yaml").write_text("name: digits\n")
    monkeypatch.setattr(demo, "write_digits", lambda data: None)
    monkeypatch.setattr(demo, "train", lambda request, console: requests.append(request))
    demo.demo(folder, Console(), resume=resume)
    assert [request.resume for request in requests] == [resume]
    assert (folder / "recipe.yaml").exists() == resume
    assert f"`groupwise serve '{folder}'`" in capsys.readouterr().out.replace("\n", " ")


def test_a_demo_goes_into_the_folder_that_it_is_started_in(monkeypatch, tmp_path):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    written, requests = [], []
    monkeypatch.setattr(demo, "write_digits", written.append)
    monkeypatch.setattr(demo, "train", lambda request, console: requests.append(request))
    demo.demo(Path(), Console())
    assert written == [tmp_path / "here-digits"]
    assert requests[0].folder == tmp_path / "here"
