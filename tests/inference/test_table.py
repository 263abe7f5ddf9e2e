import csv

import pytest

from groupwise.errors import GroupwiseError, UsageError
from groupwise.inference.decision import ClassPrediction
from groupwise.inference.stream import Prediction
from groupwise.inference.table import open_table

CLASSES = ("cat", 'a "dog"')


def prediction(path):
    probabilities = dict(zip(CLASSES, (0.75, 0.25), strict=True))
    return Prediction(
        path, ClassPrediction("cat", 0.75, probabilities, ("cat", 'a "dog"'), False, None, "cat")
    )


def write(file, paths, **options):
    with open_table(file, CLASSES, **{"model": "one"} | options) as table:
        for path in paths:
            if path in table.done:
                continue
            if path.startswith("bad"):
                table.write_error(GroupwiseError("is torn", place=path, remedy="Mend it."))
            else:
                table.write(prediction(path))
        return table.rows


PATHS = ["a.png", 'odd "name", with\nline.png', "é.png", "Icon\r", "b\r\n.png", "bad, too.png", "b.png"]


def test_every_row_comes_back(tmp_path):
    write(tmp_path / "p.csv", PATHS)
    with (tmp_path / "p.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["path"] for row in rows] == PATHS
    assert rows[0] | {"path": ""} == {
        "path": "", "predicted": "cat", "decided": "cat", "abstain": "false", "unlike": "",
        "set": 'cat|a "dog"', "prob_cat": "0.75", 'prob_a "dog"': "0.25",
        "error": "",
    }  # fmt: skip
    assert list(rows[0])[-1] == "error"
    assert {name: cell for name, cell in rows[5].items() if cell} == {
        "path": "bad, too.png", "error": "bad, too.png: is torn. Mend it.",
    }  # fmt: skip


def test_wherever_it_was_cut_it_ends_as_if_it_had_not_been(tmp_path):
    write(tmp_path / "whole.csv", PATHS)
    whole = (tmp_path / "whole.csv").read_bytes()
    (tmp_path / "whole.csv.model.json").rename(tmp_path / "cut.csv.model.json")
    for length in range(len(whole)):
        (tmp_path / "cut.csv").write_bytes(whole[:length])
        assert write(tmp_path / "cut.csv", PATHS, resume=True) == len(PATHS)
        assert (tmp_path / "cut.csv").read_bytes() == whole, length


def test_what_could_not_be_read_is_tried_again(tmp_path):
    write(tmp_path / "p.csv", PATHS)
    mended = ["bad, too.png" if path.startswith("bad") else path for path in PATHS]
    with open_table(tmp_path / "p.csv", CLASSES, "one", resume=True) as table:
        assert table.done == {*PATHS} - {"bad, too.png"}
        assert table.rows == len(PATHS) - 1
    rows = (tmp_path / "p.csv").read_text().count("is torn")
    assert rows == 0
    assert write(tmp_path / "p.csv", mended, resume=True) == len(PATHS)
    assert {file.name for file in tmp_path.iterdir()} == {"p.csv", "p.csv.model.json"}


def test_a_file_that_is_there_is_not_overwritten(tmp_path):
    write(tmp_path / "p.csv", PATHS)
    with pytest.raises(UsageError, match=r"p\.csv: is there already\. Add --resume"):
        write(tmp_path / "p.csv", PATHS)


def test_a_file_of_another_model_is_refused_untouched(tmp_path):
    (tmp_path / "p.csv").write_text("path,predicted,prob_x\na.png,x,1\n")
    with pytest.raises(GroupwiseError, match="its columns are not those of this model"):
        write(tmp_path / "p.csv", PATHS, resume=True)
    assert (tmp_path / "p.csv").read_text() == "path,predicted,prob_x\na.png,x,1\n"


@pytest.mark.parametrize(
    ("change", "words"),
    [(None, "its answers are of another model or another decision, by p.csv.model.json"),
     ("gone", "p.csv.model.json, which names the model of its answers, is missing")],
)  # fmt: skip
def test_only_the_same_model_goes_on(tmp_path, change, words):
    write(tmp_path / "p.csv", PATHS[:1])
    if change:
        (tmp_path / "p.csv.model.json").unlink()
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    with pytest.raises(GroupwiseError, match=words):
        write(tmp_path / "p.csv", PATHS, resume=True, model="one" if change else "other")
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_a_file_without_rows_is_of_no_model(tmp_path):
    (tmp_path / "p.csv").touch()  # a crash came first
    write(tmp_path / "p.csv", PATHS, resume=True)
    write(tmp_path / "whole.csv", PATHS)
    assert (tmp_path / "p.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
