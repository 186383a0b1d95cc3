"""Re-ranking: distances that look at the neighbours of both images."""

from vreid.rerank.best import Best
from vreid.rerank.budget import Estimate, estimate
from vreid.rerank.reciprocal import k_reciprocal

__all__ = ["Best", "Estimate", "estimate", "k_reciprocal"]
