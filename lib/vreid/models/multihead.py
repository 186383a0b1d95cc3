"""The multi-head attention head: an instance branch plus gated group branches.

Kim et al., "GroupFace: Learning Latent Groups and Constructing Group-based Representations for Face
Recognition", CVPR 2020, arXiv:2005.10497, in the form that vehicle re-identification uses: soft
gates, and no labels of the groups in the loss, so nothing is computed for them.
"""

from torch import Tensor, nn


class MultiHead(nn.Module):
    """v + Σ_k p_k · head_k(x), with p the softmax gates of v over G groups.

    v = PReLU(FC(x)); p = softmax(PReLU(FC(PReLU(FC(v))))); head_k(x) = PReLU(FC_k(x)).

    Args:
        in_dim: Width of x.
        dim: Width of v and of every head.
        groups: G. With 2048 wide vectors, 32 groups have 139 million weights.
        gate_dim: Width of the gate's hidden layer.

    Attributes:
        dim: Width of the result.
    """

    def __init__(self, in_dim: int, *, dim: int, groups: int = 32, gate_dim: int = 256) -> None:
        super().__init__()
        self.dim = dim
        self.instance = nn.Sequential(nn.Linear(in_dim, dim), nn.PReLU())
        self.gate = nn.Sequential(
            nn.Linear(dim, gate_dim), nn.PReLU(), nn.Linear(gate_dim, groups), nn.PReLU()
        )
        # All heads in one product, each with a slope of its own.
        self.heads = nn.Sequential(
            nn.Linear(in_dim, groups * dim), nn.Unflatten(1, (groups, dim)), nn.PReLU(groups)
        )

    def forward(self, feats: Tensor) -> Tensor:
        """Combine (B, in_dim) to (B, dim)."""
        instance: Tensor = self.instance(feats)  # (B, D)
        gates = self.gate(instance).float().softmax(dim=1)  # (B, G)
        heads = self.heads(feats)  # (B, G, D)
        combined: Tensor = (gates.to(heads.dtype).unsqueeze(1) @ heads).squeeze(1)
        return instance + combined
