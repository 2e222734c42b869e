"""What is drawn: known answers, and nothing over the content."""

import numpy as np
import pytest

from colornet.color import rgb_to_chroma, rgb_to_luma
from colornet.noise import to_uint8
from colornet.visualize.drawing import (
    LABEL_HEIGHT,
    LEFT_MARGIN,
    color_bar,
    colormap,
    fit,
    label,
    map_picture,
    nice_ticks,
    tile,
    with_axes,
)
from colornet.visualize.pictures import (
    ERROR_LIMIT,
    chroma_row,
    mono_picture,
    picture_row,
    scaled_example,
)
from colornet.visualize.pixels import (
    COLORS,
    choose_pixels,
    mark_pixels,
    weight_curves,
)
from colornet.visualize.volumes import (
    disparity_picture,
    entropy,
    entropy_picture,
    expected_disparity,
    scan_line,
    volume_slices,
)

GREY = (128, 128, 128)
D, HEIGHT, WIDTH = 32, 40, 96


def one_hot(k: int) -> np.ndarray:
    """W of a plane at disparity k; pixels without that candidate match at 0."""
    weights = np.zeros((D, HEIGHT, WIDTH), np.float32)
    weights[k, :, : WIDTH - k] = 1
    weights[0, :, WIDTH - k :] = 1
    return weights


def uniform() -> np.ndarray:
    """W that does not prefer any candidate that exists."""
    exists = np.arange(D)[:, None] + np.arange(WIDTH) < WIDTH
    weights = (exists / exists.sum(axis=0)).astype(np.float32)
    return np.repeat(weights[:, None], HEIGHT, axis=1)


def random_maps(height=HEIGHT, width=WIDTH) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    colors = rng.random((height, width, 3))
    return {
        "mono": rgb_to_luma(colors),
        "reference": rng.random((height, width, 3)),
        "chroma": rgb_to_chroma(colors),
        "disparity": np.full((height, width), 5.0),
        "colors": colors,
    }


def contains(sheet: np.ndarray, picture: np.ndarray) -> bool:
    """Whether the picture is somewhere in the sheet, pixel for pixel."""
    height, width = picture.shape[:2]
    starts = sheet[: len(sheet) - height + 1, : sheet.shape[1] - width + 1]
    for y, x in np.argwhere((starts == picture[0, 0]).all(axis=-1)):
        if (sheet[y : y + height, x : x + width] == picture).all():
            return True
    return False


def test_the_luma_of_the_colormap_only_rises():
    luma = rgb_to_luma(colormap(np.linspace(0, 1, 256), 0, 1) / 255)[:, 0]
    assert luma[0] < 0.01 and luma[-1] > 0.95
    assert (np.diff(luma) > 0).all()


def test_colormap_clips_and_greys_what_is_unknown():
    picture = colormap(np.array([-1, 2, 4, 9, np.nan, np.inf]), 2, 4)
    np.testing.assert_array_equal(picture[0], picture[1])
    np.testing.assert_array_equal(picture[2], picture[3])
    np.testing.assert_array_equal(picture[2], picture[5])
    assert tuple(picture[4]) == GREY
    assert (colormap(np.arange(256), 0, 255) != np.array(GREY)).any(axis=-1).all()


def test_a_map_has_a_fixed_scale_and_a_bar():
    values = np.zeros((32, 256))
    values[:, 100:] = 5
    values[:, 200:] = 99
    values[:, 255:] = np.nan
    picture = map_picture(values, 16.0)
    for column, value in ((0, 0), (150, 5), (254, 16)):
        np.testing.assert_array_equal(picture[16, column], colormap(value, 0, 16))
    assert tuple(picture[16, 255]) == GREY
    assert picture.shape[1] > 256


def test_labels_axes_and_bars_do_not_touch_the_content():
    rng = np.random.default_rng(0)
    small, large = (
        rng.integers(0, 256, (*size, 3), dtype=np.uint8)
        for size in ((30, 20), (40, 90))
    )
    sheet = tile({"longer than its picture": small, "b": large, "": small}, 2)
    assert contains(sheet, small) and contains(sheet, large)
    labelled = label(large, "text", 50)
    np.testing.assert_array_equal(labelled[LABEL_HEIGHT:], large)
    assert (labelled[:LABEL_HEIGHT] < 255).any()
    ticks = {0: "0", 20: "1234.5", 39: "2"}
    axes = with_axes(large, {0: "0", 89: "89"}, ticks, "x", "y")
    np.testing.assert_array_equal(axes[:40, LEFT_MARGIN : LEFT_MARGIN + 90], large)


def test_a_long_label_is_not_cut():
    sheet = tile({"a long label " * 3: np.zeros((4, 4, 3), np.uint8)}, 3)
    assert (sheet[:, -2:] == 255).all()
    assert (sheet[:LABEL_HEIGHT, -16:] < 255).any()


def test_color_bar_runs_upwards():
    bar = color_bar(101, {0: "0", 1: "1"})
    np.testing.assert_array_equal(bar[0, 8], colormap(1.0, 0, 1))
    np.testing.assert_array_equal(bar[-1, 8], colormap(0.0, 0, 1))


@pytest.mark.parametrize("high", [0.003, 0.9, 1, 7, 31, 63, 191, 511])
def test_ticks_are_few_and_inside(high):
    ticks = nice_ticks(high, 8)
    assert ticks[0] == 0 and ticks[-1] <= high * (1 + 1e-6)
    assert 4 <= len(ticks) <= 9


@pytest.mark.parametrize(("width", "fitted"), [(100, 300), (256, 256), (1200, 400)])
def test_fit_by_whole_factors(width, fitted):
    picture = np.full((60, width, 3), 7, np.uint8)
    result = fit(picture, 256, 512)
    assert result.shape[1] == fitted
    assert (result == 7).all()


def test_picture_row_with_and_without_truth():
    maps = random_maps(64, 256)
    row = picture_row(maps, maps["chroma"], maps["chroma"])
    assert contains(row, to_uint8(maps["reference"]))
    assert contains(row, mono_picture(maps["mono"]))
    without = picture_row(maps, None, maps["chroma"])
    assert contains(without, to_uint8(maps["reference"])) and without.shape[0] == len(
        row
    )
    del maps["chroma"], maps["disparity"]
    chroma = np.zeros((64, 256, 2))
    assert picture_row(maps, chroma, chroma).shape[1] < row.shape[1]


def test_picture_row_gives_the_colors_back():
    maps = random_maps(64, 256)
    row = picture_row(maps, None, maps["chroma"])
    # One pixel of rounding apart, at the only place where the picture can be.
    result = row[LABEL_HEIGHT:][:64, -256:].astype(int)
    assert np.abs(result - to_uint8(maps["colors"])).max() <= 1


def test_picture_row_shows_the_error_in_grey_levels():
    maps = random_maps(64, 256)
    final = maps["chroma"] + np.array([3, 4]) / 255
    assert contains(
        picture_row(maps, None, final),
        np.full((64, 256, 3), colormap(5, 0, ERROR_LIMIT), np.uint8),
    )


def test_chroma_row_shows_the_residue_four_times_as_strong():
    rough, final = np.zeros((64, 256, 2)), np.zeros((64, 256, 2))
    final[..., 1] = 0.05
    row = chroma_row(rough, final, truth=-final)
    expected = np.zeros((4, 64, 256, 3))
    # Cr c at luma 0.5, by JFIF: R = 0.5 + 1.402 c, G = 0.5 - 0.714136 c, B = 0.5.
    for number, c in enumerate((0, 4 * 0.05, 0.05, -0.05)):
        expected[number] = 0.5 + c * np.array([1.402, -0.714136, 0])
    for picture in to_uint8(expected):
        assert contains(row, picture)
    assert chroma_row(rough, final).shape[1] < row.shape[1]


def test_a_scaled_example_has_disparity_in_its_own_pixels():
    maps = random_maps()
    maps["disparity"][:20] = -1
    scaled = scaled_example(maps, HEIGHT // 2, WIDTH // 2)
    assert scaled["disparity"].shape == (HEIGHT // 2, WIDTH // 2)
    assert (scaled["disparity"][:10] == -1).all()
    assert (scaled["disparity"][10:] == 2.5).all()
    for name in ("mono", "reference", "chroma"):
        assert scaled[name].shape[:2] == (HEIGHT // 2, WIDTH // 2)
        mean = maps[name].mean(axis=(0, 1))
        np.testing.assert_allclose(scaled[name].mean(axis=(0, 1)), mean, atol=0.01)
    same = scaled_example(maps, HEIGHT, WIDTH)
    for name, values in same.items():
        np.testing.assert_array_equal(values, maps[name])


def test_expected_disparity_and_entropy_of_one_hot_weights():
    disparity = expected_disparity(one_hot(7))
    assert disparity.dtype == np.float32
    np.testing.assert_array_equal(disparity[:, :-7], 7)
    np.testing.assert_array_equal(disparity[:, -7:], 0)
    np.testing.assert_array_equal(entropy(one_hot(7)), 0)


def test_expected_disparity_and_entropy_of_uniform_weights():
    candidates = np.minimum(D, WIDTH - np.arange(WIDTH))
    np.testing.assert_allclose(
        expected_disparity(uniform()),
        np.tile((candidates - 1) / 2, (HEIGHT, 1)),
        rtol=1e-5,
    )
    np.testing.assert_allclose(
        entropy(uniform()), np.tile(np.log2(candidates), (HEIGHT, 1)), atol=1e-5
    )


def test_expected_disparity_and_entropy_against_loops():
    weights = np.random.default_rng(0).dirichlet(np.ones(6), (3, 4)).transpose(2, 0, 1)
    for j in range(3):
        for i in range(4):
            w = weights[:, j, i]
            mean = sum(k * w[k] for k in range(6))
            bits = -sum(value * np.log2(value) for value in w)
            assert expected_disparity(weights)[j, i] == pytest.approx(mean)
            assert entropy(weights)[j, i] == pytest.approx(bits, abs=1e-5)


def test_maps_of_the_volume_are_pictures():
    weights, truth = one_hot(7), np.full((HEIGHT, WIDTH), -1.0)
    alone = disparity_picture(expected_disparity(weights), D, truth)
    truth[:10] = 7
    pair = disparity_picture(expected_disparity(weights), D, truth)
    assert pair.shape[1] > 1.9 * alone.shape[1]
    assert contains(pair, np.full((60, 60, 3), GREY, np.uint8))
    assert entropy_picture(entropy(weights), D).dtype == np.uint8


def section(sheet: np.ndarray) -> np.ndarray:
    """One pixel a candidate and column of the panel of `scan_line`, k upwards."""
    across, up = 8, 8
    panel = sheet[LABEL_HEIGHT : LABEL_HEIGHT + D * up, LEFT_MARGIN:]
    return panel[::-1][1::up, 1 : WIDTH * across : across]


def test_scan_line_of_a_plane_is_a_ridge_with_a_masked_corner():
    cells = section(scan_line(one_hot(7), 20))
    assert cells.shape == (D, WIDTH, 3)
    bright, dark = colormap(1.0, 0, 1), colormap(0.0, 0, 1)
    for k in range(D):
        for i in range(WIDTH):
            if (k == 7 and i < WIDTH - 7) or (k == 0 and i >= WIDTH - 7):
                expected = bright
            else:
                expected = GREY if i + k >= WIDTH else dark
            assert tuple(cells[k, i]) == tuple(expected), (k, i)


def test_scan_line_shows_the_given_row():
    weights = one_hot(7)
    weights[:, 21] = one_hot(12)[:, 0]
    assert (section(scan_line(weights, 21)) == section(scan_line(one_hot(12), 0))).all()


def test_scan_line_draws_the_truth_inside_its_candidate():
    truth = np.full((HEIGHT, WIDTH), -1.0)
    truth[20, :50] = 12.0
    truth[20, 60:70] = D + 3
    plain = scan_line(one_hot(7), 20)
    changed = (scan_line(one_hot(7), 20, truth=truth) != plain).any(axis=-1)
    rows, columns = np.nonzero(changed[LABEL_HEIGHT:])
    assert set((D * 8 - 1 - rows) // 8) == {12}
    assert set((columns - LEFT_MARGIN) // 8) == set(range(50))


@pytest.mark.parametrize("row", [0, 20, HEIGHT - 1])
def test_scan_line_has_the_rows_of_both_views_above_it(row):
    maps = random_maps()
    sheet = scan_line(one_hot(7), row, maps["mono"], maps["reference"])
    rows = slice(max(0, row - 16), row + 17)
    for picture in (mono_picture(maps["mono"]), to_uint8(maps["reference"])):
        strip = picture[rows].repeat(8, axis=0)
        left = slice(LEFT_MARGIN, LEFT_MARGIN + 8 * WIDTH, 8)
        found = [
            (sheet[y : y + len(strip), left] == strip).all()
            for y in range(len(sheet) - len(strip))
        ]
        assert sum(found) == 1


def test_volume_slices_show_first_and_last_candidate():
    weights = np.repeat(np.linspace(0, 1, D)[:, None, None], WIDTH, axis=2)
    weights = np.repeat(weights, HEIGHT, axis=1)
    sheet = volume_slices(weights, 2, log=True)
    assert contains(sheet, np.full((80, 150, 3), colormap(0.0, 0, 1), np.uint8))
    assert contains(sheet, np.full((80, 150, 3), colormap(1.0, 0, 1), np.uint8))
    assert not (sheet[:, :150] == GREY).all(axis=-1).any()


def test_volume_slices_of_a_constant_and_grey_where_no_candidate_is():
    assert volume_slices(np.full((16, 8, 24), 0.5), 4, unit=2).dtype == np.uint8
    sheet = volume_slices(uniform(), 2, log=True)
    assert contains(sheet, np.full((80, 2 * (D - 1), 3), GREY, np.uint8))


def test_weight_curves_peak_at_the_match_and_end_with_the_candidates():
    pixels = {"a": (3, 10), "b": (4, WIDTH - 9)}
    weights = one_hot(16)
    sheet = weight_curves(weights, pixels)
    # Over the peak's column, the curve reaches the top of the plot.
    plot = sheet[LABEL_HEIGHT : LABEL_HEIGHT + 60, LEFT_MARGIN : LEFT_MARGIN + 560]
    columns = np.nonzero((plot == COLORS[0]).all(axis=-1).any(axis=0))[0]
    assert abs(columns.mean() - (8 + 544 * 16 / (D - 1))) < 3
    # b has 9 candidates: its curve ends at k = 8.
    plot = sheet[LABEL_HEIGHT + 60 :, LEFT_MARGIN : LEFT_MARGIN + 560]
    columns = np.nonzero((plot == COLORS[1]).all(axis=-1).any(axis=0))[0]
    assert abs(columns.max() - (8 + 544 * 8 / (D - 1))) < 5


def test_weight_curves_mark_the_truth():
    truth = np.full((HEIGHT, WIDTH), -1.0)
    pixels = {"a": (3, 10)}
    without = weight_curves(uniform(), pixels, truth)
    truth[3, 10] = 24
    change = (weight_curves(uniform(), pixels, truth) != without).any(axis=-1)
    columns = np.nonzero(change.any(axis=0))[0]
    assert abs(columns.mean() - LEFT_MARGIN - (8 + 544 * 24 / (D - 1))) < 2


def test_marks_surround_their_pixels_and_leave_them_visible():
    picture = np.full((64, 256, 3), 90, np.uint8)
    pixels = {"a": (30, 40), "b": (10, 200)}
    marked = mark_pixels(picture, pixels)
    for number, (row, column) in enumerate(pixels.values()):
        assert tuple(marked[row, column]) == (90, 90, 90)
        rows, columns = np.nonzero((marked == COLORS[number]).all(axis=-1))
        assert abs(rows.mean() - row) < 0.6 and abs(columns.mean() - column) < 0.6


def scene(height=64, width=256) -> dict[str, np.ndarray]:
    """A near card at columns 90..139 in front of a wall, textured but for one patch."""
    rng = np.random.default_rng(0)
    mono = rng.random((height, width))
    mono[10:40, 20:60] = 0.5
    disparity = np.full((height, width), 4.0)
    disparity[:, 90:140] = 16.0
    return {"mono": mono[..., None], "disparity": disparity}


def test_chosen_pixels_are_what_they_are_called():
    example = scene()
    pixels = choose_pixels(example)
    assert pixels == choose_pixels(example)
    assert list(pixels) == ["texture", "flat", "border", "occluded"]
    row, column = pixels["flat"]
    assert 10 <= row < 40 and 20 <= column < 60
    assert pixels["border"][1] >= 256 - 8
    # The card hides what lies right of it, by its disparity less the wall's.
    assert 140 <= pixels["occluded"][1] < 152


@pytest.mark.parametrize("disparity", [None, -1.0, 4.0])
def test_pixels_without_occlusion_lie_at_an_edge(disparity):
    mono = np.full((64, 256, 1), 0.2)
    mono[:, 130:] = 0.8
    example = {"mono": mono}
    if disparity is not None:
        example["disparity"] = np.full((64, 256), disparity)
    pixels = choose_pixels(example)
    assert len(set(pixels.values())) == 4
    assert list(pixels)[3:] == ["edge"]
    assert abs(choose_pixels({"mono": mono})["texture"][1] - 130) < 8


def test_the_smallest_example_has_pixels():
    pixels = choose_pixels({"mono": np.zeros((32, 32, 1))})
    assert all(0 <= row < 32 and 0 <= column < 32 for row, column in pixels.values())
