"""Clusters: the components of the copy graph, in order of first appearance."""

from __future__ import annotations

import networkx as nx
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from groupwise.audit.copies.clusters import cluster_ids, drop_bridges


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


def _clique(members: range) -> list[tuple[int, int]]:
    return [(i, j) for i in members for j in members if i < j]


def test_a_lone_edge_between_two_crowds_is_a_bridge() -> None:
    edges = [*_clique(range(0, 20)), *_clique(range(20, 40)), (3, 25)]
    kept, bridges = drop_bridges(40, edges, [0.9] * (len(edges) - 1) + [0.99])
    assert bridges == [(3, 25)], "whatever its score, for no third sample vouches for it"
    assert np.bincount(cluster_ids(40, kept)).tolist() == [20, 20]


def test_a_second_edge_elsewhere_joins_two_crowds_and_one_at_the_same_sample_does_not() -> None:
    crowds = [*_clique(range(0, 5)), *_clique(range(5, 10))]
    scores = [0.95] * len(crowds) + [0.9, 0.9]
    assert drop_bridges(10, [*crowds, (0, 5), (1, 6)], scores)[1] == []
    assert drop_bridges(10, [*crowds, (0, 5), (0, 6)], scores)[1] == [(0, 5), (0, 6)]


def test_a_single_sample_joins_a_crowd_by_one_edge() -> None:
    crowd = _clique(range(0, 9))
    assert drop_bridges(10, [*crowd, (4, 9)], [0.95] * len(crowd) + [0.9])[1] == []


def test_a_chain_between_two_crowds_is_cut_where_it_is_a_lone_edge() -> None:
    crowds = [*_clique(range(0, 6)), *_clique(range(6, 12))]
    chain = [(0, 12), (12, 13), (13, 14), (6, 14)]
    kept, bridges = drop_bridges(15, [*crowds, *chain], [0.9] * (len(crowds) + 4))
    assert len(bridges) == 1
    assert set(bridges) < set(chain)
    ids = cluster_ids(15, kept)
    assert ids[0] != ids[6]
    short = [(0, 12), (6, 12)]  # no crowd on either side of the last edge: a photograph with its copies
    assert drop_bridges(13, [*_clique(range(0, 2)), *_clique(range(6, 8)), *short], [0.9] * 4)[1] == []


@given(st.integers(2, 30), st.data())
def test_every_edge_is_kept_or_a_bridge_and_kept_edges_alone_make_the_clusters(
    n: int, data: st.DataObject
) -> None:
    pairs = st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)).filter(lambda pair: pair[0] < pair[1])
    edges = data.draw(st.lists(pairs, max_size=40, unique=True))
    scores = data.draw(st.lists(st.floats(0, 1), min_size=len(edges), max_size=len(edges)))
    kept, bridges = drop_bridges(n, edges, scores)
    assert sorted([*kept, *bridges]) == sorted(edges)
    ids = cluster_ids(n, kept)
    assert all(ids[i] != ids[j] for i, j in bridges)
