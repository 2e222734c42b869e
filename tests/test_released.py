"""The authors' released protocol: a network that is fed the truth."""

import dataclasses

import keras
import numpy as np
import pytest

from colornet.color import rgb_to_chroma, rgb_to_luma
from colornet.config import ModelConfig
from colornet.errors import InputError
from colornet.inference import predict
from colornet.model import build_colornet
from colornet.networks import build_network
from colornet.registry import network_config
from colornet.training.run import Reporting
from colornet.weights import load_model, save_weights
from experiments import methods
from experiments.evaluation.predictors import (
    Evaluation,
    Pair,
    predict_example,
    predictor,
)
from experiments.methods.networks import RELEASED
from experiments.methods.networks.config import DEPARTURES, ReleasedConfig
from experiments.pretraining.loop import Pretrainer
from tests.pretraining_runs import TABLE_1, pictures

_D = 32
_HEIGHT, _WIDTH = 32, 64
_GREY = 128


def _built(*departures, **changes):
    config = ReleasedConfig(n=2, max_disparity=_D).departing(departures)
    network = build_network(config.replace(n=2, **changes))
    network.run_eagerly = True  # Tracing a graph takes longer than running it.
    return network


@pytest.fixture(scope="module")
def example():
    """A record: the reference is the target moved by 3 px, with noise."""
    rng = np.random.default_rng(0)
    coarse = rng.random((_HEIGHT // 4, _WIDTH // 4 + 1, 3), np.float32)
    scene = coarse.repeat(4, axis=0).repeat(4, axis=1)
    target = scene[:, 3 : _WIDTH + 3]

    def noisy(picture):
        noise = rng.normal(0, 0.03, picture.shape)
        return np.clip(picture + noise, 0, 1).astype(np.float32)

    return {
        "key": "a/b",
        "mono": noisy(rgb_to_luma(target)),
        "reference": noisy(scene[:, :_WIDTH]),
        "target": target,
        "disparity": np.full((_HEIGHT, _WIDTH), 3, np.float32),
    }


@pytest.fixture(scope="module")
def colornet():
    keras.utils.set_random_seed(0)
    network = build_colornet(ModelConfig(n=2, max_disparity=_D))
    for variable in network.get_layer("l93_conv").weights:
        variable.assign(np.full(variable.shape, 0.01))  # The residue counts.
    network.run_eagerly = True
    return network


def _oracle(network):
    return predictor(Evaluation(records="", method=RELEASED), network)[0]


def _chroma(network, example):
    return predict_example(_oracle(network), example).chroma


def test_without_departures_it_is_table_1(colornet, example):
    network = _built()
    network.start_from(colornet)
    expected = predict(colornet, example["mono"], example["reference"])
    found = predict_example(_oracle(network), example)
    np.testing.assert_allclose(found.chroma, expected["chroma"], atol=1e-6)
    np.testing.assert_allclose(found.rough, expected["rough_chroma"], atol=1e-6)
    assert not network.config.is_fed_the_truth
    # Nor does the truth change anything where a network starts to be fed with it.
    fed = _built("truth")
    fed.start_from(colornet)
    np.testing.assert_allclose(_chroma(fed, example), expected["chroma"], atol=1e-6)


def test_the_first_column_is_128_levels_off_before_any_training(example):
    """It is the last one here, where the mono view is the right one (D-01)."""
    network = _built("first_candidate", "outside")
    prediction = predict_example(_oracle(network), example)
    for chroma in (prediction.rough, prediction.chroma):
        codes = 255 * chroma + _GREY
        np.testing.assert_allclose(codes[:, -1], 0, atol=1e-3)
        assert (codes[:, :-1] > 0.1).all()
    # Neither departure does so alone: code 0 comes of no candidate that is one.
    for name in ("first_candidate", "outside"):
        codes = 255 * _chroma(_built(name), example)[:, -1] + _GREY
        assert (codes > 0.3).all(), name
    np.testing.assert_allclose(_chroma(_built("first_candidate"), example)[:, -1], 0)


def test_candidates_1_to_d(example):
    """Where W is uniform, C' is the mean of the colours 1 to d columns further."""
    network = _built("first_candidate", residue=False)
    last = network.get_layer("l39_conv")
    for variable in last.weights:
        variable.assign(np.zeros(variable.shape))
    chroma = rgb_to_chroma(example["reference"])
    expected = [chroma[:, i + 1 : i + 1 + _D].mean(axis=1) for i in range(_WIDTH - 1)]
    found = _chroma(network, example)[:, :-1]
    np.testing.assert_allclose(found, np.stack(expected, axis=1), atol=1e-5)


@pytest.mark.parametrize("name", ["truth", "clean_luma"])
def test_only_what_is_fed_the_truth_depends_on_it(example, name):
    network = _built(name)
    kernel = network.get_layer("l01_conv").kernel
    assert kernel.shape[2] == (3 if name == "truth" else 1)
    other = {**example, "target": example["target"][::-1]}
    assert np.abs(_chroma(network, example) - _chroma(network, other)).max() > 1e-5
    assert network.config.title == "released (fed the truth: not a result)"
    with pytest.raises(InputError, match="reference alone. Received: released, of"):
        predict(network, example["mono"], example["reference"])


@pytest.mark.parametrize(
    "method", [*methods.names(), methods.COLORNET, methods.COLORIZER]
)
def test_no_other_method_receives_the_truth(example, colornet, method):
    assert [field.name for field in dataclasses.fields(Pair)] == [
        "key",
        "mono",
        "reference",
    ]
    is_ours = method in (methods.COLORNET, methods.COLORIZER)
    task = Evaluation(records="", method=method, max_disparity=_D)
    run, _ = predictor(task, colornet if is_ours else None)
    rng = np.random.default_rng(1)
    blind = {
        **example,
        "target": rng.random(example["target"].shape, np.float32),
        "disparity": rng.uniform(0, 9, (_HEIGHT, _WIDTH)).astype(np.float32),
    }
    expected, found = (predict_example(run, e).chroma for e in (example, blind))
    np.testing.assert_array_equal(found, expected)


def test_the_architecture_of_the_release(example):
    network = _built("architecture")
    names = ("l31_conv", "l32_conv", "l35_conv")
    assert [network.get_layer(name).filters for name in names] == [4, 8, 4]
    assert not any(layer.name == "l19_conv" for layer in network.layers)
    assert network.get_layer("l01_conv").strides == (1, 1)
    assert network_config(network.config.to_dict()) == network.config
    assert _chroma(network, example).shape == (_HEIGHT, _WIDTH, 2)
    assert ReleasedConfig().departing(["architecture"]).n == 12


def test_a_departure_that_is_none():
    with pytest.raises(InputError, match="departures must be one of .* Received: 'x'"):
        ReleasedConfig().departing([*DEPARTURES, "x"])


@pytest.mark.slow
def test_it_is_trained_on_rendered_scenes(colornet, example, tmp_path):
    """`maps` feeds it the target; validation and the result know it, too."""
    save_weights(colornet, tmp_path / "start.npz")
    config = TABLE_1.replace(
        model=_built("truth").config,
        initial_weights=str(tmp_path / "start.npz"),
        steps=1,
    )
    reporting = Reporting(show_every=1, progress=False)
    trainer = Pretrainer(config, tmp_path / "run", pictures, reporting, 1)
    assert trainer.run()
    trained = load_model(trainer.write_result())
    assert trained.config == config.model
    kernel = np.asarray(trained.get_layer("l01_conv").kernel)
    assert np.abs(kernel[:, :, 1:]).max() > 0
    other = {**example, "target": example["target"][::-1]}
    assert np.any(_chroma(trained, example) != _chroma(trained, other))
