"""What `import groupwise` offers, what it costs, and that its types reach those who use it."""

import os
import re
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


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"cv": "5"}, "cv: holds str '5', which is not a whole number"),
        ({"cv": True}, "cv: holds bool True, which is not a whole number"),
        ({"jobs": 1.5}, "jobs: holds float 1.5, which is not a whole number"),
        ({"budget": 300}, "budget: holds int 300, which is not a text, such as '20min'"),
        ({"changes": ["training.epochs=2"]}, "changes: holds list"),
        ({"group_column": 3}, "group_column: holds int 3, which is not a text"),
        ({"resume": "yes"}, "resume: holds str 'yes', which is not True or False"),
        ({"cv": 2}, "--cv: 2 is below 3"),
        ({"repeats": 3}, "--repeats 3: what is to be divided anew is not said"),
    ],
)
def test_a_value_of_another_kind_is_refused_in_words(tmp_path, wrong, said):
    with pytest.raises(UsageError, match=re.escape(said)):
        groupwise.train(tmp_path, run=tmp_path / "run", **wrong)
    assert not (tmp_path / "run").exists()


def test_the_estimator_says_what_its_changes_are():
    with pytest.raises(UsageError, match="changes: holds str '20', which is not a dictionary"):
        groupwise.GroupwiseClassifier(changes="20").fit(["a.png"], ["cat"])


def test_importing_it_imports_nothing_heavy():
    code = "import groupwise, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"torch", "numpy", "scipy", "sklearn", "PIL", "cv2", "jsonargparse"} & set(loaded.split())


@pytest.mark.parametrize(
    ("given", "kept"),
    [({}, "1000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "None")],
)
def test_waiting_threads_soon_sleep_unless_the_user_says_otherwise(given, kept):
    code = "import groupwise, os; print(os.environ.get('GOMP_SPINCOUNT'))"
    others = {n: v for n, v in os.environ.items() if n not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")}
    told = subprocess.check_output([sys.executable, "-c", code], env={**others, **given}, text=True)
    assert told == f"{kept}\n"
