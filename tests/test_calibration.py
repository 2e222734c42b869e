"""Calibrated statistics against plain NumPy."""

import numpy as np
import pytest

from colornet.color import rgb_to_luma
from colornet.config import ModelConfig
from colornet.errors import InputError
from colornet.model import build_colornet
from colornet.training.calibration import calibrate_statistics
from tests.numpy_colornet import convolution


@pytest.fixture(scope="module")
def model():
    model = build_colornet(ModelConfig(n=2, max_disparity=32))
    rng = np.random.default_rng(0)
    # Other than at the start, where gamma is 1 and beta 0.
    for variable in model.trainable_variables:
        noise = rng.normal(0, 0.1, variable.shape)
        variable.assign(np.asarray(variable) + noise)
    return model


def batches(count, size=2):
    rng = np.random.default_rng(1)
    for _ in range(count):
        level = rng.random()  # Pictures of different brightness.
        yield {
            "mono": (level * rng.random((size, 32, 64, 1))).astype(np.float32),
            "reference": (level * rng.random((size, 32, 64, 3))).astype(np.float32),
        }


def values_of(model):
    return {v.path: np.array(v) for v in model.variables}


def convolved(maps, kernel, stride):
    return np.stack([convolution(x, kernel, stride) for x in maps])


def batch_normalized(x, weights, row):
    mean, variance = x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))
    gamma, beta = weights[f"{row}_bn/gamma"], weights[f"{row}_bn/beta"]
    return np.maximum(gamma * (x - mean) / np.sqrt(variance + 1e-3) + beta, 0)


def test_statistics_are_those_of_all_batches_as_one(model):
    before = values_of(model)
    assert calibrate_statistics(model, batches(3)) == 3
    after = values_of(model)
    features = {"l01": [], "l02": [], "l58": []}
    for batch in batches(3):
        views = [batch["mono"], rgb_to_luma(batch["reference"])]
        x = convolved(np.concatenate(views), before["l01_conv/kernel"], 2)
        features["l01"].append(x)
        x = batch_normalized(x, before, "l01")
        features["l02"].append(convolved(x, before["l02_conv/kernel"], 1))
        x = convolved(batch["mono"], before["l58_conv/kernel"], 1)
        features["l58"].append(x)
    for row, values in features.items():
        pixels = np.concatenate(values).reshape(-1, 2)
        mean, variance = pixels.mean(axis=0), pixels.var(axis=0)
        np.testing.assert_allclose(
            after[f"{row}_bn/moving_mean"], mean, rtol=1e-4, atol=1e-5
        )
        np.testing.assert_allclose(
            after[f"{row}_bn/moving_variance"], variance, rtol=1e-3, atol=1e-6
        )
    changed = {p for p in before if not np.array_equal(before[p], after[p])}
    statistics = {path for path in before if "/moving_" in path}
    assert changed == statistics


def test_a_network_is_then_right_for_what_it_was_calibrated_with(model):
    (batch,) = batches(1)
    calibrate_statistics(model, [batch])
    moving = model(batch, training=False)["chroma"]
    own = model.with_config(bn_statistics="batch")(batch, training=False)["chroma"]
    np.testing.assert_allclose(moving, own, atol=1e-4)


def test_no_batches_and_broken_ones_are_refused(model):
    before = values_of(model)
    with pytest.raises(InputError, match="Received: none"):
        calibrate_statistics(model, [])
    (batch,) = batches(1)
    with pytest.raises(InputError, match="statistics of l01_bn"):
        calibrate_statistics(model, [{**batch, "mono": batch["mono"] * np.nan}])
    after = values_of(model)
    assert all(np.array_equal(before[path], after[path]) for path in before)
