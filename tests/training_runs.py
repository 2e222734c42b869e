"""Small trainings that the tests share."""

import sys

from colornet.config import ModelConfig, TrainConfig
from colornet.training.loop import Trainer, make_strategy
from colornet.training.run import Reporting
from tests.tiny_network import TinyConfig

QUIET = Reporting(2, log_every=1, validate_every=0, show_every=0, progress=False)
COLORNET = ModelConfig(n=2, max_disparity=32)


def config_for(records, **changes):
    settings = {
        "model": TinyConfig(),
        "records": str(records),
        "steps": 6,
        "crop_height": 32,
        "crop_width": 64,
    }
    return TrainConfig(**settings | changes)


def trainer_for(config, run_dir, reporting=QUIET):
    return Trainer(config, run_dir, make_strategy("one_device", "cpu"), reporting)


def flags_for(config, run_dir, **more):
    values = {
        "records": config.records,
        "run_dir": run_dir,
        "n": config.model.n,
        "max_disparity": config.model.max_disparity,
        "steps": config.steps,
        "crop_height": config.crop_height,
        "crop_width": config.crop_width,
        "checkpoint_every": 2,
        "log_every": 1,
        "picture_every": 0,
        "device": "cpu",
    }
    flags = [f"--{name}={value}" for name, value in (values | more).items()]
    return [sys.executable, "-m", "experiments.train", *flags]
