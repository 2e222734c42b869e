"""Random textured stereo scenes with exact disparity, rendered with NumPy and Pillow.

Conventions, fixed here once:

- Mono pixel (j, i) corresponds to reference pixel (j, i + disparity), disparity >= 0
  px (Eq. 1): the mono camera is the right one of a rectified pair.
- Pixel centres lie at integer coordinates; x runs right and y runs down.
- A surface is an affine disparity plane d(x, y) = a + b x + c y, an outline and a
  picture ("patch"), all three functions of *mono-view* coordinates. The map into the
  reference view, X = x + d(x, y), is affine as well and |b| < 0.4 keeps it monotone:
  x = (X - a - c y) / (1 + b). So both views are rendered from the same functions and
  neither is a warp of the other.
- A curved surface adds a smooth relief to d. Its slope counts towards the same bound,
  so X = x + d stays monotone along x, and Newton's method solves it for x.
- Visibility is a z-buffer a sample: the largest disparity wins.
"""

from tfrecords_tools.synthetic.camera import defocused, other_camera
from tfrecords_tools.synthetic.render import render_scene
from tfrecords_tools.synthetic.scene import Scene, SceneConfig
from tfrecords_tools.synthetic.surfaces import Surface, build_surfaces
from tfrecords_tools.synthetic.textures import (
    PictureFiles,
    folder_textures,
    open_textures,
    skimage_textures,
)

__all__ = [
    "PictureFiles",
    "Scene",
    "SceneConfig",
    "Surface",
    "build_surfaces",
    "defocused",
    "folder_textures",
    "open_textures",
    "other_camera",
    "render_scene",
    "skimage_textures",
]
