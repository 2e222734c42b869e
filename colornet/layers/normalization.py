"""Batch normalization, fused, and by the picture's own statistics (D-14)."""

import keras
from keras import ops


def _fused(inputs, gamma, beta, mean, variance, epsilon: float, training: bool):
    """Batch normalization by TensorFlow's own kernel; gamma and beta may be None.

    Returns:
        The normalized input; in training also mean and biased variance of the batch.
    """
    import tensorflow as tf

    channels, maps = inputs.shape[-1], inputs
    if len(inputs.shape) != 4:
        # The kernel takes maps: the slices of a volume are maps.
        shape = tf.shape(inputs)
        size = shape[-3:-1] if len(inputs.shape) > 3 else tf.ones([2], tf.int32)
        maps = tf.reshape(inputs, tf.concat([[-1], size, [channels]], 0))
    empty = tf.zeros([0])
    gamma = tf.ones([channels]) if gamma is None else gamma
    beta = tf.zeros([channels]) if beta is None else beta
    outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=maps,
        scale=tf.cast(gamma, tf.float32),
        offset=tf.cast(beta, tf.float32),
        mean=empty if training else mean,
        variance=empty if training else variance,
        epsilon=epsilon,
        is_training=training,
    )
    if maps is not inputs:
        outputs = tf.ensure_shape(tf.reshape(outputs, shape), inputs.shape)
    count = tf.cast(tf.size(inputs) // channels, tf.float32)
    return outputs, mean, variance * (count - 1) / count


@keras.saving.register_keras_serializable("colornet")
class BatchNormalization(keras.layers.BatchNormalization):
    """Keras's batch normalization over the last axis, fused on TensorFlow.

    Variables, results and moving statistics are those of
    `keras.layers.BatchNormalization`, which makes a pass over memory for each of its
    operations and keeps several tensors of the size of its input for the gradient. At
    test time it is Keras's own in float32.

    Args:
        parts: into how many equal parts the batch is split, each of which is normalized
            by its own statistics in training, one after the other (D-20).

    Input shape:
        (batch, ..., channels).

    Output shape:
        The same.
    """

    def __init__(self, parts: int = 1, **kwargs):
        super().__init__(**kwargs)
        self.parts = parts

    def get_config(self):
        return {**super().get_config(), "parts": self.parts}

    def call(self, inputs, training=None, mask=None):
        training = bool(training) and self.trainable
        if not training or self.parts == 1:
            return self._normalized(inputs, training, mask)
        parts = ops.split(inputs, self.parts, axis=0)
        parts = [self._normalized(part, training, mask) for part in parts]
        return ops.concatenate(parts, axis=0)

    def _normalized(self, inputs, training: bool, mask):
        # Keras's own factor and offset work in place; the kernel takes another volume,
        # and joined with the convolution of one map it is many times slower on AVX2.
        own = not training and inputs.dtype == "float32"
        if keras.backend.backend() != "tensorflow" or own:
            return super().call(inputs, training=training, mask=mask)
        moving = self.moving_mean, self.moving_variance
        outputs, *of_batch = _fused(
            inputs,
            self.gamma,
            self.beta,
            *(variable.value for variable in moving),
            self.epsilon,
            training,
        )
        if training:
            for variable, value in zip(moving, of_batch, strict=True):
                variable.assign(
                    variable * self.momentum + value * (1.0 - self.momentum)
                )
        return outputs


@keras.saving.register_keras_serializable("colornet")
class PictureNormalization(BatchNormalization):
    """Batch normalization by the batch at hand, in training and after it (D-14).

    Where it is not trainable it normalizes by the moving statistics, as Keras's does.

    It has the variables of `BatchNormalization`, and leaves the moving statistics among
    them as they are.

    Input shape:
        (batch, ..., channels).

    Output shape:
        The same.
    """

    def __init__(self, **kwargs):
        super().__init__(**{**kwargs, "momentum": 1.0})

    def call(self, inputs, training=None, mask=None):
        return super().call(inputs, training=True, mask=mask)
