import signal

import pytest
import torch

from fit_case import fit, small_config, small_data, small_fit, small_model
from groupwise.distributed.world import World
from groupwise.training.callbacks import BatchProgress, Callback, WarningLog
from groupwise.training.checkpoint import load_checkpoint
from groupwise.training.signals import Terminated
from groupwise.training.trainer import Trainer

STEPS = 5  # of an epoch of 36 images in batches of 8


class Recorder(Callback):
    """Writes down what it is told, under its name."""

    def __init__(self, name, told):
        self.name, self.told = name, told

    def on_train_begin(self, history):
        self.told.append((self.name, "begin", len(history)))

    def on_batch_end(self, step, steps):
        self.told.append((self.name, "batch", step, steps))

    def on_epoch_end(self, history, model):
        self.told.append((self.name, "epoch", [epoch.epoch for epoch in history], model.training))

    def on_warning(self, text):
        self.told.append((self.name, "warning", text))


def trainer(folder, *callbacks, model=None, **training):
    return Trainer(
        model or small_model(),
        small_data(),
        small_config(**{"epochs": 2} | training),
        world=World(),
        checkpoints=folder,
        callbacks=callbacks,
    )


def in_epoch(number, *, first=1, name="a"):
    steps = [(name, "batch", step, STEPS) for step in range(first, STEPS + 1)]
    return [*steps, (name, "epoch", list(range(1, number + 1)), False)]


def test_a_callback_is_told_of_everything_in_order(tmp_path):
    told = []
    trainer(tmp_path, Recorder("a", told)).fit()
    assert told == [("a", "begin", 0), *in_epoch(1), *in_epoch(2)]


def test_several_are_told_in_their_order(tmp_path):
    told = []
    trainer(tmp_path, Recorder("a", told), Recorder("b", told), epochs=1).fit()
    assert [event[0] for event in told] == ["a", "b"] * (1 + STEPS + 1)
    assert [event[1:] for event in told[::2]] == [event[1:] for event in told[1::2]]


def test_a_resumed_run_tells_what_there_is_and_goes_on_with_the_next_step(tmp_path):
    class Stop(Callback):
        def on_batch_end(self, step, steps):
            if step == 2 and load_checkpoint(tmp_path)[0]["history"]:
                signal.raise_signal(signal.SIGTERM)

    with pytest.raises(Terminated):
        trainer(tmp_path, Stop()).fit()
    told = []
    trainer(tmp_path, Recorder("a", told)).fit(resume=True)
    assert told == [("a", "begin", 1), *in_epoch(2, first=3)]


def test_warnings_come_between_the_steps_that_they_are_about(tmp_path):
    model, told = small_model(), []

    def check(module, inputs):
        if module.training and len(inputs[0]) > 4:
            raise torch.OutOfMemoryError("CUDA out of memory.")

    model.conv1.register_forward_pre_hook(check)
    trainer(tmp_path, Recorder("a", told), model=model, epochs=1).fit()
    warnings = [event for event in told if event[1] == "warning"]
    assert [text.startswith("Out of memory: from epoch 1, step 1 on") for _, _, text in warnings] == [True]
    assert told == [("a", "begin", 0), *warnings, *in_epoch(1)]


class Broken(Exception):  # noqa: N818
    """What a callback of a user may raise."""


@pytest.mark.parametrize(
    ("method", "event", "saved"),
    [("on_train_begin", "begin", 0), ("on_batch_end", "batch", 0), ("on_epoch_end", "epoch", 1)],
)
def test_one_that_raises_ends_training_and_a_resumed_run_ends_bit_identical(tmp_path, method, event, saved):
    def fail(*_):
        raise Broken

    told = []
    broken = type("Failing", (Callback,), {method: fail})()
    with pytest.raises(Broken):
        trainer(tmp_path / "broken", broken, Recorder("a", told)).fit()
    assert event not in [entry[1] for entry in told]  # those behind it are not told
    assert len(load_checkpoint(tmp_path / "broken")[0]["history"]) == saved
    resumed = trainer(tmp_path / "broken").fit(resume=True)
    whole = trainer(tmp_path / "whole").fit()
    assert all(torch.equal(resumed.weights[key], whole.weights[key]) for key in whole.weights)


def test_signals_are_our_own_again_after_one_that_raises(tmp_path):
    before = signal.getsignal(signal.SIGTERM)

    def fail(*_):
        raise Broken

    with pytest.raises(Broken):
        small_fit(tmp_path, on_batch_end=fail)
    assert signal.getsignal(signal.SIGTERM) is before


def test_progress_and_warnings_go_to_plain_functions(tmp_path):
    shown, said = [], []
    progress, log = BatchProgress(lambda *steps: shown.append(steps)), WarningLog(said.append)
    trainer(tmp_path, progress, log, epochs=1).fit()
    log.on_warning("mind the step")
    assert (shown, said) == ([(step, STEPS) for step in range(1, STEPS + 1)], ["mind the step"])


def test_the_state_of_one_trainer_goes_on_in_another(tmp_path):
    first = trainer(tmp_path / "first", epochs=1)
    first.fit()
    second = trainer(tmp_path / "second", model=small_model(), epochs=2)
    second.load_state_dict(first.state_dict())
    assert (second.history, second.state.step) == (first.history, 0)
    score = second.evaluate()
    assert (score.loss, score.accuracy, score.n) == (
        first.history[-1].select_loss,
        first.history[-1].select_accuracy,
        12,
    )
    assert len(second.fit().history) == 2


def test_a_listener_made_of_functions_knows_the_methods(tmp_path):
    with pytest.raises(AssertionError, match="on_epoch"):
        fit(small_model(), small_data(), small_config(), checkpoints=tmp_path, on_epoch=print)
