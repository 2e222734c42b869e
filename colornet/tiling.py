"""How a picture is cut into overlapping tiles when memory does not hold it (D-32).

All positions are on the padded picture, whose sides are multiples of 32. Tiles start at
multiples of 32 and all are of one size, so that every strided layer meets the same
pixels as in the whole picture.

A tile knows its pixels less and less towards its own borders: `overlap` of them are cut
off on every side that is no border of the picture. The candidates of its last columns
(Eq. 1) lie right of the tile: the reference is wider by up to d columns than the mono
picture.
"""

import dataclasses
import itertools
import math

from colornet.config import GRID, Config, ModelConfig
from colornet.errors import InputError

# Chosen by measurement: `experiments.benchmark --section=tiling --weights=...` (D-32).
DEFAULT_OVERLAP = 128
DEFAULT_MEMORY_GB = 3.0
# Peak memory of one tile in bytes: for each filter and voxel (height x width x d), each
# voxel, and each filter and pixel; measured by the same command. All that is known of
# what the network costs is in these numbers.
_FILTER_VOXEL_BYTES, _VOXEL_BYTES = 1.4, 2.0
_PIXEL_BYTES = 75.0

Interval = tuple[int, int]


@dataclasses.dataclass(frozen=True)
class Tiling(Config):
    """How large pictures are worked on.

    Attributes:
        memory_gb: memory in 10^9 bytes that the network may take for a tile. A picture
            for which it is enough is worked on as a whole. The program itself, pictures
            and results come on top.
        overlap: pixels next to a cut that are worked on twice, a multiple of 32. From
            `receptive_field.exact_overlap` on, tiles give what the whole picture gives.
        tile: height and width of a tile in pixels, multiples of 32, whatever memory it
            takes; chosen by `memory_gb` if None.

    Raises:
        InputError: a memory of nothing, or sides or an overlap that are no multiples.
    """

    memory_gb: float = DEFAULT_MEMORY_GB
    overlap: int = DEFAULT_OVERLAP
    tile: tuple[int, int] | None = None

    def __post_init__(self):
        super().__post_init__()
        if not self.memory_gb > 0:
            raise InputError(
                f"memory_gb must be more than 0. Received: {self.memory_gb}"
            )
        if self.overlap < 0 or self.overlap % GRID:
            raise InputError(
                f"overlap must be a multiple of {GRID}. Received: {self.overlap}"
            )
        if self.tile and any(side < GRID or side % GRID for side in self.tile):
            raise InputError(
                f"a tile's sides must be positive multiples of {GRID}. "
                f"Received: {self.tile[1]} x {self.tile[0]}"
            )


# Of results that stand beside the paper's: as if no picture were ever cut. The memory
# is enough for tiles with n = 32 and d = 256, or for a whole picture of Scene Flow.
EXACT_TILING = Tiling(memory_gb=8.0, overlap=288)


@dataclasses.dataclass(frozen=True)
class Tile:
    """One tile of a picture, as slices of rows and columns.

    Attributes:
        output: what the network colours, on the padded picture: the mono picture there
            is its input.
        keep: the part of the output that counts, on the padded picture.
        keep_in_tile: the same part within the tile.
        reference: what the network gets of the reference, on the padded picture.
    """

    output: tuple[slice, slice]
    keep: tuple[slice, slice]
    keep_in_tile: tuple[slice, slice]
    reference: tuple[slice, slice]


def padded_size(height: int, width: int) -> tuple[int, int]:
    """Height and width of a picture after `colornet.inference.pad`, px."""
    return height + -height % GRID, width + -width % GRID


def tile_bytes(height: int, width: int, config: ModelConfig) -> float:
    """Peak memory of the network for one tile, in bytes, as measured for float32."""
    voxel = _FILTER_VOXEL_BYTES * config.n + _VOXEL_BYTES
    pixel = voxel * config.max_disparity + _PIXEL_BYTES * config.n
    return pixel * height * width


def fits_in_memory(
    height: int, width: int, config: ModelConfig, tiling: Tiling
) -> bool:
    """Whether a padded picture needs no tiles."""
    if tiling.tile:
        return tiling.tile[0] >= height and tiling.tile[1] >= width
    return tile_bytes(height, width, config) <= tiling.memory_gb * 1e9


def plan_tiles(
    height: int,
    width: int,
    config: ModelConfig,
    tiling: Tiling,
    whole_for: str | None = None,
) -> list[Tile]:
    """The tiles of a picture; a single one if it is worked on as a whole.

    Among the sizes that the memory allows, the one that costs the fewest pixels in all.

    Args:
        height, width: of the padded picture, multiples of 32.
        config: of the network.
        tiling: the budget.
        whole_for: what cannot be had in tiles, if anything. The batch normalization of
            a picture cannot, since its statistics are of the whole.

    Raises:
        InputError: a picture that must be whole is too large; or no tile is possible
            of which anything is left when its overlap is cut off.
    """
    if fits_in_memory(height, width, config, tiling):
        return [Tile(*[(slice(0, height), slice(0, width))] * 4)]
    if config.bn_statistics == "batch":
        whole_for = "bn_statistics='batch'"
    if whole_for:
        raise InputError(
            f"expected a picture that can be worked on as a whole for {whole_for}; "
            "choose more memory_gb, a smaller picture or a smaller max_disparity. "
            f"Received: {_too_large(height, width, config, tiling)}"
        )
    rows, columns = _choose(height, width, config, tiling)
    tiles = []
    for along_rows, along_columns in itertools.product(
        _along(height, rows, tiling.overlap), _along(width, columns, tiling.overlap)
    ):
        shown = along_columns[0]
        candidates = slice(shown.start, min(shown.stop + config.max_disparity, width))
        parts = zip(along_rows, along_columns, strict=True)
        tiles.append(Tile(*parts, reference=(along_rows[0], candidates)))
    return tiles


def _too_large(height: int, width: int, config: ModelConfig, tiling: Tiling) -> str:
    if tiling.tile:
        return f"{width} x {height}, and tiles of {tiling.tile[1]} x {tiling.tile[0]}"
    needs = tile_bytes(height, width, config) / 1e9
    return (
        f"{width} x {height} with max_disparity = {config.max_disparity}, which needs "
        f"{needs:.3g} GB: {needs - tiling.memory_gb:.3g} GB more than memory_gb = "
        f"{tiling.memory_gb:g}"
    )


def _impossible(height, width, config: ModelConfig, tiling: Tiling) -> str:
    side = 2 * tiling.overlap + GRID
    if tiling.tile:
        return (
            f"expected tiles of at least {side} x {side} with overlap = "
            f"{tiling.overlap}. Received: {tiling.tile[1]} x {tiling.tile[0]}"
        )
    least = tile_bytes(min(side, height), min(side, width), config) / 1e9
    least = math.ceil(1000 * least) / 1000  # What is asked for is enough.
    return (
        f"expected memory_gb of at least {least:g} for tiles with n = {config.n}, "
        f"overlap = {tiling.overlap} and max_disparity = {config.max_disparity}; "
        f"choose more of it or less of these. Received: {tiling.memory_gb:g}"
    )


def _choose(
    height: int, width: int, config: ModelConfig, tiling: Tiling
) -> tuple[int, int]:
    if tiling.tile:
        sizes = [tuple(map(min, tiling.tile, (height, width)))]
    else:
        sizes = [
            (rows, columns)
            for rows in range(GRID, height + 1, GRID)
            for columns in range(GRID, width + 1, GRID)
            if tile_bytes(rows, columns, config) <= tiling.memory_gb * 1e9
        ]
    costs = {}
    for rows, columns in sizes:
        count = _count(height, rows, tiling.overlap)
        count *= _count(width, columns, tiling.overlap)
        if count:
            # Of two that cost the same, the one with fewer tiles.
            costs[rows, columns] = (count * rows * columns, count)
    if not costs:
        raise InputError(_impossible(height, width, config, tiling))
    return min(costs, key=costs.__getitem__)


def _count(size: int, tile: int, overlap: int) -> int:
    """Number of tiles along one axis; 0 if there is no way."""
    if tile >= size:
        return 1
    stride = tile - 2 * overlap
    return 0 if stride <= 0 else -(-(size - tile) // stride) + 1


def _along(size: int, tile: int, overlap: int) -> list[tuple[slice, ...]]:
    """Output, keep and keep_in_tile of the tiles along one axis.

    Tiles are spread evenly, so that what the last one has too much is overlap for all;
    two tiles meet in the middle of what both know.
    """
    count = _count(size, tile, overlap)
    if count == 1:
        whole = slice(0, size)
        return [(whole, whole, whole)]
    steps = (size - tile) // GRID
    starts = [GRID * (number * steps // (count - 1)) for number in range(count)]
    cuts = [
        (start + tile + following) // 2
        for start, following in itertools.pairwise(starts)
    ]
    return [
        (
            slice(start, start + tile),
            slice(first, last),
            slice(first - start, last - start),
        )
        for start, first, last in zip(starts, [0, *cuts], [*cuts, size], strict=True)
    ]
