"""Iizuka, Simo-Serra, Ishikawa: *Let there be Color!*, SIGGRAPH 2016.

Departures from the paper:
- No scene classification branch and no loss of it: records have no scene labels.
- Luma and full-range Cb, Cr stand for L* and a*, b*; the paper scales those to [0, 1]
  for the sigmoid of the output, and so is chroma here.
- No batch normalization after the fully connected layers: with the paper's batches of
  128 it works, with one picture a step it would make every global feature zero.
- RMSProp; the paper's optimizer is ADADELTA.
"""

import keras
from keras import layers, ops

from colornet.networks import Network, picture_inputs
from experiments.methods.networks.blocks import ConvBlock, conv, scaled
from experiments.methods.networks.config import MethodConfig

# Table 1 of the paper: filters and stride of the 3x3 convolutions.
_LOW_LEVEL = ((64, 2), (128, 1), (128, 2), (256, 1), (256, 2), (512, 1))
_MID_LEVEL = ((512, 1), (256, 1))
_GLOBAL = ((512, 2), (512, 1), (512, 2), (512, 1))
_GLOBAL_DENSE = (1024, 512, 256)
_FUSION = 256
# Filters between the enlargements of the colorization network.
_COLORIZATION = ((128,), (64, 64), (32,))


def _blocks(rows, name: str, config: MethodConfig) -> list[ConvBlock]:
    return [
        ConvBlock(scaled(filters, config), f"{name}{number}", config, stride)
        for number, (filters, stride) in enumerate(rows, start=1)
    ]


def _apply(blocks, x):
    for block in blocks:
        x = block(x)
    return x


def _global_features(mono, low_level, config: MethodConfig):
    size = (config.global_size, config.global_size)
    x = ops.image.resize(mono, size, interpolation="bilinear", antialias=True)
    x = _apply(low_level, x)
    x = layers.Flatten(name="flatten")(_apply(_blocks(_GLOBAL, "global", config), x))
    for number, units in enumerate(_GLOBAL_DENSE, start=len(_GLOBAL) + 1):
        x = layers.Dense(
            scaled(units, config),
            activation="relu",
            kernel_initializer="he_normal",
            name=f"global{number}",
        )(x)
    return x


def _enlarge(x, number: int):
    return layers.UpSampling2D(2, interpolation="nearest", name=f"enlarge{number}")(x)


@keras.saving.register_keras_serializable("experiments")
class Fusion(layers.Layer):
    """Puts the same vector beside the features of every pixel.

    Input shape:
        (batch, height, width, channels) and (batch, more channels).

    Output shape:
        (batch, height, width, channels + more channels).
    """

    def compute_output_shape(self, input_shapes):
        maps, vector = input_shapes
        return (*maps[:-1], maps[-1] + vector[-1])

    def call(self, inputs):
        maps, vector = inputs
        shape = (*ops.shape(maps)[:-1], ops.shape(vector)[-1])
        tiled = ops.broadcast_to(vector[:, None, None], shape)
        return ops.concatenate([maps, tiled], axis=-1)


def colorize(mono, config: MethodConfig, more_features=None):
    """Connects the network of Fig. 2.

    Args:
        mono: (batch, height, width, 1) luma, in [0, 1].
        config: of the network.
        more_features: (batch, channels) that are fused beside the global features.

    Returns:
        (batch, height, width, 2) float32 chroma, in [-0.5, 0.5].
    """
    low_level = _blocks(_LOW_LEVEL, "low", config)
    vector = _global_features(mono, low_level, config)
    if more_features is not None:
        vector = layers.Concatenate(name="all_features")([vector, more_features])
    x = _apply(_blocks(_MID_LEVEL, "mid", config), _apply(low_level, mono))
    x = Fusion(name="fusion")([x, vector])
    x = conv(scaled(_FUSION, config), "fusion_conv", kernel=1)(x)
    number = 0
    for enlargement, group in enumerate(_COLORIZATION):
        if enlargement:
            x = _enlarge(x, enlargement)
        for filters in group:
            number += 1
            x = ConvBlock(scaled(filters, config), f"color{number}", config)(x)
    x = conv(2, f"color{number + 1}", activation="sigmoid")(x)
    x = _enlarge(x, len(_COLORIZATION))
    return layers.Rescaling(1.0, offset=-0.5, name="chroma", dtype="float32")(x)


@keras.saving.register_keras_serializable("experiments")
class Iizuka(Network):
    """Local features of the mono picture fused with global ones; see `Network`.

    Args:
        config: a `MethodConfig`.
    """

    config_class = MethodConfig

    def __init__(self, config: MethodConfig, **kwargs):
        inputs = picture_inputs()
        outputs = {"chroma": colorize(inputs["mono"], config)}
        super().__init__(config, inputs, outputs, **kwargs)
