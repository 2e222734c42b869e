"""Frozen configurations, written as JSON next to every checkpoint. Plain data."""

import dataclasses
import json
import math
import types
import typing
from collections.abc import Iterator
from typing import Any, ClassVar, Self

import numpy as np

from colornet.errors import InputError

# d, height and width are halved five times in the encoder of Table 1.
GRID = 32
BN_STATISTICS = ("moving", "batch")
# Of a network for inference alone: the moving ones, which convolutions took over.
FOLDED = "folded"
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
_SEEDS = 2**32  # NumPy's legacy generator takes no larger one.


def check_choice(name: str, value: Any, choices: tuple) -> None:
    """Raises InputError unless the field `name` has one of these values."""
    if value not in choices:
        raise InputError(f"{name} must be one of {choices}. Received: {value!r}")


def check_at_least(name: str, value: float, least: float) -> None:
    """Raises InputError unless the field `name` is `least` or more."""
    if not value >= least:
        raise InputError(f"{name} must be at least {least}. Received: {value!r}")


def check_above_0(name: str, value: float) -> None:
    """Raises InputError unless the field `name` is above 0 and finite."""
    if not 0 < value < math.inf:
        raise InputError(f"{name} must be above 0 and finite. Received: {value!r}")


def check_fraction(name: str, value: float) -> None:
    """Raises InputError unless the field `name` is in [0, 1)."""
    if not 0 <= value < 1:
        raise InputError(f"{name} must be at least 0 and below 1. Received: {value!r}")


def check_grid(name: str, value: int) -> None:
    """Raises InputError unless the field `name` is a positive multiple of 32."""
    if value < GRID or value % GRID:
        raise InputError(f"{name} must be a positive multiple of 32. Received: {value}")


def check_seed(name: str, value: int) -> None:
    """Raises InputError unless the field `name` is a seed that NumPy takes."""
    if not 0 <= value < _SEEDS:
        raise InputError(
            f"{name} must be at least 0 and below {_SEEDS}. Received: {value}"
        )


def of_kind(name: str, value: Any, kind: Any) -> Any:
    """The value of the field `name`, or InputError if it is of another type."""
    if isinstance(value, np.generic):
        value = value.item()
    kinds = typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
    kinds = tuple(typing.get_origin(one) or one for one in kinds)
    if float in kinds and type(value) is int:
        value = float(value)
    # A bool is an int for Python, and no number for anybody.
    is_bool = isinstance(value, bool)
    known = isinstance(value, kinds) and (not is_bool or bool in kinds)
    if not known or (isinstance(value, float) and not math.isfinite(value)):
        expected = " or ".join(_KINDS.get(one, one.__name__) for one in kinds)
        raise InputError(f"{name} must be {expected}. Received: {value!r}")
    return value


_KINDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a finite number",
    str: "a text",
    dict: "a dictionary",
    list: "a list",
    types.NoneType: "None",
}


def _flattened(values: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from ((f"{name}.{key}", v) for key, v in _flattened(value))
        else:
            yield name, value


@dataclasses.dataclass(frozen=True)
class Config:
    """A frozen configuration that goes to JSON and back.

    Its fields are of the types that the annotations name; NumPy's scalars become
    Python's.

    Raises:
        InputError: a value of another type, or a number that is not finite.
    """

    # Fields that older versions stored, with the values that changed nothing.
    retired: ClassVar[dict[str, Any]] = {}

    def __post_init__(self):
        kinds = typing.get_type_hints(type(self))
        for field in dataclasses.fields(self):
            value = of_kind(field.name, getattr(self, field.name), kinds[field.name])
            object.__setattr__(self, field.name, value)

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Raises InputError for a field that this configuration does not have."""
        if not isinstance(values, dict):
            raise InputError(
                f"expected the fields of a {cls.__name__}. Received: {values!r}"
            )
        values = {
            name: value
            for name, value in values.items()
            if name not in cls.retired or value != cls.retired[name]
        }
        known = {field.name for field in dataclasses.fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise InputError(
                f"{cls.__name__} has no such fields. Received: {', '.join(unknown)}"
            )
        kinds = typing.get_type_hints(cls)
        return cls(
            **{
                name: kinds[name].from_dict(value)
                if isinstance(value, dict) and dataclasses.is_dataclass(kinds[name])
                else value
                for name, value in values.items()
            }
        )

    def to_json(self) -> str:
        return json.dumps(self.to_dict(), indent=2, sort_keys=True)

    def flat(self) -> dict[str, Any]:
        """All fields in one dictionary; those of nested ones are named `model.n`."""
        return dict(_flattened(self.to_dict()))

    def replace(self, **changes) -> Self:
        return dataclasses.replace(self, **changes)


@dataclasses.dataclass(frozen=True)
class NetworkConfig(Config):
    """The configuration of a network; `colornet.networks.build_network` builds it.

    Training, storing and scoring know networks by this class alone. Subclasses have
    the attribute `name`, under which `colornet.registry` knows them, and the fields
    `bn_statistics`, `bn_momentum` and `bn_epsilon` of batch normalization.
    """

    def __post_init__(self):
        super().__post_init__()
        statistics = (*BN_STATISTICS, FOLDED)
        check_choice("bn_statistics", self.bn_statistics, statistics)
        check_fraction("bn_momentum", self.bn_momentum)
        check_above_0("bn_epsilon", self.bn_epsilon)

    def with_changes(self, **changes) -> Self:
        """As `replace`; None leaves a field as it is.

        Raises:
            InputError: a field that this network does not have, or a value that the
                field cannot have.
        """
        given = {name: value for name, value in changes.items() if value is not None}
        known = self.to_dict()
        odd = [f"{key}={value}" for key, value in given.items() if key not in known]
        if odd:
            raise InputError(
                f"expected settings of the network {self.name} ({', '.join(known)}). "
                f"Received: {', '.join(odd)}"
            )
        return self.replace(**given)


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
        view_statistics: in training, ResNet1's batch normalization uses the statistics
            of both views together ("joint") or of each view ("separate") (D-20).
        bn_statistics: what batch normalization uses at test time: "moving" statistics
            of the training, or those of the batch at hand ("batch") (D-14).
        bn_momentum, bn_epsilon: of every batch normalization (D-14).
    """

    name: ClassVar[str] = "colornet"
    retired: ClassVar[dict[str, Any]] = {
        "candidate_margin": 0,
        "working_disparity": 0,
        "find_disparity": False,
    }

    n: int = 32
    max_disparity: int = 192
    attention: bool = True
    rough: str = "weighted_average"
    residue: bool = True
    border: str = "mask"
    weight_normalization: str = "softmax"
    chroma_scale: float = 255.0
    residue_init: str = "zero"
    view_statistics: str = "joint"
    bn_statistics: str = "moving"
    bn_momentum: float = 0.99
    bn_epsilon: float = 1e-3

    def __post_init__(self):
        super().__post_init__()
        check_at_least("n", self.n, 1)
        check_above_0("chroma_scale", self.chroma_scale)
        check_grid("max_disparity", self.max_disparity)
        check_choice("rough", self.rough, ("weighted_average", "soft_argmax"))
        check_choice("border", self.border, ("mask", "zero"))
        check_choice(
            "weight_normalization", self.weight_normalization, ("softmax", "none")
        )
        check_choice("residue_init", self.residue_init, ("zero", "he"))
        check_choice("view_statistics", self.view_statistics, ("joint", "separate"))
        if self.rough == "soft_argmax" and self.weight_normalization == "none":
            raise InputError(
                "soft_argmax needs weights that sum to 1. "
                "Received: weight_normalization='none'"
            )


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
        jit: whether XLA compiles the step: the same result up to rounding.
        validation_records: folder of the records with the held-out examples; `records`
            if None.
        validation_split: split with the held-out examples; "validation" if None, and
            none where the records have no such split.
        validation_examples: how many of the split, its first ones, cropped about the
            centre to the size of the training's crops; 0 for none.
        calibration_batches: number of training batches that the statistics of batch
            normalization are computed from once the training has ended (D-14); 0 for
            none.
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
    jit: bool = False
    validation_records: str | None = None
    validation_split: str | None = None
    validation_examples: int = 16
    calibration_batches: int = 64
    seed: int = 0

    def __post_init__(self):
        super().__post_init__()
        check_at_least("steps", self.steps, 1)
        check_at_least("validation_examples", self.validation_examples, 0)
        check_at_least("calibration_batches", self.calibration_batches, 0)
        check_at_least("batch_size", self.batch_size, 1)
        check_seed("seed", self.seed)
        check_above_0("learning_rate", self.learning_rate)
        check_above_0("epsilon", self.epsilon)
        check_fraction("rho", self.rho)
        check_grid("crop_height", self.crop_height)
        check_grid("crop_width", self.crop_width)
        check_choice("loss", self.loss, ("chroma_mse", "disparity_l1", "network"))
        check_choice("precision", self.precision, PRECISIONS)
        if self.recompute and not isinstance(self.model, ModelConfig):
            raise InputError(
                "recompute is for the network of Table 1 alone. "
                f"Received: {self.model.name}"
            )
        if self.recompute and self.jit:
            # XLA would compute again at once, and keep it, what is to be kept less.
            raise InputError("expected recompute or jit. Received: both")
        rough = getattr(self.model, "rough", None)
        if self.loss == "disparity_l1" and rough != "soft_argmax":
            raise InputError(
                "loss 'disparity_l1' needs a model with rough='soft_argmax'. "
                f"Received: {rough!r}"
            )
