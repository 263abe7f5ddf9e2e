"""A column becomes slices that a reader would have cut, or says why it makes none."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from groupwise.stats.columns import BLANK, MOST_SLICES, Cut, cut_column


def test_values_are_slices_in_their_order_and_blanks_are_one():
    cut = cut_column(["b", "a", "", "b", " a "])
    assert cut.names == (BLANK, "a", "b")
    assert cut.numbers.tolist() == [2, 1, 0, 2, 1]
    assert not cut.binned


def test_few_numbers_are_values_in_the_order_of_numbers():
    assert cut_column(["10", "9", "9", "100"]).names == ("9", "10", "100")


def test_many_numbers_are_cut_at_their_quartiles():
    cut = cut_column([str(i) for i in range(100)])
    assert cut.binned
    assert cut.names == ("0 to 24", "25 to 49", "50 to 74", "75 to 99")
    assert np.bincount(cut.numbers).tolist() == [25] * 4


def test_equal_numbers_stay_together_and_missing_ones_apart():
    values = ["0"] * 70 + [str(i) for i in range(1, 31)] + [""] * 5
    cut = cut_column(values)
    assert len(set(cut.numbers[:70].tolist())) == 1
    assert cut.names[-1] == BLANK
    assert (cut.numbers[-5:] == len(cut.names) - 1).all()


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (["x"] * 5, "the same for all images: x"),
        ([""] * 5, f"the same for all images: {BLANK}"),
        ([f"id-{i}" for i in range(30)], "another value for every image"),
        ([f"day {i}" for i in range(21)] * 2, f"21 values, and more than {MOST_SLICES} are too many"),
    ],
)
def test_what_makes_no_slices_says_why(cells, reason):
    assert cut_column(cells).startswith(reason)


def test_twenty_values_are_not_yet_too_many():
    assert len(cut_column([f"day {i}" for i in range(20)] * 2).names) == 20


def test_words_that_read_as_numbers_are_none():
    # Python reads these as floats, and neither can be put in order with the others.
    cut = cut_column(["nan", "inf", "1", "1"])
    assert set(cut.names) == {"nan", "inf", "1"}


@given(st.lists(st.one_of(st.integers(-5, 60).map(str), st.sampled_from(["", "x"])), min_size=1, max_size=80))
def test_every_image_is_in_one_named_slice_and_no_slice_is_empty(cells):
    cut = cut_column(cells)
    if isinstance(cut, Cut):
        assert cut.numbers.shape == (len(cells),)
        assert set(cut.numbers.tolist()) == set(range(len(cut.names)))
        assert len(cut.names) >= 2
