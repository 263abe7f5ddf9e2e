import torch
from torch.testing import assert_close

from groupwise.models.ensemble import Ensemble
from groupwise.models.resnext import create_model

TEMPERATURES = (0.05, 0.1, 0.2)


def members():
    torch.manual_seed(0)
    return [
        create_model("resnext11_8x4d", num_classes=4, depths=(1,), cardinality=2, planes=16).eval()
        for _ in TEMPERATURES
    ]


@torch.inference_mode()
def test_probabilities_are_the_mean_of_the_calibrated_ones():
    networks, images = members(), torch.randn(5, 3, 16, 16)
    each = [(net(images) / t).softmax(1) for net, t in zip(networks, TEMPERATURES, strict=True)]
    found = Ensemble(networks, TEMPERATURES)(images).softmax(1)
    assert_close(found, torch.stack(each).mean(0))
    # The near miss, a mean of logits, is something else.
    logits = torch.stack([net(images) / t for net, t in zip(networks, TEMPERATURES, strict=True)])
    assert (found - logits.mean(0).softmax(1)).abs().max() > 1e-3


@torch.inference_mode()
def test_labels_of_their_own_are_averaged_each_by_itself():
    networks, images = members(), torch.randn(5, 3, 16, 16)
    each = [(net(images) / t).sigmoid() for net, t in zip(networks, TEMPERATURES, strict=True)]
    found = Ensemble(networks, TEMPERATURES, several=True)(images).sigmoid()
    assert_close(found, torch.stack(each).mean(0))
    assert not torch.allclose(found, Ensemble(networks, TEMPERATURES)(images).sigmoid(), atol=1e-3)


@torch.inference_mode()
def test_it_is_read_like_one_network():
    networks, images = members(), torch.randn(5, 3, 16, 16)
    ensemble = Ensemble(networks, TEMPERATURES)
    features = ensemble.features(images)
    assert features.shape == (5, 3 * networks[0].fc.in_features)
    assert_close(ensemble.fc(features), ensemble(images))
    assert_close(
        features[:, : networks[0].fc.in_features],
        networks[0].pool(networks[0].feature_maps(images)["layer1"]),
    )
    assert list(ensemble.members) == networks


@torch.inference_mode()
def test_sure_members_stay_finite():
    networks = members()[:2]
    for net in networks:
        net.fc.bias.copy_(torch.tensor([500.0, 0, 0, 0]))
    for several in (False, True):
        ensemble = Ensemble(networks, (0.05, 0.05), several=several)
        assert ensemble(torch.randn(2, 3, 16, 16)).isfinite().all()
