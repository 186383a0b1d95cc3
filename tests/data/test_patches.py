import torch
from torch import Tensor

from vreid.data.patches import paste_patch

SIZE = (40, 60)


def _gradient() -> Tensor:
    """Each pixel says where it comes from: its row, its column, and that it was pasted."""
    rows = torch.arange(SIZE[0])[:, None].expand(SIZE)
    columns = torch.arange(SIZE[1])[None, :].expand(SIZE)
    return torch.stack([rows, columns, torch.full(SIZE, 255)]).byte()


def _paste(area: tuple[float, float] = (0.01, 0.16)) -> Tensor:
    return paste_patch(
        torch.zeros(3, *SIZE, dtype=torch.uint8), _gradient(), area=area, ratio=(0.1, 10.0)
    )


def test_a_patch_is_a_rectangle_of_the_donor_mirrored_or_turned_half_the_time() -> None:
    torch.manual_seed(0)
    kinds = {"plain": 0, "mirrored": 0, "turned": 0}
    for _ in range(300):
        pasted = _paste()
        inside = pasted[2] == 255
        rows, columns = inside.any(dim=1), inside.any(dim=0)
        patch = pasted[:, rows][:, :, columns].int()
        if not torch.equal(inside, rows[:, None] & columns[None, :]):
            kinds["turned"] += 1
            continue
        if patch.shape[1] < 4 or patch.shape[2] < 4:
            continue  # on so thin a patch a turn may show nothing
        down = patch[0].diff(dim=0)
        across = patch[1].diff(dim=1)
        if (down == 1).all() and (across == 1).all():
            kinds["plain"] += 1
        elif (down == 1).all() and (across == -1).all():
            kinds["mirrored"] += 1
        else:
            kinds["turned"] += 1
    assert 90 < kinds["turned"] < 170
    assert 40 < kinds["plain"] < 100
    assert 40 < kinds["mirrored"] < 100


def test_share_and_shape_keep_their_bounds_and_most_patches_are_tall() -> None:
    torch.manual_seed(1)
    shares, tall = [], 0
    for _ in range(300):
        inside = _paste()[2] > 0
        height, width = int(inside.any(dim=1).sum()), int(inside.any(dim=0).sum())
        assert 0 < height < SIZE[0] and 0 < width < SIZE[1]
        shares.append(height * width / (SIZE[0] * SIZE[1]))
        tall += height > width
    assert 0.005 < min(shares) < 0.03
    assert 0.13 < max(shares) < 0.18
    assert tall > 240


def test_places_reach_all_borders() -> None:
    torch.manual_seed(2)
    seen = torch.zeros(SIZE, dtype=torch.bool)
    for _ in range(300):
        seen |= _paste((0.05, 0.16))[2] > 0
    assert seen.float().mean() > 0.99


def test_where_no_size_fits_the_image_stays() -> None:
    torch.manual_seed(0)
    assert not _paste((1.0, 1.0)).any()
