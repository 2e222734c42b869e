"""The recipe of the pretraining: what is trained on what, and how (D-30).

The defaults are the recipe: each has a row in experiments/results/weights.md. The
paper's own are `ema_decay=0`, `precision="float32"` and `calibration_batches=0`;
optimizer, rate, loss and batch are the paper's already. The scenes are not (D-29).
"""

import dataclasses

from colornet.config import (
    Config,
    ModelConfig,
    check_above_0,
    check_at_least,
    check_choice,
    check_fraction,
    check_seed,
)
from colornet.errors import InputError
from experiments.pretraining.examples import StreamConfig


@dataclasses.dataclass(frozen=True)
class PretrainConfig(Config):
    """All that decides the outcome of a pretraining run.

    Attributes:
        model: the network.
        initial_weights: what `colornet.load_model` reads, of a network with the same
            n, or with a divisor of it (see `widening`); seeded ones if None.
        stream: the rendered training batches.
        steps: number of optimizer steps (batches).
        learning_rate: of all steps.
        epsilon: of RMSProp (D-13, D-21).
        ema_decay: of the exponential moving average of the weights, which the result is
            then: (1 + step) / (10 + step) up to this value; 0 for no average.
        calibration_batches: number of batches that the statistics of batch
            normalization are computed from at the end (D-14); 0 keeps the moving
            statistics of the training.
        frozen_statistics: whether batch normalization uses in training what it uses at
            test time, the statistics of the initial weights, which then stay as they
            are; its factors and offsets are trained all the same.
        precision: Keras dtype policy of the training; the result is float32.
        seed: of the initial weights; the stream has its own.
    """

    model: ModelConfig = dataclasses.field(default_factory=ModelConfig)
    initial_weights: str | None = None
    stream: StreamConfig = dataclasses.field(default_factory=StreamConfig)
    steps: int = 12_000
    learning_rate: float = 0.001
    epsilon: float = 1e-7
    ema_decay: float = 0.998
    calibration_batches: int = 64
    frozen_statistics: bool = False
    precision: str = "mixed_bfloat16"
    seed: int = 0

    def __post_init__(self):
        super().__post_init__()
        check_at_least("steps", self.steps, 1)
        check_above_0("learning_rate", self.learning_rate)
        check_above_0("epsilon", self.epsilon)
        check_fraction("ema_decay", self.ema_decay)
        check_at_least("calibration_batches", self.calibration_batches, 0)
        check_choice("precision", self.precision, ("float32", "mixed_bfloat16"))
        check_seed("seed", self.seed)
        if self.frozen_statistics and not self.initial_weights:
            raise InputError(
                "frozen_statistics expects initial weights. Received: none"
            )
        if self.stream.max_disparity > self.model.max_disparity:
            raise InputError(
                "expected scenes whose disparities the network searches, at most "
                f"{self.model.max_disparity}. Received: {self.stream.max_disparity}"
            )
