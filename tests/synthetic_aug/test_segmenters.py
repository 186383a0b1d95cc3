"""Backends of segmentation: each finds the thing in the middle, and says what is wrong with it."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torchvision.models import detection

import synthetic_aug.segmenters.choose as choose
import synthetic_aug.segmenters.maskrcnn as maskrcnn
from synthetic_aug.segmenters.choose import build_segmenter
from synthetic_aug.segmenters.detectron import build_detectron
from synthetic_aug.segmenters.grabcut import guided_filter, segment_grabcut
from synthetic_aug.segmenters.instances import Instances, choose_vehicle
from synthetic_aug.segmenters.likeness import vehicle_probability
from synthetic_aug.segmenters.maskrcnn import MaskRCNN, build_maskrcnn
from synthetic_aug.segmenters.onnx_model import OnnxOptions, build_onnx, read_output
from synthetic_aug.segmenters.tidy import largest_part, solid
from vreid.data.images import ImageArray
from vreid.errors import ConfigError, DataError
from vreid.masks import BoolArray, iou, write_mask

NOWHERE = Path("a.jpg")


def picture(
    height: int, width: int, *, seed: int = 0, color: tuple[int, int, int] = (170, 40, 40)
) -> tuple[ImageArray, BoolArray]:
    """A noisy road with a rounded box on it, and where the box is."""
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    reach = np.abs(rows / height - 0.5) ** 3 + np.abs(columns / width - 0.5) ** 3
    mask = np.asarray(reach < 0.4**3, dtype=np.bool_)
    image = np.full((height, width, 3), 120.0)
    image[mask] = color
    image += generator.normal(0, 8, image.shape)
    return np.clip(image, 0, 255).astype(np.uint8), mask


# GrabCut and its parts


@pytest.mark.parametrize(("height", "width"), [(60, 90), (90, 40), (300, 420)])
def test_grabcut_finds_a_box_on_a_road(height: int, width: int) -> None:
    image, mask = picture(height, width)
    found = segment_grabcut(image)
    assert found.shape == mask.shape and found.dtype == np.bool_
    assert iou(found, mask) > 0.9
    assert np.array_equal(found, segment_grabcut(image))


@pytest.mark.parametrize("size", [(1, 1), (2, 50), (50, 2), (7, 5)])
def test_grabcut_survives_any_size(size: tuple[int, int]) -> None:
    assert segment_grabcut(np.full((*size, 3), 90, dtype=np.uint8)).shape == size


def test_of_a_blank_image_the_prior_remains() -> None:
    inside = vehicle_probability(np.full((40, 60, 3), 128, dtype=np.uint8))
    assert inside[14, 21] > 0.9 and inside[0, 0] < 0.2


def test_the_largest_part_has_no_holes() -> None:
    mask = np.zeros((20, 20), dtype=np.bool_)
    mask[2:12, 2:12] = True
    mask[5:8, 5:8] = False
    mask[16:18, 16:18] = True
    expected = np.zeros_like(mask)
    expected[2:12, 2:12] = True
    assert np.array_equal(largest_part(mask), expected)
    assert not largest_part(np.zeros((4, 4), dtype=np.bool_)).any()


def test_solid_closes_notches_and_cuts_threads() -> None:
    mask = np.zeros((60, 60), dtype=np.bool_)
    mask[15:45, 15:45] = True
    mask[28:32, 15:25] = False  # a stripe of the road's colour
    mask[20:22, 45:60] = True  # a lane marking
    found = solid(mask)
    assert found[30, 20] and not found[21, 55]


def test_the_guided_filter_moves_an_outline_to_the_edge() -> None:
    image = np.full((40, 60, 3), 30, dtype=np.uint8)
    image[:, 30:] = 200
    blurred = np.clip((np.arange(60, dtype=np.float32) - 24) / 12, 0, 1)[None].repeat(40, axis=0)
    found = guided_filter(image, blurred, radius=4)
    assert np.abs(found[:, 29] - found[:, 30]).min() > 2 * float(blurred[0, 30] - blurred[0, 29])
    flat = np.full((40, 60, 3), 30, dtype=np.uint8)
    assert np.allclose(guided_filter(flat, np.ones((40, 60), np.float32), radius=4), 1, atol=1e-4)


# Choice among instances


def instance(rows: slice, columns: slice) -> BoolArray:
    mask = np.zeros((40, 60), dtype=np.bool_)
    mask[rows, columns] = True
    return mask


MIDDLE, CORNER = instance(slice(10, 32), slice(15, 45)), instance(slice(0, 14), slice(0, 26))


@pytest.mark.parametrize(
    ("names", "scores", "expected"),
    [
        (("car", "car"), (0.5, 0.9), MIDDLE),  # the nearer one, not the surer one
        (("car", "car"), (0.1, 0.9), CORNER),  # too unsure
        (("person", "truck"), (0.9, 0.9), CORNER),
        (("person", ""), (0.9, 0.9), np.zeros_like(MIDDLE)),
        (("bicycle", "bus"), (0.9, 0.9), CORNER),  # a bicycle only where nothing else is
        (("bicycle", "person"), (0.9, 0.9), MIDDLE),
    ],
)
def test_the_vehicle_nearest_the_middle_is_chosen(
    names: tuple[str, ...], scores: tuple[float, ...], expected: BoolArray
) -> None:
    found = Instances(names, np.array(scores, np.float32), np.stack([MIDDLE, CORNER]))
    assert np.array_equal(choose_vehicle(found), expected)


def test_a_rider_belongs_to_the_motorcycle_and_a_bystander_does_not() -> None:
    motorcycle = instance(slice(22, 38), slice(24, 36))
    rider = instance(slice(6, 24), slice(25, 35))
    bystander = instance(slice(6, 38), slice(36, 56))
    masks = np.stack([motorcycle, rider, bystander])
    names = ("motorcycle", "person", "person")
    found = choose_vehicle(Instances(names, np.full(3, 0.9, np.float32), masks))
    assert np.array_equal(found, motorcycle | rider)


def test_a_wheel_found_as_a_vehicle_does_not_win() -> None:
    wheel = instance(slice(15, 25), slice(24, 37))
    masks = np.stack([wheel, instance(slice(4, 40), slice(4, 50))])
    found = choose_vehicle(Instances(("car", "truck"), np.full(2, 0.9, np.float32), masks))
    assert np.array_equal(found, masks[1])


def test_no_instances_give_an_empty_mask() -> None:
    nothing = Instances((), np.zeros(0, np.float32), np.zeros((0, 4, 5), np.bool_))
    assert not choose_vehicle(nothing).any() and choose_vehicle(nothing).shape == (4, 5)


# Mask R-CNN


def test_mask_rcnn_cuts_its_margin_off_again() -> None:
    image, mask = picture(40, 60)

    def predict(images: list[Tensor]) -> list[dict[str, Tensor]]:
        red = (images[0][0] > images[0][1] + 0.2).float()  # the box, found by its colour
        return [
            {
                "labels": torch.tensor([3, 99]),
                "scores": torch.tensor([0.9, 0.9]),
                "masks": torch.stack([red, 1 - red])[:, None],
            }
        ]

    assert iou(MaskRCNN(predict)(image, NOWHERE), mask) > 0.98


def test_mask_rcnn_with_random_weights_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = detection.maskrcnn_resnet50_fpn
    torch.save(build(weights=None, weights_backbone=None).state_dict(), tmp_path / "a.pth")
    monkeypatch.setattr(maskrcnn, "_LEAST_SIDE", 32)
    monkeypatch.setattr(maskrcnn, "_MOST_SIDE", 48)
    found = build_maskrcnn(tmp_path / "a.pth")(picture(30, 44)[0], NOWHERE)
    assert found.shape == (30, 44) and found.dtype == np.bool_


def test_mask_rcnn_names_bad_weights(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.pth: cannot be read .*name another file"):
        build_maskrcnn(tmp_path / "gone.pth")
    for content in ([1, 2], {"a": 1}):
        torch.save(content, tmp_path / "list.pth")
        with pytest.raises(DataError, match=r"list\.pth: not a file of a network's weights"):
            build_maskrcnn(tmp_path / "list.pth")
    (tmp_path / "text.pth").write_text("no weights")
    with pytest.raises(DataError, match=r"text\.pth: not a file of a network's weights"):
        build_maskrcnn(tmp_path / "text.pth")
    torch.save({"fc.weight": torch.zeros(2)}, tmp_path / "other.pth")
    with pytest.raises(DataError, match=r"other\.pth: not the weights of torchvision's Mask R-CNN"):
        build_maskrcnn(tmp_path / "other.pth")


def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise OSError("Name or service not known")

    monkeypatch.setattr("torch.hub.download_url_to_file", fail)
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", fail)


def test_mask_rcnn_without_a_network_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    offline(monkeypatch)
    with pytest.raises(DataError, match=r"cannot be downloaded from http.*--weights, or use"):
        build_maskrcnn()


# detectron2


def test_detectron_says_that_it_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "detectron2", None)
    with pytest.raises(DataError, match=r"detectron2 is not installed .*--backend maskrcnn"):
        build_segmenter("detectron2")


def test_detectron_is_fed_bgr_and_its_instances_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    image, mask = picture(40, 60)

    class Found(SimpleNamespace):
        def to(self, device: str) -> "Found":
            return self

    class Predictor:
        def __init__(self, config: Any) -> None:
            assert config.MODEL.WEIGHTS == "zoo.pkl" and config.MODEL.DEVICE == "cpu"

        def __call__(self, bgr: ImageArray) -> dict[str, Found]:
            assert np.array_equal(bgr, image[..., ::-1])
            return {
                "instances": Found(
                    pred_classes=torch.tensor([2]),
                    scores=torch.tensor([0.9]),
                    pred_masks=torch.from_numpy(mask)[None],
                )
            }

    config = SimpleNamespace(
        MODEL=SimpleNamespace(), INPUT=SimpleNamespace(), merge_from_file=lambda path: None
    )
    contents: dict[str, dict[str, Any]] = {
        "detectron2": {},
        "detectron2.engine": {"DefaultPredictor": Predictor},
        "detectron2.config": {"get_cfg": lambda: config},
        "detectron2.model_zoo": {
            "get_config_file": lambda name: name,
            "get_checkpoint_url": lambda name: "zoo.pkl",
        },
    }
    for name, members in contents.items():
        module = ModuleType(name)
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, name, module)
    assert np.array_equal(build_detectron()(image, NOWHERE), mask)


# ONNX models


def save_model(path: Path, kind: str, *, channels_last: bool = False, size: int | str = 16) -> Path:
    """A model that says how much redder than green a pixel is: in one of several forms."""
    onnx = pytest.importorskip("onnx")
    helper, real = onnx.helper, onnx.TensorProto.FLOAT
    axis = 3 if channels_last else 1
    nodes = [
        helper.make_node("Split", ["image"], ["red", "green", "blue"], axis=axis, num_outputs=3),
        helper.make_node("Sub", ["red", "green"], ["redder"]),
        helper.make_node("Constant", [], ["least"], value_float=0.25),
        helper.make_node("Sub", ["redder", "least"], ["above"]),
        helper.make_node("Constant", [], ["steep"], value_float=30.0),
        helper.make_node("Mul", ["above", "steep"], ["logits"]),
    ]
    output, element = "logits", real
    if kind == "probabilities":
        nodes.append(helper.make_node("Sigmoid", ["logits"], ["map"]))
        output = "map"
    elif kind in ("classes", "scores"):
        nodes.append(helper.make_node("Neg", ["logits"], ["ground"]))
        both = ["ground", "logits"]
        nodes.append(helper.make_node("Concat", both, ["scores"], axis=1))
        output = "scores"
        if kind == "classes":
            nodes.append(helper.make_node("ArgMax", ["scores"], ["map"], axis=1, keepdims=0))
            output, element = "map", onnx.TensorProto.INT64
    elif kind == "boxes":
        nodes.append(helper.make_node("GlobalAveragePool", ["logits"], ["pooled"]))
        nodes.append(helper.make_node("Flatten", ["pooled"], ["flat"]))
        nodes.append(helper.make_node("Concat", ["flat", "flat"], ["map"], axis=0))
        nodes.append(helper.make_node("Concat", ["map"] * 4, ["boxes"], axis=1))
        nodes.append(helper.make_node("Flatten", ["boxes"], ["list"], axis=0))
        nodes.append(helper.make_node("Constant", [], ["shape"], value_ints=[8]))
        nodes.append(helper.make_node("Reshape", ["list", "shape"], ["eight"]))
        output = "eight"
    shape = [1, size, size, 3] if channels_last else [1, 3, size, size]
    graph = helper.make_graph(
        nodes, "redder",
        [helper.make_tensor_value_info("image", real, shape)],
        [helper.make_tensor_value_info(output, element, None)],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 8
    onnx.save(model, str(path))
    return path


PLAIN = {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}


@pytest.mark.parametrize(
    ("kind", "output", "channels_last", "size"),
    [
        ("probabilities", "probabilities", False, 32),
        ("logits", "logits", False, 32),
        ("logits", "logits", True, 32),
        ("scores", "probabilities", False, 32),
        ("classes", "probabilities", False, 32),
        ("probabilities", "probabilities", False, "side"),
    ],
)
def test_onnx_models_of_all_forms(
    tmp_path: Path, kind: str, output: Any, channels_last: bool, size: int | str
) -> None:
    pytest.importorskip("onnxruntime")
    path = save_model(tmp_path / "a.onnx", kind, channels_last=channels_last, size=size)
    image, mask = picture(48, 64)
    found = build_onnx(path, OnnxOptions(PLAIN["mean"], PLAIN["std"], output))(image, NOWHERE)
    assert found.shape == mask.shape
    assert iou(found, mask) > 0.85


def test_onnx_files_that_do_not_serve_are_named(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    with pytest.raises(DataError, match="the backend onnx needs a model"):
        build_segmenter("onnx")
    with pytest.raises(DataError, match=r"gone\.onnx: no such model"):
        build_segmenter("onnx", tmp_path / "gone.onnx")
    (tmp_path / "text.onnx").write_text("this is not a model")
    with pytest.raises(DataError, match=r"text\.onnx: not a model that onnxruntime can load") as e:
        build_segmenter("onnx", tmp_path / "text.onnx")
    assert "\n" not in str(e.value)
    boxes = build_onnx(save_model(tmp_path / "boxes.onnx", "boxes"))
    with pytest.raises(DataError, match=r"boxes\.onnx: its first output has the shape \(8,\)"):
        boxes(picture(20, 20)[0], NOWHERE)


def test_onnx_inputs_that_are_no_image_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    onnx = pytest.importorskip("onnx")
    given = onnx.helper.make_tensor_value_info("text", onnx.TensorProto.FLOAT, [1, 7])
    made = onnx.helper.make_tensor_value_info("same", onnx.TensorProto.FLOAT, [1, 7])
    node = onnx.helper.make_node("Identity", ["text"], ["same"])
    graph = onnx.helper.make_graph([node], "text", [given], [made])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)])
    model.ir_version = 8
    onnx.save(model, str(tmp_path / "a.onnx"))
    with pytest.raises(DataError, match=r"its input is text \[1, 7\] tensor\(float\); a"):
        build_onnx(tmp_path / "a.onnx")


def test_onnx_without_onnxruntime_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.onnx").write_bytes(b"x")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(DataError, match="onnxruntime, which runs such models, is not installed"):
        build_onnx(tmp_path / "a.onnx")


def test_outputs_of_class_maps_and_bad_numbers() -> None:
    classes = np.array([[[0, 7], [2, 0]]])
    assert read_output(classes, OnnxOptions(), path=NOWHERE).tolist() == [[0, 1], [1, 0]]
    chosen = OnnxOptions(classes=(7,))
    assert read_output(classes, chosen, path=NOWHERE).tolist() == [[0, 1], [0, 0]]
    with pytest.raises(DataError, match="not finite"):
        read_output(np.full((1, 1, 2, 2), np.nan), OnnxOptions(), path=NOWHERE)


def test_onnx_options_are_checked() -> None:
    with pytest.raises(ConfigError, match="three numbers each are needed"):
        OnnxOptions(std=(1.0, 0.0, 1.0))
    with pytest.raises(ConfigError, match="choose one of probabilities, logits"):
        OnnxOptions(output="maps")  # type: ignore[arg-type]


# Rendered masks and the choice


def test_rendered_masks_are_found_by_name(tmp_path: Path) -> None:
    image, mask = picture(20, 30)
    write_mask(tmp_path / "train" / "a.png", mask)
    segmenter = build_segmenter("rendered", tmp_path)
    assert np.array_equal(segmenter(image, Path("x/train/a.jpg")), mask)
    with pytest.raises(DataError, match=r"b\.png: no mask"):
        segmenter(image, Path("x/train/b.jpg"))
    with pytest.raises(DataError, match="no such folder of masks"):
        build_segmenter("rendered", tmp_path / "gone")
    with pytest.raises(DataError, match="needs a folder of masks"):
        build_segmenter("rendered")


def test_an_unknown_backend_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="choose one of grabcut, maskrcnn, detectron2, onnx"):
        build_segmenter("sam")


def test_the_best_without_a_network_is_grabcut(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    offline(monkeypatch)
    assert build_segmenter("best") is segment_grabcut
    assert "going on with grabcut" in capsys.readouterr().err


def test_the_best_asks_grabcut_where_the_network_finds_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    image, mask = picture(40, 60)
    answers = [np.zeros_like(mask), instance(slice(5, 35), slice(5, 50))]
    monkeypatch.setattr(choose, "build_maskrcnn", lambda *a, **k: lambda i, p: answers.pop(0))
    best = build_segmenter("best")
    assert iou(best(image, NOWHERE), mask) > 0.9
    assert best(image, NOWHERE).sum() == 30 * 45
