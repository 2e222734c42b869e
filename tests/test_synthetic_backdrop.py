"""Photographs as scenes: the mono view is the photograph, cut along its own edges."""

import dataclasses
import pathlib

import numpy as np
import pytest
import scipy.ndimage
from PIL import Image

from tfrecords_tools import synthetic

# Objects and sharpening would change the photograph.
ALONE = synthetic.SceneConfig(
    height=120, width=208, max_disparity=48, max_objects=0, min_objects=0
)


class _Mosaic:
    """A picture of flat tiles in six colours, 24 texels each, a little noisy."""

    colours = np.array(
        [(200, 40, 40), (40, 180, 60), (50, 60, 210), (220, 200, 60), (30, 30, 30)]
        + [(230, 230, 230)]
    )

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> np.ndarray:
        rng = np.random.default_rng(7)
        tiles = self.colours[rng.integers(6, size=(10, 16))]
        picture = tiles.repeat(24, axis=0).repeat(24, axis=1)
        noise = rng.integers(-3, 4, picture.shape)
        return np.clip(picture + noise, 0, 255).astype(np.uint8)


def _photograph(
    surface: synthetic.Surface, config: synthetic.SceneConfig
) -> np.ndarray:
    """(H, W, 3) float64, a patch at the mono view's pixels, by SciPy."""
    y, x = np.mgrid[: config.height, : config.width]
    points = np.stack((x, y, np.ones_like(x))).reshape(3, -1)
    u, v = surface.patch_map @ points
    patch = np.asarray(surface.patch, float)
    channels = [
        scipy.ndimage.map_coordinates(patch[..., c], (v, u), order=1) for c in range(3)
    ]
    return np.stack(channels, axis=-1).reshape(config.height, config.width, 3)


@pytest.mark.parametrize("curved", (0.0, 1.0))
def test_the_mono_view_is_the_photograph_and_the_reference_is_not(
    curved: float,
) -> None:
    config = dataclasses.replace(ALONE, curved_fraction=curved)
    hidden = []
    for seed in range(6):
        surfaces = synthetic.build_surfaces(seed, config, None, _Mosaic())
        scene = synthetic.render_scene(seed, config, None, _Mosaic())
        whole = _photograph(surfaces[-1], config)  # the parts have all of it
        assert np.abs(scene.mono - whole).mean() < 2.5
        assert np.mean(np.abs(scene.mono - whole).max(-1) > 40) < 0.01
        assert np.abs(scene.reference - whole).mean() > 8
        beyond = np.arange(config.width) + scene.disparity > config.width - 1
        hidden.append(np.mean(scene.occluded & ~beyond))
    assert np.mean(hidden) > 0.02


def _on_edges(picture: np.ndarray) -> np.ndarray:
    """(h, w) bool: pixels that have a step of colour within two pixels."""
    steps = scipy.ndimage.maximum_filter(picture, (5, 5, 1))
    steps = steps - scipy.ndimage.minimum_filter(picture, (5, 5, 1))
    return steps.max(-1) > 30


def test_parts_are_whole_tiles_in_front_of_the_wall() -> None:
    rim_on_edges, all_on_edges = [], []
    for seed in range(6):
        wall, *parts = synthetic.build_surfaces(seed, ALONE, None, _Mosaic())
        assert wall.background and not any(part.background for part in parts)
        assert parts
        size = parts[0].outline.size
        picture = parts[0].patch.resize(size, Image.Resampling.BOX)
        edges = _on_edges(np.asarray(picture, float))
        # The border of the picture is no edge of a tile.
        inside = np.zeros_like(edges)
        inside[2:-2, 2:-2] = True
        for part in parts:
            mask = np.asarray(part.outline) > 127
            rows, columns = np.nonzero(mask)
            x0, y0 = -part.outline_map[:, 2]
            x, y = columns + x0, rows + y0
            in_front = part.disparity_at(x, y) - wall.disparity_at(x, y)
            assert in_front.min() > -1e-6
            assert part.disparity_at(x, y).max() <= ALONE.max_disparity - 1
            rim = mask & ~scipy.ndimage.binary_erosion(mask) & inside
            rim_on_edges.append(edges[rim])
        all_on_edges.append(edges[inside])
    assert np.concatenate(rim_on_edges).mean() > 0.9
    assert np.concatenate(all_on_edges).mean() < 0.6


def test_what_stood_in_front_is_not_left_behind_it() -> None:
    """Where the wall shows, in the reference, what parts hid, they are not again."""
    for seed in range(4):
        wall, *parts = synthetic.build_surfaces(seed, ALONE, None, _Mosaic())
        before = np.asarray(parts[0].patch, float)
        after = np.asarray(wall.patch, float)
        masks = [np.asarray(part.outline.resize(wall.patch.size)) > 0 for part in parts]
        covered = np.logical_or.reduce(masks)
        changed = np.abs(before - after).max(-1) > 40
        assert not changed[~covered].any()
        assert changed[covered].mean() > 0.3


def test_an_empty_source_and_an_unreadable_photograph_are_refused(
    tmp_path: pathlib.Path,
) -> None:
    with pytest.raises(ValueError, match="no pictures"):
        synthetic.build_surfaces(0, ALONE, None, ())
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match="broken.png"):
        synthetic.render_scene(0, ALONE, None, synthetic.folder_textures(tmp_path))
