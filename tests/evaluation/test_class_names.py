"""Classes of new data are matched by name; a spelling is forgiven and said, an unknown class refused."""

import pytest

from groupwise.errors import UsageError
from groupwise.evaluation.class_names import match_classes


def test_case_and_blanks_are_forgiven_and_said():
    found = match_classes(
        ["Cat ", "dog", "big  bird"], ["cat", "dog", "Big bird", "cow"], ignore_unknown=False
    )
    assert found.known == {"Cat ": "cat", "dog": "dog", "big  bird": "Big bird"}
    assert found.respelled == {"Cat ": "cat", "big  bird": "Big bird"}
    assert found.missing == ("cow",)


def test_an_unknown_class_is_refused_with_the_likely_one_and_the_way_out():
    with pytest.raises(UsageError) as caught:
        match_classes(["cat", "dogs", "dogs"], ["cat", "dog"], ignore_unknown=False)
    assert "2 images have a class that the run does not know: 'dogs' (2)" in str(caught.value)
    assert "did you mean 'dog'?" in str(caught.value)
    assert "--ignore-unknown-classes" in caught.value.remedy


def test_on_demand_unknown_classes_are_counted_and_left_out():
    found = match_classes(["cat", "fox", "fox"], ["cat", "dog"], ignore_unknown=True)
    assert (found.known, found.unknown) == ({"cat": "cat"}, {"fox": 2})


def test_nothing_is_left_of_data_about_something_else():
    with pytest.raises(UsageError, match="no image has a class of the run, which are 'cat', 'dog'"):
        match_classes(["fox"], ["cat", "dog"], ignore_unknown=True)


def test_of_two_classes_that_differ_in_case_alone_only_the_exact_name_is_taken():
    with pytest.raises(UsageError, match="'CAT'"):
        match_classes(["CAT"], ["cat", "Cat"], ignore_unknown=False)
    assert match_classes(["Cat"], ["cat", "Cat"], ignore_unknown=False).known == {"Cat": "Cat"}
