"""One soft match in place of the weighted average (Table 5, D-16)."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("colornet")
class SoftArgmax(keras.layers.Layer):
    """The expected disparity under the weights, in float32.

    Input shape:
        (batch, d, height, width), summing to 1 over d.

    Output shape:
        (batch, height, width) float32, in [0, d - 1] pixels.
    """

    def __init__(self, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *input_shape[2:])

    def call(self, inputs):
        disparities = ops.arange(ops.shape(inputs)[1], dtype="float32")
        return ops.sum(inputs * disparities[:, None, None], axis=1)


@keras.saving.register_keras_serializable("colornet")
class WarpChroma(keras.layers.Layer):
    """Copies the reference chroma at i + disparity by linear interpolation.

    Input shape:
        Disparity (batch, height, width) in pixels, at least 0, and reference chroma
        (batch, height, width or more, 2).

    Output shape:
        (batch, height, width, 2) float32. Past the right border the last column is
        copied.
    """

    def __init__(self, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})

    def compute_output_shape(self, input_shape):
        return (*input_shape[0], 2)

    def call(self, inputs):
        disparity, chroma = inputs
        last = ops.cast(ops.shape(chroma)[2] - 1, "float32")
        column = ops.arange(ops.shape(disparity)[2], dtype="float32") + disparity
        column = ops.minimum(column, last)
        left = ops.floor(column)
        fraction = (column - left)[..., None]

        def colors_at(position):
            index = ops.repeat(ops.cast(position, "int32")[..., None], 2, axis=-1)
            return ops.take_along_axis(chroma, index, axis=2)

        right = ops.minimum(left + 1, last)
        return (1 - fraction) * colors_at(left) + fraction * colors_at(right)
