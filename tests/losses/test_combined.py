import pytest
import torch

from vreid.errors import ConfigError
from vreid.losses.combined import combined_loss
from vreid.losses.identity import identity_loss
from vreid.losses.triplet import triplet_loss

FEAT = torch.randn(6, 5, generator=torch.Generator().manual_seed(0))
LOGITS = torch.randn(6, 3, generator=torch.Generator().manual_seed(1))
LABELS = torch.tensor([0, 0, 1, 1, 2, 2])


def test_total_is_the_weighted_sum_of_the_named() -> None:
    losses = combined_loss(
        FEAT, LOGITS, labels=LABELS, id_weight=0.5, triplet_weight=2.0, smoothing=0.2, margin=0.7
    )
    assert list(losses) == ["id", "triplet", "total"]
    assert torch.equal(losses["id"], identity_loss(LOGITS, LABELS, smoothing=0.2))
    assert torch.equal(losses["triplet"], triplet_loss(FEAT, LABELS, margin=0.7))
    torch.testing.assert_close(losses["total"], 0.5 * losses["id"] + 2 * losses["triplet"])


def test_weight_0_switches_a_loss_off() -> None:
    only_id = combined_loss(FEAT, LOGITS, labels=LABELS, triplet_weight=0)
    assert list(only_id) == ["id", "total"]
    assert torch.equal(only_id["total"], only_id["id"])
    only_triplet = combined_loss(FEAT, None, labels=LABELS, id_weight=0)
    assert list(only_triplet) == ["triplet", "total"]


def test_something_must_be_left() -> None:
    with pytest.raises(ConfigError, match="at least one above 0"):
        combined_loss(FEAT, LOGITS, labels=LABELS, id_weight=0, triplet_weight=0)
    with pytest.raises(ConfigError, match=r"triplet_weight -1"):
        combined_loss(FEAT, LOGITS, labels=LABELS, triplet_weight=-1)
