import os
import struct
import subprocess
import sys
import warnings
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps

from colornet.errors import InputError
from colornet.io.limits import MAX_PIXELS, MAX_SIDE
from colornet.io.photograph import Photograph, as_stored, upright
from colornet.io.pictures import (
    check_writable,
    read_photograph,
    read_picture,
    to_float,
    write_picture,
)

# The headers of profiles for RGB and CMYK numbers.
_PROFILE = bytes(16) + b"RGB " + bytes(range(108))
_CMYK_PROFILE = bytes(16) + b"CMYK" + bytes(108)


def _picture(dtype, *shape):
    white = np.iinfo(dtype).max
    return np.random.RandomState(0).randint(0, white + 1, shape).astype(dtype)


@pytest.mark.parametrize(
    ("name", "dtype", "shape"),
    [
        ("a.png", np.uint8, (5, 7)),
        ("a.png", np.uint8, (5, 7, 3)),
        ("a.png", np.uint16, (5, 7)),
        ("a.png", np.uint16, (5, 7, 3)),
        ("a.PNG", np.uint16, (1, 1, 3)),
        ("a.tif", np.uint8, (5, 7, 3)),
        ("a.tif", np.uint16, (5, 7)),
        ("a.TIFF", np.uint16, (5, 7, 3)),
        ("a.bmp", np.uint8, (5, 7, 3)),
        ("a.ppm", np.uint8, (5, 7, 3)),
    ],
)
def test_what_is_written_is_read(tmp_path, name, dtype, shape):
    picture = _picture(dtype, *shape)
    write_picture(tmp_path / name, picture)
    back = read_picture(tmp_path / name)
    assert back.dtype == dtype
    np.testing.assert_array_equal(back, picture)
    assert os.listdir(tmp_path) == [name]


def test_written_16_bit_color_is_what_another_decoder_reads(tmp_path):
    picture = _picture(np.uint16, 6, 5, 3)
    write_picture(tmp_path / "a.png", picture)
    with Image.open(tmp_path / "a.png") as image:  # Pillow has the high bytes only.
        np.testing.assert_array_equal(np.asarray(image), picture >> 8)
    write_picture(tmp_path / "a.tif", picture)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "a.tif"), picture)


def _chunk(name, data):
    checksum = struct.pack(">I", zlib.crc32(name + data))
    return struct.pack(">I", len(data)) + name + data + checksum


def _png(picture):
    """A 16-bit PNG of 2 (grey with alpha), 3 or 4 channels, without filters."""
    height, width, channels = picture.shape
    color_type = {2: 4, 3: 2, 4: 6}[channels]
    header = struct.pack(">IIBBBBB", width, height, 16, color_type, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in picture)
    chunks = {b"IHDR": header, b"IDAT": zlib.compress(rows), b"IEND": b""}
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks.items())


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_16_bit_png_of_another_encoder(tmp_path, channels):
    picture = _picture(np.uint16, 9, 8, channels)
    (tmp_path / "a.png").write_bytes(_png(picture))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        back = read_picture(tmp_path / "a.png")
    if channels == 2:  # grey with alpha: Pillow has the high bytes only
        np.testing.assert_array_equal(back, picture[..., 0] >> 8)
    else:
        np.testing.assert_array_equal(back, picture[..., :3])


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("planes", ["contig", "separate"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"rowsperstrip": 2},
        {"compression": "zlib", "predictor": True},
        {"compression": "zlib", "tile": (16, 16)},
    ],
    ids=str,
)
def test_16_bit_color_tiff(tmp_path, options, planes, byteorder):
    path, picture = tmp_path / "a.tif", _picture(np.uint16, 9, 8, 3)
    stored = np.moveaxis(picture, -1, 0) if planes == "separate" else picture
    options = options | {"byteorder": byteorder, "planarconfig": planes}
    tifffile.imwrite(path, np.ascontiguousarray(stored), photometric="rgb", **options)
    found = read_picture(path)
    assert found.dtype == np.dtype(np.uint16)
    np.testing.assert_array_equal(found, picture)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(InputError, match="expected a whole"):
        read_picture(path)


def test_kinds_of_16_bit_tiff(tmp_path):
    path, picture = tmp_path / "a.tif", _picture(np.uint16, 9, 8, 4)
    tifffile.imwrite(path, picture[..., 0], photometric="miniswhite")
    np.testing.assert_array_equal(read_picture(path), 65535 - picture[..., 0])
    tifffile.imwrite(path, picture, photometric="rgb", extrasamples=["unspecified"])
    np.testing.assert_array_equal(read_picture(path), picture[..., :3])
    tifffile.imwrite(path, picture, photometric="rgb", extrasamples=["unassalpha"])
    with pytest.warns(UserWarning, match="its transparency is dropped"):
        np.testing.assert_array_equal(read_picture(path), picture[..., :3])


def test_premultiplied_16_bit_tiff(tmp_path):
    colors = _picture(np.uint16, 9, 8, 3)
    picture = np.concatenate([colors // 2, np.full((9, 8, 1), 32768, np.uint16)], -1)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, picture, photometric="rgb", extrasamples=["assocalpha"])
    with pytest.warns(UserWarning, match="its transparency is dropped"):
        found = read_picture(path)
    assert np.abs(found - colors.astype(int)).max() <= 2


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_told_and_not_applied(tmp_path, orientation):
    deep = _picture(np.uint16, 4, 6, 3)
    plain = (deep >> 8).astype(np.uint8)
    tags = [(0x0112, "H", 1, orientation, False)]
    exif = Image.Exif()
    exif[0x0112] = orientation
    for picture in (deep, deep[..., 0], plain, plain[..., 0]):
        path = tmp_path / "a.tif"
        tifffile.imwrite(path, picture, extratags=tags)
        found = read_photograph(path)
        assert found.orientation == orientation
        np.testing.assert_array_equal(found.pixels, picture)
    for name in ("a.png", "a.webp"):
        Image.fromarray(plain).save(tmp_path / name, exif=exif, lossless=True)
        found = read_photograph(tmp_path / name)
        assert found.orientation == orientation
        np.testing.assert_array_equal(found.pixels, plain)
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png"), plain)
    with Image.open(tmp_path / "a.png") as image:  # Pillow turns it the same way.
        turned = np.asarray(ImageOps.exif_transpose(image))
    np.testing.assert_array_equal(upright(plain, orientation), turned)
    np.testing.assert_array_equal(as_stored(turned, orientation), plain)


def _write_tiff(path, pixels, *, bits=16, samples=1, compression=1, photometric=1):
    # Width, height, bits, compression, colours, offset, samples, rows, bytes of pixels,
    # planes.
    tags = {256: 2, 257: 1, 258: bits, 259: compression, 262: photometric, 273: 8}
    tags |= {277: samples, 278: 1, 279: len(pixels), 284: 1}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, tags[tag]) for tag in tags)
    directory = struct.pack("<H", len(tags)) + entries + bytes(4)
    header = b"II*\0" + struct.pack("<I", 8 + len(pixels))
    path.write_bytes(header + pixels + directory)


def test_pixels_of_12_bit_are_refused(tmp_path):
    _write_tiff(tmp_path / "a.tif", b"\xab\xcd\xef\0", bits=12)
    with pytest.raises(InputError, match="pixels of 12 bit"):
        read_picture(tmp_path / "a.tif")


def _lzw(pixels: bytes) -> bytes:
    # Literal codes of 9 bit between "clear" and "end": enough for a few bytes.
    bits = "".join(f"{code:09b}" for code in (256, *pixels, 257))
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))


@pytest.mark.skipif(
    tifffile.COMPRESSION.LZW in tifffile.TIFF.DECOMPRESSORS, reason="has imagecodecs"
)
def test_16_bit_tiff_in_a_compression_of_another_package(tmp_path):
    path, picture = tmp_path / "a.tif", _picture(np.uint16, 1, 2, 3)
    pixels = _lzw(picture.tobytes())
    _write_tiff(path, pixels, samples=3, compression=5, photometric=2)
    with pytest.warns(UserWarning, match="a.tif: its 16 bit are read as 8"):
        np.testing.assert_array_equal(read_picture(path), picture >> 8)
    grey = _lzw(picture[..., 0].tobytes())
    _write_tiff(path, grey, compression=5)
    np.testing.assert_array_equal(read_picture(path), picture[..., 0])
    # Pillow would read it as its own negative.
    _write_tiff(path, grey, compression=5, photometric=0)
    with pytest.raises(InputError, match="MINISWHITE of 16 bit in LZW"):
        read_picture(path)


def test_16_bit_that_become_8_with_a_warning(tmp_path):
    picture = _picture(np.uint16, 6, 5, 3)
    path = tmp_path / "a.ppm"
    path.write_bytes(b"P6 5 6 65535\n" + picture.astype(">u2").tobytes())
    with pytest.warns(UserWarning, match="a.ppm: its 16 bit are read as 8"):
        found = read_picture(path)
    assert np.abs(found - picture / 257).max() <= 0.51
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write_picture(path, found)
        np.testing.assert_array_equal(read_picture(path), found)


@pytest.mark.parametrize(
    "name", ["a.png", "a.tif", "a.jpg", "a.webp", "16.png", "16.tif"]
)
def test_the_colour_profile_survives(tmp_path, name):
    path, picture = tmp_path / name, _picture(np.uint8, 6, 5, 3)
    if name.startswith("16"):
        picture = picture.astype(np.uint16) * 257
    write_picture(path, picture, Photograph(picture, profile=_PROFILE))
    assert read_photograph(path).profile == _PROFILE
    if name != "a.jpg":
        np.testing.assert_array_equal(read_picture(path), picture)
    write_picture(path, picture)
    assert read_photograph(path).profile is None
    Image.new("CMYK", (4, 4)).save(tmp_path / "c.jpg", icc_profile=_CMYK_PROFILE)
    assert read_photograph(tmp_path / "c.jpg").profile is None
    write_picture(path, picture[..., 0], Photograph(picture, profile=_PROFILE))
    assert read_photograph(path).profile is None


def test_other_color_models_become_rgb_or_grey(tmp_path):
    rgb = np.array([[[255, 0, 0], [0, 0, 255]]], np.uint8)
    image = Image.fromarray(rgb)
    image.convert("P", palette=Image.Palette.ADAPTIVE).save(tmp_path / "p.png")
    image.convert("CMYK").save(tmp_path / "c.tif")
    Image.fromarray(np.array([[0, 255]], np.uint8)).convert("1").save(
        tmp_path / "1.png"
    )
    np.testing.assert_array_equal(read_picture(tmp_path / "p.png"), rgb)
    np.testing.assert_array_equal(read_picture(tmp_path / "c.tif"), rgb)
    np.testing.assert_array_equal(read_picture(tmp_path / "1.png"), [[0, 255]])


def test_transparency_is_dropped_with_a_warning(tmp_path):
    rgba = _picture(np.uint8, 4, 5, 4)
    Image.fromarray(rgba).save(tmp_path / "a.png")
    with pytest.warns(UserWarning, match="a.png: its transparency is dropped"):
        back = read_picture(tmp_path / "a.png")
    np.testing.assert_array_equal(back, rgba[..., :3])
    Image.fromarray(rgba[..., ::3]).save(tmp_path / "la.png")
    with pytest.warns(UserWarning, match="la.png"):
        back = read_picture(tmp_path / "la.png")
    np.testing.assert_array_equal(back, rgba[..., 0])
    Image.fromarray(rgba[..., :3]).save(tmp_path / "key.png", transparency=(1, 2, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_picture(tmp_path / "key.png")  # Nothing has the transparent colour.
    rgba[1, 2, :3] = 1, 2, 3
    Image.fromarray(rgba[..., :3]).save(tmp_path / "key.png", transparency=(1, 2, 3))
    with pytest.warns(UserWarning, match="key.png"):
        back = read_picture(tmp_path / "key.png")
    np.testing.assert_array_equal(back, rgba[..., :3])
    rgba[..., 3] = 255
    Image.fromarray(rgba).save(tmp_path / "opaque.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_picture(tmp_path / "opaque.png")


def _header(width, height):
    data = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", data)
    return start + struct.pack(">I", 50) + b"IDAT" + bytes(60)


def _make_bad(kind, path):
    if kind == "folder":
        path.mkdir()
    elif kind == "empty":
        path.touch()
    elif kind == "no picture":
        path.write_text("left right\n" * 100)
    elif kind == "truncated":
        write_picture(path, _picture(np.uint8, 40, 40, 3))
        path.write_bytes(path.read_bytes()[:2000])
    elif kind == "truncated 16 bit":
        write_picture(path, _picture(np.uint16, 40, 40, 3))
        path.write_bytes(path.read_bytes()[:2000])
    elif kind == "header only":
        path.write_bytes(_header(10, 10))
    elif kind == "float":
        Image.fromarray(np.zeros((3, 3), np.float32)).save(path, format="TIFF")
    elif kind == "large header":
        path.write_bytes(_header(15000, 11000))
    elif kind == "one side":
        path.write_bytes(_header(1, 150_000_000))
    elif kind == "few bytes":
        path.write_bytes(_header(12_000, 12_000))
    elif kind == "huge header":
        path.write_bytes(_header(60000, 60000))


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("missing", "does not exist"),
        ("folder", "is a folder"),
        ("empty", "an empty file"),
        ("no picture", "no known picture format"),
        ("truncated", "whole"),
        ("truncated 16 bit", "whole"),
        ("header only", "Received"),
        ("float", "which is white"),
        ("one side", f"{MAX_SIDE} px a side"),
        ("few bytes", "2000 pixels a byte"),
        ("large header", f"{MAX_PIXELS // 10**6} megapixels"),
        ("huge header", f"{MAX_PIXELS // 10**6} megapixels"),
    ],
)
def test_unusable_files_are_named_in_one_line(tmp_path, kind, words):
    path = tmp_path / "a.png"
    _make_bad(kind, path)
    pillow_limit = Image.MAX_IMAGE_PIXELS
    with pytest.raises(InputError, match=words) as error:
        read_picture(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
    assert pillow_limit == Image.MAX_IMAGE_PIXELS


def test_16_bit_pgm(tmp_path):
    picture = np.array([[0, 1, 256], [513, 40000, 65535]], np.uint16)
    path = tmp_path / "a.pgm"
    path.write_bytes(b"P5 3 2 65535\n" + picture.astype(">u2").tobytes())
    found = read_picture(path)
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found, picture)


@pytest.mark.parametrize("where", ["missing/a.png", "file/a.png"])
def test_unwritable_places(tmp_path, where):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="can be written") as error:
        write_picture(tmp_path / where, _picture(np.uint8, 2, 2))
    assert where in str(error.value)


def test_a_failed_write_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    picture = _picture(np.uint8, 4, 4)
    write_picture(path, picture)

    def fail(self, file, format, **options):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(InputError, match="No space left"):
        write_picture(path, picture[::-1])
    assert os.listdir(tmp_path) == ["a.png"]
    np.testing.assert_array_equal(read_picture(path), picture)


@pytest.mark.parametrize(
    ("name", "picture"),
    [
        ("a.xyz", np.zeros((2, 2), np.uint8)),
        ("a", np.zeros((2, 2), np.uint8)),
        ("a.jpg", np.zeros((2, 2), np.uint16)),
        ("a.bmp", np.zeros((2, 2, 3), np.uint16)),
        ("a.png", np.zeros((2, 2), np.float32)),
        ("a.png", np.zeros((2, 2, 4), np.uint8)),
        ("a.png", np.zeros((0, 2), np.uint8)),
        ("a.webp", np.zeros((1, 16384), np.uint8)),
    ],
)
def test_what_cannot_be_written(tmp_path, name, picture):
    with pytest.raises(InputError, match="expected .* Received"):
        write_picture(tmp_path / name, picture)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "dtype", "words"),
    [
        ("a.png", np.uint16, None),
        ("a.JPG", np.uint8, None),
        ("a.tif", np.uint16, None),
        ("a.jpg", np.uint16, ".tif or .png for a 16 bit"),
        ("a.xyz", np.uint8, "ends in .png"),
        ("missing/a.png", np.uint8, "missing is no folder"),
        ("file/a.png", np.uint8, "file is no folder"),
        ("folder.png", np.uint8, "a folder"),
    ],
)
def test_what_cannot_be_written_is_known_before(tmp_path, name, dtype, words):
    (tmp_path / "file").touch()
    (tmp_path / "folder.png").mkdir()
    before = os.listdir(tmp_path)
    if words is None:
        check_writable(tmp_path / name, dtype)
    else:
        with pytest.raises(InputError, match=words):
            check_writable(tmp_path / name, dtype)
    assert os.listdir(tmp_path) == before


def test_to_float():
    assert to_float(np.array([0, 255], np.uint8)).tolist() == [0, 1]
    assert to_float(np.array([0, 65535], np.uint16)).tolist() == [0, 1]
    assert to_float(np.array([0.25], np.float64)).dtype == np.float32
    for bad in ([1.5], [-0.1], [np.nan], [np.inf]):
        with pytest.raises(InputError, match="Received"):
            to_float(np.array(bad))
    with pytest.raises(InputError, match="int64"):
        to_float(np.array([1]))


def test_pictures_need_no_framework():
    modules = "io.pictures visualize.pictures visualize.pixels visualize.volumes"
    code = "import sys, " + ", ".join(f"colornet.{name}" for name in modules.split())
    code += "\nprint({name.partition('.')[0] for name in sys.modules}"
    code += " & {'keras', 'tensorflow', 'jax'})"
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert output.stdout.strip() == "set()"
