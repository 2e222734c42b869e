"""Trains the network on TFRecords.

    python -m experiments.train --records=records --run_dir=runs/full --device=gpu

The paper's training is the default: n=32, 256x512 crops, batch 1, RMSProp with learning
rate 0.001; d=192 and 100,000 steps are ours (D-04, D-13).

A run that was stopped goes on from its last checkpoint when it is started again with
the same flags. Ctrl-C, SIGTERM and --max_seconds lose nothing. A killed program loses
the steps since the last checkpoint (--checkpoint_every). A number that is not finite is
found when metrics are fetched (--log_every); the run then ends, and goes on from the
last checkpoint.

Every --validate_every steps, --validation_examples held-out pictures are scored, in
`validation.csv` and TensorBoard, and the checkpoint with the best score is kept. At the
end the statistics of batch normalization are compared (`statistics.csv`, D-14).
Gradients are not clipped: the paper has no clipping.

On GPUs of NVIDIA's Ampere generation and later, TensorFlow rounds the factors of
float32 convolutions to 10 bits (TF32) unless --notf32 is given.

`--method` trains a comparison method of Tables 3 and 4 in the same way, with its own
loss; --variant, --n and the other flags of the network itself are not for it.
"""

import os

from absl import flags

from colornet.config import VARIANTS, ModelConfig, NetworkConfig, TrainConfig
from colornet.training.memory import LESS_MEMORY, step_bytes
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
    view_statistics="ResNet1's batch statistics of both views: joint or separate "
    "(D-20).",
    chroma_scale="Chroma 1.0 in ResNet2's and ResNet4's units (D-21).",
)
_ANY_NETWORK = app.config_flags(
    ModelConfig,
    bn_momentum="Momentum of batch normalization's moving statistics (D-14).",
)
_TRAINING = app.config_flags(
    TrainConfig,
    split="Split to train on. Records of pairs have split test alone, unless their "
    "INDEX.tsv has a column split.",
    steps="Optimizer steps.",
    batch_size="Examples a step, over all replicas.",
    crop_height="Height of the crop, px.",
    crop_width="Width of the crop, px.",
    learning_rate="Of RMSProp.",
    rho="Of RMSProp: decay of the mean of squared gradients.",
    epsilon="Of RMSProp (D-13, D-21).",
    precision="Dtype policy: float32, mixed_bfloat16, or mixed_float16, which scales "
    "the loss.",
    recompute="Keep less for the gradients: less memory, a longer step.",
    jit="Compile the step with XLA.",
    validation_records="Folder of TFRecords with held-out pictures; --records if "
    "unset.",
    validation_split="Their split; validation, where there is one, if unset.",
    validation_examples="How many held-out pictures, each cropped to the size of the "
    "crops; 0 for none.",
    calibration_batches="Training batches for the statistics at the end (D-14); 0 for "
    "none.",
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
_LOG_EVERY = flags.DEFINE_integer(
    "log_every",
    10,
    "Steps between metrics, which are fetched together.",
    lower_bound=1,
)
_VALIDATE_EVERY = flags.DEFINE_integer(
    "validate_every", 1000, "Steps between scores of held-out pictures; 0 for none."
)
_PICTURE_EVERY = flags.DEFINE_integer(
    "picture_every", 1000, "Steps between TensorBoard pictures; 0 for none."
)
_TF32 = flags.DEFINE_bool(
    "tf32", True, "Let GPUs that have TF32 use it in float32 convolutions."
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


def configuration() -> TrainConfig:
    """What the flags describe.

    Raises:
        InputError: a flag that is not of the method, or a value that cannot be.
    """
    is_ours = _METHOD.value == COLORNET
    app.refuse_flags(_OF_METHODS if is_ours else _OF_OURS, f"method {_METHOD.value}")
    model, loss = _network()
    values = app.flag_values(_TRAINING)
    if values["validation_records"]:
        values["validation_records"] = os.path.abspath(values["validation_records"])
    return TrainConfig(model, os.path.abspath(_RECORDS.value), loss=loss, **values)


def _print_machine(config: TrainConfig, replicas: int) -> None:
    import tensorflow as tf

    devices = [device.name for device in tf.config.list_physical_devices()]
    print(f"devices found: {', '.join(devices)}")
    if tf.config.get_visible_devices("GPU") and config.precision == "float32":
        print(f"TF32 where the GPU has it: {'on' if _TF32.value else 'off'}")
    if needed := step_bytes(config, replicas):
        print(
            f"expected memory of a step: {needed / 1e9:.2g} GB on each device, beside "
            f"the program; less with {LESS_MEMORY}",
            flush=True,
        )


def main() -> None:
    config = configuration()
    import tensorflow as tf

    from colornet.precision import warn_if_bfloat16_emulated
    from colornet.training.loop import Trainer, make_strategy
    from colornet.training.run import Reporting

    tf.config.experimental.enable_tensor_float_32_execution(_TF32.value)
    strategy = make_strategy(_STRATEGY.value, _DEVICE.value)
    _print_machine(config, strategy.num_replicas_in_sync)
    warn_if_bfloat16_emulated(config.precision)
    trainer = Trainer(
        config,
        _RUN_DIR.value,
        strategy,
        Reporting(
            checkpoint_every=_CHECKPOINT_EVERY.value,
            log_every=_LOG_EVERY.value,
            validate_every=_VALIDATE_EVERY.value,
            show_every=_PICTURE_EVERY.value,
        ),
    )
    held_out = "no held-out pictures (--validation_split)"
    if trainer.validation is not None:
        held_out = f"held-out pictures of split {trainer.validation.split}"
    print(
        f"training {_VARIANT.value if config.model.name == COLORNET else _METHOD.value}"
        f" from step {trainer.step} to {config.steps} on "
        f"{strategy.num_replicas_in_sync} device(s), {len(trainer.records)} records, "
        f"{held_out}",
        flush=True,
    )
    if not trainer.run(_MAX_SECONDS.value):
        print(
            f"time is up, start again to go on: checkpoint of step {trainer.step} in "
            f"{_RUN_DIR.value}"
        )
        return
    print(f"checkpoint of step {trainer.step} in {_RUN_DIR.value}", flush=True)
    if table := trainer.write_result():
        print(f"statistics of batch normalization, the better ones first ({table}):")
        print(table.read_text("utf-8"), end="")


if __name__ == "__main__":
    app.run(main, less_memory=LESS_MEMORY)
