"""VehicleX, rendered vehicles with orientation, colour and type; the challenge's synthetic part.

Yue Yao, Liang Zheng, Xiaodong Yang, Milind Naphade and Tom Gedeon, "Simulating Content Consistent
Vehicle Datasets with Attribute Descent", ECCV 2020, arXiv:1912.08855.
"""

from pathlib import Path

from vreid.data.image_folder import check_same_names, find_root, list_images
from vreid.data.published import Count, count_notes
from vreid.data.sample import Sample, Split
from vreid.data.xml_labels import read_labels

_OBTAIN = (
    "it is the folder AIC21_Track2_ReID_Simulation of the AI City Challenge's Track 2 (data request"
    " form of https://www.aicitychallenge.org); the engine that renders it is"
    " https://github.com/yorkeyao/VehicleX"
)


def load(root: Path, *, images: str = "sys_image_train") -> Split:
    """Read the data set, which has a training part only.

    Layout, in ``root`` itself or below it in ``AIC21_Track2_ReID_Simulation``::

        sys_image_train/     0001_c001_1.jpg …
        train_label.xml      imageName, vehicleID, cameraID, orientation (degrees), colorID, typeID

    192,150 images of 1,362 vehicles. The licence of the challenge's copy allows research only.

    Args:
        root: The data set's folder.
        images: The image folder; another one holds the same file names after translation to the
            look of real images.

    Raises:
        DataError: When a file or folder is missing, or labels and images do not match.
    """
    nested = ("AIC21_Track2_ReID_Simulation", "AIC20_ReID_Simulation")
    root = find_root(root, marker=images, nested=nested, obtain=_OBTAIN)
    names = list_images(root / images)
    labels = read_labels(root / "train_label.xml")
    check_same_names(labels.rows, names, source=labels.path, folder=root / images)
    train = tuple(
        Sample(
            path=root / images / name,
            name=f"{images}/{name}",
            pid=labels.integer(name, "vehicleID"),
            camid=labels.integer(name, "cameraID"),
            angle=labels.degrees(name, "orientation"),
            color=labels.integer(name, "colorID"),
            type=labels.integer(name, "typeID"),
            synthetic=True,
        )
        for name in names
    )
    notes = count_notes("vehiclex", {"train": train}, {"train": Count(192_150, 1_362)})
    return Split("vehiclex", train=train, notes=notes)
