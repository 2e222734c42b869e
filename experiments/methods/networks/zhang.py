"""Zhang, Isola, Efros: *Colorful Image Colorization*, ECCV 2016.

The sizes of the layers, batch normalization without scale and offset, and the truth of
every fourth pixel are those of the network that the authors released.

Departures from the paper:
- L is that of the mono camera's luma taken as an sRGB grey, which is not quite the L*
  of the coloured pixel.
- The distribution of colours that the loss is rebalanced by is not that of ImageNet but
  a running mean over the batches of the training, kept among the weights; it starts
  uniform. It counts softly encoded colours, which is the paper's Gaussian smoothing.
- The truth of a coarse pixel is that of its first fine pixel, and coarse colours are
  enlarged with outer edges aligned, as in the released code: 1.5 pixels further.
- Trained from fresh weights (the paper starts from k-means), with RMSProp (the paper's
  is Adam).
"""

import keras
from keras import layers, ops

from colornet.color import rgb_to_chroma, ycbcr_to_rgb
from colornet.networks import Network, picture_inputs
from experiments.methods.networks.blocks import (
    conv,
    conv_group,
    doubled,
    enlarge,
    scaled,
)
from experiments.methods.networks.config import MethodConfig
from experiments.methods.networks.lab import lab_to_rgb, rgb_to_lab
from experiments.methods.networks.quantization import (
    annealed_mean,
    gamut_bins,
    rebalancing_weights,
    soft_encode,
)

# Filters of each convolution of a block, stride of the last one, dilation of all. Each
# of these blocks ends with batch normalization.
_BLOCKS = (
    ("conv1", (64, 64), 2, 1),
    ("conv2", (128, 128), 2, 1),
    ("conv3", (256, 256, 256), 2, 1),
    ("conv4", (512, 512, 512), 1, 1),
    ("conv5", (512, 512, 512), 1, 2),
    ("conv6", (512, 512, 512), 1, 2),
    ("conv7", (512, 512, 512), 1, 1),
)
_CONV8 = 256
_STEP = 4
_PRIOR_MOMENTUM = 0.99


def _lightness(luma):
    """L of grey pixels, in [0, 100]."""
    return rgb_to_lab(ops.repeat(luma, 3, axis=-1))[..., :1]


@keras.saving.register_keras_serializable("experiments")
class Lightness(layers.Layer):
    """L of grey pixels, divided by 100 and centred at 0.

    Input shape:
        (..., 1) luma in [0, 1].

    Output shape:
        (..., 1), in [-0.5, 0.5].
    """

    def compute_output_shape(self, input_shape):
        return input_shape

    def call(self, inputs):
        return _lightness(inputs) / 100 - 0.5


@keras.saving.register_keras_serializable("experiments")
class DecodeColors(layers.Layer):
    """Bins to chroma: annealed mean, bilinear enlargement, Lab to YCbCr.

    Input shape:
        luma (batch, height, width, 1) in [0, 1], and logits (batch, height / 4,
        width / 4, 313).

    Output shape:
        (batch, height, width, 2) Cb, Cr, in [-0.5, 0.5].
    """

    def compute_output_shape(self, input_shapes):
        return (*input_shapes[0][:-1], 2)

    def call(self, inputs):
        luma, logits = inputs
        ab = enlarge(annealed_mean(logits), _STEP)
        lab = ops.concatenate([_lightness(luma), ab], axis=-1)
        return rgb_to_chroma(lab_to_rgb(lab))


@keras.saving.register_keras_serializable("experiments")
class Zhang(Network):
    """Classification of every pixel's ab into 313 bins, from the mono picture alone.

    Args:
        config: a `MethodConfig`.

    Outputs, by name, float32:
        chroma: (batch, height, width, 2), see `Network`.
        logits: (batch, height / 4, width / 4, 313), of `quantization.gamut_bins`.
    """

    config_class = MethodConfig
    internal_outputs = ("logits",)

    def __init__(self, config: MethodConfig, **kwargs):
        inputs = picture_inputs()
        x = Lightness(name="lightness", dtype="float32")(inputs["mono"])
        for block, filters, stride, dilation in _BLOCKS:
            x = conv_group(x, filters, block, config, stride=stride, dilation=dilation)
        filters = scaled(_CONV8, config)
        x = doubled(filters, "conv8_1", "relu")(x)
        x = conv(filters, "conv8_2")(x)
        x = conv(filters, "conv8_3")(x)
        x = conv(len(gamut_bins()), "conv8_313", kernel=1, activation=None)(x)
        logits = layers.Identity(name="logits", dtype="float32")(x)
        chroma = DecodeColors(name="chroma", dtype="float32")([inputs["mono"], logits])
        super().__init__(config, inputs, {"chroma": chroma, "logits": logits}, **kwargs)
        self.prior = self.add_weight(
            shape=(len(gamut_bins()),),
            initializer=keras.initializers.Constant(1 / len(gamut_bins())),
            trainable=False,
            dtype="float32",
            aggregation="mean",
            name="prior",
        )

    def training_loss(self, outputs, batch):
        """Cross entropy with the softly encoded truth, rebalanced (Eq. 2 to 4).

        Takes the truth into `prior`, the running distribution of colours.
        """
        coarse = (batch[name][:, ::_STEP, ::_STEP] for name in ("mono", "chroma"))
        truth = ops.clip(ycbcr_to_rgb(*coarse), 0, 1)
        encoded = soft_encode(rgb_to_lab(truth)[..., 1:])
        seen = ops.mean(encoded, axis=(0, 1, 2))
        self.prior.assign(_PRIOR_MOMENTUM * self.prior + (1 - _PRIOR_MOMENTUM) * seen)
        weights = rebalancing_weights(ops.convert_to_tensor(self.prior))
        entropy = -ops.sum(encoded * ops.log_softmax(outputs["logits"]), axis=-1)
        rarity = ops.take(weights, ops.argmax(encoded, axis=-1))
        return ops.mean(rarity * entropy)
