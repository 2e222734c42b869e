"""What tiles cost and spoil (D-32): memory of the network, overlap, whole pictures."""

import time

import numpy as np

from colornet import tiling
from colornet.config import GRID, ModelConfig
from colornet.quiet import import_tensorflow
from colornet.tiling import Tiling
from experiments.benchmarks.measure import measured
from tfrecords_tools.sources.embedded import load_motorcycle
from tfrecords_tools.sources.pairs import Pairs

_WHOLE = Tiling(memory_gb=1e6)
# Rows or columns of a tile that are kept where the effect of an overlap is measured.
_KEPT = 3 * GRID
# Height, width, d and n of tiles whose memory is measured.
_TILES = {
    "quick": ((64, 96, 32, 4),),
    "full": (
        (512, 768, 32, 32),
        (512, 512, 64, 16),
        (256, 512, 64, 32),
        (256, 512, 128, 32),
        (256, 512, 256, 8),
        (128, 512, 256, 32),
    ),
}
# Overlaps whose effect is measured, in pixels, and on how many stereo pairs.
_OVERLAPS = {"quick": ((32,), 1), "full": ((96, 128, 160, 192), 20)}
# Height, width, d, n and `memory_gb` of whole pictures; of the quick one for two tiles.
_QUICK_GB = tiling.tile_bytes(96, 384, ModelConfig(n=4, max_disparity=32)) / 1e9
_PICTURES = {
    "quick": ((70, 470, 32, 4, _QUICK_GB),),
    "full": (
        (1110, 1390, 256, 16, 3.0),
        (3000, 4000, 256, 16, 3.0),
        (3000, 4000, 256, 16, 6.0),
    ),
}


def rows(size: str, weights: str | None, data_dir: str | None) -> list[dict]:
    """Memory of single tiles, what an overlap changes, and whole pictures.

    Args:
        size: how much.
        weights: what `colornet.load_model` reads; without, no overlap is measured.
        data_dir: folder of stereo pairs (dataset `pairs`); else the Motorcycle pair.
    """
    # First, since weights and pairs may not be what they should.
    overlaps = []
    if weights:
        overlaps, _ = measured(overlap_rows, weights, data_dir, *_OVERLAPS[size])
    smallest = ModelConfig(n=1, max_disparity=GRID)
    _, least = measured(picture_seconds, GRID, 2 * GRID, smallest, _WHOLE)
    table = [{"what": "memory, smallest tile", "peak MB": least}]
    for height, width, d, n in _TILES[size]:
        config = ModelConfig(n=n, max_disparity=d)
        seconds, peak = measured(picture_seconds, height, width, config, _WHOLE)
        # Above that of a process with the smallest tile.
        tile = (peak - least) * 1e6
        table.append(
            {
                "what": f"memory, {width}x{height}, d={d}, n={n}",
                "s": seconds,
                "peak MB": peak,
                "bytes/(n voxel)": tile / (n * d * height * width),
                "of tile_bytes": tile / tiling.tile_bytes(height, width, config),
            }
        )
    table += overlaps
    for height, width, d, n, memory_gb in _PICTURES[size]:
        config, of_picture = ModelConfig(n=n, max_disparity=d), Tiling(memory_gb)
        padded = tiling.padded_size(height, width)
        tiles = tiling.plan_tiles(*padded, config, of_picture)
        down, right = (part.stop - part.start for part in tiles[0].output)
        seconds, peak = measured(picture_seconds, height, width, config, of_picture)
        table.append(
            {
                "what": f"{width}x{height}, d={d}, n={n}, {memory_gb:g} GB",
                "s": seconds,
                "peak MB": peak,
                "tiles": len(tiles),
                "tile": f"{right}x{down}",
                "work": len(tiles) * down * right / (height * width),
                "s/gigavoxel": seconds / (1e-9 * height * width * d),
            }
        )
    return table


def picture_seconds(
    height: int, width: int, config: ModelConfig, of_picture: Tiling
) -> float:
    """Runs an untrained network on a picture of noise; seconds with tracing."""
    import_tensorflow()
    from colornet.inference import colorize_outputs
    from colornet.networks import build_network

    rng = np.random.default_rng(0)
    mono = rng.integers(0, 256, (height, width), np.uint8)
    reference = rng.integers(0, 256, (height, width, 3), np.uint8)
    model = build_network(config)
    start = time.perf_counter()
    colorize_outputs(model, mono, reference, tiling=of_picture)
    return time.perf_counter() - start


def overlap_rows(
    weights: str, data_dir: str | None, overlaps: tuple[int, ...], count: int
) -> list[dict]:
    """What overlaps change in the result, in 8-bit levels of R, G and B.

    Tiles are as small as can be, so that there are as many cuts as can be.
    """
    import_tensorflow()
    from colornet.color import rgb_to_luma
    from colornet.inference import colorize_outputs
    from colornet.receptive_field import exact_overlap
    from colornet.weights import load_model

    model = load_model(weights)
    config = model.config
    pairs = [load_motorcycle()]
    if data_dir is not None:
        pairs = [pair.load() for pair in Pairs(data_dir).parts()[0].pairs[:count]]
    differences = {overlap: [] for overlap in overlaps}
    for views in pairs:
        mono = rgb_to_luma(views.right / np.float32(255))[..., 0]
        pair = np.minimum(mono, 1), views.left
        height, width = tiling.padded_size(*mono.shape)
        whole = colorize_outputs(model, *pair, tiling=_WHOLE)["picture"]
        for overlap in overlaps:
            kept = 2 * overlap + _KEPT
            for tile in ((height, kept), (kept, width)):
                cut = Tiling(overlap=overlap, tile=tile)
                parts = colorize_outputs(model, *pair, tiling=cut)["picture"]
                difference = 255 * np.abs(parts - whole).max(axis=-1)
                differences[overlap].append(difference)
    return [
        {
            "what": f"overlap {overlap}, d={config.max_disparity}, n={config.n}",
            "pictures": len(pairs),
            "max levels": float(max(value.max() for value in values)),
            "99.9 % levels": float(max(np.quantile(v, 0.999) for v in values)),
            "pixels > 0.5": sum(int((value > 0.5).sum()) for value in values),
        }
        for overlap, values in differences.items()
    ] + [{"what": f"overlap that is exact: {exact_overlap(config)}"}]
