"""Trains the network on TFRecords.

    python -m experiments.train --records=records --run_dir=runs/full --device=gpu

The paper's training is the default: n=32, 256x512 crops, batch 1, RMSProp with learning
rate 0.001; d=192 and 100,000 steps are ours (D-04, D-13).

A run that was stopped goes on from its last checkpoint when it is started again with
the same flags.

`--method` trains a comparison method of Tables 3 and 4 in the same way, with its own
loss; --variant, --n and the other flags of the network itself are not for it.
"""

import os

from absl import flags

from colornet.config import VARIANTS, ModelConfig, NetworkConfig, TrainConfig
from experiments.methods import COLORNET, networks
from experiments.methods.networks.config import MethodConfig
from tfrecords_tools import app

_RECORDS = flags.DEFINE_string(
    "records", None, "Folder of TFRecords made by tfrecords_tools.write.", required=True
)
_RUN_DIR = flags.DEFINE_string(
    "run_dir", None, "Folder for checkpoints, metrics and TensorBoard.", required=True
)
_METHOD = flags.DEFINE_enum(
    "method", COLORNET, [COLORNET, *networks.names()], "The network to train."
)
_METHOD_CONFIG = app.config_flags(
    MethodConfig,
    width="Of a comparison method: multiplies all its channel counts.",
    global_size="Of iizuka and furusawa: side of the global features' input.",
)
_VARIANT = flags.DEFINE_enum(
    "variant", "full", list(VARIANTS), "The network or one of Table 5's ablations."
)
_MODEL = app.config_flags(
    ModelConfig,
    n="Number of filters.",
    max_disparity="d of Eq. 1 in pixels, a multiple of 32 (D-04).",
    border="Candidates past the right border: mask or zero (D-02).",
    weight_normalization="Of W over k: softmax or none (D-03).",
    residue_init="Start of l93_conv: zero or he (D-17).",
    chroma_scale="Chroma 1.0 in ResNet2's and ResNet4's units (D-21).",
)
_ANY_NETWORK = app.config_flags(
    ModelConfig,
    bn_momentum="Momentum of batch normalization's moving statistics (D-14).",
)
_TRAINING = app.config_flags(
    TrainConfig,
    split="Split to train on.",
    steps="Optimizer steps.",
    batch_size="Examples a step, over all replicas.",
    crop_height="Height of the crop, px.",
    crop_width="Width of the crop, px.",
    learning_rate="Of RMSProp.",
    epsilon="Of RMSProp (D-13, D-21).",
    precision="Dtype policy: float32, mixed_bfloat16, or mixed_float16, which scales "
    "the loss.",
    recompute="Keep less for the gradients: less memory, a longer step.",
    seed="Of initial weights, order and crops.",
)
_STRATEGY = flags.DEFINE_enum(
    "strategy",
    "one_device",
    ["one_device", "mirrored", "multi_worker"],
    "tf.distribute strategy; multi_worker reads the cluster from TF_CONFIG.",
)
_DEVICE = flags.DEFINE_enum(
    "device", "auto", ["auto", "gpu", "cpu"], "gpu fails where there is none."
)
_MAX_SECONDS = flags.DEFINE_float(
    "max_seconds", None, "End with a checkpoint after so many seconds of training."
)
_CHECKPOINT_EVERY = flags.DEFINE_integer(
    "checkpoint_every", 1000, "Steps between checkpoints."
)
_LOG_EVERY = flags.DEFINE_integer("log_every", 10, "Steps between metrics.")
_PICTURE_EVERY = flags.DEFINE_integer(
    "picture_every", 1000, "Steps between TensorBoard pictures; 0 for none."
)
_OF_METHODS = _METHOD_CONFIG.values()
_OF_OURS = (_VARIANT, *_MODEL.values(), _TRAINING["recompute"])


def _network() -> tuple[NetworkConfig, str]:
    """The network, and the loss that it is trained with."""
    common = app.flag_values(_ANY_NETWORK)
    if _METHOD.value != COLORNET:
        own = app.flag_values(_METHOD_CONFIG)
        return MethodConfig(_METHOD.value, **own, **common), "network"
    own = app.flag_values(_MODEL) | VARIANTS[_VARIANT.value]
    stereo = _VARIANT.value == "stereo_matching"
    return ModelConfig(**own, **common), "disparity_l1" if stereo else "chroma_mse"


def main() -> None:
    is_ours = _METHOD.value == COLORNET
    app.refuse_flags(_OF_METHODS if is_ours else _OF_OURS, f"method {_METHOD.value}")
    model, loss = _network()
    records = os.path.abspath(_RECORDS.value)
    config = TrainConfig(model, records, loss=loss, **app.flag_values(_TRAINING))
    import tensorflow as tf

    from colornet.training.loop import Trainer, make_strategy
    from colornet.training.precision import warn_if_bfloat16_emulated
    from colornet.training.run import Reporting

    devices = [device.name for device in tf.config.list_physical_devices()]
    print(f"devices found: {', '.join(devices)}", flush=True)
    strategy = make_strategy(_STRATEGY.value, _DEVICE.value)
    reporting = Reporting(
        _CHECKPOINT_EVERY.value, _LOG_EVERY.value, _PICTURE_EVERY.value
    )
    warn_if_bfloat16_emulated(config.precision)
    trainer = Trainer(config, _RUN_DIR.value, strategy, reporting)
    print(
        f"training {_VARIANT.value if is_ours else _METHOD.value} from step "
        f"{trainer.step} to {config.steps} on {strategy.num_replicas_in_sync} "
        f"device(s), {len(trainer.records)} records"
    )
    done = trainer.run(_MAX_SECONDS.value)
    print(
        f"{'' if done else 'time is up, start again to go on: '}checkpoint of step "
        f"{trainer.step} in {_RUN_DIR.value}"
    )


if __name__ == "__main__":
    app.run(main)
