"""The weights of the comparison networks in colorize and export."""

import numpy as np
import pytest
import tensorflow as tf

from colornet.errors import InputError
from colornet.inference import colorize_outputs
from colornet.io.pictures import read_picture, write_picture
from colornet.networks import build_network
from colornet.weights import load_model, save_weights
from experiments.methods import networks
from experiments.methods.networks.config import MethodConfig
from tests.command_line import assert_one_line_error, start_each

pytestmark = pytest.mark.slow

_HEIGHT, _WIDTH = 33, 45
_RNG = np.random.default_rng(0)
# What the program gives beside the picture: maps of it, and nothing for the loss alone.
_MAPS = {"he": {"chroma", "warped_chroma"}}
# Iizuka's is Furusawa's without the histogram.
_EXPORTED = ("zhang", "furusawa", "he")
_BAD = {
    "max_disparity": ({"max_disparity": "64"}, "network he", "max_disparity=64"),
    "volumes": ({"save_volumes": "volumes"}, "with volumes", "Received: he"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two pictures, and small networks with fresh weights."""
    top = tmp_path_factory.mktemp("networks")
    shape = (_HEIGHT, _WIDTH)
    write_picture(top / "mono.png", _RNG.integers(0, 256, shape, np.uint8))
    write_picture(top / "reference.png", _RNG.integers(0, 256, (*shape, 3), np.uint8))
    for name in networks.names():
        model = build_network(MethodConfig(name, width=1 / 8, global_size=64))
        save_weights(model, top / f"{name}.npz")
        if name == "he":
            model.save(top / "he.keras")
    return top


@pytest.fixture(scope="module")
def colorized(folder):
    """What the program said to each of the weights, and to what cannot be."""

    def arguments(weights, output, **changes):
        values = {"mono": "mono.png", "reference": "reference.png", "weights": weights}
        paths = values | {"output": output} | changes
        return [
            f"--{name}={value if name == 'max_disparity' else folder / value}"
            for name, value in paths.items()
        ]

    calls = {n: arguments(f"{n}.npz", f"{n}.png") for n in networks.names()}
    calls |= {"keras": arguments("he.keras", "keras.png")}
    calls |= {n: arguments("he.npz", "no.png", **bad) for n, (bad, *_) in _BAD.items()}
    return start_each("experiments.colorize", calls, eagerly=True)


@pytest.mark.parametrize("name", networks.names())
def test_colorize(folder, colorized, name):
    assert colorized[name].code == 0, colorized[name]
    model = load_model(folder / f"{name}.npz")
    model.run_eagerly = True
    pair = [read_picture(folder / f"{view}.png") for view in ("mono", "reference")]
    expected = colorize_outputs(model, *pair)["picture"]
    found = read_picture(folder / f"{name}.png")
    assert np.abs(found.astype(int) - expected).max() <= 1
    assert np.ptp(found, axis=-1).max() > 5  # It is not grey.
    if name == "he":
        np.testing.assert_array_equal(read_picture(folder / "keras.png"), found)


@pytest.mark.parametrize("case", _BAD)
def test_what_the_networks_do_not_have_is_refused(folder, colorized, case):
    assert_one_line_error(colorized[case], *_BAD[case][1:])
    assert not (folder / "volumes").exists() and not (folder / "no.png").exists()


def test_the_library_refuses_the_same(folder):
    model = load_model(folder / "he.npz")
    pair = [read_picture(folder / f"{view}.png") for view in ("mono", "reference")]
    for changes in ({"max_disparity": 64}, {"volumes": True}):
        with pytest.raises(InputError, match="network"):
            colorize_outputs(model, *pair, **changes)
    with pytest.raises(InputError, match="network he .*Received: max_disparity=32"):
        load_model(folder / "he.npz", max_disparity=32)


@pytest.fixture(scope="module")
def exported(folder):
    calls = {
        name: [f"--weights={folder / name}.npz", f"--output={folder / name}"]
        for name in _EXPORTED
    }
    calls["bad"] = [*calls["he"][:1], f"--output={folder}/bad", "--max_disparity=64"]
    return start_each("experiments.export", calls)


@pytest.mark.parametrize("name", _EXPORTED)
def test_export(folder, exported, name):
    assert exported[name].code == 0, exported[name]
    run = tf.saved_model.load(str(folder / name)).signatures["colorize"]
    model = load_model(folder / f"{name}.npz")
    model.run_eagerly = True
    # Any size and any batch.
    for batch, height, width in ((1, _HEIGHT, _WIDTH), (2, 40, 64)):
        mono = _RNG.random((batch, height, width, 1), np.float32)
        reference = _RNG.random((batch, height, width, 3), np.float32)
        found = run(mono=tf.constant(mono), reference=tf.constant(reference))
        expected = colorize_outputs(model, mono[-1], reference[-1])
        names = _MAPS.get(name, {"chroma"}) | {"picture"}
        assert set(found) == set(expected) == names
        for key in names:
            errors = np.abs(found[key][-1] - expected[key])
            # Rounding decides between matches that are alike.
            assert np.mean(errors > 1e-4) <= (0.1 if name == "he" else 0), key


def test_export_refuses_what_the_network_does_not_have(exported):
    assert_one_line_error(exported["bad"], "network he", "max_disparity=64")
