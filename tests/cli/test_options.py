import pytest

from groupwise.cli.options import operands_together
from groupwise.errors import UsageError
from groupwise.recipe.parsing import Parser


@pytest.mark.parametrize("nargs", ["*", "+"])
@pytest.mark.parametrize(
    "line",
    [
        "RUN --out D a.png b.png",
        "RUN a.png --out D b.png",
        "--out D RUN a.png b.png",
        "RUN a.png --out=D --json b.png",
        "RUN --json --out D -- a.png b.png",
    ],
)
def test_options_may_stand_anywhere_among_operands(nargs, line):
    parsed = parse(nargs, line)
    assert (parsed.run, parsed.images, parsed.out) == ("RUN", ["a.png", "b.png"], "D")
    assert parsed.json == ("--json" in line)


@pytest.mark.parametrize("line", ["RUN a.png --out", "RUN --ouch D a.png"])
def test_and_mistakes_are_still_told(line):
    with pytest.raises(UsageError, match="--ou"):
        parse("*", line)


def parse(nargs, line):
    parser = Parser("explain", "Explain.")
    parser.add_argument("run")
    parser.add_argument("images", nargs=nargs)
    parser.add_argument("--out")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args(operands_together(parser, line.split()))
