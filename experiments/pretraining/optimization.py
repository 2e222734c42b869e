"""What changes from step to step, as functions of the step, and the optimizer."""

import math

import keras
from keras import ops

from colornet.networks import Network
from experiments.pretraining.recipe import PretrainConfig


class LearningRate(keras.optimizers.schedules.LearningRateSchedule):
    """The schedule that `PretrainConfig.learning_rate_schedule` names.

    It is a function of the step alone, so a resumed run needs no state of it, and a run
    of any length ends annealed.

    Args:
        config: the recipe.
    """

    def __init__(self, config: PretrainConfig):
        self.config = config

    def __call__(self, step):
        """The learning rate of a step (from 0), or of an array of steps, float32."""
        config = self.config
        step = ops.cast(step, "float32")
        if config.learning_rate_schedule == "constant":
            return ops.full_like(step, config.learning_rate)
        rise = ops.minimum((step + 1) / max(config.warmup_steps, 1), 1.0)
        start = config.anneal_from * config.steps
        fall = ops.clip((step - start) / (config.steps - start), 0.0, 1.0)
        return config.learning_rate * rise * 0.5 * (1 + ops.cos(math.pi * fall))

    def get_config(self):
        return {"config": self.config.to_dict()}


def same_up_to(step: int, first: PretrainConfig, second: PretrainConfig) -> bool:
    """Whether two recipes have the same learning rates in the steps before `step`."""
    rates = [LearningRate(recipe)(ops.arange(step)) for recipe in (first, second)]
    return bool(ops.all(rates[0] == rates[1]))


class _RMSprop(keras.optimizers.RMSprop):
    """Its moving average of the weights is over a tenth of the run at most.

    With a constant decay the average would hold on to the initial weights: after 300
    steps of decay 0.998 they still make up half of it.
    """

    @property
    def ema_momentum(self):
        steps = ops.cast(self.iterations, "float32")
        return ops.minimum(self._ema_decay, (1 + steps) / (10 + steps))

    @ema_momentum.setter
    def ema_momentum(self, value: float):
        self._ema_decay = value


def build_optimizer(config: PretrainConfig, variables) -> keras.optimizers.Optimizer:
    """The recipe's optimizer for `variables`, with the moving average of them if any.

    `finalize_variable_values(variables)` gives them the values of that average.
    """
    optimizer = _RMSprop(
        learning_rate=LearningRate(config),
        rho=0.9,  # D-13
        epsilon=config.epsilon,
        use_ema=config.ema_decay > 0,
        ema_momentum=config.ema_decay,
        name="rmsprop",
    )
    optimizer.build(variables)
    return optimizer


def averaged(model: Network, optimizer, **changes) -> Network:
    """A float32 copy of a network with the moving average of its weights, if any.

    Args:
        model: the network in training.
        optimizer: of `build_optimizer` for it.
        **changes: fields of its configuration that no weight depends on.
    """
    other = type(model)(model.config.replace(**changes), name=model.name)
    other.set_weights(model.get_weights())
    optimizer.finalize_variable_values(other.trainable_variables)
    return other
