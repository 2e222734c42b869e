"""Speed and memory of the network, as ratios to its form in Keras's own layers."""

import dataclasses
import statistics
import time

from colornet.config import ModelConfig, TrainConfig
from colornet.networks import build_network
from colornet.quiet import import_tensorflow
from experiments.benchmarks.measure import measured


@dataclasses.dataclass(frozen=True)
class Size:
    """How much is measured.

    Attributes:
        model: the network whose forms are compared.
        height, width: of its pictures.
        repeats: calls that are timed after the first one.
        growth: height, width and d of further measurements of the network alone.
    """

    model: ModelConfig
    height: int
    width: int
    repeats: int
    growth: tuple[tuple[int, int, int], ...]


SIZES = {
    "quick": Size(ModelConfig(n=4, max_disparity=32), 64, 96, 1, ()),
    "full": Size(
        ModelConfig(n=32, max_disparity=160),
        256,
        512,
        3,
        ((128, 256, 160), (256, 512, 96), (256, 256, 160)),
    ),
}
# What is run: name, form, precision.
_FORWARD = (
    ("naive", "naive", "float32"),
    ("this", "this", "float32"),
    ("this, bfloat16", "this", "mixed_bfloat16"),
)
_STEP = (*_FORWARD, ("this, recompute", "recompute", "float32")) + (
    ("this, recompute, bfloat16", "recompute", "mixed_bfloat16"),
)


def measure_network(size: Size) -> list[dict]:
    """Rows of the table: the machine's limit, forward passes and training steps."""
    limit = measured(limit_flops).value
    rows = [{"what": "large conv2d, float32", "GFLOP/s": limit / 1e9}]
    for mode, forms in (("forward", _FORWARD), ("step", _STEP)):
        naive = None
        for name, form, precision in forms:
            shape = size.height, size.width
            row, seconds, peak = _row(
                f"{mode}, {name}", form, mode, size.model, shape, precision, size, limit
            )
            naive = naive or (seconds, peak)
            row |= {"times faster": naive[0] / seconds, "memory": peak / naive[1]}
            rows.append(row)
    for height, width, d in size.growth:
        for mode in ("forward", "step"):
            rows.append(
                _row(
                    f"{mode}, {width}x{height}, d={d}",
                    "this",
                    mode,
                    size.model.replace(max_disparity=d),
                    (height, width),
                    "float32",
                    size,
                    limit,
                )[0]
            )
    return rows


def _row(what, form, mode, model, shape, precision, size: Size, limit: float):
    result = measured(network_seconds, form, mode, model, shape, precision, size)
    flops = table1_flops(model, *shape) * (1 if mode == "forward" else 3)
    row = {
        "what": what,
        "s": result.seconds,
        "peak MB": result.peak_bytes / 1e6,
        "GFLOP/s": flops / result.seconds / 1e9,
        "of the limit": flops / result.seconds / limit,
    }
    return row, result.seconds, result.peak_bytes


def table1_flops(config: ModelConfig, height: int, width: int) -> float:
    """Floating-point operations of the convolutions of Table 1, forward.

    Two for each tap, voxel, input and output channel, whether or not a cheaper form of
    a layer is at work; for both views and both colours. A training step has three times
    as many.
    """
    import keras
    import numpy as np

    model = build_network(config)
    names = [layer.name for layer in model.layers if layer.name.endswith("_conv")]
    probe = keras.Model(model.input, [model.get_layer(name).output for name in names])
    shapes = probe.compute_output_shape(
        {"mono": (1, height, width, 1), "reference": (1, height, width, 3)}
    )
    total = 0.0
    for name, shape in zip(names, shapes, strict=True):
        layer = model.get_layer(name)
        positions = float(np.prod(shape[:-1]))
        if isinstance(layer, keras.layers.Conv3DTranspose):
            positions /= 8
        total += 2 * positions * float(np.prod(layer.kernel.shape))
    return total


def limit_flops() -> float:
    """Floating-point operations a second of the best large convolution here."""
    import_tensorflow()
    import tensorflow as tf

    size, channels = 64, 256
    x = tf.random.normal((4, size, size, channels))
    kernel = tf.random.normal((3, 3, channels, channels))
    convolution = tf.function(lambda x, k: tf.nn.conv2d(x, k, 1, "SAME"))
    seconds = []
    for _ in range(12):
        start = time.perf_counter()
        convolution(x, kernel).numpy()
        seconds.append(time.perf_counter() - start)
    return 2 * 9 * channels**2 * 4 * size**2 / min(seconds)


def network_seconds(
    form: str,
    mode: str,
    model: ModelConfig,
    shape: tuple[int, int],
    precision: str,
    size: Size,
) -> float:
    """Median seconds of a forward pass or a training step of batch 1, after the first.

    Args:
        form: "naive", "this" network, or this one with "recompute".
        mode: "forward" at test time, or "step": RMSProp on a squared error, batch
            normalization in training mode.
        model, precision: of the network.
        shape: height and width of the pictures.
        size: its `repeats`.
    """
    import_tensorflow()
    import keras
    import tensorflow as tf

    from colornet.training.losses import build_optimizer, training_loss
    from colornet.training.recompute import RecomputingNetwork
    from experiments.benchmarks.naive import naive_colornet

    keras.config.set_dtype_policy(precision)
    network = naive_colornet(model) if form == "naive" else build_network(model)
    variables = network.trainable_variables
    inputs = {
        "mono": tf.random.uniform((1, *shape, 1)),
        "reference": tf.random.uniform((1, *shape, 3)),
    }
    batch = {"chroma": tf.random.uniform((1, *shape, 2)) - 0.5}
    if mode == "forward":
        call = tf.function(lambda: network(inputs, training=False)["chroma"])
    else:
        optimizer = build_optimizer(TrainConfig(model=model), variables)
        recomputing = RecomputingNetwork(network) if form == "recompute" else None

        @tf.function
        def call():
            with tf.GradientTape() as tape:
                if recomputing:
                    outputs = recomputing(inputs)
                else:
                    outputs = network(inputs, training=True)
                loss = training_loss(outputs, batch, "chroma_mse")
            gradients = tape.gradient(loss, [v.value for v in variables])
            optimizer.apply(gradients, variables)
            return loss

    call()
    seconds = []
    for _ in range(size.repeats):
        start = time.perf_counter()
        call().numpy()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)
