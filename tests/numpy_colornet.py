"""The whole network in plain NumPy, written from the paper and not from colornet/.

Volumes are (d, h, w, channels), maps (h, w, channels). Inference mode.
"""

import itertools

import numpy as np


def _same_padding(size, kernel, stride):
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def convolution(x, kernel, stride=1):
    """Cross-correlation with zero padding and output size ceil(size / stride)."""
    taps, sizes = kernel.shape[:-2], x.shape[:-1]
    padding = [_same_padding(s, k, stride) for s, k in zip(sizes, taps, strict=True)]
    padded = np.pad(x, [*padding, (0, 0)])
    outputs = [-(-size // stride) for size in sizes]
    total = 0
    for tap in itertools.product(*map(range, taps)):
        window = tuple(
            slice(start, start + stride * (count - 1) + 1, stride)
            for start, count in zip(tap, outputs, strict=True)
        )
        total = total + padded[window] @ kernel[tap]
    return total


def transposed_convolution(x, kernel):
    """The adjoint of `convolution` with stride 2: twice the size."""
    taps, sizes = kernel.shape[:-2], x.shape[:-1]
    padding = [_same_padding(2 * s, k, 2) for s, k in zip(sizes, taps, strict=True)]
    padded = np.zeros(
        [2 * s + sum(p) for s, p in zip(sizes, padding, strict=True)]
        + [kernel.shape[-2]]
    )
    for tap in itertools.product(*map(range, taps)):
        window = tuple(
            slice(start, start + 2 * (size - 1) + 1, 2)
            for start, size in zip(tap, sizes, strict=True)
        )
        padded[window] += x @ kernel[tap].T
    inner = tuple(
        slice(before, before + 2 * size)
        for (before, _), size in zip(padding, sizes, strict=True)
    )
    return padded[inner]


def sigmoid(x):
    return (1 + np.tanh(x / 2)) / 2


class NumpyColorNet:
    """Args: weights by path as in `{v.path: v.numpy() for v in model.variables}`.

    The others are fields of `ModelConfig`.
    """

    def __init__(
        self,
        weights,
        max_disparity,
        *,
        attention=True,
        rough="weighted_average",
        border="mask",
        weight_normalization="softmax",
        chroma_scale=255.0,
        bn_epsilon=1e-3,
    ):
        self.weights = {k: np.asarray(v, np.float64) for k, v in weights.items()}
        self.d, self.attention, self.rough = max_disparity, attention, rough
        self.border, self.normalization = border, weight_normalization
        self.scale, self.epsilon = chroma_scale, bn_epsilon

    def conv(self, x, row, stride=1):
        name = f"l{row:02d}_conv"
        y = convolution(x, self.weights[f"{name}/kernel"], stride)
        return y + self.weights[f"{name}/bias"]

    def norm_relu(self, x, row):
        gamma, beta, mean, variance = (
            self.weights[f"l{row:02d}_bn/{part}"]
            for part in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        y = gamma * (x - mean) / np.sqrt(variance + self.epsilon) + beta
        return np.maximum(y, 0)

    def block(self, x, row, stride=1):
        kernel = self.weights[f"l{row:02d}_conv/kernel"]
        return self.norm_relu(convolution(x, kernel, stride), row)

    def up_block(self, x, row):
        kernel = self.weights[f"l{row:02d}_conv/kernel"]
        return self.norm_relu(transposed_convolution(x, kernel), row)

    def resnet(self, x, first, stride=1):
        x = self.block(x, first, stride)
        for k in range(8):
            row = first + 1 + 2 * k
            x = x + self.block(self.block(x, row), row + 1)
        return x

    def weight_logits(self, mono, reference_luma):
        f_mono, f_reference = (
            self.conv(self.resnet(view, 1, 2), 18) for view in (mono, reference_luma)
        )
        h, w, n = f_mono.shape
        volume = np.zeros((self.d // 2, h, w, 2 * n))
        for k in range(self.d // 2):
            volume[k, :, :, :n] = f_mono
            if k < w:
                volume[k, :, : w - k, n:] = f_reference[:, k:]
        if self.attention:
            self.a = sigmoid(self.conv(sigmoid(self.conv(volume, 19)), 20))
            volume[..., n:] *= self.a
        x21 = self.block(volume, 21)
        x22 = self.block(x21, 22)
        encoded = {}
        x = x22
        for row in (23, 26, 29, 32):
            x = self.block(self.block(self.block(x, row, 2), row + 1), row + 2)
            encoded[row + 2] = x
        x = self.up_block(x, 35) + encoded[31]
        x = self.up_block(x, 36) + encoded[28]
        x = self.up_block(x, 37) + encoded[25]
        x = self.up_block(x, 38) + x22
        y = transposed_convolution(x, self.weights["l39_conv/kernel"])
        return (y + self.weights["l39_conv/bias"])[..., 0]

    def rough_chroma(self, logits, chroma):
        """C' of Eq. 1, or the colour at the expected disparity."""
        height, width, _ = chroma.shape
        k, columns = np.arange(self.d), np.arange(width)
        beyond = (k[:, None, None] + columns >= width) & (self.border == "mask")
        softmax = self.normalization == "softmax"
        w = np.where(beyond, -np.inf if softmax else 0, logits)
        if softmax:
            e = np.exp(w - w.max(0))
            w = e / e.sum(0)
        if self.rough == "soft_argmax":
            places = columns + np.einsum("kji,k->ji", w, k)
            colors = np.zeros_like(chroma)
            for j, c in np.ndindex(height, 2):
                colors[j, :, c] = np.interp(places[j], columns, chroma[j, :, c])
            return colors
        wide = np.pad(chroma, [(0, 0), (0, self.d), (0, 0)])
        return sum(w[i][..., None] * wide[:, i : i + width] for i in k)

    def residue(self, rough, mono):
        """Phi(C', Y) for one channel."""
        c = self.conv(self.resnet(rough * self.scale, 40), 57)
        y = self.conv(self.resnet(mono, 58), 75)
        x = self.resnet(np.concatenate([c, y], -1), 76)
        return self.conv(x, 93) / self.scale

    def __call__(self, mono, reference):
        red, green, blue = np.moveaxis(np.asarray(reference, np.float64), -1, 0)
        luma = 0.299 * red + 0.587 * green + 0.114 * blue
        chroma = np.stack([0.564334 * (blue - luma), 0.713267 * (red - luma)], -1)
        mono = np.asarray(mono, np.float64)
        rough = self.rough_chroma(self.weight_logits(mono, luma[..., None]), chroma)
        final = np.concatenate(
            [rough[..., c : c + 1] + self.residue(rough[..., c : c + 1], mono)
             for c in (0, 1)], -1,
        )  # fmt: skip
        return {"rough_chroma": rough, "chroma": final}
