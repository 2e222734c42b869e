"""The losses of the pretraining, and what a batch of the stream becomes."""

import math

import numpy as np
import pytest

from colornet.networks import build_network
from experiments.pretraining.optimization import build_optimizer
from experiments.pretraining.steps import (
    TensorFlowStep,
    color_loss,
    maps,
    matching_loss,
)
from tests.pretraining_runs import CONFIG as _CONFIG
from tests.pretraining_runs import batch_of

_STREAM = _CONFIG.stream


def test_the_loss_weighs_its_parts():
    config = _CONFIG.replace(disparity_weight=3.0)
    model = build_network(config.model)
    optimizer = build_optimizer(config, model.trainable_variables)
    metrics = TensorFlowStep(model, optimizer, config)(
        batch_of(_STREAM, 0), np.float32(3)
    )
    values = {name: np.asarray(value) for name, value in metrics.items()}
    expected = 255**2 * values["final_mse"] + 3 * values["matching_loss"]
    assert values["loss"] == pytest.approx(expected)
    # After one step the mean square is a tenth of the gradient's.
    slots = [v for v in optimizer.variables if "velocity" in v.path]
    squares = [float(np.sum(np.asarray(v))) for v in slots]
    np.testing.assert_allclose(
        values["gradient_norms"], np.sqrt(10 * np.array(squares)), rtol=1e-3
    )


def test_the_loss_of_the_colours_is_that_of_levels_or_its_logarithm():
    rng = np.random.default_rng(0)
    truth, prediction = rng.uniform(-0.5, 0.5, (2, 3, 4, 5, 2)).astype(np.float32)
    prediction[0] = truth[0]
    errors = [
        np.mean((255.0 * (p - t)) ** 2) for p, t in zip(prediction, truth, strict=True)
    ]
    found = float(color_loss(prediction, truth, "mse"))
    assert found == pytest.approx(np.mean(errors), rel=1e-5)
    found = float(color_loss(prediction, truth, "log_mse"))
    assert found == pytest.approx(np.mean(np.log(np.add(errors, 1 / 12))), rel=1e-5)


def test_the_matching_loss_is_the_surprise_at_the_true_disparity():
    rng = np.random.default_rng(0)
    weights = rng.dirichlet(np.ones(8), (2, 3, 4)).transpose(0, 3, 1, 2)
    weights = weights.astype(np.float32)
    disparity = rng.uniform(0, 7, (2, 3, 4)).astype(np.float32)
    disparity[0, 0] = -1
    disparity[1, 2, 3] = 7
    terms = []
    for b, j, i in np.argwhere(disparity >= 0):
        k, part = divmod(float(disparity[b, j, i]), 1)
        at = weights[b, :, j, i]
        between = (1 - part) * at[int(k)] + (part and part * at[int(k) + 1])
        terms.append(-math.log(between))
    found = float(matching_loss(weights, disparity))
    assert found == pytest.approx(np.mean(terms), rel=1e-4)
    assert float(matching_loss(weights, np.full_like(disparity, -1))) == 0
    assert np.isfinite(float(matching_loss(-weights, disparity)))


def test_batches_become_maps():
    batch = batch_of(_STREAM, 0)
    found = maps(batch)
    disparity = np.asarray(found["disparity"])
    assert (disparity[:, :, :-5] == 5).all() and (disparity[:, :, -5:] == -1).all()
    moved = np.asarray(found["reference"])[:, :, 5:]
    np.testing.assert_array_equal(moved, batch["target"][:, :, :-5] / np.float32(255))
