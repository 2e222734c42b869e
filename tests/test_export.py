"""python -m experiments.export, its SavedModel with TensorFlow alone, and LiteRT."""

import os
import subprocess
import sys
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

from colornet.config import ModelConfig
from colornet.errors import InputError
from colornet.export import export_litert, export_saved_model
from colornet.inference import colorize_outputs
from colornet.model import build_colornet
from colornet.weights import save_weights
from tests.command_line import assert_one_line_error, start_each

_D = 32
# Batch, height and width.
_SHAPES = [(1, 32, 64), (2, 33, 45), (1, 17, 20), (3, 64, 32)]
_OTHER_PROGRAM = """
import sys
import numpy as np
import tensorflow as tf

loaded = tf.saved_model.load(sys.argv[1])
run = loaded.signatures["colorize"]
inputs = np.load(sys.argv[2])
outputs = {}
for i in range(len(inputs.files) // 2):
    tensors = {n: tf.constant(inputs[f"{n}{i}"]) for n in ("mono", "reference")}
    outputs |= {f"{n}{i}": v.numpy() for n, v in run(**tensors).items()}
np.savez(sys.argv[3], **outputs)
for name in ("mono", "reference"):
    tensors = {n: tf.constant(inputs[f"{n}0"]) for n in ("mono", "reference")}
    tensors[name] *= 255
    try:
        run(**tensors)
    except tf.errors.InvalidArgumentError as error:
        assert f"expected {name} in [0, 1]" in str(error), error
    else:
        raise AssertionError(name)
assert not {"colornet", "experiments"} & set(sys.modules)
"""


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    config = ModelConfig(n=2, max_disparity=_D, residue_init="he", bn_momentum=0.0)
    network = build_colornet(config)
    rng = np.random.default_rng(0)
    mono = rng.random((1, 64, 64, 1), np.float32)
    reference = rng.random((1, 64, 64, 3), np.float32)
    # Gives batch normalization the statistics of a picture.
    network({"mono": mono, "reference": reference}, training=True)
    network.run_eagerly = True  # Tracing a graph takes longer than running it.
    return network


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    """`good.npz`, and what the program exports in a folder that is not there yet."""
    top = tmp_path_factory.mktemp("export")
    save_weights(model, top / "good.npz")
    (top / "text.npz").write_text("no weights")
    (top / "file").write_text("what was there")
    (top / "full").mkdir()
    (top / "full" / "kept").touch()
    return top


_BAD = {
    "a full folder": ({"output": "full"}, "a new folder", "full"),
    "below a file": ({"output": "file/model"}, "can be written", "file/model"),
    "text as weights": ({"weights": "text.npz"}, "whole .npz", "text.npz"),
    "no multiple": ({"max_disparity": 33}, "multiple of 32. Received: 33"),
    "no size": ({"format": "litert", "height": 8}, "--height and --width"),
    "size of any": ({"width": 8}, "flags of format savedmodel. Received: --width"),
    "no pixels": ({"format": "litert", "height": 0, "width": 8}, "height must be"),
}


@pytest.fixture(scope="module")
def results(folder):
    def arguments(**changes):
        values = {"weights": "good.npz", "output": "deep/model"} | changes
        return [
            f"--{name}={folder / value if name in ('weights', 'output') else value}"
            for name, value in values.items()
        ]

    calls = {name: arguments(**case[0]) for name, case in _BAD.items()}
    calls["good"] = arguments()
    return start_each("experiments.export", calls)


@pytest.mark.slow
def test_another_program_gets_the_same(model, folder, results):
    assert results["good"].code == 0, results["good"]
    path = folder / "deep" / "model"
    lines = [
        f"weights: {folder / 'good.npz'}",
        f"SavedModel with signature 'colorize' in {path}",
    ]
    assert results["good"].stdout.splitlines() == lines
    assert results["good"].stderr == ""
    rng = np.random.default_rng(1)
    inputs = {}
    for i, (batch, height, width) in enumerate(_SHAPES):
        for name, channels in (("mono", 1), ("reference", 3)):
            shape = (batch, height, width, channels)
            inputs[f"{name}{i}"] = rng.random(shape, np.float32)
    np.savez(folder / "inputs.npz", **inputs)
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    subprocess.run(
        [sys.executable, "-c", _OTHER_PROGRAM, path, "inputs.npz", "outputs.npz"],
        cwd=folder,
        env={**environment, "CUDA_VISIBLE_DEVICES": ""},
        check=True,
    )
    outputs = np.load(folder / "outputs.npz")
    names = {"chroma", "rough_chroma", "picture"}
    assert set(outputs.files) == {f"{n}{i}" for n in names for i in range(len(_SHAPES))}
    for i, (batch, *_) in enumerate(_SHAPES):
        for b in range(batch):
            pair = inputs[f"mono{i}"][b], inputs[f"reference{i}"][b]
            expected = colorize_outputs(model, *pair)
            assert np.ptp(expected["chroma"]) > 0.01
            for name in names:
                found = outputs[f"{name}{i}"][b]
                np.testing.assert_allclose(found, expected[name], atol=1e-5)


@pytest.mark.parametrize("case", _BAD)
def test_bad_input_is_one_line(results, case):
    assert_one_line_error(results[case], *_BAD[case][1:])


@pytest.mark.slow
def test_the_empty_folder_one_is_in(model, tmp_path, monkeypatch):
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    export_saved_model(model, ".")
    assert os.listdir(tmp_path) == ["here"]
    assert (here / "saved_model.pb").is_file()


def test_nothing_is_overwritten_or_left_half_written(folder, model, results):
    for path in (folder / "file", folder / "deep" / "model"):
        with pytest.raises(InputError, match=f"a new folder.* Received: {path}"):
            export_saved_model(model, path)
    assert os.listdir(folder / "full") == ["kept"]
    assert (folder / "file").read_text() == "what was there"
    assert os.listdir(folder / "deep") == ["model"]
    assert not list(folder.rglob(".*"))


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device"),
        tf.errors.ResourceExhaustedError(None, None, "No space left on device"),
    ],
)
def test_a_full_disk(model, tmp_path, monkeypatch, error):
    class FullDisk:
        def track(self, model):
            pass

        def add_endpoint(self, name, function, input_signature):
            pass

        def write_out(self, path, verbose):
            open(os.path.join(path, "half"), "w").close()
            raise error

    monkeypatch.setattr("keras.export.ExportArchive", FullDisk)
    with pytest.raises(InputError, match="can be written.*No space left"):
        export_saved_model(model, tmp_path / "model")
    assert os.listdir(tmp_path) == []


def test_other_backends_have_no_saved_model(model, tmp_path, monkeypatch):
    monkeypatch.setattr("keras.backend.backend", lambda: "jax")
    with pytest.raises(InputError, match="KERAS_BACKEND=tensorflow.* Received: jax"):
        export_saved_model(model, tmp_path / "model")


def litert(path, **inputs) -> tuple[dict[str, np.ndarray], set[type]]:
    """What LiteRT's interpreter makes of a file, and the dtypes of its tensors."""
    # TensorFlow says that LiteRT is to be a package of its own.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        interpreter = tf.lite.Interpreter(str(path))
    dtypes = {tensor["dtype"] for tensor in interpreter.get_tensor_details()}
    return interpreter.get_signature_runner("colorize")(**inputs), dtypes


# A picture that needs no padding, and one of odd sides.
@pytest.mark.slow
@pytest.mark.parametrize("size", [(32, 64), (33, 45)])
def test_litert_gives_what_the_network_gives(model, tmp_path, size):
    rng = np.random.default_rng(1)
    mono = rng.random((1, *size, 1), np.float32)
    reference = rng.random((1, *size, 3), np.float32)
    expected = colorize_outputs(model, mono[0], reference[0])
    assert np.ptp(expected["chroma"]) > 0.01
    rounded = build_colornet(model.config)
    rounded.run_eagerly = True
    rounded.set_weights([np.float32(np.float16(w)) for w in model.get_weights()])
    less = colorize_outputs(rounded, mono[0], reference[0])
    for kernels in ("float32", "float16"):
        path = tmp_path / f"{kernels}.tflite"
        export_litert(model, path, *size, kernels)
        found, dtypes = litert(path, mono=mono, reference=reference)
        assert (np.float16 in dtypes) == (kernels == "float16")
        assert set(found) == {"chroma", "rough_chroma", "picture"}
        for name, value in found.items():
            error = value[0] - expected[name]
            if kernels == "float32":
                assert np.abs(error).max() < 1e-4
            else:  # It costs about what rounded weights cost the network itself.
                rounding = less[name] - expected[name]
                assert np.sqrt((error**2).mean() / (rounding**2).mean()) < 4


def test_litert_checks_what_it_is_asked_for(model, tmp_path):
    with pytest.raises(InputError, match="kernels must be one of.*Received: 'int8'"):
        export_litert(model, tmp_path / "a.tflite", 32, 32, "int8")
    with pytest.raises(InputError, match="width must be at least 1. Received: 0"):
        export_litert(model, tmp_path / "a.tflite", 32, 0)
    assert os.listdir(tmp_path) == []
