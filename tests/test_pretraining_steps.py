"""The losses of the pretraining, and what a batch of the stream becomes."""

import numpy as np
import pytest

from colornet.networks import build_network
from experiments.pretraining.optimization import build_optimizer
from experiments.pretraining.steps import (
    TensorFlowStep,
    color_loss,
    maps,
)
from tests.pretraining_runs import CONFIG as _CONFIG
from tests.pretraining_runs import batch_of

_STREAM = _CONFIG.stream


def test_a_step_has_the_loss_and_the_gradients_of_the_colours():
    config = _CONFIG.replace(loss="mse")
    model = build_network(config.model)
    optimizer = build_optimizer(config, model.trainable_variables)
    metrics = TensorFlowStep(model, optimizer, config)(batch_of(_STREAM, 0))
    values = {name: np.asarray(value) for name, value in metrics.items()}
    assert values["loss"] == pytest.approx(255**2 * values["final_mse"])
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


def test_batches_become_maps():
    batch = batch_of(_STREAM, 0)
    found = maps(batch)
    assert np.abs(found["chroma"]).max() <= 0.5 and found["mono"].dtype == "float32"
    moved = np.asarray(found["reference"])[:, :, 5:]
    np.testing.assert_array_equal(moved, batch["target"][:, :, :-5] / np.float32(255))
