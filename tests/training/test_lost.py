"""Whatever interrupts training, it ends as if nothing had been, or says what cannot be mended."""

import dataclasses
import errno
import math
import random
import re
import signal

import numpy as np
import pytest
import torch

from fit_case import (
    assert_same,
    at_step,
    fit,
    raise_signal,
    small_config,
    small_data,
    small_fit,
    small_model,
    without_times,
)
from groupwise.distributed.world import World
from groupwise.errors import GroupwiseError, UsageError
from groupwise.recipe.optimizer import OptimConfig
from groupwise.training.checkpoint import load_checkpoint
from groupwise.training.signals import Terminated
from groupwise.training.trainer import Trainer

STEPS = 5  # of an epoch of 36 images in batches of 8


def averaged_fit(folder, config=None, **options):
    """The small fit with a moving average of its weights, which has to come back too."""
    return small_fit(folder, config or small_config(ema_decay=0.9), **options)


def final_state(folder):
    """Everything in the last checkpoint but the clock's readings and what other tests drew."""
    state = load_checkpoint(folder)[0]
    del state["random"], state["spent_s"]
    for epoch in state["history"]:
        epoch |= {"seconds": 0, "images_per_second": 0, "waiting_seconds": 0}
    return state


def assert_equal_states(one, other, path="state"):
    if isinstance(one, dict):
        assert one.keys() == other.keys(), path
        for key in one:
            assert_equal_states(one[key], other[key], f"{path}.{key}")
    elif isinstance(one, list):
        assert len(one) == len(other), path
        for i, (a, b) in enumerate(zip(one, other, strict=True)):
            assert_equal_states(a, b, f"{path}.{i}")
    elif isinstance(one, torch.Tensor):
        assert torch.equal(one, other), path
    else:
        assert one == other, path


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("whole")
    return averaged_fit(folder), final_state(folder)


@pytest.mark.parametrize("steps", [1, STEPS - 1, STEPS, STEPS + 2])
def test_sigterm_saves_after_the_current_step_and_resume_ends_bit_identical(tmp_path, whole, steps):
    with pytest.raises(
        Terminated, match=r"stopped by SIGTERM in epoch \d after step \d of 5, and saved"
    ) as info:
        averaged_fit(tmp_path, on_batch_end=at_step(steps, raise_signal(signal.SIGTERM)))
    assert info.value.exit_status == 75
    saved = load_checkpoint(tmp_path)[0]
    assert STEPS * len(saved["history"]) + saved["step"] == steps
    fitted = averaged_fit(tmp_path, resume=True)
    assert not fitted.interrupted
    assert_same(fitted, whole[0])
    assert_equal_states(final_state(tmp_path), whole[1])


def test_sigterm_while_the_selection_fold_is_scored_repeats_no_step(tmp_path, whole, monkeypatch):
    def evaluate(trainer, answers):
        signal.raise_signal(signal.SIGTERM)
        return real(trainer, answers)

    real = Trainer.evaluate
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "evaluate", evaluate)
        with pytest.raises(Terminated, match="in epoch 1 after step 5 of 5"):
            averaged_fit(tmp_path)
    steps = []
    fitted = averaged_fit(tmp_path, resume=True, on_batch_end=lambda done, total: steps.append(done))
    assert len(steps) == 3 * STEPS
    assert_same(fitted, whole[0])


def test_sigterm_after_the_last_step_is_heeded_too(tmp_path):
    with pytest.raises(Terminated):
        averaged_fit(
            tmp_path, on_epoch_end=lambda past, _: len(past) == 4 and signal.raise_signal(signal.SIGTERM)
        )


def test_ctrl_c_keeps_the_best_epoch_and_the_step(tmp_path, whole):
    fitted = averaged_fit(tmp_path, on_batch_end=at_step(2 * STEPS + 2, raise_signal(signal.SIGINT)))
    assert fitted.interrupted
    assert without_times(fitted) == without_times(whole[0])[:2]
    assert load_checkpoint(tmp_path)[0]["step"] == 2
    assert_same(averaged_fit(tmp_path, resume=True), whole[0])


def test_ctrl_c_in_the_first_epoch_says_how_to_go_on(tmp_path, whole):
    with pytest.raises(KeyboardInterrupt, match=r"in epoch 1 after step 2 of 5. Go on with --resume"):
        averaged_fit(tmp_path, on_batch_end=at_step(2, raise_signal(signal.SIGINT)))
    assert_same(averaged_fit(tmp_path, resume=True), whole[0])


def test_a_second_ctrl_c_acts_at_once_and_handlers_come_back(tmp_path):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    def twice():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        pytest.fail("the second Ctrl-C was swallowed")

    with pytest.raises(KeyboardInterrupt):
        averaged_fit(tmp_path, on_batch_end=at_step(1, twice))
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_second_sigterm_does_not_disturb_the_saving(tmp_path, whole):
    def twice():
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)

    with pytest.raises(Terminated, match="after step 2 of 5, and saved"):
        averaged_fit(tmp_path, on_batch_end=at_step(2, twice))
    assert load_checkpoint(tmp_path)[0]["step"] == 2
    assert_same(averaged_fit(tmp_path, resume=True), whole[0])


def test_sigterm_on_a_full_disk_does_not_claim_to_have_saved(tmp_path, whole, monkeypatch):
    from groupwise.training import checkpoint_manager as manager

    def fill():
        def full(*_):
            raise OSError(errno.ENOSPC, "No space left on device")

        patch.setattr(manager, "save_checkpoint", full)
        signal.raise_signal(signal.SIGTERM)

    with monkeypatch.context() as patch, pytest.raises(Terminated, match="after step 2 of 5, and not saved"):
        averaged_fit(tmp_path, on_batch_end=at_step(2, fill))
    assert load_checkpoint(tmp_path)[0]["step"] == 0
    assert_same(averaged_fit(tmp_path, resume=True), whole[0])


class Killed(Exception):  # noqa: N818
    """What a test raises in place of SIGKILL: nothing is saved on the way out."""


def kill():
    raise Killed


@pytest.mark.parametrize("steps", [3, STEPS + 4])
def test_a_checkpoint_within_an_epoch_is_bit_identical(tmp_path, whole, steps):
    often = small_config(checkpoint_minutes=0, ema_decay=0.9)
    with pytest.raises(Killed):
        averaged_fit(tmp_path, often, on_batch_end=at_step(steps, kill))
    saved = load_checkpoint(tmp_path)[0]
    assert STEPS * len(saved["history"]) + saved["step"] == steps - 1
    assert_same(averaged_fit(tmp_path, often, resume=True), whole[0])
    assert_equal_states(final_state(tmp_path), whole[1])


def test_long_epochs_alone_are_saved_in_their_middle(tmp_path):
    with pytest.raises(Killed):
        averaged_fit(tmp_path, on_batch_end=at_step(3, kill))
    assert load_checkpoint(tmp_path)[0]["step"] == 0


def test_global_generators_go_on_where_they_were(tmp_path):
    drawn = []

    def seed(number):
        random.seed(number)
        np.random.seed(number)
        torch.manual_seed(number)

    def draw(*_):
        drawn.append((random.random(), np.random.rand(), torch.rand(1).item()))

    fit_first = {"on_epoch_end": lambda history, _: len(history) == 1 and seed(1)}
    averaged_fit(tmp_path / "whole", on_batch_end=draw, **fit_first)
    expected, drawn[:] = list(drawn), []
    stop = at_step(7, raise_signal(signal.SIGTERM))
    with pytest.raises(Terminated):
        averaged_fit(tmp_path / "cut", on_batch_end=lambda *a: (draw(), stop(*a)), **fit_first)
    seed(2)
    averaged_fit(tmp_path / "cut", resume=True, on_batch_end=draw)
    assert drawn[STEPS:] == expected[STEPS:]


def full_disk(monkeypatch, fails):
    """Make the writes for which `fails(number)` meet a full disk, counted from 1."""
    from groupwise.training import checkpoint_manager as manager

    real, numbers = manager.save_checkpoint, iter(range(1, 10_000))

    def save(*arguments):
        if fails(next(numbers)):
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(*arguments)

    monkeypatch.setattr(manager, "save_checkpoint", save)


def test_a_full_disk_stops_nothing_and_is_said(tmp_path, whole, monkeypatch):
    said = []
    full_disk(monkeypatch, lambda number: number in (3, 4))  # after epochs 2 and 3
    fitted = averaged_fit(tmp_path, on_warning=said.append)
    assert_same(fitted, whole[0])
    words = r"No checkpoint at the end of epoch (\d): No space left on device"
    assert [re.match(words, s)[1] for s in said] == ["2", "3"]
    assert all("Training goes on and tries again; older checkpoints are kept." in s for s in said)
    assert_equal_states(final_state(tmp_path), whole[1])


def test_the_old_checkpoint_outlives_a_disk_that_stays_full(tmp_path, whole, monkeypatch):
    with monkeypatch.context() as patch:
        full_disk(patch, lambda number: number >= 3)
        averaged_fit(tmp_path)
    assert len(load_checkpoint(tmp_path)[0]["history"]) == 1
    assert_same(averaged_fit(tmp_path, resume=True), whole[0])


def poison(monkeypatch, is_bad):
    """Make the pixels of a sample no numbers where `is_bad(samples)` says so."""
    from groupwise.training import step as inputs

    real = inputs.augment

    def augment(images, samples, *arguments, **options):
        images = real(images, samples, *arguments, **options)
        bad = is_bad(samples)
        return torch.where(bad[:, None, None, None], math.nan, images)

    monkeypatch.setattr(inputs, "augment", augment)


def test_a_poisoned_image_stops_training_and_its_batch_is_named(tmp_path, monkeypatch):
    poison(monkeypatch, lambda samples: samples == 7)
    data = dataclasses.replace(small_data(), paths=tuple(f"photo-{i}.png" for i in range(48)))
    said = []
    with pytest.raises(GroupwiseError) as info:
        fit(small_model(), data, small_config(), world=World(), checkpoints=tmp_path, on_warning=said.append)
    assert re.match(
        r"training: the loss of epoch 1 is not finite from step \d on, also with half the learning rate. "
        r"Lower optim.learning_rate, and look at the images of that step: ",
        str(info.value),
    )
    named = set(re.findall(r"photo-(\d+).png", str(info.value)))
    assert "7" in named
    assert len(named) == 8
    assert len(said) == 1
    assert "back to the start, and on with half the learning rate" in said[0]


def test_a_loss_that_fails_once_is_rolled_back_and_learning_goes_on_at_half_the_rate(tmp_path, monkeypatch):
    seen = []

    def third_time(samples):
        seen.extend(samples[samples == 7].tolist())
        return (samples == 7) & (len(seen) == 3)

    config = small_config(optim=OptimConfig(learning_rate=1e-3, schedule="constant"))
    poison(monkeypatch, third_time)
    fitted = averaged_fit(tmp_path, config)
    assert [epoch.learning_rate for epoch in fitted.history] == [1e-3, 1e-3, 5e-4, 5e-4]
    assert len(fitted.remarks) == 1
    assert fitted.remarks[0].startswith("The loss of epoch 3 is not finite from step")
    assert "back to the end of epoch 2" in fitted.remarks[0]
    assert all(math.isfinite(epoch.train_loss) for epoch in fitted.history)
    # Going back is part of the state: a run that is resumed knows of it, and of the halved rate.
    saved = load_checkpoint(tmp_path)[0]
    assert (saved["rate_factor"], saved["remarks"]) == (0.5, list(fitted.remarks))


def test_a_state_gone_bad_is_never_saved(tmp_path, monkeypatch):
    poison(monkeypatch, lambda samples: samples == 7)
    with pytest.raises(GroupwiseError, match="not finite"):
        averaged_fit(tmp_path, small_config(checkpoint_minutes=0))
    state = load_checkpoint(tmp_path)[0]
    assert torch.isfinite(state["tally"]).all()
    assert all(torch.isfinite(t).all() for t in state["learner"]["model"].values())


def test_a_rate_far_too_high_is_named(tmp_path):
    config = small_config(optim=OptimConfig(name="sgd", learning_rate=1e30, schedule="constant"))
    with pytest.raises(GroupwiseError, match=r"loss of epoch 1 is not finite.*Lower optim.learning_rate"):
        averaged_fit(tmp_path, config)


def small_memory(most, *, layer="conv1", training=True):
    """A network in which a layer runs out of memory on more than `most` images at once."""
    model = small_model()

    def check(module, inputs):
        if module.training is training and len(inputs[0]) > most:
            raise torch.OutOfMemoryError("CUDA out of memory.")

    model.get_submodule(layer).register_forward_pre_hook(check)
    return model


@pytest.mark.parametrize("layer", ["conv1", "layer2", "fc"])  # behind batch statistics, too
def test_out_of_memory_takes_the_batch_in_pieces_and_says_so(tmp_path, layer):
    said = []
    options = {"world": World(), "on_warning": said.append}
    fitted = fit(
        small_memory(2, layer=layer), small_data(), small_config(), checkpoints=tmp_path / "oom", **options
    )
    assert_same(fitted, small_fit(tmp_path / "ref", small_config(accumulate=4)))
    assert [re.search(r"in (\d) pieces", s)[1] for s in said] == ["2", "4"]
    assert all("The steps stay as large, but batch normalisation sees the pieces." in s for s in said)
    assert fitted.remarks == tuple(said)
    assert load_checkpoint(tmp_path / "oom")[0]["micro_batches"] == 4


def test_too_little_memory_for_the_smallest_piece_is_an_error(tmp_path):
    with pytest.raises(
        GroupwiseError, match=r"out of memory with 2 images at once.*Raise training.accumulate"
    ):
        fit(small_memory(1), small_data(), small_config(), world=World(), checkpoints=tmp_path)


@pytest.mark.parametrize("most", [1, 2])
def test_out_of_memory_while_scoring_changes_no_score(tmp_path, most):
    model, said = small_memory(most, layer="fc", training=False), []
    options = {"world": World(), "on_warning": said.append}
    fitted = fit(model, small_data(), small_config(), checkpoints=tmp_path / "oom", **options)
    reference = small_fit(tmp_path / "ref")
    for epoch, other in zip(fitted.history, reference.history, strict=True):
        assert epoch.select_accuracy == other.select_accuracy
        assert epoch.select_loss == pytest.approx(other.select_loss, abs=1e-6)
    assert all(torch.equal(fitted.weights[key], reference.weights[key]) for key in fitted.weights)
    assert not said


def test_too_little_memory_to_score_an_image_is_an_error(tmp_path):
    with pytest.raises(GroupwiseError, match=r"out of memory with a single image to score. Lower data.image"):
        fit(
            small_memory(0, training=False), small_data(), small_config(), world=World(), checkpoints=tmp_path
        )


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (torch.OutOfMemoryError("CUDA out of memory."), GroupwiseError, r"in the optimizer's step. Lower"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), GroupwiseError, r"in the optimizer's"),
        (RuntimeError("a defect"), RuntimeError, "a defect"),
    ],
)
def test_out_of_memory_in_the_optimizer_is_told_from_a_defect(tmp_path, monkeypatch, error, kind, message):
    def fail(*_):
        raise error

    monkeypatch.setattr("torch.optim.AdamW.step", fail)
    with pytest.raises(kind, match=message):
        small_fit(tmp_path)


@pytest.mark.parametrize("training", [True, False])
def test_another_error_is_not_taken_for_little_memory(tmp_path, training):
    model = small_model()

    def fail(module, _):
        if module.training is training:
            raise RuntimeError("a defect")

    model.register_forward_pre_hook(fail)
    with pytest.raises(RuntimeError, match="a defect"):
        fit(model, small_data(), small_config(), world=World(), checkpoints=tmp_path)


def test_pieces_add_up_to_the_step_of_the_whole_batch(tmp_path):
    # Without batch normalisation, whose statistics are those of a piece, the steps are the same.
    optim = OptimConfig(name="sgd", learning_rate=0.05)

    def train(pieces):
        torch.manual_seed(0)
        model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.Flatten(), torch.nn.Linear(784, 2))
        config = small_config(optim=optim, accumulate=pieces, batch_size=9, epochs=2)
        return fit(model, small_data(), config, world=World(), checkpoints=tmp_path / str(pieces))

    one, three = train(1), train(3)
    for key, weight in one.weights.items():
        torch.testing.assert_close(three.weights[key], weight, rtol=1e-5, atol=1e-6)


def test_a_checkpoint_of_other_data_is_refused(tmp_path):
    averaged_fit(tmp_path, made_from={"manifest.csv": "a" * 64})
    with pytest.raises(
        GroupwiseError, match=r"was made from another manifest.csv. Put the run's own checkpoints"
    ):
        averaged_fit(tmp_path, resume=True, made_from={"manifest.csv": "b" * 64})


def test_a_checkpoint_of_another_torch_is_used_with_a_warning(tmp_path, whole, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("groupwise.training.state.version", lambda name: "0.0")
        with pytest.raises(Terminated):
            averaged_fit(tmp_path, on_batch_end=at_step(3, raise_signal(signal.SIGTERM)))
    said = []
    assert_same(averaged_fit(tmp_path, resume=True, on_warning=said.append), whole[0])
    assert any("written with torch 0.0, and this is" in s for s in said)


@pytest.mark.parametrize("field", ["accumulate", "checkpoint_minutes"])
def test_impossible_settings_are_refused(field):
    with pytest.raises(UsageError, match=rf"training\.{field}"):
        small_config(**{field: -1})
