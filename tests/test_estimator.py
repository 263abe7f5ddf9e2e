import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.utils import estimator_checks

import groupwise
from folder_case import TINY, write_folder
from groupwise import GroupwiseClassifier
from groupwise.errors import GroupwiseError


@pytest.fixture(scope="module")
def pets(tmp_path_factory):
    folder = write_folder(tmp_path_factory.mktemp("pets"), n=48)
    paths = sorted(str(path) for path in folder.rglob("*.png"))
    return paths, [int("dog" in path) for path in paths]


@pytest.fixture(scope="module")
def fitted(pets):
    return GroupwiseClassifier(changes=TINY | {"training.epochs": 6}).fit(*pets)


@pytest.mark.parametrize(
    "check",
    [
        estimator_checks.check_no_attributes_set_in_init,
        estimator_checks.check_parameters_default_constructible,
        estimator_checks.check_get_params_invariance,
        estimator_checks.check_set_params,
        estimator_checks.check_estimator_repr,
        estimator_checks.check_estimator_cloneable,
    ],
)
def test_scikit_learns_checks_that_make_sense_for_images(check):
    check("GroupwiseClassifier", GroupwiseClassifier())


def test_it_learns_and_keeps_the_labels_type(pets, fitted):
    paths, labels = pets
    probabilities = fitted.predict_proba(paths)
    assert probabilities.shape == (48, 2)
    np.testing.assert_allclose(probabilities.sum(1), 1)
    assert fitted.classes_.tolist() == [0, 1]
    assert fitted.predict(paths).dtype == fitted.classes_.dtype
    assert fitted.score(paths, labels) > 0.9
    assert set(fitted.metrics_) == {"val"}


@pytest.mark.parametrize("kind", [list, np.array])
def test_groups_reach_the_split(pets, tmp_path, kind):
    paths, labels = map(kind, pets)
    groups = [f"patient {i // 4}" for i in range(48)]
    GroupwiseClassifier(changes=TINY, run=tmp_path / "run").fit(paths, labels, groups=kind(groups))
    from groupwise.data.split import proof, read_split

    split = read_split(tmp_path / "run" / "split.csv")
    assert {row.group for row in split.rows} == set(groups)
    assert proof(split)["spanning_sources"] == 0


def test_it_takes_part_in_cross_validation(pets):
    model = clone(GroupwiseClassifier(changes=TINY | {"training.epochs": 6}))
    scores = cross_val_score(model, *pets, groups=np.arange(48) // 2, cv=GroupKFold(2))
    assert (scores > 0.8).all()


def test_misuse_is_refused(pets, tmp_path):
    with pytest.raises(NotFittedError):
        GroupwiseClassifier().predict(pets[0])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        GroupwiseClassifier().fit(pets[0], pets[1][:-1])
    (tmp_path / "bad.png").write_text("no picture")
    with pytest.raises(GroupwiseError, match=r"bad\.png"):
        GroupwiseClassifier(changes=TINY).fit([*pets[0], tmp_path / "bad.png"], [*pets[1], 0])


def test_the_names_of_the_package():
    assert groupwise.create_model("resnext29_32x4d").fc.out_features == 10
    assert all(callable(getattr(groupwise, name)) for name in groupwise.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'fit'"):
        groupwise.fit  # noqa: B018
