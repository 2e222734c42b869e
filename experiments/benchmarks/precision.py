"""What bfloat16 gains and loses against float32 when a pair is colourized."""

import numpy as np
from PIL import Image

from colornet.color import rgb_to_chroma, rgb_to_luma
from colornet.config import ModelConfig
from colornet.metrics import chroma_psnr
from colornet.precision import imitates_bfloat16
from colornet.quiet import import_tensorflow
from experiments.benchmarks.measure import measured, timed
from tfrecords_tools.sources.embedded import load_motorcycle

# By how many times the pair is reduced, timed calls, and an untrained network.
_SIZES = {
    "quick": (8, 1, ModelConfig(n=4, max_disparity=32)),
    "full": (1, 3, ModelConfig(max_disparity=96)),
}


def rows(size: str, weights: str | None) -> list[dict]:
    """The Colorizer on the Motorcycle pair, in both precisions.

    Args:
        size: of the pair; and of an untrained network if `weights` is None.
        weights: what `colornet.load_model` reads.
    """
    reduction, repeats, config = _SIZES[size]
    reference, target = (
        np.asarray(Image.fromarray(view).reduce(reduction), np.float32) / 255
        for view in (load_motorcycle().left, load_motorcycle().right)
    )
    pair, truth = (rgb_to_luma(target)[..., 0], reference), rgb_to_chroma(target)
    table, expected = [], None
    for precision in ("float32", "bfloat16"):
        (chroma, seconds), peak = measured(
            _colorized, weights, config, pair, precision, repeats
        )
        expected = chroma if expected is None else expected
        levels = 255 * np.abs(chroma - expected)
        imitated = precision == "bfloat16" and imitates_bfloat16()
        table.append(
            {
                "what": precision + (", imitated here" if imitated else ""),
                "s": seconds,
                "peak MB": peak,
                "PSNR": chroma_psnr(chroma, truth),
                "mean levels": float(levels.mean()),
                "max levels": float(levels.max()),
            }
        )
    return table


def _colorized(
    weights: str | None,
    config: ModelConfig,
    pair: tuple[np.ndarray, np.ndarray],
    precision: str,
    repeats: int,
) -> tuple[np.ndarray, float]:
    """Chroma, and the fewest seconds of a call after the first one."""
    import_tensorflow()
    from colornet.colorizer.colorizer import Colorizer
    from colornet.networks import build_network
    from colornet.weights import load_model

    network = load_model(weights) if weights else build_network(config)
    colorizer = Colorizer(network, precision=precision)
    seconds = min(timed(lambda: colorizer(*pair), repeats))
    return colorizer.explain(*pair).chroma, seconds
