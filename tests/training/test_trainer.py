import dataclasses

import numpy as np
import pytest
import torch

from fit_case import assert_same, fit, small_config, small_data, small_fit, small_model
from groupwise.distributed.world import World
from groupwise.errors import GroupwiseError, UsageError
from groupwise.inference.predictor import predict_logits
from groupwise.recipe.optimizer import OptimConfig
from groupwise.training.checkpoint import clone_state
from groupwise.training.step import training_inputs
from groupwise.training.trainer import Trainer


class Stopped(Exception):  # noqa: N818
    """What the test raises in the middle of training, in place of a crash."""


def stop_after(epochs):
    def on_batch(done, total):
        stop_after.batches += 1
        if stop_after.batches > epochs * total:
            raise Stopped

    stop_after.batches = 0
    return on_batch


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    torch.set_num_threads(1)
    return small_fit(tmp_path_factory.mktemp("whole"))


def test_it_learns(whole):
    assert whole.history[-1].train_loss < 0.8 * whole.history[0].train_loss
    assert whole.best.select_accuracy == max(epoch.select_accuracy for epoch in whole.history)


@pytest.mark.parametrize("epochs", [1, 3])
def test_a_resumed_run_is_bit_identical(tmp_path, whole, epochs):
    with pytest.raises(Stopped):
        small_fit(tmp_path, on_batch_end=stop_after(epochs))
    assert_same(small_fit(tmp_path, resume=True), whole)


def test_a_run_resumed_from_an_older_checkpoint_is_bit_identical(tmp_path, whole):
    with pytest.raises(Stopped):
        small_fit(tmp_path, on_batch_end=stop_after(3))
    newest = max(tmp_path.iterdir())
    newest.write_bytes(newest.read_bytes()[:-1])
    told = []
    resumed = small_fit(tmp_path, resume=True, on_warning=told.append)
    assert [text.partition(" ")[0] for text in told] == [newest.name]
    assert_same(resumed, whole)


def test_where_no_checkpoint_is_sound_nothing_is_overwritten(tmp_path):
    with pytest.raises(Stopped):
        small_fit(tmp_path, on_batch_end=stop_after(3))
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[:-1])
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    told = []
    with pytest.raises(GroupwiseError, match=r"none of 2 checkpoints is sound.*remove the folder"):
        small_fit(tmp_path, resume=True, on_warning=told.append)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert sorted(text.partition(" ")[0] for text in told) == sorted(before)


def test_another_seed_is_another_run(tmp_path, whole):
    config = dataclasses.replace(small_config(), seed=4)
    other = small_fit(tmp_path, config)
    assert any(not torch.equal(whole.weights[key], other.weights[key]) for key in whole.weights)


def test_selection_looks_at_the_selection_fold_alone(tmp_path, whole):
    data = small_data()
    rest = dataclasses.replace(data, select=data.select[:6])
    other = fit(small_model(), rest, small_config(), world=World(), checkpoints=tmp_path)
    assert [e.train_loss for e in other.history] == [e.train_loss for e in whole.history]
    assert [e.select_loss for e in other.history] != [e.select_loss for e in whole.history]


def test_ties_in_accuracy_go_to_the_first_epoch_or_to_the_lower_loss(tmp_path):
    # At a rate this low nothing is predicted otherwise, but the loss falls all the time.
    optim = OptimConfig(name="sgd", learning_rate=1e-6, schedule="constant")
    first = small_fit(tmp_path / "a", small_config(optim=optim, select_by=("accuracy",)))
    lowest = small_fit(tmp_path / "b", small_config(optim=optim, select_by=("accuracy", "loss")))
    best = max(epoch.select_accuracy for epoch in first.history)
    ties = [epoch for epoch in first.history if epoch.select_accuracy == best]
    assert first.best.epoch == ties[0].epoch
    assert lowest.best.select_loss == min(epoch.select_loss for epoch in ties)


@pytest.mark.parametrize(("epochs", "counting"), [(10, range(9, 11)), (6, range(5, 7)), (5, range(5, 6))])
def test_an_epoch_before_the_share_is_chosen_only_until_a_later_one_comes(tmp_path, epochs, counting):
    """Nothing is predicted otherwise at this rate, so that the first of those that count is taken."""
    optim = OptimConfig(name="sgd", learning_rate=1e-6, schedule="constant")
    early = small_config(epochs=epochs, optim=optim, select_by=("accuracy",))
    late = small_config(epochs=epochs, optim=optim, select_by=("accuracy",), select_from=0.8)
    any_epoch, last_fifth = small_fit(tmp_path / "any", early), small_fit(tmp_path / "late", late)
    scores = [epoch.select_accuracy for epoch in any_epoch.history]
    assert any_epoch.best.epoch == 1 + scores.index(max(scores))
    assert last_fifth.best.epoch == max(counting, key=lambda epoch: scores[epoch - 1])
    assert [epoch.epoch for epoch in last_fifth.history if epoch.may_be_chosen] == [*counting]
    with pytest.raises(Stopped):
        small_fit(tmp_path / "stopped", late, on_batch_end=stop_after(3))
    assert small_fit(tmp_path / "stopped", late, resume=True).best.epoch == last_fifth.best.epoch


def test_epochs_that_may_not_be_chosen_are_scored_by_one_look_and_the_others_by_both(tmp_path):
    """Training takes one look either way, so that the same networks are scored."""

    def losses(name, *, mirror_average, select_from):
        model = small_model()
        model.config = dataclasses.replace(model.config, mirror_average=mirror_average)
        config = small_config(epochs=4, select_from=select_from)
        fitted = fit(model, small_data(), config, checkpoints=tmp_path / name)
        assert model.config.mirror_average is mirror_average
        return [epoch.select_loss for epoch in fitted.history]

    one, both = (
        losses("one", mirror_average=False, select_from=0.0),
        losses("both", mirror_average=True, select_from=0.0),
    )
    assert losses("early", mirror_average=True, select_from=0.7) == [*one[:2], *both[2:]]
    assert all(mine != other for mine, other in zip(one, both, strict=True))


@pytest.mark.parametrize("images", [32, 33, 34])
def test_the_last_epoch_may_be_chosen_also_where_a_single_image_is_left_over(tmp_path, images):
    data = small_data()
    fold = dataclasses.replace(data, train=data.train[:images])
    config = small_config(epochs=5, select_from=0.95)
    steps = []
    fitted = fit(
        small_model(), fold, config, checkpoints=tmp_path, on_batch_end=lambda *done: steps.append(done)
    )
    assert [epoch.epoch for epoch in fitted.history if epoch.may_be_chosen] == [5] == [fitted.best.epoch]
    assert steps[-1] == ((4, 4) if images < 34 else (5, 5))


def test_a_training_fold_of_one_image_is_refused_and_one_of_two_is_learnt(tmp_path):
    data = small_data()

    def train(n):
        fold = dataclasses.replace(data, train=data.train[:n])
        return fit(small_model(), fold, small_config(epochs=1), world=World(), checkpoints=tmp_path)

    with pytest.raises(GroupwiseError, match=r"fewer than the two images.*Add images, or give split.train"):
        train(1)
    assert len(train(2).history) == 1


@pytest.mark.parametrize("field", ["epochs", "batch_size"])
def test_impossible_counts_are_refused(field):
    with pytest.raises(UsageError, match=rf"training\.{field}"):
        small_config(**{field: 0})


def test_an_epoch_that_nothing_chooses_is_refused():
    with pytest.raises(UsageError, match=r"training.select_by: no figure is left.*accuracy, loss or both"):
        small_config(select_by=())


def test_the_model_of_every_score_is_shown(tmp_path):
    data, accuracies = small_data(), []

    def score(history, model):
        assert not model.training
        logits = predict_logits(model, data.images[data.select], small_config().preprocessing)
        accuracies.append((logits.argmax(1) == data.labels[data.select]).mean())

    fitted = small_fit(tmp_path, small_config(ema_decay=0.9), on_epoch_end=score)
    assert accuracies == [epoch.select_accuracy for epoch in fitted.history]


@pytest.mark.parametrize("decay", [0.0, 0.9])
def test_the_weights_that_were_scored_are_kept(tmp_path, decay):
    model, scored = small_model(), []

    def remember(history, scored_model):
        assert (scored_model is model) == (decay == 0)
        scored.append(clone_state(scored_model.state_dict()))

    config = small_config(ema_decay=decay)
    options = {"world": World(), "checkpoints": tmp_path, "on_epoch_end": remember}
    fitted = fit(model, small_data(), config, **options)
    kept = scored[fitted.best.epoch - 1]
    assert kept.keys() == fitted.weights.keys()
    assert all(torch.equal(kept[key], fitted.weights[key]) for key in kept)


@pytest.mark.parametrize(("sampling", "shown"), [("natural", [18, 4]), ("balanced", [11, 11])])
def test_an_epoch_shows_the_classes_as_the_sampling_has_it(tmp_path, monkeypatch, sampling, shown):
    data, seen = small_data(), []
    skewed = dataclasses.replace(data, train=np.r_[data.train[::2], data.train[1:9:2]])

    def inputs(batch, *arguments, **options):
        seen.extend(batch.labels.tolist())
        return training_inputs(batch, *arguments, **options)

    monkeypatch.setattr("groupwise.training.step.training_inputs", inputs)
    config = small_config(epochs=1, batch_size=11, sampling=sampling)
    fit(small_model(), skewed, config, world=World(), checkpoints=tmp_path)
    assert np.bincount(seen).tolist() == shown


def test_the_schedule_ends_with_the_time(tmp_path, monkeypatch):
    # A step takes some tenths of a second of this clock, an epoch some seconds of the 12 that there are.
    clock = iter(range(10**6))
    monkeypatch.setattr("groupwise.training.trainer.time.perf_counter", lambda: next(clock) / 10)
    config = small_config(epochs=50, budget_minutes=0.2)
    fitted = small_fit(tmp_path, config)
    assert 1 < len(fitted.history) < 10
    rates = [epoch.learning_rate for epoch in fitted.history]
    assert rates[-1] < 0.1 * max(rates)
    assert small_fit(tmp_path, config, resume=True).history == fitted.history


@pytest.mark.parametrize("minutes", [0.08, 0.1, 0.12, 0.14, 0.16])
def test_the_minutes_are_used_to_the_last_step(tmp_path, monkeypatch, minutes):
    """Also where an epoch ends shortly before them, whose seconds count once."""
    clock = iter(range(10**6))
    monkeypatch.setattr("groupwise.training.trainer.time.perf_counter", lambda: next(clock) / 10)
    config = small_config(epochs=50, budget_minutes=minutes)
    trainer = Trainer(small_model(), small_data(), config, world=World(), checkpoints=tmp_path)
    result = trainer.fit()
    longest_step_s = max(epoch.seconds for epoch in result.history) / 5
    assert trainer.state.spent_s >= 60 * minutes - longest_step_s
    rates = [epoch.learning_rate for epoch in result.history]
    assert rates[-1] < 0.1 * max(rates)
    assert [epoch.may_be_chosen for epoch in result.history][-1]


def test_a_budget_that_is_never_reached_changes_nothing(tmp_path, whole):
    assert_same(small_fit(tmp_path, small_config(budget_minutes=1000)), whole)


def test_patience_ends_training_after_epochs_without_a_better_score(tmp_path):
    optim = OptimConfig(name="sgd", learning_rate=1e-9, schedule="constant")
    config = small_config(epochs=20, optim=optim, patience=3, select_by=("accuracy",))
    fitted = small_fit(tmp_path, config)
    assert len(fitted.history) == fitted.best.epoch + 3


def test_training_ends_sooner_where_its_images_are_known_soon(tmp_path):
    config = small_config(epochs=12, known_from=0.3)  # of two classes: known after the first epoch
    fitted = small_fit(tmp_path, config)
    assert len(fitted.history) == 1 + 3
    assert fitted.history[-1].learning_rate < 0.1 * max(epoch.learning_rate for epoch in fitted.history)
    assert any("3 epochs in place of 11" in remark for remark in fitted.remarks)
    assert small_fit(tmp_path, config, resume=True).history == fitted.history
