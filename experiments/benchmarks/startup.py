"""Where the time of `experiments.colorize` goes before and after the first pixel."""

import pathlib
import resource
import subprocess
import sys
import tempfile
import time

import numpy as np
from PIL import Image

from colornet.color import rgb_to_luma
from colornet.config import ModelConfig
from colornet.errors import InputError
from colornet.quiet import import_tensorflow
from experiments.benchmarks.measure import measured
from tfrecords_tools.sources.embedded import load_motorcycle

_SIZES = {
    "quick": ModelConfig(n=4, max_disparity=32),
    "full": ModelConfig(max_disparity=96),
}
# What colorization has no use for, and what takes long to import.
_UNUSED = ("tensorboard", "tensorflow_datasets", "apache_beam", "skimage", "matplotlib")


def rows(size: str, weights: str | None) -> list[dict]:
    """The program on the Motorcycle pair, and its parts.

    Args:
        size: of the untrained network that is colorized with if `weights` is None.
        weights: what `colornet.load_model` reads.

    Raises:
        InputError: the program ends with an error.
    """
    with tempfile.TemporaryDirectory(prefix="colornet_benchmark_") as folder:
        views = load_motorcycle()
        mono = np.rint(rgb_to_luma(views.right.astype(np.float64))[..., 0])
        Image.fromarray(mono.astype(np.uint8)).save(f"{folder}/mono.png")
        Image.fromarray(views.left).save(f"{folder}/reference.png")
        if weights is None:
            weights = f"{folder}/weights.npz"
            measured(write_weights, _SIZES[size], weights)
        command = [sys.executable, "-m", "experiments.colorize"]
        command += [f"--{n}={folder}/{n}.png" for n in ("mono", "reference", "output")]
        command.append(f"--weights={weights}")
        # The second time the files are in the system's cache, as they will be.
        for _ in range(2):
            start = _now(resource.RUSAGE_CHILDREN)
            done = subprocess.run(command, capture_output=True, text=True)
            whole = _now(resource.RUSAGE_CHILDREN) - start
            if done.returncode:
                raise InputError(f"expected a picture. Received: {done.stderr.strip()}")
        parts, peak = measured(laps, folder, weights)
    named = {"python -m experiments.colorize": whole}
    named |= {f"  {name}": value for name, value in parts.items()}
    table = [
        {"what": name, "s": float(wall), "CPU s": float(cpu)}
        for name, (wall, cpu) in named.items()
    ]
    return [*table, {"what": "  peak MB", "s": peak}]


def _now(who: int) -> np.ndarray:
    """Seconds on the clock, and of the processor: the latter hardly depend on others.

    Args:
        who: `resource.RUSAGE_SELF`, or `RUSAGE_CHILDREN` for ended processes.
    """
    used = resource.getrusage(who)
    return np.array([time.perf_counter(), used.ru_utime + used.ru_stime])


def write_weights(config: ModelConfig, path: str) -> None:
    """Writes untrained weights."""
    import_tensorflow()
    from colornet.networks import build_network
    from colornet.weights import save_weights

    save_weights(build_network(config), path)


def laps(folder: str, weights: str) -> dict[str, np.ndarray]:
    """Seconds, and CPU seconds, of the program's steps, by what they are."""
    steps, last = {}, _now(resource.RUSAGE_SELF)

    def lap(name: str) -> None:
        nonlocal last
        now = _now(resource.RUSAGE_SELF)
        steps[name], last = now - last, now

    import_tensorflow()
    lap("import TensorFlow and Keras")
    from colornet.colorizer.colorizer import Colorizer, stored_policy
    from colornet.io.pictures import read_picture, write_picture
    from colornet.weights import load_for_inference

    unused = [name for name in _UNUSED if name in sys.modules]
    lap("import colornet" + (f", with {', '.join(unused)}" if unused else ""))
    colorizer = Colorizer(load_for_inference(weights), stored_policy(weights))
    lap("build the network's form for inference, load the weights")
    names = "mono", "reference"
    pair = [read_picture(pathlib.Path(folder) / f"{name}.png") for name in names]
    lap("read the pictures")
    picture = colorizer(*pair)
    lap("colorize, which traces the graph")
    colorizer(*pair)
    lap("colorize again, which the program does not")
    write_picture(pathlib.Path(folder) / "output.png", picture)
    lap("write the picture")
    return steps
