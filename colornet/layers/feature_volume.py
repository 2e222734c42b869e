"""The disparity-shifted feature volume (Eq. 3)."""

import keras
from keras import ops


def shifted_candidates(inputs, count: int):
    """Stacks `count` copies of a map, the k-th shifted left by k pixels.

    Args:
        inputs: (batch, height, width, channels).
        count: number of candidates.

    Returns:
        (batch, count, height, width, channels): element [b, k, j, i] is
        inputs[b, j, i + k], and 0 past the right border.
    """
    padded = ops.pad(inputs, [[0, 0], [0, 0], [0, count - 1], [0, 0]])
    return ops.stack(
        [padded[:, :, k : k - count + 1 or None] for k in range(count)], axis=1
    )


@keras.saving.register_keras_serializable("colornet")
class DisparityFeatureVolume(keras.layers.Layer):
    """Concatenates each pixel's features with those of its candidates (Eq. 3).

    V[k, j, i] = Concat(F_Y[j, i], F_YR[j, i + k]) for k = 0 ... candidates - 1, with
    zeros for features past the right border (D-02).

    Example:

    >>> mono = np.array([1.0, 2.0]).reshape(1, 1, 2, 1)
    >>> reference = np.array([3.0, 4.0]).reshape(1, 1, 2, 1)
    >>> DisparityFeatureVolume(candidates=2)([mono, reference])[0, :, 0]
    [[[1. 3.], [2. 4.]],
     [[1. 4.], [2. 0.]]]

    Args:
        candidates: number of candidates at the resolution of the features.

    Input shape:
        Two tensors (batch, height, width, n), of the mono and of the reference view.

    Output shape:
        (batch, candidates, height, width, 2 * n).
    """

    def __init__(self, candidates: int, **kwargs):
        super().__init__(**kwargs)
        self.candidates = candidates

    def compute_output_shape(self, input_shape):
        (batch, height, width, n), _ = input_shape
        return (batch, self.candidates, height, width, 2 * n)

    def call(self, inputs):
        mono, reference = inputs
        repeated = ops.repeat(mono[:, None], self.candidates, axis=1)
        shifted = shifted_candidates(reference, self.candidates)
        return ops.concatenate([repeated, shifted], axis=-1)

    def get_config(self):
        return {**super().get_config(), "candidates": self.candidates}
