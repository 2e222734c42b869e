"""Trains the network on rendered scenes, without data.

    python -m experiments.pretrain --run_dir=runs/pretrain
    KERAS_BACKEND=jax python -m experiments.pretrain --run_dir=runs/pretrain

Scenes are rendered by other processes while the network trains. A run that was stopped
(Ctrl-C, SIGTERM, --max_seconds) goes on from its last checkpoint when it is started
again with the same flags, under the same backend or another one. At the end the
averaged weights get calibrated statistics, unless these are frozen, and are written to
the run's folder.

The defaults are the recipe (D-30). The paper's are --ema_decay=0 --precision=float32
--calibration_batches=0.

--method=released trains the network of the authors' released protocol: that of Table 1
with the --departures of their code. It is fed the truth, so its scores are no result.
"""

import functools
import os

from absl import flags

from colornet import pretrained
from colornet.config import ModelConfig
from experiments.methods import COLORNET
from experiments.methods.networks import RELEASED
from experiments.methods.networks.config import DEPARTURES, ReleasedConfig
from experiments.pretraining.examples import StreamConfig
from experiments.pretraining.recipe import PretrainConfig
from tfrecords_tools import app

_RUN_DIR = flags.DEFINE_string(
    "run_dir", None, "Folder for checkpoints, metrics and weights.", required=True
)
_MODEL = app.config_flags(
    ModelConfig,
    n="Number of filters.",
    max_disparity="d of Eq. 1 and of the scenes, px, a multiple of 32 (D-04).",
    residue="Whether the residue of Eq. 2 is there (Table 5).",
)
_METHOD = flags.DEFINE_enum(
    "method",
    COLORNET,
    [COLORNET, RELEASED],
    "The network to train; released is fed the truth, and no result.",
)
_DEPARTURES = flags.DEFINE_list(
    "departures", [], f"Of released, from the paper: {', '.join(DEPARTURES)}."
)
_RELEASED = app.config_flags(
    ReleasedConfig,
    chroma_units="Of released: chroma 1.0 in ResNet1's units, luma being in [0, 1].",
)
_STREAM = app.config_flags(
    StreamConfig,
    textures="Folder of pictures for surfaces; skimage for those of scikit-image.",
    height="Height of the crops, px.",
    width="Width of the crops, px.",
    batch_size="Crops a step; the paper's is 1.",
    crops_per_scene="Crops of each scene.",
    noise="A setup of Table 2, or wide: both and other levels.",
    cameras="different: exposure, white balance, gamma and sharpness of the views "
    "differ; or alike.",
    supersample="Samples along each axis of a rendered pixel.",
)
_RECIPE = app.config_flags(
    PretrainConfig,
    initial_weights="Start from these (a run, .npz, pretrained:NAME), with the same n "
    "or a divisor of it; a resumed run has its own.",
    steps="Optimizer steps.",
    learning_rate="Of RMSProp (D-13).",
    epsilon="Of RMSProp (D-13, D-21).",
    ema_decay="Of the moving average of the weights; 0 for none.",
    calibration_batches="For the statistics at the end (D-14); 0 for none.",
    frozen_statistics="Normalize by the statistics of the initial weights, in training "
    "as at test time.",
    precision="Keras dtype policy: mixed_bfloat16 or float32.",
    seed="Of initial weights and scenes.",
)
_PROCESSES = flags.DEFINE_integer(
    "processes", None, "Processes that render; one less than the CPU cores if unset."
)
_MAX_SECONDS = flags.DEFINE_float(
    "max_seconds", None, "End with a checkpoint after so many seconds of training."
)
_CHECKPOINT_EVERY = flags.DEFINE_integer(
    "checkpoint_every", 500, "Steps between checkpoints."
)
_LOG_EVERY = flags.DEFINE_integer(
    "log_every", 50, "Steps between metrics.", lower_bound=1
)
_VALIDATE_EVERY = flags.DEFINE_integer(
    "validate_every", 0, "Steps between scores of held-out scenes; 0 for none."
)
_VALIDATION_BATCHES = flags.DEFINE_integer(
    "validation_batches", 8, "Batches of held-out scenes.", lower_bound=1
)


def _network() -> ModelConfig:
    own = app.flag_values(_MODEL)
    if _METHOD.value == COLORNET:
        app.refuse_flags([_DEPARTURES, *_RELEASED.values()], f"method {COLORNET}")
        return ModelConfig(**own)
    config = ReleasedConfig(**own, **app.flag_values(_RELEASED))
    return config.departing(_DEPARTURES.value)


def _config() -> PretrainConfig:
    model, recipe = _network(), app.flag_values(_RECIPE)
    stream = app.flag_values(_STREAM)
    stream |= {"max_disparity": model.max_disparity, "seed": recipe["seed"]}
    if stream["textures"] != "skimage":
        stream["textures"] = os.path.abspath(stream["textures"])
    if recipe["initial_weights"]:
        recipe["initial_weights"] = pretrained.full_name(recipe["initial_weights"])
    return PretrainConfig(model=model, stream=StreamConfig(**stream), **recipe)


def main() -> None:
    config = _config()
    import keras

    from colornet.precision import warn_if_bfloat16_emulated
    from colornet.training.run import Reporting
    from experiments.pretraining.loop import Pretrainer
    from experiments.pretraining.stream import SceneStream

    reporting = Reporting(
        _CHECKPOINT_EVERY.value, _LOG_EVERY.value, _VALIDATE_EVERY.value, show_every=0
    )
    warn_if_bfloat16_emulated(config.precision)
    trainer = Pretrainer(
        config,
        _RUN_DIR.value,
        functools.partial(SceneStream, processes=_PROCESSES.value),
        reporting,
        _VALIDATION_BATCHES.value,
    )
    print(
        f"from step {trainer.step} to {config.steps} on {keras.backend.backend()}, "
        f"{config.precision}",
        flush=True,
    )
    if trainer.run(_MAX_SECONDS.value):
        print(f"weights in {trainer.write_result()}")
    else:
        print(
            f"time is up: checkpoint of step {trainer.step} in {_RUN_DIR.value}; start "
            "again to go on"
        )


if __name__ == "__main__":
    app.run(main)
