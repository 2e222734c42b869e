"""The optimizer, with a moving average of the weights."""

import keras
from keras import ops

from colornet.networks import Network
from experiments.pretraining.recipe import PretrainConfig


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
        learning_rate=config.learning_rate,
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
