"""How a picture is cut into overlapping tiles when memory does not hold it (D-32).

All positions are on the padded picture, whose sides are multiples of 32. Tiles start at
multiples of 32 and all are of one size, so that every strided layer meets the same
pixels as in the whole picture, and the network is compiled once.

A tile knows its pixels less and less towards its own borders. `overlap` of them are cut
off on every side that is no border of the picture, and on the right d more, since the
last columns of a tile lack the candidates that lie beyond it (Eq. 1).
"""

import dataclasses
import itertools

from colornet.config import ModelConfig
from colornet.errors import InputError

GRID = 32
# Chosen by measurement: `experiments.benchmark --section=tiling --weights=...` (D-32).
DEFAULT_OVERLAP = 128
DEFAULT_MEMORY_GB = 3.0
# Peak memory of one tile in bytes for each filter and voxel (height x width x d), and
# for each filter and pixel; measured by the same command. All that is known of what the
# network costs is in these two numbers.
_VOXEL_BYTES = 4.2
_PIXEL_BYTES = 20.0

Interval = tuple[int, int]


@dataclasses.dataclass(frozen=True)
class Tiling:
    """How large pictures are worked on.

    Attributes:
        memory_gb: memory in 10^9 bytes that the network may take for a tile. A picture
            for which it is enough is worked on as a whole. The program itself, pictures
            and results come on top.
        overlap: pixels next to a cut that are worked on twice, a multiple of 32. From
            `receptive_field.exact_overlap` on, tiles give what the whole picture gives.
        tile: height and width of a tile in pixels, multiples of 32, whatever memory it
            takes; chosen by `memory_gb` if None.
    """

    memory_gb: float = DEFAULT_MEMORY_GB
    overlap: int = DEFAULT_OVERLAP
    tile: tuple[int, int] | None = None

    def __post_init__(self):
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
                f"Received: {self.tile[0]} x {self.tile[1]}"
            )


@dataclasses.dataclass(frozen=True)
class Tile:
    """One tile of a picture, as slices of rows and columns.

    Attributes:
        area: what the network gets, on the padded picture.
        kept: the part of the result that counts, on the padded picture.
        inner: the same part within the tile.
    """

    area: tuple[slice, slice]
    kept: tuple[slice, slice]
    inner: tuple[slice, slice]


def tile_bytes(height: int, width: int, config: ModelConfig) -> float:
    """Peak memory of the network for one tile, in bytes, as measured for float32."""
    voxels = _VOXEL_BYTES * config.max_disparity + _PIXEL_BYTES
    return voxels * config.n * height * width


def plan(
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
    if tiling.tile:
        whole = tiling.tile[0] >= height and tiling.tile[1] >= width
    else:
        whole = tile_bytes(height, width, config) <= tiling.memory_gb * 1e9
    if whole:
        everything = (slice(0, height), slice(0, width))
        return [Tile(everything, everything, everything)]
    if config.bn_statistics == "batch":
        whole_for = "bn_statistics='batch'"
    if whole_for:
        raise InputError(
            f"expected a picture that can be worked on as a whole for {whole_for}; "
            "choose more memory_gb, a smaller picture or a smaller max_disparity. "
            f"Received: {_too_large(height, width, config, tiling)}"
        )
    margins = _margins(config, tiling.overlap)
    rows, columns = _choose(height, width, margins, config, tiling)
    return [
        Tile(*zip(*pair, strict=True))
        for pair in itertools.product(
            _along(height, rows, *margins[0]), _along(width, columns, *margins[1])
        )
    ]


def _too_large(height: int, width: int, config: ModelConfig, tiling: Tiling) -> str:
    if tiling.tile:
        return f"{width} x {height}, and tiles of {tiling.tile[1]} x {tiling.tile[0]}"
    needs = tile_bytes(height, width, config) / 1e9
    return (
        f"{width} x {height} with max_disparity = {config.max_disparity}, which needs "
        f"{needs:.3g} GB, and memory_gb = {tiling.memory_gb:g}"
    )


def _impossible(height, width, margins, config: ModelConfig, tiling: Tiling) -> str:
    rows, columns = (sum(margin) + GRID for margin in margins)
    if tiling.tile:
        return (
            f"expected tiles of at least {columns} x {rows} with overlap = "
            f"{tiling.overlap} and max_disparity = {config.max_disparity}. "
            f"Received: {tiling.tile[1]} x {tiling.tile[0]}"
        )
    least = tile_bytes(min(rows, height), min(columns, width), config) / 1e9
    return (
        f"expected memory_gb of at least {least:.2g} for tiles with n = {config.n}, "
        f"overlap = {tiling.overlap} and max_disparity = {config.max_disparity}; "
        f"choose more of it or less of these. Received: {tiling.memory_gb:g}"
    )


def _margins(config: ModelConfig, overlap: int) -> tuple[Interval, Interval]:
    """What is cut off a tile: (top, bottom) and (left, right)."""
    return (overlap, overlap), (overlap, overlap + config.max_disparity)


def _choose(
    height: int,
    width: int,
    margins: tuple[Interval, Interval],
    config: ModelConfig,
    tiling: Tiling,
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
        count = _count(height, rows, *margins[0]) * _count(width, columns, *margins[1])
        if count:
            # Of two that cost the same, the one with fewer tiles.
            costs[rows, columns] = (count * rows * columns, count)
    if not costs:
        raise InputError(_impossible(height, width, margins, config, tiling))
    return min(costs, key=costs.__getitem__)


def _count(size: int, tile: int, before: int, after: int) -> int:
    """Number of tiles along one axis; 0 if there is no way."""
    if tile >= size:
        return 1
    stride = tile - before - after
    return 0 if stride <= 0 else -(-(size - tile) // stride) + 1


def _along(size: int, tile: int, before: int, after: int) -> list[tuple[slice, ...]]:
    """Area, kept and inner part of the tiles along one axis.

    Tiles are spread evenly, so that what the last one has too much is overlap for all;
    two tiles meet in the middle of what both know.
    """
    count = _count(size, tile, before, after)
    if count == 1:
        whole = slice(0, size)
        return [(whole, whole, whole)]
    steps = (size - tile) // GRID
    starts = [GRID * (number * steps // (count - 1)) for number in range(count)]
    cuts = [
        (start + tile - after + following + before) // 2
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
