"""One training step: losses, optimizer, precision, several devices."""

import csv
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from colornet.config import ModelConfig, TrainConfig
from colornet.errors import InputError
from colornet.training.checkpoints import Checkpoints
from colornet.training.losses import (
    build_optimizer,
    disparity_error,
    mean_squared_error,
    training_loss,
)
from colornet.training.run import Reporting
from experiments.methods.networks.config import MethodConfig
from tests.command_line import ROOT
from tests.training_runs import COLORNET, config_for, flags_for, trainer_for


@pytest.mark.slow
def test_training_learns_the_colours_of_a_scene(records, tmp_path):
    model = ModelConfig(n=4, max_disparity=32)
    config = config_for(records, model=model, steps=60, crop_height=64, crop_width=96)
    reporting = Reporting(
        100, log_every=5, validate_every=0, show_every=60, progress=False
    )
    trainer_for(config, tmp_path, reporting).run()
    with open(tmp_path / "metrics.csv") as file:
        rough = [float(row["psnr_rough"]) for row in csv.DictReader(file)]
    assert np.mean(rough[-3:]) > np.mean(rough[:3]) + 1


@pytest.mark.slow
def test_recomputation_trains_the_same(records, tmp_path):
    rows = []
    for recompute in (False, True):
        config = config_for(records, model=COLORNET, steps=3, recompute=recompute)
        run_dir = tmp_path / str(recompute)
        trainer_for(config, run_dir).run()
        with open(run_dir / "metrics.csv") as file:
            rows.append([float(row["loss"]) for row in csv.DictReader(file)])
    np.testing.assert_allclose(rows[1], rows[0], rtol=0.02)


def test_float16_scales_its_loss_and_saves_the_scale(records, tmp_path):
    config = config_for(records, steps=2, precision="mixed_float16")
    trainer = trainer_for(config, tmp_path)
    scales = [v for v in trainer.optimizer.variables if "scale" in v.path]
    assert scales and float(trainer.optimizer.dynamic_scale) > 1
    trainer.run()
    again = trainer_for(config.replace(steps=3), tmp_path)
    assert float(again.optimizer.dynamic_scale) == float(
        trainer.optimizer.dynamic_scale
    )
    assert tf.keras.config.dtype_policy().name == "float32"


# RMSProp's mean of squares is nothing beside it: a step moves by the gradient / 1000.
_PLAIN = {"learning_rate": 1.0, "epsilon": 1e6}


def one_step(config, run_dir):
    """How far each weight of the network moves in the first step."""
    trainer = trainer_for(config, run_dir)
    if config.precision == "mixed_float16":
        trainer.optimizer.dynamic_scale.assign(16.0)  # Small: no step is left out.
    before = [np.array(v) for v in trainer.model.trainable_variables]
    trainer.run()
    after = trainer.model.trainable_variables
    return {v.path: np.array(v) - b for v, b in zip(after, before, strict=True)}


@pytest.mark.parametrize(
    ("changes", "tolerance"),
    [
        ({"precision": "mixed_float16"}, 0.02),
        pytest.param({"jit": True}, 1e-3, marks=pytest.mark.slow),
    ],
)
def test_one_step_is_that_of_float32(records, tmp_path, changes, tolerance):
    config = config_for(records, steps=1, **_PLAIN)
    expected = one_step(config, tmp_path / "float32")
    found = one_step(config.replace(**changes), tmp_path / "other")
    for path, move in expected.items():
        assert np.abs(move).max() > 1e-5, path
        distance = np.linalg.norm(found[path] - move) / np.linalg.norm(move)
        assert distance < tolerance, path


def test_memory_is_saved_in_one_way_at_a_time(records, tmp_path):
    with pytest.raises(InputError, match="recompute or jit. Received: both"):
        config_for(records, model=COLORNET, recompute=True, jit=True)


_MIRRORED = """
import sys, numpy as np, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
two = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(cpu, two)
from colornet.config import TrainConfig
from colornet.data import training_batches
from colornet.errors import InputError
from colornet.training.loop import Trainer, make_strategy
from colornet.training.run import Reporting
from tests.tiny_network import TinyConfig
config = TrainConfig(model=TinyConfig(), records=sys.argv[1],
                     steps=2, batch_size=2, crop_height=32, crop_width=64)
strategy = make_strategy("mirrored", "cpu")
for bad in (config.replace(batch_size=3), config.replace(precision="mixed_float16"),
            config.replace(jit=True)):
    try:
        Trainer(bad, sys.argv[2], strategy)
    except InputError as error:
        print(error)
    else:
        raise SystemExit(1)
trainer = Trainer(config, sys.argv[2], strategy,
                  Reporting(show_every=0, validate_every=1, progress=False))
assert trainer.strategy.num_replicas_in_sync == 2
parts = strategy.experimental_local_results(next(trainer.batches())["mono"])
plain = training_batches(trainer.records, seed=0, batch_size=2, crop=(32, 64))
expected = next(iter(plain))["mono"]
np.testing.assert_array_equal(np.concatenate(parts), expected)
before = trainer.model.get_layer("scores").kernel.numpy()
trainer.run()
kernel = trainer.model.get_layer("scores").kernel.value
first, second = (replica.numpy() for replica in kernel.values)
np.testing.assert_array_equal(first, second)
assert not np.array_equal(first, before)
trainer.write_result()

# Normalized by moving statistics, an example does not depend on the others of its
# batch, and the gradient of the batch is the mean of theirs. Its step is the gradient.
config = config.replace(steps=1, learning_rate=1.0, epsilon=1e6)
moves = []
for number, one in enumerate((strategy, make_strategy("one_device", "cpu"))):
    trainer = Trainer(config, f"{sys.argv[2]}/{number}", one,
                      Reporting(show_every=0, validate_every=0, progress=False))
    trainer.model.get_layer("first_bn").trainable = False
    before = {v.path: np.array(v) for v in trainer.model.trainable_variables}
    trainer.run()
    moves.append({v.path: np.array(v) - before[v.path]
                  for v in trainer.model.trainable_variables})
    assert all(np.abs(move).max() > 1e-5 for move in moves[-1].values())
for path, move in moves[1].items():
    np.testing.assert_allclose(moves[0][path], move, rtol=1e-3, atol=1e-7, err_msg=path)
"""


@pytest.mark.slow
def test_mirrored_replicas_stay_equal(records, tmp_path):
    command = [sys.executable, "-c", _MIRRORED, records, tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    for words in ("multiple of 2", "mixed_float16", "jit work on one device"):
        assert words in done.stdout
    assert Checkpoints(tmp_path).step == 2


@pytest.mark.slow
def test_two_workers_go_on_from_one_checkpoint(records, tmp_path):
    cluster = {"worker": ["127.0.0.1:38211", "127.0.0.1:38212"]}

    def train(steps, *run_dirs):
        config = config_for(records, model=COLORNET, steps=steps, batch_size=2)
        workers = []
        for index, run_dir in enumerate(run_dirs):
            task = {"type": "worker", "index": index}
            environment = {"TF_CONFIG": json.dumps({"cluster": cluster, "task": task})}
            workers.append(
                subprocess.Popen(
                    flags_for(config, run_dir, strategy="multi_worker", batch_size=2),
                    env={**os.environ, **environment},
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                )
            )
        outputs = [worker.communicate(timeout=240)[0] for worker in workers]
        return [worker.returncode for worker in workers], outputs

    shared = tmp_path / "shared"
    codes, outputs = train(2, shared, shared)
    assert codes == [0, 0], outputs
    assert "on 2 device(s)" in outputs[0]
    assert Checkpoints(shared).steps() == [2]
    codes, outputs = train(3, shared, tmp_path / "other")
    assert codes == [1, 1], outputs
    for output in outputs:
        assert "expected a run_dir that all workers share" in output
        assert "steps 0, 2" in output and "Traceback" not in output
    assert Checkpoints(shared).steps() == [2]


def test_losses_are_the_means_that_they_say():
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 3, 4, 2), np.float32), rng.random((2, 3, 4, 2), np.float32)
    assert float(mean_squared_error(a, b)) == pytest.approx(np.mean((a - b) ** 2))
    truth = np.array([[[3.0, -1.0, 5.0]]], np.float32)
    guess = np.array([[[4.0, 9.0, 2.0]]], np.float32)
    assert float(disparity_error(guess, truth)) == pytest.approx(2.0)
    assert float(disparity_error(guess, -np.ones_like(truth))) == 0


def test_the_loss_is_the_one_that_is_named():
    rng = np.random.default_rng(0)
    chroma, truth = rng.uniform(-0.5, 0.5, (2, 2, 4, 5, 2)).astype("float32")
    found, known = rng.uniform(0, 9, (2, 4, 5)), rng.uniform(0, 9, (2, 4, 5))
    known[0, :2] = -1
    outputs = {"chroma": tf.constant(chroma), "disparity": tf.constant(found)}
    batch = {"chroma": tf.constant(truth), "disparity": tf.constant(known, "float32")}
    levels = 255**2 * np.mean((chroma - truth) ** 2)
    pixels = np.abs(found - known)[known >= 0].mean()
    assert float(training_loss(outputs, batch, "chroma_mse")) == pytest.approx(
        levels, rel=1e-5
    )
    loss = training_loss(outputs, batch, "disparity_l1")
    assert float(loss) == pytest.approx(pixels, rel=1e-5)


def test_the_optimizer_is_that_of_the_configuration():
    config = TrainConfig(learning_rate=0.01, rho=0.5, epsilon=1.0)
    variable = tf.keras.Variable([1.0, 2.0])
    optimizer = build_optimizer(config, [variable])
    gradient = np.array([0.5, -3.0])
    expected, mean = np.array([1.0, 2.0]), np.zeros(2)
    for _ in range(2):
        optimizer.apply([tf.constant(gradient, "float32")], [variable])
        mean = 0.5 * mean + 0.5 * gradient**2
        expected -= 0.01 * gradient / np.sqrt(mean + 1.0)
    np.testing.assert_allclose(variable, expected, rtol=1e-5)


def test_recomputation_is_for_one_network():
    other = MethodConfig("he")
    with pytest.raises(InputError, match="Table 1 alone. Received: he"):
        TrainConfig(model=other, loss="network", recompute=True)
