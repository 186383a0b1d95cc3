"""Side information embedding: each token of a transformer learns from which camera and view it is.

He et al., "TransReID: Transformer-based Object Re-Identification", ICCV 2021, arXiv:2102.04378: one
learned vector for each pair of camera and view, times a weight, is added to every token with its
position. Here an unknown camera or view, which a test set of other cameras is full of, gets the
mean over the known ones, and the model itself keeps which camera of the data set has which vector.
"""

import numpy as np
import torch
from torch import Tensor, nn

from vreid.data.sample import UNKNOWN
from vreid.errors import ConfigError
from vreid.features import IntArray


class SideEmbedding(nn.Module):
    """Stands in the place of the drop-out behind a network's positions.

    Args:
        drop: That drop-out.
        dim: Width of the tokens.
        num_cameras: 0 leaves the camera out.
        num_views: 0 leaves the view out.
        weight: Of the vector.

    Attributes:
        camera_ids: (num_cameras,) int64, number in the data set of the camera at each place of the
            table; `UNKNOWN` where a place is free.
    """

    camera_ids: Tensor

    def __init__(
        self, drop: nn.Module, *, dim: int, num_cameras: int, num_views: int, weight: float
    ) -> None:
        super().__init__()
        self.drop = drop
        self.num_cameras, self.num_views, self.weight = num_cameras, num_views, weight
        self.table = nn.Parameter(torch.empty(max(1, num_cameras), max(1, num_views), dim))
        nn.init.trunc_normal_(self.table, std=0.02)
        self.register_buffer("camera_ids", torch.full((num_cameras,), UNKNOWN, dtype=torch.int64))
        self._side: Tensor | None = None

    def learn_cameras(self, camids: IntArray) -> None:
        """Give each camera of a training its place; it does nothing where cameras are left out.

        A camera that has a place keeps it, cameras that are not in this training lose theirs, and
        new ones take the free places in sorted order.

        Args:
            camids: (N,) camera numbers as in the data set, in any order; below 0 is unknown.

        Raises:
            ConfigError: When there are more cameras than places, or none is known.
        """
        if self.num_cameras == 0:
            return
        found = [int(camid) for camid in np.unique(camids) if camid >= 0]
        if not 0 < len(found) <= self.num_cameras:
            raise ConfigError(
                f"model.side_cameras is {self.num_cameras}, but the training images come from"
                f" {len(found)} known cameras; set it to {len(found)}"
            )
        kept = [camid if camid in found else UNKNOWN for camid in self.camera_ids.tolist()]
        new = iter([camid for camid in found if camid not in kept])
        ids = [next(new, UNKNOWN) if camid == UNKNOWN else camid for camid in kept]
        self.camera_ids.copy_(torch.tensor(ids))

    def choose(self, side: Tensor) -> None:
        """Set the camera and the view of the images of the next pass.

        Args:
            side: (B, 2) int64, camera number as in the data set and view counted from 0; -1 is
                unknown, and so is a camera that training has not met.
        """
        assert self._side is None, "the network has not used the side information that it got"
        self._side = side

    def forward(self, tokens: Tensor) -> Tensor:
        """Add to (B, N, C) or (B, h, w, C)."""
        assert self._side is not None, "this model needs the cameras and views: pass side="
        vectors = self.vectors(self._side.to(tokens.device)).to(tokens.dtype)  # (B, C)
        self._side = None
        shape = (len(vectors), *[1] * (tokens.ndim - 2), vectors.shape[1])
        dropped: Tensor = self.drop(tokens + self.weight * vectors.view(shape))
        return dropped

    def vectors(self, side: Tensor) -> Tensor:
        """The (B, C) vectors of (B, 2) cameras and views, see `choose`."""
        camera, view = side.unbind(dim=1)
        # The means come last in both directions, where the index -1 finds them.
        table = torch.cat([self.table, self._mean_camera()])
        table = torch.cat([table, table.mean(dim=1, keepdim=True)], dim=1)  # (K + 1, V + 1, C)
        if self.num_views == 0:
            view = torch.zeros_like(view)
        return table[self._places(camera), view]

    def _places(self, camera: Tensor) -> Tensor:
        """Places in the table of (B,) camera numbers, -1 where they have none."""
        if self.num_cameras == 0:
            return torch.zeros_like(camera)
        same = (camera[:, None] == self.camera_ids) & (camera[:, None] >= 0)  # (B, K)
        return torch.where(same.any(dim=1), same.int().argmax(dim=1), UNKNOWN)

    def _mean_camera(self) -> Tensor:
        """The mean over the cameras that are known: (1, V, C); over all places where none is."""
        if self.num_cameras == 0:
            return self.table
        taken = self.camera_ids >= 0
        shares = (taken | ~taken.any()).to(self.table.dtype)
        # No matrix product, which autocast would round.
        return (shares[:, None, None] * self.table).sum(dim=0, keepdim=True) / shares.sum()


def attach_side(
    net: nn.Module, *, num_cameras: int, num_views: int, weight: float, name: str
) -> SideEmbedding:
    """Give a timm transformer a side information embedding.

    Returns:
        The embedding, now a part of ``net``; see `SideEmbedding.choose`.

    Raises:
        ConfigError: When the network adds no positions to tokens.
    """
    drop = getattr(net, "pos_drop", None)
    if not isinstance(drop, nn.Module):
        raise ConfigError(
            f"model.side_cameras, model.side_views: {name} has no tokens with positions to add them"
            " to; take a ViT or a VOLO, or set both to 0"
        )
    embedding = SideEmbedding(
        drop,
        dim=_token_dim(net),
        num_cameras=num_cameras,
        num_views=num_views,
        weight=weight,
    )
    net.pos_drop = embedding
    return embedding


def _token_dim(net: nn.Module) -> int:
    """Width of the tokens where the positions are added: a VOLO's differs from its first stage."""
    return int(net.num_features)  # type: ignore[arg-type]
