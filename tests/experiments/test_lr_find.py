import pytest

from folder_case import TINY, write_folder
from groupwise.console import Console
from groupwise.data.scan import scan
from groupwise.errors import UsageError
from groupwise.experiments.lr_find import find_rate
from groupwise.recipe.parsing import read_recipe

RECIPE = read_recipe("default", {**TINY, "training.compile": True})[1]
PNG = b"\x89PNG"


def test_it_draws_the_curve_and_suggests_a_rate_without_compiling(tmp_path, monkeypatch):
    monkeypatch.setattr("torch.compile", None)  # whoever calls it fails
    manifest = scan(write_folder(tmp_path / "data", 24))
    out = tmp_path / "rate.png"
    curve = find_rate(manifest, RECIPE, out, steps=12, console=Console(quiet=True))
    assert out.read_bytes().startswith(PNG)
    assert 1e-7 <= curve.suggestion <= 1


@pytest.mark.parametrize(("name", "steps", "message"), [("a.jpg", 12, "PNG file"), ("a.png", 9, "9 steps")])
def test_what_cannot_be_meant_is_refused(tmp_path, name, steps, message):
    manifest = scan(write_folder(tmp_path / "data", 4))
    with pytest.raises(UsageError, match=message):
        find_rate(manifest, RECIPE, tmp_path / name, steps=steps, console=Console(quiet=True))
