import warnings

import pytest

from groupwise.export.targets import export_run
from groupwise.inference.bundle import open_predictor
from groupwise.inference.ray import _Worker, predict_ray
from groupwise.inference.text import answer_cells
from run_case import write_run


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    run = write_run(tmp_path_factory.mktemp("ray"))
    return export_run(run.folder, "bundle")[0]


def test_ray_gives_the_same_answers(bundle, tmp_path):
    ray = pytest.importorskip("ray", reason="Ray, of the extra `scale`, is not installed")
    pytest.importorskip("pyarrow", reason="Ray Data needs pyarrow, which is not installed")
    files = sorted((bundle.parents[2] / "pets").glob("*/*.png"))
    (tmp_path / "words.png").write_text("no picture")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
        try:
            rows = {
                row["path"]: row for row in predict_ray(bundle, [*files, tmp_path / "words.png"]).take_all()
            }
        finally:
            ray.shutdown()
    assert (
        "is no image" in rows[str(tmp_path / "words.png")]["error"]
        or rows[str(tmp_path / "words.png")]["error"]
    )
    for prediction in open_predictor(bundle).predict(files):
        row = rows[prediction.path]
        assert (row["error"], row["predicted"]) == ("", prediction.label)
        assert float(row["prob_cat"]) == pytest.approx(prediction.probabilities["cat"], abs=1e-6)


def test_a_batch_keeps_its_order_and_names_bad_files(bundle, tmp_path):
    files = sorted((bundle.parents[2] / "pets").glob("*/*.png"))[:3]
    paths = [str(files[1]), str(tmp_path / "gone.png"), str(files[0]), str(files[1])]
    table = _Worker(str(bundle))({"path": paths})
    assert table["path"] == paths
    assert [bool(error) for error in table["error"]] == [False, True, False, False]
    expected = [answer_cells(p.answer) for p in open_predictor(bundle).predict([paths[0], paths[2]])]
    assert [table["predicted"][i] for i in (0, 2)] == [cells[0] for cells in expected]
    assert table["predicted"][1] == ""


def test_an_error_stands_beside_the_path_as_it_was_given(bundle, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "words.png").write_text("no picture")
    paths = ["./words.png", "words.png", f"{tmp_path}//words.png"]
    table = _Worker(str(bundle))({"path": paths})
    assert table["path"] == paths
    assert [error.split(": ")[0] for error in table["error"]] == paths
