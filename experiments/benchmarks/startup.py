"""Where the time of `experiments.colorize` goes before and after the first pixel."""

import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
from PIL import Image

from colornet.color import rgb_to_luma
from colornet.config import ModelConfig
from colornet.errors import InputError
from colornet.networks import build_network
from colornet.quiet import import_tensorflow
from experiments.benchmarks.measure import measured
from tfrecords_tools.sources.embedded import load_motorcycle

SIZES = {
    "quick": ModelConfig(n=4, max_disparity=32),
    "full": ModelConfig(max_disparity=96),
}
# What colorization has no use for, and what takes long to import.
_UNUSED = ("tensorboard", "tensorflow_datasets", "apache_beam", "skimage", "matplotlib")


def measure_startup(config: ModelConfig, weights: str | None) -> list[dict]:
    """Rows of the table: the program on the Motorcycle pair, and its parts.

    Args:
        config: of the untrained network that is colorized with if `weights` is None.
        weights: what `colornet.load_model` reads.

    Raises:
        InputError: the program ends with an error.
    """
    with tempfile.TemporaryDirectory(prefix="colornet_benchmark_") as name:
        folder = pathlib.Path(name)
        views = load_motorcycle()
        mono = np.rint(rgb_to_luma(views.right.astype(np.float64))[..., 0])
        Image.fromarray(mono.astype(np.uint8)).save(folder / "mono.png")
        Image.fromarray(views.left).save(folder / "reference.png")
        if weights is None:
            weights = str(folder / "weights.npz")
            measured(write_weights, config, weights)
        # The second time the files are in the system's cache, as they will be.
        for _ in range(2):
            seconds = _program(folder, weights)
        parts = measured(laps, str(folder), weights)
    rows = [{"what": "python -m experiments.colorize", "s": seconds}]
    rows += [{"what": f"  {part}", "s": value} for part, value in parts.value.items()]
    return [*rows, {"what": "  peak MB", "s": parts.peak_bytes / 1e6}]


def write_weights(config: ModelConfig, path: str) -> None:
    """Writes untrained weights."""
    import_tensorflow()
    from colornet.weights import save_weights

    save_weights(build_network(config), path)


def _program(folder: pathlib.Path, weights: str) -> float:
    """Wall time of the whole program, in seconds."""
    command = [sys.executable, "-m", "experiments.colorize", f"--weights={weights}"]
    for name in ("mono", "reference", "output"):
        command.append(f"--{name}={folder / name}.png")
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise InputError(f"expected a picture. Received: {done.stderr.strip()}")
    return time.perf_counter() - start


def laps(folder: str, weights: str) -> dict[str, float]:
    """Seconds of the program's steps, by what they are."""
    steps, last = {}, time.perf_counter()

    def lap(name: str) -> None:
        nonlocal last
        now = time.perf_counter()
        steps[name], last = now - last, now

    import_tensorflow()
    lap("import TensorFlow and Keras")
    from colornet.colorizer import Colorizer
    from colornet.io.pictures import read_picture, write_picture
    from colornet.weights import load_model

    unused = [name for name in _UNUSED if name in sys.modules]
    lap("import colornet" + (f", with {', '.join(unused)}" if unused else ""))
    colorizer = Colorizer(load_model(weights))
    lap("build the network, load the weights")
    mono, reference = (
        read_picture(pathlib.Path(folder) / f"{name}.png")
        for name in ("mono", "reference")
    )
    lap("read the pictures")
    picture = colorizer(mono, reference)
    lap("colorize, which traces the graphs")
    colorizer(mono, reference)
    lap("colorize again, which the program does not")
    write_picture(pathlib.Path(folder) / "output.png", picture)
    lap("write the picture")
    return steps
