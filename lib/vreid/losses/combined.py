"""The training loss: a weighted sum of ID loss, metric losses and centre loss, each by name."""

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from vreid.errors import ConfigError
from vreid.losses.center import CenterLoss
from vreid.losses.malw import Malw
from vreid.losses.memory import Memory
from vreid.losses.pairs import Remembered, unit


class Embedded(Protocol):
    """What a model makes of a batch, see `vreid.models.embedder.Embedding`."""

    @property
    def feat(self) -> Tensor:
        """(B, D) before the neck."""

    @property
    def feat_bn(self) -> Tensor:
        """(B, D) behind the neck."""

    @property
    def logits(self) -> Tensor | None:
        """(B, C) of the classifier; cosines where the ID loss wants them."""


IdLoss = Callable[[Tensor, Tensor], Tensor]  # logits, labels
MetricLoss = Callable[[Tensor, Tensor, Remembered | None], Tensor]  # feats, labels, memory


class Weighted(NamedTuple):
    """A metric loss and its weight, 0 for switched off."""

    weight: float
    loss: MetricLoss


class CombinedLoss(nn.Module):
    """Named losses of a batch.

    What it learns or remembers (centres, memory, adapted weight) is in its ``state_dict``. Without
    these it has no state.

    Args:
        id_loss: ID loss of logits and labels.
        metric_losses: Name -> metric loss with its weight.
        id_weight: Weight of the ID loss; 0 switches it off.
        center: Centre loss, or None.
        center_weight: Its weight.
        memory: Earlier features that every metric loss is given too, or None.
        malw: Adapts the weight of the ID loss, starting at its own; None keeps ``id_weight``.
        behind_neck: Whether metric and centre losses act on ``feat_bn`` instead of ``feat``.
        normalize: Whether metric and centre losses act on features of length 1. The memory then
            holds such features, and the centres settle at the means of such features, inside the
            unit ball. Losses that normalise by themselves stay what they are.

    Raises:
        ConfigError: When a weight is negative or all are 0, or when MALW lacks one of the two
            kinds of losses that it compares.
    """

    def __init__(
        self,
        id_loss: IdLoss,
        metric_losses: Mapping[str, Weighted],
        *,
        id_weight: float = 1.0,
        center: CenterLoss | None = None,
        center_weight: float = 0.0,
        memory: Memory | None = None,
        malw: Malw | None = None,
        behind_neck: bool = False,
        normalize: bool = False,
    ) -> None:
        super().__init__()
        weights = {"id": id_weight, **{name: part.weight for name, part in metric_losses.items()}}
        weights["center"] = center_weight if center is not None else 0.0
        if min(weights.values()) < 0 or max(weights.values()) == 0:
            found = ", ".join(f"{name} {weight}" for name, weight in weights.items())
            raise ConfigError(
                f"the weights of the losses are {found}; expected 0 or more, at least one above 0"
            )
        self._id_loss = id_loss
        self._id_weight = id_weight
        self._metric_losses = {name: part for name, part in metric_losses.items() if part.weight}
        if malw is not None and not (id_weight and self._metric_losses):
            raise ConfigError(
                "MALW compares an ID loss with a metric loss; one of them is off, set loss.balance"
                " fixed"
            )
        self.center = center if center_weight else None
        self._center_weight = center_weight
        self.memory = memory
        self.malw = malw
        self._behind_neck = behind_neck
        self._normalize = normalize

    def forward(self, embedding: Embedded, labels: Tensor) -> dict[str, Tensor]:
        """Losses of a batch with labels (B,) int64 in [0, C).

        Returns:
            Scalars: ``id``, each metric loss and ``center`` as they are, without their weights and
            only those switched on; ``total``, the weighted sum to be minimised; with MALW
            ``id_weight``, the weight that the ID loss had in it.
        """
        losses: dict[str, Tensor] = {}
        terms: list[Tensor] = []
        if self._id_weight > 0:
            assert embedding.logits is not None, "no logits: the model is in training mode?"
            losses["id"] = self._id_loss(embedding.logits, labels)
            weight = self._id_weight if self.malw is None else self.malw.weight
            terms.append(weight * losses["id"])
        feats = embedding.feat_bn if self._behind_neck else embedding.feat
        if self._normalize:
            feats = unit(feats)
        remembered = self.memory.recall() if self.memory is not None else None
        for name, part in self._metric_losses.items():
            losses[name] = part.loss(feats, labels, remembered)
            terms.append(part.weight * losses[name])
        num_weighed = len(terms)  # ID loss and metric losses
        if self.center is not None:
            losses["center"], term = self.center(feats, labels, weight=self._center_weight)
            terms.append(term)
        if self.memory is not None:
            self.memory.remember(feats, labels)
        losses["total"] = sum(terms[1:], start=terms[0])
        if self.malw is not None:
            losses["id_weight"] = self.malw.weight
            plain = [losses[name] for name in ("id", *self._metric_losses)]
            compared = plain if self.malw.form == "code" else terms[:num_weighed]
            self.malw.record(compared[0], torch.stack(compared[1:]).sum())
        return losses
