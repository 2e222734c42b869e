"""LiteRT files of the network: their size, time, memory and closeness."""

import pathlib
import tempfile
import warnings

import numpy as np

from colornet.color import rgb_to_chroma, rgb_to_luma
from colornet.config import ModelConfig
from colornet.quiet import import_tensorflow
from experiments.benchmarks.measure import measured, timed
from experiments.benchmarks.startup import write_weights
from tfrecords_tools.sources.embedded import load_motorcycle

_SIZES = {"quick": (64, 96, 32), "full": (320, 480, 64)}
_THREADS = 2
_KERNELS = ("float32", "float16")


def rows(size: str, weights: str | None) -> list[dict]:
    """The network in Keras and in LiteRT on the middle of the Motorcycle pair.

    Args:
        size: of the pair and of d; and of an untrained network if `weights` is None.
        weights: what `colornet.load_model` reads.
    """
    height, width, d = _SIZES[size]
    views = load_motorcycle()
    top = (views.left.shape[0] - height) // 2
    left = (views.left.shape[1] - width) // 2
    middle = slice(top, top + height), slice(left, left + width)
    reference, target = views.left[middle] / 255, views.right[middle] / 255
    inputs = {
        "mono": rgb_to_luma(target)[None].astype(np.float32),
        "reference": reference[None].astype(np.float32),
    }
    truth = rgb_to_chroma(target)
    with tempfile.TemporaryDirectory(prefix="colornet_benchmark_") as folder:
        if weights is None:
            weights = f"{folder}/weights.npz"
            measured(write_weights, ModelConfig(n=4, max_disparity=d), weights)
        files = {kind: f"{folder}/{kind}.tflite" for kind in _KERNELS}
        measured(_write, weights, d, (height, width), files)
        (expected, seconds), peak = measured(_keras, weights, d, inputs)
        row = {"what": "Keras", "MB": "", "s": seconds, "peak MB": peak}
        found = [row | _closeness(expected, expected, truth)]
        for kind, path in files.items():
            (chroma, seconds), peak = measured(_litert, path, inputs)
            megabytes = pathlib.Path(path).stat().st_size / 1e6
            row = {"what": f"LiteRT, {kind}", "MB": megabytes, "s": seconds}
            row["peak MB"] = peak
            found.append(row | _closeness(chroma, expected, truth))
    return found


def _closeness(
    chroma: np.ndarray, expected: np.ndarray, truth: np.ndarray
) -> dict[str, float]:
    from colornet.metrics import chroma_psnr

    difference = float(np.abs(chroma - expected).max())
    return {"PSNR": chroma_psnr(chroma, truth), "largest difference": difference}


def _keras(
    weights: str, d: int, inputs: dict[str, np.ndarray]
) -> tuple[np.ndarray, float]:
    """Chroma and seconds of the network."""
    import_tensorflow()
    from colornet.inference import run
    from colornet.weights import load_model

    network = load_model(weights, max_disparity=d)
    seconds = min(timed(lambda: run(network, inputs), 2))
    return np.asarray(run(network, inputs)["chroma"])[0], seconds


def _write(weights: str, d: int, size: tuple[int, int], files: dict[str, str]):
    """Writes the LiteRT files."""
    import_tensorflow()
    from colornet.export import export_litert
    from colornet.weights import load_model

    network = load_model(weights, max_disparity=d)
    for kind, path in files.items():
        export_litert(network, path, *size, kind)


def _litert(path: str, inputs: dict[str, np.ndarray]) -> tuple[np.ndarray, float]:
    """Chroma and seconds of a LiteRT file."""
    import_tensorflow()
    import tensorflow as tf

    from colornet.export import SIGNATURE

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        interpreter = tf.lite.Interpreter(path, num_threads=_THREADS)
    runner = interpreter.get_signature_runner(SIGNATURE)
    seconds = min(timed(lambda: runner(**inputs), 2))
    return runner(**inputs)["chroma"][0], seconds
