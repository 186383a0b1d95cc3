"""Side information embedding: each token of a transformer learns from which camera and view it is.

He et al., "TransReID: Transformer-based Object Re-Identification", ICCV 2021, arXiv:2102.04378: one
learned vector for each pair of camera and view, times a weight, is added to every token with its
position. Here an unknown camera or view, which a test set of other cameras is full of, gets the
mean over all of them.
"""

import torch
from torch import Tensor, nn

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
    """

    def __init__(
        self, drop: nn.Module, *, dim: int, num_cameras: int, num_views: int, weight: float
    ) -> None:
        super().__init__()
        self.drop = drop
        self.num_cameras, self.num_views, self.weight = num_cameras, num_views, weight
        self.table = nn.Parameter(torch.empty(max(1, num_cameras), max(1, num_views), dim))
        nn.init.trunc_normal_(self.table, std=0.02)
        self._side: Tensor | None = None

    def choose(self, side: Tensor) -> None:
        """Set the camera and the view of the images of the next pass.

        Args:
            side: (B, 2) int64, camera and view counted from 0; -1 is unknown.
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
        """The (B, C) vectors of (B, 2) cameras and views."""
        # The means come last in both directions, where the index -1 finds them.
        table = torch.cat([self.table, self.table.mean(dim=0, keepdim=True)])
        table = torch.cat([table, table.mean(dim=1, keepdim=True)], dim=1)  # (K + 1, V + 1, C)
        camera, view = side.unbind(dim=1)
        if self.num_cameras == 0:
            camera = torch.zeros_like(camera)
        if self.num_views == 0:
            view = torch.zeros_like(view)
        return table[camera, view]


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


def side_indices(camids: IntArray, views: IntArray, *, num_cameras: int, num_views: int) -> Tensor:
    """Cameras and views as `SideEmbedding.choose` takes them.

    Args:
        camids: (B,) cameras counted from 0; below 0 is unknown.
        views: (B,) views, likewise.
        num_cameras: 0 when the camera is not used.
        num_views: 0 when the view is not used.

    Returns:
        (B, 2) int64.

    Raises:
        ConfigError: When a camera or a view is not below its number.
    """
    columns = []
    for key, values, number in (
        ("model.side_cameras", camids, num_cameras),
        ("model.side_views", views, num_views),
    ):
        column = torch.from_numpy(values).clamp(min=-1)
        if number and len(column) and int(column.max()) >= number:
            raise ConfigError(
                f"{key} is {number}, but an image has the index {int(column.max())}, counted from"
                " 0; set it to the number of them in the training set"
            )
        columns.append(column if number else torch.zeros_like(column))
    return torch.stack(columns, dim=1)
