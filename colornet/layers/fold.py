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


@keras.saving.register_keras_serializable("colornet")
class FoldViews(keras.layers.Layer):
    """Puts the luma of both views behind one another on the batch axis (D-20).

    Input shape:
        Mono (batch, height, width, 1) and reference (batch, height, width or more, 1).
        Mono gets columns of 0 at its right, up to the width of the reference.

    Output shape:
        (2 * batch, height, width of the reference, 1).
    """

    def compute_output_shape(self, input_shape):
        batch, *rest = input_shape[1]
        return (None if batch is None else 2 * batch, *rest)

    def compute_output_spec(self, inputs):
        shape = self.compute_output_shape([tensor.shape for tensor in inputs])
        return keras.KerasTensor(shape, self.compute_dtype)

    def call(self, inputs):
        mono, reference = inputs
        width = ops.shape(mono)[2]
        missing = ops.zeros_like(reference[:, :, width:])
        mono = ops.concatenate([mono, missing], axis=2)
        return ops.concatenate([mono, reference], axis=0)


@keras.saving.register_keras_serializable("colornet")
class UnfoldViews(keras.layers.Layer):
    """Takes apart the features of both views, which `FoldViews` has put together.

    Input shape:
        Features (2 * batch, height / 2, width of the reference / 2, n), and the mono
        map (batch, height, width, channels).

    Output shape:
        Features of the mono view (batch, height / 2, width / 2, n), and of the
        reference (batch, height / 2, width of the reference / 2, n).
    """

    def compute_output_shape(self, input_shape):
        (batch, *rest), mono = input_shape
        batch = None if batch is None else batch // 2
        width = None if mono[2] is None else mono[2] // 2
        return [(batch, rest[0], width, rest[2]), (batch, *rest)]

    def compute_output_spec(self, inputs):
        shapes = self.compute_output_shape([tensor.shape for tensor in inputs])
        return [keras.KerasTensor(shape, inputs[0].dtype) for shape in shapes]

    def call(self, inputs):
        features, mono = inputs
        of_mono, of_reference = ops.split(features, 2, axis=0)
        return [of_mono[:, :, : ops.shape(mono)[2] // 2], of_reference]
