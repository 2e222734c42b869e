"""Weights on disk: what comes back, and what is refused."""

import json
import shutil

import numpy as np
import pytest

from colornet.config import ModelConfig, TrainConfig
from colornet.errors import InputError
from colornet.model import build_colornet
from colornet.networks import build_network
from colornet.training.checkpoints import Checkpoints
from colornet.training.losses import build_optimizer
from colornet.weights import load_model, load_weights, save_weights
from tests.tiny_network import TinyConfig


@pytest.fixture(scope="module")
def model():
    return build_colornet(ModelConfig(n=2, max_disparity=32))


@pytest.fixture
def path(model, tmp_path):
    save_weights(model, tmp_path / "weights.npz")
    return tmp_path / "weights.npz"


def assert_same_weights(model, other):
    for mine, theirs in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_weights_come_back_with_their_configuration(model, path):
    again = load_model(path)
    assert again.config == model.config
    assert_same_weights(again, model)
    wider = load_model(path, max_disparity=64)
    assert wider.config.max_disparity == 64
    assert_same_weights(wider, model)


def test_weights_of_another_configuration_change_nothing(model, path):
    other = build_colornet(ModelConfig(n=3, max_disparity=32))
    before = other.get_weights()
    with pytest.raises(InputError, match="another configuration: .* first l01_bn"):
        load_weights(other, path)
    for mine, old in zip(other.get_weights(), before, strict=True):
        np.testing.assert_array_equal(mine, old)


@pytest.mark.parametrize(
    "config", ["no JSON", "[1]", json.dumps({"n": "x"}), json.dumps({"depth": 3})]
)
def test_a_configuration_that_cannot_be_read_is_refused(path, config):
    with np.load(path) as archive:
        values = {name: archive[name] for name in archive.files}
    np.savez(path, **values | {"config": np.array(config)})
    with pytest.raises(InputError, match="configuration as JSON"):
        load_model(path)


@pytest.mark.parametrize("content", [b"", b"not an archive", "npy", "half", "flip"])
def test_damaged_files_are_refused(path, content):
    whole = bytearray(path.read_bytes())
    if content == "npy":
        with open(path, "wb") as file:
            np.save(file, np.zeros(3))
    elif content == "half":
        path.write_bytes(whole[: len(whole) // 2])
    elif content == "flip":
        whole[whole.index(b"l22_conv/kernel") + 600] ^= 1
        path.write_bytes(whole)
    else:
        path.write_bytes(content)
    with pytest.raises(InputError, match="expected a whole .npz"):
        load_model(path)


def test_a_folder_without_checkpoints_is_refused(tmp_path):
    with pytest.raises(InputError, match="with checkpoints"):
        load_model(tmp_path)
    with pytest.raises(InputError, match="Missing"):
        load_model(tmp_path / "none")


def test_one_program_trains_in_a_folder(tmp_path):
    run = Checkpoints(tmp_path)
    with run.exclusive_lock(0):
        with pytest.raises(InputError, match="no other program trains in"):
            with Checkpoints(tmp_path).exclusive_lock(0):
                pass
        assert run.steps() == []
    with run.exclusive_lock(0):
        run.path(3).mkdir()
    with pytest.raises(InputError, match="was at step 2; .* Received: step 3"):
        with run.exclusive_lock(2):
            pass
    with run.exclusive_lock(3):
        pass


def test_what_a_killed_process_left_is_no_checkpoint(model, tmp_path):
    config = TrainConfig(model=model.config)
    optimizer = build_optimizer(config, model.trainable_variables)
    checkpoints = Checkpoints(tmp_path)
    for step in (1, 2, 3, 4):
        checkpoints.save(step, model, optimizer, config)
    (checkpoints.directory / "part").mkdir()
    assert checkpoints.steps() == [2, 3, 4]
    assert checkpoints.config(4) == config
    assert_same_weights(load_model(tmp_path), model)


def test_the_best_checkpoint_stays_and_can_be_gone_on_from(tmp_path):
    model = build_network(TinyConfig())
    config = TrainConfig(model=model.config)
    optimizer = build_optimizer(config, model.trainable_variables)
    checkpoints = Checkpoints(tmp_path)
    assert checkpoints.best is None and checkpoints.is_best(-5.0)
    scores = {1: 20.0, 2: 31.5, 3: None, 4: 31.5, 5: 12.0, 6: None, 7: 30.0}
    for step, score in scores.items():
        checkpoints.save(step, model, optimizer, config, score)
    assert checkpoints.steps() == [2, 5, 6, 7] and checkpoints.best == 2
    assert checkpoints.score(7) == 30 and checkpoints.score(6) is None
    assert checkpoints.is_best(31.6) and not checkpoints.is_best(31.5)
    # A damaged one does not end a run that goes on elsewhere.
    (checkpoints.path(7) / "train.json").write_text("{")
    assert checkpoints.best == 2
    for step in (5, 6, 7):
        shutil.rmtree(checkpoints.path(step))
    assert Checkpoints(tmp_path).step == 2
    checkpoints.restore(2, model, optimizer)
    # A better one takes its place; the old one goes when it is not among the last.
    for step, score in ((3, 40.0), (4, None), (5, None), (6, None)):
        checkpoints.save(step, model, optimizer, config, score)
    assert checkpoints.steps() == [3, 4, 5, 6]
