"""colornet/occlusion.py against rendered scenes and by hand."""

import dataclasses

import numpy as np
import pytest

from colornet.occlusion import occlusion_depth, visible_pixels
from tests.test_synthetic import SMALL
from tfrecords_tools import synthetic


@pytest.mark.parametrize("seed", (1, 2, 3))
def test_visible_pixels_are_those_of_the_renderer(seed):
    config = dataclasses.replace(SMALL, curved_fraction=0.0)
    scene = synthetic.render_scene(seed, config, None)
    visible = visible_pixels(scene.disparity)
    assert 0.03 < scene.occluded.mean() < 0.5
    assert np.mean(visible == ~scene.occluded) > 0.975


def test_a_near_post_hides_what_lies_behind_it_and_not_what_lies_beside():
    disparity = np.full((1, 40), 2.0)
    disparity[0, 10:15] = 9.0  # the reference shows it at 19 to 23
    depth = occlusion_depth(disparity)[0]
    assert depth.tolist() == [7.0 if 17 <= i < 22 else 0.0 for i in range(40)]
    expected = depth == 0
    expected[38:] = False  # leaves the frame
    assert (visible_pixels(disparity)[0] == expected).all()
    disparity[0, 3] = -1
    expected[3] = False
    assert (visible_pixels(disparity)[0] == expected).all()
