"""The training loss: a weighted sum of ID loss and triplet loss, with each part by name."""

from torch import Tensor

from vreid.errors import ConfigError
from vreid.losses.identity import identity_loss
from vreid.losses.triplet import triplet_loss


def combined_loss(
    feat: Tensor,
    logits: Tensor | None,
    *,
    labels: Tensor,
    id_weight: float = 1.0,
    triplet_weight: float = 1.0,
    smoothing: float = 0.1,
    margin: float = 0.3,
) -> dict[str, Tensor]:
    """Named losses of a batch.

    Args:
        feat: (B, D) before the neck, for the triplet loss.
        logits: (B, C) for the ID loss; may be None when its weight is 0.
        labels: (B,) int64 in [0, C).
        id_weight: Weight of the ID loss; 0 switches it off.
        triplet_weight: Weight of the triplet loss; 0 switches it off.
        smoothing: Label smoothing of the ID loss.
        margin: Margin of the triplet loss, 0 for the soft form.

    Returns:
        Scalars: ``id`` and ``triplet`` as they are, without their weights and only those switched
        on, and ``total``, the weighted sum to be minimised.

    Raises:
        ConfigError: When a weight is negative or both are 0.
    """
    if min(id_weight, triplet_weight) < 0 or max(id_weight, triplet_weight) == 0:
        raise ConfigError(
            f"loss.id_weight is {id_weight} and loss.triplet_weight {triplet_weight}; expected"
            " weights of 0 or more, at least one above 0"
        )
    losses: dict[str, Tensor] = {}
    terms: list[Tensor] = []
    if id_weight > 0:
        assert logits is not None, "the ID loss needs logits: the model is in training mode?"
        losses["id"] = identity_loss(logits, labels, smoothing=smoothing)
        terms.append(id_weight * losses["id"])
    if triplet_weight > 0:
        losses["triplet"] = triplet_loss(feat, labels, margin=margin)
        terms.append(triplet_weight * losses["triplet"])
    losses["total"] = sum(terms[1:], start=terms[0])
    return losses
