"""Trained weights as the start of a wider network of the same function.

After Chen, Goodfellow, Shlens: *Net2Net: Accelerating Learning via Knowledge Transfer*,
ICLR 2016, section 2.3: a channel is copied, and what reads it divides its weight among
the copies.
"""

import keras
import numpy as np

from colornet.networks import Network

# A copy's share of the weight is up to so much more or less than an equal one. With
# equal shares all copies would get the same gradients and stay copies for ever.
_SPREAD = 0.5


def widen(trained: Network, model: Network, seed: int) -> None:
    """Gives `model` the function of `trained`, to rounding.

    Args:
        trained: a network.
        model: the same network with a multiple of its filters `n`; changed in place.
        seed: of the shares that the copies of a channel get.
    """
    rng = np.random.default_rng(seed)
    for small, large in zip(trained.layers, model.layers, strict=True):
        # Kernels of transposed convolutions have the input channels last.
        transposed = isinstance(small, keras.layers.Conv3DTranspose)
        inputs = -1 if transposed else -2
        for source, variable in zip(small.weights, large.weights, strict=True):
            value = np.asarray(source)
            repeats = np.floor_divide(variable.shape, value.shape)
            for axis in range(value.ndim):
                value = np.repeat(value, repeats[axis], axis)
            if value.ndim > 1 and repeats[inputs] > 1:
                value = value * _shares(rng, value.shape, inputs, repeats[inputs])
            variable.assign(value)


def _shares(rng, shape, axis: int, copies: int) -> np.ndarray:
    """Random factors whose sum over the copies of an input channel is 1."""
    groups = list(shape)
    groups[axis : axis + 1 or None] = [shape[axis] // copies, copies]
    # Of the two axes of the split one, the second counts the copies.
    copy_axis = axis % len(shape) + 1
    change = rng.uniform(-_SPREAD, _SPREAD, groups)
    change -= change.mean(copy_axis, keepdims=True)
    return ((1 + change) / copies).reshape(shape)
