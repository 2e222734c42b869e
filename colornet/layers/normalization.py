"""Batch normalization by the picture's own statistics, at test time too (D-14)."""

import keras


@keras.saving.register_keras_serializable("colornet")
class PictureNormalization(keras.layers.BatchNormalization):
    """Batch normalization that always normalizes by the batch at hand.

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
