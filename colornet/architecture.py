"""Table 1 as the built network has it, with symbolic sizes."""

import dataclasses

import keras

from colornet.config import ModelConfig
from colornet.model import ColorNet

# A probe whose height, width and d cannot be taken for one another.
_HEIGHT, _WIDTH, _DISPARITY = 32 * 5, 32 * 7, 32 * 3
# The parts of Table 1 by the number of their first layer.
GROUPS = {
    1: "ResNet1",
    19: "Attention",
    21: "3-D regulation",
    40: "ResNet2",
    58: "ResNet3",
    76: "ResNet4",
}


@dataclasses.dataclass(frozen=True)
class Row:
    """A row of Table 1, read off the built network.

    Attributes:
        number: of the layer.
        description: as in the paper's column "Layer Description".
        size: the paper's "Output Tensor Dim." with h, w, d and n as symbols.
        parameters: number of trainable parameters, batch normalization included.
        added_to: number of the layer whose output is added to this one's, or None.
    """

    number: int
    description: str
    size: str
    parameters: int
    added_to: int | None


def convolutions(
    model: ColorNet, height: int, width: int
) -> list[tuple[keras.Layer, tuple[int, ...]]]:
    """The convolutions of Table 1 in its order, with the shapes of their outputs.

    Args:
        model: the network.
        height, width: of the pictures, multiples of 32.
    """
    names = sorted(n.name for n in model.layers if n.name.endswith("_conv"))
    found = [model.get_layer(name) for name in names]
    # Attributes of layers do not hold sizes where height and width are free.
    probe = keras.Model(model.input, [layer.output for layer in found])
    shapes = probe.compute_output_shape(
        {"mono": (1, height, width, 1), "reference": (1, height, width, 3)}
    )
    return list(zip(found, shapes, strict=True))


def table1_rows(n: int = 32) -> list[Row]:
    """All 93 layers of the network with `n` filters."""
    model = ColorNet(ModelConfig(n=n, max_disparity=_DISPARITY))
    return [_row(model, *item) for item in convolutions(model, _HEIGHT, _WIDTH)]


def _row(model: ColorNet, layer: keras.Layer, shape: tuple[int, ...]) -> Row:
    number, others = int(layer.name[1:3]), {other.name: other for other in model.layers}
    normalization = others.get(f"l{number:02d}_bn")
    parameters = layer.count_params()
    if normalization is not None:
        parameters += sum(v.value.shape[0] for v in normalization.trainable_weights)
    added_to = None
    if (add := others.get(f"l{number:02d}_add")) is not None:
        # The other end of the residual connection, read off the graph.
        ends = {int(end._keras_history.operation.name[1:3]) for end in add.input}
        (added_to,) = ends - {number}
    n = model.config.n
    text = _description(layer, n)
    if normalization is None:
        text += ", no BN/ReLU"
    return Row(number, text, _size(shape, n), parameters, added_to)


def _filters(filters: int, n: int) -> str:
    return {n: "n", 2 * n: "2n"}.get(filters, str(filters))


def _description(layer: keras.Layer, n: int) -> str:
    kernel = " x ".join(map(str, layer.kernel_size))
    if isinstance(layer, keras.layers.Conv3DTranspose):
        text = f"{kernel} 3-D trans conv"
    elif isinstance(layer, keras.layers.Conv3D):
        text = f"3-D conv, {kernel}"
    else:
        text = f"{kernel} conv"
    text += f", {_filters(layer.filters, n)} feat."
    if layer.strides[0] > 1:
        text += f", stride {layer.strides[0]}"
    if layer.activation is keras.activations.sigmoid:
        text += ", Sigmoid"
    return text


def _size(shape: tuple[int, ...], n: int) -> str:
    *volume, height, width, filters = shape[1:]
    sizes = (height, _HEIGHT, "h"), (width, _WIDTH, "w")
    sizes += tuple((depth, _DISPARITY, "d") for depth in volume)
    parts = [s if size == all_ else f"{s}/{all_ // size}" for size, all_, s in sizes]
    if filters != 1:
        parts.append(_filters(filters, n))
    return " x ".join(parts)
