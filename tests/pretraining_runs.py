"""Small pretraining runs that the tests share, on any backend."""

import contextlib
import itertools
import os
import signal

import numpy as np

from colornet.config import ModelConfig
from experiments.pretraining.examples import DISPARITY_STEPS, StreamConfig
from experiments.pretraining.recipe import PretrainConfig
from tests.tiny_network import TinyConfig

CONFIG = PretrainConfig(
    model=TinyConfig(),
    stream=StreamConfig(height=32, width=64, max_disparity=32),
    steps=6,
    calibration_batches=2,
    precision="float32",
)
TABLE_1 = CONFIG.replace(model=ModelConfig(n=2, max_disparity=32))


def batch_of(config, step):
    """Pictures whose every pixel moved by 5: a function of seed and step alone."""
    rng = np.random.default_rng([config.seed, step])
    shape = (config.batch_size, config.height, config.width + 5, 3)
    scene = rng.integers(0, 256, shape).astype(np.uint8)
    target, reference = scene[:, :, 5:], scene[:, :, :-5]
    disparity = np.full((*target.shape[:3], 1), 5 * DISPARITY_STEPS, np.uint16)
    disparity[:, :, -5:] = 0
    return {
        "mono": target[..., 1:2],
        "reference": reference,
        "target": target,
        "disparity": disparity,
    }


@contextlib.contextmanager
def pictures(config, start_step):
    yield (batch_of(config, step) for step in itertools.count(start_step))


def stopping_at(last_step):
    """As `pictures`, with a SIGTERM while the batch of a step is made."""

    @contextlib.contextmanager
    def opened(config, start_step):
        def batches():
            for step in itertools.count(start_step):
                if step + 1 == last_step:
                    os.kill(os.getpid(), signal.SIGTERM)
                yield batch_of(config, step)

        yield batches()

    return opened
