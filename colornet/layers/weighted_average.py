"""The weight volume and the weighted average of the candidates' colours (Eq. 1)."""

import keras
from keras import ops

from colornet.layers.feature_volume import after, shifted_candidates_adjoint

# Candidates whose colours are there at a time, for the gradient.
_PART = 16


@keras.saving.register_keras_serializable("colornet")
class DisparityWeights(keras.layers.Layer):
    """Turns the output of layer 39 into the weights W of Eq. 1, in float32.

    Args:
        border: "mask" gives candidates past the right border weight 0; "zero" treats
            them as any other (D-02).
        normalization: "softmax" over the candidates, or "none" (D-03).

    Input shape:
        (batch, d, height, width, 1), any real number; and a map of the reference,
        (batch, height, width or more, channels), whose width says which candidates
        exist.

    Output shape:
        (batch, d, height, width) float32. With "softmax" in [0, 1] and summing to 1
        over d.
    """

    def __init__(self, border="mask", normalization="softmax", **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        self.border = border
        self.normalization = normalization

    def compute_output_shape(self, input_shape):
        return input_shape[0][:-1]

    def call(self, inputs):
        logits, reference = inputs
        logits = ops.squeeze(logits, axis=-1)
        candidates, width = ops.shape(logits)[1], ops.shape(logits)[-1]
        columns = ops.arange(width)[None, :] + ops.arange(candidates)[:, None]
        exists = (columns < ops.shape(reference)[2])[None, :, None, :]
        softmax = self.normalization == "softmax"
        if self.border == "mask":
            # Every pixel has its candidate k = 0, so no softmax is over nothing.
            logits = ops.where(exists, logits, -1e30 if softmax else 0.0)
        if not softmax:
            return logits
        # Keras's softmax over an axis that is not the last transposes the volume.
        exponentials = ops.exp(logits - ops.max(logits, axis=1, keepdims=True))
        return exponentials / ops.sum(exponentials, axis=1, keepdims=True)

    def get_config(self):
        return {
            **super().get_config(),
            "border": self.border,
            "normalization": self.normalization,
        }


def _colours(chroma, first: int, count: int, width, previous):
    """Cb and Cr of some candidates, each (batch, `count`, height, width).

    Args:
        chroma: (batch, height, width and all further candidates, 2).
        first: of the candidates.
        previous: what shall be there before they are: one part at a time.
    """
    chroma = after(previous, chroma)
    return [
        ops.stack(
            [channel[:, :, k : k + width] for k in range(first, first + count)], axis=1
        )
        for channel in (chroma[..., 0], chroma[..., 1])
    ]


@ops.custom_gradient
def _weighted_average(weights, chroma):
    """Eq. 1 candidate by candidate: no volume of their colours is ever there.

    For the gradient the colours are looked up again, in parts.
    """
    batch, count, height, width = ops.shape(weights)
    columns = ops.shape(chroma)[2]
    padded = ops.pad(chroma, [[0, 0], [0, 0], [0, count - 1], [0, 0]])
    planes = ops.transpose(padded, (0, 3, 1, 2))

    def with_candidate(k, total):
        colours = ops.slice(planes, (0, 0, 0, k), (batch, 2, height, width))
        return total + ops.take(weights, k, axis=1)[:, None] * colours

    nothing = ops.zeros_like(planes[..., :width])
    average = ops.fori_loop(0, count, with_candidate, nothing)

    def gradient(*args, upstream=None):
        if upstream is None:
            (upstream,) = args
        of_blue, of_red = upstream[:, None, ..., 0], upstream[:, None, ..., 1]
        of_weights, previous = [], upstream
        for first in range(0, count, _PART):
            size = min(_PART, count - first)
            cb, cr = _colours(padded, first, size, width, previous)
            previous = cb * of_blue + cr * of_red
            of_weights.append(previous)
        of_chroma = [
            shifted_candidates_adjoint((weights * of_channel)[..., None], columns)
            for of_channel in (of_blue, of_red)
        ]
        return ops.concatenate(of_weights, axis=1), ops.concatenate(of_chroma, axis=-1)

    return ops.transpose(average, (0, 2, 3, 1)), gradient


@keras.saving.register_keras_serializable("colornet")
class WeightedAverage(keras.layers.Layer):
    """Averages the candidates' colours by their weights, in float32 (Eq. 1).

    C'[j, i] = sum over k of W[k, j, i] * C_R[j, i + k].

    Input shape:
        Weights (batch, d, height, width) and reference chroma (batch, height, width or
        more, 2) in [-0.5, 0.5].

    Output shape:
        (batch, height, width, 2) float32.
    """

    def __init__(self, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})

    def compute_output_shape(self, input_shape):
        weights, _ = input_shape
        return (weights[0], *weights[2:], 2)

    def call(self, inputs):
        return _weighted_average(*inputs)
