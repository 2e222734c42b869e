"""Speed and memory of the network, as ratios to its form in Keras's own layers."""

import statistics

from colornet.config import ModelConfig, TrainConfig
from colornet.quiet import import_tensorflow
from experiments.benchmarks.measure import measured, timed

# The network, height and width of its pictures, timed calls; further sizes of the
# network alone as height, width and d.
_SIZES = {
    "quick": (ModelConfig(n=4, max_disparity=32), (64, 96), 1, ()),
    "full": (
        ModelConfig(n=32, max_disparity=160),
        (256, 512),
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
_FOR_INFERENCE = (
    ("for inference", "inference", "float32"),
    ("for inference, bfloat16", "inference", "mixed_bfloat16"),
)
_STEP = (*_FORWARD, ("this, recompute", "recompute", "float32")) + (
    ("this, recompute, bfloat16", "recompute", "mixed_bfloat16"),
)


def rows(size: str) -> list[dict]:
    """The machine's limit, forward passes and training steps."""
    model, shape, repeats, growth = _SIZES[size]
    limit, _ = measured(limit_flops)
    table = [{"what": "large conv2d, float32", "GFLOP/s": limit / 1e9}]

    def measure(what, form, mode, precision, model, shape) -> dict:
        seconds, peak = measured(
            network_seconds, form, mode, model, shape, precision, repeats
        )
        flops = table1_flops(model, *shape) * (1 if mode == "forward" else 3)
        return {
            "what": f"{mode}, {what}",
            "s": seconds,
            "peak MB": peak,
            "GFLOP/s": flops / seconds / 1e9,
            "of the limit": flops / seconds / limit,
        }

    for mode, forms in (("forward", (*_FORWARD, *_FOR_INFERENCE)), ("step", _STEP)):
        part = [measure(name, f, mode, dtype, model, shape) for name, f, dtype in forms]
        for row in part:
            row["times faster"] = part[0]["s"] / row["s"]
            row["memory"] = row["peak MB"] / part[0]["peak MB"]
        table += part
    for height, width, d in growth:
        larger, what = model.replace(max_disparity=d), f"{width}x{height}, d={d}"
        for mode in ("forward", "step"):
            table.append(
                measure(what, "this", mode, "float32", larger, (height, width))
            )
    return table


def table1_flops(config: ModelConfig, height: int, width: int) -> float:
    """Floating-point operations of the convolutions of Table 1, forward.

    Two for each tap, voxel, input and output channel, whether or not a cheaper form of
    a layer is at work; for both views and both colours. A training step has three times
    as many.
    """
    import_tensorflow()
    import keras
    import numpy as np

    from colornet.architecture import convolutions
    from colornet.networks import build_network

    total = 0.0
    for layer, shape in convolutions(build_network(config), height, width):
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
    seconds = timed(lambda: convolution(x, kernel).numpy(), 12)
    return 2 * 9 * channels**2 * 4 * size**2 / min(seconds)


def network_seconds(
    form: str,
    mode: str,
    model: ModelConfig,
    shape: tuple[int, int],
    precision: str,
    repeats: int,
) -> float:
    """Median seconds of a forward pass or a training step of batch 1, after the first.

    Args:
        form: "naive", "this" network, or this one with "recompute" or in its form for
            "inference".
        mode: "forward" at test time, or "step": RMSProp on a squared error, batch
            normalization in training mode.
        model, precision: of the network.
        shape: height and width of the pictures.
        repeats: how many are timed.
    """
    import_tensorflow()
    import keras
    import tensorflow as tf

    from colornet.networks import build_network
    from colornet.training.losses import build_optimizer, training_loss
    from colornet.training.recompute import RecomputingNetwork
    from experiments.benchmarks.naive import naive_colornet

    keras.config.set_dtype_policy(precision)
    network = naive_colornet(model) if form == "naive" else build_network(model)
    inputs = {
        "mono": tf.random.uniform((1, *shape, 1)),
        "reference": tf.random.uniform((1, *shape, 3)),
    }
    if form == "inference":
        network = network.for_inference()
        inputs["candidates"] = tf.range(model.max_disparity // 2)
    if mode == "forward":
        call = tf.function(lambda: network(inputs, training=False)["chroma"])
        return statistics.median(timed(lambda: call().numpy(), repeats))

    batch = {"chroma": tf.random.uniform((1, *shape, 2)) - 0.5}
    variables = network.trainable_variables
    optimizer = build_optimizer(TrainConfig(model=model), variables)
    recomputing = RecomputingNetwork(network) if form == "recompute" else None

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            if recomputing:
                outputs = recomputing(inputs)
            else:
                outputs = network(inputs, training=True)
            loss = training_loss(outputs, batch, "chroma_mse")
        gradients = tape.gradient(loss, [v.value for v in variables])
        optimizer.apply(gradients, variables)
        return loss

    return statistics.median(timed(lambda: step().numpy(), repeats))
