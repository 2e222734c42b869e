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

from colornet.config import PRECISIONS, VARIANTS, ModelConfig, TrainConfig
from experiments.methods import networks
from experiments.methods.networks.config import MethodConfig
from tfrecords_tools import app

_RECORDS = flags.DEFINE_string(
    "records", None, "Folder of TFRecords made by tfrecords_tools.write.", required=True
)
_RUN_DIR = flags.DEFINE_string(
    "run_dir", None, "Folder for checkpoints, metrics and TensorBoard.", required=True
)
_SPLIT = flags.DEFINE_string("split", "train", "Split to train on.")
_METHOD = flags.DEFINE_enum(
    "method", "ours", ["ours", *networks.names()], "The network to train."
)
_WIDTH = flags.DEFINE_float(
    "width", 1.0, "Of a comparison method: multiplies all its channel counts."
)
_GLOBAL_SIZE = flags.DEFINE_integer(
    "global_size", 224, "Of iizuka and furusawa: side of the global features' input."
)
_VARIANT = flags.DEFINE_enum(
    "variant", "full", list(VARIANTS), "The network or one of Table 5's ablations."
)
_N = flags.DEFINE_integer("n", 32, "Number of filters.")
_MAX_DISPARITY = flags.DEFINE_integer(
    "max_disparity", 192, "d of Eq. 1 in pixels, a multiple of 32 (D-04)."
)
_BORDER = flags.DEFINE_enum(
    "border", "mask", ["mask", "zero"], "Candidates past the right border (D-02)."
)
_WEIGHT_NORMALIZATION = flags.DEFINE_enum(
    "weight_normalization", "softmax", ["softmax", "none"], "Of W over k (D-03)."
)
_RESIDUE_INIT = flags.DEFINE_enum(
    "residue_init", "zero", ["zero", "he"], "Start of l93_conv (D-17)."
)
_CHROMA_SCALE = flags.DEFINE_float(
    "chroma_scale", 255.0, "Chroma 1.0 in ResNet2's and ResNet4's units (D-21)."
)
_BN_MOMENTUM = flags.DEFINE_float(
    "bn_momentum", 0.99, "Momentum of batch normalization's moving statistics (D-14)."
)
_STEPS = flags.DEFINE_integer("steps", 100_000, "Optimizer steps.")
_BATCH_SIZE = flags.DEFINE_integer(
    "batch_size", 1, "Examples a step, over all replicas."
)
_CROP_HEIGHT = flags.DEFINE_integer("crop_height", 256, "Height of the crop, px.")
_CROP_WIDTH = flags.DEFINE_integer("crop_width", 512, "Width of the crop, px.")
_LEARNING_RATE = flags.DEFINE_float("learning_rate", 0.001, "Of RMSProp.")
_EPSILON = flags.DEFINE_float("epsilon", 1e-7, "Of RMSProp (D-13, D-21).")
_PRECISION = flags.DEFINE_enum(
    "precision", "float32", list(PRECISIONS), "Dtype policy; float16 scales the loss."
)
_RECOMPUTE = flags.DEFINE_bool(
    "recompute", False, "Keep less for the gradients: less memory, a longer step."
)
_SEED = flags.DEFINE_integer("seed", 0, "Of initial weights, order and crops.")
_STRATEGY = flags.DEFINE_enum(
    "strategy",
    "one_device",
    ["one_device", "mirrored", "multi_worker"],
    "tf.distribute strategy; multi_worker reads the cluster from TF_CONFIG.",
)
_DEVICE = flags.DEFINE_enum(
    "device", "auto", ["auto", "gpu", "cpu"], "gpu fails where there is none."
)
_CHECKPOINT_EVERY = flags.DEFINE_integer(
    "checkpoint_every", 1000, "Steps between checkpoints."
)
_LOG_EVERY = flags.DEFINE_integer("log_every", 10, "Steps between metrics.")
_PICTURE_EVERY = flags.DEFINE_integer(
    "picture_every", 1000, "Steps between TensorBoard pictures; 0 for none."
)
_OF_METHODS = (_WIDTH, _GLOBAL_SIZE)
_OF_OURS = (_VARIANT, _N, _MAX_DISPARITY, _BORDER, _WEIGHT_NORMALIZATION)
_OF_OURS += (_RESIDUE_INIT, _CHROMA_SCALE, _RECOMPUTE)


def _method() -> MethodConfig:
    return MethodConfig(
        name=_METHOD.value,
        width=_WIDTH.value,
        global_size=_GLOBAL_SIZE.value,
        bn_momentum=_BN_MOMENTUM.value,
    )


def _model() -> ModelConfig:
    return ModelConfig(
        n=_N.value,
        max_disparity=_MAX_DISPARITY.value,
        border=_BORDER.value,
        weight_normalization=_WEIGHT_NORMALIZATION.value,
        residue_init=_RESIDUE_INIT.value,
        chroma_scale=_CHROMA_SCALE.value,
        bn_momentum=_BN_MOMENTUM.value,
        **VARIANTS[_VARIANT.value],
    )


def _loss() -> str:
    if _METHOD.value != "ours":
        return "network"
    return "disparity_l1" if _VARIANT.value == "stereo_matching" else "chroma_mse"


def _config() -> TrainConfig:
    return TrainConfig(
        model=_model() if _METHOD.value == "ours" else _method(),
        records=os.path.abspath(_RECORDS.value),
        split=_SPLIT.value,
        steps=_STEPS.value,
        batch_size=_BATCH_SIZE.value,
        crop_height=_CROP_HEIGHT.value,
        crop_width=_CROP_WIDTH.value,
        learning_rate=_LEARNING_RATE.value,
        epsilon=_EPSILON.value,
        loss=_loss(),
        precision=_PRECISION.value,
        recompute=_RECOMPUTE.value,
        seed=_SEED.value,
    )


def main() -> None:
    others = _OF_METHODS if _METHOD.value == "ours" else _OF_OURS
    app.refuse_flags(others, f"method {_METHOD.value}")
    config = _config()
    import tensorflow as tf

    from colornet.training.loop import Reporting, Trainer, make_strategy
    from colornet.training.precision import warn_if_bfloat16_emulated

    devices = [device.name for device in tf.config.list_physical_devices()]
    print(f"devices found: {', '.join(devices)}", flush=True)
    strategy = make_strategy(_STRATEGY.value, _DEVICE.value)
    reporting = Reporting(
        checkpoint_every=_CHECKPOINT_EVERY.value,
        log_every=_LOG_EVERY.value,
        picture_every=_PICTURE_EVERY.value,
    )
    warn_if_bfloat16_emulated(config.precision)
    trainer = Trainer(config, _RUN_DIR.value, strategy, reporting)
    what = _VARIANT.value if _METHOD.value == "ours" else _METHOD.value
    print(
        f"training {what} from step {trainer.step} to {config.steps} on "
        f"{strategy.num_replicas_in_sync} device(s), {len(trainer.records)} records"
    )
    trainer.run()
    print(f"checkpoint of step {trainer.step} in {_RUN_DIR.value}")


if __name__ == "__main__":
    app.run(main)
