"""Colorization of pictures of any size."""

import dataclasses
import weakref

import keras
import numpy as np
from keras import ops

from colornet.color import output_picture
from colornet.colorizer import plan as first_look
from colornet.colorizer.plan import Disparities, Sight
from colornet.colorizer.upsampling import with_luma_detail
from colornet.config import ModelConfig
from colornet.errors import InputError
from colornet.io.pictures import from_float, resized, to_float
from colornet.networks import Network
from colornet.progress import progress_bar
from colornet.tiling import GRID, Tile, Tiling, is_whole, plan

# Of every network, its forms with a margin for tiles, with other candidates, with
# volumes, and for the first look. A new form is compiled at its first picture, and what
# was compiled outlives it.
_FORMS: weakref.WeakKeyDictionary[Network, dict[tuple[str, int] | str, keras.Model]] = (
    weakref.WeakKeyDictionary()
)


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
) -> dict[str, np.ndarray | Sight]:
    """Runs the network on one pair of any size, in tiles if it is large (D-32).

    A network with a `working_disparity`, or with `find_disparity`, looks at a small
    copy first: the pair is seen at the scale where the network is at its best, and at
    half of it (D-37), and gets as many candidates as it needs (D-38).

    Args:
        model: a `ColorNet`; or another network, which works on the whole picture
            however large it is.
        mono: (height, width, 1) float luma, in [0, 1].
        reference: (height, width, 3) float RGB, in [0, 1].
        volumes: whether the outputs are those of `with_volumes`, for the pictures as
            they are.
        tiling: memory and overlap of the tiles; the defaults of `Tiling` if None.
        progress: whether to draw a progress bar where there are several tiles.

    Returns:
        The outputs of the model without batch axis, cut to the pictures' size; and of a
        `ColorNet`, `sight`: the `Sight` that it had of the pair.

    Raises:
        InputError: as `colornet.tiling.plan`.
    """
    sight = _sight(model, mono, reference, volumes, tiling)
    outputs = _predict(model, mono, reference, sight, volumes, tiling, progress)
    return outputs if sight is None else {**outputs, "sight": sight}


def _sight(
    model: Network,
    mono: np.ndarray,
    reference: np.ndarray,
    volumes: bool,
    tiling: Tiling | None,
) -> Sight | None:
    """How the network sees a pair; None for networks that see all pairs alike."""
    config = model.config
    if not isinstance(config, ModelConfig):
        return None
    own = Sight(config.max_disparity)
    if volumes:
        config = config.replace(working_disparity=0)
    looks = config.working_disparity > 0 or config.find_disparity
    if not looks or config.weight_normalization != "softmax":
        return own
    found = _found(model, mono, reference, tiling)
    if found is None:
        found = Disparities(config.max_disparity, config.max_disparity)
    scale = first_look.scale(found.largest, reference, config)
    sight = first_look.sight(found, scale, config)
    larger = config.replace(max_disparity=sight.max_disparity)
    if scale > 1 and not _is_whole(*_size_at(mono, scale), larger, tiling):
        return first_look.sight(found, 1.0, config)
    return sight


def _found(
    model: Network, mono: np.ndarray, reference: np.ndarray, tiling: Tiling | None
) -> Disparities | None:
    """What a look at a small copy finds; None if nothing, or if memory is too small."""
    *size, candidates = first_look.copy(*mono.shape[:2], model.config)
    form = _form(model, "max_disparity", candidates)
    if not _is_whole(*size, form.config, tiling):
        return None
    copies = mono, reference
    if size[1] < mono.shape[1]:
        copies = [_scaled(view, *size) for view in copies]
    weights = _run_whole(_weights_alone(form), *copies)["weights"]
    return first_look.disparities(weights, mono.shape[1] / size[1])


def _size_at(picture: np.ndarray, scale: float) -> tuple[int, int]:
    height, width = picture.shape[:2]
    return max(1, round(height * scale)), max(1, round(width * scale))


def _scaled(view: np.ndarray, height: int, width: int) -> np.ndarray:
    return np.clip(resized(view, height, width), 0, 1)


def _is_whole(
    height: int, width: int, config: ModelConfig, tiling: Tiling | None
) -> bool:
    padded = height + -height % GRID, width + -width % GRID
    return is_whole(*padded, config, tiling or Tiling())


def _predict(
    model: Network,
    mono: np.ndarray,
    reference: np.ndarray,
    sight: Sight | None,
    volumes: bool,
    tiling: Tiling | None,
    progress: bool,
) -> dict[str, np.ndarray]:
    """`predict` for pictures that are seen in a known way."""
    if sight is None:
        return _run_whole(model, mono, reference)
    if sight.coarse:
        fine, coarse = (
            _predict(model, mono, reference, part, volumes, tiling, progress)
            for part in (dataclasses.replace(sight, coarse=False), sight.halved)
        )
        share = first_look.COARSE_SHARE
        return {k: (1 - share) * fine[k] + share * coarse[k] for k in fine}
    model = _form(model, "max_disparity", sight.max_disparity)
    pair = mono, reference
    if sight.scale != 1:
        pair = [_scaled(view, *_size_at(view, sight.scale)) for view in pair]
    height, width = pair[0].shape[:2]
    padded = height + -height % GRID, width + -width % GRID
    whole_for = "volumes" if volumes else None
    tiles = plan(*padded, model.config, tiling or Tiling(), whole_for)
    if len(tiles) == 1:
        outputs = _run_whole(_with_volumes(model) if volumes else model, *pair)
    else:
        outputs = _predict_tiles(model, *pair, tiles, progress)
    return outputs if sight.scale == 1 else _scaled_back(outputs, mono, sight.scale)


def _scaled_back(
    outputs: dict[str, np.ndarray], mono: np.ndarray, scale: float
) -> dict[str, np.ndarray]:
    """The outputs for a pair at a scale as they are for the pair itself."""
    size = mono.shape[:2]
    names = "chroma", "rough_chroma"
    maps = np.concatenate([outputs[name] for name in names], axis=-1)
    maps = with_luma_detail(maps, mono) if scale < 1 else resized(maps, *size)
    found = dict(zip(names, np.split(maps, 2, axis=-1), strict=True))
    if "disparity" in outputs:
        disparity = outputs["disparity"][..., None] / scale
        found["disparity"] = resized(disparity, *size)[..., 0]
    return found


def _padded(mono: np.ndarray, reference: np.ndarray) -> dict[str, np.ndarray]:
    return {
        name: np.asarray(pad(view[None].astype(np.float32)))
        for name, view in (("mono", mono), ("reference", reference))
    }


def _cut(
    outputs: dict[str, np.ndarray], height: int, width: int
) -> dict[str, np.ndarray]:
    return {
        name: np.asarray(unpad(name, value, height, width)[0])
        for name, value in outputs.items()
    }


def _run_whole(
    model: keras.Model, mono: np.ndarray, reference: np.ndarray
) -> dict[str, np.ndarray]:
    return _cut(_run(model, _padded(mono, reference)), *mono.shape[:2])


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
    if "volumes" not in forms:
        forms["volumes"] = model.with_volumes()
    return forms["volumes"]


def _weights_alone(model: Network) -> keras.Model:
    """The part of it that gives W of Eq. 1."""
    forms = _FORMS.setdefault(model, {})
    if "weights" not in forms:
        weights = model.get_layer("weights").output
        forms["weights"] = keras.Model(model.input, {"weights": weights})
    return forms["weights"]


def _predict_tiles(
    model: Network,
    mono: np.ndarray,
    reference: np.ndarray,
    tiles: list[Tile],
    progress: bool,
) -> dict[str, np.ndarray]:
    views = _padded(mono, reference)
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
    return _cut(outputs, *mono.shape[:2])


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
    A network with a `working_disparity` sees them at a scale of its own (D-37).

    Args:
        model: the network.
        mono: (height, width), or (height, width, 1), luma; float in [0, 1], uint8 or
            uint16.
        reference: (height, width, 3) RGB of the same size; float in [0, 1], uint8 or
            uint16.
        max_disparity: of a `ColorNet`, d of Eq. 1 in pixels, a multiple of 32; if None,
            the model's own, or with `find_disparity` what the pair needs (D-38).
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
) -> dict[str, np.ndarray | Sight]:
    """What `colorize` returns, as `picture`, with all that the network says.

    Args:
        model, mono, reference, max_disparity, tiling, progress: see `colorize`.
        volumes: whether A and W are among the outputs: d float32 maps, or more. They
            are of the pictures as they are, and so is the result.

    Returns:
        `picture`; the outputs of the network, or of its `with_volumes`, that are maps
        of the picture, without batch axis and cut to the size of the pictures; and of a
        `ColorNet`, `sight`: the `Sight` that it had of the pair.

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
