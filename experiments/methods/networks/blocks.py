"""The parts that the comparison networks are built from."""

import keras
from keras import layers, ops

from colornet.layers import PictureNormalization
from experiments.methods.networks.config import MethodConfig

_NORMALIZATIONS = {
    "moving": layers.BatchNormalization,
    "batch": PictureNormalization,
}


def scaled(filters: int, config: MethodConfig) -> int:
    """A channel count of the paper at the width of the configuration."""
    return max(1, round(filters * config.width))


def conv(
    filters: int,
    name: str,
    *,
    kernel: int = 3,
    stride: int = 1,
    dilation: int = 1,
    activation: str | None = "relu",
    bias: bool = True,
) -> keras.layers.Layer:
    """A convolution, by default 3x3 with bias and ReLU."""
    return layers.Conv2D(
        filters,
        kernel,
        strides=stride,
        padding="same",
        dilation_rate=dilation,
        activation=activation,
        use_bias=bias,
        kernel_initializer="he_normal",
        name=name,
    )


def normalization(
    name: str, config: MethodConfig, *, affine: bool = True
) -> keras.layers.Layer:
    """Batch normalization, with a learned scale and offset where `affine` is set."""
    return _NORMALIZATIONS[config.bn_statistics](
        momentum=config.bn_momentum,
        epsilon=config.bn_epsilon,
        center=affine,
        scale=affine,
        name=name,
    )


def conv_group(
    x,
    filters: tuple[int, ...],
    name: str,
    config: MethodConfig,
    *,
    stride: int = 1,
    dilation: int = 1,
):
    """Convolutions `name`_1, _2 ..., of which the last has the stride, and then batch
    normalization without scale and offset, as Zhang et al. released them."""
    for number, count in enumerate(filters, start=1):
        x = conv(
            scaled(count, config),
            f"{name}_{number}",
            stride=stride if number == len(filters) else 1,
            dilation=dilation,
        )(x)
    return normalization(f"{name}_bn", config, affine=False)(x)


def enlarge(maps, factor: int):
    """Bilinear enlargement, with the outer edges of the pictures aligned.

    `ops.image.resize` wants sizes that are known when a graph is made, which those of a
    SavedModel are not.

    Args:
        maps: (batch, height, width, channels) float.
        factor: how many times as high and as wide.

    Returns:
        (batch, factor * height, factor * width, channels).
    """
    for axis in (1, 2):
        size = ops.shape(maps)[axis]
        place = (ops.cast(ops.arange(factor * size), "float32") + 0.5) / factor - 0.5
        place = ops.clip(place, 0.0, ops.cast(size - 1, "float32"))
        low = ops.cast(ops.floor(place), "int32")
        share = place - ops.cast(low, "float32")
        share = ops.reshape(share, (-1, 1, 1) if axis == 1 else (-1, 1))
        before = ops.take(maps, low, axis=axis)
        after = ops.take(maps, ops.minimum(low + 1, size - 1), axis=axis)
        maps = before + share * (after - before)
    return maps


def doubled(
    filters: int, name: str, activation: str | None = None
) -> keras.layers.Layer:
    """A transposed 4x4 convolution that doubles the size."""
    return layers.Conv2DTranspose(
        filters,
        4,
        strides=2,
        padding="same",
        activation=activation,
        kernel_initializer="he_normal",
        name=name,
    )


class ConvBlock:
    """Convolution, batch normalization and ReLU, to be used once or more often."""

    def __init__(self, filters: int, name: str, config: MethodConfig, stride: int = 1):
        # No bias: batch normalization would take it out again (D-19).
        self._layers = (
            conv(filters, name, stride=stride, activation=None, bias=False),
            normalization(f"{name}_bn", config),
            layers.ReLU(name=f"{name}_relu"),
        )

    def __call__(self, x):
        for layer in self._layers:
            x = layer(x)
        return x
