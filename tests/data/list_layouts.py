"""Miniature copies of the data sets that come with list files: their names, columns, line ends."""

from pathlib import Path

from tests.data.layouts import write_images, write_lines

VERI_WILD_HEADER = "id/image;Camera ID;Time;Model;Type;Color"


def write_crlf(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("".join(f"{line}\r\n" for line in lines).encode())


def write_vehicleid(root: Path) -> Path:
    """VehicleID V1.0: 4 training images of 2 vehicles, 9 test images of 3; vehicle 7 has one."""
    train = {"0000001": 4, "0000002": 4, "0000010": 5, "0000011": 5}
    test = {"0000020": 6, "0000021": 6, "0000022": 6, "0000023": 6, "0000024": 6}
    test |= {"0000030": 8, "0000031": 8, "0000032": 8, "0000040": 7}
    write_images(root / "image", [f"{stem}.jpg" for stem in (*train, *test)])
    lists = root / "train_test_split"
    write_crlf(lists / "train_list.txt", [f"{stem} {pid}" for stem, pid in train.items()])
    for number in (800, 1600, 2400, 3200, 6000, 13164):
        rows = [f"{stem} {pid}" for stem, pid in test.items()]
        write_crlf(lists / f"test_list_{number}.txt", rows)
    return root


def write_vru(root: Path) -> Path:
    """VRU: as VehicleID, with bare numbers and Unix line ends."""
    train = {"1": 1, "2": 1, "3": 2, "4": 2}
    test = {"11": 3, "12": 3, "13": 3, "14": 4, "15": 4}
    write_images(root / "Pic", [f"{stem}.jpg" for stem in (*train, *test)])
    (root / "train_test_split").mkdir()
    rows = [f"{stem} {pid}" for stem, pid in train.items()]
    write_lines(root / "train_test_split" / "train_list.txt", rows)
    for number in (1200, 2400, 8000):
        rows = [f"{stem} {pid}" for stem, pid in test.items()]
        write_lines(root / "train_test_split" / f"test_list_{number}.txt", rows)
    return root


def write_veri_wild(root: Path, *, later: bool = False, header: bool = True) -> Path:
    """VERI-Wild with 3 training, 3 gallery and 2 query images.

    Args:
        root: The folder.
        later: Whether lists are those of the later edition, with a label and a camera.
        header: Whether ``vehicle_info.txt`` begins with the names of its columns.
    """
    images = {
        "train": [("00001", "000001", 23), ("00001", "000002", 41), ("00007", "000010", 5)],
        "gallery": [("00040", "000100", 1), ("00040", "000101", 2), ("00041", "000110", 3)],
        "query": [("00040", "000102", 3), ("00041", "000111", 4)],
    }
    lists = root / "train_test_split"
    info = [VERI_WILD_HEADER] if header else []
    for part, rows in images.items():
        for vehicle, image, camera in rows:
            write_images(root / "images" / vehicle, [f"{image}.jpg"])
            info.append(f"{vehicle}/{image};{camera};2018-03-11 13:04:25;大众/帕萨特;SUV;black")
        stems = {"train": "train_list", "gallery": "test_{}", "query": "test_{}_query"}
        if later:
            stems = {"train": "train_list_start0", "gallery": "test_{}_id"}
            stems["query"] = "test_{}_id_query"
        for number in (3000, 5000, 10000):
            label = {"00001": 0, "00007": 1}  # numbered anew in the training list only
            lines = [
                f"{vehicle}/{image}.jpg"
                + (f" {label.get(vehicle, int(vehicle))} {camera}" if later else "")
                for vehicle, image, camera in rows
            ]
            write_crlf(lists / f"{stems[part].format(number)}.txt", lines)
    (lists / "vehicle_info.txt").write_bytes("\r\n".join([*info, ""]).encode("gbk"))
    return root


def write_vric(root: Path) -> Path:
    """VRIC with 3 training images of 2 vehicles and 2 vehicles to search for."""
    rows = {
        "train": [
            ("MVI_20011_016_img00105.jpg", 15, 1),
            ("MVI_20011_016_img00110.jpg", 15, 1),
            ("MVI_39761_002_img00007.jpg", 16, 2),
        ],
        "probe": [("MVI_40131_003_img00100.jpg", 7, 4), ("MVI_40131_009_img00042.jpg", 9, 4)],
        "gallery": [("MVI_40141_003_img00101.jpg", 7, 5), ("MVI_40152_001_img00001.jpg", 9, 6)],
    }
    for stem, images in rows.items():
        write_images(root / f"{stem}_images", [name for name, _, _ in images])
        lines = [f"{name} {pid} {camid}" for name, pid, camid in images]
        write_lines(root / f"vric_{stem}.txt", lines)
    return root


def write_vveri901(root: Path) -> Path:
    """VVeRI-901, trial version: the query tracklets are in the gallery, one vehicle is unknown."""
    frames = {
        "0012/L01_C03_V01": ["9.png", "10.png", "100.png"],
        "0012/L01_C04_V01": ["7.png"],
        "2120/L09_C31_V07": ["21553.png", "21554.png"],
        "2120/L09_C32_V07": ["3.png"],
        "-1/L02_C05_V03": ["1.png"],
    }
    for folder, names in frames.items():
        write_images(root / folder, names)
    lists = {
        "train": ["0012/L01_C03_V01", "0012/L01_C04_V01"],
        "query": ["2120/L09_C31_V07"],
        "gallery": ["2120/L09_C32_V07", "-1/L02_C05_V03", "2120/L09_C31_V07"],
    }
    for part, folders in lists.items():
        lines = [f"./VVERI901_V1_Trial/{folder}" for folder in folders]
        write_lines(root / f"{part}.txt", lines)
    return root
