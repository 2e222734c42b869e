"""The pretraining: recipe, schedule, the loop on both backends, stopping, resuming."""

import contextlib
import csv
import dataclasses
import json
import math
import os
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest

from colornet.errors import InputError, Interrupted, NonFiniteError
from colornet.training.checkpoints import Checkpoints
from colornet.training.run import Reporting
from colornet.weights import load_model, save_weights, weights_digest
from experiments.pretraining.loop import HELD_OUT_SEED, Pretrainer
from experiments.pretraining.optimization import averaged, build_optimizer
from experiments.pretraining.recipe import PretrainConfig
from experiments.pretraining.steps import maps
from tests.command_line import ROOT, assert_one_line_error, start, start_each
from tests.pretraining_runs import CONFIG, TABLE_1, batch_of, pictures, stopping_at
from tests.random_network import random_network

_QUIET = Reporting(2, log_every=1, validate_every=0, progress=False)
_CONFIG, _STREAM = CONFIG, CONFIG.stream
# Compiling takes nearly all of the time: the compiler shall not try hard.
_JAX = {
    "KERAS_BACKEND": "jax",
    "CUDA_VISIBLE_DEVICES": "",
    "XLA_FLAGS": "--xla_backend_optimization_level=0",
}


def state_of(run_dir, step):
    """All arrays of a checkpoint by file and path."""
    values = {}
    for path in Checkpoints(run_dir).path(step).glob("*.npz"):
        with np.load(path) as archive:
            values |= {f"{path.name}/{name}": archive[name] for name in archive.files}
    return values


def assert_same_state(run_dir, other, step):
    first, second = state_of(run_dir, step), state_of(other, step)
    assert first.keys() == second.keys()
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name], err_msg=name)


def curve_of(run_dir):
    """Rows of the curve less the columns of the clock and the checksums."""
    with open(run_dir / "metrics.csv", newline="") as file:
        return [row[:-3] for row in csv.reader(file)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """An uninterrupted run: its folder."""
    run_dir = tmp_path_factory.mktemp("whole")
    assert Pretrainer(_CONFIG, run_dir, pictures, _QUIET).run()
    return run_dir


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A run that a signal has ended after step 3: its folder."""
    run_dir = tmp_path_factory.mktemp("stopped")
    with pytest.raises(Interrupted, match="SIGTERM: checkpoint of step 3 written"):
        Pretrainer(_CONFIG, run_dir, stopping_at(3), _QUIET).run()
    assert Checkpoints(run_dir).steps() == [2, 3]
    return run_dir


def test_a_signal_in_the_last_step_is_not_lost(tmp_path):
    with pytest.raises(Interrupted, match="SIGTERM: checkpoint of step 6 written"):
        Pretrainer(_CONFIG, tmp_path, stopping_at(6), _QUIET).run()


def test_a_stopped_run_goes_on_to_the_same_bits(stopped, whole, tmp_path):
    run_dir = shutil.copytree(stopped, tmp_path / "run")
    trainer = Pretrainer(_CONFIG, run_dir, pictures, _QUIET)
    assert trainer.step == 3
    assert trainer.run()
    assert_same_state(run_dir, whole, 6)
    assert curve_of(run_dir) == curve_of(whole)


def test_the_configuration_comes_back(whole):
    assert json.loads((whole / "config.json").read_text()) == _CONFIG.to_dict()
    assert Checkpoints(whole, PretrainConfig).config(6) == _CONFIG


def test_a_folder_in_which_another_program_trains(tmp_path):
    trainer = Pretrainer(_CONFIG, tmp_path, pictures, _QUIET)
    with Checkpoints(tmp_path).exclusive_lock(0):
        with pytest.raises(InputError, match="no other program trains in"):
            trainer.run()
    assert os.listdir(tmp_path) == ["checkpoints"]


def test_the_time_limit_ends_with_a_checkpoint(tmp_path):
    quiet = dataclasses.replace(_QUIET, checkpoint_every=0)
    trainer = Pretrainer(_CONFIG, tmp_path, pictures, quiet)
    assert not trainer.run(max_seconds=0.001)
    assert Checkpoints(tmp_path).steps() == [1]


def test_a_stream_that_fails_loses_no_step(whole, tmp_path):
    @contextlib.contextmanager
    def failing(config, start_step):
        def batches():
            yield from (batch_of(config, step) for step in range(start_step, 3))
            raise InputError("scene 7: unreadable")

        yield batches()

    seldom = dataclasses.replace(_QUIET, checkpoint_every=100)
    for _ in range(2):
        with pytest.raises(InputError, match="scene 7"):
            Pretrainer(_CONFIG, tmp_path, failing, seldom).run()
        assert Checkpoints(tmp_path).steps() == [3]
    Pretrainer(_CONFIG, tmp_path, pictures, _QUIET).run()
    assert_same_state(tmp_path, whole, 6)


def test_a_run_starts_from_given_weights(whole, tmp_path):
    start = str(whole)
    config = _CONFIG.replace(initial_weights=start, seed=5)
    trained = load_model(start)
    model = Pretrainer(config, tmp_path, pictures, _QUIET).model
    for found, expected in zip(model.variables, trained.variables, strict=True):
        np.testing.assert_array_equal(found, expected)
    for changes in ({"n": _CONFIG.model.n + 1}, {"residue": False}):
        other = config.replace(model=_CONFIG.model.replace(**changes))
        words = f"n = {other.model.n} or a divisor of it, .* Received: {start}"
        with pytest.raises(InputError, match=words):
            Pretrainer(other, tmp_path, pictures, _QUIET)


def test_a_wider_network_starts_with_the_function_of_the_given_weights(tmp_path):
    trained, path = random_network(32), tmp_path / "weights.npz"
    save_weights(trained, path)
    model = TABLE_1.model.replace(n=3 * TABLE_1.model.n)
    config = TABLE_1.replace(initial_weights=str(path), model=model)
    wider = Pretrainer(config, tmp_path, pictures, _QUIET).model
    rng = np.random.default_rng(0)
    pair = {
        "mono": rng.random((1, 64, 96, 1), "float32"),
        "reference": rng.random((1, 64, 96, 3), "float32"),
    }
    expected, found = trained(pair), wider(pair)
    assert np.ptp(expected["chroma"] - expected["rough_chroma"]) > 1e-4
    for name in ("rough_chroma", "chroma"):
        np.testing.assert_allclose(found[name], expected[name], atol=1e-5)
    # Copies of a channel must be told apart by their gradients, or they stay copies.
    for layer in ("l02_conv", "l38_conv"):
        kernel = np.asarray(wider.get_layer(layer).kernel)
        assert len(np.unique(kernel)) > 0.99 * kernel.size


def test_another_recipe_does_not_go_on_in_the_same_folder(stopped):
    other = _CONFIG.replace(learning_rate=0.5, stream=_STREAM.replace(noise="1"))
    with pytest.raises(
        InputError, match="stream.noise: .* -> '1'; learning_rate: 0.001 -> 0.5"
    ):
        Pretrainer(other, stopped, pictures, _QUIET)


def test_another_number_of_steps_goes_on_in_the_same_folder(stopped):
    for steps in (9, 3):
        other = _CONFIG.replace(steps=steps)
        assert Pretrainer(other, stopped, pictures, _QUIET).step == 3


def test_what_is_not_finite_ends_the_run_and_keeps_the_checkpoint(stopped, tmp_path):
    run_dir = shutil.copytree(stopped, tmp_path / "run")
    trainer = Pretrainer(_CONFIG, run_dir, pictures, _QUIET)
    kernel = trainer.model.get_layer("scores").kernel
    kernel.assign(np.full(kernel.shape, np.nan, np.float32))
    with pytest.raises(NonFiniteError, match="loss is not finite at step 4.*00000003"):
        trainer.run()
    assert Checkpoints(run_dir).steps() == [2, 3]
    assert all(
        np.isfinite(value).all()
        for value in state_of(run_dir, 3).values()
        if value.dtype == np.float32
    )


def test_held_out_scenes_are_scored(tmp_path):
    reporting = Reporting(100, 100, validate_every=1, progress=False)
    streams = []

    def recorded(stream, start_step):
        streams.append((stream.seed, start_step))
        return pictures(stream, start_step)

    Pretrainer(_CONFIG.replace(steps=2), tmp_path, recorded, reporting, 2).run()
    assert len(set(streams)) > 1 and len({seed for seed, _ in streams}) == 2
    with open(tmp_path / "validation.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["0", "1", "2"]
    assert all(5 < float(row["psnr_final"]) < 40 for row in rows)


def test_the_result_is_the_average_with_calibrated_statistics(whole):
    trainer = Pretrainer(_CONFIG, whole, pictures, _QUIET)
    path = trainer.write_result()
    assert path.name == "calibrated_00000006.npz"
    expected = averaged(trainer.model, trainer.optimizer)
    result = load_model(path)
    moved = 0
    for mine, theirs in zip(result.variables, expected.variables, strict=True):
        same = np.array_equal(mine, theirs)
        assert same or "/moving_" in mine.path, mine.path
        moved += not same
    assert moved == 2
    kernel = "first/kernel"
    trained = state_of(whole, 6)[f"weights.npz/{kernel}"]
    assert not np.array_equal(result.get_layer("first").kernel, trained)
    # They are the weights of the run.
    assert weights_digest(load_model(whole)) == weights_digest(result)
    # Made once: the second call finds it. Those of an earlier run are made again.
    before = path.stat().st_mtime_ns
    assert trainer.write_result().stat().st_mtime_ns == before
    os.utime(path, (0, 0))
    assert trainer.write_result().stat().st_mtime > 0


def test_frozen_statistics_are_those_of_the_initial_weights(whole, tmp_path):
    """What is trained is the network of test time, all of it but the statistics."""
    start = str(whole)
    config = _CONFIG.replace(initial_weights=start, frozen_statistics=True, steps=3)
    reporting = dataclasses.replace(_QUIET, validate_every=3)
    trainer = Pretrainer(config, tmp_path, pictures, reporting, 1)
    trainer.run()
    initial = load_model(start)
    result = load_model(trainer.write_result())
    for mine, theirs in zip(result.variables, initial.variables, strict=True):
        same = np.array_equal(mine, theirs)
        assert same == ("/moving_" in mine.path), mine.path
    held_out = _STREAM.replace(seed=_STREAM.seed + HELD_OUT_SEED)
    for name, row, stream, model in (
        ("metrics.csv", 0, _STREAM, initial),
        ("validation.csv", 0, held_out, initial),
        ("validation.csv", -1, held_out, result),
    ):
        with open(tmp_path / name, newline="") as file:
            found = list(csv.DictReader(file))[row]
        batch = maps(batch_of(stream, 0))
        inputs = {name: batch[name] for name in ("mono", "reference")}
        error = model(inputs, training=False)["chroma"] - batch["chroma"]
        expected = -10 * math.log10(np.mean(np.square(error)))
        assert float(found["psnr_final"]) == pytest.approx(expected, abs=1e-3)


def test_the_average_is_young_at_first():
    """Its decay is (1 + t) / (10 + t) up to `ema_decay`."""
    variable = keras.Variable(np.array(0.0, np.float32), name="x")
    config = _CONFIG.replace(ema_decay=0.3)
    optimizer = build_optimizer(config, [variable])
    expected, values = None, []
    for step in range(6):
        optimizer.apply([np.array(1.0, np.float32)], [variable])
        value = float(np.asarray(variable))
        decay = min(0.3, (1 + step) / (10 + step)) if step else 0
        expected = decay * (expected or 0) + (1 - decay) * value
        average = keras.Variable(np.array(0.0, np.float32), name="y")
        optimizer.finalize_variable_values([average])
        values.append((float(np.asarray(average)), expected))
    np.testing.assert_allclose(*zip(*values, strict=True), rtol=1e-5)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"steps": 0}, "steps must be at least 1. Received: 0"),
        ({"ema_decay": 1.0}, "ema_decay must be at least 0 and below 1"),
        ({"learning_rate": 0.0}, "learning_rate must be above 0"),
        ({"precision": "mixed_float16"}, "precision must be one of"),
        ({"stream": _STREAM.replace(max_disparity=64)}, "at most 32. Received: 64"),
        ({"frozen_statistics": True}, "expects initial weights. Received: none"),
    ],
)
def test_recipes_that_cannot_be_are_refused(changes, words):
    with pytest.raises(InputError, match=words):
        _CONFIG.replace(**changes)


def run_on_jax(*arguments):
    done = subprocess.run(
        [sys.executable, "-m", "tests.pretraining_on_jax", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **_JAX},
    )
    assert done.returncode == 0, done.stderr
    assert "SIGTERM: checkpoint of step 4 written" in done.stdout


def test_the_training_loop_is_imported_without_tensorflow():
    modules = "colornet.training.run, experiments.pretraining.loop"
    code = f"import sys, {modules}; assert 'tensorflow' not in sys.modules"
    environment = {**os.environ, **_JAX}
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=True)


@pytest.fixture(scope="module")
def jax_runs(stopped, tmp_path_factory):
    """Folder of the runs of `tests.pretraining_on_jax`, in one process."""
    top = tmp_path_factory.mktemp("jax")
    for name in ("whole", "stopped"):
        shutil.copytree(stopped, top / name)
    run_on_jax(top)
    return top


@pytest.mark.slow
def test_jax_resumes_to_the_same_bits_too(jax_runs):
    assert_same_state(jax_runs / "stopped", jax_runs / "whole", 6)
    assert curve_of(jax_runs / "stopped") == curve_of(jax_runs / "whole")


def assert_same_step(before, mine, theirs):
    assert mine.keys() == theirs.keys()
    for kind in ("kernel", "gamma", "moving_variance", "average"):
        names = [name for name in mine if kind in name]
        moved = np.mean([np.abs(mine[n] - before[n]).mean() for n in names])
        apart = np.mean([np.abs(mine[n] - theirs[n]).mean() for n in names])
        assert moved > 0 and apart < 0.01 * moved, kind


@pytest.mark.slow
def test_one_step_of_jax_is_one_step_of_tensorflow(jax_runs, stopped, tmp_path):
    run_dir = shutil.copytree(stopped, tmp_path / "run")
    with pytest.raises(Interrupted):
        Pretrainer(_CONFIG, run_dir, stopping_at(4), _QUIET).run()
    theirs = state_of(jax_runs / "one_step", 4)
    assert_same_step(state_of(stopped, 3), state_of(run_dir, 4), theirs)


@pytest.mark.slow
def test_a_step_of_the_network_of_table_1_is_the_same_on_jax(tmp_path, eager):
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    with pytest.raises(Interrupted):
        Pretrainer(TABLE_1, mine, stopping_at(3), _QUIET).run()
    shutil.copytree(mine, theirs)
    with pytest.raises(Interrupted):
        Pretrainer(TABLE_1, mine, stopping_at(4), _QUIET).run()
    run_on_jax(theirs, "table_1")
    assert_same_step(state_of(mine, 3), state_of(mine, 4), state_of(theirs, 4))


@pytest.mark.slow
def test_jax_trains_in_bfloat16(jax_runs):
    state = state_of(jax_runs / "bfloat16", 2)
    kernels = [v for name, v in state.items() if name.endswith("kernel")]
    assert {kernel.dtype for kernel in kernels} == {np.dtype(np.float32)}
    assert all(np.isfinite(kernel).all() for kernel in kernels)


@pytest.mark.slow
def test_jax_leaves_frozen_statistics_alone(jax_runs):
    initial = load_model(jax_runs / "one_step" / "calibrated_00000004.npz")
    state = state_of(jax_runs / "frozen", 1)
    for variable in initial.variables:
        same = np.array_equal(state[f"weights.npz/{variable.path}"], variable)
        assert same == ("/moving_" in variable.path), variable.path


@pytest.mark.slow
def test_weights_of_jax_are_read_by_tensorflow(jax_runs):
    model = load_model(jax_runs / "one_step" / "calibrated_00000004.npz")
    batch = batch_of(_STREAM, 0)
    inputs = {name: batch[name] / 255.0 for name in ("mono", "reference")}
    chroma = np.asarray(model(inputs, training=False)["chroma"])
    np.testing.assert_allclose(chroma, np.load(jax_runs / "chroma.npy"), atol=1e-4)


@pytest.mark.slow
def test_the_program_trains_and_the_defaults_are_the_recipes(tmp_path):
    flags = {"n": 2, "max_disparity": 32, "height": 32, "width": 64, "steps": 2}
    flags |= {"calibration_batches": 1, "precision": "float32", "processes": 1}
    arguments = [f"--{name}={value}" for name, value in flags.items()]
    run_dir = tmp_path / "run"
    result = start("experiments.pretrain", *arguments, f"--run_dir={run_dir}")
    assert result.code == 0, result.stderr
    assert f"weights in {run_dir / 'calibrated_00000002.npz'}" in result.stdout
    written = json.loads((run_dir / "config.json").read_text())
    assert PretrainConfig.from_dict(written) == PretrainConfig(
        model=TABLE_1.model,
        stream=_STREAM,
        steps=2,
        calibration_batches=1,
        precision="float32",
    )


@pytest.mark.slow
def test_bad_flags_are_one_line(tmp_path):
    run_dir = f"--run_dir={tmp_path / 'run'}"
    results = start_each(
        "experiments.pretrain",
        {
            "none": [],
            "precision": [run_dir, "--precision=float64"],
            "d": [run_dir, "--max_disparity=33"],
            "steps": [run_dir, "--steps=0"],
            "cameras": [run_dir, "--cameras=other"],
        },
    )
    assert_one_line_error(results["none"], "--run_dir")
    assert_one_line_error(results["precision"], "float64")
    assert_one_line_error(results["d"], "multiple of 32", "33")
    assert_one_line_error(results["cameras"], "alike", "other")
    assert_one_line_error(results["steps"], "steps must be at least 1. Received: 0")
    assert not (tmp_path / "run").exists()
