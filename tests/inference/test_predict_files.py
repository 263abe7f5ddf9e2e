import csv
import zipfile

import pytest

from groupwise.cli.main import main
from groupwise.inference import bundle as predictor_module
from groupwise.inference.predict_files import predict_files
from groupwise.inference.predictor import load_run
from run_case import write_run


class Silent:
    def say(self, text): ...
    def warn(self, text): ...


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("predicted"))


def test_a_file_that_cannot_be_read_has_a_row(run, tmp_path, capsys):
    good = sorted((run.folder.parent / "pets").glob("*/*.png"))[0]
    (tmp_path / "words.png").write_text("no picture")
    target = tmp_path / "p.csv"
    command = ["predict", str(run.folder), str(tmp_path / "words.png"), str(good), "--csv", str(target)]
    assert main(command) == 1
    with target.open(newline="") as file:
        rows = {row["path"]: row for row in csv.DictReader(file)}
    assert rows[str(good)]["error"] == ""
    bad = rows[str(tmp_path / "words.png")]
    assert "words.png: the file holds text" in bad["error"]
    assert bad["predicted"] == bad["prob_cat"] == ""
    assert "1 of 2 files could not be read" in capsys.readouterr().err


def test_a_folder_without_images_is_named_and_no_file_is_made(run, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    command = ["predict", str(run.folder), str(tmp_path / "empty"), "--csv", str(tmp_path / "p.csv")]
    assert main(command) == 1
    assert "empty: no images there. Name image files" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]


def test_another_decision_does_not_go_on(run, tmp_path, capsys):
    files = [str(file) for file in sorted((run.folder.parent / "pets").glob("*/*.png"))[:2]]
    command = ["predict", str(run.folder), "--csv", str(tmp_path / "p.csv"), "--resume"]
    assert main([*command, files[0]]) == 0
    assert main([*command, *files]) == 0
    (tmp_path / "p.csv.model.json").write_text('{"model": "other"}')
    capsys.readouterr()
    assert main([*command, *files]) == 1
    assert "of another model or another decision" in capsys.readouterr().err


@pytest.mark.parametrize("to_csv", [True, False])
def test_ctrl_c_tells_how_far_it_came(run, tmp_path, capsys, monkeypatch, to_csv):
    files = sorted((run.folder.parent / "pets").glob("*/*.png"))[:3]
    predictor = load_run(run.folder)

    class Stopped:
        classes, decision = predictor.classes, predictor.decision

        def stream(self, paths, *, on_bad=None):
            yield from predictor.predict(files[:2])
            raise KeyboardInterrupt

    monkeypatch.setattr(predictor_module, "open_predictor", lambda folder: Stopped())
    target = tmp_path / "r.csv"
    options = ["--csv", str(target)] if to_csv else []
    assert main(["predict", str(run.folder), *map(str, files), *options]) == 130
    err = capsys.readouterr().err
    told = f"Stopped: 2 answers are in {target}; go on with --resume." if to_csv else "Stopped."
    assert err == f"groupwise: {told}\n"
    if to_csv:
        predict_with = {"csv": target, "model": "m", "resume": True}
        with pytest.raises(Exception, match="another model"):
            predict_files(predictor, list(map(str, files)), Silent(), **predict_with)


def test_files_that_taught_the_network_are_counted(run, tmp_path, capsys):
    folds = {run.root / row.path: row.fold for row in run.split().rows}
    tested = next(path for path, fold in folds.items() if fold == "test")
    learnt = next(path for path, fold in folds.items() if fold == "train")
    copy = tmp_path / "another name.png"
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.write(learnt, "a/1.png")
        archive.write(tested, "a/2.png")
    (tmp_path / "list.txt").write_text("".join(f"{tmp_path}/all.zip/a/{n}.png\n" for n in (1, 2)))
    copy.write_bytes(learnt.read_bytes())
    assert main(["predict", str(run.folder), str(tested)]) == 0
    assert "taught" not in capsys.readouterr().err
    assert main(["predict", str(run.folder), str(tested), str(copy)]) == 0
    assert "1 of these 2 files taught the network or chose its epoch" in capsys.readouterr().err
    assert main(["predict", str(run.folder), str(tmp_path / "list.txt")]) == 0
    told = capsys.readouterr()
    assert [line.split(": ")[0][-5:] for line in told.out.splitlines()] == ["1.png", "2.png"]
    assert "1 of these 2 files taught the network or chose its epoch" in told.err
