import numpy as np
import pytest

from groupwise.inference.occlusion import hide_places, occlusion_maps

SIZE = 64
QUARTERS = {"top left": np.s_[:16, :16], "bottom right": np.s_[48:, 48:]}


def images(n=2):
    return np.random.default_rng(0).integers(0, 120, (n, SIZE, SIZE, 3)).astype(np.uint8)


def looking_at(corner):
    """Probabilities of a network that finds class 1 where its corner is light, and looks nowhere else."""

    def probs_of(images):
        light = images[(slice(None), *QUARTERS[corner])].reshape(len(images), -1).mean(axis=1) / 255
        return np.column_stack([1 - light, light])

    return probs_of


@pytest.mark.parametrize("corner", QUARTERS)
def test_the_heat_lies_where_the_network_looks_and_nowhere_else(corner):
    pictures = images()
    for quarter in QUARTERS.values():  # both corners are light, and only one counts
        pictures[(slice(None), *quarter)] += 130
    heat = occlusion_maps(pictures, [1, 1], looking_at(corner))
    assert heat.shape == (2, 8, 8)
    near = {"top left": np.s_[:, :3, :3], "bottom right": np.s_[:, 5:, 5:]}[corner]
    elsewhere = heat.copy()
    elsewhere[near] = 0
    assert (heat[near].max(axis=(1, 2)) > 0.2).all()
    assert (elsewhere == 0).all()


def test_heat_is_the_share_of_the_probability_that_is_lost():
    pictures = images(1)
    pictures[0] = 0
    pictures[(0, *QUARTERS["top left"])] = 200
    hidden = hide_places(pictures[0])
    probs = looking_at("top left")(np.concatenate([pictures, hidden]))[:, 1]
    heat = occlusion_maps(pictures, [1], looking_at("top left"))[0]
    assert heat[0, 0] == pytest.approx(1 - probs[1] / probs[0])
    # What speaks against the class is hidden as well, and gives no heat.
    assert occlusion_maps(pictures, [0], looking_at("top left")).max() == 0


def test_every_place_is_hidden_once_by_the_mean_colour():
    picture = images(1)[0]
    hidden = hide_places(picture)
    changed = (hidden != picture).any(axis=3)
    assert len(hidden) == 64
    assert changed.any(axis=0).all()
    assert changed[9].sum() <= 24 * 24  # about the cell in row 1, column 1
    assert changed[9, 24:].sum() == changed[9, :, 24:].sum() == 0
    np.testing.assert_allclose(hidden[9, 5, 5], picture.mean(axis=(0, 1)), atol=0.5)


def test_a_tiny_picture_has_as_many_places_as_pixels():
    assert len(hide_places(images(1)[0, :4, :4])) == 16
