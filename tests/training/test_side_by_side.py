import time
from copy import deepcopy

import pytest
import torch
from torch import nn

from fit_case import small_config, small_data, small_fit, small_model
from groupwise.distributed.world import World
from groupwise.loader.batches import batches
from groupwise.training import side_by_side as module
from groupwise.training.learner import Learner
from groupwise.training.side_by_side import LEAST_IMAGES, SideBySide, side_by_side
from groupwise.training.state import TrainState
from groupwise.training.step import take_step

IMAGES, LABELS = torch.randn(40, 3, 16, 16), torch.arange(40) % 2


@pytest.fixture
def _three_threads():
    torch.set_num_threads(3)


def piece(rows):
    def take(network):
        logits = network(IMAGES[rows])
        loss = nn.functional.cross_entropy(logits, LABELS[rows], reduction="sum") / len(LABELS)
        return loss, torch.stack([loss.detach().double(), torch.tensor(len(logits), dtype=torch.float64)])

    return take


def in_turn(network, rows):
    """Gradients and batch statistics of pieces that go through the same network one after another."""
    running, network = [], deepcopy(network)
    for some in rows:
        twin = deepcopy(network)
        loss, _ = piece(some)(twin)
        loss.backward()
        running.append(([p.grad for p in twin.parameters()], list(twin.buffers())))
    gradients = [sum(many) for many in zip(*(g for g, _ in running), strict=True)]
    statistics = [
        torch.stack(many).mean(0) if many[0].is_floating_point() else many[0]
        for many in zip(*(b for _, b in running), strict=True)
    ]
    return gradients, statistics


@pytest.mark.parametrize("rows", [[range(16), range(16, 40)], [range(16)]])
def test_gradients_are_the_sum_of_the_pieces_and_statistics_their_mean(rows):
    network = small_model().train()
    pieces = [list(some) for some in rows]
    gradients, statistics = in_turn(network, pieces)
    total = SideBySide(network, 2, 1).add_gradients([piece(some) for some in pieces])
    for parameter, wanted in zip(network.parameters(), gradients, strict=True):
        torch.testing.assert_close(parameter.grad, wanted)
    for found, wanted in zip(network.buffers(), statistics, strict=True):
        torch.testing.assert_close(found, wanted)
    assert total[1] == sum(map(len, pieces))


@pytest.mark.usefixtures("_three_threads")
def test_equal_trainings_are_equal_to_the_bit(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LEAST_IMAGES", 12)
    config = small_config(batch_size=36)
    one, other = small_fit(tmp_path / "one", config), small_fit(tmp_path / "other", config)
    assert all(torch.equal(one.weights[name], other.weights[name]) for name in one.weights)
    torch.set_num_threads(1)
    alone = small_fit(tmp_path / "alone", config)
    assert not all(torch.equal(one.weights[name], alone.weights[name]) for name in one.weights)


@pytest.mark.parametrize(
    ("threads", "most", "batch_size", "pieces"),
    [
        (1, None, 128, 0),
        (2, None, 63, 0),
        (2, None, 64, 2),
        (3, None, 128, 3),
        (8, None, 128, 4),
        (3, 2, 128, 2),
        (3, 1, 128, 0),
        (2, 5, 128, 2),
    ],
)
def test_there_are_as_many_pieces_as_threads_and_images_allow(threads, most, batch_size, pieces):
    torch.set_num_threads(threads)
    taken = side_by_side(small_model(), batch_size, most)
    assert pieces == (0 if taken is None else taken.count_for(batch_size))
    if taken is not None:
        assert taken.count_for(2 * LEAST_IMAGES - 1) == taken.count_for(3) == 1


@pytest.mark.usefixtures("_three_threads")
def test_layers_that_draw_go_alone():
    assert side_by_side(nn.Sequential(small_model(), nn.Dropout(0.1)), 128, None) is None
    assert side_by_side(nn.Sequential(small_model(), nn.Dropout(0.0)), 128, None) is not None


@pytest.mark.usefixtures("_three_threads")
def test_twins_follow_what_is_frozen_and_lend_the_threads_back():
    config = small_config(batch_size=128)
    learner = Learner.create(small_model(), small_data(), config, World())
    learner.model.layer1.requires_grad_(requires_grad=False)
    learner.begin()
    learner.model.layer1.eval()
    learner.at_once.begin()
    for twin in learner.at_once.networks:
        assert not twin.layer1.training
        assert twin.layer2.training
    with learner.at_once.threads_of_a_piece():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 3


def test_an_error_waits_for_the_other_pieces():
    ended = []

    def slow(network):
        time.sleep(0.1)
        ended.append(network)
        return piece([0, 1])(network)

    def fails(_):
        raise RuntimeError("can't allocate memory")

    with pytest.raises(RuntimeError, match="allocate"):
        SideBySide(small_model(), 2, 1).add_gradients([fails, slow])
    assert len(ended) == 1


@pytest.mark.usefixtures("_three_threads")
@pytest.mark.parametrize(
    ("accumulate", "most", "threads"), [(1, None, 1), (2, None, 3), (2, 2, 2), (2, 1, 1), (2, 9, 3)]
)
def test_pieces_that_follow_one_another_have_the_threads_of_the_recipe(
    monkeypatch, accumulate, most, threads
):
    monkeypatch.setattr(module, "LEAST_IMAGES", 12)
    config = small_config(batch_size=36, accumulate=accumulate, threads=most)
    data, seen = small_data(), []
    learner = Learner.create(small_model(), data, config, World())
    learner.model.register_forward_pre_hook(lambda *_: seen.append(torch.get_num_threads()))
    state = TrainState(learner, 1, accumulate, World(), warn=lambda _: None)
    learner.begin()
    batch = next(batches(data.images, data.labels, data.train, batch_size=36, world=World()))
    take_step(batch, 0.5, state, config, num_classes=2)
    assert set(seen) == {threads}
    assert torch.get_num_threads() == 3
