"""Labels of any numbers become classes 0..C-1."""

import numpy as np

from vreid.features import IntArray


def relabel(labels: IntArray, mirrored: IntArray | None) -> tuple[int, IntArray, IntArray | None]:
    """Number the labels in sorted order.

    Args:
        labels: (N,) any numbers.
        mirrored: (N,) labels of the images' mirror images; None where they are the same.

    Returns:
        C, the classes (N,) and those of the mirror images. All labels count, also those that only
        mirror images have.

    >>> relabel(np.array([30, 10]), np.array([10, 70]))
    (3, array([1, 0]), array([0, 2]))
    """
    both = labels if mirrored is None else np.concatenate([labels, mirrored])
    numbers, classes = np.unique(both, return_inverse=True)
    own, other = np.split(classes, [len(labels)])
    return len(numbers), own, None if mirrored is None else other
