import subprocess

import pytest

from groupwise.cli.main import VERBS, main

ASK = """
source /dev/stdin <<< "$1"
COMP_WORDS=({words}); COMP_CWORD={at}
_groupwise
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture(scope="module")
def script():
    import contextlib
    import io

    told = io.StringIO()
    with contextlib.redirect_stdout(told):
        assert main(["--print_completion", "bash"]) == 0
    return told.getvalue()


def complete(script, *words):
    asked = ASK.format(words=" ".join(map(repr, words)), at=len(words) - 1)
    done = subprocess.run(["bash", "-c", asked, "bash", script], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_a_shell_completes_verbs_options_and_files(script, tmp_path, monkeypatch):
    assert set(VERBS) <= set(complete(script, "groupwise", ""))
    assert complete(script, "groupwise", "rob") == ["robustness"]
    assert complete(script, "groupwise", "train", "photos", "--group-c") == ["--group-column"]
    assert "--training.epochs" in complete(script, "groupwise", "train", "--training.")
    assert complete(script, "groupwise", "serve", "runs", "--training.") == []
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos.csv").touch()
    assert complete(script, "groupwise", "train", "pho") == ["photos.csv"]


def test_zsh_has_the_same_and_another_shell_is_refused(script, capsys):
    assert main(["--print_completion", "zsh"]) == 0
    assert capsys.readouterr().out.endswith(script)
    assert main(["--print_completion", "tcsh"]) == 2
    assert "is no shell known here" in capsys.readouterr().err
