"""The examples in the docstrings of the public names, run as they stand beside a finished run."""

import doctest
import shutil
from pathlib import Path

import pytest

import groupwise

OLDER = Path(__file__).parent / "fixtures/older_runs"


@pytest.fixture
def _beside_a_run(tmp_path, monkeypatch):
    """A folder with the run and the picture that the examples name."""
    shutil.copytree(OLDER / "finished", tmp_path / "runs/first")
    shutil.copy(OLDER / "data/dark/04.png", tmp_path / "photo.png")
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("_beside_a_run")
@pytest.mark.parametrize("name", ["create_model", "load_run", "load_weights", "open_predictor"])
def test_the_example_of_a_public_name_gives_what_it_says(name):
    (example,) = doctest.DocTestFinder(recurse=False).find(getattr(groupwise, name), name)
    assert example.examples
    assert doctest.DocTestRunner().run(example).failed == 0


@pytest.mark.parametrize("name", ["audit_ray", "predict_ray"])
def test_the_example_of_ray_is_code(name):
    (example,) = doctest.DocTestFinder(recurse=False).find(getattr(groupwise, name), name)
    assert example.examples
    for line in example.examples:
        compile(line.source, name, "single")
