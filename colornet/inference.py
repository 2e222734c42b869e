"""Colour for one pair at one scale with a given d: the paper's network alone.

`colornet.colorizer` chooses scale and d for a pair; here nothing is chosen.
"""

from collections.abc import Callable, Mapping, Sequence

import keras
import numpy as np
from keras import ops

from colornet.color import output_picture
from colornet.config import GRID, ModelConfig
from colornet.errors import InputError
from colornet.io.pictures import from_float, to_float
from colornet.networks import Network
from colornet.progress import progress_bar
from colornet.tiling import Tile, Tiling, plan_tiles

_VOLUMES = ("weights", "attention")  # of `Network.with_volumes`


def float_pair(
    mono: np.ndarray, reference: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The pictures of a pair as the network takes them.

    Args:
        mono: (height, width) or (height, width, 1) luma; uint8, uint16, or float in
            [0, 1].
        reference: (height, width, 3) RGB of the same size; the same kinds.

    Returns:
        (height, width, 1) luma and (height, width, 3) RGB, float32 in [0, 1].

    Raises:
        InputError: pictures that do not fit together, of another kind or out of their
            range, or a reference without colour.
    """
    mono, reference = np.asarray(mono), np.asarray(reference)
    if mono.ndim == 3 and mono.shape[-1] == 1:
        mono = mono[..., 0]
    if mono.ndim != 2 or 0 in mono.shape:
        raise InputError(f"mono must be (height, width). Received: {mono.shape}")
    if reference.ndim != 3 or reference.shape[-1] != 3:
        raise InputError(
            f"reference must be (height, width, 3) RGB. Received: {reference.shape}"
        )
    if mono.shape != reference.shape[:2]:
        raise InputError(
            "mono and reference must be of the same height and width. "
            f"Received: {mono.shape} and {reference.shape[:2]}"
        )
    if np.all(reference[..., :1] == reference[..., 1:]):
        raise InputError(
            "reference must be a picture with colour. Received: R = G = B everywhere"
        )
    return to_float(mono)[..., None], to_float(reference)


def picture_of(
    luma: np.ndarray, chroma: np.ndarray, dtype: np.dtype, source: str
) -> np.ndarray:
    """The RGB picture of a luma and a predicted chroma map (D-10).

    Args:
        luma: (height, width, 1) float, in [0, 1].
        chroma: (height, width, 2) float Cb, Cr.
        dtype: of the result: a float type, uint8 or uint16.
        source: of the chroma, for the error.

    Raises:
        InputError: chroma that is not finite.
    """
    if not np.isfinite(chroma).all():
        raise InputError(
            "expected weights that give finite colours. Received: NaN or infinity "
            f"from {source}"
        )
    return from_float(output_picture(luma, chroma), dtype)


def _reflected(before: int, size: int, after: int):
    """Indices of `size` elements with some more on both sides by reflection."""
    index = ops.abs(ops.arange(-before, size + after))
    period = ops.maximum(2 * size - 2, 1)
    index = index % period
    return ops.minimum(index, period - index)


def pad(pictures):
    """Reflects at the bottom and at the left, up to multiples of 32 (D-15).

    At the left, since candidates lie to the right: no real pixel gets a made-up one.

    Args:
        pictures: (batch, height, width, channels).
    """
    height, width = ops.shape(pictures)[1:3]
    rows = _reflected(0, height, -height % GRID)
    columns = _reflected(-width % GRID, width, 0)
    return ops.take(ops.take(pictures, rows, axis=1), columns, axis=2)


def unpad(name: str, value, height: int, width: int):
    """Cuts the output `name` of `ColorNet` for padded pictures to their own size.

    `attention` is at half the size, rounded up.
    """
    left = -width % GRID
    if name == "attention":
        return value[:, :, : (height + 1) // 2, left // 2 :]
    if name == "weights":
        return value[:, :, :height, left:]
    return value[:, :height, left:]


def padded_views(mono: np.ndarray, reference: np.ndarray) -> dict[str, np.ndarray]:
    """A float pair as the network's inputs, padded and with a batch axis."""
    return {
        name: np.asarray(pad(view[None].astype(np.float32)))
        for name, view in (("mono", mono), ("reference", reference))
    }


def run(
    model: keras.Model,
    views: Mapping[str, np.ndarray],
    names: Sequence[str] | None = None,
) -> dict[str, np.ndarray]:
    """One forward pass at test time on padded views with a batch axis.

    Args:
        model: a network.
        views: its inputs.
        names: of the outputs to return; all if None.
    """
    names = list(model.output) if names is None else names
    if keras.backend.backend() != "tensorflow":
        outputs = model.predict_on_batch(dict(views))
    elif model.run_eagerly:
        outputs = model(dict(views), training=False)
    else:
        outputs = _any_size(model)(dict(views))
    # A volume that nobody wants is not copied.
    return {name: np.array(outputs[name]) for name in names}


def _any_size(model: keras.Model) -> Callable:
    """The forward pass as one graph for pictures of all sizes, kept with the model.

    Keras would trace a graph for every size, and would compile it with XLA, which is
    slower on a CPU and takes a minute.
    """
    import tensorflow as tf

    if not hasattr(model, "any_size"):
        signature = {
            name: tf.TensorSpec(tensor.shape, tensor.dtype, name)
            for name, tensor in model.input.items()
        }
        function = tf.function(
            lambda views: model(views, training=False),
            input_signature=[signature],
            jit_compile=False,
        )
        # Traced here: TensorFlow would warn of a function that calls trace model after
        # model.
        model.any_size = function.get_concrete_function()
    return model.any_size


def predict(
    network: Network,
    mono: np.ndarray,
    reference: np.ndarray,
    max_disparity: int | None = None,
    *,
    volumes: bool = False,
    tiling: Tiling | None = None,
    progress: bool = False,
) -> dict[str, np.ndarray]:
    """Runs the network on one pair of any size, in tiles if it is large (D-32).

    Args:
        network: a `ColorNet`, or its `for_inference`; or another network, which works
            on the whole picture however large it is.
        mono: (height, width, 1) float luma, in [0, 1].
        reference: (height, width, 3) float RGB, in [0, 1].
        max_disparity: of a `ColorNet`, d of Eq. 1 in pixels, a multiple of 32; the
            network's own if None. Another one rebuilds a `ColorNet`, but not its
            `for_inference`.
        volumes: whether A and W are among the outputs: d float32 maps, or more.
        tiling: memory and overlap of the tiles; the defaults of `Tiling` if None.
        progress: whether to draw a progress bar where there are several tiles.

    Returns:
        The outputs of the network without batch axis, cut to the pictures' size; with
        `volumes` those of `Network.with_volumes`.

    Raises:
        InputError: a network with other inputs beside the pair, or without volumes; a
            `max_disparity` that the network cannot have; a picture with volumes that
            would need tiles (D-32); as `colornet.tiling.plan_tiles`.
    """
    config = network.config.with_changes(max_disparity=max_disparity)
    height, width = mono.shape[:2]
    views = padded_views(mono, reference)
    size = views["mono"].shape[1:3]
    if "candidates" in network.input:
        views["candidates"] = np.arange(config.max_disparity // 2, dtype=np.int32)
    else:
        network = network.with_config(max_disparity=max_disparity)
    if network.input.keys() != views.keys():
        raise InputError(
            f"expected a network of {' and '.join(views)} alone. "
            f"Received: {network.name}, of {', '.join(network.input)}"
        )
    model = network.with_volumes() if volumes else network
    if volumes and "weights" not in model.output:
        raise InputError(
            "expected a network with volumes of candidates. "
            f"Received: {network.name}, which has none"
        )
    unwanted = {*network.internal_outputs, *(() if volumes else _VOLUMES)}
    names = [name for name in model.output if name not in unwanted]
    tiles = []
    if isinstance(config, ModelConfig):
        whole_for = "volumes" if volumes else None
        tiles = plan_tiles(*size, config, tiling or Tiling(), whole_for)
    if len(tiles) > 1:
        outputs = _run_tiles(model, views, tiles, names, progress)
    else:
        outputs = run(model, views, names)
    return {
        name: np.asarray(unpad(name, outputs[name], height, width)[0]) for name in names
    }


def _run_tiles(
    model: keras.Model,
    views: Mapping[str, np.ndarray],
    tiles: list[Tile],
    names: list[str],
    progress: bool,
) -> dict[str, np.ndarray]:
    """The outputs of these names, which are maps of the mono picture."""
    outputs: dict[str, np.ndarray] = {}
    with progress_bar(len(tiles), "tile", show=progress) as bar:
        for tile in tiles:
            parts = {
                "mono": views["mono"][:, *tile.output],
                "reference": views["reference"][:, *tile.reference],
            }
            found = run(model, {**views, **parts}, names)
            for name in names:
                value = found[name]
                if name not in outputs:
                    shape = (1, *views["mono"].shape[1:3], *value.shape[3:])
                    outputs[name] = np.empty(shape, value.dtype)
                outputs[name][:, *tile.keep] = value[:, *tile.keep_in_tile]
            bar.update()
    return outputs


def colorize_outputs(
    network: Network,
    mono: np.ndarray,
    reference: np.ndarray,
    max_disparity: int | None = None,
    *,
    volumes: bool = False,
    tiling: Tiling | None = None,
    progress: bool = False,
) -> dict[str, np.ndarray]:
    """The picture that the network alone gives a pair, and all that it says.

    Args:
        network: any `Network`.
        mono, reference: the pair; see `float_pair`. A pixel (j, i) of `mono` is found
            in `reference` at (j, i ... i + d - 1), so `mono` is the right view (D-01).
        max_disparity, volumes, tiling, progress: see `predict`.

    Returns:
        `picture`, RGB (height, width, 3) of the kind of `mono` with the luma of `mono`
        (D-10); and the outputs of `predict`.

    Raises:
        InputError: as `float_pair` and `predict`; weights that give no finite colours.
    """
    luma, rgb = float_pair(mono, reference)
    outputs = predict(
        network,
        luma,
        rgb,
        max_disparity,
        volumes=volumes,
        tiling=tiling,
        progress=progress,
    )
    dtype = np.asarray(mono).dtype
    picture = picture_of(luma, outputs["chroma"], dtype, network.name)
    return {"picture": picture, **outputs}
