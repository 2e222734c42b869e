"""Gives a monochrome picture the colours of a reference picture.

    python -m experiments.colorize --mono=right.png --reference=left.png \
        --output=colour.png

The pictures are rectified views of the same size. The monochrome camera is the right
one, or with --mono_view=left the left one. The Colorizer estimates how far to search
and chooses the scales at which the network sees the pair. --plain is the network alone,
as in the paper: one scale, and the d of --max_disparity or of the weights. Weights of
a comparison network (`experiments.train --method=…`) are always plain.
"""

import pathlib
import sys
import warnings

import numpy as np
from absl import flags

from colornet import tiling
from colornet.color import rgb_to_luma
from colornet.config import BN_STATISTICS
from colornet.io.files import replacing, writing
from colornet.io.pictures import (
    check_writable,
    read_icc_profile,
    read_picture,
    resized,
    write_picture,
)
from colornet.pretrained import DEFAULT, full_name
from colornet.visualize.page import write_page
from experiments.methods import networks  # noqa: F401, makes their weights known
from tfrecords_tools import app

_MONO = flags.DEFINE_string("mono", None, "The monochrome picture.", required=True)
_REFERENCE = flags.DEFINE_string(
    "reference", None, "The colour picture, of the same size.", required=True
)
_OUTPUT = flags.DEFINE_string(
    "output", None, "Picture to write; .png or .tif for 16 bit.", required=True
)
_WEIGHTS = flags.DEFINE_string(
    "weights", DEFAULT, "A run, a checkpoint, .npz, .keras or pretrained:NAME."
)
_MONO_VIEW = flags.DEFINE_enum(
    "mono_view", "right", ["right", "left"], "The monochrome camera's view (D-01)."
)
_MAX_DISPARITY = flags.DEFINE_integer(
    "max_disparity",
    None,
    "d of Eq. 1, a multiple of 32; if unset, an estimate for the pair (D-38), and with "
    "--plain that of the weights.",
)
_BN_STATISTICS = flags.DEFINE_enum(
    "bn_statistics", None, list(BN_STATISTICS), "Of training or of the picture (D-14)."
)
_MEMORY_GB = flags.DEFINE_float(
    "memory_gb",
    tiling.DEFAULT_MEMORY_GB,
    "Memory for the network; larger pictures are worked on in tiles (D-32).",
)
_OVERLAP = flags.DEFINE_integer(
    "overlap", tiling.DEFAULT_OVERLAP, "Pixels next to a cut that two tiles share."
)
_PLAIN = flags.DEFINE_bool(
    "plain", False, "The paper's network alone: one scale, and a given d."
)
_SAVE_VOLUMES = flags.DEFINE_string(
    "save_volumes",
    None,
    "Folder for W of Eq. 1 and A of Eq. 4 as .npy, pictures of them (slices, the scan "
    "line in the middle, expected disparity, entropy), and volumes.html, a page.",
)


def _as_mono(picture: np.ndarray) -> np.ndarray:
    """One channel of a picture that is grey, or the luma of one that is not."""
    if picture.ndim == 2:
        return picture
    if np.all(picture[..., :1] == picture[..., 1:]):
        return picture[..., 0]
    warnings.warn("the mono picture has colour: its luma is taken", stacklevel=2)
    luma = rgb_to_luma(picture.astype(np.float64))[..., 0]
    return np.rint(luma).astype(picture.dtype)


def _as_reference(picture: np.ndarray) -> np.ndarray:
    return picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=-1)


def main() -> None:
    parts = tiling.Tiling(_MEMORY_GB.value, _OVERLAP.value)
    # A warning is for the user of the program: one line, without a place in the code.
    warnings.showwarning = lambda message, *_: sys.stderr.write(f"warning: {message}\n")
    mono = _as_mono(read_picture(_MONO.value))
    reference = _as_reference(read_picture(_REFERENCE.value))
    check_writable(_OUTPUT.value, mono.dtype)
    volumes = pathlib.Path(_SAVE_VOLUMES.value) if _SAVE_VOLUMES.value else None

    from colornet.colorizer.colorizer import Colorizer, stored_policy
    from colornet.config import ModelConfig
    from colornet.inference import colorize_outputs, float_pair
    from colornet.weights import load_model

    weights = full_name(_WEIGHTS.value)
    network = load_model(weights, bn_statistics=_BN_STATISTICS.value)
    if volumes and network.has_volumes:
        with writing(volumes):
            volumes.mkdir(parents=True, exist_ok=True)
    mirrored = _MONO_VIEW.value == "left"
    if mirrored:
        mono, reference = mono[:, ::-1], reference[:, ::-1]
    options = {"volumes": bool(volumes), "tiling": parts, "progress": True}
    pair = mono, reference, _MAX_DISPARITY.value
    if _PLAIN.value or not isinstance(network.config, ModelConfig):
        outputs, how = colorize_outputs(network, *pair, **options), ""
        picture = outputs["picture"]
        if isinstance(network.config, ModelConfig):
            d = _MAX_DISPARITY.value or network.config.max_disparity
            how = f"plain: d = {d}"
    else:
        explanation = Colorizer(network, stored_policy(weights)).explain(
            *pair, **options
        )
        outputs, picture = explanation.passes[0], explanation.picture
        how = "; then ".join(
            f"d = {view.max_disparity} at {view.scale:.2g} of the size, weight "
            f"{view.weight:g}"
            for view in explanation.plan.passes
        )
    if volumes:
        is_distribution = network.config.weight_normalization == "softmax"
        views = _of_size(outputs["weights"].shape[1:], *float_pair(mono, reference))
        _write_volumes(volumes, *views, outputs, is_distribution)
        write_page(
            volumes / "volumes.html",
            dict(zip(("mono", "reference"), views, strict=True)),
            outputs,
            is_distribution=is_distribution,
            title=pathlib.Path(_MONO.value).stem,
            facts={"weights": weights, "seen with": how},
        )
    write_picture(
        _OUTPUT.value,
        picture[:, ::-1] if mirrored else picture,
        # Its colours are the reference's, and so is what their numbers mean.
        icc_profile=read_icc_profile(_REFERENCE.value),
    )
    print(f"{picture.shape[1]}x{picture.shape[0]} picture in {_OUTPUT.value}")
    print(f"weights: {weights}")
    if how:
        print(f"seen with {how}")
    if volumes:
        note = " (of the mirrored views)" if mirrored else ""
        print(f"volumes and pictures of them{note} in {volumes}")
        print(f"page of the volumes: {volumes / 'volumes.html'}")


def _of_size(size: tuple[int, int], *views: np.ndarray) -> list[np.ndarray]:
    """The views at the scale at which the network saw them."""
    return [
        view if view.shape[:2] == size else np.clip(resized(view, *size), 0, 1)
        for view in views
    ]


def _write_volumes(
    directory: pathlib.Path,
    mono: np.ndarray,
    reference: np.ndarray,
    outputs: dict[str, np.ndarray],
    is_distribution: bool,
) -> None:
    from colornet.visualize import volumes as draw

    weights = outputs["weights"]
    d, height, _ = weights.shape
    sheets = {
        "weights_slices": draw.volume_slices(weights, log=True),
        "weights_scan_line": draw.scan_line(weights, height // 2, mono, reference),
    }
    if is_distribution:
        disparity, bits = draw.expected_disparity(weights), draw.entropy(weights)
        sheets["weights_disparity"] = draw.disparity_picture(disparity, d)
        sheets["weights_entropy"] = draw.entropy_picture(bits, d)
    if "attention" in outputs:
        sheets["attention_slices"] = draw.volume_slices(outputs["attention"], unit=2)
    for name, sheet in sheets.items():
        write_picture(directory / f"{name}.png", sheet)
    for name in {"weights", "attention"} & outputs.keys():
        with replacing(directory / f"{name}.npy") as file:
            np.save(file, outputs[name].astype(np.float16))


if __name__ == "__main__":
    app.run(main)
