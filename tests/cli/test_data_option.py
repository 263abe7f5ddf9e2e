"""`--data` names a folder, an archive or a table of images, in every verb that has it."""

import pytest

from groupwise.cli.main import main


@pytest.mark.parametrize(
    ("words", "study"),
    [
        (["control", "RUN"], "groupwise.experiments.permutation_test.permutation_test"),
        (["leakage", "RUN", "--retrain"], "groupwise.experiments.leakage.leakage"),
    ],
)
def test_a_study_finds_the_images_beside_a_table(monkeypatch, tmp_path, words, study):
    asked = []

    def look(folder, *, root, **options):
        asked.append(root)
        raise KeyboardInterrupt

    monkeypatch.setattr(study, look)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "RUN").mkdir()
    table = tmp_path / "photos.csv"
    table.touch()
    for data in (table, tmp_path):
        assert main([*words, "--data", str(data)]) == 130
    main(words)
    assert asked == [tmp_path, tmp_path, None]
