import numpy as np
import torch
from PIL import Image

from folder_case import TINY
from groupwise.api import load_recipe
from groupwise.files import sha256_file
from groupwise.planning.trial import measure_rates


def test_a_trial_is_positive_scales_with_the_work_and_leaves_no_trace(tmp_path):
    file = tmp_path / "a.png"
    Image.fromarray(np.zeros((20, 20, 3), np.uint8)).save(file)
    before = torch.get_rng_state()

    def rates(size_px):
        recipe = load_recipe("default", {**TINY, "data.image_size_px": size_px, "training.device": "cpu"})[1]
        return measure_rates(recipe, 3, [file], [sha256_file(file)])

    small, large = rates(16), rates(128)
    assert torch.equal(torch.get_rng_state(), before)
    assert 0 < small.train_s < large.train_s  # 64 times the pixels
    assert 0 < small.score_s < large.score_s
    assert small.decode_s > 0
