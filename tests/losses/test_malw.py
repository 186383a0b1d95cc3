import io
import math
import statistics

import pytest
import torch

from vreid.losses.malw import Form, Malw


def feed(malw: Malw, id_losses: list[float], metric_losses: list[float]) -> float:
    for id_loss, metric_loss in zip(id_losses, metric_losses, strict=True):
        malw.record(torch.tensor(id_loss), torch.tensor(metric_loss))
    return malw.weight.item()


def test_the_code_s_form_by_hand() -> None:
    # Deviations 2 and 0.5: the new weight is 0.9 · 1 + 0.1 · 0.25, then 0.9 · 0.925 + 0.1 · 0.25.
    malw = Malw(interval=4)
    assert feed(malw, [5.0, 1.0, 5.0], [1.0, 2.0, 1.0]) == 1.0
    assert feed(malw, [1.0], [2.0]) == pytest.approx(0.925, rel=1e-6)
    assert feed(malw, [9.0, 5.0, 9.0, 5.0], [0.0, 1.0, 1.0, 0.0]) == pytest.approx(0.8575, rel=1e-6)


def test_the_paper_s_form_by_hand() -> None:
    malw = Malw(interval=2, form="paper")
    assert feed(malw, [5.0, 1.0], [1.0, 2.0]) == pytest.approx(0.9 + 0.25, rel=1e-6)
    assert feed(malw, [5.0, 1.0], [1.0, 2.0]) == pytest.approx(0.9 * 1.15 + 0.25, rel=1e-6)


@pytest.mark.parametrize(("form", "gain"), [("code", 0.3), ("paper", 1.0)])
def test_by_the_population_deviation(form: Form, gain: float) -> None:
    generator = torch.Generator().manual_seed(0)
    id_losses = (3 * torch.rand(20, generator=generator)).tolist()
    metric_losses = torch.rand(20, generator=generator).tolist()
    malw = Malw(weight=2.0, interval=20, momentum=0.7, form=form)
    ratio = statistics.pstdev(metric_losses) / statistics.pstdev(id_losses)
    expected = 0.7 * 2 + gain * ratio
    assert feed(malw, id_losses, metric_losses) == pytest.approx(expected, rel=1e-5)


def test_a_steadier_id_loss_keeps_its_weight() -> None:
    assert feed(Malw(interval=2), [1.0, 2.0], [5.0, 1.0]) == 1.0
    assert feed(Malw(interval=2), [1.0, 2.0], [2.0, 1.0]) == 1.0


@pytest.mark.parametrize("form", ["code", "paper"])
@pytest.mark.parametrize(
    ("id_losses", "metric_losses"),
    [
        ([0.3] * 7, [0.3] * 7),
        ([0.3] * 7, [0.1, 0.2] * 3 + [0.1]),
        ([0.1, 0.2] * 3 + [0.1], [0.3] * 7),
        ([math.inf] + [0.1, 0.2] * 3, [0.3, 0.1] * 3 + [0.2]),
        ([math.nan] + [0.1, 0.2] * 3, [0.3, 0.1] * 3 + [0.2]),
        ([0.1, 9.0] * 3 + [0.1], [math.inf] * 7),
    ],
    ids=["both 0", "ID 0", "metric 0", "ID infinite", "ID NaN", "metric infinite"],
)
def test_a_deviation_of_zero_or_none_moves_nothing(
    form: Form, id_losses: list[float], metric_losses: list[float]
) -> None:
    assert feed(Malw(weight=0.75, interval=7, form=form), id_losses, metric_losses) == 0.75


def test_windows_are_apart_and_survive_a_checkpoint() -> None:
    generator = torch.Generator().manual_seed(1)
    id_losses = (5 * torch.rand(50, generator=generator)).tolist()
    metric_losses = torch.rand(50, generator=generator).tolist()
    straight = Malw(interval=8)
    expected = feed(straight, id_losses, metric_losses)
    first = Malw(interval=8)
    feed(first, id_losses[:21], metric_losses[:21])
    stream = io.BytesIO()
    torch.save(first.state_dict(), stream)
    stream.seek(0)
    again = Malw(interval=8)
    again.load_state_dict(torch.load(stream, weights_only=True))
    assert feed(again, id_losses[21:], metric_losses[21:]) == expected
    assert expected < 1
    for key, value in straight.state_dict().items():
        other = again.state_dict()[key]
        assert torch.equal(value, other) if isinstance(value, torch.Tensor) else value == other
