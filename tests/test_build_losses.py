import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from vreid.build_losses import build_loss, build_loss_solver
from vreid.checkpoint import Progress, Stateful, load_state, save_state
from vreid.config import load_config
from vreid.config_keys import canonical
from vreid.errors import ConfigError, DataError
from vreid.losses.combined import CombinedLoss
from vreid.models.backbone import build_backbone
from vreid.models.embedder import Embedder
from vreid.options import LossOptions
from vreid.precision import Precision
from vreid.step import TrainStep

COMBINATIONS: dict[str, Mapping[str, Any]] = {
    "softmax + triplet": {},
    "arcface + soft margin": {"id": "arcface", "id_scale": 30.0, "margin": 0.0},
    "cosface + batch soft": {"id": "cosface", "mining": "batch_soft"},
    "amsoftmax + batch sample": {"id": "amsoftmax", "mining": "batch_sample"},
    "circle + triplet behind the neck": {"id": "circle", "metric_feat": "feat_bn"},
    "softmax + supcon + MALW": {"metric": "supcon", "balance": "malw", "malw_interval": 4},
    "paper's MALW": {"balance": "malw_paper", "malw_interval": 4},
    "softmax + circle by anchor": {"metric": "circle", "circle_form": "anchor"},
    "circle + contrastive by distance": {
        "metric": "circle+contrastive",
        "contrastive_form": "distance",
        "contrastive_margin": 1.0,
    },
    "contrastive with a memory": {
        "metric": "contrastive",
        "memory_size": 48,
        "memory_start": 2,
        "id_weight": 0.0,
    },
    "no metric loss": {"metric": "none"},
    "triplet on normalised features behind the neck": {
        "metric_feat": "feat_bn",
        "metric_normalize": True,
        "smoothing": 0.0,
    },
    "contrastive + circle + mined triplets, normalised": {
        "metric": "contrastive+circle+triplet",
        "contrastive_form": "distance",
        "contrastive_margin": 1.0,
        "mining": "multi_similarity",
        "metric_normalize": True,
    },
    "lifted + instance, normalised": {"metric": "lifted+instance", "metric_normalize": True},
    "sphereface": {"id": "sphereface", "id_scale": 16.0, "metric": "none"},
    "softmax + triplet + centre": {"center_weight": 5e-4, "smoothing": 0.0},
    "all at once": {
        "id": "circle",
        "metric": "triplet+circle+contrastive+supcon+lifted+instance",
        "center_weight": 5e-4,
        "memory_size": 40,
        "memory_start": 3,
        "balance": "malw",
        "malw_interval": 5,
    },
}
MALW_OFF = "loss.balance is 'malw'; .* but the metric loss is off; set loss.balance fixed here"
CPU = torch.device("cpu")
LABELS = torch.arange(4).repeat_interleave(4)


def images(step: int) -> torch.Tensor:
    """Coloured boxes with noise: the colour tells the class."""
    generator = torch.Generator().manual_seed(step)
    colours = torch.tensor([[0.9, 0.1, 0.1], [0.1, 0.9, 0.1], [0.1, 0.1, 0.9], [0.9, 0.9, 0.1]])
    noise = 0.1 * torch.rand(16, 3, 32, 32, generator=generator)
    return (colours[LABELS][:, :, None, None] + noise).clamp(0, 1)


class Training:
    """A tiny network, the losses and their optimizers."""

    def __init__(self, options: LossOptions, *, precision: str = "fp32") -> None:
        torch.manual_seed(0)
        backbone = build_backbone("test_resnet", weights="none", last_stride=2)
        self.model = Embedder(backbone, num_classes=4, cosine=options.id != "softmax")
        self.loss = build_loss(options, 4, dim=self.model.dim)
        optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-3)
        loss_optimizer = build_loss_solver(options, self.loss)
        optimizers = [each for each in (optimizer, loss_optimizer) if each is not None]
        scaler = torch.amp.GradScaler("cpu", enabled=precision == "fp16")
        self.parts: dict[str, Stateful] = {"model": self.model, "loss": self.loss, "scaler": scaler}
        self.parts |= {f"optimizer{idx}": each for idx, each in enumerate(optimizers)}
        self.step = TrainStep(
            self.model,
            self.loss,
            optimizers,
            precision=Precision(precision, CPU),
            scaler=scaler,
            clip_norm=5.0,
        )

    def run(self, steps: range) -> list[dict[str, float]]:
        found = [self.step(images(step), LABELS) for step in steps]
        return [{name: value.item() for name, value in losses.items()} for losses in found]


@pytest.mark.parametrize("name", COMBINATIONS)
def test_every_combination_learns(name: str) -> None:
    options = LossOptions(**COMBINATIONS[name])
    losses = Training(options).run(range(30))
    first = 6 if options.memory_size else 0  # until the memory is full, pairs are added
    for key in losses[0].keys() - {"total", "id_weight"}:
        floor = math.log(3) if key == "supcon" else 0.0  # three positives share the probability
        if key == "lifted" and options.metric_normalize:  # on the sphere: a tetrahedron's corners
            floor = math.log(3) + math.log(12) + 1 - math.sqrt(8 / 3)
        if key in ("supcon", "circle") and options.memory_size:
            continue  # their floors grow with the pairs, and these losses are near them
        start = sum(line[key] - floor for line in losses[first : first + 3]) / 3
        end = sum(line[key] - floor for line in losses[-3:]) / 3
        assert end < 0.9 * start or end < 0.01, (key, start, end)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_all_losses_in_half_precision(precision: str) -> None:
    options = LossOptions(**COMBINATIONS["all at once"])
    losses = Training(options, precision=precision).run(range(10))
    assert all(torch.tensor(list(line.values())).isfinite().all() for line in losses)
    assert losses[-1]["id"] < losses[0]["id"]


@pytest.mark.parametrize("name", ["all at once", "amsoftmax + batch sample"])
def test_stopped_and_resumed_it_ends_bit_for_bit_the_same(name: str, tmp_path: Path) -> None:
    options = LossOptions(**COMBINATIONS[name])
    straight = Training(options)
    expected = straight.run(range(12))
    first = Training(options)
    assert first.run(range(7)) == expected[:7]
    save_state(tmp_path / "last.pt", first.parts, progress=Progress())
    again = Training(options)
    load_state(tmp_path / "last.pt", again.parts)
    assert again.run(range(7, 12)) == expected[7:]
    for part in ("model", "loss"):
        ours, theirs = again.parts[part].state_dict(), straight.parts[part].state_dict()
        assert ours.keys() == theirs.keys()
        for key, value in ours.items():
            is_tensor = isinstance(value, torch.Tensor)
            assert torch.equal(value, theirs[key]) if is_tensor else value == theirs[key], key


def test_the_state_of_the_losses_must_be_in_the_checkpoint(tmp_path: Path) -> None:
    plain, learning = Training(LossOptions()), Training(LossOptions(center_weight=5e-4))
    save_state(tmp_path / "last.pt", plain.parts, progress=Progress())
    with pytest.raises(DataError, match=r"1 weights missing \(first: center\.centers\); use the"):
        load_state(tmp_path / "last.pt", learning.parts)


def test_the_centres_move_at_their_own_rate() -> None:
    training = Training(LossOptions(center_weight=5e-4, center_lr=0.5))
    center = training.loss.center
    assert center is not None
    before = center.centers.detach().clone()
    feats = Training(LossOptions()).model(images(0)).feat.detach()  # the same start weights
    training.run(range(1))
    # SGD at 0.5 on the mean over 16 images of |f - c|²: 4 of them have one label.
    means = torch.stack([feats[label == LABELS].mean(dim=0) for label in range(4)])
    torch.testing.assert_close(
        center.centers.detach(), before + 0.5 * 2 * 4 / 16 * (means - before)
    )


def test_the_default_has_no_state_and_takes_no_chance() -> None:
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    loss = build_loss(LossOptions(), 1000, dim=512)
    assert torch.equal(torch.rand(3), expected)
    assert isinstance(loss, CombinedLoss) and not loss.state_dict()
    assert build_loss_solver(LossOptions(), loss) is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metric": "tripplet"}, r"loss\.metric is 'tripplet'; none, or one or several of triplet"),
        ({"metric": "circle+circle"}, r"loss\.metric is 'circle\+circle'"),
        ({"metric": "none", "id_weight": 0.0}, r"\(id, center\) is \(0\.0, 0\.0\); one must be po"),
        ({"metric": "supcon", "supcon_weight": -1.0}, "none may be negative"),
        ({"temperature": 0.0}, r"loss\.temperature is 0\.0; > 0"),
        ({"margin": -0.1}, r"loss\.margin is -0\.1; >= 0"),
        ({"malw_momentum": 1.5}, r"loss\.malw_momentum is 1\.5"),
        ({"balance": "malw", "metric": "none"}, MALW_OFF),
        ({"memory_size": 64, "metric": "none"}, r"loss\.memory_size is 64; the features kept need"),
        ({"balance": "malw", "triplet_weight": 0.0}, MALW_OFF),
        ({"balance": "malw_paper", "id_weight": 0.0}, "but the ID loss is off; set loss.balance f"),
        ({"sphereface_margin": 0}, r"loss\.sphereface_margin is 0; > 0"),
        ({"ms_epsilon": -0.1}, r"loss\.ms_epsilon is -0\.1; >= 0"),
        ({"instance_scale": 0.0}, r"loss\.instance_scale is 0\.0; > 0"),
        ({"lifted_margin": -1.0}, r"loss\.lifted_margin is -1\.0; >= 0"),
    ],
)
def test_bad_options_say_what_is_wrong(options: Mapping[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        LossOptions(**options)


def test_malw_in_a_part_without_a_metric_loss_says_what_to_set(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yml"
    path.write_text("loss: {balance: malw}\norientation:\n  loss: {triplet_weight: 0.0}\n")
    with pytest.raises(ConfigError, match=f"recipe.yml: orientation: {MALW_OFF}"):
        load_config(path)
    path.write_text(
        "loss: {balance: malw}\norientation:\n  loss: {triplet_weight: 0.0, balance: fixed}\n"
    )
    assert load_config(path, part="orientation").loss.balance == "fixed"
    assert load_config(path).loss.balance == "malw"


def test_options_come_from_a_recipe(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yml"
    path.write_text("loss: {id: circle, metric: triplet+supcon, balance: malw}\n")
    found = load_config(path, ["SOLVER.COSINE_SCALE", "30", "SOLVER.COSINE_MARGIN", "0.3"]).loss
    expected = LossOptions(id="circle", metric="triplet+supcon", balance="malw")
    assert found == dataclasses.replace(expected, id_scale=30.0, id_margin=0.3)
    with pytest.raises(ConfigError, match="one of softmax, arcface, cosface, amsoftmax, circle"):
        load_config(path, ["loss.id", "sphere"])


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("MODEL.ID_LOSS_TYPE", "id"),
        ("MODEL.METRIC_LOSS_TYPE", "metric"),
        ("SOLVER.HARD_EXAMPLE_MINING_METHOD", "mining"),
        ("LOSS.TRIPLET_LOSS_MARGIN", "margin"),
        ("LOSS.CENTER_LOSS_WEIGHT", "center_weight"),
        ("SOLVER.CENTER_LR", "center_lr"),
        ("SOLVER.XBM_SIZE", "memory_size"),
    ],
)
def test_names_of_other_systems(theirs: str, ours: str) -> None:
    assert canonical(theirs) == f"loss.{ours}"
    assert ours in {field.name for field in dataclasses.fields(LossOptions)}
