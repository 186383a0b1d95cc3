import math

from vreid.report.metrics_log import Line, MetricsLog
from vreid.report.training import Panel, training_panels


def panels(train: list[Line], evals: list[Line]) -> dict[str, Panel]:
    return {panel.key: panel for panel in training_panels(MetricsLog(tuple(train), tuple(evals)))}


def test_a_vehicle_run_has_losses_rate_and_scores() -> None:
    train: list[Line] = [
        {"epoch": 1, "step": 1, "lr": 3.5e-4, "id": 1.5, "triplet": 0.5, "total": 2.0},
        {"epoch": 1, "step": 2, "lr": 1e-4, "id": 0.8, "triplet": 0.2, "total": 1.0},
    ]
    evals: list[Line] = [
        {"epoch": epoch, "map": value, "rank1": value + 0.1}
        for epoch, value in ((1, 0.3), (2, 0.45), (3, 0.4))
    ]
    found = panels(train, evals)
    assert list(found) == ["losses", "rate", "scores"]
    assert found["losses"].caption == "Training losses: total loss from 2 to 1"
    assert found["rate"].caption == "Learning rate: highest 0.00035"
    assert found["scores"].caption == "Validation: best mAP 45.0 % at epoch 2"
    assert "total loss, ID loss, triplet loss" in found["losses"].alt
    for text in ("total loss", "ID loss", "triplet loss", "epoch", "loss (no unit)"):
        assert text in found["losses"].svg.decode()
    assert "learning rate (10⁻⁴)" in found["rate"].svg.decode()
    assert "score (%)" in found["scores"].svg.decode()


def test_an_adapted_weight_has_a_chart_of_its_own() -> None:
    train: list[Line] = [
        {"epoch": 1, "step": 1, "id": 1.5, "supcon": 0.5, "total": 2.0, "id_weight": 1.0},
        {"epoch": 1, "step": 2, "id": 0.8, "supcon": 0.2, "total": 0.94, "id_weight": 0.925},
    ]
    found = panels(train, [])
    assert list(found) == ["losses", "weight"]
    assert found["weight"].caption == "Weight of the ID loss: from 1 to 0.925"
    assert "total loss, ID loss, SupCon loss over" in found["losses"].alt


def test_an_orientation_run_has_degrees_where_the_lowest_is_best() -> None:
    evals: list[Line] = [
        {"epoch": epoch, "median_error_deg": error, "share_within_30_deg": 0.5}
        for epoch, error in ((1, 20.0), (2, 7.5), (3, 9.0))
    ]
    found = panels([], evals)
    assert found["degrees"].caption == "Validation: best median error 7.5 degrees at epoch 2"
    assert "error (degrees)" in found["degrees"].svg.decode()
    assert list(found) == ["degrees"]


def test_nothing_logged_means_no_panels() -> None:
    assert panels([], []) == {}


def test_numbers_that_are_not_finite_leave_gaps() -> None:
    train: list[Line] = [
        {"epoch": 1, "step": 1, "total": math.nan, "lr": math.nan},
        {"epoch": 1, "step": 2, "total": math.inf, "lr": 0.0},
    ]
    found = panels(train, [{"epoch": 1, "map": math.nan}])
    assert found["losses"].caption == "Training losses: total loss from nan to nan"
    assert found["scores"].caption == "Validation: best mAP no finite value"
