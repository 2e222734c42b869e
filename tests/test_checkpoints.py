"""Weights on disk: what comes back, and what is refused."""

import json
import shutil

import numpy as np
import pytest

from colornet.config import ModelConfig, TrainConfig
from colornet.errors import InputError
from colornet.io.archives import read_archive, take_digest, write_archive
from colornet.model import build_colornet
from colornet.networks import build_network
from colornet.training.checkpoints import Checkpoints
from colornet.training.losses import build_optimizer
from colornet.weights import load_model, load_weights, save_weights
from tests.damage import damaged
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


def test_shapes_are_compared_before_any_weight_is_read(model, path):
    values = read_archive(path)
    take_digest(values, path)
    write_archive(path, values | {"stranger": np.arange(10_000.0)})
    damaged = bytearray(path.read_bytes())
    damaged[damaged.index(np.arange(9_000.0, 9_100).tobytes())] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(InputError, match="CRC"):
        read_archive(path)
    for load in (load_model, lambda path: load_weights(model, path)):
        with pytest.raises(InputError, match="1 tensors differ, first stranger"):
            load(path)


@pytest.mark.parametrize(
    "config", ["no JSON", "[1]", json.dumps({"n": "x"}), json.dumps({"depth": 3})]
)
def test_a_configuration_that_cannot_be_read_is_refused(path, config):
    values = read_archive(path)
    del values["sha256"]
    write_archive(path, values | {"config": np.array(config)})
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
        for name in ("weights.npz", "train.json"):
            (run.path(3) / name).touch()
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
    # Of a step that was there already, it is the old one or the new one.
    checkpoints.save(4, model, optimizer, config, 7.5)
    assert checkpoints.score(4) == 7.5
    assert {path.name for path in checkpoints.directory.iterdir()} == {
        *(f"step_0000000{step}" for step in (2, 3, 4)),
    }
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


_TINY = TrainConfig(model=TinyConfig())


@pytest.fixture
def run(tmp_path):
    """A run with checkpoints of steps 1 and 2, whose weights differ."""
    model = build_network(_TINY.model)
    optimizer = build_optimizer(_TINY, model.trainable_variables)
    checkpoints = Checkpoints(tmp_path)
    for step in (1, 2):
        for variable in (*model.variables, *optimizer.variables[2:]):
            variable.assign(np.full(variable.shape, step, "float32"))
        checkpoints.save(step, model, optimizer, _TINY)
    return checkpoints


def _restored(run, step):
    """All numbers of a checkpoint."""
    model = build_network(_TINY.model)
    optimizer = build_optimizer(_TINY, model.trainable_variables)
    assert run.config(step) == _TINY
    run.restore(step, model, optimizer)
    return [np.asarray(v) for v in (*model.variables, *optimizer.variables)]


def _sign_again(path, **changes):
    values = read_archive(path)
    take_digest(values, path)
    write_archive(path, values | changes)


def _mix(run, kind):
    old, new = run.path(1), run.path(2)
    if kind in ("weights.npz", "optimizer.npz"):
        shutil.copy(old / kind, new / kind)
    elif kind == "renamed":
        old.rename(run.path(3))
    elif kind == "an extra file":
        shutil.copy(old / "optimizer.npz", new / "optimizer_1.npz")
    elif kind == "configuration":
        path = new / "train.json"
        path.write_text(path.read_text().replace('"rho": 0.9', '"rho": 0.8'))
    else:
        config = TinyConfig(bn_epsilon=0.5).to_json()
        _sign_again(new / "weights.npz", config=np.array(config))


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("weights.npz", "step_00000002/weights.npz with SHA-256"),
        ("optimizer.npz", "step_00000002/optimizer.npz with SHA-256"),
        ("renamed", "of step 3 in .*step_00000003. Received: of step 1"),
        ("an extra file", "Received: optimizer.npz, optimizer_1.npz, weights.npz"),
        ("configuration", "train.json: crc32 must be"),
        ("configuration of the weights", "step_00000002/weights.npz with SHA-256"),
    ],
)
def test_checkpoints_that_are_mixed_up_are_refused(run, kind, words):
    _mix(run, kind)
    with pytest.raises(InputError, match=words) as error:
        _restored(run, run.step)
    assert "\n" not in str(error.value)
    if kind not in ("optimizer.npz", "an extra file"):
        with pytest.raises(InputError, match=words):
            load_model(run.run_dir)


def test_weights_that_become_others_are_refused(model, path, tmp_path):
    values = read_archive(path)
    for changes in (
        {"config": np.array(model.config.replace(bn_epsilon=0.5).to_json())},
        {"l01_conv/kernel": values["l01_conv/kernel"] + 1},
    ):
        np.savez(path, **values | changes)
        with pytest.raises(InputError, match="weights.npz with arrays of SHA-256"):
            load_model(path)
    save_weights(model, tmp_path / "calibrated_00000100.npz", step=200)
    with pytest.raises(InputError, match="of step 100 in .* Received: of step 200"):
        load_model(tmp_path / "calibrated_00000100.npz")


def test_files_of_earlier_versions_are_read_with_a_note(run, model, path):
    values = read_archive(path)
    take_digest(values, path)
    np.savez(path, **values)
    with pytest.warns(match="weights.npz has no digest that tells damage"):
        assert_same_weights(load_model(path), model)
    good, folder = _restored(run, 2), run.path(2)
    for name in ("weights.npz", "optimizer.npz"):
        values = read_archive(folder / name)
        del values["sha256"]
        values.pop("step", None)
        np.savez(folder / name, **values)
    state = {"step": 2, "config": _TINY.to_dict()}
    (folder / "train.json").write_text(json.dumps(state))
    with pytest.warns(match="step_00000002 has no digests"):
        found = _restored(run, 2)
    for mine, theirs in zip(found, good, strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("name", ["weights.npz", "optimizer.npz", "train.json"])
def test_the_newest_whole_checkpoint_is_taken(run, name):
    (run.path(2) / name).unlink()
    with pytest.warns(match="step_00000002 is passed over"):
        assert run.step == 1


def test_a_link_in_the_place_of_a_checkpoint_is_not_followed(run, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    run.path(2).rename(elsewhere)
    run.path(2).symlink_to(elsewhere)
    model = build_network(_TINY.model)
    optimizer = build_optimizer(_TINY, model.trainable_variables)
    with pytest.raises(InputError, match="no symbolic link. Received: .*step_00000002"):
        run.save(2, model, optimizer, _TINY)
    assert run.path(2).is_symlink() and len(list(elsewhere.iterdir())) == 3


def test_a_damaged_checkpoint_is_the_same_or_refused(run):
    good, folder = _restored(run, 2), run.path(2)
    rng, refused = np.random.default_rng(0), 0
    for path in sorted(folder.iterdir()):
        whole = path.read_bytes()
        for _ in range(40):
            path.write_bytes(damaged(whole, rng))
            try:
                found = _restored(run, 2)
            except InputError as error:
                refused += 1
                assert "\n" not in str(error)
            else:
                for mine, theirs in zip(found, good, strict=True):
                    np.testing.assert_array_equal(mine, theirs)
        path.write_bytes(whole)
    assert refused > 60
