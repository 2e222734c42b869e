"""Weights that come with the package: packed, checked, loaded, installed."""

import pathlib
import shutil
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest

import colornet
from colornet import pretrained
from colornet.color import rgb_to_luma
from colornet.config import TrainConfig
from colornet.errors import InputError
from colornet.io.files import sha256_of
from colornet.io.json_files import write_json
from colornet.io.pictures import write_picture
from colornet.networks import build_network
from colornet.training.checkpoints import Checkpoints
from colornet.training.losses import build_optimizer as training_optimizer
from colornet.weights import (
    load_for_inference,
    load_model,
    save_weights,
    weights_digest,
)
from experiments.pretraining import packing
from experiments.pretraining.optimization import build_optimizer
from tests.command_line import ROOT, assert_one_line_error, start_each
from tests.pretraining_runs import CONFIG, TABLE_1, pictures
from tests.random_network import random_network


def _picture(seed, *shape):
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    """A run with one checkpoint of fresh weights."""
    run_dir = tmp_path_factory.mktemp("run")
    keras.utils.set_random_seed(0)
    model = build_network(CONFIG.model)
    # Even weights W, which float16 does not change by much.
    kernel = model.get_layer("scores").kernel
    kernel.assign(0.01 * kernel)
    optimizer = build_optimizer(CONFIG, model.trainable_variables)
    variables = model.trainable_variables
    optimizer.apply([np.ones(v.shape, np.float32) for v in variables], variables)
    Checkpoints(run_dir).save(5, model, optimizer, CONFIG)
    return run_dir


@pytest.fixture(scope="module", autouse=True)
def small_motorcycle():
    """A corner of the pair: the whole of it takes seconds."""
    patch = pytest.MonkeyPatch()
    left, right, disparity = packing.data.stereo_motorcycle()
    small = (left[:64, :128], right[:64, :128], disparity[:64, :128])
    patch.setattr(packing.data, "stereo_motorcycle", lambda: small)
    yield
    patch.undo()


@pytest.fixture(scope="module")
def packed(run_dir, tmp_path_factory):
    """A folder with the weights `tiny`, the default."""
    folder = tmp_path_factory.mktemp("packed")
    packing.pack(run_dir, "tiny", folder, pictures, default=True)
    return folder


@pytest.fixture
def copy(packed, tmp_path, monkeypatch):
    """A copy of the packed folder, which is the package's for the test."""
    folder = shutil.copytree(packed, tmp_path / "weights")
    monkeypatch.setenv("COLORNET_PRETRAINED", str(folder))
    return folder


def test_packed_weights_are_float16_kernels_and_float32_vectors(packed, run_dir):
    exact = load_model(run_dir / "calibrated_00000005.npz")
    with np.load(packed / "tiny.npz") as archive:
        for variable in exact.variables:
            stored, value = archive[variable.path], np.asarray(variable)
            assert stored.dtype == (np.float16 if value.ndim > 1 else np.float32)
            np.testing.assert_array_equal(stored, value.astype(stored.dtype))


def test_they_are_loaded_as_float32_with_what_is_to_change(copy):
    model = colornet.load_pretrained()
    assert {variable.dtype for variable in model.variables} == {"float32"}
    assert model.config == CONFIG.model
    other = colornet.load_pretrained("tiny", bn_statistics="batch")
    assert other.config.bn_statistics == "batch"
    assert weights_digest(other) == weights_digest(load_model("pretrained:tiny"))
    assert colornet.pretrained_names() == ["tiny"]


@pytest.mark.parametrize("statistics", ["moving", "batch"])
def test_the_form_for_inference_is_that_of_the_loaded_network(statistics):
    """Of the shipped weights it is built alone, of others from the network."""
    changes = {"max_disparity": 32, "bn_statistics": statistics}
    form = load_for_inference(pretrained.DEFAULT, "bfloat16", **changes)
    assert form.get_layer("l02_conv").compute_dtype == "bfloat16"
    expected = colornet.load_pretrained(**changes).for_inference()
    assert form.config == expected.config
    for mine, other in zip(form.variables, expected.variables, strict=True):
        assert mine.path == other.path
        np.testing.assert_array_equal(mine, other)


def test_other_networks_are_their_own_form_for_inference(copy):
    form = load_for_inference("pretrained:tiny", bn_statistics="batch")
    assert form.config == CONFIG.model.replace(bn_statistics="batch")
    assert weights_digest(form) == weights_digest(load_model("pretrained:tiny"))


def test_the_index_and_the_card_tell_what_they_are(copy):
    entry = pretrained.read_index(copy)["weights"]["tiny"]
    assert entry["sha256"] == sha256_of(copy / "tiny.npz")
    assert entry["step"] == 5 and 0 < entry["float16_difference"] <= 0.5
    card = (copy / "MODEL_CARD.md").read_text()
    for words in (
        "## tiny (default)",
        entry["sha256"],
        "5 of 6 steps of `experiments.pretrain`",
        "max_disparity 32",
    ):
        assert words in card


def test_the_shipped_card_is_that_of_the_index():
    shipped = pathlib.Path(pretrained.__file__).parent
    card = (shipped / packing.CARD).read_text()
    assert card == packing.model_card(pretrained.read_index(shipped))


def test_evaluations_of_these_weights_get_into_the_card(copy, run_dir, tmp_path):
    model = colornet.load_pretrained()
    summary = {
        "settings": {
            "sha256": weights_digest(model),
            "method": "tiny",
            "max_disparity": None,
            "split": "test",
            "records_metadata": {"settings": {"setup": 2}},
            "model": model.config.to_dict(),
        },
        "mean": {},
        "datasets": {
            "kitti": {"count": 5, "psnr": 31.234, "ssim": 0.9, "seconds": 1},
            "second": {
                "count": 2,
                "psnr": 30.0,
                "visible": 0.85,
                "visible_psnr": 33.0,
                "hidden_psnr": None,
            },
        },
    }
    folder = tmp_path / "evaluation"
    folder.mkdir()
    write_json(folder / "summary.json", summary)
    arguments = (run_dir, "tiny", copy, pictures)
    packing.pack(*arguments, evaluations={"ours": folder})
    card = (copy / "MODEL_CARD.md").read_text()
    assert "| kitti | 5 | 2 | tiny | 32 |  | 31.23 / 0.900 |  |  |" in card
    assert "| second | 2 | 2 | tiny | 32 |  | 30.00 | 33.00 (85%) |  |" in card
    summary["settings"]["method"] = "colorizer"
    write_json(folder / "summary.json", summary)
    packing.pack(*arguments, evaluations={"colorizer": folder})
    card = (copy / "MODEL_CARD.md").read_text()
    assert "| kitti | 5 | 2 | colorizer | estimated |  | 31.23" in card
    # What was the default is it still.
    assert pretrained.read_index(copy)["default"] == "tiny"
    # Without the run: the weights and what the card says already stay.
    content = (copy / "tiny.npz").read_bytes()
    summary["settings"] |= {"method": "tiny"}
    write_json(folder / "summary.json", summary)
    packing.describe("tiny", copy, evaluations={"again": folder}, policy={})
    card = (copy / "MODEL_CARD.md").read_text()
    for row in ("| kitti | 5 | 2 | colorizer |", "| kitti | 5 | 2 | tiny |"):
        assert row in card
    assert (copy / "tiny.npz").read_bytes() == content
    with pytest.raises(InputError, match=r"weights of .* \(tiny\). Received: other"):
        packing.describe("other", copy)
    summary["settings"]["sha256"] = "0" * 64
    write_json(folder / "summary.json", summary)
    with pytest.raises(InputError, match="as they are packed"):
        packing.pack(*arguments, evaluations={"ours": folder})
    with pytest.raises(InputError, match="experiments.evaluate has written"):
        packing.pack(*arguments, evaluations={"ours": tmp_path})


def test_they_have_a_policy_that_is_kept(copy, run_dir):
    assert pretrained.policy("pretrained:default") == {}
    packing.pack(run_dir, "tiny", copy, pictures, policy={"target_disparity": 80})
    # Packed again, with an evaluation say, they have it still.
    packing.pack(run_dir, "tiny", copy, pictures)
    assert pretrained.policy("pretrained:default") == {"target_disparity": 80}
    assert "target_disparity 80" in (copy / "MODEL_CARD.md").read_text()


def test_a_run_on_records_is_packed_as_it_is(copy, tmp_path):
    config = TrainConfig(CONFIG.model, records="/somewhere/else", steps=9)
    model = build_network(config.model)
    kernel = model.get_layer("scores").kernel
    kernel.assign(0.01 * kernel)
    optimizer = training_optimizer(config, model.trainable_variables)
    Checkpoints(tmp_path).save(7, model, optimizer, config)
    entry = packing.pack(tmp_path, "other", copy, pictures)
    assert entry["step"] == 7 and entry["recipe"]["records"] == "else"
    found = colornet.load_pretrained("other").get_weights()
    for mine, theirs in zip(found, model.get_weights(), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-3, atol=1e-6)
    card = (copy / "MODEL_CARD.md").read_text()
    assert "7 of 9 steps of `experiments.train`" in card
    assert pretrained.read_index(copy)["default"] == "tiny"


def test_a_changed_or_missing_file_is_refused(copy):
    content = bytearray((copy / "tiny.npz").read_bytes())
    content[len(content) // 2] ^= 1
    (copy / "tiny.npz").write_bytes(content)
    with pytest.raises(InputError, match="with SHA-256 .* Received: [0-9a-f]{64}$"):
        colornet.load_pretrained()
    (copy / "tiny.npz").unlink()
    with pytest.raises(InputError, match="Missing: .*tiny.npz"):
        colornet.load_pretrained()


def test_unknown_names_and_broken_indexes_are_refused(copy):
    with pytest.raises(InputError, match=r"known name \(tiny\). Received: 'huge'"):
        load_model("pretrained:huge")
    (copy / "index.json").write_text('{"default": "tiny", "weights": {"tiny": {}}}')
    with pytest.raises(InputError, match=r"index.json"):
        colornet.load_pretrained()


def test_a_folder_of_the_same_name_is_not_in_the_way(copy, tmp_path, monkeypatch):
    (tmp_path / "tiny").mkdir()
    monkeypatch.chdir(tmp_path)
    assert load_model("pretrained:tiny").config == CONFIG.model
    with pytest.raises(InputError, match="with checkpoints"):
        load_model("tiny")


def test_float16_that_is_not_exact_enough_is_refused(run_dir, copy, monkeypatch):
    before = {path: path.read_bytes() for path in copy.iterdir()}

    def coarse(model, path, kernels="float32"):
        if kernels == "float16":
            model = model.with_config(bn_statistics="batch").with_config(
                bn_statistics="moving"
            )
            kernel = model.get_layer("last").bias
            kernel.assign(np.asarray(kernel) + np.float32(0.6 / 255))
        save_weights(model, path, kernels)

    monkeypatch.setattr(packing, "save_weights", coarse)
    with pytest.raises(InputError, match="at most 0.5 grey levels. Received: 0.6"):
        packing.pack(run_dir, "tiny", copy, pictures)
    with pytest.raises(InputError, match="a name like n32-d192. Received: 'a/b'"):
        packing.pack(run_dir, "a/b", copy, pictures)
    assert before == {path: path.read_bytes() for path in copy.iterdir()}


@pytest.mark.slow
def test_colorize_takes_the_default_and_says_so(copy, tmp_path):
    network = random_network(32)
    optimizer = build_optimizer(TABLE_1, network.trainable_variables)
    Checkpoints(tmp_path / "run").save(6, network, optimizer, TABLE_1)
    policy = {"auto_disparity": False, "semi_global_weight": 0}
    packing.pack(tmp_path / "run", "small", copy, pictures, default=True, policy=policy)
    mono, reference = _picture(0, 33, 45), _picture(1, 33, 45, 3)
    write_picture(tmp_path / "mono.png", mono)
    write_picture(tmp_path / "reference.png", reference)
    arguments = [
        f"--{name}={tmp_path / name}.png" for name in ("mono", "reference", "output")
    ]
    results = start_each(
        "experiments.colorize",
        {
            "default": arguments,
            "unknown": [*arguments, "--weights=pretrained:huge"],
        },
        eagerly=True,
    )
    assert results["default"].code == 0, results["default"]
    assert "weights: pretrained:small\n" in results["default"].stdout
    picture = colornet.io.pictures.read_picture(tmp_path / "output.png")
    expected = colornet.Colorizer.from_pretrained()(mono, reference)
    assert np.abs(picture.astype(int) - expected).max() <= 1
    assert np.abs(rgb_to_luma(picture.astype(float))[..., 0] - mono).max() <= 0.51
    assert_one_line_error(results["unknown"], "known name", "small", "huge")


def test_without_weights_the_default_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("COLORNET_PRETRAINED", str(tmp_path))
    (tmp_path / "index.json").write_text('{"default": null, "weights": {}}')
    with pytest.raises(InputError, match="none come with this copy of colornet"):
        colornet.load_pretrained()


def test_the_weights_of_the_repository_are_what_the_index_says():
    folder = pathlib.Path(pretrained.__file__).parent
    index = pretrained.read_index(folder)
    files = {path.name for path in folder.glob("*.npz")}
    assert files == {entry["file"] for entry in index["weights"].values()}
    assert set(index["weights"]) <= {index["default"]}  # The wheel has no others.
    for entry in index["weights"].values():
        path = folder / entry["file"]
        assert sha256_of(path) == entry["sha256"]
        assert path.stat().st_size < 16 * 2**20
    assert (folder / packing.CARD).is_file() == bool(files)


def test_weights_are_installed_with_the_package(packed, tmp_path):
    source = tmp_path / "source"
    shutil.copytree(ROOT / "colornet", source / "colornet")
    for name in ("setup.py", "pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, source)
    for path in packed.iterdir():
        shutil.copy(path, source / "colornet" / "pretrained")
    done = subprocess.run(
        [sys.executable, "setup.py", "-q", "bdist_wheel"],
        capture_output=True,
        text=True,
        cwd=source,
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = (source / "dist").glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    wanted = {f"colornet/pretrained/{path.name}" for path in packed.iterdir()}
    wanted |= {"colornet/py.typed", "colornet/visualize/page.html"}
    assert wanted >= {f"colornet/pretrained/{n}" for n in ("tiny.npz", "index.json")}
    assert wanted <= names


def test_keras_files_and_float16_files_are_the_same_network(copy, tmp_path):
    model = colornet.load_pretrained()
    model.save(tmp_path / "model.keras")
    again = load_model(tmp_path / "model.keras")
    assert weights_digest(again) == weights_digest(model)


def test_large_optimizer_states_go_to_several_files(tmp_path):
    model = build_network(CONFIG.model)
    optimizer = build_optimizer(CONFIG, model.trainable_variables)
    for variable in optimizer.variables[2:]:
        variable.assign(np.random.default_rng(0).random(variable.shape))
    checkpoints = Checkpoints(tmp_path, most_bytes=2_000)
    checkpoints.save(1, model, optimizer, CONFIG)
    files = sorted(path.name for path in checkpoints.path(1).glob("optimizer*"))
    assert len(files) > 2 and files[0] == "optimizer.npz"
    keras.utils.set_random_seed(1)
    other = build_network(CONFIG.model)
    fresh = build_optimizer(CONFIG, other.trainable_variables)
    checkpoints.restore(1, other, fresh)
    for mine, theirs in zip(fresh.variables, optimizer.variables, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    (checkpoints.path(1) / files[-1]).unlink()
    with pytest.raises(InputError, match="npz in .*step_00000001. Received: optim"):
        checkpoints.restore(1, other, fresh)
