"""Losses and the optimizer, for every backend."""

import keras
from keras import ops

from colornet.config import TrainConfig

# Colour errors are trained in 8-bit levels.
LEVELS = 255


def mean_squared_error(prediction, truth):
    """Mean over all pixels and over Cb and Cr, float32 (D-12)."""
    return ops.mean(ops.square(ops.cast(prediction, "float32") - truth))


def disparity_error(prediction, truth):
    """Mean absolute error in pixels where the true disparity is known (at least 0)."""
    known = ops.cast(truth >= 0, "float32")
    error = ops.abs(ops.cast(prediction, "float32") - truth) * known
    return ops.sum(error) / ops.maximum(ops.sum(known), 1.0)


def training_loss(outputs, batch, loss: str):
    """The loss that `TrainConfig.loss` names, a float32 scalar.

    Args:
        outputs: of `ColorNet`.
        batch: maps as `colornet.data` lists them, with a batch axis.
        loss: "chroma_mse" or "disparity_l1".
    """
    if loss == "disparity_l1":
        return disparity_error(outputs["disparity"], batch["disparity"])
    error = mean_squared_error(outputs["chroma"], batch["chroma"])
    return LEVELS**2 * error  # D-21


def build_optimizer(config: TrainConfig, variables) -> keras.optimizers.Optimizer:
    """RMSProp with a constant learning rate (D-13) for `variables`.

    For float16 it scales the loss dynamically.
    """
    optimizer = keras.optimizers.RMSprop(
        config.learning_rate, rho=config.rho, epsilon=config.epsilon, name="rmsprop"
    )
    if config.precision == "mixed_float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer, name="loss_scale")
    optimizer.build(variables)
    return optimizer
