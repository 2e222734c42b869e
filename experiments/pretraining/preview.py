"""Shows what the pretraining learns from, and what making it costs.

    python -m experiments.pretraining.preview --output=scenes.png --height=128

Prints the CPU milliseconds of an example on one process, the share of the mono pixels
that the reference shows, and the mean gradients of luma and chroma of the targets,
beside those of photographs (--photographs='PAIRS/middlebury2014/*/right.png'). The
picture has a row of mono view, reference, target and disparity for each of the last
examples. The brighter the nearer; black is what the reference does not show.
"""

import glob
import time
from collections.abc import Iterable

import numpy as np
from absl import flags
from PIL import Image

from colornet.color import rgb_to_chroma, rgb_to_luma
from colornet.errors import InputError
from colornet.io.files import replacing
from colornet.io.pictures import read_picture, to_float
from experiments.pretraining.examples import (
    DISPARITY_STEPS,
    SCENES,
    ExampleMaker,
    StreamConfig,
)
from tfrecords_tools import app

_DEFAULTS = StreamConfig()
_TEXTURES = flags.DEFINE_string("textures", _DEFAULTS.textures, "skimage, or a folder.")
_HEIGHT = flags.DEFINE_integer("height", _DEFAULTS.height, "Of a crop, px.")
_WIDTH = flags.DEFINE_integer("width", _DEFAULTS.width, "Of a crop, px.")
_MAX_DISPARITY = flags.DEFINE_integer(
    "max_disparity", _DEFAULTS.max_disparity, "Of the network, px."
)
_SUPERSAMPLE = flags.DEFINE_integer(
    "supersample", _DEFAULTS.supersample, "Samples along each axis of a pixel."
)
_SCENES = flags.DEFINE_enum(
    "scenes", _DEFAULTS.scenes, list(SCENES), "What the scenes are made of."
)
_EXAMPLES = flags.DEFINE_integer("examples", 64, "How many to make.")
_SHOWN = flags.DEFINE_integer("shown", 12, "How many of them are in the picture.")
_SEED = flags.DEFINE_integer("seed", 0, "Of the stream.")
_PHOTOGRAPHS = flags.DEFINE_string(
    "photographs", None, "Pattern of picture files to compare the examples with."
)
_OUTPUT = flags.DEFINE_string("output", None, "PNG file to write.")
# Examples in which the stream has yet to render more scenes than later on.
_WARM_UP = 96


def main() -> None:
    if min(_EXAMPLES.value, _SHOWN.value) < 1:
        raise InputError(
            "expected at least 1 example. "
            f"Received: {min(_EXAMPLES.value, _SHOWN.value)}"
        )
    config = StreamConfig(
        textures=_TEXTURES.value,
        height=_HEIGHT.value,
        width=_WIDTH.value,
        max_disparity=_MAX_DISPARITY.value,
        scenes=_SCENES.value,
        supersample=_SUPERSAMPLE.value,
        seed=_SEED.value,
    )
    paths = glob.glob(_PHOTOGRAPHS.value or "")
    if _PHOTOGRAPHS.value and not paths:
        raise InputError(f"expected picture files. Received: {_PHOTOGRAPHS.value}")
    make = ExampleMaker(config)
    for index in range(_WARM_UP):
        make(index)
    start = time.process_time()
    examples = [make(_WARM_UP + number) for number in range(_EXAMPLES.value)]
    milliseconds = 1e3 * (time.process_time() - start) / _EXAMPLES.value
    print(f"{milliseconds:.1f} ms of CPU an example")
    visible = np.mean([example["disparity"] > 0 for example in examples])
    print(f"the reference shows {100 * visible:.0f} % of the mono pixels")
    _print_detail("targets", (example["target"] for example in examples))
    if paths:
        _print_detail("photographs", map(_photograph, paths))
    if _OUTPUT.value:
        last = examples[-_SHOWN.value :]
        rows = [np.concatenate(_pictures(e, config), axis=1) for e in last]
        sheet = Image.fromarray(np.concatenate(rows))
        with replacing(_OUTPUT.value) as file:
            sheet.save(file, "PNG")


def _photograph(path: str) -> np.ndarray:
    picture = read_picture(path)
    if picture.ndim != 3:
        raise InputError(f"expected a colour picture. Received: {path}, a grey one")
    return picture


def _gradient(values: np.ndarray) -> float:
    """Mean absolute difference of neighbours along x and y, in 8-bit levels."""
    return 255 * np.mean([np.abs(np.diff(values, axis=a)).mean() for a in (0, 1)])


def _print_detail(name: str, pictures: Iterable[np.ndarray]) -> None:
    gradients = [
        [_gradient(rgb_to_luma(rgb)), _gradient(rgb_to_chroma(rgb))]
        for rgb in map(to_float, pictures)
    ]
    y, chroma = np.mean(gradients, axis=0)
    print(
        f"{name}: gradients of luma {y:.1f} and of chroma {chroma:.1f} levels a pixel"
    )


def _pictures(example: dict[str, np.ndarray], config: StreamConfig) -> list[np.ndarray]:
    brightest = config.max_disparity * DISPARITY_STEPS
    disparity = (255 * (example["disparity"] / brightest)).astype(np.uint8)
    pictures = [*(example[name] for name in ("mono", "reference", "target")), disparity]
    return [np.broadcast_to(p, (*p.shape[:2], 3)) for p in pictures]


if __name__ == "__main__":
    app.run(main)
