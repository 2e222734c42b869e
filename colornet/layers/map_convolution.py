"""2-D convolutions in a cheaper, equal form."""

import keras
from keras import ops

from colornet.precision import has_gpu


@keras.saving.register_keras_serializable("colornet")
class MapConv2D(keras.layers.Conv2D):
    """Convolves maps as the slices of a volume, with a kernel that is one slice deep.

    TensorFlow's oneDNN has a fast kernel for volumes and for several maps, and takes a
    slow one for a single map. Kernel, bias and result are those of `Conv2D`, and it is
    one on a GPU and on other backends.

    Args:
        filters, kernel_size, ...: of `keras.layers.Conv2D`, "channels_last".

    Input shape:
        (batch, height, width, channels).

    Output shape:
        (batch, height, width, filters), less where there are strides.
    """

    def call(self, inputs):
        if keras.backend.backend() != "tensorflow" or has_gpu():
            return super().call(inputs)
        # With `add`, unlike +, TensorFlow joins convolution, bias and activation.
        outputs = ops.conv(
            ops.expand_dims(inputs, 0),
            ops.expand_dims(self.kernel, 0),
            strides=(1, *self.strides),
            padding=self.padding,
            data_format="channels_last",
        )
        if self.use_bias:
            outputs = ops.add(outputs, self.bias)
        if self.activation:
            outputs = self.activation(outputs)
        return ops.squeeze(outputs, 0)
