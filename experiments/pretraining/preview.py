r"""Shows what the pretraining learns from, beside photographs.

    python -m experiments.pretraining.preview --output=scenes.png --height=128 \
        --photographs='PAIRS/middlebury2014/*/right.png'

Prints the CPU milliseconds of an example on one process, the share of the mono pixels
that the reference shows, and the mean gradients of luma and chroma of the targets and
of the photographs. The picture has a row of mono view, reference, target and disparity
for each of the last 12 examples; nearer is brighter, and grey is what the reference
does not show.
"""

import glob
import time

import numpy as np
from absl import flags

from colornet.color import rgb_to_chroma, rgb_to_luma
from colornet.io.pictures import read_picture, to_float, write_picture
from experiments.pretraining.examples import ExampleMaker, StreamConfig
from tfrecords_tools import app
from tfrecords_tools.contact_sheet import contact_sheet
from tfrecords_tools.records import Record

_TEXTURES = flags.DEFINE_string("textures", "skimage", "skimage, or a folder.")
_HEIGHT = flags.DEFINE_integer("height", 160, "Of a crop, px.")
_WIDTH = flags.DEFINE_integer("width", 384, "Of a crop, px.")
_MAX_DISPARITY = flags.DEFINE_integer("max_disparity", 96, "Of the network, px.")
_EXAMPLES = flags.DEFINE_integer("examples", 64, "How many to make.", lower_bound=1)
_PHOTOGRAPHS = flags.DEFINE_string("photographs", "", "Pattern of picture files.")
_OUTPUT = flags.DEFINE_string("output", None, "PNG file to write.")
# Examples in which the stream has yet to render more scenes than later on.
_WARM_UP = 96


def _detail(pictures: list[np.ndarray]) -> str:
    """Mean absolute differences of neighbours along x and y, in 8-bit levels."""

    def gradient(maps: list[np.ndarray]) -> float:
        steps = [np.abs(np.diff(m, axis=a)).mean() for m in maps for a in (0, 1)]
        return 255 * np.mean(steps)

    rgb = [to_float(picture) for picture in pictures]
    luma, chroma = (gradient(list(map(f, rgb))) for f in (rgb_to_luma, rgb_to_chroma))
    return f"gradients of luma {luma:.1f} and of chroma {chroma:.1f} levels a pixel"


def main() -> None:
    config = StreamConfig(
        textures=_TEXTURES.value,
        height=_HEIGHT.value,
        width=_WIDTH.value,
        max_disparity=_MAX_DISPARITY.value,
    )
    make = ExampleMaker(config)
    for index in range(_WARM_UP):
        make(index)
    start = time.process_time()
    examples = [make(_WARM_UP + number) for number in range(_EXAMPLES.value)]
    milliseconds = 1e3 * (time.process_time() - start) / _EXAMPLES.value
    visible = np.mean([example["disparity"] > 0 for example in examples])
    print(f"{milliseconds:.1f} ms of CPU an example")
    print(f"the reference shows {100 * visible:.0f} % of the mono pixels")
    print(f"targets: {_detail([example['target'] for example in examples])}")
    if paths := glob.glob(_PHOTOGRAPHS.value):
        print(f"photographs: {_detail([read_picture(path) for path in paths])}")
    if _OUTPUT.value:
        last = list(enumerate(examples, start=_WARM_UP))[-12:]
        records = [(f"example {n}", Record(**example)) for n, example in last]
        write_picture(_OUTPUT.value, contact_sheet(records))


if __name__ == "__main__":
    app.run(main)
