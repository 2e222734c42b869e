"""Keras layers of the volume, one concept a file.

Volumes are laid out (batch, candidates, height, width, channels): the slices of a
volume are then a batch of pictures.
"""

from colornet.layers.attention import ApplyAttention
from colornet.layers.color import SplitYCbCr
from colornet.layers.feature_volume import DisparityFeatureVolume
from colornet.layers.fold import UnfoldFromBatch
from colornet.layers.normalization import PictureNormalization
from colornet.layers.soft_argmax import SoftArgmax, WarpChroma
from colornet.layers.weighted_average import DisparityWeights, WeightedAverage

__all__ = [
    "ApplyAttention",
    "DisparityFeatureVolume",
    "DisparityWeights",
    "PictureNormalization",
    "SoftArgmax",
    "SplitYCbCr",
    "UnfoldFromBatch",
    "WarpChroma",
    "WeightedAverage",
]
