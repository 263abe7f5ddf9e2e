import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GroupKFold, cross_validate
from sklearn.utils import estimator_checks

import groupwise
from folder_case import TINY, write_folder
from groupwise import GroupwiseClassifier
from groupwise.data.proof import proof
from groupwise.data.split import read_split
from groupwise.errors import GroupwiseError
from scenes_case import LABELS, write_scenes


@pytest.fixture(scope="module")
def pets(tmp_path_factory):
    folder = write_folder(tmp_path_factory.mktemp("pets"), n=48)
    paths = sorted(str(path) for path in folder.rglob("*.png"))
    return paths, [int("dog" in path) for path in paths]


@pytest.fixture(scope="module")
def fitted(pets):
    return GroupwiseClassifier(changes=TINY | {"training.epochs": 6}).fit(*pets)


# All of scikit-learn's checks that hand over no table of numbers, which images are not.
CHECKS = """
    classifiers_one_label_sample_weights classifiers_regression_target dataframe_column_names_consistency
    decision_proba_consistency do_not_raise_errors_in_init_or_set_params estimator_cloneable estimator_repr
    estimator_tags_renamed estimators_empty_data_messages estimators_partial_fit_n_features
    estimators_unfitted get_params_invariance mixin_order n_features_in_after_fitting
    no_attributes_set_in_init parameters_default_constructible requires_y_none set_params
    supervised_y_no_nan valid_tag_types
""".split()


@pytest.mark.parametrize("check", CHECKS)
def test_scikit_learns_checks_that_make_sense_for_images(check):
    getattr(estimator_checks, f"check_{check}")("GroupwiseClassifier", GroupwiseClassifier())


def test_scikit_learn_is_told_that_it_takes_no_table_of_numbers():
    with pytest.warns(UserWarning, match="requires input"):
        checks = list(estimator_checks.estimator_checks_generator(GroupwiseClassifier()))
    assert checks
    for estimator, check in checks:
        check(estimator)


def test_it_learns_and_keeps_the_labels_type(pets, fitted):
    paths, labels = pets
    probabilities = fitted.predict_proba(paths)
    assert probabilities.shape == (48, 2)
    np.testing.assert_allclose(probabilities.sum(1), 1)
    assert fitted.classes_.tolist() == [0, 1]
    assert fitted.predict(paths).dtype == fitted.classes_.dtype
    assert fitted.score(paths, labels) > 0.9
    assert set(fitted.metrics_) == {"val"}


def _column(values):
    """A column of a table whose rows are numbered otherwise."""
    return pd.Series(values, index=range(100, 100 + len(values)))


@pytest.mark.parametrize("kind", [np.array, _column])
def test_groups_reach_the_split(pets, tmp_path, kind):
    paths, labels = map(kind, pets)
    groups = [f"patient {i // 4}" for i in range(48)]
    GroupwiseClassifier(changes=TINY, run=tmp_path / "run").fit(paths, labels, groups=kind(groups))
    split = read_split(tmp_path / "run" / "split.csv")
    assert {row.group for row in split.rows} == set(groups)
    assert proof(split)["spanning_sources"] == 0


def test_tables_of_one_column_are_read_as_scikit_learn_reads_them(pets, tmp_path):
    paths, labels = pets
    groups = pd.Series([np.nan if i % 2 else i // 4 for i in range(48)], dtype="category")
    model = GroupwiseClassifier(changes=TINY, run=tmp_path / "run")
    with pytest.warns(DataConversionWarning, match="A column-vector y was passed"):
        model.fit(pd.DataFrame({"path": paths}), np.array(labels)[:, None], groups=groups)
    assert model.classes_.tolist() == [0, 1]
    assert model.predict(np.array(paths, object)[:, None]).shape == (48,)
    split = read_split(tmp_path / "run" / "split.csv")
    assert sum(row.group == "" for row in split.rows) == 24  # the missing ones stand alone
    assert len({row.group for row in split.rows} - {""}) == 12


@pytest.mark.parametrize(
    "kind",
    [np.array, lambda groups: groups, lambda groups: pd.Series(groups, dtype="Int64").replace(5, pd.NA)],
)
def test_a_group_is_what_is_given_and_zero_is_one(pets, monkeypatch, kind):
    """Among other than small numbers, 0 in a table is taken for a missing one."""
    asked = []
    monkeypatch.setattr(
        "groupwise.estimator.train", lambda request, console: asked.append(request.scan(None)) or {}
    )
    monkeypatch.setattr("groupwise.estimator.load_run", lambda folder: None)
    groups = [(0, 5, 17, 29)[i // 12] for i in range(48)]
    GroupwiseClassifier().fit(*pets, groups=kind(groups))
    found = [
        sample.group.removesuffix(".0") for sample in asked[0].usable
    ]  # as numpy has whole numbers and none
    missing = 12 if getattr(kind(groups), "hasnans", False) else 0
    assert (found.count("0"), found.count("17"), found.count("")) == (12, 12, missing)
    GroupwiseClassifier().fit(*pets, groups=[None, float("nan"), *["p1", "P01"] * 23])
    assert {sample.group for sample in asked[1].usable} == {"", "p1", "P01"}


def test_a_cross_validation_routes_groups_as_metadata(pets):
    seen = []

    class Recording(GroupwiseClassifier):
        def fit(self, X, y, groups=None):  # noqa: N803
            seen.append(groups)
            return super().fit(X, y, groups)

    groups = np.arange(48) // 2
    with config_context(enable_metadata_routing=True):
        model = clone(Recording(changes=TINY | {"training.epochs": 6})).set_fit_request(groups=True)
        found = cross_validate(
            model, *pets, params={"groups": groups}, cv=GroupKFold(2), return_estimator=True
        )
        with pytest.raises(TypeError, match="unexpected argument"):  # near miss: never asked for
            cross_validate(Recording(changes=TINY), *pets, params={"unasked": groups}, cv=GroupKFold(2))
    assert [len(part) for part in seen] == [24, 24]
    assert set(seen[0]).isdisjoint(seen[1])
    assert all(set(one.metrics_) == {"val"} for one in found["estimator"])
    assert (found["test_score"] > 0.8).all()


def test_it_answers_the_same_after_pickling_and_for_any_part(pets, fitted):
    again = pickle.loads(pickle.dumps(fitted))
    expected = fitted.predict_proba(pets[0][:5])
    np.testing.assert_array_equal(again.predict_proba(pets[0][:5]), expected)
    np.testing.assert_allclose(fitted.predict_proba(pets[0][3:5]), expected[3:], atol=1e-6)


def test_misuse_is_refused(pets, tmp_path):
    with pytest.raises(NotFittedError):
        GroupwiseClassifier().predict(pets[0])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        GroupwiseClassifier().fit(pets[0], pets[1][:-1])
    with pytest.raises(ValueError, match="Input y contains NaN"):
        GroupwiseClassifier().fit(pets[0], [np.nan, *pets[1][1:]])
    for none in (None, np.nan, pd.NA):  # beside text, and in each kind of column
        with pytest.raises(ValueError, match="Input y contains NaN"):
            GroupwiseClassifier().fit(pets[0], [*map(str, pets[1][1:]), none])
        with pytest.raises(ValueError, match="Input y contains NaN"):
            GroupwiseClassifier().fit(pets[0], pd.Series([*map(str, pets[1][1:]), none], dtype="string"))
    with pytest.raises(GroupwiseError, match="holds 'null', which stands for a missing label"):
        GroupwiseClassifier().fit(pets[0], ["null", *map(str, pets[1][1:])])
    with pytest.raises(ValueError, match="y should be a 1d array"):
        GroupwiseClassifier().fit(pets[0], np.eye(2)[pets[1]] - 0.5)  # an indicator matrix holds 0 and 1
    with pytest.raises(GroupwiseError, match=r"X: holds float 1\.0, which is no path"):
        GroupwiseClassifier().fit(np.ones(48), pets[1])
    with pytest.raises(ValueError, match=r"X holds 0 samples\. Give paths of image files"):
        GroupwiseClassifier().fit([], [])
    (tmp_path / "bad.png").write_text("no picture")
    with pytest.raises(GroupwiseError, match=r"bad\.png"):
        GroupwiseClassifier(changes=TINY).fit([*pets[0], tmp_path / "bad.png"], [*pets[1], 0])


def test_the_names_of_the_package():
    assert groupwise.create_model("resnext29_32x4d").fc.out_features == 10
    assert all(callable(getattr(groupwise, name)) for name in groupwise.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'fit'"):
        groupwise.fit  # noqa: B018


def test_an_indicator_matrix_is_learnt_label_by_label(tmp_path):
    table = pd.read_csv(write_scenes(tmp_path), keep_default_na=False)
    paths = [str(tmp_path / path) for path in table["path"]]
    members = pd.DataFrame({name: table["label"].str.contains(name) for name in ("red", "green", "blue")})
    members["never"] = False
    fitted = GroupwiseClassifier(changes=TINY | {"training.epochs": 1, "data.image_size_px": 16})
    fitted.fit(paths, members.astype(int), groups=table["person"])
    assert fitted.classes_.tolist() == ["red", "green", "blue", "never"]  # in the order of y, as elsewhere
    assert fitted.predictor_.classes == LABELS
    probs, given = fitted.predict_proba(paths), fitted.predict(paths)
    assert probs.shape == given.shape == (72, 4)
    answers = fitted.predictor_.predict(paths)
    assert probs[:, 0].tolist() == [one.probabilities["red"] for one in answers]
    assert given[:, 2].tolist() == ["blue" in one.answer.labels for one in answers]
    assert not given[:, 3].any()
    expected = accuracy_score(members, given)
    assert fitted.score(paths, members) == pytest.approx(expected)
    assert fitted.metrics_["val"]["labels"] == "several"


@pytest.mark.parametrize(("columns", "said"), [(["a|b", "c"], "a bar parts"), (["1", 1], "written alike")])
def test_columns_that_cannot_be_written_are_refused(columns, said, pets):
    members = pd.DataFrame([[0, 1], [1, 1]] * 24, columns=pd.Index(columns, dtype=object))
    with pytest.raises(GroupwiseError, match=said):
        GroupwiseClassifier().fit(pets[0], members)
