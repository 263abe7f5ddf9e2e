"""Every command in a block of README and docs is one that the command line takes, with its options."""

import re
import shlex
from pathlib import Path

import pytest

from groupwise.cli.main import VERBS, operands_of
from groupwise.cli.verb_parser import VerbParser

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)


class ParsedError(Exception):
    """A verb got past its parser."""


def commands(page: Path) -> list[list[str]]:
    """The words after `groupwise`, without comments and where the output goes."""
    text = "".join(BLOCK.findall(page.read_text(encoding="utf-8"))).replace("\\\n", " ")
    lines = [shlex.split(line, comments=True) for line in text.splitlines() if line.startswith("groupwise ")]
    return [words[1 : words.index(">") if ">" in words else None] for words in lines]


# Of commands that differ in their values alone one is enough.
SHAPES = {
    (words[0], *(word for word in words if word.startswith("-"))): (page, words)
    for page in PAGES
    for words in commands(page)
}


def parse(verb: str, words: list[str]) -> None:
    VERBS[verb](VerbParser(verb, "", operands_of(verb)), words)


@pytest.fixture
def _no_work(monkeypatch, tmp_path):
    """Verbs that end where they have parsed, in a folder with the recipe that the pages name."""

    def end(self, *arguments, **options):
        taken(self, *arguments, **options)
        raise ParsedError

    taken = VerbParser.parse_args
    monkeypatch.setattr(VerbParser, "parse_args", end)
    monkeypatch.setattr("groupwise.cli.verb_parser.look_at", lambda *_: None)  # the paths are the reader's
    monkeypatch.chdir(tmp_path)
    Path("plan.yaml").write_text("training:\n  epochs: 2\n")


@pytest.mark.usefixtures("_no_work")
@pytest.mark.parametrize("words", [words for _, words in SHAPES.values()], ids=" ".join)
def test_a_documented_command_is_taken(words):
    if "--print_config" in words:
        return  # which prints, and is taken out by hand
    # That option is taken out before a verb is asked.
    words = [word for word in words if word not in ("--deterministic", "portable")]
    with pytest.raises(ParsedError):
        parse(words[0], words[1:])


@pytest.mark.usefixtures("_no_work")
def test_a_command_with_an_option_that_is_not_there_would_not_be():
    with pytest.raises(Exception, match="--no-such") as error:
        parse("audit", ["photos/", "--no-such", "1"])
    assert error.type is not ParsedError


def test_the_pages_hold_commands_of_most_verbs():
    assert len({page for page, _ in SHAPES.values()}) >= 10
    assert len({words[0] for _, words in SHAPES.values()}) >= 20


def test_each_program_of_findings_has_its_row_and_says_when_it_ends_with_0():
    folder = ROOT / "findings"
    rows = re.findall(r"^\| `(.+?\.sh)` \|", (folder / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(rows) == sorted(file.name for file in folder.glob("*.sh"))
    assert all("Exits 0 as long as this is so" in file.read_text() for file in folder.glob("*.sh"))
