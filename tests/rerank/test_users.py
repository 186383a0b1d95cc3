"""The inverted index of the gallery against the columns of a dense matrix."""

import numpy as np

from tests.rerank.test_jaccard import NUM, NUM_QUERY, made
from vreid.rerank.users import find_users


def test_users_are_the_gallery_images_of_columns_that_queries_use() -> None:
    encodings, dense = made()
    users = find_users(encodings, NUM_QUERY)
    used = np.asarray(dense[:NUM_QUERY].any(axis=0))
    for col in range(NUM):
        span = slice(users.indptr[col], users.indptr[col + 1])
        images = np.flatnonzero(dense[NUM_QUERY:, col]) if used[col] else np.array([], dtype=int)
        np.testing.assert_array_equal(users.images[span], images)
        np.testing.assert_array_equal(users.weights[span], dense[NUM_QUERY + images, col])
