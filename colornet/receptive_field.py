"""Which pixels a pixel of the result depends on, worked out from Table 1.

An interval is the first and the last position along one axis, on the grid of a layer:
of two pixels after the layers with stride 2 that come first, of 32 at the bottom of the
encoder. Every function below takes an interval of a layer's output and returns that of
its input, so that the network is read from its end to its start. Borders of the picture
are not looked at, and the disparity axis is: every candidate meets every other.
"""

from colornet.config import GRID, ModelConfig

Interval = tuple[int, int]


def _convolution(outputs: Interval, kernel: int, stride: int = 1) -> Interval:
    # "same" pads kernel - stride in all, and the smaller half of it before (D-18).
    before = (kernel - stride) // 2
    return outputs[0] * stride - before, outputs[1] * stride - before + kernel - 1


def _transposed(outputs: Interval) -> Interval:
    """3 x 3 x 3 with stride 2, the adjoint of the convolution."""
    return -((2 - outputs[0]) // 2), outputs[1] // 2


def _union(a: Interval, b: Interval) -> Interval:
    return min(a[0], b[0]), max(a[1], b[1])


def _resnet(outputs: Interval, stride: int = 1) -> Interval:
    """Any ResNet of Table 1, with the 3 x 3 convolution that follows its 17 layers."""
    for _ in range(17):
        outputs = _convolution(outputs, 3)
    return _convolution(outputs, 5, stride)


def _regulation(logits: Interval) -> Interval:
    """Layers 21 to 39, down to the volume."""
    skips = {}
    x = _transposed(logits)
    for row in (22, 25, 28, 31):
        skips[row] = x
        x = _transposed(x)
    for row in (31, 28, 25, 22):
        x = _convolution(_convolution(x, 3), 3)
        x = _union(_convolution(x, 3, stride=2), skips[row])
    return _convolution(_convolution(x, 3), 3)


def receptive_field(position: int, config: ModelConfig) -> tuple[Interval, Interval]:
    """What a row or column of C depends on.

    Args:
        position: of the row or column of the result, in pixels.
        config: of the network.

    Returns:
        The first and the last column of `mono`, and those of `reference`, as if the
        picture had no borders. For rows, both are as the first.
    """
    result = rough = (position, position)
    if config.residue:
        rough = _resnet(_resnet(result))
    volume = _regulation(rough)
    mono = _resnet(volume, stride=2)
    candidates = config.max_disparity // 2 - 1
    reference = _resnet((volume[0], volume[1] + candidates), stride=2)
    colors = rough[0], rough[1] + config.max_disparity - 1
    return _union(mono, rough), _union(reference, colors)


def exact_overlap(config: ModelConfig) -> int:
    """The smallest `Tiling.overlap` with which tiles give what the whole picture does.

    The candidates of the last columns, d more at the right, come on top of it.
    """
    reach = 0
    # From one pixel of the bottom of the encoder to the next the field repeats.
    for position in range(GRID):
        (first, last), (_, candidate) = receptive_field(position, config)
        after = max(last, candidate - config.max_disparity) - position
        reach = max(reach, position - first, after)
    return -(-reach // GRID) * GRID
