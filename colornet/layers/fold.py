"""Weight sharing by the batch axis."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("colornet")
class UnfoldFromBatch(keras.layers.Layer):
    """Takes apart what `Concatenate(axis=0)` has put behind one another.

    The two views that share ResNet1, and Cb and Cr that share ResNet2 and ResNet4
    (D-07), go through the shared layers as one batch; batch normalization then sees
    one set of statistics (D-20).

    Args:
        parts: how many tensors the batch holds.

    Input shape:
        (parts * batch, ...).

    Output shape:
        A list of `parts` tensors (batch, ...).
    """

    def __init__(self, parts: int, **kwargs):
        super().__init__(**kwargs)
        self.parts = parts

    def compute_output_shape(self, input_shape):
        batch = None if input_shape[0] is None else input_shape[0] // self.parts
        return [(batch, *input_shape[1:])] * self.parts

    def compute_output_spec(self, inputs):
        return [
            keras.KerasTensor(shape, dtype=inputs.dtype)
            for shape in self.compute_output_shape(inputs.shape)
        ]

    def call(self, inputs):
        return ops.split(inputs, self.parts, axis=0)

    def get_config(self):
        return {**super().get_config(), "parts": self.parts}
