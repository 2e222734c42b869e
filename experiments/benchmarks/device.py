"""The step and the forward pass of Table 1 on JAX's device, such as a GPU."""

import os
import statistics
import time

import numpy as np

from colornet.config import ModelConfig
from colornet.errors import InputError
from experiments.benchmarks.measure import measured, timed
from experiments.pretraining.examples import StreamConfig
from experiments.pretraining.recipe import PretrainConfig

_PRECISIONS = ("float32", "mixed_bfloat16")
# The network, height and width of its pictures, batch sizes, timed calls; side of the
# matrices and number of values that the device's limits are measured with.
_SIZES = {
    "quick": (ModelConfig(n=2, max_disparity=32), (32, 64), (1,), 1, 256, 10**6),
    "full": (ModelConfig(), (256, 512), (1, 4), 10, 8192, 10**9),
}


def rows(size: str) -> list[dict]:
    """The device's limits, and what the network makes of them.

    Operations and bytes are those that XLA counts, with every operand read once from
    the memory of the device.
    """
    return measured(_rows, size)[0]


def _rows(size: str) -> list[dict]:
    os.environ["KERAS_BACKEND"] = "jax"
    try:
        import jax
    except ImportError as error:
        raise InputError("expected an installed JAX. Received: none") from error
    import keras

    model, shape, batches, repeats, side, count = _SIZES[size]
    device = jax.devices()[0].device_kind
    bandwidth = _bandwidth(count, repeats)
    table = [{"what": f"copy, {device}", "GB/s": bandwidth / 1e9}]
    for precision in _PRECISIONS:
        keras.config.set_dtype_policy(precision)
        rate = _matmul_rate(side, repeats)
        table.append({"what": f"matmul, {precision}", "GFLOP/s": rate / 1e9})
        for batch_size in batches:
            for mode, call in (("forward", _forward), ("step", _step)):
                start = time.perf_counter()
                run, executable = call(model, shape, batch_size)
                compiled = time.perf_counter() - start
                seconds = _seconds(run, repeats)
                cost, memory = executable.cost_analysis(), executable.memory_analysis()
                used = memory.temp_size_in_bytes + memory.argument_size_in_bytes
                table.append(
                    {
                        "what": f"{mode}, batch {batch_size}, {precision}",
                        "ms": 1e3 * seconds,
                        "GB": (used + memory.output_size_in_bytes) / 1e9,
                        "GFLOP/s": cost["flops"] / seconds / 1e9,
                        "of the matmul": cost["flops"] / seconds / rate,
                        "of the copy": cost["bytes accessed"] / seconds / bandwidth,
                        "s to compile": compiled,
                    }
                )
    return table


def _seconds(call, repeats: int) -> float:
    """Median seconds of a call, whose result is waited for, after the first."""
    import jax

    return statistics.median(timed(lambda: jax.block_until_ready(call()), repeats))


def _bandwidth(count: int, repeats: int) -> float:
    """Bytes a second, read and written, of adding 1 to so many float32 values."""
    import jax

    values = jax.numpy.zeros(count, "float32")
    add = jax.jit(lambda x: x + 1)
    return 2 * values.nbytes / _seconds(lambda: add(values), repeats)


def _matmul_rate(side: int, repeats: int) -> float:
    """Floating-point operations a second of square matrices in the policy's dtype."""
    import jax
    import keras

    dtype = keras.config.dtype_policy().compute_dtype
    matrix = jax.numpy.ones((side, side), dtype)
    multiply = jax.jit(lambda x: x @ x)
    return 2 * side**3 / _seconds(lambda: multiply(matrix), repeats)


def _batch(shape: tuple[int, int], batch_size: int) -> dict[str, np.ndarray]:
    """A batch as the stream of rendered scenes gives it, of random pictures."""
    rng = np.random.default_rng(0)
    channels = {"mono": 1, "reference": 3, "target": 3}
    return {
        name: rng.integers(0, 256, (batch_size, *shape, c), np.uint8)
        for name, c in channels.items()
    }


def _forward(model: ModelConfig, shape, batch_size: int):
    """The form for inference; see `_step`."""
    import jax

    from colornet.networks import build_network

    form = build_network(model).for_inference()
    values = [
        [v.value for v in part]
        for part in (form.trainable_variables, form.non_trainable_variables)
    ]
    batch = _batch(shape, batch_size)
    views = {
        name: jax.numpy.asarray(batch[name], "float32") / 255
        for name in ("mono", "reference")
    }
    views["candidates"] = jax.numpy.arange(model.max_disparity // 2, dtype="int32")

    def chroma(values, views):
        return form.stateless_call(*values, views, training=False)[0]["chroma"]

    executable = jax.jit(chroma).lower(values, views).compile()
    return lambda: executable(values, views), executable


def _step(model: ModelConfig, shape, batch_size: int):
    """A call of one step of the recipe, and what XLA has compiled for it."""
    import keras

    from colornet.networks import build_network
    from experiments.pretraining.optimization import build_optimizer
    from experiments.pretraining.steps import compiled_step

    height, width = shape
    stream = StreamConfig(
        height=height,
        width=width,
        max_disparity=model.max_disparity,
        batch_size=batch_size,
    )
    precision = keras.config.dtype_policy().name
    config = PretrainConfig(model=model, stream=stream, precision=precision)
    network = build_network(model)
    optimizer = build_optimizer(config, network.trainable_variables)
    step, batch = compiled_step(network, optimizer, config), _batch(shape, batch_size)
    step(batch)
    return lambda: step(batch), step.executable
