import torch

from vreid.data.erasing import erase_with_noise

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def test_the_noise_is_normal_after_normalisation() -> None:
    torch.manual_seed(0)
    image = torch.zeros(3, 200, 200, dtype=torch.uint8)
    erased = erase_with_noise(image, area=(0.6, 0.6), ratio=(1.0, 1.0), mean=MEAN, std=STD)
    assert not image.any()
    inside = (erased > 0).any(dim=0)
    rows, columns = inside.any(dim=1), inside.any(dim=0)
    assert rows.sum() == columns.sum() == 155  # the root of 0.6 times 200
    square = erased[:, rows][:, :, columns]
    values = square.flatten(1).float() / 255
    normalised = (values - torch.tensor(MEAN)[:, None]) / torch.tensor(STD)[:, None]
    # Of a standard normal: the median and the two quartiles, which cutting off leaves alone.
    found = normalised.quantile(torch.tensor([0.25, 0.5, 0.75]), dim=1)
    expected = torch.tensor([-0.6745, 0.0, 0.6745])[:, None].expand(3, 3)
    torch.testing.assert_close(found, expected, atol=0.03, rtol=0)
    cut_off = (square == 0).float().mean(dim=(1, 2))  # phi of -mean / std: 1.7, 2.1 and 3.6 %
    torch.testing.assert_close(cut_off, torch.tensor([0.017, 0.021, 0.036]), atol=0.006, rtol=0)
    neighbours = torch.corrcoef(torch.stack([values[0, :-1], values[0, 1:]]))[0, 1]
    assert neighbours.abs() < 0.03


def test_where_nothing_fits_the_image_stays() -> None:
    torch.manual_seed(0)
    image = torch.randint(0, 256, (3, 8, 8), dtype=torch.uint8)
    erased = erase_with_noise(image, area=(1.0, 1.0), ratio=(1.0, 1.0), mean=MEAN, std=STD)
    assert torch.equal(erased, image)
