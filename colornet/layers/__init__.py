"""Keras layers of the volume, one concept a file.

Volumes are laid out (batch, candidates, height, width, channels): the slices of a
volume are then a batch of pictures.
"""

from colornet.layers.color import SplitYCbCr
from colornet.layers.feature_volume import DisparityFeatureVolume
from colornet.layers.fold import FoldViews, UnfoldFromBatch, UnfoldViews
from colornet.layers.map_convolution import MapConv2D
from colornet.layers.normalization import BatchNormalization, PictureNormalization
from colornet.layers.soft_argmax import SoftArgmax, WarpChroma
from colornet.layers.volume_convolution import SubpixelConv3DTranspose, VolumeConv3D
from colornet.layers.weighted_average import DisparityWeights, WeightedAverage

__all__ = [
    "BatchNormalization",
    "DisparityFeatureVolume",
    "DisparityWeights",
    "FoldViews",
    "MapConv2D",
    "PictureNormalization",
    "SoftArgmax",
    "SplitYCbCr",
    "SubpixelConv3DTranspose",
    "UnfoldFromBatch",
    "UnfoldViews",
    "VolumeConv3D",
    "WarpChroma",
    "WeightedAverage",
]
