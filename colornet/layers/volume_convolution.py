"""3-D convolutions in cheaper, equal forms."""

import keras
import numpy as np
from keras import ops

from colornet.precision import has_gpu


@keras.saving.register_keras_serializable("colornet")
class VolumeConv3D(keras.layers.Conv3D):
    """Convolves a feature volume whose first half is the same for all candidates.

    With V = Concat(F, G), F independent of k, and kernel K = (K_F, K_G) over the input
    channels, a convolution over the candidates is

        K * V [k] = K_G * G [k] + (sum over t of K_F[t]) * F,

    t over the depth taps that meet a candidate that exists: all of them in the middle,
    some less at k = 0 and at the last k. The second term is a 2-D convolution, and V is
    never built. Kernel, bias and result are those of a `Conv3D` of V.

    Args:
        filters, kernel_size, ...: of `keras.layers.Conv3D`, with stride 1, padding
            "same" and an odd depth.

    Input shape:
        F (batch, 1, height, width, channels of F) and G (batch, candidates, height,
        width, channels of G), at least as many candidates as the kernel is deep.

    Output shape:
        (batch, candidates, height, width, filters).
    """

    def __init__(self, filters, kernel_size, **kwargs):
        super().__init__(filters, kernel_size, **kwargs)
        self.input_spec = None  # Of a single tensor.

    def build(self, input_shape):
        first, second = input_shape
        super().build((*second[:-1], first[-1] + second[-1]))
        self.input_spec = None

    def compute_output_shape(self, input_shape):
        # `build` of Keras asks with the shape of the whole volume.
        whole = not isinstance(input_shape[0], (list, tuple))
        return super().compute_output_shape(input_shape if whole else input_shape[1])

    def call(self, inputs):
        first, second = inputs
        channels, border = first.shape[-1], self.kernel_size[0] // 2
        outputs = self.convolution_op(second, self.kernel[..., channels:, :])
        maps = self._of_first_half(first[:, 0], self.kernel[..., :channels, :])
        outputs += maps[border][:, None]
        if border:
            # What the slices at the two ends lack of it.
            rest = [m - maps[border] for k, m in enumerate(maps) if k != border]
            places = zip(_ends(border), rest, strict=True)
            outputs = self._with_ends(outputs, [outputs[:, k] + r for k, r in places])
        return self.activation(outputs) if self.activation else outputs

    def _of_first_half(self, first, taps) -> list:
        """What F adds at k = 0, 1, ..., in the middle, and up to the last k."""
        depth = self.kernel_size[0]
        border = depth // 2
        ranges = [(border - k, depth) for k in range(border)]
        ranges += [(0, depth)] + [(0, depth - k) for k in range(1, border + 1)]
        kernel = ops.concatenate(
            [ops.sum(taps[start:stop], axis=0) for start, stop in ranges], axis=-1
        )
        maps = ops.conv(first, kernel, padding="same", data_format="channels_last")
        maps = ops.split(maps, len(ranges), axis=-1)
        return [m + self.bias for m in maps] if self.use_bias else maps

    @staticmethod
    def _with_ends(volume, slices: list):
        """The volume with other slices at its ends, as many at both.

        It is no copy of the volume where nobody else needs that and it can be helped.
        """
        border = len(slices) // 2
        if not _scatters_in_place(volume.dtype):
            parts = slices[:border], slices[border:]
            low, high = (ops.stack(part, axis=1) for part in parts)
            return ops.concatenate([low, volume[:, border:-border], high], axis=1)
        batch, count, *rest = shape = ops.shape(volume)
        flat = ops.reshape(volume, (-1, *rest))
        starts = ops.arange(batch) * count
        index = ops.concatenate([starts + k % count for k in _ends(border)])
        updates = ops.concatenate(slices, axis=0)
        return ops.reshape(ops.scatter_update(flat, index[:, None], updates), shape)


def _ends(border: int) -> list[int]:
    """Indices of the first and the last slices of a volume."""
    return [*range(border), *range(-border, 0)]


def _scatters_in_place(dtype) -> bool:
    """Whether `scatter_update` of such numbers stays on the device.

    TensorFlow has none of 16 bit for GPUs, and would do it on the host.
    """
    on_device = keras.backend.backend() != "tensorflow" or dtype == "float32"
    return on_device or not has_gpu()


# Which tap of a kernel of 3 (last axis) leads to which of the 2 outputs of a pixel
# (second axis) from the pixel itself and from the one before it (first axis).
_PARITY = np.zeros((2, 2, 3), np.float32)
_PARITY[0, 0, 0] = _PARITY[0, 1, 1] = _PARITY[1, 0, 2] = 1


@keras.saving.register_keras_serializable("colornet")
class SubpixelConv3DTranspose(keras.layers.Conv3DTranspose):
    """A transposed convolution of stride 2 as one of stride 1 with 8 times the filters.

    With a kernel K of 3 and "same" padding, an output is, along each axis,

        y[2 p] = K[0] x[p] + K[2] x[p - 1],    y[2 p + 1] = K[1] x[p],

    so the 8 outputs of a voxel are the channels of a transposed convolution with a
    kernel of 2, which takes a voxel and the one before it. That is faster where there
    are few filters. Kernel, bias and result are those of `Conv3DTranspose(filters, 3,
    strides=2, padding="same")`.

    Args:
        filters, ...: of `keras.layers.Conv3DTranspose`, with kernel size 3, stride 2
            and padding "same".

    Input shape:
        (batch, candidates, height, width, channels).

    Output shape:
        (batch, 2 * candidates, 2 * height, 2 * width, filters).
    """

    def call(self, inputs):
        parity = ops.convert_to_tensor(_PARITY, self.compute_dtype)
        kernel = ops.einsum(
            "apx,bqy,crz,xyzfi->abcpqrfi", parity, parity, parity, self.kernel
        )
        kernel = ops.reshape(kernel, (2, 2, 2, 8 * self.filters, -1))
        subpixels = ops.conv_transpose(
            inputs, kernel, strides=1, padding="same", data_format="channels_last"
        )
        outputs = self._interleaved(subpixels, ops.shape(inputs))
        if self.use_bias:
            outputs += self.bias
        return self.activation(outputs) if self.activation else outputs

    def _interleaved(self, subpixels, shape):
        batch, depth, height, width = shape[:4]
        # LiteRT transposes up to 6 axes. Column and filter stay neighbours: one axis.
        volume = ops.reshape(
            subpixels, (batch * depth, height, width, 2, 2, 2 * self.filters)
        )
        volume = ops.transpose(volume, (0, 3, 1, 4, 2, 5))
        return ops.reshape(
            volume, (batch, 2 * depth, 2 * height, 2 * width, self.filters)
        )
