r"""Gives a monochrome picture the colours of a reference picture.

    python -m experiments.colorize --mono=right.png --reference=left.png \
        --output=colour.png

The pictures are rectified views. The monochrome camera is the right one, or with
--mono_view=left the left one. --pair reads both from one MPO or JPS file. The Colorizer
brings the rows, exposures and tones of the cameras together, estimates how far to
search, and chooses the scales at which the network sees the pair. --plain is the
network alone, as in the paper: pictures as they are, one scale, and the d of
--max_disparity or of the weights. Weights of a comparison network
(`experiments.train --method=…`) are always plain.
"""

import dataclasses
import pathlib
import warnings

import numpy as np
from absl import flags

from colornet.color import rgb_to_luma
from colornet.config import BN_STATISTICS
from colornet.errors import InputError
from colornet.io.files import replacing, writing
from colornet.io.limits import Limits
from colornet.io.pairs import (
    matched_size,
    pair_warnings,
    read_pair,
    read_pair_file,
)
from colornet.io.photograph import Photograph
from colornet.io.pictures import check_writable, write_picture
from colornet.pretrained import DEFAULT, full_name
from colornet.progress import say
from colornet.tiling import Tiling
from experiments.methods import networks  # noqa: F401, makes their weights known
from experiments.tiling_flags import tiling_flags
from tfrecords_tools import app
from tfrecords_tools.limit_flags import limit_flags

_MONO = flags.DEFINE_string("mono", None, "The monochrome picture.")
_REFERENCE = flags.DEFINE_string(
    "reference", None, "The colour picture; it is brought to the size of --mono."
)
_PAIR = flags.DEFINE_string(
    "pair", None, "One MPO or JPS file with both, instead of --mono and --reference."
)
_OUTPUT = flags.DEFINE_string(
    "output", None, "Picture to write; .png or .tif for 16 bit.", required=True
)
_WEIGHTS = flags.DEFINE_string(
    "weights", DEFAULT, "A run, a checkpoint, .npz, .keras or pretrained:NAME."
)
_MONO_VIEW = flags.DEFINE_enum(
    "mono_view",
    "right",
    ["right", "left", "auto"],
    "The monochrome camera's view (D-01); auto finds out from the pictures.",
)
_BITS = flags.DEFINE_integer(
    "bits", None, "Bits in use of 16; if unset, judged by the values."
)
_LIMITS = limit_flags()
_ALIGN = flags.DEFINE_bool(
    "align", True, "Move the reference to the rows of the mono picture (D-41)."
)
_MATCH_CAMERAS = flags.DEFINE_bool(
    "match_cameras", True, "Bring exposure and tone of the cameras together (D-42)."
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
_TILING = tiling_flags(Tiling())
_PRECISION = flags.DEFINE_enum(
    "precision",
    "auto",
    ["auto", "float32", "bfloat16"],
    "Of the convolutions; auto is bfloat16 where the processor has it.",
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


def _photographs() -> tuple[Photograph, Photograph]:
    """The mono picture and the reference, whichever flags name them."""
    single = _MONO.value, _REFERENCE.value
    bits = 16 if _PLAIN.value and _BITS.value is None else _BITS.value
    limits = Limits(**app.flag_values(_LIMITS))
    if _PAIR.value and not any(single):
        view = _MONO_VIEW.value
        if view == "auto":
            raise InputError(
                "--pair: expected --mono_view=right or left. Received: auto"
            )
        return read_pair_file(_PAIR.value, view, bits, limits)
    if _PAIR.value or not all(single):
        given = [f"--{flag.name}" for flag in (_PAIR, _MONO, _REFERENCE) if flag.value]
        raise InputError(
            "expected --mono and --reference, or --pair. "
            f"Received: {', '.join(given) or 'none of them'}"
        )
    return read_pair(*single, bits, limits)


def _is_left(mono: np.ndarray, reference: np.ndarray) -> bool:
    """Whether the mono picture is the left view, as told or as the pictures show."""
    if _MONO_VIEW.value != "auto":
        return _MONO_VIEW.value == "left"
    from colornet.colorizer.cameras import are_swapped
    from colornet.inference import float_pair

    return are_swapped(*float_pair(mono, reference))


def main() -> None:
    tiling = Tiling(**app.flag_values(_TILING))
    photographs = _photographs()
    mono = _as_mono(photographs[0].pixels)
    reference = _as_reference(photographs[1].pixels)
    size_note = ""
    if not _PLAIN.value:
        reference, size_note = matched_size(mono, reference)
    check_writable(_OUTPUT.value, mono.dtype)
    volumes = pathlib.Path(_SAVE_VOLUMES.value) if _SAVE_VOLUMES.value else None

    from colornet.colorizer.colorizer import Colorizer, stored_policy
    from colornet.config import ModelConfig
    from colornet.inference import colorize_outputs, float_pair
    from colornet.precision import inference_precision
    from colornet.weights import load_for_inference

    float_pair(mono, reference)  # Raises an error before anything is said.
    notes = [*photographs[0].notes, *photographs[1].notes, size_note]
    for note in [*filter(None, notes), *pair_warnings(mono, reference)]:
        warnings.warn(note, stacklevel=1)
    weights = full_name(_WEIGHTS.value)
    say(f"loading {weights}")
    precision = inference_precision(_PRECISION.value)
    network = load_for_inference(weights, precision, bn_statistics=_BN_STATISTICS.value)
    if volumes and "weights" in network.with_volumes().output:
        with writing(volumes):
            volumes.mkdir(parents=True, exist_ok=True)
    mirrored = _is_left(mono, reference)
    if mirrored:
        mono, reference = mono[:, ::-1], reference[:, ::-1]
    options = {"volumes": bool(volumes), "tiling": tiling, "progress": True}
    pair = mono, reference, _MAX_DISPARITY.value
    say(f"colouring {mono.shape[1]}x{mono.shape[0]} pixels")
    if _PLAIN.value or not isinstance(network.config, ModelConfig):
        outputs, how = colorize_outputs(network, *pair, **options), []
        picture, seen = outputs["picture"], float_pair(mono, reference)
        if isinstance(network.config, ModelConfig):
            d = _MAX_DISPARITY.value or network.config.max_disparity
            how = [f"seen with plain: d = {d}; in {precision}"]
    else:
        policy = stored_policy(weights)
        policy = policy.replace(
            align=_ALIGN.value and policy.align,
            match_cameras=_MATCH_CAMERAS.value and policy.match_cameras,
        )
        found = Colorizer(network, policy).explain(*pair, **options)
        outputs, picture = found.outputs, found.picture
        seen = found.pair.luma, found.pair.rgb
        how = [*found.pair.notes, f"seen with {found.plan}; in {precision}"]
        if found.pair.swapped:
            other = "right" if mirrored else "left"
            warnings.warn(
                "the scene lies further left in the reference: the reference is "
                "shifted, or the views are the wrong way round (try "
                f"--mono_view={other})",
                stacklevel=1,
            )
    if volumes:
        from colornet.visualize.page import write_page
        from colornet.visualize.pictures import scaled_example

        is_distribution = network.config.weight_normalization == "softmax"
        views = dict(zip(("mono", "reference"), seen, strict=True))
        views = scaled_example(views, *outputs["weights"].shape[1:])
        _write_volumes(volumes, *views.values(), outputs, is_distribution)
        write_page(
            volumes / "volumes.html",
            views,
            outputs,
            is_distribution=is_distribution,
            title=pathlib.Path(_MONO.value or _PAIR.value).stem,
            facts={"weights": weights, "d": str(len(outputs["weights"]))},
        )
    write_picture(
        _OUTPUT.value,
        picture[:, ::-1] if mirrored else picture,
        # Its colours are the reference's, and so is what their numbers mean.
        like=dataclasses.replace(photographs[0], profile=photographs[1].profile),
    )
    print(f"{picture.shape[1]}x{picture.shape[0]} picture in {_OUTPUT.value}")
    print(f"weights: {weights}")
    for line in how:
        print(line)
    if volumes:
        note = " (of the mirrored views)" if mirrored else ""
        print(f"volumes and pictures of them{note} in {volumes}")
        print(f"page of the volumes: {volumes / 'volumes.html'}")


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
