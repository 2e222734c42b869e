"""Trains the network on rendered scenes, without data.

    python -m experiments.pretrain --run_dir=runs/pretrain
    KERAS_BACKEND=jax python -m experiments.pretrain --run_dir=runs/pretrain

Scenes are rendered by other processes while the network trains. A run that was stopped
(Ctrl-C, SIGTERM, --max_seconds) goes on from its last checkpoint when it is started
again with the same flags, under the same backend or another one. At the end the
averaged weights get calibrated statistics, unless these are frozen, and are written to
the run's folder.

The recipe departs from the paper's training where its flags say so (D-30). The paper's:
--learning_rate_schedule=constant --ema_decay=0 --precision=float32
--calibration_batches=0.
"""

import functools
import os

from absl import flags

from colornet import pretrained
from colornet.config import ModelConfig
from experiments.pretraining.examples import NOISE
from experiments.pretraining.recipe import (
    LOSSES,
    OPTIMIZERS,
    PRECISIONS,
    SCHEDULES,
    PretrainConfig,
)
from experiments.pretraining.stream import SceneStream, StreamConfig
from tfrecords_tools import app

_RUN_DIR = flags.DEFINE_string(
    "run_dir", None, "Folder for checkpoints, curve and weights.", required=True
)
_INITIAL_WEIGHTS = flags.DEFINE_string(
    "initial_weights",
    None,
    "Start from these (a run, .npz, pretrained:NAME), with the same n or a divisor of "
    "it; a resumed run has its own.",
)
_TEXTURES = flags.DEFINE_string(
    "textures", "skimage", "Folder of pictures for surfaces, or those of scikit-image."
)
_N = flags.DEFINE_integer("n", 32, "Number of filters.")
_MAX_DISPARITY = flags.DEFINE_integer(
    "max_disparity", 192, "d of Eq. 1 and of the scenes, px, a multiple of 32 (D-04)."
)
_HEIGHT = flags.DEFINE_integer("height", 256, "Height of the crops, px.")
_WIDTH = flags.DEFINE_integer("width", 512, "Width of the crops, px.")
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 1, "Crops a step; the paper's is 1.")
_CROPS_PER_SCENE = flags.DEFINE_integer("crops_per_scene", 4, "Crops of each scene.")
_NOISE = flags.DEFINE_enum(
    "noise", "wide", list(NOISE), "Setup of Table 2, or both and other levels."
)
_CAMERA_DIFFERENCES = flags.DEFINE_float(
    "camera_differences", 0.25, "Largest strength of the cameras' differences, 0 to 1."
)
_EXPOSURE_DIFFERENCES = flags.DEFINE_float(
    "exposure_differences",
    0.0,
    "Largest factor of the reference's exposure, in powers of two; half have none.",
)
_SUPERSAMPLE = flags.DEFINE_integer(
    "supersample", 2, "Samples along each axis of a rendered pixel."
)
_STEPS = flags.DEFINE_integer("steps", 12_000, "Optimizer steps.")
_LEARNING_RATE = flags.DEFINE_float("learning_rate", 0.001, "Its largest value.")
_LEARNING_RATE_SCHEDULE = flags.DEFINE_enum(
    "learning_rate_schedule",
    "cosine",
    list(SCHEDULES),
    "Warm-up, constant, then half a cosine to 0; or constant, the paper's.",
)
_WARMUP_STEPS = flags.DEFINE_integer("warmup_steps", 100, "Of the schedule cosine.")
_ANNEAL_FROM = flags.DEFINE_float(
    "anneal_from",
    0.5,
    "Fraction of the steps from which the schedule cosine falls, and where the weight "
    "of the disparity ends.",
)
_OPTIMIZER = flags.DEFINE_enum(
    "optimizer", "rmsprop", list(OPTIMIZERS), "The paper's is rmsprop (D-13)."
)
_EPSILON = flags.DEFINE_float("epsilon", 1e-7, "Of the optimizer (D-13, D-21).")
_CLIP_NORM = flags.DEFINE_float(
    "clip_norm", 0.0, "Largest global norm of the gradients; 0 for any."
)
_EMA_DECAY = flags.DEFINE_float(
    "ema_decay", 0.998, "Of the moving average of the weights; 0 for none."
)
_LOSS = flags.DEFINE_enum(
    "loss",
    "mse",
    list(LOSSES),
    "Of the colours: the paper's, or the mean of its logarithm over the examples.",
)
_ROUGH_WEIGHT = flags.DEFINE_float(
    "rough_weight", 0.0, "Weight of the rough chroma's error in the loss; paper: 0."
)
_DISPARITY_WEIGHT = flags.DEFINE_float(
    "disparity_weight",
    0.0,
    "Weight of the true disparity in the loss, which falls to 0 at anneal_from; paper: "
    "0.",
)
_CALIBRATION_BATCHES = flags.DEFINE_integer(
    "calibration_batches", 64, "For the statistics at the end (D-31); 0 for none."
)
_FROZEN_STATISTICS = flags.DEFINE_bool(
    "frozen_statistics",
    False,
    "Normalize by the statistics of the initial weights, in training as at test time.",
)
_PRECISION = flags.DEFINE_enum(
    "precision",
    "mixed_bfloat16",
    list(PRECISIONS),
    "Keras dtype policy.",
)
_SEED = flags.DEFINE_integer("seed", 0, "Of initial weights and scenes.")
_PROCESSES = flags.DEFINE_integer(
    "processes", None, "Processes that render; one less than the CPU cores if unset."
)
_MAX_SECONDS = flags.DEFINE_float(
    "max_seconds", None, "End with a checkpoint after so many seconds of training."
)
_CHECKPOINT_EVERY = flags.DEFINE_integer(
    "checkpoint_every", 500, "Steps between checkpoints."
)
_LOG_EVERY = flags.DEFINE_integer("log_every", 50, "Steps between rows of curve.csv.")
_VALIDATE_EVERY = flags.DEFINE_integer(
    "validate_every", 0, "Steps between scores of held-out scenes; 0 for none."
)
_VALIDATION_BATCHES = flags.DEFINE_integer(
    "validation_batches", 8, "Batches of held-out scenes.", lower_bound=1
)


def _config() -> PretrainConfig:
    textures, weights = _TEXTURES.value, _INITIAL_WEIGHTS.value
    return PretrainConfig(
        model=ModelConfig(n=_N.value, max_disparity=_MAX_DISPARITY.value),
        initial_weights=weights and pretrained.full_name(weights),
        stream=StreamConfig(
            textures=textures if textures == "skimage" else os.path.abspath(textures),
            height=_HEIGHT.value,
            width=_WIDTH.value,
            max_disparity=_MAX_DISPARITY.value,
            batch_size=_BATCH_SIZE.value,
            crops_per_scene=_CROPS_PER_SCENE.value,
            noise=_NOISE.value,
            camera_differences=_CAMERA_DIFFERENCES.value,
            exposure_differences=_EXPOSURE_DIFFERENCES.value,
            supersample=_SUPERSAMPLE.value,
            seed=_SEED.value,
        ),
        steps=_STEPS.value,
        learning_rate=_LEARNING_RATE.value,
        learning_rate_schedule=_LEARNING_RATE_SCHEDULE.value,
        warmup_steps=_WARMUP_STEPS.value,
        anneal_from=_ANNEAL_FROM.value,
        optimizer=_OPTIMIZER.value,
        epsilon=_EPSILON.value,
        clip_norm=_CLIP_NORM.value,
        ema_decay=_EMA_DECAY.value,
        loss=_LOSS.value,
        rough_weight=_ROUGH_WEIGHT.value,
        disparity_weight=_DISPARITY_WEIGHT.value,
        calibration_batches=_CALIBRATION_BATCHES.value,
        frozen_statistics=_FROZEN_STATISTICS.value,
        precision=_PRECISION.value,
        seed=_SEED.value,
    )


def main() -> None:
    config = _config()
    import keras

    from colornet.training.precision import warn_if_bfloat16_emulated
    from experiments.pretraining.loop import Pretrainer, Reporting
    from experiments.pretraining.result import calibrated_weights

    reporting = Reporting(
        checkpoint_every=_CHECKPOINT_EVERY.value,
        log_every=_LOG_EVERY.value,
        validate_every=_VALIDATE_EVERY.value,
        validation_batches=_VALIDATION_BATCHES.value,
    )
    open_stream = functools.partial(SceneStream, processes=_PROCESSES.value)
    warn_if_bfloat16_emulated(config.precision)
    trainer = Pretrainer(config, _RUN_DIR.value, open_stream, reporting)
    print(
        f"from step {trainer.step} to {config.steps} on {keras.backend.backend()}, "
        f"{config.precision}",
        flush=True,
    )
    if not trainer.run(_MAX_SECONDS.value):
        print(
            f"time is up: checkpoint of step {trainer.step} in {_RUN_DIR.value}; start "
            "again to go on"
        )
        return
    print(f"weights in {calibrated_weights(_RUN_DIR.value, open_stream)}")


if __name__ == "__main__":
    app.run(main)
