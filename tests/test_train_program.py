"""experiments.train: its flags, its errors, the memory that it expects."""

import json
import os
import subprocess
import sys

import pytest
import tensorflow as tf

from colornet.config import ModelConfig, TrainConfig
from colornet.training.losses import build_optimizer
from colornet.training.memory import step_bytes
from experiments.methods.networks.config import MethodConfig
from tests.command_line import ROOT
from tests.training_runs import COLORNET, config_for, flags_for

_NO_TASK = '{"cluster": {"worker": ["localhost:1", "localhost:2"]}}'


@pytest.mark.slow
def test_bad_flags_and_missing_devices_are_one_line(records, tmp_path):
    config = config_for(records, model=COLORNET)
    for more, words in (
        ({"device": "gpu"}, "expected a GPU"),
        ({"strategy": "multi_worker"}, "Received: nothing"),
        ({"strategy": "multi_worker", "TF_CONFIG": '{"cluster":'}, "as JSON"),
        ({"strategy": "multi_worker", "TF_CONFIG": _NO_TASK}, "as JSON"),
        ({"precision": "float8"}, "float8"),
        ({"crop_width": 100}, "crop_width must be a positive multiple of 32"),
        ({"method": "he"}, "flags of method he. Received: --n, --max_disparity"),
        ({"width": 0.25}, "flags of method colornet. Received: --width"),
    ):
        environment = {k: v for k, v in os.environ.items() if k != "TF_CONFIG"}
        if "TF_CONFIG" in more:
            environment["TF_CONFIG"] = more.pop("TF_CONFIG")
        done = subprocess.run(
            flags_for(config, tmp_path / "run", **more),
            capture_output=True,
            text=True,
            env=environment,
        )
        assert done.returncode == 1
        assert words in done.stderr and len(done.stderr.splitlines()) == 1
        assert not (tmp_path / "run").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("backend", "words"),
    [("jax", "KERAS_BACKEND=tensorflow to read records"), ("nonsense", "or jax")],
)
def test_backends_that_cannot_train(records, tmp_path, backend, words):
    done = subprocess.run(
        flags_for(config_for(records, model=COLORNET), tmp_path / "run"),
        capture_output=True,
        text=True,
        env={**os.environ, "KERAS_BACKEND": backend},
    )
    assert done.returncode == 1
    # TensorFlow, which the program imports itself here, has notes of its own.
    last = done.stderr.splitlines()[-1]
    assert last.startswith("error: ") and words in last, done.stderr
    assert "Traceback" not in done.stderr


_PROGRAM = """
import json, sys
from absl import flags
import experiments.train as program
found = []
for line in json.loads(sys.argv[1]):
    flags.FLAGS.unparse_flags()
    for flag in flags.FLAGS:
        flags.FLAGS[flag].unparse()
    flags.FLAGS(["train", "--records=/r", "--run_dir=/run", *line])
    found.append(program.configuration().to_dict())
print(json.dumps(found))
"""


def configurations(*lines):
    """What `experiments.train` trains with these flags."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, json.dumps(lines)],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_program_trains_as_the_paper_says():
    """Typed from the paper; `ours` lists what the paper does not say."""
    [config] = configurations([])
    paper = {
        "batch_size": 1,
        "crop_height": 256,
        "crop_width": 512,
        "learning_rate": 0.001,
        "loss": "chroma_mse",
    }
    ours = {
        "records": "/r",
        "split": "train",
        "steps": 100_000,
        "rho": 0.9,
        "epsilon": 1e-7,
        "precision": "float32",
        "recompute": False,
        "jit": False,
        "validation_records": None,
        "validation_split": None,
        "validation_examples": 16,
        "calibration_batches": 64,
        "seed": 0,
    }
    model = {
        "n": 32,
        "attention": True,
        "rough": "weighted_average",
        "residue": True,
        "max_disparity": 192,
        "border": "mask",
        "weight_normalization": "softmax",
        "chroma_scale": 255.0,
        "residue_init": "zero",
        "view_statistics": "joint",
        "bn_statistics": "moving",
        "bn_momentum": 0.99,
        "bn_epsilon": 1e-3,
    }
    assert config == {**paper, **ours, "model": model}
    variable = tf.keras.Variable([0.0])
    optimizer = build_optimizer(TrainConfig(), [variable])
    assert type(optimizer) is tf.keras.optimizers.RMSprop and not optimizer.clipnorm
    assert optimizer.momentum == 0 and not optimizer.centered


def test_variants_lack_what_table_5_says():
    """Typed from Table 5: attention, weighted average, residue, and the loss."""
    table = {
        "full": (True, "weighted_average", True, "chroma_mse"),
        "no_attention": (False, "weighted_average", True, "chroma_mse"),
        "no_weighted_average": (True, "soft_argmax", True, "chroma_mse"),
        "no_residue": (True, "weighted_average", False, "chroma_mse"),
        "stereo_matching": (False, "soft_argmax", False, "disparity_l1"),
    }
    found = configurations(*([f"--variant={name}"] for name in table))
    for name, config in zip(table, found, strict=True):
        model = config["model"]
        parts = *(model[p] for p in ("attention", "rough", "residue")), config["loss"]
        assert parts == table[name], name


@pytest.mark.slow
def test_memory_that_is_not_there_is_one_line(records, tmp_path):
    # A kernel of 3 x 3 x n x n numbers is larger than what can be addressed.
    config = config_for(records, model=ModelConfig(n=2_000_000, max_disparity=32))
    done = subprocess.run(
        flags_for(config, tmp_path / "run"), capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "expected memory of a step: 5.7e+03 GB" in done.stdout
    assert done.stderr.startswith("error: expected enough memory; less is taken with ")
    assert len(done.stderr.splitlines()) == 1
    for flag in ("--recompute", "--crop_height", "--precision=mixed_bfloat16"):
        assert flag in done.stderr


@pytest.mark.parametrize(
    ("d", "crop", "changes", "gigabytes"),
    [
        (160, (256, 512), {}, 9.89),
        (160, (256, 512), {"precision": "mixed_bfloat16"}, 5.62),
        (160, (256, 512), {"recompute": True}, 4.08),
        (160, (256, 512), {"recompute": True, "precision": "mixed_bfloat16"}, 2.78),
        (160, (128, 256), {}, 2.82),
        (160, (256, 256), {}, 5.15),
        (96, (256, 512), {}, 7.86),
    ],
)
def test_expected_memory_is_what_was_measured(d, crop, changes, gigabytes):
    """Peaks of the training step in results/speed.md, less 0.7 GB of the program."""
    model = ModelConfig(max_disparity=d)
    height, width = crop
    config = TrainConfig(model, crop_height=height, crop_width=width, **changes)
    assert step_bytes(config) / 1e9 == pytest.approx(gigabytes, rel=0.15)
    double = config.replace(batch_size=2)
    assert step_bytes(double, replicas=2) == step_bytes(config)
    assert step_bytes(double) == 2 * step_bytes(config)


def test_nothing_is_known_of_the_memory_of_other_networks():
    assert step_bytes(TrainConfig(MethodConfig("he"), loss="network")) is None
