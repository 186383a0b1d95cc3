"""VRU, vehicles seen by drones.

Mingming Lu, Yongchuan Xu and Haifeng Li, "Vehicle Re-Identification Based on UAV Viewpoint: Dataset
and Method", Remote Sensing 14(18), 2022.
"""

from pathlib import Path

from vreid.data.numbered import Numbered, load_numbered
from vreid.data.published import Count
from vreid.data.sample import Split
from vreid.protocol import VRU

_OBTAIN = "get it from its authors (https://github.com/GeoX-Lab/ReID) and unpack it here"
_KIND = Numbered(
    name="vru",
    nested=("VRU",),
    folder="Pic",
    sizes={"small": 1200, "medium": 2400, "large": 8000},
    published={
        "train": Count(None, 7_085),
        "small": Count(None, 1_200),
        "medium": Count(None, 2_400),
        "large": Count(None, 8_000),
        "train and large": Count(172_137, 15_085),
    },
    protocol=VRU,
    obtain=_OBTAIN,
)


def load(root: Path, *, size: str = "small") -> Split:
    """Read the data set.

    Layout, in ``root`` itself or below it in ``VRU``::

        Pic/                                    1.jpg …
        train_test_split/train_list.txt         one image a line: number and vehicle
        train_test_split/test_list_1200.txt     the same; also 2400 and 8000

    172,137 images of 15,085 vehicles: 7,085 to train on, and test sets of 1,200, 2,400 and 8,000.
    The authors call the data open and name no licence; ask before other use than research.

    - The cameras fly: none is known. Score with the protocol ``vru``, which draws one image of each
      vehicle as query. Query and gallery of the split are its first draw.
    - An image that is missing is an error that names it and counts the others; the list is never
      cut short at it.

    Args:
        root: The data set's folder.
        size: ``small``, ``medium`` or ``large``.

    Raises:
        ConfigError: For another size.
        DataError: When a folder or file is missing, or a line cannot be used.
    """
    return load_numbered(root, _KIND, size=size)
