import numpy as np
import pytest
import torch
from PIL import Image

from fit_case import compile_by
from folder_case import TINY
from groupwise.files import sha256_file
from groupwise.planning import trial
from groupwise.planning.trial import FEWEST_IMAGES, choose_threads, images_a_step, measure_rates
from groupwise.recipe.parsing import read_recipe


def test_a_trial_is_positive_scales_with_the_work_and_leaves_no_trace(tmp_path):
    file = tmp_path / "a.png"
    Image.fromarray(np.zeros((20, 20, 3), np.uint8)).save(file)
    before = torch.get_rng_state()

    def rates(size_px):
        recipe = read_recipe("default", {**TINY, "data.image_size_px": size_px, "training.device": "cpu"})[1]
        return measure_rates(recipe, 3, [file], [sha256_file(file)])

    small, large = rates(16), rates(128)
    assert torch.equal(torch.get_rng_state(), before)
    assert 0 < small.train_s < large.train_s  # 64 times the pixels
    assert 0 < small.score_s < large.score_s
    assert small.decode_s > 0
    assert small.answer_s > 0


@pytest.mark.parametrize(
    ("torch_has", "changes", "few_s", "chosen"),
    [
        (2, {}, 0.06, 1),  # beside other work, where all take 1
        (2, {}, 1.1, 1),  # hardly slower, and nobody knows who else comes
        (2, {}, 1.3, None),
        (2, {"training.batch_size": 64}, 0.06, None),  # whose pieces have a thread each anyway
        (3, {"training.batch_size": 64}, 0.06, 2),
        (2, {"training.batch_size": 64, "data.image_size_px": 640}, 0.06, None),  # tried on fewer
        (1, {}, 0.06, None),
        (2, {"training.threads": 2}, 0.06, None),
    ],
)
def test_threads_that_wait_for_each_other_are_found_out(
    tmp_path, monkeypatch, torch_has, changes, few_s, chosen
):
    torch.set_num_threads(torch_has)
    file = tmp_path / "a.png"
    Image.fromarray(np.zeros((20, 20, 3), np.uint8)).save(file)
    changes = {"training.batch_size": 32, "training.device": "cpu"} | changes
    recipe = read_recipe("default", {**TINY, **changes})[1]

    def steps(tried, _):
        fewer = tried.training.threads != recipe.training.threads
        return (few_s if fewer else 1.0), 0.1, 0.1, 0.0

    monkeypatch.setattr(trial, "_measure_steps", steps)
    rates = measure_rates(recipe, 3, [file], [sha256_file(file)])
    choices = choose_threads(rates)
    assert [one.value for one in choices] == ([] if chosen is None else [chosen])
    assert rates.train_s == (1.0 if chosen is None else few_s)
    assert all("1000.0 on all" in one.reason for one in choices)


def test_only_a_large_network_is_tried_on_fewer_images_than_it_will_see():
    def images(preset, size_px, batch_size):
        changes = {"model.preset": preset, "data.image_size_px": size_px, "training.batch_size": batch_size}
        return images_a_step(read_recipe("default", changes)[1])

    assert images("resnext14_16x8d", 64, 64) == 64
    assert images("resnext22_w8_wide", 160, 64) == 64  # which looks twice, but not in training
    assert images("resnext50_32x4d", 224, 64) == FEWEST_IMAGES
    assert images("resnext50_32x4d", 224, 8) == 8


@pytest.mark.parametrize("works", [True, False])
def test_a_compiled_trial_counts_the_compilation_or_says_that_there_is_none(tmp_path, monkeypatch, works):
    def backend(graph, _):
        if not works:
            raise RuntimeError("no compiler")
        return graph.forward

    compile_by(monkeypatch, backend)
    file = tmp_path / "a.png"
    Image.fromarray(np.zeros((20, 20, 3), np.uint8)).save(file)
    changes = {**TINY, "training.compile": True, "training.accumulate": 2, "training.device": "cpu"}
    rates = measure_rates(read_recipe("default", changes)[1], 3, [file], [sha256_file(file)])
    if works:
        assert rates.compile_s > 10 * rates.train_s  # tracing takes longer than any step of a tiny network
    else:
        assert rates.compile_s is None
