"""Large pictures in tiles, and which pixels a result depends on."""

from unittest import mock

import keras
import numpy as np
import pytest

import colornet
import colornet.model
from colornet.config import ModelConfig
from colornet.errors import InputError
from colornet.inference import colorize_outputs, predict
from colornet.model import build_colornet
from colornet.receptive_field import exact_overlap, receptive_field
from colornet.tiling import EXACT_TILING, Tiling, plan_tiles, tile_bytes

_D = 32
_CONFIG = ModelConfig(n=1, max_disparity=_D, residue_init="he", bn_momentum=0.0)
_EXACT = exact_overlap(_CONFIG)
_WHOLE = Tiling(memory_gb=1e3)


def _pair(height, width):
    rng = np.random.default_rng(height * 10000 + width)
    mono = rng.random((height, width, 1), np.float32)
    return mono, rng.random((height, width, 3), np.float32)


def _network(config):
    keras.utils.set_random_seed(0)
    # NaN would pass through the taps of `SubpixelConv3DTranspose` that are 0.
    plain = {"3d_transposed_to_one": keras.layers.Conv3DTranspose}
    with mock.patch.dict(colornet.model.CONVOLUTIONS, plain):
        network = build_colornet(config)
    mono, reference = _pair(64, 96)
    network({"mono": mono[None], "reference": reference[None]}, training=True)
    network.jit_compile = False
    return network


@pytest.fixture(scope="module")
def model():
    """An untrained network, its residue not 0, its statistics those of a picture."""
    return _network(_CONFIG)


@pytest.fixture(scope="module")
def model_without_residue():
    return _network(_CONFIG.replace(residue=False))


@pytest.mark.parametrize("residue", [True, False])
@pytest.mark.parametrize("axis", [0, 1], ids=["row", "column"])
@pytest.mark.parametrize("view", ["mono", "reference"])
@pytest.mark.parametrize("position", [400, 447])
def test_receptive_field(request, residue, axis, view, position):
    """NaN in one row or column is found in the field's results, and nowhere else."""
    model = request.getfixturevalue("model" if residue else "model_without_residue")
    size = 864
    views = dict(zip(("mono", "reference"), _pair(size, 32), strict=True))
    views[view][position] = np.nan
    if axis == 1:
        views = {name: value.swapaxes(0, 1) for name, value in views.items()}
    inputs = {name: value[None] for name, value in views.items()}
    chroma = np.asarray(model(inputs, training=False)["chroma"])
    spoilt = np.isnan(chroma[0]).any(axis=-1)
    fields = [
        receptive_field(result, model.config)[view == "reference" and axis == 1]
        for result in range(size)
    ]
    expected = [first <= position <= last for first, last in fields]
    assert 0 < sum(expected) < size - 200
    np.testing.assert_array_equal(spoilt.any(axis=1 - axis), expected)


def test_the_field_of_the_paper():
    assert receptive_field(0, ModelConfig(max_disparity=192)) == (
        (-255, 253),
        (-255, 253 + 190),
    )
    assert exact_overlap(ModelConfig()) == 288
    assert exact_overlap(ModelConfig(residue=False)) == 224


@pytest.mark.parametrize(
    ("width", "height", "d", "count"),
    [(960, 544, 192, 1), (1024, 448, 192, 1), (2048, 1024, 192, 12)]
    + [(1408, 1120, 256, 21)],
    ids=["sceneflow", "sintel", "cityscapes", "middlebury"],
)
def test_exact_tiles_of_the_paper_s_pictures(width, height, d, count):
    assert EXACT_TILING.overlap == exact_overlap(ModelConfig())
    config = ModelConfig(max_disparity=d)
    assert len(plan_tiles(height, width, config, EXACT_TILING)) == count


@pytest.mark.parametrize(
    ("size", "tile", "count"),
    [
        ((61, 1291), (64, 672), 8),
        ((1201, 70), (672, 96), 7),
        ((633, 667), (608, 640), 4),
    ],
    ids=["columns", "rows", "both"],
)
def test_with_the_whole_field_as_overlap_tiles_are_exact(model, size, tile, count):
    mono, reference = _pair(*size)
    tiling = Tiling(overlap=_EXACT, tile=tile)
    padded = (-(-side // 32) * 32 for side in size)
    assert len(plan_tiles(*padded, _CONFIG, tiling)) == count
    expected = predict(model, mono, reference, tiling=_WHOLE)
    found = predict(model, mono, reference, tiling=tiling)
    assert set(found) == set(expected) == {"chroma", "rough_chroma"}
    for name in ("chroma", "rough_chroma"):
        assert found[name].shape == expected[name].shape
        np.testing.assert_allclose(found[name], expected[name], atol=1e-5)
    # The tiles were there: without overlap they show.
    cut = predict(model, mono, reference, tiling=Tiling(overlap=0, tile=(96, 96)))
    assert np.abs(cut["chroma"] - expected["chroma"]).max() > 1e-3


def test_the_reference_of_a_tile_is_wider_by_its_candidates():
    tiles = plan_tiles(128, 256, _CONFIG, Tiling(overlap=0, tile=(32, 96)))
    margins = [tile.reference[1].stop - tile.output[1].stop for tile in tiles]
    assert sorted(margins) == 4 * [0] + 8 * [32]


def test_a_wider_reference_is_as_candidates_of_a_wider_picture(model):
    """Beyond the receptive field the columns right of mono are candidates alone."""
    mono, reference = _pair(32, 2 * _EXACT + 96)
    pair = mono[None], reference[None]
    kept = _EXACT + 64
    whole = model({"mono": pair[0], "reference": pair[1]}, training=False)
    part = model(
        {"mono": pair[0][:, :, :kept], "reference": pair[1][:, :, : kept + 32]},
        training=False,
    )
    assert part["chroma"].shape == (1, 32, kept, 2)
    for name in ("chroma", "rough_chroma"):
        np.testing.assert_allclose(
            np.asarray(part[name])[:, :, :64],
            np.asarray(whole[name])[:, :, :64],
            atol=1e-5,
        )


@pytest.mark.parametrize("size", [(1120, 1408), (1120, 32), (64, 1408), (3008, 4000)])
@pytest.mark.parametrize("overlap", [0, 64, 128])
@pytest.mark.parametrize("d", [32, 256])
def test_plan(size, overlap, d):
    config = ModelConfig(max_disparity=d)
    tiling = Tiling(memory_gb=6, overlap=overlap)
    tiles = plan_tiles(*size, config, tiling)
    times = np.zeros(size, int)
    for tile in tiles:
        times[tile.keep] += 1
        for area, kept, inner, end in zip(
            tile.output, tile.keep, tile.keep_in_tile, size, strict=True
        ):
            assert area.start % 32 == 0 and 0 <= area.start < area.stop <= end
            assert kept.start - area.start == inner.start
            assert kept.stop - kept.start == inner.stop - inner.start > 0
            # What a tile does not know is cut off, except at the picture's borders.
            assert area.start == 0 or inner.start >= overlap
            assert area.stop == end or area.stop - kept.stop >= overlap
        rows, columns = tile.reference
        assert rows == tile.output[0] and columns.start == tile.output[1].start
        assert columns.stop == min(tile.output[1].stop + d, size[1])
    assert (times == 1).all()
    shapes = {tuple(part.stop - part.start for part in tile.output) for tile in tiles}
    assert len(shapes) == 1
    assert tile_bytes(*shapes.pop(), config) <= 6e9
    assert (len(tiles) == 1) == (tile_bytes(*size, config) <= 6e9)


def test_colorize_in_tiles(model):
    mono, reference = _pair(61, 150)
    tiling = colornet.Tiling(tile_bytes(64, 128, _CONFIG) / 1e9, overlap=32)
    tiled = colorize_outputs(model, mono, reference, tiling=tiling)["picture"]
    assert tiled.shape == (61, 150, 3)
    whole = colorize_outputs(model, mono, reference)["picture"]
    # The last tile's result is its own from where the two tiles meet.
    assert 0 < np.abs(tiled - whole).max() < 0.2
    np.testing.assert_array_equal(
        whole, colorize_outputs(model, mono, reference, tiling=_WHOLE)["picture"]
    )


def test_what_tiles_cannot_do(model):
    mono, reference = _pair(64, 160)
    needs = tile_bytes(64, 160, _CONFIG) / 1e9
    little = Tiling(memory_gb=0.99 * needs, overlap=0)
    with pytest.raises(InputError, match=r"as a whole for volumes.*Received: 160 x 64"):
        colorize_outputs(model, mono, reference, volumes=True, tiling=little)
    batch = model.with_config(bn_statistics="batch")
    with pytest.raises(InputError, match="whole for bn_statistics='batch'") as error:
        colorize_outputs(batch, mono, reference, tiling=little)
    assert f"needs {needs:.3g} GB: {0.01 * needs:.3g} GB more" in str(error.value)
    just_enough = Tiling(memory_gb=needs, overlap=0)
    whole = colorize_outputs(batch, mono, reference, tiling=_WHOLE)["picture"]
    found = colorize_outputs(batch, mono, reference, tiling=just_enough)["picture"]
    np.testing.assert_array_equal(found, whole)
    too_little = Tiling(memory_gb=0.5 * needs, overlap=64)
    with pytest.raises(InputError, match=r"at least \S+ for tiles .* overlap = 64"):
        colorize_outputs(model, mono, reference, tiling=too_little)
    with pytest.raises(InputError, match="at least 160 x 160 .*Received: 96 x 32"):
        colorize_outputs(
            model, mono, reference, tiling=Tiling(overlap=64, tile=(32, 96))
        )


@pytest.mark.parametrize(
    ("field", "value"),
    [("memory_gb", 0), ("memory_gb", float("nan")), ("overlap", 33), ("overlap", -32)]
    + [("tile", (32, 33)), ("tile", (0, 32))],
)
def test_impossible_tiling(field, value):
    with pytest.raises(InputError, match="Received: "):
        Tiling(**{field: value})
