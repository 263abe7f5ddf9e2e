import pytest
from hypothesis import given
from hypothesis import strategies as st

from groupwise.data.sources import find_sources

keys = st.lists(st.tuples(st.sampled_from(["", "a", "b", "c"]), st.integers(0, 5)), max_size=12)


@given(keys)
def test_sources_are_the_components_that_a_walk_finds(rows):
    group, cluster = [list(column) for column in zip(*rows, strict=True)] or [[], []]
    found = find_sources(group, cluster)
    for start in range(len(rows)):
        reached, front = {start}, [start]
        while front:
            i = front.pop()
            near = {
                j for j in range(len(rows)) if cluster[j] == cluster[i] or (group[i] and group[j] == group[i])
            }
            front += near - reached
            reached |= near
        assert reached == {j for j in range(len(rows)) if found[j] == found[start]}


def test_numbers_follow_first_appearance_and_the_empty_string_joins_nobody():
    assert find_sources(["", "x", "", "x"]).tolist() == [0, 1, 2, 1]


def test_keys_of_different_length_are_refused():
    with pytest.raises(ValueError, match="differ in length"):
        find_sources(["a"], [])
