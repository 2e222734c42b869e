"""The training loop: resuming, stopping, refusing, learning."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf

from colornet.config import VARIANTS, ModelConfig, TrainConfig
from colornet.errors import InputError, Interrupted
from colornet.training import loop
from colornet.training.checkpoints import Checkpoints
from colornet.training.loop import NonFiniteError, Trainer, make_strategy
from colornet.training.losses import (
    build_optimizer,
    disparity_error,
    mean_squared_error,
    training_loss,
)
from colornet.training.run import Reporting
from colornet.weights import load_model
from experiments.methods.networks.config import MethodConfig
from tests.command_line import ROOT
from tests.tiny_network import TinyConfig
from tfrecords_tools.sources.embedded import Embedded
from tfrecords_tools.writer import write_records

_QUIET = Reporting(checkpoint_every=2, log_every=1, show_every=0, progress=False)
_COLORNET = ModelConfig(n=2, max_disparity=32)
_STEPS = 6
# Enough that a signal sent after the first checkpoint comes in the middle.
_MANY_STEPS = 20
_NO_TASK = '{"cluster": {"worker": ["localhost:1", "localhost:2"]}}'


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    scenes = Embedded(train_scenes=5, validation_scenes=0, height=64, width=96)
    out_dir = tmp_path_factory.mktemp("records")
    return write_records(scenes, out_dir).folder


def config_for(records, **changes):
    settings = {
        "model": TinyConfig(),
        "records": str(records),
        "steps": _STEPS,
        "crop_height": 32,
        "crop_width": 64,
    }
    return TrainConfig(**settings | changes)


def trainer_for(config, run_dir, reporting=_QUIET):
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


def wait_for_checkpoint(process, run_dir):
    while not Checkpoints(run_dir).steps():
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


@pytest.fixture(scope="module")
def whole(records, tmp_path_factory):
    """An uninterrupted run: its folder."""
    run_dir = tmp_path_factory.mktemp("whole")
    assert trainer_for(config_for(records), run_dir).run()
    return run_dir


class StoppedTrainer(Trainer):
    """Gets a SIGTERM while it takes its third step."""

    def take_step(self, batch):
        if self.step == 2:
            signal.raise_signal(signal.SIGTERM)
        return super().take_step(batch)


def weights_of(run_dir, step):
    folder = Checkpoints(run_dir).path(step)
    with np.load(folder / "weights.npz") as a, np.load(folder / "optimizer.npz") as b:
        return {**{n: a[n] for n in a.files}, **{n: b[n] for n in b.files}}


def assert_same_run(run_dir, whole, step):
    first, second = weights_of(run_dir, step), weights_of(whole, step)
    assert first.keys() == second.keys()
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name], err_msg=name)
    with open(run_dir / "metrics.csv") as a, open(whole / "metrics.csv") as b:
        rows = [[row[:-2] for row in csv.reader(file)] for file in (a, b)]
    assert rows[0] == rows[1]  # But for the last columns, of the clock.


def test_a_stopped_run_goes_on_to_the_same_bits(records, tmp_path, whole):
    config = config_for(records)
    stopped = StoppedTrainer(
        config, tmp_path, make_strategy("one_device", "cpu"), _QUIET
    )
    with pytest.raises(Interrupted, match="SIGTERM: checkpoint of step 3 written"):
        stopped.run()
    trainer = trainer_for(config, tmp_path)
    assert trainer.step == 3
    assert trainer.run()
    assert_same_run(tmp_path, whole, _STEPS)


def test_the_time_limit_ends_with_a_checkpoint(records, tmp_path):
    assert not trainer_for(config_for(records), tmp_path).run(max_seconds=0.001)
    assert Checkpoints(tmp_path).steps() == [1]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_stopped_program_goes_on_to_the_same_bits(records, tmp_path, number):
    config = config_for(records, model=_COLORNET, steps=_MANY_STEPS)
    whole, run_dir = tmp_path / "whole", tmp_path / "run"
    # More steps than it will get to do, so that the signal comes in the middle.
    endless = config.replace(steps=100_000)
    process = subprocess.Popen(
        flags_for(endless, run_dir),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for_checkpoint(process, run_dir)
    process.send_signal(number)
    stdout, stderr = process.communicate()
    steps = Checkpoints(run_dir).steps()
    if number == signal.SIGTERM:
        assert process.returncode == 128 + number, stderr
        assert f"checkpoint of step {steps[-1]} written" in stdout
    else:
        assert process.returncode == -number
    # On a fast machine it has come too far: go back to a checkpoint before the end.
    if steps[-1] >= config.steps:
        pytest.skip(f"stopped at step {steps[-1]} only")
    trainer = trainer_for(config, run_dir)
    assert trainer.step == steps[-1]
    trainer.run()
    trainer_for(config, whole).run()
    assert_same_run(run_dir, whole, _MANY_STEPS)


def test_a_run_leaves_its_configuration_and_the_newest_checkpoints(whole, records):
    assert Checkpoints(whole).steps() == [_STEPS - 4, _STEPS - 2, _STEPS]
    config = Checkpoints(whole).config(_STEPS)
    assert config == config_for(records)
    assert json.loads((whole / "config.json").read_text()) == config.to_dict()
    assert load_model(whole).config == config.model
    assert list((whole / "tensorboard").iterdir())


def test_a_finished_run_has_nothing_to_do_but_can_be_prolonged(records, tmp_path):
    trainer_for(config_for(records, steps=2), tmp_path).run()
    before = weights_of(tmp_path, 2)
    trainer_for(config_for(records, steps=2), tmp_path).run()
    assert Checkpoints(tmp_path).steps() == [2]
    trainer_for(config_for(records, steps=3), tmp_path).run()
    assert Checkpoints(tmp_path).steps() == [2, 3]
    after = weights_of(tmp_path, 3)
    assert not np.array_equal(before["first/kernel"], after["first/kernel"])


def test_a_signal_in_the_last_step_is_not_lost(records, tmp_path, monkeypatch):
    trainer = trainer_for(config_for(records, steps=2), tmp_path)
    monkeypatch.setattr(trainer, "sync", lambda: signal.raise_signal(signal.SIGTERM))
    with pytest.raises(Interrupted, match="SIGTERM: checkpoint of step 2"):
        trainer.run()


def test_a_folder_in_which_another_program_trains(records, tmp_path):
    trainer = trainer_for(config_for(records), tmp_path)
    with Checkpoints(tmp_path).exclusive_lock(0):
        with pytest.raises(InputError, match="no other program trains in"):
            trainer.run()
    assert os.listdir(tmp_path) == ["checkpoints"]


def test_another_configuration_does_not_go_on_in_the_same_folder(records, whole):
    changed = config_for(records, model=TinyConfig(n=3), seed=5)
    with pytest.raises(InputError, match="Received: model.n: 2 -> 3; seed: 0 -> 5"):
        trainer_for(changed, whole)


def test_a_loss_that_explodes_stops_the_run_and_keeps_the_checkpoint(records, tmp_path):
    trainer_for(config_for(records, steps=2), tmp_path).run()
    broken = trainer_for(config_for(records), tmp_path)
    variable = broken.model.get_layer("scores").kernel
    variable.assign(np.full(variable.shape, np.nan, np.float32))
    with pytest.raises(NonFiniteError, match="loss is not finite at step 3.*00000002"):
        broken.run()
    assert Checkpoints(tmp_path).steps() == [2]
    assert np.isfinite(weights_of(tmp_path, 2)["scores/kernel"]).all()


def test_a_gradient_that_is_not_finite_is_named(records, tmp_path, monkeypatch):
    def loss_with_a_bad_derivative(outputs, batch, name):
        # sqrt has no finite derivative at 0, though the loss itself is 0.
        rough = outputs["rough_chroma"]
        return tf.reduce_mean(tf.sqrt(rough - tf.stop_gradient(rough)))

    monkeypatch.setattr(loop, "training_loss", loss_with_a_bad_derivative)
    trainer = trainer_for(config_for(records), tmp_path)
    with pytest.raises(
        NonFiniteError, match="gradient of (first|scores).*at step 1; .*: none"
    ):
        trainer.run()


@pytest.mark.slow
def test_training_learns_the_colours_of_a_scene(records, tmp_path):
    model = ModelConfig(n=4, max_disparity=32)
    config = config_for(records, model=model, steps=60, crop_height=64, crop_width=96)
    reporting = Reporting(
        checkpoint_every=100, log_every=5, show_every=60, progress=False
    )
    trainer_for(config, tmp_path, reporting).run()
    with open(tmp_path / "metrics.csv") as file:
        rough = [float(row["psnr_rough"]) for row in csv.DictReader(file)]
    assert np.mean(rough[-3:]) > np.mean(rough[:3]) + 1


@pytest.mark.slow
def test_recomputation_trains_the_same(records, tmp_path):
    rows = []
    for recompute in (False, True):
        config = config_for(records, model=_COLORNET, steps=3, recompute=recompute)
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
for bad in (config.replace(batch_size=3), config.replace(precision="mixed_float16")):
    try:
        Trainer(bad, sys.argv[2], strategy)
    except InputError as error:
        print(error)
    else:
        raise SystemExit(1)
trainer = Trainer(config, sys.argv[2], strategy,
                  Reporting(show_every=0, progress=False))
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
"""


@pytest.mark.slow
def test_mirrored_replicas_stay_equal(records, tmp_path):
    command = [sys.executable, "-c", _MIRRORED, records, tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert "multiple of 2" in done.stdout and "mixed_float16" in done.stdout
    assert Checkpoints(tmp_path).steps() == [2]


@pytest.mark.slow
def test_two_workers_go_on_from_one_checkpoint(records, tmp_path):
    cluster = {"worker": ["127.0.0.1:38211", "127.0.0.1:38212"]}

    def train(steps, *run_dirs):
        config = config_for(records, model=_COLORNET, steps=steps, batch_size=2)
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


@pytest.mark.slow
def test_bad_flags_and_missing_devices_are_one_line(records, tmp_path):
    config = config_for(records, model=_COLORNET)
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
        flags_for(config_for(records, model=_COLORNET), tmp_path / "run"),
        capture_output=True,
        text=True,
        env={**os.environ, "KERAS_BACKEND": backend},
    )
    assert done.returncode == 1
    # TensorFlow, which the program imports itself here, has notes of its own.
    last = done.stderr.splitlines()[-1]
    assert last.startswith("error: ") and words in last, done.stderr
    assert "Traceback" not in done.stderr


def test_the_stereo_model_needs_true_disparity(records, tmp_path):
    copy = shutil.copytree(records, tmp_path / "records")
    info = (copy / "metadata.json").read_text()
    known = json.loads(info)
    assert known["max_disparity"] > 0
    (copy / "metadata.json").write_text(json.dumps(known | {"max_disparity": None}))
    config = config_for(
        copy,
        model=ModelConfig(n=2, max_disparity=32, **VARIANTS["stereo_matching"]),
        loss="disparity_l1",
    )
    with pytest.raises(InputError, match="true disparity"):
        trainer_for(config, tmp_path / "run")


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
