"""A network of a few layers, for tests of what does not depend on the network.

It has what the training loops need: batch normalization, weights W over d candidates,
a rough and a final chroma. Table 1's takes half a minute to trace.
"""

import dataclasses

import keras
from keras import layers, ops

from colornet.config import ModelConfig
from colornet.layers import (
    BatchNormalization,
    DisparityWeights,
    PictureNormalization,
    SplitYCbCr,
    WeightedAverage,
)
from colornet.networks import Network, picture_inputs
from colornet.registry import register_network


@dataclasses.dataclass(frozen=True)
class TinyConfig(ModelConfig):
    """Of it n, max_disparity and batch normalization's fields count."""

    name: str = "tiny"
    n: int = 2
    max_disparity: int = 32


@keras.saving.register_keras_serializable("tests")
class Tiny(Network):
    config_class = TinyConfig

    def __init__(self, config: TinyConfig, **kwargs):
        inputs = picture_inputs()
        split = SplitYCbCr(name="reference_ycbcr", dtype="float32")
        luma, reference_chroma = split(inputs["reference"])
        kinds = {"moving": BatchNormalization, "batch": PictureNormalization}
        x = layers.Concatenate(name="views")([inputs["mono"], luma])
        x = layers.Conv2D(config.n, 3, padding="same", use_bias=False, name="first")(x)
        x = kinds[config.bn_statistics](
            momentum=config.bn_momentum, epsilon=config.bn_epsilon, name="first_bn"
        )(x)
        x = layers.ReLU(name="first_relu")(x)
        scores = layers.Conv2D(
            config.max_disparity, 3, padding="same", name="scores", dtype="float32"
        )(x)
        logits = ops.transpose(scores, (0, 3, 1, 2))[..., None]
        weights = DisparityWeights(
            config.border, config.weight_normalization, name="weights"
        )([logits, reference_chroma])
        rough = WeightedAverage(name="rough_chroma")([weights, reference_chroma])
        last = layers.Conv2D(
            2,
            3,
            padding="same",
            kernel_initializer="zeros",
            name="last",
            dtype="float32",
        )
        outputs = {
            "chroma": layers.Add(name="chroma", dtype="float32")([rough, last(x)]),
            "rough_chroma": rough,
        }
        super().__init__(config, inputs, outputs, **kwargs)

    def with_volumes(self) -> keras.Model:
        outputs = {**self.output, "weights": self.get_layer("weights").output}
        return keras.Model(self.input, outputs)


register_network("tiny", TinyConfig, "tests.tiny_network:Tiny")
