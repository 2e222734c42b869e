"""One training step, compiled as a whole, for each backend."""

import keras
from keras import ops

from colornet.color import rgb_to_chroma
from colornet.network import Network
from colornet.training.losses import LEVELS, mean_squared_error, training_loss


def maps(batch):
    """A batch of the stream as float32 maps, as `colornet.data` lists them.

    Args:
        batch: uint8 `mono` (batch, height, width, 1), `reference` and `target` (batch,
            height, width, 3) RGB.
    """
    scaled = {name: ops.cast(value, "float32") / 255 for name, value in batch.items()}
    return {
        "mono": scaled["mono"],
        "reference": scaled["reference"],
        "chroma": rgb_to_chroma(scaled["target"]),
    }


def _loss_and_metrics(outputs, batch, rough_weight: float):
    rough = mean_squared_error(outputs["rough_chroma"], batch["chroma"])
    loss = training_loss(outputs, batch, "chroma_mse")
    if rough_weight:
        loss = loss + rough_weight * LEVELS**2 * rough
    final = mean_squared_error(outputs["chroma"], batch["chroma"])
    return loss, {"loss": loss, "rough_mse": rough, "final_mse": final}


def _global_norm(gradients):
    return ops.sqrt(sum(ops.sum(ops.square(g)) for g in gradients))


def _inputs(batch):
    return {"mono": batch["mono"], "reference": batch["reference"]}


class TensorFlowStep:
    """A step as a `tf.function`; see `compiled_step`."""

    def __init__(self, model: Network, optimizer, rough_weight: float):
        import tensorflow as tf

        variables = model.trainable_variables

        @tf.function
        def step(batch):
            batch = maps(batch)
            with tf.GradientTape() as tape:
                outputs = model(_inputs(batch), training=True)
                loss, metrics = _loss_and_metrics(outputs, batch, rough_weight)
            gradients = tape.gradient(loss, [v.value for v in variables])
            optimizer.apply(gradients, variables)
            return {**metrics, "gradient_norm": _global_norm(gradients)}

        self._step = step

    def __call__(self, batch):
        return self._step(batch)

    def sync(self) -> None:
        """Nothing to do: the variables are the state."""


class JaxStep:
    """A step as a jitted function of the state, which it takes over (donation)."""

    def __init__(self, model: Network, optimizer, rough_weight: float):
        import jax

        def loss_of(trainable, others, batch):
            outputs, others = model.stateless_call(
                trainable, others, _inputs(batch), training=True
            )
            loss, metrics = _loss_and_metrics(outputs, batch, rough_weight)
            return loss, (others, metrics)

        def step(state, batch):
            trainable, others, slots = state
            differentiate = jax.value_and_grad(loss_of, has_aux=True)
            (_, (others, metrics)), gradients = differentiate(
                trainable, others, maps(batch)
            )
            metrics["gradient_norm"] = _global_norm(gradients)
            trainable, slots = optimizer.stateless_apply(slots, gradients, trainable)
            return (trainable, others, slots), metrics

        self._variables = (
            model.trainable_variables,
            model.non_trainable_variables,
            optimizer.variables,
        )
        self._step = jax.jit(step, donate_argnums=0)
        # A copy, as in `sync`: a donated array is gone after the step.
        self._state = tuple(
            [v.value.copy() for v in variables] for variables in self._variables
        )

    def __call__(self, batch):
        self._state, metrics = self._step(self._state, batch)
        return metrics

    def sync(self) -> None:
        """Gives the variables of model and optimizer the state."""
        for variables, values in zip(self._variables, self._state, strict=True):
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value.copy())


def compiled_step(model: Network, optimizer, rough_weight: float):
    """A function that takes one training step with a batch of the stream.

    It returns float32 scalars, which may still be under way on the device: `loss`,
    `rough_mse`, `final_mse` and `gradient_norm` (before clipping). Model and optimizer
    are as after the last step once its method `sync()` was called.

    Args:
        model: the network.
        optimizer: built for its trainable variables.
        rough_weight: see `PretrainConfig`.
    """
    if keras.backend.backend() == "jax":
        return JaxStep(model, optimizer, rough_weight)
    return TensorFlowStep(model, optimizer, rough_weight)
