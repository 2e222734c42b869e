"""The conversion to YCbCr inside the network, so that an exported model is complete."""

import keras

from colornet.color import rgb_to_chroma, rgb_to_luma


@keras.saving.register_keras_serializable("colornet")
class SplitYCbCr(keras.layers.Layer):
    """Splits an RGB picture into its luma and its chroma (D-06).

    Input shape:
        (batch, height, width, 3) RGB in [0, 1].

    Output shape:
        Y (batch, height, width, 1) in [0, 1] and Cb, Cr (batch, height, width, 2) in
        [-0.5, 0.5], 0 being grey.
    """

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 1), (*input_shape[:-1], 2)

    def call(self, inputs):
        return rgb_to_luma(inputs), rgb_to_chroma(inputs)
