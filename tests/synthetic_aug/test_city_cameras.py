"""Cameras: orientation convention, projection, crops, passages."""

from dataclasses import replace

import numpy as np
import pytest

from synthetic_aug.city.cameras import (
    Camera,
    Pose,
    crop_of,
    draw_cameras,
    orientation_of,
    project,
    studio_camera,
)
from synthetic_aug.city.passage import draw_passage
from synthetic_aug.city.places import PLACES
from synthetic_aug.city.sensor import draw_sensor


def _camera() -> Camera:
    return Camera(
        place=0,
        position=(0.0, -10.0, 5.0),
        target=(0.0, 0.0, 0.0),
        fov=40.0,
        daylight=0,
        sun_azimuth=0.0,
        sensor=draw_sensor(np.random.default_rng(0)),
    )


@pytest.mark.parametrize(
    ("heading", "orientation"), [(-90, 0), (0, 90), (90, 180), (180, 270), (-45, 45)]
)
def test_orientation_is_counter_clockwise_from_facing_the_camera(
    heading: float, orientation: float
) -> None:
    # The camera looks along +y, so a vehicle heading to +x drives to the right of the picture.
    pose = Pose(0.0, 0.0, np.radians(heading))
    assert orientation_of(_camera(), pose) == pytest.approx(orientation)


def test_projection_puts_right_to_the_right_and_up_to_the_top() -> None:
    target, right, up = project(_camera(), np.array([[0.0, 0, 0], [1, 0, 0], [0, 0, 1]]))
    assert np.allclose(target, 0)
    assert right[0] > 0.01 and abs(right[1]) < 1e-9
    assert up[1] < -0.01 and abs(up[0]) < 1e-9


def test_the_picture_s_edge_is_half_a_width_away() -> None:
    camera = _camera()
    reach = np.linalg.norm(camera.position) * np.tan(np.radians(camera.fov) / 2)
    assert project(camera, np.array([[reach, 0.0, 0.0]]))[0, 0] == pytest.approx(0.5)


@pytest.mark.parametrize("orientation", [0.0, 12.5, 90.0, 200.0, 359.0])
def test_studio_shows_the_asked_orientation(orientation: float) -> None:
    camera, pose = studio_camera(orientation, np.random.default_rng(1))
    difference = (orientation_of(camera, pose) - orientation + 180) % 360 - 180
    assert difference == pytest.approx(0, abs=1e-6)


def test_crops_are_loose_boxes_of_limited_size() -> None:
    rng = np.random.default_rng(2)
    points = rng.uniform([-2.2, -0.9, 0], [2.2, 0.9, 1.5], (500, 3))
    shares = []
    for _ in range(50):
        crop = crop_of(_camera(), points, 96, rng=rng)
        assert min(crop.columns, crop.rows) >= 16 and max(crop.columns, crop.rows) <= 96
        assert crop.columns / crop.rows == pytest.approx(crop.width / crop.height, rel=0.05)
        size = np.ptp(project(_camera(), points), axis=0)
        shares.append(size[0] * size[1] / (crop.width * crop.height))
    assert 0.7 < np.mean(shares) < 0.95


def test_flat_boxes_grow_about_their_middle() -> None:
    points = np.array([[x, 0.0, z] for x in (-6.0, 6.0) for z in (0.0, 0.3)])
    crop = crop_of(_camera(), points, 64, rng=np.random.default_rng(0))
    assert crop.rows == 16 and crop.width / crop.height == pytest.approx(
        crop.columns / 16, rel=0.02
    )
    middle = project(_camera(), points).mean(axis=0)
    assert crop.top + crop.height / 2 == pytest.approx(middle[1], abs=0.2 * crop.height)


def test_cameras_differ_and_share_places() -> None:
    cameras = draw_cameras(8, np.random.default_rng(0))
    assert len({camera.place for camera in cameras}) == 5
    assert len({camera.position for camera in cameras}) == 8
    assert len({camera.sensor for camera in cameras}) == 8
    assert all(5.0 <= camera.position[2] <= 9.5 for camera in cameras)
    assert cameras == draw_cameras(8, np.random.default_rng(0))


def test_passages_move_along_the_road_in_both_directions() -> None:
    camera = replace(_camera(), place=0)
    ways = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        passage = draw_passage(camera, 4, occluded=0.0, reach=2.3, rng=rng)
        steps = np.diff([[pose.x, pose.y] for pose in passage.poses], axis=0)
        heading = np.array([np.cos(passage.poses[1].yaw), np.sin(passage.poses[1].yaw)])
        assert (steps @ heading > 0.5).all()
        lane = min(PLACES[0].lanes, key=lambda y: abs(y - passage.poses[0].y))
        assert np.sign(-lane) == np.sign(heading[0])
        ways.append(bool(heading[0] > 0))
    assert len(set(ways)) == 2


def test_occluders_stand_between_camera_and_vehicle() -> None:
    camera = replace(_camera(), position=(0.0, -18.0, 6.0))
    for seed in range(30):
        rng = np.random.default_rng(seed)
        passage = draw_passage(camera, 3, occluded=1.0, reach=2.3, rng=rng)
        thing, pose = passage.bystanders[-1].pose, passage.poses[1]
        eye = np.array(camera.position[:2])
        at, vehicle = np.array([thing.x, thing.y]), np.array([pose.x, pose.y])
        ahead = (eye - vehicle) / np.linalg.norm(eye - vehicle)
        assert 0 < (at - vehicle) @ ahead < np.linalg.norm(eye - vehicle)
