"""Table 1 in Keras's own layers with a whole volume: what speed is measured against.

The same weights by the same names as `colornet.model.ColorNet`, and the same results.
"""

import keras
from keras import layers, ops

from colornet.color import rgb_to_chroma, rgb_to_luma
from colornet.config import ModelConfig
from colornet.networks import picture_inputs


class _Function(layers.Layer):
    """A layer without weights that calls `function`."""

    def __init__(self, function, **kwargs):
        super().__init__(**kwargs)
        self.function = function

    def call(self, *inputs):
        return self.function(*inputs)


def _volume(count: int, mono, reference):
    """Eq. 3, and with one feature less the candidates' colours of Eq. 1."""
    padded = ops.pad(reference, [[0, 0], [0, 0], [0, count - 1], [0, 0]])
    slices = [padded[:, :, k : k - count + 1 or None] for k in range(count)]
    shifted = ops.stack(slices, axis=1)
    if mono is None:
        return shifted
    return ops.concatenate([ops.repeat(mono[:, None], count, axis=1), shifted], -1)


def _weights(logits):
    count, width = logits.shape[1], ops.shape(logits)[3]
    columns = ops.arange(width)[None] + ops.arange(count)[:, None]
    exists = (columns < width)[None, :, None, :, None]
    return ops.softmax(ops.where(exists, logits, -1e30), axis=1)


def naive_colornet(config: ModelConfig) -> keras.Model:
    """The network of a configuration that has the paper's rough result and residue.

    Inputs and outputs are those of `ColorNet`.
    """
    n = config.n

    def conv(x, row, kind, filters, kernel, **kwargs):
        layer = kind(filters, kernel, padding="same", name=f"l{row:02d}_conv", **kwargs)
        return layer(x)

    def block(x, row, kind, filters, kernel, stride=1):
        x = conv(x, row, kind, filters, kernel, strides=stride, use_bias=False)
        norm = layers.BatchNormalization(
            momentum=config.bn_momentum,
            epsilon=config.bn_epsilon,
            name=f"l{row:02d}_bn",
        )
        return layers.ReLU()(norm(x))

    def resnet(x, first, stride=1):
        x = block(x, first, layers.Conv2D, n, 5, stride)
        for row in range(first + 1, first + 17, 2):
            y = block(x, row, layers.Conv2D, n, 3)
            x = layers.Add()([block(y, row + 1, layers.Conv2D, n, 3), x])
        return x

    inputs = picture_inputs()
    mono, reference = inputs["mono"], inputs["reference"]
    to_float32 = {"dtype": "float32"}
    luma = _Function(rgb_to_luma, **to_float32)(reference)
    chroma = _Function(rgb_to_chroma, **to_float32)(reference)
    views = layers.Concatenate(axis=0)([mono, luma])
    views = conv(resnet(views, 1, 2), 18, layers.Conv2D, n, 3)
    halves = _Function(lambda x: ops.split(x, 2, axis=0))(views)
    half = config.max_disparity // 2
    volume = _Function(lambda a, b: _volume(half, a, b))(*halves)
    if config.attention:
        a = conv(volume, 19, layers.Conv3D, n, 1, activation="sigmoid")
        a = conv(a, 20, layers.Conv3D, 1, 1, activation="sigmoid")
        volume = _Function(
            lambda v, a: ops.concatenate([v[..., :n], a * v[..., n:]], axis=-1)
        )(volume, a)
    x = block(volume, 21, layers.Conv3D, n, 3)
    x = block(x, 22, layers.Conv3D, n, 3)
    skips = [x]
    for row in (23, 26, 29, 32):
        x = block(x, row, layers.Conv3D, 2 * n, 3, 2)
        x = block(x, row + 1, layers.Conv3D, 2 * n, 3)
        x = block(x, row + 2, layers.Conv3D, 2 * n, 3)
        skips.append(x)
    skips.pop()
    for row, filters in ((35, 2 * n), (36, 2 * n), (37, 2 * n), (38, n)):
        x = block(x, row, layers.Conv3DTranspose, filters, 3, 2)
        x = layers.Add()([x, skips.pop()])
    x = conv(x, 39, layers.Conv3DTranspose, 1, 3, strides=2)
    weights = _Function(_weights, **to_float32)(x)
    rough = _Function(
        lambda w, c: ops.sum(w * _volume(config.max_disparity, None, c), axis=1),
        **to_float32,
    )(weights, chroma)

    blue, red = _Function(lambda x: ops.split(x, 2, axis=-1), **to_float32)(rough)
    x = layers.Concatenate(axis=0, **to_float32)([blue, red])
    x = layers.Rescaling(config.chroma_scale, **to_float32)(x)
    x = conv(resnet(x, 40), 57, layers.Conv2D, n, 3)
    guide = conv(resnet(mono, 58), 75, layers.Conv2D, n, 3)
    guide = layers.Concatenate(axis=0)([guide, guide])
    x = resnet(layers.Concatenate()([x, guide]), 76)
    x = conv(x, 93, layers.Conv2D, 1, 3, kernel_initializer="zeros")
    x = layers.Rescaling(1 / config.chroma_scale, **to_float32)(x)
    blue, red = _Function(lambda x: ops.split(x, 2, axis=0), **to_float32)(x)
    residue = layers.Concatenate(**to_float32)([blue, red])
    final = layers.Add(**to_float32)([rough, residue])
    return keras.Model(inputs, {"chroma": final, "rough_chroma": rough})
