"""He et al. 2018 (no VGG): *Deep Exemplar-based Colorization*, SIGGRAPH 2018.

The similarity sub-network finds where each pixel's colour is to be had in the whole
reference; the colorization sub-network, whose layers are those of the network that the
authors released, decides what to make of it.

Departures from the paper:
- Features are pixels' surroundings on five levels of a picture pyramid in place of
  those of a VGG-19 that was trained on grey pictures (`correspondence`); the similarity
  maps of a level are those of its own field, enlarged, and not of the finest field.
- Luma and full-range Cb, Cr stand for L* and a*, b*.
- The perceptual branch compares features of a VGG-19 that there is none of: of its
  layer relu5_1, one value for 16x16 pixels, remains that resolution alone. The mean
  chroma of such cells is compared, by the same smooth L1, with weight 1.
- Trained from fresh weights with RMSProp (the paper's is Adam), on pairs of views of
  one scene, without the paper's retrieval of references.
"""

import keras
from keras import layers, ops

from colornet.layers import SplitYCbCr
from colornet.networks import Network, picture_inputs
from colornet.training.losses import LEVELS as GREY_LEVELS
from experiments.methods.networks.blocks import (
    conv,
    conv_group,
    doubled,
    normalization,
    scaled,
)
from experiments.methods.networks.config import MethodConfig
from experiments.methods.networks.correspondence import (
    LEVELS,
    Correspondence,
    gather,
)

# The encoder: filters of the convolutions of a block, and their dilation. The first
# three blocks end with halving the size.
_ENCODER = (
    ("conv1", (32, 64, 64), 1),
    ("conv2", (128, 128), 1),
    ("conv3", (256, 256, 256), 1),
    ("conv4", (512, 512, 512), 1),
    ("conv5", (512, 512, 512), 2),
    ("conv6", (512, 512, 512), 2),
    ("conv7", (512, 512, 512), 1),
)
_HALVED = ("conv1", "conv2", "conv3")
# The decoder: filters, number of convolutions after the doubling of the size, and the
# block of the encoder that is added.
_DECODER = (
    ("conv8", 256, 2, "conv3"),
    ("conv9", 128, 1, "conv2"),
    ("conv10", 128, 1, "conv1"),
)
_LEAK = 0.2
_CELL = 16


def _encode(x, config: MethodConfig):
    ends = {}
    for block, counts, dilation in _ENCODER:
        ends[block] = x = conv_group(x, counts, block, config, dilation=dilation)
        if block in _HALVED:
            x = layers.DepthwiseConv2D(
                1,
                strides=2,
                use_bias=False,
                depthwise_initializer="ones",
                name=f"{block}_half",
            )(x)
    return x, ends


def _decode(x, ends, config: MethodConfig):
    for block, count, convolutions, skip in _DECODER:
        filters = scaled(count, config)
        x = doubled(filters, f"{block}_1")(x)
        shortcut = conv(filters, f"{skip}_short", activation=None)(ends[skip])
        x = layers.Add(name=f"{block}_add")([x, shortcut])
        x = layers.ReLU(name=f"{block}_relu")(x)
        last = block == _DECODER[-1][0]
        for number in range(2, 2 + convolutions):
            activation = None if last else "relu"
            x = conv(filters, f"{block}_{number}", activation=activation)(x)
        if last:
            x = layers.LeakyReLU(negative_slope=_LEAK, name=f"{block}_leaky")(x)
        else:
            x = normalization(f"{block}_bn", config, affine=False)(x)
    return x


def colorization_network(config: MethodConfig) -> keras.Model:
    """The colorization sub-network.

    Inputs: mono (batch, height, width, 1) luma in [0, 1], warped (batch, height, width,
    2) chroma in [-0.5, 0.5], similarities (batch, height, width, 10).

    Output: (batch, height, width, 2) float32 chroma, in [-0.5, 0.5].
    """
    inputs = [
        keras.Input((None, None, channels), name=name, dtype="float32")
        for name, channels in (("mono", 1), ("warped", 2), ("similarities", 2 * LEVELS))
    ]
    mono, warped, similarities = inputs
    centred = layers.Rescaling(2.0, offset=-1.0, name="centred", dtype="float32")(mono)
    doubled = layers.Rescaling(2.0, name="doubled", dtype="float32")(warped)
    x = layers.Concatenate(name="all")([centred, doubled, similarities])
    x = _decode(*_encode(x, config), config)
    x = conv(2, "conv10_ab", kernel=1, activation="tanh")(x)
    chroma = layers.Rescaling(0.5, name="halved", dtype="float32")(x)
    return keras.Model(inputs, chroma, name="colorization")


@keras.saving.register_keras_serializable("experiments")
class Gather(layers.Layer):
    """What a field points to; see `correspondence.gather`."""

    def compute_output_shape(self, input_shapes):
        maps, field = input_shapes
        return (*field[:-1], maps[-1])

    def call(self, inputs):
        return gather(*inputs)


def _smooth_l1(prediction, truth):
    """The mean of the smooth L1 distance, float32, in 8-bit levels."""
    error = GREY_LEVELS * ops.abs(prediction - truth)
    return ops.mean(ops.where(error < 1, 0.5 * error**2, error - 0.5))


@keras.saving.register_keras_serializable("experiments")
class He(Network):
    """Colours of the best matches, propagated and corrected.

    Args:
        config: a `MethodConfig`.

    Outputs, by name:
        chroma: (batch, height, width, 2) float32, see `Network`.
        warped_chroma: the same, of the matches in the reference.
        round_trip, similarities: see `Correspondence`.
    """

    config_class = MethodConfig
    internal_outputs = ("round_trip", "similarities")

    def __init__(self, config: MethodConfig, **kwargs):
        inputs = picture_inputs()
        mono = inputs["mono"]
        luma, reference_chroma = SplitYCbCr(name="reference_ycbcr", dtype="float32")(
            inputs["reference"]
        )
        forward, round_trip, similarities = Correspondence(
            name="correspondence", dtype="float32"
        )([mono, luma])
        warped = Gather(name="warped_chroma", dtype="float32")(
            [reference_chroma, forward]
        )
        chroma = colorization_network(config)([mono, warped, similarities])
        outputs = {
            "chroma": chroma,
            "warped_chroma": warped,
            "round_trip": round_trip,
            "similarities": similarities,
        }
        super().__init__(config, inputs, outputs, **kwargs)

    def training_loss(self, outputs, batch):
        """Chrominance branch and perceptual branch, which share all weights.

        In the first the network sees the true colours as the fields there and back
        have garbled them, and is to restore them; in the second those of the reference.
        """
        mono, truth = map(ops.convert_to_tensor, (batch["mono"], batch["chroma"]))
        garbled = gather(truth, outputs["round_trip"])
        restored = self.get_layer("colorization")(
            [mono, garbled, outputs["similarities"]], training=True
        )
        cells = (
            ops.average_pool(chroma, _CELL, _CELL)
            for chroma in (outputs["chroma"], truth)
        )
        return _smooth_l1(restored, truth) + _smooth_l1(*cells)
