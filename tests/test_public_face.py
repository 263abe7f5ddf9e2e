"""What `import groupwise` offers, what it costs, and that its types reach those who use it."""

import subprocess
import sys
from pathlib import Path

import pytest

import groupwise
from groupwise.errors import GroupwiseError, UsageError


def test_every_public_name_is_there():
    names = {name: getattr(groupwise, name) for name in groupwise.__all__}
    assert {"train", "load_run", "open_predictor", "create_model", "load_weights", "predict_ray"} < set(names)
    assert all(callable(value) for value in names.values())
    assert dir(groupwise) == sorted(names)


def test_what_the_user_can_mend_is_caught_by_one_name():
    assert groupwise.GroupwiseError is GroupwiseError
    assert issubclass(UsageError, groupwise.GroupwiseError)


def test_a_name_that_is_not_there_is_an_ordinary_error():
    with pytest.raises(AttributeError, match="module 'groupwise' has no attribute 'trian'"):
        _ = groupwise.trian


def test_the_package_states_its_version_and_its_types():
    assert groupwise.__version__ == "0.1.0"
    project = Path(__file__).parents[1] / "pyproject.toml"
    assert f'version = "{groupwise.__version__}"' in project.read_text()
    assert Path(groupwise.__file__).with_name("py.typed").is_file()


def test_importing_it_imports_nothing_heavy():
    code = "import groupwise, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"torch", "numpy", "scipy", "sklearn", "PIL", "cv2", "jsonargparse"} & set(loaded.split())
