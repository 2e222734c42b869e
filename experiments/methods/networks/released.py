"""The authors' released protocol: a network that is fed the truth. Not a result.

The authors of the paper published code in which the feature network sees the colour
picture of the mono view, which is the answer. Each departure of this code from the
paper can be turned on alone here (`config.DEPARTURES`), to measure what it is worth:

- truth: ResNet1 sees Y, Cb and Cr of both views, and Cb and Cr of the mono view are
  clean.
- first_candidate: the candidates are k = 1 ... d. The mono view is the right one here
  (D-01), so the last column has no candidate inside the frame; in the release, whose
  mono view is the left one, the first column has none.
- outside: candidates outside of the frame are not masked; their colours are 0 in codes
  that are not centred. Their features are 0 in the paper's network, too (D-02).
- architecture: n = 12, stride 1, no attention, 4n filters on the last level.
- clean_luma: the luma of the mono camera has no noise.

The release's noise before a reduction to a quarter is a matter of the records
(`tfrecords_tools.write --scale=0.25`).

Not taken from the release: the softmax of the negated cost, which is a sign of layer
39; ReLU before the skips; 8-bit rough colours and a correction that is trained apart.
"""

import keras
import numpy as np
from keras import layers, ops

from colornet.layers import (
    DisparityFeatureVolume,
    DisparityWeights,
    FoldViews,
    SoftArgmax,
    SplitYCbCr,
    UnfoldFromBatch,
    WarpChroma,
    WeightedAverage,
)
from colornet.model import (
    attention,
    color_residue,
    conv,
    conv_block,
    regulation,
    resnet,
)
from colornet.networks import Network, picture_inputs
from colornet.weights import assign
from experiments.methods.networks.config import ReleasedConfig

# Code 0 in chroma, where grey is code 128 and chroma 0.
_CODE_0 = -128 / 255


def _shifted(maps, columns: int):
    """Maps shifted to the left, with 0 in the last columns."""
    if not columns:
        return maps
    return ops.pad(maps[:, :, columns:], [[0, 0], [0, 0], [0, columns], [0, 0]])


def _regulation(volume, config: ReleasedConfig):
    """Layers 21 to 39, where stride and deepest level may be the release's."""
    if (config.feature_stride, config.deepest_filters) == (2, 2):
        return regulation(volume, config)
    n = config.n
    x = conv_block(volume, 21, "3d_of_volume", n, 3, config)
    x = conv_block(x, 22, "3d", n, 3, config)
    skips = {22: x}
    for row in (23, 26, 29, 32):
        filters = (config.deepest_filters if row == 32 else 2) * n
        x = conv_block(x, row, "3d", filters, 3, config, stride=2)
        x = conv_block(x, row + 1, "3d", filters, 3, config)
        x = conv_block(x, row + 2, "3d", filters, 3, config)
        skips[row + 2] = x
    for row, skip in ((35, 31), (36, 28), (37, 25), (38, 22)):
        filters = skips[skip].shape[-1]
        x = conv_block(x, row, "3d_transposed", filters, 3, config, stride=2)
        x = layers.Add(name=f"l{row}_add")([x, skips[skip]])
    if config.feature_stride == 1:
        return conv(x, 39, "3d", 1, 3)
    return conv(x, 39, "3d_transposed_to_one", 1, 3, stride=2)


@keras.saving.register_keras_serializable("experiments")
class Released(Network):
    """The network of Table 1 with departures of the authors' release.

    Layers have the names of `ColorNet`'s, so that its weights fit.

    Args:
        config: a `ReleasedConfig`.

    Inputs, by name: those of `ColorNet`, and if the network is fed the truth
        target: (batch, height, width, 3) clean RGB of the mono view, in [0, 1].

    Outputs, by name: those of `ColorNet`.
    """

    config_class = ReleasedConfig

    def __init__(self, config: ReleasedConfig, **kwargs):
        inputs = picture_inputs()
        mono = inputs["mono"]
        split = SplitYCbCr(name="ycbcr", dtype="float32")
        luma, chroma = split(inputs["reference"])
        if config.is_fed_the_truth:
            target = keras.Input((None, None, 3), name="target", dtype="float32")
            inputs["target"] = target
            clean_luma, true_chroma = split(target)
            mono = clean_luma if config.clean_luma else mono
        views = [mono, luma]
        if config.truth_in_features:
            unit = layers.Rescaling(config.chroma_units, name="units", dtype="float32")
            views = [
                layers.Concatenate(name=f"{view}_features")([y, unit(colors)])
                for view, y, colors in (
                    ("mono", mono, true_chroma),
                    ("reference", luma, chroma),
                )
            ]
        first = config.first_candidate
        views = FoldViews(name="fold_views")([views[0], _shifted(views[1], first)])
        features = resnet(views, 1, config, stride=config.feature_stride)
        features = conv(features, 18, "2d", config.n, 3)
        features = UnfoldFromBatch(2, name="unfold_views")(features)
        candidates = config.max_disparity // config.feature_stride
        volume = DisparityFeatureVolume(candidates, name="feature_volume")(features)
        if config.attention:
            volume = attention(volume, config)
        weights = DisparityWeights(
            config.border, config.weight_normalization, name="weights"
        )([_regulation(volume, config), chroma[:, :, first:]])

        outside = _CODE_0 if config.codes else 0.0
        colors = _shifted(chroma - outside, first)
        outputs = {}
        if config.rough == "weighted_average":
            rough = WeightedAverage(name="average")([weights, colors])
        else:
            outputs["disparity"] = SoftArgmax(name="disparity")(weights) + first
            rough = WarpChroma(name="average")([outputs["disparity"] - first, colors])
        rough = rough + outside
        chroma = rough
        if config.residue:
            chroma = rough + color_residue(rough, mono, config)
        outputs |= {
            name: layers.Identity(name=name, dtype="float32")(value)
            for name, value in (("chroma", chroma), ("rough_chroma", rough))
        }
        super().__init__(config, inputs, outputs, **kwargs)

    def with_volumes(self) -> keras.Model:
        """As `ColorNet.with_volumes`, without the attention.

        The first of the weights is that of disparity `config.first_candidate`.
        """
        outputs = {**self.output, "weights": self.get_layer("weights").output}
        return keras.Model(self.input, outputs)

    def start_from(self, trained: Network) -> None:
        """Takes the weights of a `ColorNet`, and starts as that network.

        The kernel of layer 1 starts at 0 for chroma.

        Args:
            trained: a `ColorNet` with the same n.

        Raises:
            InputError: weights of another shape.
        """
        values = {v.path: np.asarray(v) for v in trained.variables}
        kernel = self.get_layer("l01_conv").kernel
        more = kernel.shape[2] - values[kernel.path].shape[2]
        values[kernel.path] = np.pad(
            values[kernel.path], [(0, 0)] * 2 + [(0, more), (0, 0)]
        )
        own = {v.path for v in self.variables}
        assign(
            self.variables, {k: v for k, v in values.items() if k in own}, "the start"
        )
