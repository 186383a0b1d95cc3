import torch

from vreid.models.heads import BNNeck, CosineClassifier, build_classifier


def test_neck_starts_as_plain_normalisation_and_keeps_its_shift() -> None:
    neck = BNNeck(5)
    assert torch.equal(neck.weight, torch.ones(5)) and torch.equal(neck.bias, torch.zeros(5))
    assert neck.weight.requires_grad and not neck.bias.requires_grad
    feats = torch.randn(16, 5) * 3 + 2
    expected = (feats - feats.mean(dim=0)) / (feats.var(dim=0, correction=0) + 1e-5).sqrt()
    torch.testing.assert_close(neck(feats), expected)


def test_neck_computes_in_float32_under_autocast() -> None:
    neck = BNNeck(5).eval()
    with torch.autocast("cpu", torch.bfloat16):
        assert neck(torch.randn(4, 5).bfloat16()).dtype == torch.float32


def test_classifier_starts_small_and_has_no_shift() -> None:
    torch.manual_seed(0)
    classifier = build_classifier(512, 100)
    assert classifier.bias is None
    assert classifier.weight.shape == (100, 512)
    assert 0.0009 < classifier.weight.std() < 0.0011


def test_cosine_classifier_by_its_formula() -> None:
    classifier = build_classifier(6, 3, cosine=True)
    assert isinstance(classifier, CosineClassifier) and classifier.bias is None
    feats = 7 * torch.randn(4, 6)
    lengths = feats.norm(dim=1)[:, None] * classifier.weight.norm(dim=1)[None, :]
    torch.testing.assert_close(classifier(feats), feats @ classifier.weight.T / lengths)


def test_cosine_classifier_computes_in_float32_under_autocast() -> None:
    classifier, feats = CosineClassifier(6, 3), torch.randn(4, 6)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(classifier(feats), classifier(feats.float()))
        assert classifier(feats.bfloat16()).dtype == torch.float32
