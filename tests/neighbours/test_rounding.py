"""Centred features in the type of a product: to the nearest, and what that took from them."""

import numpy as np
import torch

from tests.neighbours.made import of_kind
from vreid.features import FloatArray
from vreid.neighbours.operand import make_operand
from vreid.neighbours.sets import FeatureSet, FeatureSets, feature_sets


def test_rounding_is_to_the_nearest_even() -> None:
    rng = np.random.default_rng(0)
    feats: FloatArray = rng.normal(size=(50, 40)).astype(np.float32)
    centres = (np.zeros(40, dtype=np.float32),)
    made = make_operand(feature_sets(feats[:5], feats[5:]), torch.bfloat16, centres=centres)
    assert torch.equal(made.right(0, 50)[:, :40], torch.from_numpy(feats).bfloat16())


def test_residuals_are_what_rounding_took() -> None:
    feats = of_kind("random", 60)
    made = make_operand(feature_sets(feats[:9], feats[9:]), torch.bfloat16)
    true = feats.astype(np.float64) - made.centres[0]
    lost = np.linalg.norm(true - made.right(0, 60)[:, :24].double().numpy(), axis=1)
    assert (made.bounds.residual >= lost).all()
    np.testing.assert_allclose(made.bounds.residual, lost, rtol=0.011)
    assert (made.bounds.norm >= np.linalg.norm(true, axis=1)).all()


def test_float32_rows_are_the_features_centred_and_scaled() -> None:
    feats = of_kind("offset", 60)
    sets = FeatureSets((FeatureSet(feats[:9], feats[9:], -0.25),))
    made = make_operand(sets, torch.float32)
    true = (feats.astype(np.float64) - made.centres[0]) / 2
    rows = made.right(0, 60).double().numpy()
    np.testing.assert_array_equal(rows[:, :24], true.astype(np.float32))
    np.testing.assert_allclose(rows[:, 24], -0.5 * (true**2).sum(axis=1), rtol=1e-6)
    np.testing.assert_array_equal(made.left(made.right(0, 60))[:, :24], true.astype(np.float32))
