"""The network against the same in Keras's own layers, with whole volumes."""

import numpy as np
import pytest
import tensorflow as tf

from colornet.config import ModelConfig
from colornet.model import build_colornet
from experiments.benchmarks.naive import naive_colornet

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    "attention", [True, pytest.param(False, marks=pytest.mark.slow)]
)
def test_outputs_gradients_and_moving_statistics_agree(attention):
    config = ModelConfig(n=3, max_disparity=64, attention=attention, bn_momentum=0.01)
    fast, naive = build_colornet(config), naive_colornet(config)
    for variable in fast.variables:
        noise = 0.1 * max(np.abs(variable).max(), 0.1)
        variable.assign(variable + noise * RNG.uniform(-1, 1, variable.shape))
    values = {variable.path: variable.numpy() for variable in fast.variables}
    assert values.keys() == {variable.path for variable in naive.variables}
    for variable in naive.variables:
        variable.assign(values[variable.path])

    inputs = {
        "mono": RNG.random((2, 96, 160, 1), np.float32),
        "reference": RNG.random((2, 96, 160, 3), np.float32),
    }
    target = RNG.uniform(-0.1, 0.1, (2, 96, 160, 2)).astype(np.float32)
    for training in (True, False):
        results = []
        for model in (fast, naive):
            variables = {v.path: v for v in model.trainable_variables}
            with tf.GradientTape() as tape:
                outputs = model(inputs, training=training)
                loss = 255**2 * tf.reduce_mean((outputs["chroma"] - target) ** 2)
            # A softmax does not see it: its gradient is rounding.
            del variables["l39_conv/bias"]
            gradients = tape.gradient(
                loss, [variables[k].value for k in sorted(variables)]
            )
            # Rounding decides at the corners of ReLU, and batch normalization amplifies
            # it on the way back: small tensors alone differ by percents.
            gradients = {"all": np.concatenate([np.ravel(g) for g in gradients])}
            if not training:
                gradients = {}
            state = {v.path: v.numpy() for v in model.non_trainable_variables}
            results.append({"outputs": outputs, "gradients": gradients, "state": state})
        for part, expected in results[1].items():
            limit = 5e-2 if part == "gradients" else 1e-3
            for name, value in expected.items():
                error = np.linalg.norm(results[0][part][name] - value)
                assert error < limit * np.linalg.norm(value), (training, part, name)
