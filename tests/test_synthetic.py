"""The rendered scenes: exact geometry, exact occlusions, the same bytes for a seed."""

import dataclasses
import hashlib
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import scipy.ndimage
from PIL import Image

from tfrecords_tools import synthetic
from tfrecords_tools.synthetic import render

_ROOT = pathlib.Path(__file__).parents[1]
SMALL = synthetic.SceneConfig(height=120, width=208, max_disparity=48)


class _SmoothPictures:
    """Colour pictures so smooth that linear interpolation between pixels is exact."""

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> np.ndarray:
        noise = np.random.default_rng(index).standard_normal((300, 400, 3))
        smooth = scipy.ndimage.gaussian_filter(noise, (6, 6, 0))
        return np.clip(128 + 45 * smooth / smooth.std(), 0, 255).astype(np.uint8)


def _digest(scene: synthetic.Scene) -> str:
    parts = [value.tobytes() for value in dataclasses.astuple(scene)]
    return hashlib.sha256(b"".join(parts)).hexdigest()


def _warp(reference: np.ndarray, disparity: np.ndarray) -> np.ndarray:
    """Eq. 1 with loops over rows: the reference's colours at i + disparity."""
    height, width = disparity.shape
    columns = np.arange(width)
    warped = np.empty(reference.shape)
    for j in range(height):
        for channel in range(3):
            at = columns + disparity[j]
            warped[j, :, channel] = np.interp(at, columns, reference[j, :, channel])
    return warped


def _psnr(error: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.mean(error**2)))


def _interior(scene: synthetic.Scene) -> np.ndarray:
    """Pixels away from depth edges, of either view, and from occlusions."""
    steps = scipy.ndimage.maximum_filter(scene.disparity, 7)
    steps = steps - scipy.ndimage.minimum_filter(scene.disparity, 7)
    return (steps < 2.5) & ~scipy.ndimage.binary_dilation(scene.occluded, iterations=2)


@pytest.mark.parametrize("lighting", (0.0, 1.0))
@pytest.mark.parametrize("curved", (0.0, 1.0))
@pytest.mark.parametrize("seed", range(4))
def test_reference_warped_by_disparity_is_mono(
    seed: int, curved: float, lighting: float
) -> None:
    config = dataclasses.replace(
        SMALL, photo_fraction=1.0, curved_fraction=curved, lighting=lighting
    )
    scene = synthetic.render_scene(seed, config, _SmoothPictures())
    mono = scene.mono.astype(float)
    interior = _interior(scene)
    assert interior.mean() > 0.25

    def error(disparity: np.ndarray) -> np.ndarray:
        return _warp(scene.reference, disparity) - mono

    true = error(scene.disparity)
    assert _psnr(true[interior]) > 38
    for wrong in (scene.disparity + 1, scene.disparity - 1, -scene.disparity):
        assert _psnr(error(wrong)[interior]) < _psnr(true[interior]) - 10
    assert np.median(np.abs(true[~scene.occluded])) < 1.0


def test_reference_warped_by_disparity_is_mono_with_sharp_textures() -> None:
    config = synthetic.SceneConfig()
    scene = synthetic.render_scene(5, config, synthetic.skimage_textures())
    visible = ~scene.occluded
    error = np.abs(_warp(scene.reference, scene.disparity) - scene.mono)[visible]
    shifted = np.abs(_warp(scene.reference, scene.disparity + 1) - scene.mono)[visible]
    assert np.median(error) < 2.0
    assert error.mean() < 0.5 * shifted.mean()


def _splat_reference(
    surfaces: list[synthetic.Surface], config: synthetic.SceneConfig
) -> np.ndarray:
    """The reference's z-buffer by forward warping, (H, 4 W): four bins a pixel.

    Every surface is walked in mono-view coordinates, in steps of 1/8 px, also where
    the mono view does not see it; the renderer maps the other way.
    """
    depth = np.full((config.height, 4 * config.width), -1.0)
    x = np.arange(-config.max_disparity, config.width, 0.125)
    for j in range(config.height):
        for surface in surfaces:
            x0, y0, x1, y1 = surface.bounds
            if not y0 <= j <= y1:
                continue
            at = x[(x >= x0) & (x <= x1)]
            if surface.outline is not None:
                outline = np.asarray(surface.outline)
                to_u, to_v = surface.outline_map
                u = np.rint(to_u[0] * at + to_u[1] * j + to_u[2]).astype(int)
                v = np.rint(to_v[0] * at + to_v[1] * j + to_v[2]).astype(int)
                at = at[outline[v.clip(0, len(outline) - 1), u] > 127]
            disparity = surface.disparity_at(at, float(j))
            bins = np.rint(4 * (at + disparity)).astype(int)
            within = (bins >= 0) & (bins < depth.shape[1])
            np.maximum.at(depth[j], bins[within], disparity[within])
    return depth


@pytest.mark.parametrize("curved", (0.0, 1.0))
@pytest.mark.parametrize("seed", (1, 2, 3))
def test_occlusion_agrees_with_forward_warping(seed: int, curved: float) -> None:
    config = dataclasses.replace(SMALL, curved_fraction=curved)
    surfaces = synthetic.build_surfaces(seed, config, None)
    scene = synthetic.render_scene(seed, config, None)
    depth = _splat_reference(surfaces, SMALL)
    height, width = scene.disparity.shape
    expected = np.zeros((height, width), bool)
    clear = np.zeros((height, width), bool)
    for j in range(height):
        for i in range(width):
            d = scene.disparity[j, i]
            if i + d > width - 1:
                expected[j, i] = clear[j, i] = True
                continue
            at = round(4 * (i + d))
            near = depth[j, max(at - 4, 0) : at + 5]
            expected[j, i] = depth[j, at] > d + 0.5
            # An edge of the reference within a pixel: a bin cannot tell its side.
            clear[j, i] = near.max() - near.min() < 1.5
    assert clear.mean() > 0.6
    assert expected[clear].mean() > 0.03
    inside = expected & clear & (np.arange(width) + scene.disparity <= width - 1)
    assert inside.sum() > 50  # hidden by a nearer surface, not by the frame alone
    assert np.mean(expected[clear] == scene.occluded[clear]) > 0.995
    assert np.mean(expected == scene.occluded) > 0.97
    # What is not hidden is the front of the reference's own z-buffer.
    assert np.mean(scene.occluded[inside]) > 0.99


def test_curved_surfaces_are_inverted_exactly_and_keep_the_range() -> None:
    rng, size = np.random.default_rng(0), []
    config = dataclasses.replace(SMALL, curved_fraction=1.0)
    for seed in range(8):
        for surface in synthetic.build_surfaces(seed, config, None):
            x0, y0, x1, y1 = surface.bounds
            for _ in range(20):
                y, x = rng.uniform(y0, y1), np.linspace(x0, x1, 400)
                a, b, c = surface.plane
                waves = surface.relief.waves
                disparity = a + b * x + c * y
                for amplitude, along_x, along_y, phase in waves:
                    disparity += amplitude * np.cos(along_x * x + along_y * y + phase)
                assert disparity.min() >= 0
                assert disparity.max() <= config.max_disparity - 1
                seen = x + disparity
                assert (np.diff(seen) > 0.6 * np.diff(x)).all()
                np.testing.assert_allclose(surface.mono_x(seen, y), x, atol=1e-4)
                shown = surface.bounds_in(reference=True)
                assert shown[0] <= seen[0] and seen[-1] <= shown[2]
            size.append(surface.relief.amplitude)
    assert np.median(size) > 0.3 and max(size) > 4  # px: curved, not only by name


def test_disparity_is_the_nearest_surface_at_pixel_centres() -> None:
    y, x = np.mgrid[: SMALL.height, : SMALL.width]
    agreement = []
    for seed in range(6):
        surfaces = synthetic.build_surfaces(seed, SMALL, None)
        nearest = np.full(y.shape, -np.inf)
        for surface in surfaces:
            x0, y0, x1, y1 = surface.bounds
            within = (x >= x0) & (x <= x1) & (y >= y0) & (y <= y1)
            if surface.outline is not None:
                outline = np.asarray(surface.outline)
                to_u, to_v = surface.outline_map
                u = np.rint(to_u[0] * x + to_u[2]).astype(int)
                v = np.rint(to_v[1] * y + to_v[2]).astype(int)
                u, v = u.clip(0, outline.shape[1] - 1), v.clip(0, len(outline) - 1)
                within &= outline[v, u] > 127
            a, b, c = surface.plane
            plane = np.where(within, a + b * x + c * y, -np.inf)
            nearest = np.maximum(nearest, plane)
        scene = synthetic.render_scene(seed, SMALL, None)
        agreement.append(np.mean(np.abs(scene.disparity - nearest) < 1e-3))
    # The rest is the outline's own rounding; half a pixel of shift gives several %.
    assert min(agreement) > 0.995


def test_pixel_centres_do_not_move_with_supersampling() -> None:
    config = dataclasses.replace(SMALL, photo_fraction=1.0, max_objects=5)
    views = []
    for samples in (1, 4):
        at = dataclasses.replace(config, supersample=samples)
        views.append(synthetic.render_scene(7, at, _SmoothPictures()))
    for name in ("mono", "reference"):
        coarse, fine = (getattr(v, name).astype(float).mean(-1) for v in views)
        for axis in (0, 1):
            slope = np.gradient(fine, axis=axis)
            shift = np.sum(slope * (coarse - fine)) / np.sum(slope**2)
            assert abs(shift) < 0.05  # px
    np.testing.assert_array_equal(views[0].disparity, views[1].disparity)
    np.testing.assert_array_equal(views[0].occluded, views[1].occluded)


def _flat(plane: tuple[float, float, float], level: int) -> synthetic.Surface:
    """A plane of one grey level that fills both views."""
    patch = Image.new("RGB", (400, 300), (level, level, level))
    patch_map = np.array([[1.0, 0.0, 100.0], [0.0, 1.0, 100.0]])
    bounds = (-40.0, -2.0, 129.0, 81.0)
    return synthetic.Surface(plane, bounds, patch, patch_map)


@pytest.mark.parametrize("samples", (1, 2, 3, 4))
@pytest.mark.parametrize("axis", (0, 1))
def test_crossing_planes_meet_at_the_same_place_at_any_supersampling(
    samples: int, axis: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # White is nearer where b x + c y > 6; there both disparities are 10 px.
    b, c = ((0.013, 0.1), (0.1, 0.013))[axis]
    planes = [_flat((10.0, 0.0, 0.0), 0), _flat((4.0, b, c), 255)]
    monkeypatch.setattr(render, "build_surfaces", lambda *_: planes)
    config = synthetic.SceneConfig(80, 128, 32, supersample=samples)
    scene = synthetic.render_scene(0, config, None)
    for picture, shift in ((scene.mono, 0), (scene.reference, 10)):
        length, across = picture.shape[axis], np.arange(picture.shape[1 - axis])
        seam = length - 0.5 - picture[..., 0].sum(axis) / 255
        expected = (6 - c * across) / b + shift  # a column of each row
        if axis == 0:
            expected = (6 - b * (across - shift)) / c  # a row of each column
        assert abs(np.mean(seam - expected)) < 0.05  # px


def test_same_seed_same_bytes_in_another_process() -> None:
    textures = synthetic.skimage_textures()
    first = _digest(synthetic.render_scene((3, 4), SMALL, textures))
    assert first == _digest(synthetic.render_scene((3, 4), SMALL, textures))
    program = (
        "import dataclasses, hashlib\n"
        "from tfrecords_tools import synthetic as s\n"
        f"scene = s.render_scene((3, 4), s.{SMALL!r}, s.skimage_textures())\n"
        "parts = [v.tobytes() for v in dataclasses.astuple(scene)]\n"
        "print(hashlib.sha256(b''.join(parts)).hexdigest())\n"
    )
    other = subprocess.run(
        [sys.executable, "-c", program],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert other.stdout.strip() == first
    digests = {_digest(synthetic.render_scene((3, k), SMALL, None)) for k in range(4)}
    assert len(digests) == 4


@pytest.mark.parametrize(
    ("height", "width", "max_disparity", "supersample"),
    [
        (64, 64, 16, 1),
        (75, 131, 64, 2),
        (96, 48, 192, 3),
        (33, 200, 192, 2),
        (8, 8, 1, 2),
    ],
)
def test_shapes_types_and_disparity_range(
    height: int, width: int, max_disparity: int, supersample: int
) -> None:
    config = synthetic.SceneConfig(
        height, width, max_disparity, min_objects=3, supersample=supersample
    )
    reached = 0.0
    for seed in range(8):
        scene = synthetic.render_scene(seed, config, None)
        assert scene.mono.shape == scene.reference.shape == (height, width, 3)
        assert scene.mono.dtype == scene.reference.dtype == np.uint8
        assert scene.disparity.shape == scene.occluded.shape == (height, width)
        assert scene.disparity.dtype == np.float32
        assert scene.occluded.dtype == bool
        assert scene.disparity.min() >= 0
        assert scene.disparity.max() <= max_disparity - 1
        beyond = np.arange(width) + scene.disparity > width - 1
        assert scene.occluded[beyond].all()
        reached = max(reached, float(scene.disparity.max()))
    assert reached >= 0.6 * (max_disparity - 1)  # the range is used, not only kept


def test_surfaces_keep_the_warp_monotone_and_the_object_count() -> None:
    config = dataclasses.replace(SMALL, min_objects=4, max_objects=9)
    counts = set()
    for seed in range(30):
        surfaces = synthetic.build_surfaces(seed, config, None)
        counts.add(sum(not surface.background for surface in surfaces))
        assert all(abs(surface.plane[1]) < 0.4 for surface in surfaces)
    assert min(counts) >= 4 and max(counts) <= 9 and len(counts) >= 4


def test_the_wall_may_be_the_nearest_thing() -> None:
    config = synthetic.SceneConfig(
        48, 64, 32, min_objects=0, max_objects=1, wall=(0.6, 0.9, 1.0)
    )
    for seed in range(150):
        wall, *_ = synthetic.build_surfaces(seed, config, None)
        assert wall.plane @ np.array((1, 32, 24)) > 0.5 * config.max_disparity


def test_an_enlarged_scene_shows_the_same_at_another_size() -> None:
    """Its mean over pixels is the scene, and disparity leads to the same colours."""
    config = synthetic.SceneConfig(
        height=48, width=96, max_disparity=16, curved_fraction=0.5
    )
    scene = synthetic.render_scene(4, config, synthetic.skimage_textures())
    larger = scene.enlarged(96, 192)
    for name in ("mono", "reference"):
        picture = getattr(larger, name).astype(float)
        reduced = picture.reshape(48, 2, 96, 2, 3).mean(axis=(1, 3))
        assert np.abs(reduced - getattr(scene, name)).mean() < 3
    disparity = np.kron(2 * scene.disparity, np.ones((2, 2), np.float32))
    np.testing.assert_allclose(larger.disparity, disparity)
    np.testing.assert_array_equal(
        larger.occluded, np.kron(scene.occluded, np.ones((2, 2), bool))
    )
    match = np.arange(192) + larger.disparity
    seen = ~larger.occluded & (match <= 191)
    nearest = np.rint(np.minimum(match, 191)).astype(int)
    found = np.take_along_axis(larger.reference, nearest[..., None], axis=1)
    difference = np.abs(found.astype(float) - larger.mono).mean(axis=-1)
    assert np.median(difference[seen]) < 4


@pytest.mark.parametrize(
    "change",
    [
        {"height": 4},
        {"max_disparity": 0},
        {"min_objects": 50},
        {"photo_fraction": 1.5},
        {"lighting": -0.1},
        {"photo_scale": (0.0, 1.0)},
        {"least_texel": 0.0},
        {"saturation": (1.0, 0.5)},
        {"wall": (0.5, 0.25, 1.0)},
    ],
)
def test_config_rejects_values_out_of_range(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="Received: SceneConfig"):
        dataclasses.replace(synthetic.SceneConfig(), **change)


def test_import_needs_neither_tensorflow_nor_keras() -> None:
    program = (
        "import sys, tfrecords_tools.synthetic\n"
        "print({'tensorflow', 'keras'} & {m.split('.')[0] for m in sys.modules})"
    )
    result = subprocess.run(
        [sys.executable, "-c", program],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == "set()"
