"""Frozen configurations, written as JSON next to every checkpoint."""

import dataclasses
import importlib
import json
import math
from typing import Any, Self

from colornet.errors import InputError

BN_STATISTICS = ("moving", "batch")
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
_SEEDS = 2**32  # NumPy's legacy generator takes no larger one.


def _check_choice(name: str, value: Any, choices: tuple) -> None:
    if value not in choices:
        raise InputError(f"{name} must be one of {choices}. Received: {value!r}")


def _check_at_least(name: str, value: float, least: float) -> None:
    if not value >= least:
        raise InputError(f"{name} must be at least {least}. Received: {value!r}")


def _check_above_0(name: str, value: float) -> None:
    if not 0 < value < math.inf:
        raise InputError(f"{name} must be above 0 and finite. Received: {value!r}")


def _check_decay(name: str, value: float) -> None:
    if not 0 <= value < 1:
        raise InputError(f"{name} must be at least 0 and below 1. Received: {value!r}")


@dataclasses.dataclass(frozen=True)
class Config:
    """A frozen configuration that goes to JSON and back."""

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Raises InputError for a field that this configuration does not have."""
        known = {field.name for field in dataclasses.fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise InputError(
                f"{cls.__name__} has no such fields. Received: {', '.join(unknown)}"
            )
        return cls(**values)

    def to_json(self) -> str:
        return json.dumps(self.to_dict(), indent=2, sort_keys=True)

    def replace(self, **changes) -> Self:
        return dataclasses.replace(self, **changes)


@dataclasses.dataclass(frozen=True)
class NetworkConfig(Config):
    """The configuration of a network, which says how to build it.

    What trains, stores and scores networks knows them by this class alone. Beside
    `ModelConfig` there are those that `register_network` was told of; they have the
    field `name`, by which `network_config` tells them apart.
    """

    def _check_normalization(self) -> None:
        """Checks the fields of batch normalization, which all networks have."""
        _check_choice("bn_statistics", self.bn_statistics, BN_STATISTICS)
        _check_decay("bn_momentum", self.bn_momentum)
        _check_above_0("bn_epsilon", self.bn_epsilon)

    def build(self):
        """A `colornet.networks.Network` of this configuration with fresh weights."""
        raise NotImplementedError

    def changed(self, **changes) -> Self:
        """As `replace`; None leaves a field as it is.

        Raises:
            InputError: a field that this network does not have, or a value it cannot
                have.
        """
        given = {name: value for name, value in changes.items() if value is not None}
        known = self.to_dict()
        odd = [f"{key}={value}" for key, value in given.items() if key not in known]
        if odd:
            raise InputError(
                f"expected settings of the network {getattr(self, 'name', 'colornet')} "
                f"({', '.join(known)}). Received: {', '.join(odd)}"
            )
        return self.replace(**given)


_NETWORKS: dict[str, type[NetworkConfig]] = {}
_MODULES: dict[str, str] = {}


def register_network(name: str, config: type[NetworkConfig], module: str) -> None:
    """Makes the configurations with this `name` known.

    Args:
        name: of the network.
        config: the class of its configurations.
        module: that registers the network itself with Keras.
    """
    _NETWORKS[name], _MODULES[name] = config, module


def import_networks() -> None:
    """Makes all networks known to Keras, which needs them to read `.keras` files."""
    for module in _MODULES.values():
        importlib.import_module(module)


def network_config(values: dict[str, Any]) -> NetworkConfig:
    """The configuration that has these fields: `ModelConfig` if none is `name`.

    Raises:
        InputError: no registered network has the name, or the fields.
    """
    name = values.get("name")
    if name is None:
        return ModelConfig.from_dict(values)
    if name not in _NETWORKS:
        known = ", ".join(["ours", *_NETWORKS])
        raise InputError(
            f"expected a network that is known here ({known}). Received: {name!r}"
        )
    return _NETWORKS[name].from_dict(values)


@dataclasses.dataclass(frozen=True)
class ModelConfig(NetworkConfig):
    """The network of Table 1 and what the paper leaves open about it.

    Attributes:
        n: number of filters (stated: 32).
        max_disparity: d of Eq. 1 in pixels, a multiple of 32 (D-04).
        attention: whether the attention of Eq. 4 is there (Table 5, "No attention").
        rough: how the rough chroma is made from the volume: "weighted_average" (Eq. 1)
            or "soft_argmax" (Table 5, "No weighted average"; D-16).
        residue: whether the color residue joint learning of Eq. 2 is there (Table 5).
        border: candidates past the right border: "mask" leaves them out of the softmax,
            "zero" gives them chroma 0 (D-02).
        weight_normalization: "softmax" over the candidates, or "none" (D-03).
        chroma_scale: what chroma 1.0 is in the units of ResNet2's input and ResNet4's
            output: 255 for 8-bit levels, or 1 (D-21).
        residue_init: start of `l93_conv`: "zero", or "he" (D-17).
        bn_statistics: what batch normalization uses at test time: "moving" statistics
            of the training, or those of the batch at hand ("batch") (D-14).
        bn_momentum, bn_epsilon: of every batch normalization (D-14).
        candidate_margin: columns at the right of both pictures that are candidates and
            get no colour, a multiple of 32; for the tiles of a larger picture (D-32).
        working_disparity: px; small pictures are enlarged until this is their largest
            disparity, within limits, and large ones reduced, before the network sees
            them, and once more at half the scale, by `colornet.inference.predict` alone
            (D-37). 0 leaves all pictures as they are, as the paper does.
        find_disparity: whether `colornet.inference.predict` finds out for every pair
            how many candidates it needs, in place of `max_disparity` (D-38).
    """

    n: int = 32
    max_disparity: int = 192
    attention: bool = True
    rough: str = "weighted_average"
    residue: bool = True
    border: str = "mask"
    weight_normalization: str = "softmax"
    chroma_scale: float = 255.0
    residue_init: str = "zero"
    bn_statistics: str = "moving"
    bn_momentum: float = 0.99
    bn_epsilon: float = 1e-3
    candidate_margin: int = 0
    working_disparity: int = 0
    find_disparity: bool = False

    def __post_init__(self):
        _check_at_least("n", self.n, 1)
        _check_above_0("chroma_scale", self.chroma_scale)
        self._check_normalization()
        if self.max_disparity < 32 or self.max_disparity % 32:
            raise InputError(
                "max_disparity must be a positive multiple of 32. "
                f"Received: {self.max_disparity}"
            )
        if self.candidate_margin < 0 or self.candidate_margin % 32:
            raise InputError(
                "candidate_margin must be a multiple of 32. "
                f"Received: {self.candidate_margin}"
            )
        _check_at_least("working_disparity", self.working_disparity, 0)
        _check_choice("rough", self.rough, ("weighted_average", "soft_argmax"))
        _check_choice("border", self.border, ("mask", "zero"))
        _check_choice(
            "weight_normalization", self.weight_normalization, ("softmax", "none")
        )
        _check_choice("residue_init", self.residue_init, ("zero", "he"))
        if self.rough == "soft_argmax" and self.weight_normalization == "none":
            raise InputError(
                "soft_argmax needs weights that sum to 1. "
                "Received: weight_normalization='none'"
            )

    def changed(self, **changes) -> Self:
        """As `NetworkConfig.changed`; with a `max_disparity`, none is to be found."""
        if changes.get("max_disparity") is not None:
            changes = {"find_disparity": False} | {
                name: value for name, value in changes.items() if value is not None
            }
        return super().changed(**changes)

    def build(self):
        # Here, because the network is defined in terms of this module.
        from colornet.model import build_colornet

        return build_colornet(self)


# Table 5: every ablation is the same network with parts changed.
VARIANTS = {
    "full": {},
    "no_attention": {"attention": False},
    "no_weighted_average": {"rough": "soft_argmax"},
    "no_residue": {"residue": False},
    "stereo_matching": {"attention": False, "rough": "soft_argmax", "residue": False},
}


@dataclasses.dataclass(frozen=True)
class TrainConfig(Config):
    """All that decides the outcome of a training run.

    Attributes:
        model: the network.
        records: folder of TFRecords.
        split: split of the records to train on.
        steps: number of optimizer steps (batches).
        batch_size: examples a step, over all replicas.
        crop_height, crop_width: the random window in pixels, multiples of 32.
        learning_rate, rho, epsilon: of RMSProp (D-13).
        loss: "chroma_mse", the paper's (D-12); "disparity_l1" on true disparity, for
            the stereo matching model of Table 5; or "network", which the network brings
            with it (`Network.training_loss`).
        precision: Keras dtype policy of the network.
        recompute: whether to keep less for the gradients and compute it again: less
            memory, a longer step, the same result up to rounding.
        seed: of the initial weights, the order of the examples and the crops.
    """

    model: NetworkConfig = dataclasses.field(default_factory=ModelConfig)
    records: str = ""
    split: str = "train"
    steps: int = 100_000
    batch_size: int = 1
    crop_height: int = 256
    crop_width: int = 512
    learning_rate: float = 0.001
    rho: float = 0.9
    epsilon: float = 1e-7
    loss: str = "chroma_mse"
    precision: str = "float32"
    recompute: bool = False
    seed: int = 0

    def __post_init__(self):
        _check_at_least("steps", self.steps, 1)
        _check_at_least("batch_size", self.batch_size, 1)
        if not 0 <= self.seed < _SEEDS:
            raise InputError(
                f"seed must be at least 0 and below {_SEEDS}. Received: {self.seed}"
            )
        for name in ("learning_rate", "epsilon"):
            _check_above_0(name, getattr(self, name))
        _check_decay("rho", self.rho)
        for name in ("crop_height", "crop_width"):
            size = getattr(self, name)
            if size < 32 or size % 32:
                raise InputError(
                    f"{name} must be a positive multiple of 32. Received: {size}"
                )
        _check_choice("loss", self.loss, ("chroma_mse", "disparity_l1", "network"))
        _check_choice("precision", self.precision, PRECISIONS)
        if self.recompute and not isinstance(self.model, ModelConfig):
            raise InputError(
                "recompute is for the network of Table 1 alone. "
                f"Received: {getattr(self.model, 'name', self.model)}"
            )
        rough = getattr(self.model, "rough", None)
        if self.loss == "disparity_l1" and rough != "soft_argmax":
            raise InputError(
                "loss 'disparity_l1' needs a model with rough='soft_argmax'. "
                f"Received: {rough!r}"
            )

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        model = network_config(values.get("model", {}))
        return super().from_dict({**values, "model": model})
