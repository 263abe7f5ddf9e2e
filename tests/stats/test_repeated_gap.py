import numpy as np
import pytest
from scipy import stats

from groupwise.stats.repeated import Scores, gap


def answers(rng, mean, *, seeds=3, sources=60, images=4, by_seed=0.0):
    """A fifth of the sources answers in each seed; whole sources are good or bad, and so are whole seeds."""
    easy = rng.standard_normal(sources)
    rows = []
    for seed in range(seeds):
        chosen = np.repeat(rng.permutation(sources)[: sources // 5], images)
        margin = easy[chosen] + rng.standard_normal(len(chosen)) + by_seed * rng.standard_normal()
        rows.append(np.stack([np.full(len(chosen), seed), chosen, margin + mean > 0]))
    table = np.concatenate(rows, axis=1)
    return Scores(table[0].astype(int), table[1].astype(int), table[2].astype(float))


@pytest.mark.parametrize("by_seed", [0.0, 0.3])
def test_limits_hold_the_truth_about_as_often_as_they_say(by_seed):
    rng = np.random.default_rng(0)
    root = np.sqrt(2 + by_seed**2)
    truth = stats.norm.cdf(1.5 / root) - stats.norm.cdf(0.5 / root)
    held = []
    for _ in range(400):
        found = gap(answers(rng, 0.5, by_seed=by_seed), answers(rng, 1.5, by_seed=by_seed))
        held.append(found.low <= truth <= found.high)
    assert 0.93 <= np.mean(held) <= 0.995


def test_copies_of_every_answer_leave_the_limits_but_more_sources_narrow_them():
    def both(**design):
        return [answers(np.random.default_rng(seed), seed, **design) for seed in (0, 1)]

    few, more = both(), both(sources=3000)
    copied = [Scores(np.tile(a.seeds, 5), np.tile(a.sources, 5), np.tile(a.scores, 5)) for a in few]
    plain, same, grown = gap(*few), gap(*copied), gap(*more)
    assert (same.low, same.high) == pytest.approx((plain.low, plain.high))
    assert grown.high - grown.low < 0.5 * (plain.high - plain.low)


def test_with_one_answer_a_source_and_like_seeds_it_is_the_paired_t_interval():
    # Every source answers once under each protocol, and both seeds see the same scores.
    rng = np.random.default_rng(3)
    first, second = rng.random(40), rng.random(40)
    seeds, sources = np.repeat([0, 1], 20), np.arange(40)
    found = gap(Scores(seeds, sources, first), Scores(seeds, sources, second))
    expected = stats.ttest_1samp(second - first, 0).confidence_interval()
    assert found.value == pytest.approx((second - first).mean())
    assert found.high - found.low >= 0.95 * (expected.high - expected.low)


def test_one_seed_or_one_source_gives_no_limits_and_equal_answers_no_width():
    score = np.array([1.0, 0.0, 1.0, 1.0])
    one_seed = Scores(np.zeros(4, int), np.arange(4), score)
    one_source = Scores(np.arange(4), np.zeros(4, int), score)
    for alone in (one_seed, one_source):
        assert (gap(alone, alone).low, gap(alone, alone).high) == (None, None)
    perfect = Scores(np.arange(4), np.arange(4), np.ones(4))
    assert (gap(perfect, perfect).low, gap(perfect, perfect).high) == (0, 0)


@pytest.mark.parametrize("key", ["seeds", "sources"])
def test_what_is_drawn_together_counts_once(key):
    # Scores differ between seeds alone, or between sources alone; the other side repeats them.
    seeds, sources = np.repeat(np.arange(6), 50), np.tile(np.arange(50), 6)
    unit = {"seeds": seeds, "sources": sources}[key]
    effect = np.random.default_rng(4).random(50)[unit]
    found = gap(Scores(seeds, sources, np.zeros(300)), Scores(seeds, sources, effect))
    means = effect[np.unique(unit, return_index=True)[1]]
    error = means.std(ddof=1) / len(means) ** 0.5
    assert found.high - found.low >= 2 * 1.96 * error
