import pytest

from groupwise.errors import GroupwiseError, first_line


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("\nno such thing\n  at line 3"), "no such thing"),
        (ValueError("plain"), "plain"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
    ],
)
def test_a_foreign_error_is_one_line_and_never_empty(error, line):
    assert first_line(error) == line


@pytest.mark.parametrize(
    ("fact", "text"), [("it broke", "here: it broke. Mend it."), ("why?", "here: why? Mend it.")]
)
def test_an_error_is_fact_place_and_remedy(fact, text):
    assert str(GroupwiseError(fact, place="here", remedy="Mend it.")) == text
