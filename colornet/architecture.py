"""Table 1 as the built network has it, with symbolic sizes."""

import dataclasses

import keras

from colornet.config import ModelConfig
from colornet.model import ColorNet

# A probe whose height, width and d cannot be taken for one another.
_HEIGHT, _WIDTH, _DISPARITY = 32 * 5, 32 * 7, 32 * 3


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


def _symbolic(size: int, whole: int, symbol: str) -> str:
    return symbol if size == whole else f"{symbol}/{whole // size}"


def _filters(filters: int, n: int) -> str:
    return {n: "n", 2 * n: "2n"}.get(filters, str(filters))


def _has(model: ColorNet, name: str) -> bool:
    return any(layer.name == name for layer in model.layers)


def _added_to(model: ColorNet, number: int) -> int | None:
    """The other end of the residual connection after a layer, read off the graph."""
    if not _has(model, f"l{number:02d}_add"):
        return None
    sources = model.get_layer(f"l{number:02d}_add").input
    numbers = {int(source._keras_history.operation.name[1:3]) for source in sources}
    (other,) = numbers - {number}
    return other


def _describe(model: ColorNet, layer, number: int) -> str:
    kernel = " x ".join(map(str, layer.kernel_size))
    filters = _filters(layer.filters, model.config.n)
    if isinstance(layer, keras.layers.Conv3DTranspose):
        text = f"{kernel} 3-D trans conv"
    elif isinstance(layer, keras.layers.Conv3D):
        text = f"3-D conv, {kernel}"
    else:
        text = f"{kernel} conv"
    text += f", {filters} feat."
    if layer.strides[0] > 1:
        text += f", stride {layer.strides[0]}"
    if layer.activation is keras.activations.sigmoid:
        text += ", Sigmoid"
    if not _has(model, f"l{number:02d}_bn"):
        text += ", no BN/ReLU"
    return text


def _size(model: ColorNet, shape: tuple[int, ...]) -> str:
    *volume, height, width, filters = shape[1:]
    parts = [_symbolic(height, _HEIGHT, "h"), _symbolic(width, _WIDTH, "w")]
    parts += [_symbolic(depth, _DISPARITY, "d") for depth in volume]
    if filters != 1:
        parts.append(_filters(filters, model.config.n))
    return " x ".join(parts)


def table1_rows(n: int = 32) -> list[Row]:
    """All 93 layers of the network with `n` filters."""
    model = ColorNet(ModelConfig(n=n, max_disparity=_DISPARITY))
    names = [layer.name for layer in model.layers if layer.name.endswith("_conv")]
    names.sort()
    # Attributes of layers do not hold sizes where height and width are free.
    probe = keras.Model(model.input, [model.get_layer(name).output for name in names])
    shapes = probe.compute_output_shape(
        {
            "mono": (1, _HEIGHT, _WIDTH, 1),
            "reference": (1, _HEIGHT, _WIDTH, 3),
        }
    )
    table = []
    for name, shape in zip(names, shapes, strict=True):
        number = int(name[1:3])
        layer = model.get_layer(name)
        parameters = layer.count_params()
        if _has(model, f"l{number:02d}_bn"):
            normalization = model.get_layer(f"l{number:02d}_bn")
            parameters += sum(v.value.shape[0] for v in normalization.trainable_weights)
        description = _describe(model, layer, number)
        added_to = _added_to(model, number)
        table.append(
            Row(number, description, _size(model, shape), parameters, added_to)
        )
    return table
