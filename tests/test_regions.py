"""Where methods err."""

import re

import numpy as np

from colornet.color import ycbcr_to_rgb
from experiments.evaluation.regions import regions
from tests.command_line import start_each
from tests.stereo_scene import FAR, NEAR, two_planes

_BORDER = "hidden: at the right border"
_NARROW, _WIDE = (f"hidden: {n} 16 px wide" for n in ("up to", "more than"))


def _found(disparity, target=None):
    disparity = np.asarray(disparity, float)
    if target is None:
        target = np.full((*disparity.shape, 3), 0.5)
    return regions(target, disparity)


def test_the_two_planes():
    """The wall's last columns are hidden, and a gap beside the board."""
    scene = two_planes()
    found = _found(scene.disparity)
    np.testing.assert_array_equal(found["visible"], scene.visible)
    outside = np.zeros_like(scene.visible)
    outside[:, -FAR:] = True
    np.testing.assert_array_equal(found[_BORDER], outside)
    np.testing.assert_array_equal(found[_NARROW], ~scene.visible & ~outside)
    assert found[_NARROW].any(axis=1).sum() and not found[_WIDE].any()
    assert set(found[_NARROW].sum(axis=1)) == {0, NEAR - FAR}
    assert not found["visible: thin"].any()


def test_parts_are_the_whole():
    rng = np.random.default_rng(0)
    disparity = np.kron(rng.integers(-1, 60, (6, 12)), np.ones((4, 10)))
    found = _found(disparity, rng.random((*disparity.shape, 3)))
    for whole, sign in (("visible", ":"), ("hidden", ":"), ("hidden", ",")):
        parts = [where for name, where in found.items() if f"{whole}{sign}" in name]
        np.testing.assert_array_equal(np.sum(parts, axis=0), found[whole])
    assert (found["visible"] ^ found["hidden"]).all()


def test_each_part():
    disparity = np.full((20, 200), 5)
    disparity[:, 20:26] = 9
    disparity[:, 60:100] = 40
    disparity[:, 150:] = 40
    disparity[0] = -1
    disparity[2:, 35:40] = -1
    found = _found(disparity)
    assert found[_BORDER][0].all()
    for name, columns in (
        ("visible: thin", range(20, 26)),
        (_NARROW, range(26, 30)),
        (_WIDE, range(100, 135)),
        (_BORDER, range(160, 200)),
    ):
        np.testing.assert_array_equal(np.flatnonzero(found[name][1]), columns)
    unknown = np.flatnonzero(found[_NARROW][2])
    np.testing.assert_array_equal(unknown, [*range(26, 30), *range(35, 40)])


def test_coloured_textures():
    chroma = np.zeros((40, 80, 2))
    chroma[:, 40:, 0] = 0.1 * (-1) ** np.arange(40)
    luma = np.full((40, 80, 1), 0.5)
    target = ycbcr_to_rgb(luma, chroma)
    found = _found(np.full((40, 80), -1), target)["hidden, coloured texture"]
    assert not found[:, :30].any() and found[:, 50:].all()


def test_the_program_goes_on_from_the_same_settings_alone(records, tmp_path):
    flags = [f"--records={records}", "--split=validation", "--methods=semi_global"]
    flags.append(f"--output={tmp_path / 'out'}")
    calls = {
        "stopped": [*flags, "--candidates=32", "--limit=1"],
        "whole": [*flags, "--candidates=32"],
        "other": [*flags, "--candidates=64"],
    }
    results = start_each("experiments.error_regions", calls)
    done = {
        name: re.findall(r"^semi_global, (.+)", result.stdout, re.M)
        for name, result in results.items()
    }
    assert [len(keys) for keys in done.values()] == [1, 1, 2], results
    assert sorted(done["stopped"] + done["whole"]) == sorted(done["other"])
    # The parts are those of an example: visible and hidden pixels are all of them.
    shares = {
        name: int(re.search(rf"\| {name} \| (\d+)%", results["whole"].stdout)[1])
        for name in ("visible", "hidden")
    }
    assert 99 <= sum(shares.values()) <= 101
