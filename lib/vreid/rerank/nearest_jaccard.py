"""The Jaccard distance alone, as unsupervised training has it.

Ge, Zhu, Chen, Zhao, Li, "Self-paced Contrastive Learning with Hybrid Memory for Domain Adaptive
Object Re-ID", NeurIPS 2020, arXiv:2006.02713, and other programs that cluster images without
identities; some re-rank with it too. Against k-reciprocal re-ranking (`reciprocal`) four things
differ: distances are those of features of length 1, the k1 neighbours count the image itself, the
weights are a softmax of -(2 - 2 cos) without a division by the largest distance, and the given
distance is not mixed in. What differs here is the way: neighbours are exact with equal distances in
the order of their index, encodings are sparse rows, and no matrix of all pairs exists.
"""

import numpy as np

from vreid.compiled import available
from vreid.features import FloatArray
from vreid.rerank import alike, encode, encode_plain, jaccard
from vreid.rerank.encode import Encodings
from vreid.rerank.given import Array
from vreid.rerank.sources import FeatureSource
from vreid.rerank.users import find_users
from vreid.rerank.variant_input import check_counts, cosine_source, neighbours


def nearest_jaccard(
    query_feats: Array, gallery_feats: Array, *, k1: int = 20, k2: int = 6
) -> FloatArray:
    """Jaccard distances between queries and gallery.

    Corner cases:

    - More neighbours than images: all images are neighbours.
    - Features are scaled to length 1; those of length 1 are used as they are.
    - An image that comes after k1 exact copies of itself is not among its own neighbours, has no
      encoding and distance 1 to all (unless the mean over its k2 nearest gives it one).

    Args:
        query_feats: (Q, D) float32.
        gallery_feats: (G, D) float32.
        k1: Neighbours of which the reciprocal ones are kept, the image itself counted, >= 1.
        k2: Neighbours whose encodings are averaged, the image itself counted, >= 1; 1 for none.

    Returns:
        (Q, G) float32 in [0, 1].

    Raises:
        ConfigError: For numbers of neighbours out of range.
        DataError: For features that do not fit each other, hold NaN or are all 0 in a row.
    """
    check_counts(k1, k2)
    source = cosine_source(query_feats, gallery_feats)
    encodings, undivided = encode_nearest(source, k1=k1, k2=k2), np.ones(source.num_all)
    num_query = source.num_query
    final = np.zeros((num_query, source.num_all - num_query), dtype=np.float32)
    if not available():
        encode_plain.mix(final, encodings, undivided, 0.0, start=0, num_query=num_query)
    else:
        users = find_users(encodings, num_query)
        jaccard.mix(final, encodings, users, undivided, 0.0)
    return np.maximum(final, 0, out=final)


def encode_nearest(source: FeatureSource, *, k1: int, k2: int) -> Encodings:
    """The encodings of all images; k1 and k2 count the image itself."""
    found = neighbours(source, max(k1, k2))
    plain = not available()
    find = encode_plain.find_alike if plain else alike.find_alike
    # The half lists count one more than their number but are cut where the full ones end.
    half = min(round(k1 / 2) + 1, k1)
    sets = find(found.idx, found.dist, source.pairs, num_full=k1, num_half=half)
    own = (encode_plain.weigh if plain else encode.weigh)(sets, np.ones(source.num_all))
    if k2 == 1:
        return own
    average = encode_plain.average if plain else encode.average
    return average(np.ascontiguousarray(found.idx[:, :k2]), own)
