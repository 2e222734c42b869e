"""Both views of a pair: read from one file or two, and what is odd about them."""

import io
import os
import pathlib
import struct

import numpy as np
import pytest
from PIL import ExifTags, Image
from skimage import data

from colornet.color import rgb_to_luma
from colornet.errors import InputError
from colornet.io.limits import Limits
from colornet.io.pairs import matched_size, pair_warnings, read_pair, read_pair_file
from colornet.io.pictures import read_picture, write_picture

_LEFT, _RIGHT, _ = data.stereo_motorcycle()
_SMALL_LEFT, _SMALL_RIGHT = (
    np.ascontiguousarray(view[::4, ::4]) for view in (_LEFT, _RIGHT)
)


def _mono(picture):
    return np.rint(rgb_to_luma(picture.astype(float))[..., 0]).astype(np.uint8)


def _save(path, picture, orientation=None):
    exif = Image.Exif()
    if orientation:
        exif[ExifTags.Base.Orientation] = orientation
    Image.fromarray(picture).save(path, exif=exif)


def test_a_pair_is_read_as_it_is_stored(tmp_path):
    for orientation in (None, 1, 3, 6):
        _save(tmp_path / "mono.png", _mono(_SMALL_RIGHT), orientation)
        _save(tmp_path / "reference.png", _SMALL_LEFT, orientation)
        pair = read_pair(tmp_path / "mono.png", tmp_path / "reference.png")
        np.testing.assert_array_equal(pair[0].pixels, _mono(_SMALL_RIGHT))
        np.testing.assert_array_equal(pair[1].pixels, _SMALL_LEFT)
        assert [view.orientation for view in pair] == [orientation or 1] * 2
        assert all(view.notes == () for view in pair)


def test_two_orientations_are_named(tmp_path):
    _save(tmp_path / "mono.png", _mono(_SMALL_RIGHT), 6)
    _save(tmp_path / "reference.png", _SMALL_LEFT)
    with pytest.raises(InputError, match="6 of .*mono.png and 1 of .*reference.png"):
        read_pair(tmp_path / "mono.png", tmp_path / "reference.png")


def test_bits_are_judged_by_both_views(tmp_path):
    mono = _mono(_SMALL_RIGHT).astype(np.uint16) * 6  # At most 1530 of 12 bits.
    write_picture(tmp_path / "mono.png", mono)
    write_picture(tmp_path / "reference.png", _SMALL_LEFT)
    places = tmp_path / "mono.png", tmp_path / "reference.png"
    found = read_pair(*places)[0]
    assert found.notes == (f"{places[0]} holds 12 bits in 16: scaled by 16",)
    np.testing.assert_array_equal(found.pixels, np.rint(mono / 4095 * 65535))
    np.testing.assert_array_equal(read_pair(*places, bits=16)[0].pixels, mono)
    # The same file is a dark picture beside a reference that is as dark.
    write_picture(tmp_path / "reference.png", _SMALL_LEFT // 16)
    assert read_pair(*places)[0].notes == ()
    with pytest.raises(InputError, match="99 px a side"):
        read_pair(*places, limits=Limits(max_side=99))


def _mpo(path, views):
    first, second = (Image.fromarray(view) for view in views)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 3
    first.save(
        path, "MPO", save_all=True, append_images=[second], quality=95, exif=exif
    )


def _jps(path, halves, flags=None, layout=2):
    file = io.BytesIO()
    Image.fromarray(np.hstack(halves)).save(file, "JPEG", quality=95)
    jpeg = file.getvalue()
    if flags is not None:
        body = b"_JPSJPS_" + struct.pack(">HBBBBH", 4, 0, flags, layout, 1, 0)
        segment = b"\xff\xe3" + struct.pack(">H", len(body) + 2) + body
        jpeg = jpeg[:2] + segment + jpeg[2:]
    path.write_bytes(jpeg)


@pytest.mark.parametrize("kind", ["mpo", "crossed", "crossed by header", "left first"])
def test_both_views_of_one_file(tmp_path, kind):
    path = tmp_path / ("a.MPO" if kind == "mpo" else "a.jps")
    if kind == "mpo":
        _mpo(path, (_LEFT, _RIGHT))
    elif kind == "left first":
        _jps(tmp_path / "a.jps", (_LEFT, _RIGHT), flags=4)
    else:
        _jps(path, (_RIGHT, _LEFT), None if kind == "crossed" else 0)
    for mono_view in ("right", "left"):
        mono, reference = read_pair_file(path, mono_view)
        views = (_RIGHT, _LEFT) if mono_view == "right" else (_LEFT, _RIGHT)
        for found, view in zip((mono, reference), views, strict=True):
            assert found.pixels.shape == view.shape
            assert np.abs(found.pixels - view.astype(float)).mean() < 4
            assert found.orientation == (3 if kind == "mpo" else 1)


def test_files_that_hold_no_pair(tmp_path):
    write_picture(tmp_path / "one.jpg", _LEFT)
    with pytest.raises(InputError, match="both views: MPO, or JPS.*one.jpg"):
        read_pair_file(tmp_path / "one.jpg")
    with pytest.raises(InputError, match="nowhere.mpo, which does not exist"):
        read_pair_file(tmp_path / "nowhere.mpo")
    for flags, layout in ((2, 2), (0, 3)):
        _jps(tmp_path / "a.jps", (_RIGHT, _LEFT), flags, layout)
        with pytest.raises(InputError, match="a.jps .*side by side at their full size"):
            read_pair_file(tmp_path / "a.jps")
    _mpo(tmp_path / "a.mpo", (_LEFT, _RIGHT))
    for name in ("mono", "reference"):
        paths = {"mono": tmp_path / "one.jpg", "reference": tmp_path / "one.jpg"}
        paths[name] = tmp_path / "a.mpo"
        with pytest.raises(InputError, match="a.mpo, which holds two views .*--pair"):
            read_pair(paths["mono"], paths["reference"])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("size", [(250, 370), (1000, 1482), (500, 745), (504, 741)])
def test_a_reference_of_another_size_is_resampled(dtype, size):
    smooth = Image.fromarray(_LEFT).resize((74, 50)).resize((741, 500))
    other = np.asarray(smooth.resize(size[::-1]))
    white = 1 if dtype == np.float32 else np.iinfo(dtype).max
    other = (other / 255 * white).astype(dtype)
    found, note = matched_size(_mono(_RIGHT), other)
    assert found.dtype == dtype and found.shape == _LEFT.shape
    error = found.astype(float) / white - np.asarray(smooth) / 255.0
    assert np.abs(error).mean() < 0.01
    assert note.endswith(f"{size[1]} x {size[0]} is resampled to 741 x 500")


def test_a_reference_that_shrinks_is_averaged():
    fine = np.zeros((400, 400, 3), np.uint8)
    fine[::2] = 255
    found, _ = matched_size(np.zeros((100, 100)), fine)
    assert np.ptp(found[10:-10]) <= 2 and abs(int(found[50, 50, 0]) - 128) <= 2


def test_another_aspect_ratio_is_to_be_cropped():
    same, note = matched_size(_mono(_RIGHT), _LEFT)
    assert same is _LEFT and note == ""
    mono = np.zeros((300, 400), np.uint8)
    for size, crop in (((900, 1600), "1200 x 900"), ((1600, 900), "900 x 675")):
        with pytest.raises(InputError, match=f"{crop} .*400 x 300 and {size[1]} x"):
            matched_size(mono, np.zeros((*size, 3), np.uint8))


def _jpeg(picture, quality):
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def _sepia(picture):
    rows = [[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]]
    return np.clip(picture @ np.transpose(rows), 0, 255).astype(np.uint8)


def _nearly_grey(picture):
    grey = _mono(picture)[..., None]
    return np.rint(0.95 * grey + 0.05 * picture).astype(np.uint8)


@pytest.mark.parametrize("quality", [None, 90, 30])
@pytest.mark.parametrize(
    ("mono", "reference", "words"),
    [
        (_mono(_RIGHT), _LEFT, None),
        (_RIGHT, _LEFT, None),
        (_mono(_RIGHT) // 16, _LEFT, None),
        (_mono(_RIGHT), _nearly_grey(_LEFT), "reference is nearly grey"),
        (_mono(_RIGHT), _sepia(_LEFT), "one tint only"),
        (np.zeros_like(_mono(_RIGHT)), _LEFT, "mono picture is black"),
        (np.full_like(_mono(_RIGHT), 254), _LEFT, "mono picture is white"),
        ((_mono(_RIGHT) > 90) * np.uint8(200), _LEFT, "two grey levels"),
        (_mono(_LEFT), _LEFT, "the same picture twice"),
    ],
)
def test_odd_pairs_are_told(mono, reference, words, quality):
    if quality:
        reference = _jpeg(reference, quality)
    found = pair_warnings(mono, reference)
    assert len(found) == (words is not None)
    assert words is None or words in found[0]
    deep = mono.astype(np.uint16) * 257, np.float32(reference) / np.float32(255)
    assert pair_warnings(*deep) == found


def test_odd_pairs_of_odd_sizes_are_told_too():
    for size in ((1, 1), (1, 5), (3, 2), (2000, 3)):
        warnings = pair_warnings(np.ones(size, np.uint8), np.zeros((*size, 3)))
        assert warnings == ["the mono picture is black", "the reference is nearly grey"]


def test_nothing_is_odd_about_real_pairs():
    root = pathlib.Path(__file__).parents[1]
    top = os.environ.get("COLORNET_REAL_DATA") or root / "../shared/stereo"
    lefts = sorted(pathlib.Path(top).glob("*/*/left.png"))
    if not lefts:
        pytest.skip("no real data: set COLORNET_REAL_DATA")
    for left in lefts[::4]:
        mono = read_picture(left.with_name("right.png"))
        assert pair_warnings(mono, read_picture(left)) == [], left
