from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from tests.losses.oracle import gradient, make_feats
from vreid.errors import ConfigError
from vreid.losses.center import CenterLoss
from vreid.losses.circle import circle_loss
from vreid.losses.combined import CombinedLoss, MetricLoss, Weighted
from vreid.losses.contrastive import contrastive_loss
from vreid.losses.identity import identity_loss
from vreid.losses.instance import instance_loss
from vreid.losses.lifted import lifted_loss
from vreid.losses.malw import Malw
from vreid.losses.memory import Memory
from vreid.losses.pairs import unit
from vreid.losses.supcon import supcon_loss
from vreid.losses.triplet import triplet_loss

LABELS = torch.tensor([0, 0, 1, 1, 2, 2])


class Made(NamedTuple):
    feat: Tensor
    feat_bn: Tensor
    logits: Tensor | None


BATCH = Made(make_feats(6, seed=0), make_feats(6, seed=1), make_feats(6, dim=3, seed=2))


def test_total_is_the_weighted_sum_of_the_named() -> None:
    loss = CombinedLoss(
        identity_loss,
        {"triplet": Weighted(2.0, triplet_loss), "supcon": Weighted(0.25, supcon_loss)},
        id_weight=0.5,
    )
    losses = loss(BATCH, LABELS)
    assert list(losses) == ["id", "triplet", "supcon", "total"]
    assert BATCH.logits is not None
    assert torch.equal(losses["id"], identity_loss(BATCH.logits, LABELS))
    assert torch.equal(losses["triplet"], triplet_loss(BATCH.feat, LABELS))
    assert torch.equal(losses["supcon"], supcon_loss(BATCH.feat, LABELS))
    expected = 0.5 * losses["id"] + 2 * losses["triplet"] + 0.25 * losses["supcon"]
    torch.testing.assert_close(losses["total"], expected)
    assert not loss.state_dict()


def test_weight_0_switches_a_loss_off() -> None:
    only_id = CombinedLoss(identity_loss, {"triplet": Weighted(0, triplet_loss)})(BATCH, LABELS)
    assert list(only_id) == ["id", "total"]
    assert torch.equal(only_id["total"], only_id["id"])
    only_triplet = CombinedLoss(
        identity_loss, {"triplet": Weighted(1, triplet_loss)}, id_weight=0, center=CenterLoss(3, 6)
    )
    without_logits = only_triplet(BATCH._replace(logits=None), LABELS)
    assert list(without_logits) == ["triplet", "total"]
    assert not list(only_triplet.parameters())


def test_behind_the_neck() -> None:
    loss = CombinedLoss(identity_loss, {"triplet": Weighted(1, triplet_loss)}, behind_neck=True)
    assert torch.equal(loss(BATCH, LABELS)["triplet"], triplet_loss(BATCH.feat_bn, LABELS))


@pytest.mark.parametrize("metric_loss", [triplet_loss, lifted_loss])
def test_on_normalised_features(metric_loss: MetricLoss) -> None:
    loss = CombinedLoss(
        identity_loss, {"metric": Weighted(1, metric_loss)}, behind_neck=True, normalize=True
    )
    found = loss(BATCH, LABELS)["metric"]
    assert torch.equal(found, metric_loss(unit(BATCH.feat_bn), LABELS, None))
    longer = BATCH._replace(feat_bn=torch.linspace(1, 9, 6)[:, None] * BATCH.feat_bn)
    torch.testing.assert_close(loss(longer, LABELS)["metric"], found)


@pytest.mark.parametrize("metric_loss", [circle_loss, contrastive_loss, supcon_loss, instance_loss])
def test_normalising_twice_changes_nothing(metric_loss: MetricLoss) -> None:
    losses, grads = [], []
    for normalize in (False, True):
        memory = Memory(8, 6)
        memory.remember(make_feats(8, seed=5), torch.tensor([0, 1, 2, 3, 0, 1, 2, 3]))
        loss = CombinedLoss(
            identity_loss, {"metric": Weighted(1, metric_loss)}, memory=memory, normalize=normalize
        )
        leaf = BATCH.feat.clone().requires_grad_()
        losses.append(loss(BATCH._replace(feat=leaf), LABELS)["metric"])
        grads.append(gradient(losses[-1], leaf))
    torch.testing.assert_close(*losses)
    torch.testing.assert_close(*grads, rtol=1e-4, atol=1e-6)


def test_the_memory_and_the_centres_hold_normalised_features_too() -> None:
    memory, center = Memory(8, 6), CenterLoss(3, 6)
    loss = CombinedLoss(
        identity_loss,
        {"triplet": Weighted(1, triplet_loss)},
        memory=memory,
        center=center,
        center_weight=0.1,
        normalize=True,
    )
    feats = unit(BATCH.feat)
    first = loss(BATCH, LABELS)
    assert torch.equal(first["center"], center(feats, LABELS, weight=0.1)[0])
    assert torch.equal(memory.feats[:6], feats)
    second = loss(BATCH, LABELS)["triplet"]  # every anchor remembered itself
    remembered = Memory(8, 6)
    remembered.remember(feats, LABELS)
    assert torch.equal(second, triplet_loss(feats, LABELS, remembered.recall()))


def test_the_centre_loss_adds_its_weighted_value() -> None:
    center = CenterLoss(3, 6)
    losses = CombinedLoss(identity_loss, {}, center=center, center_weight=0.1)(BATCH, LABELS)
    assert list(losses) == ["id", "center", "total"]
    torch.testing.assert_close(losses["total"], losses["id"] + 0.1 * losses["center"])
    losses["total"].backward()
    assert center.centers.grad is not None and center.centers.grad.abs().sum() > 0


def test_the_memory_serves_the_next_batch() -> None:
    memory = Memory(8, 6)
    loss = CombinedLoss(identity_loss, {"supcon": Weighted(1, supcon_loss)}, memory=memory)
    first = loss(BATCH, LABELS)["supcon"]
    torch.testing.assert_close(first, supcon_loss(BATCH.feat, LABELS))
    assert torch.equal(memory.feats[:6], BATCH.feat)
    expected = supcon_loss(BATCH.feat, LABELS, memory.recall())
    assert torch.equal(loss(BATCH, LABELS)["supcon"], expected)


@pytest.mark.parametrize("form", ["code", "paper"])
def test_malw_is_shown_losses_without_or_with_their_weights(form: str) -> None:
    malw = Malw(weight=0.5, interval=4, form="paper" if form == "paper" else "code")
    metric = {"triplet": Weighted(2.0, triplet_loss), "supcon": Weighted(3.0, supcon_loss)}
    loss = CombinedLoss(
        identity_loss, metric, malw=malw, center=CenterLoss(3, 6), center_weight=0.1
    )
    losses = loss(BATCH, LABELS)
    assert losses["id_weight"] == 0.5
    total = 0.5 * losses["id"] + 2 * losses["triplet"] + 3 * losses["supcon"]
    torch.testing.assert_close(losses["total"], total + 0.1 * losses["center"])
    shown = malw.window[:, 0]
    if form == "code":
        expected = torch.stack([losses["id"], losses["triplet"] + losses["supcon"]])
    else:
        expected = torch.stack([0.5 * losses["id"], 2 * losses["triplet"] + 3 * losses["supcon"]])
    torch.testing.assert_close(shown, expected.detach())


def test_a_new_weight_counts_from_the_next_step_on() -> None:
    malw = Malw(interval=2)
    loss = CombinedLoss(identity_loss, {"triplet": Weighted(1, triplet_loss)}, malw=malw)
    logits = make_feats(6, dim=3, seed=2).requires_grad_()
    loss(BATCH, LABELS)
    second = loss(Made(1.1 * BATCH.feat, BATCH.feat_bn, 30 * logits), LABELS)
    assert second["id_weight"] == 1 and malw.weight < 1
    second["total"].backward()  # though the weight has moved on
    third = loss(BATCH, LABELS)
    assert third["id_weight"] < 1
    torch.testing.assert_close(third["total"], third["id_weight"] * third["id"] + third["triplet"])


def test_something_must_be_left() -> None:
    triplet = Weighted(0, triplet_loss)
    with pytest.raises(ConfigError, match=r"id 0, triplet 0, center 0\.0; expected 0 or more"):
        CombinedLoss(identity_loss, {"triplet": triplet}, id_weight=0)
    with pytest.raises(ConfigError, match=r"triplet -1"):
        CombinedLoss(identity_loss, {"triplet": Weighted(-1, triplet_loss)})
    with pytest.raises(ConfigError, match=r"MALW compares .*; one of them is off, set loss"):
        CombinedLoss(identity_loss, {"triplet": triplet}, malw=Malw())
