import numpy as np

from vreid.tracks.groups import first_images, group_tracks, members, num_tracks


def test_tracklets_are_numbered_by_their_first_images() -> None:
    track_idx = group_tracks(np.array([9, 2, 9, -1, 2, 0, -1]))
    assert track_idx.tolist() == [0, 1, 0, 2, 1, 3, 4]
    assert first_images(track_idx).tolist() == [0, 1, 3, 5, 6]
    assert num_tracks(track_idx) == 5
    assert [images.tolist() for images in members(track_idx)] == [[0, 2], [1, 4], [3], [5], [6]]


def test_all_unknown_one_track_and_no_images() -> None:
    assert group_tracks(np.array([-1, -1])).tolist() == [0, 1]
    assert group_tracks(np.array([4, 4])).tolist() == [0, 0]
    none = group_tracks(np.empty(0, dtype=np.int64))
    assert len(none) == num_tracks(none) == len(list(members(none))) == 0
