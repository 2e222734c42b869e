"""What tiles cost and spoil (D-32): memory of the network, overlap, whole pictures."""

import dataclasses
import time

import numpy as np

from colornet import tiling
from colornet.config import ModelConfig
from colornet.networks import build_network
from colornet.quiet import import_tensorflow
from colornet.receptive_field import exact_overlap
from colornet.tiling import GRID, Tiling
from experiments.benchmarks.measure import Measured, measured
from tfrecords_tools.sources import Views
from tfrecords_tools.sources.embedded import load_motorcycle
from tfrecords_tools.sources.pairs import Pairs

_WHOLE = Tiling(memory_gb=1e6)
# Rows or columns of a tile that are kept where the effect of an overlap is measured.
_KEPT = 3 * GRID
_LEVELS = 255


@dataclasses.dataclass(frozen=True)
class Size:
    """How much is measured.

    Attributes:
        tiles: height, width, d and n of the tiles whose memory is measured.
        overlaps: overlaps whose effect is measured, in pixels.
        pairs: the first so many stereo pairs for that.
        pictures: height, width, d, n and `memory_gb` of whole pictures.
    """

    tiles: tuple[tuple[int, int, int, int], ...]
    overlaps: tuple[int, ...]
    pairs: int
    pictures: tuple[tuple[int, int, int, int, float], ...]


# For two tiles.
_QUICK_GB = tiling.tile_bytes(96, 384, ModelConfig(n=4, max_disparity=32)) / 1e9
SIZES = {
    "quick": Size(((64, 96, 32, 4),), (32,), 1, ((70, 470, 32, 4, _QUICK_GB),)),
    "full": Size(
        (
            (512, 768, 32, 32),
            (512, 512, 64, 16),
            (256, 512, 64, 32),
            (256, 512, 128, 32),
            (256, 512, 256, 8),
            (128, 512, 256, 32),
        ),
        (96, 128, 160, 192),
        20,
        (
            (1110, 1390, 256, 16, 3.0),
            (3000, 4000, 256, 16, 3.0),
            (3000, 4000, 256, 16, 6.0),
        ),
    ),
}


def measure_tiling(size: Size, weights: str | None, data_dir: str | None) -> list[dict]:
    """Rows of the table.

    Args:
        size: how much.
        weights: what `colornet.load_model` reads; without, no overlap is measured.
        data_dir: folder of stereo pairs (dataset `pairs`); else the Motorcycle pair.
    """
    # First, since weights and pairs may not be what they should.
    overlap = measured(overlap_rows, weights, data_dir, size).value if weights else []
    rows = _memory(size) + overlap
    for height, width, d, n, memory_gb in size.pictures:
        config = ModelConfig(n=n, max_disparity=d)
        result = measured(picture_seconds, height, width, config, memory_gb)
        rows.append(_picture_row(height, width, config, memory_gb, result))
    return rows


def _memory(size: Size) -> list[dict]:
    """Memory of single tiles above that of a process with the smallest one."""
    least = measured(tile_seconds, GRID, 2 * GRID, ModelConfig(n=1, max_disparity=GRID))
    rows = [{"what": "memory, smallest tile", "peak MB": least.peak_bytes / 1e6}]
    for height, width, d, n in size.tiles:
        config = ModelConfig(n=n, max_disparity=d)
        result = measured(tile_seconds, height, width, config)
        tile = result.peak_bytes - least.peak_bytes
        rows.append(
            {
                "what": f"memory, {width}x{height}, d={d}, n={n}",
                "s": result.seconds,
                "peak MB": result.peak_bytes / 1e6,
                "bytes/(n voxel)": tile / (n * d * height * width),
                "of tile_bytes": tile / tiling.tile_bytes(height, width, config),
            }
        )
    return rows


def _random_pair(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    mono = rng.integers(0, 256, (height, width), np.uint8)
    return mono, rng.integers(0, 256, (height, width, 3), np.uint8)


def tile_seconds(height: int, width: int, config: ModelConfig) -> float:
    """Runs an untrained network on a picture as a whole; seconds with tracing."""
    import_tensorflow()
    from colornet.inference import colorize_outputs

    model = build_network(config)
    start = time.perf_counter()
    colorize_outputs(model, *_random_pair(height, width), tiling=_WHOLE)
    return time.perf_counter() - start


def picture_seconds(
    height: int, width: int, config: ModelConfig, memory_gb: float
) -> float:
    """Runs an untrained network on a picture, in tiles; seconds with tracing."""
    import_tensorflow()
    from colornet.inference import colorize_outputs

    model, pair = build_network(config), _random_pair(height, width)
    start = time.perf_counter()
    colorize_outputs(model, *pair, tiling=Tiling(memory_gb), progress=True)
    return time.perf_counter() - start


def _picture_row(
    height: int, width: int, config: ModelConfig, memory_gb: float, result: Measured
) -> dict:
    padded = tiling.padded_size(height, width)
    tiles = tiling.plan_tiles(*padded, config, Tiling(memory_gb))
    rows, columns = (part.stop - part.start for part in tiles[0].output)
    return {
        "what": f"{width}x{height}, d={config.max_disparity}, n={config.n}, "
        f"{memory_gb:g} GB",
        "s": result.seconds,
        "peak MB": result.peak_bytes / 1e6,
        "tiles": len(tiles),
        "tile": f"{columns}x{rows}",
        "work": len(tiles) * rows * columns / (height * width),
        "s/gigavoxel": result.seconds / (1e-9 * height * width * config.max_disparity),
    }


def _pairs(data_dir: str | None, count: int) -> list[Views]:
    if data_dir is None:
        return [load_motorcycle()]
    return [pair.load() for pair in Pairs(data_dir).parts()[0].pairs[:count]]


def overlap_rows(weights: str, data_dir: str | None, size: Size) -> list[dict]:
    """What overlaps change in the result, in 8-bit levels of R, G and B.

    Tiles are as small as can be, so that there are as many cuts as can be.
    """
    import_tensorflow()
    from colornet.color import rgb_to_luma
    from colornet.inference import colorize_outputs
    from colornet.weights import load_model

    model = load_model(weights)
    d = model.config.max_disparity
    differences = {overlap: [] for overlap in size.overlaps}
    for views in _pairs(data_dir, size.pairs):
        mono = rgb_to_luma(views.right / np.float32(_LEVELS))[..., 0]
        pair = np.minimum(mono, 1), views.left
        rows, columns = tiling.padded_size(*mono.shape)
        whole = colorize_outputs(model, *pair, tiling=_WHOLE)["picture"]
        for overlap in size.overlaps:
            kept = 2 * overlap + _KEPT
            for tile in ((rows, kept), (kept, columns)):
                parts = colorize_outputs(
                    model, *pair, tiling=Tiling(overlap=overlap, tile=tile)
                )["picture"]
                differences[overlap].append(
                    _LEVELS * np.abs(parts - whole).max(axis=-1)
                )
    return [
        {
            "what": f"overlap {overlap}, d={d}, n={model.config.n}",
            "pictures": len(values) // 2,
            "max levels": float(max(value.max() for value in values)),
            "99.9 % levels": float(np.max([np.quantile(v, 0.999) for v in values])),
            "pixels > 0.5": sum(int((value > 0.5).sum()) for value in values),
        }
        for overlap, values in differences.items()
    ] + [{"what": f"overlap that is exact: {exact_overlap(model.config)}"}]
