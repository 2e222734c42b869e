"""Furusawa, Hiroshiba, Ogaki, Odagiri: *Comicolorization*, SIGGRAPH Asia 2017.

The network is Iizuka's with the colour histogram of the reference beside the global
features. As in the experiments of Dong et al., the panel is the whole picture.

Departures from the paper:
- It predicts chroma alone. The paper's, which is fed line drawings, predicts L too, at
  low resolution, and has a second network to enlarge the result.
- No classification of manga characters: records have no such labels.
- No adversarial loss, which would need a second network and optimizer in the loop.
- No segmentation of pages into panels, and no corrections by a user.
- The departures of `iizuka`; the paper's optimizer is Adam.
"""

import keras
from keras import layers, ops

from colornet.networks import Network, picture_inputs
from experiments.methods.networks import iizuka
from experiments.methods.networks.config import MethodConfig

_BINS = 6


@keras.saving.register_keras_serializable("experiments")
class ColorHistogram(layers.Layer):
    """Shares of the pixels in 6x6x6 bins of the RGB cube.

    Input shape:
        (batch, height, width, 3) RGB in [0, 1].

    Output shape:
        (batch, 216), sum 1, red varying slowest.
    """

    def compute_output_shape(self, input_shape):
        return (input_shape[0], _BINS**3)

    def call(self, inputs):
        pixels = ops.reshape(inputs, (ops.shape(inputs)[0], -1, 3))
        index = ops.clip(ops.cast(pixels * _BINS, "int32"), 0, _BINS - 1)
        red, green, blue = (
            ops.one_hot(index[..., i], _BINS, dtype="float32") for i in range(3)
        )
        counts = ops.einsum("bnr,bng,bnc->brgc", red, green, blue)
        total = ops.cast(ops.shape(pixels)[1], "float32")
        return ops.reshape(counts, (-1, _BINS**3)) / total


@keras.saving.register_keras_serializable("experiments")
class Furusawa(Network):
    """Iizuka's network, told which colours the reference has; see `Network`.

    Args:
        config: a `MethodConfig`.
    """

    config_class = MethodConfig

    def __init__(self, config: MethodConfig, **kwargs):
        inputs = picture_inputs()
        histogram = ColorHistogram(name="histogram", dtype="float32")
        colors = histogram(inputs["reference"])
        outputs = {"chroma": iizuka.colorize(inputs["mono"], config, colors)}
        super().__init__(config, inputs, outputs, **kwargs)
