from groupwise.recipe.training import TrainingConfig
from groupwise.training.config import EpochRecord
from groupwise.training.meter import ProgressMeter


class Shown:
    """A bar that remembers what it shows."""

    def __call__(self, done, total, *, task, note):
        self.task, self.note = task, note


class Clock:
    now_s = 100.0

    def __call__(self):
        return self.now_s


def epochs(n):
    return tuple(EpochRecord(k, 0.5 / k, 0.9, "val", 0.7, 0.8, 1e-3, 2.0, 30.0, 0.1) for k in range(1, n + 1))


def meter(images=40, *, name="", **training):
    clock = Clock()
    config = TrainingConfig(epochs=4, batch_size=10, **training)
    return ProgressMeter(config, images, Shown(), name=name, clock=clock), clock


def take(training, clock, *steps, each_s=2.0):
    for step in steps:
        clock.now_s += each_s
        training.on_batch_end(step, 4)


def words(training):
    return training._show.task, training._show.note.replace("\N{NO-BREAK SPACE}", " ")


def test_the_first_epoch_has_no_scores_yet():
    training, clock = meter()
    take(training, clock, 1, 2)
    assert words(training) == ("Epoch 1/4", "5 images/s, 28 s left")


def test_scores_are_those_of_the_last_epoch_and_scoring_counts_in_the_time_left():
    training, clock = meter()
    take(training, clock, 1, 2, 3, 4)
    clock.now_s += 4  # scored
    training.on_epoch_end(epochs(1), None)
    take(training, clock, 1)
    # 14 s for 5 steps, and 11 are to come
    assert words(training) == ("Epoch 2/4", "loss 0.500, val 80.0%, 5 images/s, 31 s left")


def test_a_run_resumed_within_an_epoch_counts_only_what_it_did_itself():
    training, clock = meter()
    training.on_train_begin(epochs(2))
    take(training, clock, 3)
    assert words(training) == ("Epoch 3/4", "loss 0.250, val 80.0%, 5 images/s, 10 s left")


def test_the_last_batch_counts_with_the_images_it_has():
    training, clock = meter(images=35)
    take(training, clock, 1, 2, 3, 4, each_s=1.75)
    assert words(training)[1].startswith("5 images/s")


def test_no_more_is_left_than_the_budget():
    training, clock = meter(budget_minutes=0.5)
    take(training, clock, 1, each_s=20)
    assert words(training)[1].endswith("10 s left")


def test_what_an_earlier_process_took_is_gone_from_the_budget():
    training, clock = meter(budget_minutes=0.5)
    training.on_train_begin(epochs(3))  # of 2 s each
    take(training, clock, 1, each_s=2)
    assert words(training)[1].endswith("6 s left")  # by its own pace, of 22
    training, clock = meter(budget_minutes=0.2)
    training.on_train_begin(epochs(3))
    take(training, clock, 1, each_s=2)
    assert words(training)[1].endswith("4 s left")


def test_a_name_stands_before_the_epoch():
    training, clock = meter(name="Trial 2/5")
    take(training, clock, 1)
    assert words(training)[0] == "Trial 2/5, epoch 1/4"
