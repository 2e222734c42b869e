"""The learned comparison methods against their papers and against plain NumPy."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from skimage.color import rgb2lab

from colornet.color import rgb_to_chroma
from colornet.config import ModelConfig, TrainConfig
from colornet.errors import InputError
from colornet.networks import build_network
from colornet.registry import network_config
from colornet.training.loop import Trainer, make_strategy
from colornet.training.run import Reporting
from colornet.weights import load_model, save_weights
from experiments.evaluation.predictors import Evaluation
from experiments.evaluation.scoring import evaluate
from experiments.methods import networks
from experiments.methods.networks.config import MethodConfig
from experiments.methods.networks.quantization import rebalancing_weights, soft_encode
from tfrecords_tools.sources.embedded import Embedded
from tfrecords_tools.writer import write_records

RNG = np.random.default_rng(0)


def tiny(name):
    return MethodConfig(name, width=1 / 8, global_size=64)


@pytest.fixture(scope="module")
def models():
    """Of each method a small network with fresh weights."""
    keras.utils.set_random_seed(0)
    return {name: build_network(tiny(name)) for name in networks.names()}


@pytest.fixture(scope="module")
def batch():
    """A picture of two colours, seen from 3 pixels further left as the reference."""
    colors = np.array([[0.8, 0.3, 0.2], [0.2, 0.4, 0.7]], np.float32)
    which = (RNG.random((1, 8, 17)) > 0.5).astype(int).repeat(4, 1).repeat(4, 2)
    shade = RNG.uniform(0.7, 1, (1, 32, 68, 1)).astype(np.float32)
    rgb = colors[which] * shade
    mono, reference = rgb[:, :, 3:67], rgb[:, :, :64]
    return {
        "mono": mono @ np.array([[0.299], [0.587], [0.114]], np.float32),
        "reference": reference,
        "chroma": rgb_to_chroma(mono),
    }


# The networks, against tables typed from the papers


# Name, kernel, stride, dilation, filters. Zhang et al., as released.
ZHANG = [
    ("conv1_1", 3, 1, 1, 64), ("conv1_2", 3, 2, 1, 64),
    ("conv2_1", 3, 1, 1, 128), ("conv2_2", 3, 2, 1, 128),
    ("conv3_1", 3, 1, 1, 256), ("conv3_2", 3, 1, 1, 256), ("conv3_3", 3, 2, 1, 256),
    ("conv4_1", 3, 1, 1, 512), ("conv4_2", 3, 1, 1, 512), ("conv4_3", 3, 1, 1, 512),
    ("conv5_1", 3, 1, 2, 512), ("conv5_2", 3, 1, 2, 512), ("conv5_3", 3, 1, 2, 512),
    ("conv6_1", 3, 1, 2, 512), ("conv6_2", 3, 1, 2, 512), ("conv6_3", 3, 1, 2, 512),
    ("conv7_1", 3, 1, 1, 512), ("conv7_2", 3, 1, 1, 512), ("conv7_3", 3, 1, 1, 512),
    ("conv8_1", 4, 2, 1, 256), ("conv8_2", 3, 1, 1, 256), ("conv8_3", 3, 1, 1, 256),
    ("conv8_313", 1, 1, 1, 313),
]  # fmt: skip
# Iizuka et al., Table 1 (a) to (d).
IIZUKA = [
    ("low1", 3, 2, 1, 64), ("low2", 3, 1, 1, 128), ("low3", 3, 2, 1, 128),
    ("low4", 3, 1, 1, 256), ("low5", 3, 2, 1, 256), ("low6", 3, 1, 1, 512),
    ("global1", 3, 2, 1, 512), ("global2", 3, 1, 1, 512),
    ("global3", 3, 2, 1, 512), ("global4", 3, 1, 1, 512),
    ("mid1", 3, 1, 1, 512), ("mid2", 3, 1, 1, 256),
    ("fusion_conv", 1, 1, 1, 256), ("color1", 3, 1, 1, 128),
    ("color2", 3, 1, 1, 64), ("color3", 3, 1, 1, 64),
    ("color4", 3, 1, 1, 32), ("color5", 3, 1, 1, 2),
]  # fmt: skip
# He et al., the colorization sub-network, as released.
HE = [
    ("conv1_1", 3, 1, 1, 32), ("conv1_2", 3, 1, 1, 64), ("conv1_3", 3, 1, 1, 64),
    ("conv2_1", 3, 1, 1, 128), ("conv2_2", 3, 1, 1, 128),
    ("conv3_1", 3, 1, 1, 256), ("conv3_2", 3, 1, 1, 256), ("conv3_3", 3, 1, 1, 256),
    ("conv4_1", 3, 1, 1, 512), ("conv4_2", 3, 1, 1, 512), ("conv4_3", 3, 1, 1, 512),
    ("conv5_1", 3, 1, 2, 512), ("conv5_2", 3, 1, 2, 512), ("conv5_3", 3, 1, 2, 512),
    ("conv6_1", 3, 1, 2, 512), ("conv6_2", 3, 1, 2, 512), ("conv6_3", 3, 1, 2, 512),
    ("conv7_1", 3, 1, 1, 512), ("conv7_2", 3, 1, 1, 512), ("conv7_3", 3, 1, 1, 512),
    ("conv8_1", 4, 2, 1, 256), ("conv8_2", 3, 1, 1, 256), ("conv8_3", 3, 1, 1, 256),
    ("conv9_1", 4, 2, 1, 128), ("conv9_2", 3, 1, 1, 128),
    ("conv10_1", 4, 2, 1, 128), ("conv10_2", 3, 1, 1, 128), ("conv10_ab", 1, 1, 1, 2),
    ("conv3_short", 3, 1, 1, 256), ("conv2_short", 3, 1, 1, 128),
    ("conv1_short", 3, 1, 1, 128),
]  # fmt: skip
TABLES = {"zhang": ZHANG, "iizuka": IIZUKA, "furusawa": IIZUKA, "he": HE}
# Inputs that are not the outputs of the row above.
INPUTS = {
    "zhang": {"conv1_1": 1},
    "iizuka": {"low1": 1, "mid1": 512, "fusion_conv": 256 + 256},
    "furusawa": {"low1": 1, "mid1": 512, "fusion_conv": 256 + 256 + 216},
    "he": {"conv1_1": 13, "conv3_short": 256, "conv2_short": 128, "conv1_short": 64},
}
NORMALIZED = ("low", "global", "mid", "color")
# Fully connected layers of the global features, of 7x7 pixels of a 224x224 picture.
DENSE = [(7 * 7 * 512, 1024), (1024, 512), (512, 256)]


def _parameters(name):
    """Of kernels, and biases or what batch normalization has in their place."""
    count, inputs = 0, None
    for layer, kernel, _, _, filters in TABLES[name]:
        inputs = INPUTS[name].get(layer, inputs)
        normalized = layer.startswith(NORMALIZED) and layer != "color5"
        count += kernel**2 * inputs * filters + filters * (2 if normalized else 1)
        inputs = filters
    if name in ("iizuka", "furusawa"):
        count += sum((inputs + 1) * units for inputs, units in DENSE)
    if name == "he":
        count += 64 + 128 + 256  # one factor a channel where the size is halved
    return count


@pytest.mark.parametrize("name", networks.names())
def test_layers_are_those_of_the_paper(name):
    with keras.StatelessScope():  # Shapes only.
        model = build_network(MethodConfig(name))
    top = model.get_layer("colorization") if name == "he" else model
    built = {
        layer.name: (
            layer.name,
            layer.kernel_size[0],
            layer.strides[0],
            layer.dilation_rate[0],
            layer.filters,
        )
        for layer in top.layers
        if isinstance(layer, (keras.layers.Conv2D, keras.layers.Conv2DTranspose))
    }
    assert built == {row[0]: row for row in TABLES[name]}
    total = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    assert total == _parameters(name)


# The networks at work


def test_the_loss_of_zhang(batch):
    model = build_network(tiny("zhang"))
    logits = RNG.normal(size=(1, 8, 16, 313)).astype(np.float32)
    loss = float(model.training_loss({"logits": tf.constant(logits)}, batch))
    luma, blue, red = (
        plane[0, ::4, ::4]
        for plane in (batch["mono"][..., 0], *np.moveaxis(batch["chroma"], -1, 0))
    )
    rgb = [luma + 1.402 * red, 0, luma + 1.772 * blue]
    rgb[1] = (luma - 0.299 * rgb[0] - 0.114 * rgb[2]) / 0.587
    truth = np.clip(np.stack(rgb, -1), 0, 1)
    encoded = np.asarray(soft_encode(tf.constant(rgb2lab(truth)[..., 1:], "float32")))
    prior = 0.99 / 313 + 0.01 * encoded.mean((0, 1))
    np.testing.assert_allclose(model.prior, prior, atol=1e-5)
    weights = np.asarray(rebalancing_weights(tf.constant(prior, "float32")))
    probability = np.exp(logits[0]) / np.exp(logits[0]).sum(-1, keepdims=True)
    total = 0
    for j, i in np.ndindex(8, 16):
        entropy = -(encoded[j, i] * np.log(probability[j, i])).sum()
        total += weights[encoded[j, i].argmax()] * entropy
    assert loss == pytest.approx(total / (8 * 16), rel=1e-3)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name == "he" else [])
        for name in networks.names()
    ],
)
def test_training_on_one_batch(name, batch):
    keras.utils.set_random_seed(1)
    model = build_network(tiny(name))
    optimizer = keras.optimizers.RMSprop(0.001)
    optimizer.build(model.trainable_variables)
    tensors = {key: tf.constant(value) for key, value in batch.items()}
    views = {key: tensors[key] for key in ("mono", "reference")}

    @tf.function(autograph=False)
    def step():
        with tf.GradientTape() as tape:
            outputs = model(views, training=True)
            loss = model.training_loss(outputs, tensors)
        values = [v.value for v in model.trainable_variables]
        gradients = tape.gradient(loss, values)
        optimizer.apply(gradients, model.trainable_variables)
        return outputs, loss, gradients

    outputs, first, gradients = step()
    assert first > 0
    assert outputs["chroma"].shape == (1, 32, 64, 2)
    assert outputs["chroma"].dtype == "float32"
    assert np.abs(outputs["chroma"]).max() <= 0.5 + 1e-6
    for variable, gradient in zip(model.trainable_variables, gradients, strict=True):
        assert gradient is not None, variable.path
        assert np.isfinite(gradient).all(), variable.path
    # A ReLU or two may be dead from the start, not more.
    moved = [np.abs(gradient).max() > 0 for gradient in gradients]
    assert np.mean(moved) > 0.9
    losses = [float(step()[1]) for _ in range(30)]
    assert np.mean(losses[-5:]) < 0.9 * float(first), (first, losses)
    if name == "zhang":
        prior = np.asarray(model.prior)
        assert prior.sum() == pytest.approx(1, abs=1e-4)
        assert prior.max() > 2 / 313  # The picture has two colours.


def test_both_branches_of_hes_loss(models, batch):
    model = models["he"]
    views = {key: batch[key] for key in ("mono", "reference")}
    outputs = model(views, training=False)
    truth, chroma = batch["chroma"], np.asarray(outputs["chroma"])
    rows, columns = np.moveaxis(np.asarray(outputs["round_trip"])[0], -1, 0)
    garbled = truth[:, rows, columns]
    assert 0 < np.mean(garbled != truth) < 0.9
    seen = [*map(tf.constant, (batch["mono"], garbled)), outputs["similarities"]]
    restored = model.get_layer("colorization")(seen, training=True)

    def smooth_l1(prediction, expected):
        errors = np.abs(255 * (prediction - expected)).ravel()
        return np.mean([0.5 * e**2 if e < 1 else e - 0.5 for e in errors])

    def cells(maps):
        return maps.reshape(1, 2, 16, 4, 16, 2).mean(axis=(2, 4))

    expected = smooth_l1(np.asarray(restored), truth)
    expected += smooth_l1(cells(chroma), cells(truth))
    loss = float(model.training_loss(outputs, batch))
    assert loss == pytest.approx(expected, rel=1e-3)


def test_the_reference_matters_to_two_methods_only(models, batch):
    views = {key: batch[key] for key in ("mono", "reference")}
    other = {**views, "reference": batch["reference"][..., ::-1]}
    for name, sees in (("zhang", 0), ("iizuka", 0), ("furusawa", 1), ("he", 1)):
        model = models[name]
        pairs = [model(v, training=False)["chroma"] for v in (views, other)]
        assert np.any(pairs[0] != pairs[1]) == sees, name


@pytest.mark.slow
def test_jax_gives_the_same_results(models, batch, tmp_path):
    views = {name: batch[name] for name in ("mono", "reference")}
    np.savez(tmp_path / "views.npz", **views)
    expected = {}
    for name, model in models.items():
        save_weights(model, tmp_path / f"{name}.npz")
        expected[name] = np.asarray(model(views, training=False)["chroma"])
    program = """
import os, sys
os.environ["KERAS_BACKEND"] = "jax"
import jax, keras, numpy as np
from colornet.weights import load_model
from experiments.methods import networks
# JAX compiles its random numbers anew for each shape, and they are not looked at.
keras.initializers.VarianceScaling.__call__ = lambda self, shape, dtype: np.zeros(shape)
views = dict(np.load(sys.argv[1] + "/views.npz"))
for name in networks.names():
    model = load_model(f"{sys.argv[1]}/{name}.npz")
    # One compilation of all is faster than one of each operation.
    chroma = jax.jit(lambda views: model(views, training=False)["chroma"])(views)
    np.save(f"{sys.argv[1]}/{name}.npy", chroma)
assert "tensorflow" not in sys.modules
"""
    hurried = {**os.environ, "XLA_FLAGS": "--xla_backend_optimization_level=0"}
    command = [sys.executable, "-c", program, tmp_path]
    subprocess.run(command, check=True, env=hurried)
    for name, chroma in expected.items():
        np.testing.assert_allclose(np.load(tmp_path / f"{name}.npy"), chroma, atol=1e-3)


# The networks in the programs


@pytest.fixture(scope="module")
def eager():
    """No graphs: tracing one takes longer than running it twice."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="module")
def run(tmp_path_factory, eager):
    """A training of Zhang's network on rendered scenes: its folder and its trainer."""
    top = tmp_path_factory.mktemp("run")
    scenes = Embedded(train_scenes=2, validation_scenes=1, height=40, width=72)
    records = write_records(scenes, top / "records").folder
    config = TrainConfig(
        model=tiny("zhang"),
        records=str(records),
        steps=2,
        crop_height=32,
        crop_width=64,
        loss="network",
    )
    reporting = Reporting(show_every=2, progress=False)
    strategy = make_strategy("one_device", "cpu")
    trainer = Trainer(config, top / "run", strategy, reporting)
    trainer.run()
    return top / "run", trainer


@pytest.mark.filterwarnings("ignore:.*does not apply to tf.data")
def test_a_trained_network_comes_back_and_is_scored(run, tmp_path):
    folder, trainer = run
    model = load_model(folder)
    assert model.config == tiny("zhang")
    for mine, theirs in zip(model.variables, trainer.model.variables, strict=True):
        np.testing.assert_array_equal(mine, theirs, mine.path)
    assert np.ptp(np.asarray(model.prior)) > 0  # It is among what was stored.
    model.save(tmp_path / "model.keras")
    other = load_model(tmp_path / "model.keras", bn_statistics="batch")
    assert other.config == tiny("zhang").replace(bn_statistics="batch")
    np.testing.assert_array_equal(other.prior, model.prior)
    records = trainer.config.records
    settings = Evaluation(records, "validation", "zhang", weights=str(folder))
    mean = evaluate(settings, tmp_path, progress=False)["mean"]
    assert mean["count"] == 1 and 5 < mean["psnr"] < 60
    assert "rough_psnr" not in mean
    for wrong in ("he", "colornet"):
        settings = Evaluation(records, "validation", wrong, weights=str(folder))
        with pytest.raises(InputError, match=f"of method {wrong}. .* those of zhang"):
            evaluate(settings, tmp_path, progress=False)


@pytest.mark.parametrize("name", networks.names())
def test_statistics_of_the_picture_are_those_of_training(models, batch, name):
    pair = {key: batch[key] for key in ("mono", "reference")}
    model = models[name]
    other = model.with_config(bn_statistics="batch")
    before = [np.array(value) for value in other.variables]
    found = other(pair, training=False)["chroma"]
    for value, old in zip(other.variables, before, strict=True):
        np.testing.assert_array_equal(value, old)
    moving = model(pair, training=False)["chroma"]
    kept = model.get_weights()
    expected = model(pair, training=True)["chroma"]
    model.set_weights(kept)
    # Rounding decides between matches that are equally good.
    np.testing.assert_allclose(found, expected, atol=1e-3)
    assert np.abs(moving - expected).max() > 1e-3


def test_a_run_of_one_method_does_not_go_on_as_another(run):
    folder, trainer = run
    strategy = make_strategy("one_device", "cpu")
    ours = ModelConfig(n=2, max_disparity=32)
    changed = trainer.config.replace(model=ours, loss="chroma_mse")
    with pytest.raises(InputError, match="name: 'zhang' -> None"):
        Trainer(changed, folder, strategy)
    changed = trainer.config.replace(model=tiny("he"))
    with pytest.raises(InputError, match="name: 'zhang' -> 'he'"):
        Trainer(changed, folder, strategy)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"name": "magic"}, "magic"),
        ({"name": "zhang", "n": 3}, "no such fields. Received: n"),
        ({"name": "zhang", "width": 0.0}, "width"),
        ({"name": "iizuka", "global_size": 100}, "at least 64. Received: 100"),
        ({"name": "he", "bn_statistics": "none"}, "bn_statistics"),
    ],
)
def test_a_configuration_that_cannot_be_says_so(values, named):
    with pytest.raises(InputError, match=named):
        network_config(values)
