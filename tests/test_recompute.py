"""What is computed again must be what was there before."""

import numpy as np
import pytest
import tensorflow as tf

from colornet.config import VARIANTS, ModelConfig
from colornet.model import build_colornet
from colornet.training.recompute import RecomputingNetwork

RNG = np.random.default_rng(0)


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["full", "no_attention", "stereo_matching"])
def test_outputs_gradients_and_moving_statistics_are_the_same(variant):
    config = ModelConfig(n=2, max_disparity=32, residue_init="he", **VARIANTS[variant])
    plain, other = build_colornet(config), build_colornet(config)
    other.set_weights(plain.get_weights())
    inputs = {
        "mono": tf.constant(RNG.random((2, 64, 96, 1), np.float32)),
        "reference": tf.constant(RNG.random((2, 64, 96, 3), np.float32)),
    }
    results = []
    for model, forward in (
        (plain, lambda x: plain(x, training=True)),
        (other, RecomputingNetwork(other)),
    ):
        variables = [v.value for v in model.trainable_variables]

        @tf.function
        def step(inputs, forward=forward, variables=variables):
            with tf.GradientTape() as tape:
                outputs = forward(inputs)
                loss = tf.reduce_mean((outputs["chroma"] - 0.1) ** 2)
            return outputs, tape.gradient(loss, variables)

        outputs, gradients = step(inputs)
        results.append((outputs, gradients, model.non_trainable_variables))
    (outputs, gradients, moving), (outputs2, gradients2, moving2) = results
    assert outputs.keys() == outputs2.keys()
    for name, value in outputs.items():
        np.testing.assert_allclose(outputs2[name], value, atol=1e-4, rtol=1e-4)
    total = np.sqrt(sum(np.square(g).sum() for g in gradients if g is not None))
    assert total > 0
    for mine, expected in zip(gradients2, gradients, strict=True):
        assert (mine is None) == (expected is None)
        if mine is not None:
            norm = max(np.linalg.norm(expected), 1e-3 * total)
            assert np.linalg.norm(mine - expected) < 0.02 * norm
    for mine, expected in zip(moving2, moving, strict=True):
        np.testing.assert_allclose(mine, expected, rtol=1e-3, atol=1e-5)


def test_what_is_kept():
    """Of the volumes the results of convolutions, and what skips add."""
    model = build_colornet(ModelConfig(n=2, max_disparity=32))
    kept = RecomputingNetwork(model).kept
    skips = {"l22_relu", "l25_relu", "l28_relu", "l31_relu"}
    volumes = {name for name in kept if "l19" <= name < "l40"}
    assert {name for name in volumes if name.endswith(("_bn", "_relu"))} == skips
    assert {"l22_conv", "l38_conv", "l44_add", "l62_add", "l80_add"} <= kept
    assert not {"feature_volume", "l19_conv", "attention_volume", "l21_conv"} & kept
