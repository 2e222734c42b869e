"""The training loop: resuming, stopping, refusing, scoring."""

import csv
import dataclasses
import itertools
import json
import os
import shutil
import signal
import subprocess
import time

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from colornet.config import VARIANTS, ModelConfig
from colornet.data import Records, training_batches
from colornet.errors import InputError, Interrupted
from colornet.training import loop
from colornet.training.calibration import calibrate_statistics
from colornet.training.checkpoints import Checkpoints
from colornet.training.loop import NonFiniteError, Trainer, make_strategy
from colornet.training.losses import build_optimizer
from colornet.training.statistics import compare_statistics
from colornet.weights import load_model
from tests.tiny_network import TinyConfig
from tests.training_runs import COLORNET, QUIET, config_for, flags_for, trainer_for

_SCORED = dataclasses.replace(QUIET, validate_every=1)
_STEPS = 6
# Enough that a signal sent after the first checkpoint comes in the middle.
_MANY_STEPS = 20


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
    config = config_for(records, model=COLORNET, steps=_MANY_STEPS)
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
    reporting = dataclasses.replace(QUIET, checkpoint_every=100, log_every=3)
    strategy = make_strategy("one_device", "cpu")
    run = LateTrainer(config_for(records, steps=5), tmp_path, strategy, reporting)
    run.run()
    assert run.steps == {3, 5}
    assert [row["step"] for row in rows_of(tmp_path)] == ["3", "5"]


def test_what_is_not_finite_is_found_when_it_is_fetched(records, tmp_path):
    reporting = dataclasses.replace(QUIET, log_every=3)
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


def test_a_d_that_does_not_reach_all_disparities_is_warned_of(records, tmp_path):
    # Motorcycle has disparities up to 60 px, and the rendered scenes up to 31 px.
    config = config_for(records, model=COLORNET, split="test")
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
