"""A page to look into the volumes of a pair: one file, no network. No TensorFlow.

`page.html` is the page without data; it says how the data are read.
"""

import base64
import io
import json
import math
import os
import pathlib
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from colornet.color import output_picture
from colornet.io.files import write_text
from colornet.noise import to_uint8
from colornet.visualize.drawing import colormap
from colornet.visualize.pictures import mono_picture
from colornet.visualize.pixels import choose_pixels
from colornet.visualize.volumes import entropy, expected_disparity, log_levels

_TEMPLATE = pathlib.Path(__file__).with_name("page.html")
_MARK = "<!-- data -->"
# Characters of the volumes and pictures, of the 12 MB of a file.
_MOST_CHARACTERS = 11_500_000
# What a browser is asked to hold of W, a byte each.
_MOST_WEIGHTS = 64_000_000
# A weight is the square of its level over 255. Levels below one of these are left out:
# weights below 0.001, 0.002, 0.005, 0.01 and 0.02.
_LEAST_LEVELS = (8, 11, 18, 25, 36)
_ATTENTION_MOST = 63
_STEPS_PER_PIXEL = 16
_UNKNOWN = 0xFFFF
_JPEG_QUALITY = 90


def write_page(
    path: str | os.PathLike,
    example: Mapping[str, np.ndarray],
    outputs: Mapping[str, np.ndarray],
    *,
    is_distribution: bool,
    title: str,
    facts: Mapping[str, str],
) -> None:
    """Writes a page that shows the candidates of every pixel and their weights.

    The file is smaller than 12 MB: small weights are left out, and large volumes are
    kept at every second or third row and column. The page says how much is lost.

    Args:
        path: of the page.
        example: maps `mono` and `reference`; `chroma` (the truth) and `disparity`
            where they are known; see colornet/data.py.
        outputs: `chroma` and `weights`; `attention` where the network has it; see
            `ColorNet.with_volumes`. No batch axis.
        is_distribution: whether W sums to 1 over k. If not, the page has no expected
            disparity and no entropy.
        title: of the pair.
        facts: what else the page says of the pair and of the network, by name.

    Raises:
        InputError: the page cannot be written.
    """
    data = {"title": title, "facts": dict(facts)}
    data |= _page_data(example, outputs, is_distribution)
    # No text may end the element that holds the data.
    text = json.dumps(data, separators=(",", ":")).replace("</", "<\\/")
    write_text(path, _TEMPLATE.read_text(encoding="utf-8").replace(_MARK, text))


def _page_data(
    example: Mapping[str, np.ndarray],
    outputs: Mapping[str, np.ndarray],
    is_distribution: bool,
) -> dict[str, Any]:
    weights = outputs["weights"]
    data = {
        "size": list(weights.shape),
        "pixels": choose_pixels(example),
        "pictures": _pictures(example, outputs["chroma"]),
        "palette": colormap(np.arange(256), 0, 255).ravel().tolist(),
    }
    scale = float(weights.max())
    data["weight"] = {
        "scale": scale,
        "palette": _log_places(scale).tolist(),
    }
    step = max(1, math.ceil(math.sqrt(weights.size / _MOST_WEIGHTS)))
    while True:
        maps = _maps(example, outputs, is_distribution, step)
        room = _MOST_CHARACTERS - len(json.dumps([data, maps]))
        kept = weights[:, ::step, ::step]
        levels = np.rint(255 * np.sqrt(np.maximum(kept, 0) / scale)).astype(np.uint8)
        for least in _LEAST_LEVELS:
            packed = _packed(np.where(levels < least, 0, levels).astype(np.uint8))
            if len(packed["data"]) > room:
                continue
            lost = np.where(levels < least, kept, 0).sum(axis=0)
            data["weight"] |= {
                "least": (least - 0.5) ** 2 / 255**2 * scale,
                "lost_mean": float(lost.mean()),
                "lost_most": float(lost.max()),
            }
            return data | {"step": step, "maps": maps | {"weights": packed}}
        step += 1


def _pictures(example: Mapping[str, np.ndarray], chroma: np.ndarray) -> dict[str, str]:
    mono = example["mono"]
    pictures = {
        "mono": mono_picture(mono),
        "reference": to_uint8(example["reference"]),
        "result": to_uint8(output_picture(mono, chroma)),
    }
    if "chroma" in example:
        pictures["truth"] = to_uint8(output_picture(mono, example["chroma"]))
    return {name: _jpeg(picture) for name, picture in pictures.items()}


def _jpeg(picture: np.ndarray) -> str:
    file = io.BytesIO()
    image = Image.fromarray(picture)
    image.save(file, format="JPEG", quality=_JPEG_QUALITY, subsampling=0)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()


def _log_places(scale: float) -> np.ndarray:
    """Where on the scale of colours (256) the weights of all 256 levels lie."""
    weights = scale * (np.arange(256) / 255) ** 2
    return np.rint(255 * log_levels(weights)).clip(0, 255).astype(int)


def _maps(
    example: Mapping[str, np.ndarray],
    outputs: Mapping[str, np.ndarray],
    is_distribution: bool,
    step: int,
) -> dict[str, dict[str, Any]]:
    """All maps but W, at every `step`-th row and column of their own."""
    maps = {}
    if "attention" in outputs:
        attention = outputs["attention"][:, ::step, ::step]
        low = float(attention.min())
        high = max(float(attention.max()), low + 1e-3)
        levels = np.rint(_ATTENTION_MOST * (attention - low) / (high - low))
        # The candidates of a pixel side by side, which differ little, pack better.
        levels = levels.transpose(1, 2, 0).astype(np.uint8)
        scale = {"low": low, "high": high, "most": _ATTENTION_MOST}
        maps["attention"] = _packed(levels) | scale
    if is_distribution:
        weights = outputs["weights"][:, ::step, ::step]
        most = math.log2(len(weights))
        levels = np.rint(255 / most * entropy(weights)).astype(np.uint8)
        maps["entropy"] = _packed(levels) | {"unit": most / 255}
        maps["disparity"] = _packed_disparity(expected_disparity(weights))
    if "disparity" in example and (example["disparity"] >= 0).any():
        maps["truth"] = _packed_disparity(example["disparity"][::step, ::step])
    return maps


def _packed_disparity(disparity: np.ndarray) -> dict[str, Any]:
    steps = np.clip(np.rint(_STEPS_PER_PIXEL * disparity), 0, _UNKNOWN - 1)
    steps = np.where(disparity < 0, _UNKNOWN, steps)
    return _packed(steps.astype("<u2")) | {"unit": 1 / _STEPS_PER_PIXEL}


def _packed(levels: np.ndarray) -> dict[str, Any]:
    packed = zlib.compress(np.ascontiguousarray(levels))
    return {
        "data": base64.b64encode(packed).decode(),
        "shape": list(levels.shape),
        "bytes": levels.itemsize,
    }
