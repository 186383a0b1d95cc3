"""Miniature copies of the published layouts: the same names, headers and line ends, tiny images."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

HEADER = '<?xml version="1.0" encoding="gb2312"?>'


def jpeg_bytes(value: int = 128, *, height: int = 12, width: int = 16) -> bytes:
    """A JPEG file of noise around a grey value."""
    noise = np.random.default_rng(value).integers(-40, 40, (height, width, 3))
    return encode(np.clip(value + noise, 0, 255).astype(np.uint8), ".jpg")


def encode(image: npt.NDArray[np.uint8] | npt.NDArray[np.uint16], suffix: str) -> bytes:
    """An image file's bytes; the image is in OpenCV's order (blue, green, red)."""
    done, data = cv2.imencode(suffix, image)
    assert done
    return bytes(data.tobytes())


def write_images(folder: Path, names: Sequence[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for idx, name in enumerate(names):
        (folder / name).write_bytes(jpeg_bytes(40 + 7 * idx % 170))


def write_xml(path: Path, items: Sequence[Mapping[str, str]]) -> None:
    """A label file as published: gb2312 in the header, one Item a line, Windows line ends."""
    lines = [HEADER, '<TrainingImages Version="1.0">', f'<Items number="{len(items)}">']
    for item in items:
        attributes = " ".join(f'{key}="{value}"' for key, value in item.items())
        lines.append(f"  <Item {attributes} />")
    lines += ["</Items>", "</TrainingImages>", ""]
    path.write_bytes("\r\n".join(lines).encode("gb2312"))


def write_lines(path: Path, lines: Sequence[str]) -> None:
    path.write_bytes("".join(f"{line}\n" for line in lines).encode())


def write_cityflow(root: Path) -> Path:
    """CityFlowV2-ReID with 6 training images of 2 vehicles, 3 gallery images and 2 queries."""
    numbers = {"train": 6, "test": 3, "query": 2}
    images = {
        part: [f"{number:06d}.jpg" for number in range(1, count + 1)]
        for part, count in numbers.items()
    }
    for part, names in images.items():
        write_images(root / f"image_{part}", names)
        write_lines(root / f"name_{part}.txt", names)
    write_xml(
        root / "train_label.xml",
        [
            {
                "imageName": name,
                "vehicleID": f"{1 + idx // 3:04d}",
                "cameraID": f"c{1 + idx % 3:03d}",
            }
            for idx, name in enumerate(images["train"])
        ],
    )
    write_lines(root / "name_test.txt", ["000003.jpg", "000001.jpg", "000002.jpg"])
    for part, camera in (("query", "c006"), ("test", "c041")):
        write_xml(
            root / f"{part}_label.xml",
            [{"imageName": name, "cameraID": camera} for name in images[part]],
        )
    tracks = [f"{name} " for name in images["train"]]  # the published lines end with a blank
    write_lines(root / "train_track.txt", tracks)
    write_lines(root / "test_track.txt", ["000001.jpg 000003.jpg ", "000002.jpg "])
    return root


def write_vehiclex(root: Path) -> Path:
    """VehicleX with 3 images, one of them at a negative angle."""
    angles = {"0001_c001_1.jpg": "355.25", "0001_c002_2.jpg": "-10.5", "0007_c011_3.jpg": "360"}
    write_images(root / "sys_image_train", list(angles))
    write_xml(
        root / "train_label.xml",
        [
            {
                "cameraID": name[5:9],
                "colorID": "9",
                "imageName": name,
                "orientation": angle,
                "typeID": "4",
                "vehicleID": name[:4],
            }
            for name, angle in angles.items()
        ],
    )
    return root


def write_veri(root: Path) -> Path:
    """VeRi-776 with 2 training images, 3 gallery images and 1 query that is in the gallery too."""
    images = {
        "train": ["0001_c001_00016450_0.jpg", "0001_c014_00016460_0.jpg"],
        "query": ["0002_c002_00030600_0.jpg"],
        "test": [
            "0002_c002_00030600_0.jpg",
            "0002_c002_00030605_1.jpg",
            "0005_c020_00070000_0.jpg",
        ],
    }
    for part, names in images.items():
        write_images(root / f"image_{part}", names)
        write_lines(root / f"name_{part}.txt", names)
    write_xml(
        root / "train_label.xml",
        [
            {
                "imageName": "0001_c001_00016450_0.jpg",
                "vehicleID": "0001",
                "cameraID": "c001",
                "colorID": "2",
                "typeID": "4",
            }
        ],
    )
    write_lines(
        root / "test_track.txt",
        [
            "0002_c002 0002_c002_00030600_0.jpg 0002_c002_00030605_1.jpg ",
            "0005_c020_00070000_0.jpg ",
        ],
    )
    return root
