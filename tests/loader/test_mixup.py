import numpy as np
import pytest
import torch
from scipy import stats

from groupwise.loader.augment import augment
from groupwise.loader.mixup import mix
from groupwise.recipe.augment import AugmentConfig

N, S = 400, 16
LEVELS = torch.arange(N) % 5 * 40.0  # each image is plain, and its level tells its class
IMAGES = LEVELS[:, None, None, None].expand(-1, 3, S, S)
LABELS = torch.arange(N) % 5


def mixed(epoch=1, **fields):
    return mix(IMAGES, LABELS, torch.arange(N), AugmentConfig(**fields), num_classes=5, seed=0, epoch=epoch)


def own_share(targets):
    return targets[torch.arange(N), LABELS]


@pytest.mark.parametrize("fields", [{"mixup": 0.4}, {"cutmix": 1.0}, {"mixup": 0.4, "cutmix": 1.0}])
def test_the_target_says_what_is_in_the_image(fields):
    images, targets = mixed(**fields)
    torch.testing.assert_close(targets.sum(1), torch.ones(N))
    expected = targets @ (torch.arange(5) * 40.0)
    torch.testing.assert_close(images.mean((1, 2, 3)), expected, atol=1e-2, rtol=0)


def test_mixup_fades_and_cutmix_pastes():
    faded = mixed(mixup=1.0)[0]
    assert (faded.amax((1, 2, 3)) == faded.amin((1, 2, 3))).all()
    pasted = mixed(cutmix=1.0)[0]
    assert torch.isin(pasted, LEVELS.unique()).all()
    assert (pasted.amax((1, 2, 3)) > pasted.amin((1, 2, 3))).float().mean() > 0.8


@pytest.mark.parametrize("alpha", [0.2, 1.0])
def test_mixup_shares_follow_the_beta_distribution(alpha):
    share = own_share(mixed(mixup=alpha)[1]).double().numpy()
    assert stats.kstest(share, stats.beta(alpha, alpha).cdf).pvalue > 1e-3


def test_both_kinds_share_the_images():
    images, _ = mixed(mixup=1.0, cutmix=1.0)
    faded = (~torch.isin(images, LEVELS.unique())).flatten(1).any(1)
    assert 0.4 < faded.float().mean() < 0.6


@pytest.mark.parametrize("fields", [{"mixup": 0.4}, {"cutmix": 1.0}])
def test_a_share_of_the_images_stays_whole(fields):
    images, targets = mixed(**fields, mix_share=0.5)
    every_image, every_target = mixed(**fields)
    whole = own_share(targets) == 1
    assert 0.4 < whole.float().mean() < 0.6
    assert torch.equal(images[whole], IMAGES[whole])
    assert torch.equal(images[~whole], every_image[~whole])
    assert torch.equal(targets[~whole], every_target[~whole])


def test_shares_belong_to_the_sample_and_change_with_the_epoch():
    first, again, other = (own_share(mixed(epoch, mixup=1.0)[1]) for epoch in (1, 1, 2))
    assert torch.equal(first, again)
    assert abs(np.corrcoef(first, other)[0, 1]) < 0.2


def test_sets_of_labels_are_mixed_in_the_same_shares():
    images, samples = torch.rand(6, 3, 8, 8), torch.arange(6)
    numbers = torch.tensor([0, 1, 2, 0, 1, 2])
    fields = {"num_classes": 3, "seed": 0, "epoch": 1}
    config = AugmentConfig(mixup=0.4)
    one = mix(images, numbers, samples, config, **fields)
    sets = mix(images, torch.eye(3, dtype=torch.uint8)[numbers], samples, config, **fields)
    assert all(torch.equal(a, b) for a, b in zip(one, sets, strict=True))


@pytest.mark.parametrize("axis", [0, 1])
def test_whether_an_image_is_mixed_says_nothing_of_where_its_shift_took_it(axis):
    n, side = 2000, 20
    config = AugmentConfig(shift=0.2, cutmix=1.0, mix_share=0.5)
    rule = torch.arange(side, dtype=torch.float32)  # each pixel holds its own row, or column
    images = (rule[:, None] if axis == 0 else rule).expand(n, 1, side, side)
    shifted = augment(images, torch.arange(n), config, seed=0, epoch=1)[:, 0, side // 2, side // 2]
    labels = torch.arange(n) % 2
    _, targets = mix(images, labels, torch.arange(n), config, num_classes=2, seed=0, epoch=1)
    whole = targets[torch.arange(n), labels] == 1
    assert shifted.unique().numel() == 9  # up to four pixels to either side
    assert abs(np.corrcoef(shifted, whole.float())[0, 1]) < 4 / np.sqrt(n)
