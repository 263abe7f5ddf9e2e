import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from groupwise.data.decode import Preprocessing
from groupwise.distributed.world import World
from groupwise.loader.batches import Shuffle, balanced_order, batches, epoch_order, normalise, resize

IMAGES = np.random.default_rng(0).integers(0, 256, (50, 4, 4, 3), dtype=np.uint8)
LABELS = np.arange(50) % 3


def visit(samples, size=1, **options):
    return [
        list(batches(IMAGES, LABELS, np.array(samples), world=World(rank, size), **options))
        for rank in range(size)
    ]


@given(st.integers(0, 50), st.integers(1, 60), st.integers(1, 4))
def test_without_shuffle_every_sample_comes_exactly_once(n, batch_size, size):
    parts = visit(range(n), size, batch_size=batch_size)
    seen = sorted(int(i) for part in parts for batch in part for i in batch.samples)
    assert seen == list(range(n))


@given(st.integers(4, 50), st.integers(4, 20), st.integers(1, 3), st.integers(1, 9))
def test_the_processes_share_the_batches_of_one(n, batch_size, size, epoch):
    options = {"batch_size": batch_size, "shuffle": Shuffle(7, epoch)}
    alone = visit(range(n), 1, **options)[0]
    shared = list(zip(*visit(range(n), size, **options), strict=True))
    for whole, parts in zip(alone, shared, strict=True):
        assert sorted(whole.samples.tolist()) == sorted(i for part in parts for i in part.samples.tolist())
        assert {part.global_size for part in parts} == {len(whole.samples)}
        assert len(whole.samples) >= 2


def test_the_order_is_a_function_of_seed_and_epoch():
    assert (epoch_order(30, 1, 2) == epoch_order(30, 1, 2)).all()
    assert (epoch_order(30, 1, 2) != epoch_order(30, 1, 3)).any()
    assert (epoch_order(30, 1, 2) != epoch_order(30, 2, 1)).any()


def test_images_and_labels_stay_with_their_samples():
    for batch in visit(range(50), batch_size=8, shuffle=Shuffle(0, 1))[0]:
        rows = batch.samples.numpy()
        assert (batch.images.permute(0, 2, 3, 1).numpy() == IMAGES[rows]).all()
        assert (batch.labels.numpy() == LABELS[rows]).all()
        assert batch.images.is_contiguous(memory_format=torch.channels_last)


def test_a_last_training_batch_of_one_is_left_out():
    assert [len(b.samples) for b in visit(range(9), batch_size=4, shuffle=Shuffle(0, 1))[0]] == [4, 4]
    assert [len(b.samples) for b in visit(range(10), batch_size=4, shuffle=Shuffle(0, 1))[0]] == [4, 4, 2]


def test_normalising_on_the_device_equals_the_one_preprocessing():
    preprocessing = Preprocessing(image_size_px=4)
    images = torch.from_numpy(IMAGES).permute(0, 3, 1, 2).float()
    expected = torch.from_numpy(preprocessing.normalise(IMAGES))
    torch.testing.assert_close(normalise(images, preprocessing), expected)


def test_resizing_averages_and_leaves_the_same_size_alone():
    images = torch.from_numpy(IMAGES).permute(0, 3, 1, 2).float()
    assert resize(images, 4) is images
    constant = torch.full((1, 3, 64, 64), 7.0)
    torch.testing.assert_close(resize(constant, 40), constant[..., :40, :40])
    stripes = torch.arange(64).remainder(2).mul(255.0).expand(1, 3, 64, 64)  # gone when antialiased
    assert resize(stripes, 16)[..., 2:-2].sub(127.5).abs().max() < 20


@given(st.lists(st.integers(0, 3), min_size=1, max_size=40), st.integers(1, 9))
def test_a_balanced_epoch_shows_each_class_equally_often(labels, epoch):
    labels = np.array(labels)
    order = balanced_order(labels, 7, epoch)
    assert len(order) == len(labels)
    shown = np.bincount(labels[order], minlength=4)[np.unique(labels)]
    assert shown.max() - shown.min() <= 1
    for k in np.unique(labels):  # and within a class, each sample equally often
        times = np.bincount(order, minlength=len(labels))[labels == k]
        assert times.max() - times.min() <= 1


RARE = np.array([0] * 40 + [1] * 6 + [2] * 4)


def visit_balanced(size=1, **options):
    shuffle = Shuffle(7, 3, balanced=True)
    return [
        list(batches(IMAGES, RARE, np.arange(50), world=World(rank, size), shuffle=shuffle, **options))
        for rank in range(size)
    ]


def test_a_row_has_a_counter_of_its_own_each_time_that_it_comes_in_an_epoch():
    (whole,) = visit_balanced(batch_size=50)[0]
    rows, counters = whole.samples.tolist(), whole.counters.tolist()
    assert len(set(rows)) < 50 == len(set(counters))
    firsts = [rows.index(row) for row in set(rows)]
    assert all(counters[place] == rows[place] for place in firsts)
    assert len(set(rows)) == sum(row == counter for row, counter in zip(rows, counters, strict=True))
    (plain,) = visit(range(50), batch_size=50, shuffle=Shuffle(7, 3))[0]
    assert plain.counters.equal(plain.samples)


def test_processes_and_resumed_epochs_agree_on_the_counters():
    whole = visit_balanced(batch_size=8)[0]
    for one, parts in zip(whole, zip(*visit_balanced(3, batch_size=8), strict=True), strict=True):
        for rank, part in enumerate(parts):
            assert part.counters.equal(one.counters[rank::3])
    resumed = visit_balanced(batch_size=8, first=4)[0]
    assert [one.counters.tolist() for one in resumed] == [one.counters.tolist() for one in whole[4:]]


def test_a_balanced_order_is_a_function_of_seed_and_epoch():
    assert (balanced_order(LABELS, 1, 2) == balanced_order(LABELS, 1, 2)).all()
    assert (balanced_order(LABELS, 1, 2) != balanced_order(LABELS, 1, 3)).any()
    seen = [visit(range(50), batch_size=50, shuffle=Shuffle(1, 2, balanced=True))[0][0].samples.numpy()]
    assert (seen[0] == balanced_order(LABELS, 1, 2)).all()
