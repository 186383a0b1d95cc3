"""UNIT: options, networks, losses by slow transcription, batches, exact resume, translation."""

import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor

from synthetic_aug.unit.apply import apply, translate_images
from synthetic_aug.unit.images import DomainImages, split_folder, to_bytes, to_unit_range
from synthetic_aug.unit.learner import UnitLearner, build_critic, build_translator
from synthetic_aug.unit.losses import Weights, critic_loss, generator_losses, pass_through
from synthetic_aug.unit.networks import SOURCE, TARGET
from synthetic_aug.unit.options import UnitOptions, differences, dump_options, load_options
from synthetic_aug.unit.training import train
from vreid.data.images import ImageArray, read_image
from vreid.errors import ConfigError, DataError, UserError
from vreid.files import read_json
from vreid.image_distance import frechet_distance
from vreid.precision import choose_precision
from vreid.runs import read_metrics

TINY = UnitOptions(
    device="cpu",
    precision="fp32",
    size=16,
    channels=4,
    blocks=1,
    critic_channels=4,
    critic_layers=2,
    critic_scales=2,
    steps=4,
    batch_size=2,
    lr=1e-3,
    log_every=1,
    sheet_every=2,
    checkpoint_every=3,
    sheet_images=2,
)


def draw(seed: int, *, warm: bool, size: int = 32) -> ImageArray:
    """A square on a ground; dark and warm, or bright and cold."""
    generator = np.random.default_rng(seed)
    picture = np.full((size, size, 3), generator.uniform(0.1, 0.4))
    top, left = generator.integers(1, size // 2, 2)
    side = size // 3 + int(generator.integers(0, size // 6))
    picture[top : top + side, left : left + side] = generator.uniform(0.4, 1.0)
    tint = np.array([0.9, 0.5, 0.25]) if warm else np.array([0.35, 0.6, 0.9])
    picture = picture * tint + (0.0 if warm else 0.1) + generator.normal(0, 0.01, picture.shape)
    return np.asarray(np.clip(np.rint(picture * 255), 0, 255), np.uint8)


def make_domains(root: Path, *, num: int, size: int = 32) -> tuple[Path, Path]:
    folders = (root / "warm", root / "cold")
    for number, folder in enumerate(folders):
        folder.mkdir(parents=True)
        for idx in range(num):
            image = draw(1000 * number + idx, warm=number == 0, size=size)
            cv2.imwrite(str(folder / f"{idx:03d}.png"), image[..., ::-1])
    return folders


@pytest.fixture(scope="module")
def domains(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_domains(tmp_path_factory.mktemp("domains"), num=5)


def tiny(domains: tuple[Path, Path], output: Path) -> UnitOptions:
    source, target = map(str, domains)
    return replace(TINY, source=source, target=target, output=str(output))


def test_options_are_read_checked_and_written(tmp_path: Path) -> None:
    path = tmp_path / "unit.yml"
    path.write_text("name: a\nsize: 64\nlr: 2e-4\nflip: false\n")
    found = load_options(path, ["steps", "500", "kl_weight", "1"])
    assert (found.name, found.size, found.lr, found.flip) == ("a", 64, 2e-4, False)
    assert (found.steps, found.kl_weight, found.cycle_weight) == (500, 1.0, 100.0)
    path.write_text(dump_options(found))
    assert load_options(path) == found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sise: 64", r"unit\.yml: there is no option sise; did you mean size\?"),
        ("xyzzy: 1", "there is no option xyzzy; the options are name, output"),
        ("size: large", "size is 'large' of type str; expected int"),
        ("precision: fp8", "precision is 'fp8'; one of auto, fp32, bf16, fp16 needed"),
        ("size: 50", "size is 50; a multiple of 4 from 16 on is needed"),
        ("steps: 0", "steps is 0; at least 1 is needed"),
        ("decay_steps: 200000", "decay_steps is 200000; at most steps = 100000 is needed"),
        ("size: 32", r"= 64'; at most size = 32 is needed; lower critic_layers or critic_scales"),
        ("gan_weight: -1", "gan_weight is -1.0; 0 or more is needed"),
        ("- 1", "found list; expected options as key: value"),
        ("a: [", "not a YAML file"),
    ],
)
def test_bad_options_are_answered(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "unit.yml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_options(path)


def test_missing_files_and_torn_pairs_are_answered(tmp_path: Path) -> None:
    (tmp_path / "other.yml").write_text("")
    with pytest.raises(ConfigError, match=r"no such configuration file; there are: .*other\.yml"):
        load_options(tmp_path / "unit.yml")
    with pytest.raises(ConfigError, match="'steps' has no value"):
        load_options(tmp_path / "other.yml", ["steps"])


@pytest.mark.parametrize("path", sorted(Path("configs/unit").glob("*.yml")), ids=str)
def test_configurations_that_are_shipped_can_be_read(path: Path) -> None:
    options = load_options(path)
    assert options.source and options.target and options.name == path.stem


def test_the_papers_weights_are_the_defaults() -> None:
    found = UnitOptions()
    weights = (found.gan_weight, found.kl_weight, found.reconstruction_weight)
    assert (*weights, found.cycle_kl_weight, found.cycle_weight) == (10, 0.1, 100, 0.1, 100)
    assert asdict(Weights()) == {
        "gan": 10, "kl": 0.1, "reconstruction": 100, "cycle_kl": 0.1, "cycle": 100
    }  # fmt: skip


def test_networks_have_the_stated_shapes_and_share_their_middle() -> None:
    net = build_translator(replace(TINY, downsamples=3, channels=4))
    images = torch.rand(2, 3, 32, 24) * 2 - 1
    code = net.encode(images, SOURCE)
    assert code.shape == (2, net.latent_channels, 4, 3) == (2, 32, 4, 3)
    made = net.decode(code, TARGET)
    assert made.shape == images.shape and made.abs().max() <= 1
    assert torch.equal(net.translate(images), made)
    # A change in the shared blocks changes both domains' codes; one in an encoder its own only.
    before = [net.encode(images, domain) for domain in (SOURCE, TARGET)]
    with torch.no_grad():
        next(net.encoders[SOURCE].parameters()).mul_(2)
    assert not torch.allclose(net.encode(images, SOURCE), before[SOURCE])
    assert torch.equal(net.encode(images, TARGET), before[TARGET])
    with torch.no_grad():
        next(net.shared_encoder.parameters()).mul_(2)
    assert not torch.allclose(net.encode(images, TARGET), before[TARGET])


def test_a_translation_begins_as_a_reconstruction() -> None:
    net = build_translator(TINY).eval()
    images = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    for domain in (SOURCE, TARGET):
        same = net.decode(net.encode(images, domain), domain)
        assert net.translate(images, domain=domain).equal(same)
    pairs = zip(net.encoders[SOURCE].parameters(), net.encoders[TARGET].parameters(), strict=True)
    assert all(one is not other for one, other in pairs)  # equal, and free to part


def test_plain_colours_reach_the_code() -> None:
    # Where every layer is normalised by instance, images of one colour all look alike.
    net = build_translator(TINY).eval()
    plain = torch.stack([torch.full((3, 16, 16), value) for value in (-0.5, 0.5)])
    codes = net.encode(plain, SOURCE)
    assert (codes[0] - codes[1]).abs().mean() > 0.01


def test_critics_judge_patches_at_several_sizes() -> None:
    critic = build_critic(replace(TINY, critic_layers=3, critic_scales=3, size=32))
    maps = critic(torch.rand(2, 3, 32, 32))
    assert [tuple(one.shape) for one in maps] == [(2, 1, 4, 4), (2, 1, 2, 2), (2, 1, 1, 1)]


def test_losses_are_the_papers_terms() -> None:
    torch.manual_seed(0)
    net, weights = build_translator(TINY), Weights(1.5, 2.5, 3.5, 4.5, 5.5)
    critics = [build_critic(TINY), build_critic(TINY)]
    source, target = (torch.rand(2, 3, 16, 16) * 2 - 1 for _ in range(2))
    noise = torch.randn(4, 2, net.latent_channels, 4, 4)
    passed = pass_through(net, source, target, noise=noise)
    found = generator_losses(passed, critics, weights=weights)

    def mean(values: Tensor) -> float:
        return float(np.mean(values.detach().double().numpy()))

    code_s, code_t = net.encode(source, SOURCE), net.encode(target, TARGET)
    as_target, as_source = (
        net.decode(code_s + noise[0], TARGET),
        net.decode(code_t + noise[1], SOURCE),
    )
    back_s = net.decode(net.encode(as_target, TARGET) + noise[3], SOURCE)
    back_t = net.decode(net.encode(as_source, SOURCE) + noise[2], TARGET)
    expected = {
        "reconstruction": mean((net.decode(code_s + noise[0], SOURCE) - source).abs())
        + mean((net.decode(code_t + noise[1], TARGET) - target).abs()),
        "kl": mean(code_s**2) + mean(code_t**2),
        "cycle": mean((back_s - source).abs()) + mean((back_t - target).abs()),
        "cycle_kl": mean(net.encode(as_target, TARGET) ** 2)
        + mean(net.encode(as_source, SOURCE) ** 2),
        "gan": sum(mean((one - 1) ** 2) for one in critics[TARGET](as_target))
        + sum(mean((one - 1) ** 2) for one in critics[SOURCE](as_source)),
    }
    for name, value in expected.items():
        assert found[name].item() == pytest.approx(value, rel=1e-4), name
    total = sum(asdict(weights)[name] * value for name, value in expected.items())
    assert found["total"].item() == pytest.approx(total, rel=1e-4)
    judged = sum(
        mean((real - 1) ** 2) + mean(made**2)
        for critic, images, fakes in zip(
            critics, (source, target), (as_source, as_target), strict=True
        )
        for real, made in zip(critic(images), critic(fakes), strict=True)
    )
    assert critic_loss(passed, critics).item() == pytest.approx(judged, rel=1e-4)


def test_discriminators_teach_the_generators_and_not_the_other_way_round() -> None:
    learner = UnitLearner(TINY, choose_precision(torch.device("cpu"), "fp32"))
    before = {name: value.clone() for name, value in learner.net.state_dict().items()}
    judges = {name: value.clone() for name, value in learner.critics.state_dict().items()}
    images = torch.rand(2, 3, 16, 16) * 2 - 1
    learner.learn(images, images.flip(0), step=0)
    moved = [
        name for name, value in learner.net.state_dict().items() if not value.equal(before[name])
    ]
    assert len(moved) > 0.7 * len(before)  # biases ahead of a normalisation stand still
    assert any(
        not value.equal(judges[name]) for name, value in learner.critics.state_dict().items()
    )
    assert all(parameter.requires_grad for parameter in learner.critics.parameters())


def test_the_learning_rate_falls_to_0_at_the_end() -> None:
    options = replace(TINY, steps=100, decay_steps=40, lr=1.0)
    learner = UnitLearner(options, choose_precision(torch.device("cpu"), "fp32"))
    assert [learner.rate(step) for step in (0, 60, 80, 99)] == pytest.approx([1, 1, 0.5, 0.025])


def test_batches_go_through_all_images_and_follow_from_the_step(
    domains: tuple[Path, Path],
) -> None:
    paths, _ = split_folder(domains[0], held_out=0, seed=0)
    with ThreadPoolExecutor(2) as pool:

        def images(cache: int, flip: bool = False) -> DomainImages:
            return DomainImages(
                paths, size=16, flip=flip, seed=(3, 0), cache_bytes=cache, pool=pool
            )

        whole = images(10**6)
        batches = torch.cat([whole.batch(step, 2) for step in range(5)])  # two times 5 images
        for half in (batches[:5], batches[5:]):
            assert len({tuple(image.flatten().tolist()) for image in half}) == 5
        assert not batches[:5].equal(batches[5:])
        assert images(0).batch(3, 2).equal(batches[6:8])  # a later start, nothing cached
        mirrored = torch.cat([images(0, flip=True).batch(step, 2) for step in range(5)])
        same = [bool(a.equal(b)) for a, b in zip(mirrored, batches, strict=True)]
        assert 0 < sum(same) < 10
        assert all(
            one or a.equal(b.flip(-1)) for one, a, b in zip(same, mirrored, batches, strict=True)
        )


def test_bytes_survive_the_way_to_the_network_and_back() -> None:
    values = torch.arange(256, dtype=torch.uint8)
    assert to_bytes(to_unit_range(values, torch.device("cpu"))).equal(values)


def _weights(run: Path) -> dict[str, Tensor]:
    state = torch.load(run / "last.pt", weights_only=True)
    return {f"{part}.{key}": v for part in ("model", "critics") for key, v in state[part].items()}


def _interrupt(monkeypatch: pytest.MonkeyPatch, *, step: int) -> None:
    whole = UnitLearner.learn

    def learn(self: UnitLearner, a: Tensor, b: Tensor, *, step: int) -> dict[str, Tensor]:
        if step == stop_at:
            signal.raise_signal(signal.SIGINT)
        return whole(self, a, b, step=step)

    stop_at = step
    monkeypatch.setattr(UnitLearner, "learn", learn)


def test_a_stopped_training_goes_on_bit_for_bit(
    domains: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train(tiny(domains, tmp_path / "whole"))
    stopped = tiny(domains, tmp_path / "stopped")
    with monkeypatch.context() as patch:
        _interrupt(patch, step=1)
        with pytest.raises(KeyboardInterrupt):
            train(stopped)
    assert [line["step"] for line in read_metrics(stopped.run_dir / "metrics.jsonl")] == [1, 2]
    run = train(stopped)
    ours, theirs = _weights(run), _weights(whole)
    assert ours.keys() == theirs.keys() and all(ours[key].equal(theirs[key]) for key in ours)
    lines = [read_metrics(folder / "metrics.jsonl") for folder in (whole, run)]
    for first, second in zip(*lines, strict=True):
        assert {**first, "images_per_second": 0} == {**second, "images_per_second": 0}
    assert [line["step"] for line in lines[1]] == [1, 2, 3, 4]
    assert {"total", "reconstruction", "kl", "cycle", "cycle_kl", "gan", "critic", "lr"} <= {
        *lines[0][0]
    }
    sheets = sorted(path.name for path in (run / "sheets").iterdir())
    assert sheets == ["step-000002.jpg", "step-000004.jpg"]
    assert read_image(run / "sheets" / sheets[0]).shape[1] > 6 * 96
    before = (run / "last.pt").read_bytes()
    assert train(stopped) == run and (run / "last.pt").read_bytes() == before
    longer = train(replace(stopped, steps=6))  # a finished run may go on
    assert read_metrics(longer / "metrics.jsonl")[-1]["step"] == 6


def test_a_run_of_other_options_or_images_is_not_overwritten(
    domains: tuple[Path, Path], tmp_path: Path
) -> None:
    folders = make_domains(tmp_path / "own", num=3)
    options = replace(tiny(folders, tmp_path / "runs"), steps=1)
    train(options)
    with pytest.raises(ConfigError, match=r"holds a run with other options \(lr: 0.001 -> 0.1\)"):
        train(replace(options, lr=0.1))
    (folders[0] / "001.png").unlink()
    with pytest.raises(DataError, match="have changed since this run began"):
        train(options)
    assert differences(options, replace(options, steps=9, log_every=3)) == []
    falling = replace(options, decay_steps=1)
    assert differences(falling, replace(falling, steps=9)) == ["steps: 1 -> 9"]


def test_trainings_that_cannot_begin_or_go_on_say_why(
    domains: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = tiny(domains, tmp_path / "runs")
    with pytest.raises(ConfigError, match="source is empty; give a folder of images"):
        train(replace(options, source=""))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="empty: no images"):
        train(replace(options, target=str(tmp_path / "empty")))
    with pytest.raises(DataError, match="all 5 images are held out; lower held_out"):
        split_folder(domains[0], held_out=0.999999, seed=0)
    monkeypatch.setattr(
        UnitLearner, "learn", lambda self, a, b, *, step: {"total": torch.tensor(float("nan"))}
    )
    with pytest.raises(UserError, match=r"the loss is not finite in step 1 \(total nan\)"):
        train(options)
    assert not (options.run_dir / "last.pt").exists()


def test_held_out_images_are_not_trained_on(domains: tuple[Path, Path], tmp_path: Path) -> None:
    kept, out = split_folder(domains[0], held_out=0.5, seed=1)
    assert len(kept) + len(out) == 5 and not {*kept} & {*out} and kept and out
    options = replace(tiny(domains, tmp_path), held_out=0.5, seed=1, steps=1)
    record = read_json(train(options) / "images.json")
    assert record["source"]["trained_on"] == len(kept)
    assert record["source"]["held_out"] == len(out)


def test_a_folder_is_translated_with_its_names_sizes_and_labels(
    domains: tuple[Path, Path], tmp_path: Path
) -> None:
    run = train(tiny(domains, tmp_path / "runs"))
    source = tmp_path / "set" / "sys_image_train"
    source.mkdir(parents=True)
    (source.parent / "train_label.xml").write_text("<labels/>")
    for idx, shape in enumerate([(20, 30), (33, 17), (16, 16)]):
        cv2.imwrite(str(source / f"v{idx}.jpg"), np.full((*shape, 3), 60 * idx, dtype=np.uint8))
    out = apply(run, source, out=tmp_path / "new" / "made", batch_size=2, device="cpu")
    assert (out.parent / "train_label.xml").read_text() == "<labels/>"
    for path in source.iterdir():
        assert read_image(out / path.name).shape == read_image(path).shape
    assert (out.parent / "made-sheet.jpg").exists()
    config = run / "config.yml"  # as on a machine that has no target images: no such column
    config.write_text(config.read_text().replace(str(domains[1]), str(tmp_path / "gone")))
    narrow = apply(run, source, out=tmp_path / "again" / "made", device="cpu").parent
    widths = [read_image(root / "made-sheet.jpg").shape[1] for root in (out.parent, narrow)]
    assert widths[1] < widths[0]
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    (out / "v1.jpg").unlink()
    assert apply(run, source, out=out, batch_size=2, device="cpu") == out
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    with pytest.raises(DataError, match="keep_detail was False and is True"):
        apply(run, source, out=out, keep_detail=True, device="cpu")


def test_kept_detail_is_the_source_plus_the_enlarged_change(domains: tuple[Path, Path]) -> None:
    net = build_translator(TINY).eval()
    image = draw(1, warm=True, size=16)
    plain, kept = (
        translate_images(net, [image], size=16, keep_detail=keep)[0] for keep in (False, True)
    )
    assert np.array_equal(plain, kept)  # at the training's size both are the network's image
    net.translate = lambda images, **_: images  # type: ignore[method-assign]  # changes nothing
    large = draw(2, warm=True, size=48)
    assert np.array_equal(translate_images(net, [large], size=16, keep_detail=True)[0], large)


def test_runs_that_cannot_translate_say_why(domains: tuple[Path, Path], tmp_path: Path) -> None:
    run = train(replace(tiny(domains, tmp_path / "runs"), steps=1))
    config = run / "config.yml"
    text = config.read_text()
    config.write_text(text.replace("channels: 4", "channels: 6", 1))
    with pytest.raises(DataError, match="the checkpoint belongs to another architecture"):
        apply(run, domains[0], out=tmp_path / "a", device="cpu")
    config.write_text(text)
    with pytest.raises(ConfigError, match="--batch-size is 0"):
        apply(run, domains[0], out=tmp_path / "a", batch_size=0, device="cpu")
    (run / "last.pt").write_bytes((run / "last.pt").read_bytes()[:1000])
    with pytest.raises(DataError, match="the checkpoint cannot be read"):
        apply(run, domains[0], out=tmp_path / "a", device="cpu")
    (run / "last.pt").unlink()
    with pytest.raises(DataError, match="no such checkpoint; train first"):
        apply(run, domains[0], out=tmp_path / "a", device="cpu")
    with pytest.raises(ConfigError, match="no such configuration file"):
        apply(tmp_path / "gone", domains[0], out=tmp_path / "a", device="cpu")


def _thumbnails(folder: Path) -> npt.NDArray[np.float64]:
    """Mean colours of 4 x 4 fields, (N, 48), in [0, 1]."""
    rows = [
        cv2.resize(read_image(path), (4, 4), interpolation=cv2.INTER_AREA).ravel() / 255
        for path in sorted(folder.iterdir())
        if path.suffix == ".png"
    ]
    return np.array(rows, dtype=np.float64)


@pytest.mark.slow
def test_a_small_unit_brings_one_toy_domain_to_the_other(tmp_path: Path) -> None:
    options = replace(
        tiny(make_domains(tmp_path / "train", num=120), tmp_path / "runs"),
        size=32,
        channels=8,
        critic_channels=8,
        critic_layers=3,
        steps=400,
        decay_steps=200,
        batch_size=4,
        lr=1e-3,
        log_every=50,
        sheet_every=400,
        checkpoint_every=400,
    )
    run = train(options)
    fresh, wanted = make_domains(tmp_path / "fresh", num=100)  # other squares than trained on
    for number, folder in enumerate((fresh, wanted)):
        for idx in range(100):
            image = draw(5000 + 1000 * number + idx, warm=number == 0)
            cv2.imwrite(str(folder / f"{idx:03d}.png"), image[..., ::-1])
    made = apply(run, fresh, out=tmp_path / "made", device="cpu")
    target = _thumbnails(wanted)
    before = frechet_distance(_thumbnails(fresh), target)
    after = frechet_distance(_thumbnails(made), target)
    print(f"Fréchet distance of thumbnails: {before:.3f} before, {after:.3f} after")
    assert after < 0.3 * before
    # The squares stay where they are: grey levels of an image and its translation go together.
    greys = [_thumbnails(folder).reshape(-1, 16, 3).mean(axis=2) for folder in (fresh, made)]
    alike = [np.corrcoef(left, right)[0, 1] for left, right in zip(*greys, strict=True)]
    print(f"correlation of grey levels with the source image: {np.mean(alike):.3f}")
    assert np.mean(alike) > 0.8
