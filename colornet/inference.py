"""Colorization of pictures of any size."""

import math
import weakref

import keras
import numpy as np
from keras import ops

from colornet.color import output_picture, rgb_to_chroma
from colornet.config import ModelConfig, NetworkConfig
from colornet.errors import InputError
from colornet.images import resized, to_float
from colornet.network import Network
from colornet.progress import progress_bar
from colornet.tiling import GRID, Tile, Tiling, is_whole, plan

# Of every network, its forms with a margin for tiles, with other candidates for
# enlarged pictures, and with volumes. A new form is compiled at its first picture, and
# what was compiled outlives it.
_FORMS: weakref.WeakKeyDictionary[Network, dict[tuple[str, int], keras.Model]] = (
    weakref.WeakKeyDictionary()
)
# How much pictures are enlarged (D-37): times, at most and at least, to how many pixels
# at most, and times the noise of their chroma in 8-bit levels, at most.
_MOST_ENLARGED, _LEAST_ENLARGED = 3.0, 1.2
_ENLARGED_PIXELS = 4e5
_MOST_NOISE = 4.0
# Disparities up to so many times the working disparity are searched.
_SEARCHED = 1.5
# A pixel's disparity counts if the variance of its weights W is less, px^2.
_SURE = 4.0
_NEAREST = 99.5  # the percentile that is taken for the largest


def _check_pair(mono: np.ndarray, reference: np.ndarray) -> None:
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


def predict(
    model: Network,
    mono: np.ndarray,
    reference: np.ndarray,
    *,
    volumes: bool = False,
    tiling: Tiling | None = None,
    progress: bool = False,
) -> dict[str, np.ndarray]:
    """Runs the network on one pair of any size, in tiles if it is large (D-32).

    With a `working_disparity`, pictures that are found to have smaller disparities are
    enlarged and worked on once more; those maps are reduced to the pictures' size
    (D-37).

    Args:
        model: a `ColorNet`; or another network, which works on the whole picture
            however large it is.
        mono: (height, width, 1) float luma, in [0, 1].
        reference: (height, width, 3) float RGB, in [0, 1].
        volumes: whether the outputs are those of `with_volumes`, for the pictures as
            they are: none is enlarged.
        tiling: memory and overlap of the tiles; the defaults of `Tiling` if None.
        progress: whether to draw a progress bar where there are several tiles.

    Returns:
        The outputs of the model without batch axis, cut to the pictures' size.

    Raises:
        InputError: as `colornet.tiling.plan`.
    """
    if volumes or not _may_be_enlarged(reference, model.config, tiling):
        return _predict(model, mono, reference, volumes, tiling, progress)
    outputs = _predict(model, mono, reference, True, tiling, progress)
    weights = outputs.pop("weights")
    outputs.pop("attention", None)
    factor = enlargement(weights, reference, model.config)
    height, width = mono.shape[:2]
    size = round(height * factor), round(width * factor)
    most = _SEARCHED * model.config.working_disparity
    d = GRID * math.ceil(min(model.config.max_disparity * factor, most) / GRID)
    enlarged = model.config.replace(max_disparity=d)
    if factor == 1 or not _is_whole(*size, enlarged, tiling):
        return outputs
    del weights, outputs
    larger = _form(model, "max_disparity", d)
    pair = (np.clip(resized(view, *size), 0, 1) for view in (mono, reference))
    outputs = _predict(larger, *pair, False, tiling, progress)
    return {name: resized(value, height, width) for name, value in outputs.items()}


def _is_whole(
    height: int, width: int, config: ModelConfig, tiling: Tiling | None
) -> bool:
    padded = height + -height % GRID, width + -width % GRID
    return is_whole(*padded, config, tiling or Tiling())


def _may_be_enlarged(
    reference: np.ndarray, config: NetworkConfig, tiling: Tiling | None
) -> bool:
    """Whether a look at W may lead to an enlargement; without it there is none."""
    return (
        isinstance(config, ModelConfig)
        and config.working_disparity > 0
        and config.weight_normalization == "softmax"
        and _is_whole(*reference.shape[:2], config, tiling)
        and _most_enlarged(reference) >= _LEAST_ENLARGED
    )


def _most_enlarged(reference: np.ndarray) -> float:
    """How many times a picture may be enlarged, whatever its disparities."""
    height, width = reference.shape[:2]
    return min(
        _MOST_ENLARGED,
        _MOST_NOISE / max(_chroma_noise(reference), 1.0),
        math.sqrt(_ENLARGED_PIXELS / (height * width)),
    )


def enlargement(
    weights: np.ndarray, reference: np.ndarray, config: ModelConfig
) -> float:
    """How many times `predict` enlarges a picture, from 1 to 3 (D-37).

    Until the largest disparity of the pixels whose weights agree on one is the
    `working_disparity`; less if the colours are noisy, or the pictures large.

    Args:
        weights: (d, height, width), W of Eq. 1 for the picture as it is.
        reference: (height, width, 3) float RGB, in [0, 1].
        config: of the network.
    """
    k = np.arange(len(weights), dtype=np.float32)
    mean = np.tensordot(k, weights, 1)
    variance = np.tensordot(k**2, weights, 1) - mean**2
    sure = mean[variance < _SURE]
    if not sure.size:
        return 1.0
    largest = max(float(np.percentile(sure, _NEAREST)), 1.0)
    factor = min(config.working_disparity / largest, _most_enlarged(reference))
    return factor if factor >= _LEAST_ENLARGED else 1.0


def _chroma_noise(reference: np.ndarray) -> float:
    """Standard deviation of white noise in Cb and Cr, in 8-bit levels.

    By the median of what 2x2 pixels have that neither their rows nor their columns do,
    of which pictures have little.
    """
    height, width = (side // 2 * 2 for side in reference.shape[:2])
    chroma = 255 * np.asarray(rgb_to_chroma(reference[:height, :width]))
    rows = chroma[::2] - chroma[1::2]
    detail = (rows[:, ::2] - rows[:, 1::2]) / 2
    return float(np.median(np.abs(detail)) / 0.6745) if detail.size else 0.0


def _predict(
    model: Network,
    mono: np.ndarray,
    reference: np.ndarray,
    volumes: bool,
    tiling: Tiling | None,
    progress: bool,
) -> dict[str, np.ndarray]:
    """`predict` for pictures at the size that the network sees."""
    views = {
        name: np.asarray(pad(view[None].astype(np.float32)))
        for name, view in (("mono", mono), ("reference", reference))
    }
    tiles = [None]
    if isinstance(model.config, ModelConfig):
        size, tiling = views["mono"].shape[1:3], tiling or Tiling()
        tiles = plan(*size, model.config, tiling, "volumes" if volumes else None)
    if len(tiles) == 1:
        outputs = _run(_with_volumes(model) if volumes else model, views)
    else:
        outputs = _predict_tiles(model, views, tiles, progress)
    return {
        name: np.asarray(unpad(name, value, *mono.shape[:2])[0])
        for name, value in outputs.items()
    }


def _run(model: keras.Model, views: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    if keras.backend.backend() == "tensorflow":
        # Keras would compile with XLA, which is slower on a CPU and takes a minute.
        model.jit_compile = False
    return model.predict_on_batch(views)


def _form(model: Network, field: str, value: int) -> Network:
    """The network with one field of its configuration changed."""
    if getattr(model.config, field) == value:
        return model
    forms = _FORMS.setdefault(model, {})
    if (field, value) in forms:
        forms[field, value].set_weights(model.get_weights())
    else:
        forms[field, value] = model.rebuilt(**{field: value})
    return forms[field, value]


def _with_volumes(model: Network) -> keras.Model:
    """Its `with_volumes`, which shares its variables."""
    if not model.has_volumes:
        return model
    forms = _FORMS.setdefault(model, {})
    if ("volumes", 1) not in forms:
        forms["volumes", 1] = model.with_volumes()
    return forms["volumes", 1]


def _predict_tiles(
    model: Network, views: dict[str, np.ndarray], tiles: list[Tile], progress: bool
) -> dict[str, np.ndarray]:
    outputs: dict[str, np.ndarray] = {}
    # All have the margin d, but for those next to the picture's right border.
    networks = {
        margin: _form(model, "candidate_margin", margin)
        for margin in {tile.margin for tile in tiles}
    }
    with progress_bar(len(tiles), "tile", show=progress) as bar:
        for tile in tiles:
            seen = {name: view[:, *tile.seen] for name, view in views.items()}
            part = _run(networks[tile.margin], seen)
            for name, value in part.items():
                if name not in outputs:
                    shape = (1, *views["mono"].shape[1:3], *value.shape[3:])
                    outputs[name] = np.empty(shape, value.dtype)
                outputs[name][:, *tile.kept] = value[:, *tile.inner]
            bar.update()
    return outputs


def colorize(
    model: Network,
    mono: np.ndarray,
    reference: np.ndarray,
    max_disparity: int | None = None,
    *,
    tiling: Tiling | None = None,
    progress: bool = False,
) -> np.ndarray:
    """Gives a monochrome picture the colours of the colour camera's picture.

    The pictures are rectified: a pixel (j, i) of `mono` is found in `reference` at
    (j, i ... i + max_disparity - 1), so `mono` is the right camera's view (D-01).
    Where the network has a `working_disparity`, small pictures are enlarged (D-37).

    Args:
        model: the network.
        mono: (height, width), or (height, width, 1), luma; float in [0, 1], uint8 or
            uint16.
        reference: (height, width, 3) RGB of the same size; float in [0, 1], uint8 or
            uint16.
        max_disparity: of a `ColorNet`, d of Eq. 1 in pixels, a multiple of 32; the
            model's own if None.
            Another one rebuilds the model at every call: `ColorNet.rebuilt` does it
            once.
        tiling: pictures too large for its `memory_gb` are worked on in overlapping
            tiles; the defaults of `Tiling` if None (D-32).
        progress: whether to draw a progress bar where there are several tiles.

    Returns:
        RGB (height, width, 3) of the kind of `mono`, with the luma of `mono` (D-10).

    Raises:
        InputError: pictures that do not fit together, of another kind or out of their
            range, or a reference without colour; pictures that are too large for the
            memory and cannot be tiled (`colornet.tiling.plan`); a `max_disparity` that
            is no multiple of 32, or of a network that has none; weights that give no
            finite colours.
    """
    return colorize_outputs(
        model, mono, reference, max_disparity, tiling=tiling, progress=progress
    )["picture"]


def colorize_outputs(
    model: Network,
    mono: np.ndarray,
    reference: np.ndarray,
    max_disparity: int | None = None,
    *,
    volumes: bool = False,
    tiling: Tiling | None = None,
    progress: bool = False,
) -> dict[str, np.ndarray]:
    """What `colorize` returns, as `picture`, with all that the network says.

    Args:
        model, mono, reference, max_disparity, tiling, progress: see `colorize`.
        volumes: whether A and W are among the outputs: d float32 maps, or more. They
            are of the pictures as they are, and so is the result: none is enlarged.

    Returns:
        `picture`, and the outputs of the network, or of its `with_volumes`, that are
        maps of the picture, without batch axis and cut to the size of the pictures.

    Raises:
        InputError: as `colorize`; volumes of a picture that would need tiles, or of a
            network that has none.
    """
    mono, reference = np.asarray(mono), np.asarray(reference)
    if mono.ndim == 3 and mono.shape[-1] == 1:
        mono = mono[..., 0]
    _check_pair(mono, reference)
    luma, colors = to_float(mono)[..., None], to_float(reference)
    model = model.rebuilt(max_disparity=max_disparity)
    if volumes and not model.has_volumes:
        raise InputError(
            "expected a network with volumes of candidates. "
            f"Received: {model.name}, which has none"
        )
    outputs = predict(
        model, luma, colors, volumes=volumes, tiling=tiling, progress=progress
    )
    if not np.isfinite(outputs["chroma"]).all():
        raise InputError(
            "expected weights that give finite colours. Received: NaN or infinity "
            f"from {model.name}"
        )
    for name in model.internal_outputs:
        del outputs[name]
    picture = from_float(output_picture(luma, outputs["chroma"]), mono.dtype)
    return {"picture": picture, **outputs}


def from_float(picture: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """A float picture in [0, 1] as `dtype`: a float type, uint8 or uint16."""
    if np.issubdtype(dtype, np.integer):
        return np.rint(picture * np.iinfo(dtype).max).astype(dtype)
    return picture.astype(dtype)
