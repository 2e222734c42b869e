"""Differences of two cameras, and the score of pairs that they have taken."""

import dataclasses
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage.color import rgb2xyz
from skimage.data import stereo_motorcycle

from colornet.color import output_picture, rgb_to_chroma, rgb_to_luma
from colornet.errors import InputError
from colornet.metrics import chroma_psnr
from colornet.noise import NOISE_SETUPS
from experiments.disturbances import show
from experiments.disturbances.cameras import (
    DISTURBANCES,
    UNDISTURBED,
    Cameras,
    Case,
    cases,
    compressed,
    exposed,
)
from experiments.disturbances.cells import Cell, csv_table, read_cells
from experiments.disturbances.photographs import Photographs, photographs
from tfrecords_tools.records import RecordConfig, make_record
from tfrecords_tools.sources import Views


@pytest.fixture(scope="module")
def motorcycle():
    """The photographed pair, a part that every camera sees well."""
    left, right, disparity = stereo_motorcycle()
    window = np.s_[100:260, 200:440]
    return Views(left[window], right[window], disparity[window])


@pytest.fixture
def cameras():
    rng = np.random.default_rng(0)
    reference, scene = gaussian_filter(rng.random((2, 40, 60, 3)), (0, 2, 2, 0))
    # Over nearly all of the range.
    reference, scene = (np.clip(6 * (v - 0.5) + 0.5, 0, 1) for v in (reference, scene))
    return Cameras(rgb_to_luma(scene), reference, scene, NOISE_SETUPS[1])


def _disturbed(cameras, name, strength):
    """What a disturbance changed, by the name of the attribute."""
    after = Case(name, strength).apply(cameras)
    return {
        field.name: getattr(after, field.name)
        for field in dataclasses.fields(Cameras)
        if getattr(after, field.name) is not getattr(cameras, field.name)
    }


@pytest.mark.parametrize("name", DISTURBANCES)
def test_the_neutral_strength_changes_nothing_and_others_do(cameras, name):
    disturbance = DISTURBANCES[name]
    if name != "jpeg":
        after = Case(name, disturbance.neutral).apply(cameras)
        for attribute in ("mono", "reference", "scene"):
            before = getattr(cameras, attribute)
            np.testing.assert_allclose(getattr(after, attribute), before, atol=2e-6)
        assert (after.noise, after.quality) == (cameras.noise, cameras.quality)
    for strength in disturbance.strengths:
        assert bool(_disturbed(cameras, name, strength)) == (name != UNDISTURBED)


def test_exposure_is_of_linear_light(cameras):
    # scikit-image's own linearization: Y of XYZ is a weighted mean of linear RGB.
    [(_, found)] = _disturbed(cameras, "mono_exposure", -1).items()
    grey = [np.repeat(y, 3, axis=-1) for y in (cameras.mono, found)]
    before, after = (rgb2xyz(picture)[..., 1] for picture in grey)
    np.testing.assert_allclose(after, before / 2, atol=1e-5)
    lighter = exposed(cameras.mono, 2)
    assert lighter.max() == 1 and (lighter == 1).mean() > 0.05


def test_tone_and_spectrum_of_the_mono_camera(cameras):
    red, _, blue = np.moveaxis(cameras.scene, -1, 0)[..., None]
    mono = cameras.mono
    expected = {
        ("mono_gain", 0.5): mono * 0.5,
        ("mono_gamma", 2.2): mono**2.2,
        ("mono_red", 1): red,
        ("mono_blue", 0.25): 0.75 * mono + 0.25 * blue,
        ("mono_red_not_blue", 1): (red + 1 - blue) / 2,
    }
    for case, values in expected.items():
        changed = _disturbed(cameras, *case)
        assert list(changed) == ["mono"]
        np.testing.assert_allclose(changed["mono"], values, atol=1e-12)


def test_vignette(cameras):
    found = _disturbed(cameras, "mono_vignette", 60)["mono"] / cameras.mono
    assert found[0, 0, 0] == pytest.approx(0.4) == found[-1, -1, 0]
    assert found[20, 30, 0] == pytest.approx(1, abs=2e-3)
    assert found[20, 0, 0] == pytest.approx(0.7, abs=2e-3)


def test_local_tone(cameras):
    """Large steps of light shrink, small details grow; half of it is the mean."""
    rows, columns = np.mgrid[:200, :300]
    mono = np.where(columns < 150, 0.2, 0.8) + 0.02 * (-1.0) ** (rows + columns)
    cameras = dataclasses.replace(cameras, mono=mono[..., None])
    found = _disturbed(cameras, "mono_local_tone", 1)["mono"][..., 0]
    assert found[:, 280].mean() - found[:, 20].mean() == pytest.approx(0.24, abs=0.01)
    assert np.ptp(found[100:110, 20]) == pytest.approx(1.3 * 0.04, abs=1e-3)
    half = _disturbed(cameras, "mono_local_tone", 0.5)["mono"][..., 0]
    np.testing.assert_allclose(half, (mono + found) / 2)


def test_the_truth_has_the_colours_of_the_reference(cameras):
    gains = (1.4, 1, 0.6)
    expected = {
        ("white_balance", 0.4): lambda rgb: np.clip(rgb * gains, 0, 1),
        ("reference_gain", 2): lambda rgb: np.clip(2 * rgb, 0, 1),
        ("reference_gamma", 0.5): np.sqrt,
    }
    for case, change in expected.items():
        changed = _disturbed(cameras, *case)
        assert set(changed) == {"reference", "scene"}
        for name, found in changed.items():
            np.testing.assert_allclose(found, change(getattr(cameras, name)))


def test_geometry_of_the_reference(cameras):
    before = cameras.reference
    lower = _disturbed(cameras, "vertical_offset", 4)
    assert list(lower) == ["reference"]
    np.testing.assert_allclose(lower["reference"][4:], before[:-4], atol=1e-6)
    left = _disturbed(cameras, "horizontal_offset", 8)
    assert list(left) == ["reference"]
    np.testing.assert_allclose(left["reference"][:, :-8], before[:, 8:], atol=1e-6)
    finer = dataclasses.replace(cameras, pixel=2)
    twice = _disturbed(finer, "vertical_offset", 2)["reference"]
    np.testing.assert_allclose(twice, lower["reference"])
    # A point 10 px right of the centre and 5 above it, against linear interpolation.
    ramps = np.stack([*np.mgrid[:41, :61] / 100.0, np.zeros((41, 61))], axis=-1)
    still = dataclasses.replace(cameras, reference=ramps)
    larger = _disturbed(still, "magnification", 2)["reference"]
    assert 100 * larger[15, 40, :2] == pytest.approx((20 - 5 / 1.02, 30 + 10 / 1.02))
    turned = _disturbed(still, "rotation", 0.6)["reference"]
    sine, cosine = np.sin(np.deg2rad(0.6)), np.cos(np.deg2rad(0.6))
    expected = 20 - 5 * cosine - 10 * sine, 30 + 10 * cosine - 5 * sine
    assert 100 * turned[15, 40, :2] == pytest.approx(expected, abs=1e-3)


def test_sharpness_of_the_reference(cameras):
    soft = _disturbed(cameras, "blur", 2)["reference"]
    np.testing.assert_allclose(soft, gaussian_filter(cameras.reference, (2, 2, 0)))
    finer = dataclasses.replace(cameras, pixel=2)
    np.testing.assert_allclose(_disturbed(finer, "blur", 1)["reference"], soft)
    # Stripes of one pixel are gone at half of the resolution.
    stripes = np.tile([[[0.0], [1.0]]], (20, 15, 3))
    fine = dataclasses.replace(cameras, reference=stripes)
    reduced = _disturbed(fine, "resolution", 2)["reference"]
    assert reduced.shape == stripes.shape and np.ptp(reduced[:, 4:-4]) < 0.2
    finer = dataclasses.replace(fine, pixel=2)
    np.testing.assert_array_equal(
        _disturbed(finer, "resolution", 1)["reference"], reduced
    )


def test_noise_and_jpeg(cameras):
    noise = _disturbed(cameras, "noise", 5)["noise"]
    assert noise.color == pytest.approx(0.15) and noise.mono == pytest.approx(0.05)
    assert _disturbed(cameras, "jpeg", 30) == {"quality": 30}
    for picture in (cameras.mono, cameras.reference):
        codes = np.rint(255 * picture).astype(np.uint8)
        assert compressed(codes, None) is codes
        stored = compressed(codes, 30)
        assert stored.dtype == np.uint8 and stored.shape == codes.shape
        error = np.abs(stored.astype(int) - codes)
        assert 0.3 < error.mean() < 30


def test_cases():
    every = cases([])
    assert every[0] == Case(UNDISTURBED, 0) and len(set(every)) == len(every)
    assert {case.name for case in every} == set(DISTURBANCES)
    blur, offset = Case("blur", 2), Case("vertical_offset", 8)
    assert cases(["blur=2", "vertical_offset=8", "blur=2"]) == [every[0], blur, offset]
    assert cases(["blur"])[1:] == [Case("blur", s) for s in (1, 2, 3)]
    with pytest.raises(InputError, match="mono_gain, .*Received: fog$"):
        cases(["fog"])
    with pytest.raises(InputError, match="blur of 1, 2, 3. Received: 7$"):
        cases(["blur=7"])


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_undisturbed_pairs_are_those_of_the_records(motorcycle, scale):
    settings = RecordConfig(scale=scale, mono_view="left")
    taken = photographs(motorcycle, "a/b", settings, Case(UNDISTURBED, 0))
    record = make_record(motorcycle, "a/b", settings)
    for name, stored in (("mono", record.mono), ("reference", record.reference)):
        np.testing.assert_array_equal(taken.example()[name], stored / np.float32(255))
    np.testing.assert_allclose(taken.truth, record.target / 255, atol=0.51 / 255)
    # And they are scored as `experiments.evaluate` does.
    wrong = rgb_to_chroma(np.roll(taken.truth, 3, axis=1))
    expected = chroma_psnr(wrong, rgb_to_chroma(record.target / 255))
    for method in ("colorizer", "semi_global"):
        assert taken.score(wrong, method) == pytest.approx(expected, abs=0.02)


def _perfect(taken, method):
    """The chroma that a method would have if it made no error, from its definition."""
    if method != "colorizer":
        return rgb_to_chroma(taken.truth)
    luma = np.maximum(rgb_to_luma(taken.truth), 1e-6)
    return rgb_to_chroma(taken.truth) / luma * taken.mono_luma


@pytest.mark.parametrize("method", ["colorizer", "semi_global"])
@pytest.mark.parametrize("case", cases([]), ids=lambda c: f"{c.name}={c.strength:g}")
def test_a_method_without_error_is_scored_so(motorcycle, case, method):
    taken = photographs(motorcycle, "a/b", RecordConfig(scale=0.5), case)
    perfect = _perfect(taken, method)
    # But for the rounding of codes that lie in the middle.
    assert taken.score(perfect, method) > 65
    # Grey is as bad whatever the disturbance of the mono camera is.
    grey = taken.score(0 * perfect, method)
    assert grey < 35
    if case.name in ("mono_gain", "mono_vignette"):
        plain = photographs(
            motorcycle, "a/b", RecordConfig(scale=0.5), Case(UNDISTURBED, 0)
        )
        assert grey == pytest.approx(plain.score(0 * perfect, method), abs=0.02)


def test_the_score_counts_hue_and_saturation_at_one_luma(motorcycle):
    plain, dark = (
        photographs(motorcycle, "a/b", RecordConfig(), case)
        for case in (Case(UNDISTURBED, 0), Case("mono_gain", 0.9))
    )
    perfect = _perfect(dark, "colorizer")
    # The chroma of the scene in a picture 9/10 as bright is a ninth too strong, which
    # is a ninth of grey's error.
    copied = dark.score(_perfect(plain, "colorizer"), "colorizer")
    expected = dark.score(0 * perfect, "colorizer") + 20 * np.log10(9)
    assert copied == pytest.approx(expected, abs=0.2)
    # The same relative error costs the same in the dark.
    costs = [
        t.score(1.1 * _perfect(t, "colorizer"), "colorizer") for t in (plain, dark)
    ]
    assert costs[0] == pytest.approx(costs[1], abs=0.05)
    # The picture that is shown has this chroma, too, where it fits into RGB.
    shown = rgb_to_chroma(output_picture(dark.mono_luma, perfect))
    assert dark.score(shown, "colorizer") > 60


def test_dark_pixels_are_not_blown_up():
    luma = np.full((8, 8, 1), 0.5)
    truth = np.broadcast_to([0.6, 0.5, 0.4], (8, 8, 3)) / rgb_to_luma(
        np.array([0.6, 0.5, 0.4])
    )
    truth = 0.5 * truth
    black = Photographs(luma, truth, luma, 0.001 * luma, truth)
    chroma = rgb_to_chroma(truth)
    # A thousandth of the light: an error of one code is one of four.
    error = np.full((8, 8, 2), 1 / 255)
    score = black.score(0.001 * chroma + error, "colorizer")
    assert score == pytest.approx(20 * np.log10(255 / 4), abs=0.01)
    night = Photographs(luma, truth, luma, 0 * luma, truth)
    assert night.score(chroma, "colorizer") == 100


_CELLS = [
    Cell(1, dataset, name, strength, method, 3, psnr, psnr - start)
    for dataset in ("d", "e")
    for name, strength, change in (
        (UNDISTURBED, 0.0, 0),
        ("mono_gain", 0.5, -8.6),
        ("blur", 1.0, 0.5),
        ("blur", 2.0, -4),
    )
    for method, start in (("colorizer", 37.5), ("a<b", 30.0))
    for psnr in [start + change]
]


def test_cells_come_back(tmp_path):
    (tmp_path / "cells.csv").write_text(csv_table(_CELLS))
    cells = read_cells(tmp_path / "cells.csv", notes := [])
    assert not notes
    for found, cell in zip(cells, _CELLS, strict=True):
        numbers = {"psnr": found.psnr, "change": found.change}
        assert dataclasses.replace(cell, **numbers) == found
        assert numbers == pytest.approx({"psnr": cell.psnr, "change": cell.change})


def test_markdown():
    lines = show.markdown(_CELLS).splitlines()
    assert lines[2] == "**Setup 1, d, 3 pictures**" and lines.count(lines[4]) == 2
    assert lines[4] == "|  |  | colorizer | a<b |"
    assert lines[6] == "| undisturbed |  | 37.50 | 30.00 |"
    expected = "| mono code values, times | 0.5 | 28.90 (-8.60) | 21.40 (-8.60) |"
    assert lines[7] == expected
    assert lines[9].startswith("| reference blurred, sigma px | 2 | 33.50 (-4.00)")


def test_curves_go_through_the_undisturbed_point():
    root = ElementTree.fromstring(show.picture(_CELLS))
    space = "{http://www.w3.org/2000/svg}"
    curves = root.findall(f".//{space}polyline")
    assert len(curves) == 2 * 2 * 2  # datasets, disturbances, methods
    blur = [point.split(",") for point in curves[2].get("points").split()]
    xs, ys = np.array(blur, float).T
    assert len(xs) == 3 and (np.diff(xs) > 0).all()
    # Up is better: undisturbed, +0.5 dB, -4 dB.
    assert (ys[0] - ys[1]) / (ys[2] - ys[0]) == pytest.approx(0.5 / 4, abs=0.01)
    titles = [element.text for element in root.iter(f"{space}title")]
    assert "a<b, 0.5: 21.40 dB" in titles
    texts = [element.text for element in root.iter(f"{space}text")]
    assert texts.count("colorizer") == 2 and "reference blurred, sigma px" in texts
