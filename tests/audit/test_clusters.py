"""Clusters: the components of the copy graph, in order of first appearance."""

from __future__ import annotations

import networkx as nx
from hypothesis import given
from hypothesis import strategies as st

from groupwise.audit.clusters import cluster_ids


def test_numbers_follow_first_appearance() -> None:
    assert cluster_ids(6, [(4, 1), (5, 2), (1, 5)]).tolist() == [0, 1, 1, 2, 1, 1]
    assert cluster_ids(3, []).tolist() == [0, 1, 2]
    assert cluster_ids(0, []).tolist() == []


@given(
    st.integers(1, 12).flatmap(
        lambda n: st.tuples(st.just(n), st.lists(st.tuples(*[st.integers(0, n - 1)] * 2)))
    )
)
def test_equals_the_components_of_a_reference(case: tuple[int, list[tuple[int, int]]]) -> None:
    n, edges = case
    graph = nx.Graph(edges)
    graph.add_nodes_from(range(n))
    found = cluster_ids(n, edges)
    parts = {frozenset(i for i in range(n) if found[i] == number) for number in set(found.tolist())}
    assert parts == set(map(frozenset, nx.connected_components(graph)))
    assert list(dict.fromkeys(found.tolist())) == list(range(len(parts)))
