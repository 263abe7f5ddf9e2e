import pytest

from groupwise.errors import UsageError
from groupwise.text import duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("20min", 1200), ("20 min", 1200), ("90s", 90), ("1h30min", 5400), ("1.5h", 5400), ("2m 5s", 125)],
)
def test_durations_are_read_as_written(text, seconds):
    assert parse_duration(text, "--budget") == seconds


@pytest.mark.parametrize("text", ["", "20", "min", "20 minutes", "-5min", "0s", "5min later", "1h-30min"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(UsageError, match="is no duration"):
        parse_duration(text, "--budget")


@pytest.mark.parametrize(("seconds", "words"), [(48, "48 s"), (720, "12 min"), (12000, "3 h 20 min")])
def test_durations_have_a_fitting_unit(seconds, words):
    assert duration(seconds).replace("\N{NO-BREAK SPACE}", " ") == words
