"""The network of Table 1, from top to bottom.

Layers carry the number of their row: `l01_conv`, `l01_bn` and `l01_relu` are layer 1,
`l03_add` is the residual connection after layer 3. Axes are (batch, height, width,
channels) for maps and (batch, candidates, height, width, channels) for volumes.
"""

from collections.abc import Mapping

import keras
import numpy as np
from keras import layers

from colornet.config import FOLDED, ModelConfig
from colornet.layers import (
    BatchNormalization,
    DisparityFeatureVolume,
    DisparityWeights,
    FoldViews,
    MapConv2D,
    PictureNormalization,
    SoftArgmax,
    SplitYCbCr,
    SubpixelConv3DTranspose,
    UnfoldFromBatch,
    UnfoldViews,
    VolumeConv3D,
    WarpChroma,
    WeightedAverage,
)
from colornet.networks import Network, picture_inputs

CONVOLUTIONS = {
    "2d": layers.Conv2D,
    "2d_as_volume": MapConv2D,
    "3d": layers.Conv3D,
    "3d_of_volume": VolumeConv3D,
    "3d_transposed": layers.Conv3DTranspose,
    "3d_transposed_to_one": SubpixelConv3DTranspose,
}
NORMALIZATIONS = {
    "moving": BatchNormalization,
    "batch": PictureNormalization,  # D-14
}


def conv(x, row, kind, filters, kernel, *, stride=1, activation=None, init=None):
    """A convolution without batch normalization and ReLU."""
    return CONVOLUTIONS[kind](
        filters,
        kernel,
        strides=stride,
        padding="same",
        activation=activation,
        kernel_initializer=init or "glorot_uniform",
        name=f"l{row:02d}_conv",
    )(x)


def conv_block(x, row, kind, filters, kernel, config, *, stride=1):
    """Convolution, batch normalization and ReLU: "a layer" of Table 1."""
    if config.bn_statistics == FOLDED:
        kind = "2d_as_volume" if kind == "2d" else kind
        return conv(x, row, kind, filters, kernel, stride=stride, activation="relu")
    x = CONVOLUTIONS[kind](
        filters,
        kernel,
        strides=stride,
        padding="same",
        use_bias=False,  # D-19
        kernel_initializer="he_normal",
        name=f"l{row:02d}_conv",
    )(x)
    views_apart = config.view_statistics == "separate" and row <= 17
    x = NORMALIZATIONS[config.bn_statistics](
        parts=2 if views_apart else 1,  # D-20
        momentum=config.bn_momentum,
        epsilon=config.bn_epsilon,
        name=f"l{row:02d}_bn",
    )(x)
    return layers.ReLU(name=f"l{row:02d}_relu")(x)


def resnet(x, first_row, config, *, stride=1):
    """The 17 layers with ReLU that every ResNet of Table 1 starts with."""
    x = conv_block(x, first_row, "2d", config.n, 5, config, stride=stride)
    for row in range(first_row + 1, first_row + 17, 2):
        shortcut = x
        x = conv_block(x, row, "2d", config.n, 3, config)
        x = conv_block(x, row + 1, "2d", config.n, 3, config)
        x = layers.Add(name=f"l{row + 1:02d}_add")([x, shortcut])
    return x


def attention(volume, config):
    """Layers 19 and 20, and Eq. 4: the attention weighs the reference half alone."""
    x = conv(volume, 19, "3d_of_volume", config.n, 1, activation="sigmoid")
    x = conv(x, 20, "3d", 1, 1, activation="sigmoid")
    mono, reference = volume
    return [mono, layers.Multiply(name="attention_volume")([x, reference])]


def regulation(volume, config):
    """Layers 21 to 39: encoder and decoder with four levels of sub-sampling."""
    n = config.n
    x = conv_block(volume, 21, "3d_of_volume", n, 3, config)
    x = conv_block(x, 22, "3d", n, 3, config)
    skips = {22: x}
    for row in (23, 26, 29, 32):
        x = conv_block(x, row, "3d", 2 * n, 3, config, stride=2)
        x = conv_block(x, row + 1, "3d", 2 * n, 3, config)
        x = conv_block(x, row + 2, "3d", 2 * n, 3, config)
        skips[row + 2] = x
    for row, filters, skip in ((35, 2 * n, 31), (36, 2 * n, 28), (37, 2 * n, 25)) + (
        (38, n, 22),
    ):
        x = conv_block(x, row, "3d_transposed", filters, 3, config, stride=2)
        x = layers.Add(name=f"l{row}_add")([x, skips[skip]])
    return conv(x, 39, "3d_transposed_to_one", 1, 3, stride=2)


def color_residue(rough_chroma, luma, config):
    """Layers 40 to 93: the residue Phi(C', Y) of Eq. 2, for Cb and Cr alike (D-07)."""
    n = config.n
    blue, red = rough_chroma[..., 0:1], rough_chroma[..., 1:2]
    x = layers.Concatenate(axis=0, name="fold_chroma", dtype="float32")([blue, red])
    x = layers.Rescaling(config.chroma_scale, name="to_levels", dtype="float32")(x)
    x = conv(resnet(x, 40, config), 57, "2d", n, 3)
    guide = conv(resnet(luma, 58, config), 75, "2d", n, 3)
    guide = layers.Concatenate(axis=0, name="fold_guide")([guide, guide])
    x = layers.Concatenate(name="residue_features")([x, guide])
    x = resnet(x, 76, config)
    init = "zeros" if config.residue_init == "zero" else "he_normal"
    x = conv(x, 93, "2d", 1, 3, init=init)
    unit = 1 / config.chroma_scale
    x = layers.Rescaling(unit, name="from_levels", dtype="float32")(x)
    parts = UnfoldFromBatch(2, name="unfold_chroma")(x)
    return layers.Concatenate(name="residue", dtype="float32")(parts)


def _folded(convolution, normalization: str, values, epsilon) -> list[np.ndarray]:
    """Kernel and bias of a convolution that takes over the normalization after it."""
    gamma, beta, mean, variance = (
        values[f"{normalization}/{part}"].astype(np.float64)
        for part in ("gamma", "beta", "moving_mean", "moving_variance")
    )
    factor = gamma / np.sqrt(variance + epsilon)
    transposed = isinstance(convolution, layers.Conv3DTranspose)
    kernel = values[f"{convolution.name}/kernel"]
    return [
        kernel * (factor[:, None] if transposed else factor),
        beta - mean * factor,
    ]


@keras.saving.register_keras_serializable("colornet")
class ColorNet(Network):
    """The colorization network (Fig. 2, Table 1) and its ablations (Table 5).

    A functional model under the dtype policy that is in force when it is built;
    colours, softmax, weighted average and residue sum are float32 under any policy.

    Args:
        config: a `ModelConfig`.
        any_disparity: whether d is an input, and that of `config` does not count.

    Inputs, by name:
        mono: (batch, height, width, 1) luma of the monochrome camera, in [0, 1].
        reference: (batch, height, width, 3) RGB of the colour camera, in [0, 1]. A
            pixel (j, i) of `mono` is looked for at (j, i ... i + d - 1) (Eq. 1). It may
            be wider than `mono`, by candidates of the last columns (D-32).
        candidates: (d / 2,) int32, 0, 1, ... at half the resolution; only with
            `any_disparity`. d is a multiple of 32.
        Heights and widths are multiples of 32.

    Outputs, by name, float32:
        chroma: (batch, height, width, 2), Cb and Cr of `mono`, C of Eq. 2.
        rough_chroma: the same, C' of Eq. 1.
        disparity: (batch, height, width) px; only where `config.rough` is
            "soft_argmax".
    """

    config_class = ModelConfig

    def __init__(self, config: ModelConfig, any_disparity: bool = False, **kwargs):
        inputs = picture_inputs()
        mono, reference = inputs["mono"], inputs["reference"]
        luma, reference_chroma = SplitYCbCr(name="reference_ycbcr", dtype="float32")(
            reference
        )
        outputs = {}

        views = FoldViews(name="fold_views")([mono, luma])
        features = resnet(views, 1, config, stride=2)
        features = conv(features, 18, "2d", config.n, 3)
        features = UnfoldViews(name="unfold_views")([features, mono])
        candidates = config.max_disparity // 2
        if any_disparity:
            candidates = None
            inputs["candidates"] = keras.Input((), name="candidates", dtype="int32")
            features.append(inputs["candidates"])
        volume = DisparityFeatureVolume(candidates, name="feature_volume")(features)
        if config.attention:
            volume = attention(volume, config)
        logits = regulation(volume, config)
        weights = DisparityWeights(
            config.border,
            config.weight_normalization,
            name="weights",
        )([logits, reference_chroma])

        if config.rough == "weighted_average":
            rough = WeightedAverage(name="rough_chroma")([weights, reference_chroma])
        else:
            outputs["disparity"] = SoftArgmax(name="disparity")(weights)
            rough = WarpChroma(name="rough_chroma")(
                [outputs["disparity"], reference_chroma]
            )
        if config.residue:
            residue = color_residue(rough, mono, config)
            chroma = layers.Add(name="chroma", dtype="float32")([rough, residue])
        else:
            chroma = layers.Identity(name="chroma", dtype="float32")(rough)

        outputs |= {"chroma": chroma, "rough_chroma": rough}
        super().__init__(config, inputs, outputs, **kwargs)

    def with_volumes(self) -> keras.Model:
        """A model of the same layers that has the volumes as outputs too.

        Further outputs, float32:
            weights: (batch, d, height, width), W of Eq. 1.
            attention: (batch, d/2, height/2, width/2), A of Eq. 4, in [0, 1]; only
                where `config.attention` is set.
        """
        outputs = {**self.output, "weights": self.get_layer("weights").output}
        if self.config.attention:
            attention = self.get_layer("l20_conv").output[..., 0]
            to_float32 = layers.Identity(name="attention", dtype="float32")
            outputs["attention"] = to_float32(attention)
        return keras.Model(self.input, outputs)

    def for_inference(self) -> Network:
        """The same function at test time, faster, and with d as an input (D-34).

        Normalization by moving statistics is a factor and an offset for each filter:
        the convolution before it takes them into its kernel and its bias.

        Returns:
            A network with the outputs of `with_volumes`, and with `candidates` among
            its inputs, built under the dtype policy that is in force. Later changes of
            the weights are not seen.
        """
        values = {variable.path: np.asarray(variable) for variable in self.variables}
        form = inference_form(self.config, values, self.name)
        form.run_eagerly = self.run_eagerly
        return form


def inference_form(
    config: ModelConfig, values: Mapping[str, np.ndarray], name: str = ModelConfig.name
) -> Network:
    """`ColorNet.for_inference` where the network itself is not needed.

    Args:
        config: of the network.
        values: of all its variables, by their paths.
        name: of the network.
    """
    if config.bn_statistics == "moving":
        config = config.replace(bn_statistics=FOLDED)
    network = ColorNet(config, any_disparity=True, name=name)
    for layer in network.layers:
        normalization = layer.name.replace("_conv", "_bn")
        if config.bn_statistics == FOLDED and f"{normalization}/gamma" in values:
            layer.set_weights(_folded(layer, normalization, values, config.bn_epsilon))
        else:
            layer.set_weights([values[variable.path] for variable in layer.weights])
    outputs = network.with_volumes().output
    return Network(config, network.input, outputs, name=name)


def build_colornet(config: ModelConfig | None = None) -> ColorNet:
    """Builds the network of Table 1 with fresh weights; see `ColorNet`.

    `build_colornet(config).with_volumes()` has A and W as outputs too.
    """
    return ColorNet(config or ModelConfig(), name=ModelConfig.name)
