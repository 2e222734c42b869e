"""A network and pairs of random numbers, for what does not depend on the colours."""

import keras
import numpy as np

from colornet.config import ModelConfig
from colornet.model import build_colornet


def random_network(max_disparity):
    """An untrained one, its residue not 0, its statistics those of a picture."""
    keras.utils.set_random_seed(0)
    network = build_colornet(
        ModelConfig(
            n=2, max_disparity=max_disparity, residue_init="he", bn_momentum=0.0
        )
    )
    mono, reference = random_pair(64, 96)
    inputs = {"mono": mono[None, ..., None], "reference": reference[None]}
    network(inputs, training=True)
    return network


def random_pair(height, width):
    rng = np.random.default_rng(height * 1000 + width)
    mono = rng.random((height, width), np.float32)
    return mono, rng.random((height, width, 3), np.float32)
