"""The attention weighted feature volume (Eq. 4)."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("colornet")
class ApplyAttention(keras.layers.Layer):
    """Multiplies the reference half of a feature volume by the attention (Eq. 4).

    Input shape:
        Volume (batch, candidates, height, width, 2 * n) and attention (batch,
        candidates, height, width, 1) in [0, 1].

    Output shape:
        As the volume: channels 0 ... n-1 unchanged, n ... 2n-1 multiplied.
    """

    def compute_output_shape(self, input_shape):
        return input_shape[0]

    def call(self, inputs):
        volume, attention = inputs
        n = volume.shape[-1] // 2
        return ops.concatenate([volume[..., :n], attention * volume[..., n:]], axis=-1)
