"""Larger pictures of a rendered scene, with no more detail than it had."""

import numpy as np
from PIL import Image

from tfrecords_tools.synthetic.scene import Scene


def enlarged(scene: Scene, height: int, width: int) -> Scene:
    """The scene at another size: pictures by cubic, all else by nearest neighbours.

    Disparity grows with the width. A larger picture looks as photographs at their full
    size do, softer in each pixel.

    Args:
        scene: what `render_scene` gives.
        height: px, at least the scene's.
        width: px, at least the scene's.

    Returns:
        A scene of `height` x `width`; its arrays are typed as before.
    """
    size = (width, height)

    def cubic(picture: np.ndarray) -> np.ndarray:
        return np.asarray(
            Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC)
        )

    rows, columns = (
        ((np.arange(new) + 0.5) * old / new).astype(int)
        for old, new in zip(scene.disparity.shape, (height, width), strict=True)
    )
    nearest = np.ix_(rows, columns)
    factor = np.float32(width / scene.mono.shape[1])
    return Scene(
        cubic(scene.mono),
        cubic(scene.reference),
        scene.disparity[nearest] * factor,
        scene.occluded[nearest],
    )
