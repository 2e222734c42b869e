"""Statistics of batch normalization, measured once the weights stand (D-14)."""

from collections.abc import Iterable

import keras
import numpy as np
from keras import ops

from colornet.errors import InputError
from colornet.inference import run
from colornet.networks import Network


def _moments_model(model: Network) -> keras.Model:
    """Mean and variance of what every batch normalization of the network gets.

    Outputs, by the name of the layer: (2, channels) float32.
    """
    outputs = {}
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            features = ops.cast(layer.input, "float32")
            axes = list(range(len(features.shape) - 1))
            outputs[layer.name] = ops.stack(ops.moments(features, axes=axes))
    return keras.Model(model.input, outputs)


def calibrate_statistics(model: Network, batches: Iterable[dict]) -> int:
    """Sets the moving statistics to those of training batches under the final weights.

    Every batch passes the network as in training, normalized by its own statistics. The
    mean of a channel is then the mean of the batches' means; its variance is the mean
    of their variances plus the variance of their means, which is the variance over all
    of the batches taken as one (Wu and Johnson, "Rethinking 'Batch' in BatchNorm",
    2021, call it precise batch normalization).

    Args:
        model: the network; its moving statistics change, nothing else.
        batches: at least one; maps `mono` (batch, height, width, 1) and `reference`
            (batch, height, width, 3), float32 in [0, 1], all of the same shape.

    Returns:
        The number of batches.

    Raises:
        InputError: no batches, or statistics that are not finite.
    """
    probe = _moments_model(model.with_config(bn_statistics="batch"))
    count, first, second = 0, {}, {}
    for batch in batches:
        inputs = {name: np.asarray(batch[name]) for name in model.input}
        for name, moments in run(probe, inputs).items():
            mean, variance = np.asarray(moments, np.float64)
            first[name] = first.get(name, 0) + mean
            second[name] = second.get(name, 0) + variance + mean**2
        count += 1
    if not count:
        raise InputError("expected batches to calibrate with. Received: none")
    broken = sorted(n for n, value in second.items() if not np.isfinite(value).all())
    if broken:
        raise InputError(
            "expected finite features to calibrate with. "
            f"Received: statistics of {broken[0]} that are not"
        )
    for name, total in first.items():
        mean = total / count
        layer = model.get_layer(name)
        layer.moving_mean.assign(mean)
        layer.moving_variance.assign(np.maximum(second[name] / count - mean**2, 0))
    return count
