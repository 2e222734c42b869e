"""The losses of the pretraining, and what a batch of the stream becomes."""

import numpy as np
import pytest

from colornet.networks import build_network
from experiments.pretraining.optimization import build_optimizer
from experiments.pretraining.steps import TensorFlowStep, maps
from tests.pretraining_runs import CONFIG as _CONFIG
from tests.pretraining_runs import batch_of

_STREAM = _CONFIG.stream


def test_a_step_has_the_loss_and_the_gradients_of_the_colours():
    model = build_network(_CONFIG.model)
    optimizer = build_optimizer(_CONFIG, model.trainable_variables)
    metrics = TensorFlowStep(model, optimizer, _CONFIG)(batch_of(_STREAM, 0))
    values = {name: np.asarray(value) for name, value in metrics.items()}
    assert values["loss"] == pytest.approx(255**2 * values["final_mse"])
    # After one step the mean square is a tenth of the gradient's.
    slots = [v for v in optimizer.variables if "velocity" in v.path]
    squares = [float(np.sum(np.asarray(v))) for v in slots]
    np.testing.assert_allclose(
        values["gradient_norms"], np.sqrt(10 * np.array(squares)), rtol=1e-3
    )


def test_batches_become_maps():
    batch = batch_of(_STREAM, 0)
    found = maps(batch)
    red, green, blue = np.moveaxis(batch["target"] / 255.0, -1, 0)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    chroma = np.stack([(blue - luma) / 1.772, (red - luma) / 1.402], axis=-1)
    np.testing.assert_allclose(found["chroma"], chroma, atol=1e-6)
    np.testing.assert_array_equal(found["mono"], batch["mono"] / np.float32(255))
    moved = np.asarray(found["reference"])[:, :, 5:]
    np.testing.assert_array_equal(moved, batch["target"][:, :, :-5] / np.float32(255))
