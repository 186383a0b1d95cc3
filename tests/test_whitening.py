import numpy as np
import pytest

from vreid.errors import ConfigError, DataError
from vreid.features import FloatArray
from vreid.whitening import fit_whitening


def make(num: int, dim: int, seed: int = 0) -> FloatArray:
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=(num, dim)) @ rng.normal(size=(dim, dim)) + rng.normal(size=dim)
    return mixed.astype(np.float32)


def test_whitened_features_have_unit_covariance() -> None:
    feats = make(400, 6)
    white = fit_whitening(feats).apply(feats, renormalize=False).astype(np.float64)
    np.testing.assert_allclose(white.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(white.T @ white / 400, np.eye(6), atol=1e-4)
    assert white.shape == (400, 6)


def test_against_the_definition_on_another_set() -> None:
    feats, other = make(100, 5), make(9, 5, seed=1)
    found = fit_whitening(feats, num_dims=3, eps=0.1).apply(other, renormalize=False)
    wide = feats.astype(np.float64)
    mean = wide.sum(axis=0) / 100
    covariance = sum(np.outer(row - mean, row - mean) for row in wide) / 100
    values, vectors = np.linalg.eig(covariance)
    for axis, idx in enumerate(np.argsort(-values)[:3]):
        direction = vectors[:, idx]
        direction = direction if direction[np.abs(direction).argmax()] > 0 else -direction
        for row, feat in enumerate(other.astype(np.float64)):
            expected = direction @ (feat - mean) / np.sqrt(values[idx] + 0.1)
            assert found[row, axis] == pytest.approx(expected, abs=1e-4)


def test_results_have_length_one() -> None:
    feats = make(50, 4)
    whitening = fit_whitening(feats, num_dims=2)
    found, plain = whitening.apply(feats), whitening.apply(feats, renormalize=False)
    expected = plain / np.linalg.norm(plain, axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    mean = np.repeat(whitening.mean[None], 2, axis=0)
    assert np.isfinite(whitening.apply(mean.astype(np.float32))).all()


def test_blocks_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    feats = make(50, 4)
    whole = fit_whitening(feats).apply(feats)
    monkeypatch.setattr("vreid.whitening._BLOCK_VALUES", 12)
    np.testing.assert_allclose(fit_whitening(feats).apply(feats), whole, atol=1e-5)


def test_what_cannot_be_used_is_said() -> None:
    feats = make(50, 4)
    with pytest.raises(DataError, match="fitted on many images; there are 1"):
        fit_whitening(feats[:1])
    with pytest.raises(ConfigError, match="num_dims is 5; expected 1 to 4"):
        fit_whitening(feats, num_dims=5)
    with pytest.raises(ConfigError, match="eps is -1"):
        fit_whitening(feats, eps=-1)
    with pytest.raises(DataError, match="the 3 features vary along 2 axes only"):
        fit_whitening(feats[:3])
    assert np.isfinite(fit_whitening(feats[:3], eps=0.1).apply(feats)).all()
    assert fit_whitening(feats[:3], num_dims=2).axes.shape == (4, 2)
    with pytest.raises(DataError, match="the whitening was fitted on 4 columns"):
        fit_whitening(feats).apply(feats[:, :2])
