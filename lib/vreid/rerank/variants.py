"""Other functions that go by the name of re-ranking, by the name of their option.

They do not give the same lists: to reproduce a published result take the one it was made with, else
`vreid.rerank.k_reciprocal`. Each is called with the features of queries and gallery and keyword
arguments, and returns (Q, G) float32 distances; none holds a matrix of all pairs.
"""

from collections.abc import Callable, Mapping

from vreid.features import FloatArray
from vreid.rerank.gnn import gnn
from vreid.rerank.half import half_precision
from vreid.rerank.nearest_jaccard import nearest_jaccard

__all__ = ["VARIANTS", "gnn", "half_precision", "nearest_jaccard"]

VARIANTS: Mapping[str, Callable[..., FloatArray]] = {
    "half": half_precision,
    "jaccard": nearest_jaccard,
    "gnn": gnn,
}
