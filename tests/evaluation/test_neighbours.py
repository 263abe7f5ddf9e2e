import numpy as np

from groupwise.evaluation.neighbours import MOST_IMAGES, SPLITS, nearest_neighbours
from groupwise.stats.repeated import gap

SHARES = {"train": 0.8, "val": 0.1, "test": 0.1}


def noisy_copies(photographs, copies, seed, noise=10):
    """Photographs of pure noise, which say nothing of their label, and copies of each under more noise."""
    rng = np.random.default_rng(seed)
    originals = rng.integers(40, 216, (photographs, 16, 16, 3))
    sources = np.repeat(np.arange(photographs), copies)
    images = originals[sources] + rng.normal(0, noise, (len(sources), 16, 16, 3))
    return images.clip(0, 255).astype(np.uint8), (np.arange(photographs) % 2)[sources], sources


def ask(images, labels, sources, splits=SPLITS):
    rows = np.arange(len(labels))
    found = nearest_neighbours(images, rows, labels, sources, SHARES, "test", range(splits))
    assert found is not None
    return found


def test_copies_tell_the_label_under_random_splits_alone():
    found = ask(*noisy_copies(40, 6, seed=1))
    assert found.random.mean > 0.95
    assert found.grouped.mean < 0.65
    assert gap(found.grouped, found.random).low > 0.2


def test_without_copies_both_splits_say_the_same():
    images, labels, _ = noisy_copies(240, 1, seed=2)
    difference = gap(*[(f := ask(images, labels, np.arange(240))).grouped, f.random])
    assert difference.low < 0 < difference.high


def test_siblings_of_other_classes_mislead_the_neighbour():
    images, _, sources = noisy_copies(40, 2, seed=3)
    found = ask(images, np.tile([0, 1], 40), sources)  # each source holds one image of each class
    assert found.random.mean < 0.3
    assert gap(found.grouped, found.random).high < 0


def test_more_images_than_it_takes_are_drawn_as_whole_sources():
    images, labels, sources = noisy_copies(90, 25, seed=4)
    found = ask(images, labels, sources, splits=2)
    assert found.images == MOST_IMAGES
    _, sizes = np.unique(sources[np.isin(sources, found.random.sources)], return_counts=True)
    assert set(sizes) == {25}


def test_a_split_without_a_test_fold_gives_no_answer():
    images, labels, sources = noisy_copies(2, 3, seed=5)
    assert nearest_neighbours(images, np.arange(6), labels, sources, SHARES, "test", range(1)) is None


def test_the_seed_decides_all():
    case = noisy_copies(30, 4, seed=6)
    first, again = ask(*case, splits=3), ask(*case, splits=3)
    assert np.array_equal(first.grouped.scores, again.grouped.scores)
