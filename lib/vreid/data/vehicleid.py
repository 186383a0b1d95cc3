"""VehicleID, front and rear views of vehicles in one city; PKU.

Hongye Liu, Yonghong Tian, Yaowei Wang, Lu Pang and Tiejun Huang, "Deep Relative Distance Learning:
Tell the Difference Between Similar Vehicles", CVPR 2016.
"""

from pathlib import Path

from vreid.data.numbered import Numbered, load_numbered
from vreid.data.published import Count
from vreid.data.sample import Split
from vreid.protocol import VEHICLEID

_OBTAIN = (
    "ask its authors for it (https://pkuml.org/resources/pku-vehicleid.html) and unpack it here"
)
_KIND = Numbered(
    name="vehicleid",
    nested=("VehicleID_V1.0", "VehicleID", "vehicleid"),
    folder="image",
    sizes={
        "small": 800,
        "medium": 1600,
        "large": 2400,
        "3200": 3200,
        "6000": 6000,
        "13164": 13164,
    },
    published={
        "train": Count(113_346, 13_164),
        "small": Count(6_493, 800),
        "medium": Count(13_377, 1_600),
        "large": Count(19_777, 2_400),
        "13164": Count(108_221, 13_164),
    },
    protocol=VEHICLEID,
    obtain=_OBTAIN,
)


def load(root: Path, *, size: str = "small") -> Split:
    """Read the data set.

    Layout, in ``root`` itself or below it in ``VehicleID_V1.0``::

        image/                                  0000001.jpg …
        train_test_split/train_list.txt         one image a line: number and vehicle
        train_test_split/test_list_800.txt      the same; also 1600, 2400, 3200, 6000, 13164

    ======  ===============  =========  =========  =========  ==========
    part    train            small      medium     large      13164
    ======  ===============  =========  =========  =========  ==========
    images  113,346          6,493      13,377     19,777     108,221
    (ids)   (13,164)         (800)      (1,600)    (2,400)    (13,164)
    ======  ===============  =========  =========  =========  ==========

    These are the counts of the lists in version 1.0, 221,567 images of 26,328 vehicles; the paper's
    differ, since plates that two vehicles shared were found after it. For research only, never
    commercially.

    - There are no cameras: score with the protocol ``vehicleid``, which draws the gallery of one
      image a vehicle ten times. Query and gallery of the split are its first draw.
    - An image's number may be written with or without its zeros.

    Args:
        root: The data set's folder.
        size: ``small``, ``medium``, ``large``, ``3200``, ``6000`` or ``13164``.

    Raises:
        ConfigError: For another size.
        DataError: When a folder or file is missing, or a line cannot be used.
    """
    return load_numbered(root, _KIND, size=size)
