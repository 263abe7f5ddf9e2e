import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax
from sklearn.utils.class_weight import compute_class_weight

from groupwise.errors import UsageError
from groupwise.recipe.training import LossConfig
from groupwise.training.loss import TrainingLoss, count_correct, make_loss, plain_loss

LABELS = torch.tensor([0] * 12 + [1] * 6 + [2] * 2)
LOGITS = torch.randn(20, 3, generator=torch.Generator().manual_seed(0))
COUNTS = torch.bincount(LABELS)


def loss(*, counts=COUNTS, targets=LABELS, **fields):
    return TrainingLoss(LossConfig(**fields), counts)(LOGITS, targets)


def test_plain_cross_entropy_is_torchs():
    torch.testing.assert_close(loss(), F.cross_entropy(LOGITS, LABELS, reduction="sum"))


def test_balanced_weights_are_scikit_learns():
    weights = compute_class_weight("balanced", classes=np.arange(3), y=LABELS.numpy())
    one_by_one = F.cross_entropy(LOGITS, LABELS, reduction="none").double()
    expected = (one_by_one * torch.from_numpy(weights)[LABELS]).sum()
    torch.testing.assert_close(loss(class_weights="balanced").double(), expected)


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_focal_loss_is_the_papers_formula(gamma):
    log_p = log_softmax(LOGITS.double().numpy(), axis=1)[np.arange(20), LABELS]
    expected = -((1 - np.exp(log_p)) ** gamma * log_p).sum()
    assert loss(focal_gamma=gamma).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("gamma", [0.1, 0.5, 1.0, 2.0])
def test_a_sure_answer_has_a_finite_slope(gamma):
    logits = torch.tensor([[20.0, 0.0], [200.0, 0.0], [1.0, 0.0]], requires_grad=True)
    TrainingLoss(LossConfig(focal_gamma=gamma), COUNTS[:2])(logits, torch.tensor([0, 0, 0])).backward()
    assert logits.grad is not None
    assert logits.grad[:2].abs().max() < 1e-6  # as right as can be
    assert logits.grad[2, 0] < 0 < logits.grad[2, 1]


def test_logit_adjustment_is_the_papers_formula():
    # Menon et al. 2021, equation 10: cross-entropy of logits + tau log prior
    adjusted = LOGITS.double().numpy() + 1.5 * np.log(COUNTS.numpy() / 20)
    expected = -log_softmax(adjusted, axis=1)[np.arange(20), LABELS].sum()
    assert loss(logit_adjustment=1.5).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("fields", [{"class_weights": "balanced"}, {"logit_adjustment": 1.0}])
def test_equal_classes_need_no_mending(fields):
    equal = torch.tensor([7, 7, 7])
    torch.testing.assert_close(loss(counts=equal, **fields), loss(counts=equal))


@given(
    st.floats(0, 0.5), st.sampled_from([0.0, 2.0]), st.sampled_from(["equal", "balanced"]), st.floats(0, 1)
)
def test_a_mixed_target_costs_the_mixture(label_smoothing, gamma, class_weights, share):
    fields = {"label_smoothing": label_smoothing, "focal_gamma": gamma, "class_weights": class_weights}
    one, other = LABELS, LABELS.flip(0)
    mixed = share * F.one_hot(one, 3).float() + (1 - share) * F.one_hot(other, 3).float()
    expected = share * loss(targets=one, **fields) + (1 - share) * loss(targets=other, **fields)
    torch.testing.assert_close(loss(targets=mixed, **fields), expected, rtol=1e-4, atol=1e-4)


def test_a_class_without_training_images_leaves_the_loss_finite():
    for fields in ({"logit_adjustment": 1.0, "label_smoothing": 0.1}, {"class_weights": "balanced"}):
        assert torch.isfinite(loss(counts=torch.tensor([12, 8, 0]), targets=LABELS.clamp(max=1), **fields))


@pytest.mark.parametrize(
    "fields",
    [
        {"label_smoothing": 1.0},
        {"focal_gamma": -1.0},
        {"logit_adjustment": -0.1},
        {"logit_adjustment": 1.0, "class_weights": "balanced"},
    ],
)
def test_impossible_losses_are_refused(fields):
    with pytest.raises(UsageError, match=rf"loss\.{next(iter(fields))}"):
        LossConfig(**fields)


MEMBERS = torch.tensor(np.random.default_rng(1).random((20, 3)) < [0.6, 0.3, 0.1]).to(torch.uint8)


def test_sets_of_labels_have_torchs_binary_cross_entropy():
    found = make_loss(LossConfig(), MEMBERS, 3)(LOGITS, MEMBERS)
    expected = F.binary_cross_entropy_with_logits(LOGITS, MEMBERS.float(), reduction="sum")
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(plain_loss(LOGITS, MEMBERS), expected)


def test_smoothing_of_sets_is_least_at_the_share_of_each_label():
    shares = MEMBERS.float().mean(0)
    constant = torch.logit(shares).expand_as(LOGITS).clone().requires_grad_()
    make_loss(LossConfig(label_smoothing=0.3), MEMBERS, 3)(constant, MEMBERS).backward()
    torch.testing.assert_close(constant.grad.sum(0), torch.zeros(3), atol=1e-5, rtol=0)


def test_correct_are_the_images_all_of_whose_labels_are():
    logits = torch.where(MEMBERS.bool(), 1.0, -1.0)
    assert count_correct(logits, MEMBERS) == 20
    logits[3, 1] *= -1
    assert count_correct(logits, MEMBERS) == 19
