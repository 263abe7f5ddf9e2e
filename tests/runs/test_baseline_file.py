"""Baselines are read as they were written, and the network has to beat each of them."""

import pytest

from groupwise.errors import GroupwiseError
from groupwise.files import write_json
from groupwise.runs.baselines import (
    FEATURES,
    LARGEST_CLASS,
    PLAIN_NETWORK,
    Baseline,
    Baselines,
    BaselineScore,
    Lead,
    read_baselines,
)
from groupwise.stats.estimate import Estimate


def baselines(**leads):
    """One baseline a name, with the network's lead over it as (value, low, high) on the test fold."""
    ones = []
    for name, (value, low, high) in leads.items():
        figure = Estimate(0.9 - value, 100, 20, 0.5, 0.95, method="Wilson")
        lead = Lead(value, low, high)
        score = BaselineScore(
            {"accuracy": figure, "balanced_accuracy": figure}, {"accuracy": lead, "balanced_accuracy": lead}
        )
        ones.append(Baseline(name, 1.5, 60, {"test": score}, answer="cat" if name == LARGEST_CLASS else None))
    return Baselines(tuple(ones), seconds=2.0, skipped={})


def test_the_file_holds_them_whole(tmp_path):
    found = baselines(largest_class=(0.3, 0.2, 0.4), features=(0.1, 0.05, 0.15))
    write_json(tmp_path / "baselines.json", found.as_json())
    assert read_baselines(tmp_path / "baselines.json") == found
    assert read_baselines(tmp_path / "none.json") is None


@pytest.mark.parametrize("content", [{}, [], {"baselines": [{"name": "features"}]}])
def test_another_file_is_refused_in_words(tmp_path, content):
    write_json(tmp_path / "baselines.json", content)
    with pytest.raises(GroupwiseError, match=r"baselines\.json: does not hold baselines"):
        read_baselines(tmp_path / "baselines.json")


@pytest.mark.parametrize(
    ("leads", "standing", "rival"),
    [
        ({LARGEST_CLASS: (0.3, 0.2, 0.4), FEATURES: (0.1, 0.05, 0.15)}, "beats", FEATURES),
        # To beat the baselines is to beat each of them, the strongest as well
        (
            {LARGEST_CLASS: (0.4, 0.3, 0.5), PLAIN_NETWORK: (0.2, 0.1, 0.3), FEATURES: (0.3, 0.2, 0.4)},
            "beats",
            PLAIN_NETWORK,
        ),
        ({PLAIN_NETWORK: (0.01, -0.02, 0.04), FEATURES: (0.1, 0.05, 0.15)}, "not_shown", PLAIN_NETWORK),
        ({PLAIN_NETWORK: (0.01, -0.02, 0.04), FEATURES: (0.02, -0.01, 0.05)}, "not_shown", PLAIN_NETWORK),
        ({LARGEST_CLASS: (-0.4, -0.5, -0.3), FEATURES: (0.1, -0.05, 0.15)}, "loses", LARGEST_CLASS),
        # The limit at 0, the difference a hair below it, and a lead without limits
        ({FEATURES: (0.1, 0.0, 0.2)}, "not_shown", FEATURES),
        ({FEATURES: (0.0, -0.1, 0.1)}, "not_shown", FEATURES),
        ({FEATURES: (-0.001, -0.1, 0.1)}, "not_shown", FEATURES),
        ({FEATURES: (-0.1, -0.2, -0.001)}, "loses", FEATURES),
        ({FEATURES: (-0.001, None, None)}, "loses", FEATURES),
        ({FEATURES: (0.1, None, None)}, "not_shown", FEATURES),
    ],
)
def test_the_verdict_is_the_worst_of_all(leads, standing, rival):
    found = baselines(**leads)
    assert found.standing("test") == standing
    assert found.rival("test").name == rival
