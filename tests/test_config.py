"""Configurations take values of their types, and nothing else."""

import json

import numpy as np
import pytest

from colornet.colorizer.plan import Policy
from colornet.config import ModelConfig, TrainConfig
from colornet.errors import InputError
from colornet.tiling import Tiling
from experiments.methods.networks.config import MethodConfig
from experiments.pretraining.examples import StreamConfig
from experiments.pretraining.recipe import PretrainConfig
from tfrecords_tools.records import RecordConfig

_KINDS = {
    "a whole number": ["8", 8.0, True, None, [8], np.float32(8)],
    "a finite number": ["0.5", True, None, np.nan, np.inf, [1.0], np.float32("nan")],
    "true or false": [0, 1.0, "True", None, np.nan],
    "a text": [1, True, None, b"mask", ["mask"]],
}
_FIELDS = [
    (ModelConfig, "n", "a whole number"),
    (ModelConfig, "max_disparity", "a whole number"),
    (ModelConfig, "chroma_scale", "a finite number"),
    (ModelConfig, "bn_epsilon", "a finite number"),
    (ModelConfig, "attention", "true or false"),
    (ModelConfig, "border", "a text"),
    (TrainConfig, "steps", "a whole number"),
    (TrainConfig, "rho", "a finite number"),
    (TrainConfig, "recompute", "true or false"),
    (TrainConfig, "records", "a text"),
    (PretrainConfig, "frozen_statistics", "true or false"),
    (StreamConfig, "cameras", "a text"),
    (RecordConfig, "setup", "a whole number"),
    (RecordConfig, "scale", "a finite number"),
    (Tiling, "memory_gb", "a finite number"),
    (Tiling, "overlap", "a whole number"),
    (Policy, "luma_detail", "true or false"),
    (Policy, "working_pixels", "a whole number"),
]


@pytest.mark.parametrize(("config", "field", "kind"), _FIELDS)
def test_values_of_another_type_are_refused(config, field, kind):
    for value in _KINDS[kind]:
        with pytest.raises(InputError, match=f"^{field} must be {kind}. Received: "):
            config(**{field: value})
        with pytest.raises(InputError, match=f"^{field} must be {kind}. Received: "):
            config.from_dict({field: value})


@pytest.mark.parametrize("value", ["1", 1.5, True])
def test_a_field_that_may_be_none(value):
    with pytest.raises(InputError, match="target_disparity must be a whole number or"):
        Policy(target_disparity=value)
    assert Policy(target_disparity=None).target_disparity is None


def test_numpy_scalars_become_plain_ones():
    model = ModelConfig(
        n=np.int64(8), attention=np.bool_(False), bn_momentum=np.float64(0.5)
    )
    assert model == ModelConfig(n=8, attention=False, bn_momentum=0.5)
    assert [type(v) for v in (model.n, model.attention, model.bn_momentum)] == [
        int,
        bool,
        float,
    ]
    train = TrainConfig(model=model, steps=np.int32(3), rho=0)
    assert type(train.rho) is float
    assert json.loads(train.to_json())["model"]["n"] == 8


@pytest.mark.parametrize("values", [None, 3, "n", [8], [["n", 8]]])
def test_fields_that_are_no_dictionary(values):
    with pytest.raises(InputError, match="^expected the fields of a ModelConfig"):
        ModelConfig.from_dict(values)
    with pytest.raises(InputError, match="^model must be ModelConfig. Received: "):
        PretrainConfig.from_dict({"model": values})


@pytest.mark.parametrize("config", [ModelConfig(n=2), Policy(), RecordConfig()])
def test_configurations_come_back_from_json(config):
    assert type(config).from_dict(json.loads(config.to_json())) == config


def test_method_configurations_too():
    with pytest.raises(InputError, match="^width must be a finite number"):
        MethodConfig("zhang", width="1")
