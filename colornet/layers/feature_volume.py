"""The disparity-shifted feature volume (Eq. 3)."""

import keras
from keras import ops


def after(first, value):
    """The value, which on TensorFlow nothing uses before `first` is there.

    Its executor starts whatever it can: it would make volumes that are needed last at
    once, and keep them while the network runs.
    """
    if keras.backend.backend() != "tensorflow":
        return value
    import tensorflow as tf

    with tf.control_dependencies([first]):
        return tf.identity(value)


def shifted_candidates_adjoint(volume, width):
    """Sums the candidates, the k-th shifted right by k.

    It is the adjoint of `shifted_candidates`, and so its gradient.

    Args:
        volume: (batch, count, height, width or up to `count` columns less, channels).
        width: of the result.

    Returns:
        (batch, height, width, channels).
    """
    count = volume.shape[1]
    back = [
        ops.pad(volume[:, k], [[0, 0], [0, 0], [k, count - k], [0, 0]])
        for k in range(count)
    ]
    return sum(back)[:, :, :width]


def shifted_candidates(inputs, count: int, width=None):
    """Stacks `count` copies of a map, the k-th shifted left by k pixels.

    The gradient is one sum over the candidates, shifted back, in place of `count`
    gradients of slices.

    Args:
        inputs: (batch, height, width, channels).
        count: number of candidates, at least 1.
        width: of the result, the first columns: that of the map if None, or up to
            `count` columns less.

    Returns:
        (batch, count, height, width, channels): element [b, k, j, i] is
        inputs[b, j, i + k], and 0 past the right border.
    """

    @ops.custom_gradient
    def shifted(inputs):
        batch, height, columns = ops.shape(inputs)[:3]
        shown = columns if width is None else width

        def gradient(*args, upstream=None):
            if upstream is None:
                (upstream,) = args
            return shifted_candidates_adjoint(upstream, columns)

        padded = ops.pad(inputs, [[0, 0], [0, 0], [0, count - 1], [0, 0]])
        pixels = ops.reshape(padded, (-1, inputs.shape[-1]))
        # Gathered at once: slices that are stacked are there twice.
        rows = ops.reshape(ops.arange(batch * height), (batch, 1, height, 1))
        index = after(inputs, rows) * (columns + count - 1) + (
            ops.arange(shown) + ops.arange(count)[:, None, None]
        )
        return ops.take(pixels, index, axis=0), gradient

    return shifted(inputs)


@keras.saving.register_keras_serializable("colornet")
class DisparityFeatureVolume(keras.layers.Layer):
    """Puts each pixel's features beside those of its candidates (Eq. 3).

    V[k, j, i] = Concat(F_Y[j, i], F_YR[j, i + k]) for k = 0 ... candidates - 1, with
    zeros for features past the right border (D-02). The first half is the same for all
    k: the volume is handed on as its two halves, the first one for a single k, and
    `VolumeConv3D` takes it so.

    Example:

    >>> mono = np.array([1.0, 2.0]).reshape(1, 1, 2, 1)
    >>> reference = np.array([3.0, 4.0]).reshape(1, 1, 2, 1)
    >>> first, second = DisparityFeatureVolume(candidates=2)([mono, reference])
    >>> first[0, :, 0, :, 0], second[0, :, 0, :, 0]
    [[1. 2.]], [[3. 4.],
                [4. 0.]]

    Args:
        candidates: number of candidates at the resolution of the features; that of a
            third input if None.

    Input shape:
        Two tensors (batch, height, width, n), of the mono and of the reference view,
        which may be wider: what it has more are candidates. Without `candidates` also
        0, 1, ... up to the last candidate, (candidates,).

    Output shape:
        Channels 0 ... n-1 of the volume, (batch, 1, height, width, n), and channels
        n ... 2n-1, (batch, candidates, height, width, n).
    """

    def __init__(self, candidates: int | None, **kwargs):
        super().__init__(**kwargs)
        self.candidates = candidates

    def compute_output_shape(self, input_shape):
        batch, height, width, n = input_shape[0]
        return [(batch, count, height, width, n) for count in (1, self.candidates)]

    def compute_output_spec(self, inputs):
        shapes = self.compute_output_shape([tensor.shape for tensor in inputs])
        return [keras.KerasTensor(shape, inputs[0].dtype) for shape in shapes]

    def call(self, inputs):
        mono, reference, *offsets = inputs
        count = ops.shape(offsets[0])[0] if offsets else self.candidates
        width = ops.shape(mono)[2]
        return [mono[:, None], shifted_candidates(reference, count, width)]

    def get_config(self):
        return {**super().get_config(), "candidates": self.candidates}
