"""What rendered scenes look like: colour, light, and the pictures on their surfaces."""

import dataclasses
import pathlib

import numpy as np
import pytest
from PIL import Image

from tfrecords_tools import synthetic

SMALL = synthetic.SceneConfig(height=120, width=208, max_disparity=48)


def test_scenes_have_occlusions_colour_and_contrast() -> None:
    textures = synthetic.skimage_textures()
    hidden, chroma, contrast = [], [], []
    for seed in range(8):
        scene = synthetic.render_scene(seed, SMALL, textures)
        beyond = np.arange(SMALL.width) + scene.disparity > SMALL.width - 1
        hidden.append(np.mean(scene.occluded & ~beyond))
        picture = Image.fromarray(scene.mono).convert("YCbCr")
        y, cb, cr = np.moveaxis(np.asarray(picture, float), -1, 0)
        chroma.append(np.hypot(cb - 128, cr - 128).mean())
        contrast.append(y.std())
    assert 0.01 < np.mean(hidden) < 0.4 and min(hidden) > 0
    assert 6 < np.median(chroma) < 45
    assert np.median(contrast) > 20 and min(contrast) > 3


def test_light_changes_the_pictures_alone_and_the_luma_most() -> None:
    lit = dataclasses.replace(SMALL, lighting=1.0)
    darker = []
    for seed in range(6):
        before = synthetic.render_scene(seed, SMALL, None)
        after = synthetic.render_scene(seed, lit, None)
        for name in ("disparity", "occluded"):
            np.testing.assert_array_equal(getattr(before, name), getattr(after, name))
        pictures = (Image.fromarray(s.mono).convert("YCbCr") for s in (before, after))
        unlit, shown = (np.asarray(picture, float) for picture in pictures)
        y, cb, cr = np.moveaxis(shown - unlit, -1, 0)
        assert np.abs(y).mean() > 2 * max(np.abs(cb).mean(), np.abs(cr).mean())
        darker.append(np.mean(y < -10))
    assert np.mean(darker) > 0.1


def test_muted_scenes_and_plain_surfaces_have_little_colour_and_texture() -> None:
    chroma, texture = {}, {}
    for name in ("photo_fraction", "muted_fraction", "plain_fraction"):
        config = dataclasses.replace(SMALL, **{name: 1.0})
        chroma[name], texture[name] = [], []
        for seed in range(8):
            mono = synthetic.render_scene(seed, config, None).mono
            y, cb, cr = np.moveaxis(
                np.asarray(Image.fromarray(mono).convert("YCbCr"), float), -1, 0
            )
            chroma[name].append(np.hypot(cb - 128, cr - 128).mean())
            texture[name].append(np.median(np.hypot(*np.gradient(y))))
    assert np.mean(chroma["muted_fraction"]) < 0.6 * np.mean(chroma["photo_fraction"])
    assert np.mean(texture["plain_fraction"]) < 0.6 * np.mean(texture["photo_fraction"])


def test_smaller_photographs_have_more_detail_and_saturation_more_colour() -> None:
    photos = dataclasses.replace(SMALL, photo_fraction=1.0)
    detail, chroma = {}, {}
    for name, change in (
        ("large", {"photo_scale": (2.0, 2.0)}),
        ("small", {"photo_scale": (0.3, 0.3)}),
        ("sharp", {"photo_scale": (0.3, 0.3), "least_texel": 0.5}),
        ("sharpened", {"photo_scale": (0.3, 0.3), "detail": 2.0}),
        ("pale", {"saturation": (0.4, 0.4)}),
        ("vivid", {"saturation": (1.6, 1.6)}),
    ):
        config = dataclasses.replace(photos, **change)
        scenes = [
            synthetic.render_scene(seed, config, synthetic.skimage_textures())
            for seed in range(4)
        ]
        pictures = [Image.fromarray(scene.mono).convert("YCbCr") for scene in scenes]
        y, cb, cr = np.moveaxis(np.array(pictures, float), -1, 0)
        detail[name] = np.abs(np.diff(y, axis=-1)).mean()
        chroma[name] = np.hypot(cb - 128, cr - 128).mean()
    assert detail["small"] > 1.2 * detail["large"]
    assert detail["sharp"] > 1.05 * detail["small"]
    assert detail["sharpened"] > 1.3 * detail["small"]
    assert chroma["vivid"] > 1.5 * chroma["pale"]


def test_skimage_textures_hold_no_test_picture() -> None:
    textures = synthetic.skimage_textures()
    assert len(textures) >= 4
    assert not any("motorcycle" in path.name for path in textures.paths)
    for index in range(len(textures)):
        picture = textures[index]
        assert picture.dtype == np.uint8
        assert picture.ndim == 3 and picture.shape[2] == 3


def test_folder_textures_are_sorted_lazy_and_bounded(tmp_path: pathlib.Path) -> None:
    levels = {"b.png": ("RGB", 20), "a.jpg": ("L", 90), "deep/c.PNG": ("RGBA", 200)}
    (tmp_path / "deep").mkdir()
    for name, (mode, level) in levels.items():
        colour = level if mode == "L" else (level,) * len(mode)
        Image.new(mode, (40, 30), colour).save(tmp_path / name)
    Image.new("RGB", (3000, 100)).save(tmp_path / "wide.png")
    (tmp_path / "notes.txt").write_text("not a picture")
    textures = synthetic.folder_textures(tmp_path, cache_size=2)
    names = [path.name for path in textures.paths]
    assert names == ["a.jpg", "b.png", "c.PNG", "wide.png"]
    for index, level in enumerate((90, 20, 200)):
        assert textures[index].shape == (30, 40, 3)
        assert np.abs(textures[index].astype(int) - level).max() <= 2
        assert textures[index] is textures[index]  # kept
    assert textures[3].shape[1] == 1280
    kept = textures[2]
    assert textures[0] is not None and textures[2] is kept
    for path in textures.paths:
        path.unlink()
    assert textures[2] is kept
    with pytest.raises(ValueError, match="b.png"):
        textures[1]  # dropped from the cache, and now gone


def test_folder_textures_name_what_is_wrong(tmp_path: pathlib.Path) -> None:
    with pytest.raises(ValueError, match="Received: .*"):
        synthetic.folder_textures(tmp_path)
    with pytest.raises(ValueError, match="Received: .*missing"):
        synthetic.folder_textures(tmp_path / "missing")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    textures = synthetic.folder_textures(tmp_path)
    with pytest.raises(ValueError, match="broken.png"):
        textures[0]
    config = dataclasses.replace(SMALL, photo_fraction=1.0)
    with pytest.raises(ValueError, match="broken.png"):
        synthetic.render_scene(0, config, textures)
