from groupwise.recipe.training import TrainingConfig
from groupwise.training.config import Epoch
from groupwise.training.meter import Pace


class Clock:
    now_s = 100.0

    def __call__(self):
        return self.now_s


def epochs(n):
    return tuple(Epoch(k, 0.5 / k, 0.9, "val", 0.7, 0.8, 1e-3, 2.0, 30.0, 0.1) for k in range(1, n + 1))


def pace(images=40, **training):
    clock = Clock()
    return Pace(TrainingConfig(epochs=4, batch_size=10, **training), images, clock), clock


def take(pace, clock, *steps, each_s=2.0):
    for step in steps:
        clock.now_s += each_s
        pace.step(step)


def words(pace, steps=4):
    return pace.task, pace.note(steps).replace("\N{NO-BREAK SPACE}", " ")


def test_the_first_epoch_has_no_scores_yet():
    training, clock = pace()
    take(training, clock, 1, 2)
    assert words(training) == ("Epoch 1/4", "5 images/s, 28 s left")


def test_scores_are_those_of_the_last_epoch_and_scoring_counts_in_the_time_left():
    training, clock = pace()
    take(training, clock, 1, 2, 3, 4)
    clock.now_s += 4  # scored
    training.begin(epochs(1))
    take(training, clock, 1)
    # 14 s for 5 steps, and 11 are to come
    assert words(training) == ("Epoch 2/4", "loss 0.500, val 80.0%, 5 images/s, 31 s left")


def test_a_run_resumed_within_an_epoch_counts_only_what_it_did_itself():
    training, clock = pace()
    training.begin(epochs(2))
    take(training, clock, 3)
    assert words(training) == ("Epoch 3/4", "loss 0.250, val 80.0%, 5 images/s, 10 s left")


def test_the_last_batch_counts_with_the_images_it_has():
    training, clock = pace(images=35)
    take(training, clock, 1, 2, 3, 4, each_s=1.75)
    assert words(training)[1].startswith("5 images/s")


def test_no_more_is_left_than_the_budget():
    training, clock = pace(budget_minutes=0.5)
    take(training, clock, 1, each_s=20)
    assert words(training)[1].endswith("10 s left")
