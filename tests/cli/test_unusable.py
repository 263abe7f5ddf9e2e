"""Data without a usable image stop a command right after the scan, with the commonest reason."""

import csv
from pathlib import Path

import pytest

from groupwise.cli.main import main

VERBS = {
    "train": ["--run", "out"],
    "audit": ["--out", "out"],
    "split": ["--out", "out.csv"],
    "plan": ["--out", "out.yaml"],
    "show": ["--out", "out.png"],
}


@pytest.mark.parametrize("verb", VERBS)
def test_a_csv_of_images_on_another_machine_is_refused_with_the_remedy(verb, capsys, tmp_path, monkeypatch):
    images = [Path(f"/mnt/elsewhere/{name}/{i}.png") for name in ("cat", "dog") for i in range(2)]
    (tmp_path / "lists").mkdir()
    monkeypatch.chdir(tmp_path / "lists")
    with Path("pets.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("path", "label"), *((path, path.parent.name) for path in images)])
    assert main([verb, "pets.csv", *VERBS[verb]]) == 1
    told = capsys.readouterr()
    assert f"no image can be used; 4 of 4 are quarantined as {images[0]} is (outside-root: " in told.err
    assert "move the CSV up" in told.err
    assert "different photographs" not in told.out
    assert [path.name for path in (tmp_path / "lists").iterdir()] == ["pets.csv"]


def test_broken_files_are_no_matter_of_the_csv(capsys, tmp_path):
    for name in ("cat/1.png", "cat/2.png", "dog/1.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"" if "cat" in name else b"BM no picture")
    (tmp_path / "notes.txt").write_text("ignored")
    assert main(["audit", str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    told = capsys.readouterr().err
    assert "2 of 4 are quarantined as cat/1.png is (zero-byte: " in told
    assert "`groupwise scan`" in told
    assert "CSV" not in told
