"""The network against Table 1, typed from the paper, and against plain NumPy."""

import subprocess
import sys

import keras
import numpy as np
import pytest

from colornet.architecture import table1_rows
from colornet.config import VARIANTS, ModelConfig, TrainConfig
from colornet.errors import InputError
from colornet.model import build_colornet
from tests.numpy_colornet import NumpyColorNet

RNG = np.random.default_rng(0)


def _resnet(first, size, stride, channels, last):
    """17 layers with BN and ReLU, and the last one as given."""
    conv5 = f"5 x 5 conv, n feat.{stride}"
    rows = [(first, conv5, size, channels, "n")]
    rows += [
        (first + k, "3 x 3 conv, n feat.", size, "n", "n", first + k - 2)
        if k % 2 == 0
        else (first + k, "3 x 3 conv, n feat.", size, "n", "n")
        for k in range(1, 17)
    ]
    return rows + ([(first + 17, *last)] if last else [])


_HALF, _FULL = "h/2 x w/2 x n", "h x w x n"
_LAST = "3 x 3 conv, n feat., no BN/ReLU"
_CONV3 = "3-D conv, 3 x 3 x 3, "
_TRANS = "3 x 3 x 3 3-D trans conv, "


def _vol(k, channels):
    return f"h/{k} x w/{k} x d/{k} x {channels}"


# (layer, description, output, input channels, output channels[, added to layer])
TABLE_1 = [
    *_resnet(1, _HALF, ", stride 2", "1", (_LAST, _HALF, "n", "n")),
    (19, "3-D conv, 1 x 1 x 1, n feat., Sigmoid, no BN/ReLU", _vol(2, "n"), "2n", "n"),
    (20, "3-D conv, 1 x 1 x 1, 1 feat., Sigmoid, no BN/ReLU", "h/2 x w/2 x d/2",
     "n", "1"),
    (21, _CONV3 + "n feat.", _vol(2, "n"), "2n", "n"),
    (22, _CONV3 + "n feat.", _vol(2, "n"), "n", "n"),
    (23, _CONV3 + "2n feat., stride 2", _vol(4, "2n"), "n", "2n"),
    (24, _CONV3 + "2n feat.", _vol(4, "2n"), "2n", "2n"),
    (25, _CONV3 + "2n feat.", _vol(4, "2n"), "2n", "2n"),
    (26, _CONV3 + "2n feat., stride 2", _vol(8, "2n"), "2n", "2n"),
    (27, _CONV3 + "2n feat.", _vol(8, "2n"), "2n", "2n"),
    (28, _CONV3 + "2n feat.", _vol(8, "2n"), "2n", "2n"),
    (29, _CONV3 + "2n feat., stride 2", _vol(16, "2n"), "2n", "2n"),
    (30, _CONV3 + "2n feat.", _vol(16, "2n"), "2n", "2n"),
    (31, _CONV3 + "2n feat.", _vol(16, "2n"), "2n", "2n"),
    (32, _CONV3 + "2n feat., stride 2", _vol(32, "2n"), "2n", "2n"),
    (33, _CONV3 + "2n feat.", _vol(32, "2n"), "2n", "2n"),
    (34, _CONV3 + "2n feat.", _vol(32, "2n"), "2n", "2n"),
    (35, _TRANS + "2n feat., stride 2", _vol(16, "2n"), "2n", "2n", 31),
    (36, _TRANS + "2n feat., stride 2", _vol(8, "2n"), "2n", "2n", 28),
    (37, _TRANS + "2n feat., stride 2", _vol(4, "2n"), "2n", "2n", 25),
    (38, _TRANS + "n feat., stride 2", _vol(2, "n"), "2n", "n", 22),
    (39, _TRANS + "1 feat., stride 2, no BN/ReLU", "h x w x d", "n", "1"),
    *_resnet(40, _FULL, "", "1", (_LAST, _FULL, "n", "n")),
    *_resnet(58, _FULL, "", "1", (_LAST, _FULL, "n", "n")),
    *_resnet(76, _FULL, "", "2n",
             ("3 x 3 conv, 1 feat., no BN/ReLU", "h x w", "n", "1")),
]  # fmt: skip


def _parameters(row, n):
    """Kernel, and a bias where no batch normalization follows, else gamma and beta."""
    channels = {"1": 1, "n": n, "2n": 2 * n}
    inputs, outputs = channels[row[3]], channels[row[4]]
    side = int(row[1].replace("3-D conv, ", "")[0])
    taps = side ** (3 if "3-D" in row[1] else 2)
    return taps * inputs * outputs + outputs * (1 if "no BN" in row[1] else 2)


@pytest.mark.parametrize("n", [32, 5])
def test_built_network_is_table_1(n):
    built = table1_rows(n)
    assert [row.number for row in built] == list(range(1, 94))
    for row, typed in zip(built, TABLE_1, strict=True):
        assert (row.number, row.description, row.size) == typed[:3]
        assert row.added_to == (typed[5] if len(typed) > 5 else None), row
        assert row.parameters == _parameters(typed, n), row


def test_total_number_of_parameters():
    model = build_colornet()
    total = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    assert total == sum(_parameters(row, 32) for row in TABLE_1) == 2_422_723


@pytest.mark.parametrize(("height", "width"), [(64, 96), (96, 160)])
def test_sizes_and_order_of_layers(height, width):
    model = build_colornet(ModelConfig(n=2, max_disparity=64)).with_volumes()
    outputs = model.compute_output_shape(
        {"mono": (3, height, width, 1), "reference": (3, height, width, 3)}
    )
    assert outputs["chroma"] == outputs["rough_chroma"] == (3, height, width, 2)
    assert outputs["weights"] == (3, 64, height, width)
    assert outputs["attention"] == (3, 32, height // 2, width // 2)


@pytest.fixture(scope="module")
def pair():
    mono = RNG.random((1, 32, 64, 1), np.float32)
    return {"mono": mono, "reference": RNG.random((1, 32, 64, 3), np.float32)}


def assert_close(actual, expected, fraction):
    """The largest error is a small fraction of the largest value."""
    assert np.abs(actual - expected).max() < fraction * np.abs(expected).max()


def _randomize(model, seed=0):
    """Gives every variable a value that matters, moving statistics included."""
    rng = np.random.default_rng(seed)
    for variable in model.variables:
        value = np.asarray(variable)
        if variable.path.endswith(("moving_variance", "gamma")):
            variable.assign(rng.uniform(0.5, 1.5, value.shape))
        else:
            scale = max(np.abs(value).max(), 0.1)
            variable.assign(value + 0.3 * scale * rng.standard_normal(value.shape))
    return model


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"attention": False},
        {"rough": "soft_argmax"},
        {"border": "zero", "chroma_scale": 1.0},
        {"weight_normalization": "none", "bn_epsilon": 0.1},
    ],
)
def test_forward_equals_the_numpy_network(pair, changes):
    config = ModelConfig(n=3, max_disparity=32, **changes)
    model = _randomize(build_colornet(config))
    weights = {variable.path: np.asarray(variable) for variable in model.variables}
    outputs = model.with_volumes()(pair, training=False)
    twin = NumpyColorNet(weights, 32, **changes)
    expected = twin(pair["mono"][0], pair["reference"][0])
    spread = np.std(expected["chroma"] - expected["rough_chroma"])
    assert spread > 1e-4  # The residue takes part in the comparison.
    for name, value in expected.items():
        assert_close(outputs[name][0], value, 3e-3)
    if config.attention:
        assert_close(outputs["attention"][0], twin.a[..., 0], 3e-3)


def test_strided_layers_keep_a_ramp_in_place():
    """D-18: down by 16 with the centre tap and up by interpolation is the identity."""
    for axis in range(3):
        shape = [1, 32, 32, 32, 1]
        ramp = np.moveaxis(
            np.broadcast_to(np.arange(32.0, dtype=np.float32), (32, 32, 32)), 2, axis
        ).reshape(shape)
        centre = np.zeros((3, 3, 3, 1, 1), np.float32)
        centre[1, 1, 1] = 1
        tent = np.array([0.5, 1, 0.5], np.float32)
        tent = (tent[:, None, None] * tent[:, None] * tent)[..., None, None]
        x = ramp
        for _ in range(3):
            layer = keras.layers.Conv3D(1, 3, 2, "same", use_bias=False)
            layer.build(x.shape)
            layer.kernel.assign(centre)
            x = layer(x)
        for _ in range(3):
            layer = keras.layers.Conv3DTranspose(1, 3, 2, "same", use_bias=False)
            layer.build(x.shape)
            layer.kernel.assign(tent)
            x = layer(x)
        inside = (0, slice(7, 32), slice(7, 32), slice(7, 32), 0)
        np.testing.assert_allclose(np.asarray(x)[inside], ramp[inside], atol=1e-4)


@pytest.mark.parametrize("bn_statistics", ["moving", "batch"])
def test_views_with_statistics_of_their_own_are_those_of_resnet1(bn_statistics):
    config = ModelConfig(n=2, max_disparity=32, bn_statistics=bn_statistics)
    for kind, count in (("joint", 1), ("separate", 2)):
        model = build_colornet(config.replace(view_statistics=kind))
        for layer in model.layers:
            if layer.name.endswith("_bn"):
                row = int(layer.name[1:3])
                assert layer.parts == (count if row <= 17 else 1), layer.name


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_has_gradients_in_all_its_weights(pair, variant):
    import tensorflow as tf

    config = ModelConfig(n=2, max_disparity=32, residue_init="he", **VARIANTS[variant])
    model = build_colornet(config)
    # The bias of layer 39 moves all candidates alike, which a softmax does not see.
    watched = [v for v in model.trainable_variables if v.path != "l39_conv/bias"]
    with tf.GradientTape() as tape:
        outputs = model(pair, training=True)
        loss = tf.reduce_mean((outputs["chroma"] - 0.1) ** 2)
    gradients = tape.gradient(loss, [v.value for v in watched])
    for variable, gradient in zip(watched, gradients, strict=True):
        assert gradient is not None, variable.path
        assert np.isfinite(gradient).all() and np.abs(gradient).max() > 0, variable.path
    names = {layer.name for layer in model.layers}
    assert ("l19_conv" in names) == config.attention
    assert ("l93_conv" in names) == config.residue
    assert ("disparity" in outputs) == (config.rough == "soft_argmax")
    if not config.residue:
        assert (outputs["chroma"] == outputs["rough_chroma"]).numpy().all()


def test_training_starts_from_the_rough_colours(pair):
    outputs = build_colornet(ModelConfig(n=2, max_disparity=32))(pair, training=True)
    assert (outputs["chroma"] == outputs["rough_chroma"]).numpy().all()


def test_weights_do_not_depend_on_max_disparity(pair):
    model = _randomize(build_colornet(ModelConfig(n=2, max_disparity=32)))
    wider = model.with_config(max_disparity=64)
    assert wider.config.max_disparity == 64
    for mine, other in zip(model.get_weights(), wider.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, other)


@pytest.mark.parametrize(
    ("variant", "statistics"),
    [("full", "moving"), ("full", "batch"), ("no_weighted_average", "moving")],
)
def test_the_form_for_inference_is_the_network_with_any_d(pair, variant, statistics):
    config = ModelConfig(
        n=2, max_disparity=32, bn_statistics=statistics, **VARIANTS[variant]
    )
    model = _randomize(build_colornet(config))
    form = model.for_inference()
    normalizations = [layer.name for layer in form.layers if "_bn" in layer.name]
    assert bool(normalizations) == (statistics == "batch")
    for d in (32, 96):
        candidates = np.arange(d // 2, dtype=np.int32)
        found = form({**pair, "candidates": candidates}, training=False)
        expected = model.with_config(max_disparity=d).with_volumes()(pair)
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            assert_close(found[name], value, 1e-3)


def test_batch_statistics_are_those_of_training_and_leave_no_trace(pair):
    model = _randomize(build_colornet(ModelConfig(n=2, max_disparity=32)))
    before = model.get_weights()
    other = model.with_config(bn_statistics="batch")
    tested = other(pair, training=False)["chroma"]
    for mine, old in zip(other.get_weights(), before, strict=True):
        np.testing.assert_array_equal(mine, old)
    assert_close(tested, model(pair, training=True)["chroma"], 1e-4)
    assert np.abs(tested - model(pair, training=False)["chroma"]).max() > 1e-3


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_keeps_statistics_and_outputs_in_float32(pair, policy):
    config = ModelConfig(n=4, max_disparity=32)
    exact = _randomize(build_colornet(config))
    keras.config.set_dtype_policy(policy)
    try:
        mixed = build_colornet(config)
    finally:
        keras.config.set_dtype_policy("float32")
    mixed.set_weights(exact.get_weights())
    assert {variable.dtype for variable in mixed.variables} == {"float32"}
    half = policy.removeprefix("mixed_")
    assert mixed.get_layer("l22_conv").compute_dtype == half
    outputs, expected = mixed(pair, training=True), exact(pair, training=True)
    for name in ("chroma", "rough_chroma"):
        assert outputs[name].dtype == "float32"
        assert np.abs(outputs[name] - expected[name]).mean() < 0.02
    for mine, other in zip(mixed.variables, exact.variables, strict=True):
        if "moving" in mine.path:
            mine, other = np.asarray(mine), np.asarray(other)
            np.testing.assert_allclose(mine, other, atol=0.05, rtol=0.05)


def test_keras_file_gives_the_same_outputs_in_a_new_process(pair, tmp_path):
    model = _randomize(
        build_colornet(ModelConfig(n=2, max_disparity=32, border="zero"))
    )
    model.save(tmp_path / "model.keras")
    np.savez(tmp_path / "pair.npz", **pair)
    program = """
import sys, numpy as np, colornet
model = colornet.load_model(sys.argv[1])
assert model.config.border == "zero"
pair = dict(np.load(sys.argv[2]))
np.save(sys.argv[3], model(pair, training=False)["chroma"])
"""
    paths = [tmp_path / name for name in ("model.keras", "pair.npz", "out.npy")]
    subprocess.run([sys.executable, "-c", program, *paths], check=True)
    expected = np.asarray(model(pair, training=False)["chroma"])
    np.testing.assert_array_equal(np.load(paths[2]), expected)


@pytest.mark.slow
def test_jax_builds_runs_and_takes_a_gradient_step_without_tensorflow(pair, tmp_path):
    model = _randomize(build_colornet(ModelConfig(n=2, max_disparity=32)))
    from colornet.weights import save_weights

    save_weights(model, tmp_path / "weights.npz")
    np.savez(tmp_path / "pair.npz", **pair)
    program = """
import os, sys
os.environ["KERAS_BACKEND"] = "jax"
import numpy as np, jax, colornet
model = colornet.load_model(sys.argv[1])
pair = dict(np.load(sys.argv[2]))
np.save(sys.argv[3], model(pair, training=False)["chroma"])

from colornet.config import TrainConfig
from colornet.training.losses import build_optimizer, training_loss
config = TrainConfig(model=model.config)
optimizer = build_optimizer(config, model.trainable_variables)
target = {"chroma": np.zeros((1, 32, 64, 2), np.float32)}
state = [v.value for v in model.non_trainable_variables]

@jax.jit
def loss_of(trainable):
    outputs, _ = model.stateless_call(trainable, state, pair, training=True)
    return training_loss(outputs, target, config.loss)

weights = [v.value for v in model.trainable_variables]
before, gradients = jax.value_and_grad(loss_of)(weights)
moments = [v.value for v in optimizer.variables]
weights, _ = optimizer.stateless_apply(moments, gradients, weights)
assert loss_of(weights) < before, (loss_of(weights), before)
assert "tensorflow" not in sys.modules
"""
    paths = [tmp_path / name for name in ("weights.npz", "pair.npz", "out.npy")]
    subprocess.run([sys.executable, "-c", program, *paths], check=True)
    expected = np.asarray(model(pair, training=False)["chroma"])
    assert_close(np.load(paths[2]), expected, 1e-3)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"max_disparity": 48}, "48"),
        ({"n": 0}, "n must"),
        ({"chroma_scale": 0.0}, "chroma_scale must be above 0"),
        ({"chroma_scale": float("inf")}, "chroma_scale must be a finite number"),
        ({"bn_momentum": 1.5}, "bn_momentum must be at least 0 and below 1"),
        ({"bn_momentum": float("nan")}, "Received: nan"),
        ({"bn_epsilon": -1.0}, "bn_epsilon must be above 0"),
        ({"border": "wrap"}, "wrap"),
        ({"rough": "soft_argmax", "weight_normalization": "none"}, "none"),
    ],
)
def test_a_configuration_that_cannot_be_says_so(changes, named):
    with pytest.raises(InputError, match=named):
        ModelConfig(**changes)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"seed": 2**32}, "seed must"),
        ({"learning_rate": -1.0}, "above 0"),
        ({"rho": 1.0}, "rho must be at least 0 and below 1"),
    ],
)
def test_a_training_that_cannot_be_says_so(changes, named):
    with pytest.raises(InputError, match=named):
        TrainConfig(**changes)
