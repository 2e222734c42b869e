"""The training loop: resuming, stopping, refusing, learning."""

import csv
import dataclasses
import itertools
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
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from colornet.config import VARIANTS, ModelConfig, TrainConfig
from colornet.data import Records, training_batches
from colornet.errors import InputError, Interrupted
from colornet.training import loop
from colornet.training.calibration import calibrate_statistics
from colornet.training.checkpoints import Checkpoints
from colornet.training.loop import NonFiniteError, Trainer, make_strategy
from colornet.training.losses import (
    build_optimizer,
    disparity_error,
    mean_squared_error,
    training_loss,
)
from colornet.training.memory import step_bytes
from colornet.training.run import Reporting
from colornet.training.statistics import compare_statistics
from colornet.weights import load_model
from experiments.methods.networks.config import MethodConfig
from tests.command_line import ROOT
from tests.tiny_network import TinyConfig
from tfrecords_tools.sources.embedded import Embedded
from tfrecords_tools.writer import write_records

_QUIET = Reporting(2, log_every=1, validate_every=0, show_every=0, progress=False)
_SCORED = dataclasses.replace(_QUIET, validate_every=1)
_COLORNET = ModelConfig(n=2, max_disparity=32)
_STEPS = 6
# Enough that a signal sent after the first checkpoint comes in the middle.
_MANY_STEPS = 20
_NO_TASK = '{"cluster": {"worker": ["localhost:1", "localhost:2"]}}'


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    scenes = Embedded(train_scenes=5, validation_scenes=2, height=64, width=96)
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
    assert trainer_for(config_for(records), run_dir, _SCORED).run()
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
    rows, others = rows_of(run_dir), rows_of(whole)
    clock = dict.fromkeys(("steps_per_second", "wait_seconds", "crc32"))
    assert [row | clock for row in rows] == [row | clock for row in others]


def rows_of(run_dir, name="metrics.csv"):
    with open(run_dir / name, newline="") as file:
        return list(csv.DictReader(file))


def test_a_stopped_run_goes_on_to_the_same_bits(records, tmp_path, whole, capfd):
    config = config_for(records)
    strategy = make_strategy("one_device", "cpu")
    stopped = StoppedTrainer(config, tmp_path, strategy, _SCORED)
    with pytest.raises(Interrupted, match="SIGTERM: checkpoint of step 3 written"):
        stopped.run()
    assert capfd.readouterr().err.count("stopping after this step\n") == 1
    trainer = trainer_for(config, tmp_path, _SCORED)
    assert trainer.step == 3
    assert trainer.run()
    assert_same_run(tmp_path, whole, _STEPS)
    name = "validation.csv"
    assert rows_of(tmp_path, name) == rows_of(whole, name)
    assert Checkpoints(tmp_path).best == Checkpoints(whole).best


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
    assert Checkpoints(whole).step == _STEPS
    config = Checkpoints(whole).config(_STEPS)
    assert config == config_for(records)
    assert json.loads((whole / "config.json").read_text()) == config.to_dict()
    assert load_model(whole).config == config.model
    assert [path.name for path in (whole / "tensorboard").iterdir()] == [whole.name]


def crops(records, count=2, height=32, width=64):
    """The middle of the first held-out examples, of 64 x 96 pixels."""
    examples = itertools.islice(Records(str(records), "validation").examples(), count)
    for example in examples:
        window = np.s_[None, 16 : 16 + height, 16 : 16 + width]
        yield {name: example[name][window] for name in ("mono", "reference", "chroma")}


def held_out_psnr(model, examples):
    values = []
    for example in examples:
        inputs = {name: example[name] for name in ("mono", "reference")}
        error = model(inputs, training=False)["chroma"] - example["chroma"]
        values.append(-10 * np.log10(np.mean(np.square(error))))
    return np.mean(values)


def test_held_out_examples_are_scored_and_the_best_checkpoint_is_kept(whole, records):
    rows = rows_of(whole, "validation.csv")
    assert [int(row["step"]) for row in rows] == list(range(_STEPS + 1))
    scores = {int(row["step"]): float(row["psnr_final"]) for row in rows}
    best = max(range(1, _STEPS + 1), key=scores.__getitem__)
    checkpoints = Checkpoints(whole)
    assert checkpoints.best == best and best in checkpoints.steps()
    for step in (best, _STEPS):
        model = load_model(checkpoints.path(step))
        expected = held_out_psnr(model, crops(records))
        assert scores[step] == pytest.approx(expected, abs=1e-3)
    events = EventAccumulator(str(whole / "tensorboard" / whole.name)).Reload()
    points = events.Tensors("validation/psnr_final")
    found = {p.step: float(tf.make_ndarray(p.tensor_proto)) for p in points}
    assert found == pytest.approx(scores, abs=1e-3)


def test_records_without_held_out_examples(records, tmp_path):
    """Nothing is scored; the statistics at the end are compared all the same."""
    copy = shutil.copytree(records, tmp_path / "records")
    info = json.loads((copy / "dataset_info.json").read_text())
    info["splits"] = [part for part in info["splits"] if part["name"] == "train"]
    (copy / "dataset_info.json").write_text(json.dumps(info))
    config = config_for(copy, steps=1, calibration_batches=1)
    trainer = trainer_for(config, tmp_path / "run", _SCORED)
    trainer.run()
    assert not (tmp_path / "run" / "validation.csv").exists()
    trainer.write_result()
    assert len(rows_of(tmp_path / "run", "statistics.csv")) == 2
    elsewhere = config.replace(validation_records=str(records))
    assert len(trainer_for(elsewhere, tmp_path / "other").held_out()) == 2
    for split, words in (("train", "other than those"), ("test", "Received: 'test'")):
        with pytest.raises(InputError, match=words):
            trainer_for(config.replace(validation_split=split), tmp_path / "bad")


class Late:
    """A number that notes at which step of a run it is waited for."""

    def __init__(self, value, run, steps):
        self.value, self.run, self.steps = value, run, steps

    def __array__(self, dtype=None, copy=None):
        self.steps.add(self.run.step)
        return np.asarray(self.value, dtype)


class LateTrainer(Trainer):
    """A loss that is not finite at `broken`; `steps` at which metrics were fetched."""

    broken = None

    def take_step(self, batch):
        self.steps = getattr(self, "steps", set())
        metrics = super().take_step(batch)
        if self.step + 1 == self.broken:
            metrics["loss"] = tf.constant(np.nan)
        return {n: Late(value, self, self.steps) for n, value in metrics.items()}


def test_metrics_are_fetched_when_they_are_logged(records, tmp_path):
    reporting = dataclasses.replace(_QUIET, checkpoint_every=100, log_every=3)
    strategy = make_strategy("one_device", "cpu")
    run = LateTrainer(config_for(records, steps=5), tmp_path, strategy, reporting)
    run.run()
    assert run.steps == {3, 5}
    assert [row["step"] for row in rows_of(tmp_path)] == ["3", "5"]


def test_what_is_not_finite_is_found_when_it_is_fetched(records, tmp_path):
    reporting = dataclasses.replace(_QUIET, log_every=3)
    strategy = make_strategy("one_device", "cpu")
    run = LateTrainer(config_for(records), tmp_path, strategy, reporting)
    run.broken = 5
    with pytest.raises(NonFiniteError, match="loss is not finite at step 5.*00000004"):
        run.run()
    assert run.step == 6 and Checkpoints(tmp_path).steps() == [2, 4]


def test_the_better_statistics_are_what_a_run_stands_for(records, whole, tmp_path):
    run_dir = shutil.copytree(whole, tmp_path / "run")
    checkpoints = Checkpoints(run_dir)
    newest = checkpoints.path(_STEPS) / "weights.npz"
    model = load_model(newest)
    model.get_layer("first_bn").moving_mean.assign([9.0, -9.0])
    config = config_for(records)
    optimizer = build_optimizer(config, model.trainable_variables)
    checkpoints.save(_STEPS, model, optimizer, config, checkpoints.score(_STEPS))
    trainer = trainer_for(config_for(records, calibration_batches=3), run_dir)
    table = trainer.write_result()
    rows = rows_of(run_dir, table.name)
    steps = {str(step) for step in (_STEPS, checkpoints.best)}
    assert {row["step"] for row in rows} == steps
    found = [float(row["psnr_final"]) for row in rows]
    assert found == sorted(found, reverse=True)
    of_newest = {row["statistics"]: row for row in rows if row["step"] == str(_STEPS)}
    moving, calibrated = of_newest["moving"], of_newest["calibrated"]
    assert moving["weights"] == str(newest.relative_to(run_dir))
    for row, network in ((moving, model), (calibrated, load_model(run_dir))):
        expected = held_out_psnr(network, crops(records))
        assert float(row["psnr_final"]) == pytest.approx(expected, abs=2e-3)
    assert load_model(run_dir / calibrated["weights"]).config == model.config
    batches = training_batches(
        Records(str(records), "train"),
        seed=0,
        batch_size=1,
        crop=(32, 64),
        start_step=_STEPS,
    )
    calibrate_statistics(model, itertools.islice(batches, 3))
    for mine, theirs in zip(
        load_model(run_dir).variables, model.variables, strict=True
    ):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, err_msg=mine.path)
    # Made once; made again for a newer checkpoint.
    before = table.stat().st_mtime_ns
    assert trainer.write_result().stat().st_mtime_ns == before
    os.utime(table, (0, 0))
    assert trainer.write_result().stat().st_mtime > 0


def test_calibrated_statistics_that_are_worse_are_not_kept(records, whole, tmp_path):
    run_dir = shutil.copytree(whole, tmp_path / "run")
    calibrated = run_dir / f"calibrated_{_STEPS:08}.npz"
    calibrated.write_text("of an earlier end")
    examples = list(crops(records))
    black = {name: 0 * examples[0][name] for name in ("mono", "reference")}
    compare_statistics(run_dir, [_STEPS], examples, lambda: [black], 1)
    first, second = rows_of(run_dir, "statistics.csv")
    assert (first["statistics"], second["statistics"]) == ("moving", "calibrated")
    assert second["weights"] == "not kept" and not calibrated.exists()


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
        config_for(records, model=_COLORNET, recompute=True, jit=True)


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


def test_a_d_that_does_not_reach_all_disparities_is_warned_of(records, tmp_path):
    # Motorcycle has disparities up to 60 px, and the rendered scenes up to 31 px.
    config = config_for(records, model=_COLORNET, split="test")
    expected = r"split test has disparities up to 60 px, .* 32 reaches up to 31 px"
    with pytest.warns(match=expected):
        trainer_for(config, tmp_path / "run")


def test_the_stereo_model_needs_true_disparity(records, tmp_path):
    copy = shutil.copytree(records, tmp_path / "records")
    info = (copy / "metadata.json").read_text()
    known = json.loads(info)
    assert known["max_disparity"] > 0
    unknown = {"max_disparity": None, "split_max_disparity": {}}
    (copy / "metadata.json").write_text(json.dumps(known | unknown))
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
