"""What a picture file says about its pixels: metadata, ranges, containers, limits."""

import io
import warnings
import zlib

import numpy as np
import pytest
import tifffile
from PIL import ExifTags, Image, ImageCms, PngImagePlugin

from colornet.errors import InputError
from colornet.io.bit_depth import significant_bits
from colornet.io.decoding import FORMATS
from colornet.io.limits import Limits
from colornet.io.photograph import Photograph, upright
from colornet.io.pictures import read_photograph, read_picture, write_picture

_RNG = np.random.default_rng(0)
_PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _photo(white, shape=(40, 50, 3)):
    """A smooth picture from dark to a highlight, with noise."""
    ramp = np.linspace(0.02, 1, shape[0] * shape[1]).reshape(shape[:2]) ** 2
    ramp = ramp.reshape(*shape[:2], *(1 for _ in shape[2:]))
    return np.clip((ramp + _RNG.normal(0, 0.01, shape)) * white, 0, white)


def _exif(orientation=6):
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Maker"
    exif[ExifTags.Base.Orientation] = orientation
    exif[ExifTags.IFD.Exif] = {
        ExifTags.Base.ExposureTime: 0.25,
        ExifTags.Base.ISOSpeedRatings: 200,
        ExifTags.Base.ExifImageWidth: 50,
    }
    exif[ExifTags.IFD.GPSInfo] = {ExifTags.GPS.GPSLatitudeRef: "N"}
    return exif


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.jpg", "a.webp"])
def test_metadata_of_the_photograph_is_kept(tmp_path, name, dtype):
    mono = np.rint(_photo(255, (40, 50))).astype(np.uint8)
    Image.fromarray(mono).save(tmp_path / "mono.jpg", exif=_exif(), quality=100)
    photograph = read_photograph(tmp_path / "mono.jpg")
    assert photograph.orientation == 6 and photograph.pixels.shape == (40, 50)
    result = np.stack([mono, 255 - mono, mono // 2], axis=-1).astype(dtype)
    if dtype == np.uint16:
        if name in ("a.jpg", "a.webp"):
            return
        result *= 257
    like = Photograph(mono, 6, _PROFILE, photograph.exif)
    write_picture(tmp_path / name, result, like)
    with Image.open(tmp_path / name) as image:
        exif = image.getexif()
        assert exif[ExifTags.Base.Make] == "Maker"
        assert ExifTags.Base.Orientation not in exif
        inner = exif.get_ifd(ExifTags.IFD.Exif)
        assert inner[ExifTags.Base.ISOSpeedRatings] == 200
        assert float(inner[ExifTags.Base.ExposureTime]) == 0.25
        assert ExifTags.Base.ExifImageWidth not in inner
        assert exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] == "N"
        assert image.info["icc_profile"] == _PROFILE
    if name == "a.png":  # The chunk has no mark of JPEG's.
        block = (tmp_path / name).read_bytes().split(b"eXIf")[1]
        assert block[:2] in (b"II", b"MM")
    found = read_photograph(tmp_path / name)
    assert found.orientation == 1 and found.notes == ()
    if name != "a.jpg":
        np.testing.assert_array_equal(found.pixels, np.rot90(result, -1))


@pytest.mark.parametrize("name", ["a.bmp", "a.ppm"])
def test_metadata_that_has_no_place_is_dropped_aloud(tmp_path, name):
    picture = _photo(255).astype(np.uint8)
    like = Photograph(picture, 1, _PROFILE, _exif().tobytes())
    with pytest.warns(UserWarning, match=f"{name} cannot hold colour profile and EXIF"):
        write_picture(tmp_path / name, picture, like)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write_picture(tmp_path / name, picture, Photograph(picture))


def test_damaged_metadata_costs_no_picture(tmp_path):
    picture = _photo(255).astype(np.uint8)
    path = tmp_path / "a.tif"
    # An ICC profile that is a number.
    tifffile.imwrite(path, picture, extratags=[(34675, "I", 1, 7, False)])
    assert read_photograph(path).profile is None
    np.testing.assert_array_equal(read_photograph(path).pixels, picture)
    exif = b"Exif\0\0II*\0\x08\0\0\0\xff\xff\x12\x01\3\0\1\0\0\0"
    Image.fromarray(picture).save(tmp_path / "a.jpg", exif=exif)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        notes = read_photograph(tmp_path / "a.jpg").notes
    assert all("\n" not in note for note in notes) and len(notes) == 1


def test_warnings_of_pillow_become_notes_of_one_line(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    write_picture(path, _photo(255).astype(np.uint8))

    def warn(self):
        warnings.warn("two\nlines", stacklevel=1)
        return Image.Exif()

    monkeypatch.setattr(Image.Image, "getexif", warn)
    monkeypatch.setattr(PngImagePlugin.PngImageFile, "getexif", warn)
    assert read_photograph(path).notes == (f"{path}: two lines",)


def _significant(bits, scale=1.0):
    return np.rint(_photo(2**bits - 1) * scale).astype(np.uint16)


@pytest.mark.parametrize("name", ["left.png", "left.tif"])
@pytest.mark.parametrize("bits", [8, 10, 12])
@pytest.mark.parametrize("channels", [(), (3,)])
def test_few_bits_in_16_are_recognized_by_their_range(tmp_path, name, bits, channels):
    picture = np.rint(_photo(2**bits - 1, (40, 50, *channels))).astype(np.uint16)
    path = tmp_path / name
    write_picture(path, picture)
    found = read_photograph(path)
    note = f"{path} holds {bits} bits in 16: scaled by {2 ** (16 - bits)}"
    assert found.notes == (note,)
    expected = np.rint(picture / (2**bits - 1) * 65535)
    np.testing.assert_array_equal(found.pixels, expected)
    with pytest.warns(UserWarning, match=note):
        read_picture(path)
    assert read_photograph(path, bits=16).notes == ()
    np.testing.assert_array_equal(read_photograph(path, bits=16).pixels, picture)
    dark = picture // 2
    write_picture(path, dark)
    assert read_photograph(path).notes == ()
    expected = np.rint(dark / (2**bits - 1) * 65535)
    np.testing.assert_array_equal(read_photograph(path, bits=bits).pixels, expected)


_BRIGHT = _photo(255).astype(np.uint8)
_DARK_16 = np.rint(_photo(65535 * 0.045)).astype(np.uint16)  # At most 2949.


@pytest.mark.parametrize(
    ("picture", "other", "bits"),
    [
        (_significant(16), None, 16),
        (_significant(14), None, 16),
        # Beside a bright view, whatever part of the range is used.
        (_significant(12, 0.4), _BRIGHT, 12),
        (_significant(12, 0.3), _BRIGHT, 12),
        (_significant(10, 0.5), _BRIGHT, 10),
        (_significant(12), _BRIGHT, 12),
        # Beside a view that is as dark, and alone.
        (_DARK_16, None, 16),
        (_DARK_16, _DARK_16 + 5, 16),
        (_DARK_16, (_BRIGHT * 0.045).astype(np.uint8), 16),
        (_significant(12, 0.99), (_BRIGHT * 0.05).astype(np.uint8), 16),
        # Both views together: one of them has the highlight.
        (_significant(12, 0.5), _significant(12), 12),
        (_significant(12), _significant(12, 0.1), 12),
        # 8 bits spread over 16, in a dark picture.
        (_photo(15).astype(np.uint16) * 257, None, 16),
        (_photo(15).astype(np.uint16) * 256, _BRIGHT, 16),
        # 8 bits in the upper ones of 12.
        (_photo(255).astype(np.uint16) * 16, None, 12),
        (np.zeros((4, 4), np.uint16), None, 16),
        (np.zeros((4, 4), np.uint16), _BRIGHT, 16),
        (_significant(12), np.zeros((40, 50, 3), np.uint8), 16),
    ],
)
def test_a_dark_picture_is_no_picture_of_few_bits(picture, other, bits):
    assert significant_bits(picture, other) == bits


@pytest.mark.parametrize("white", [1, 255, 1023, 4095, 65535])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_float_tiff_of_a_clear_range(tmp_path, white, dtype):
    if dtype == np.float16 and white == 65535:
        return
    picture = _photo(white).astype(dtype)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, picture, photometric="rgb")
    found = read_photograph(path)
    assert found.notes == (
        f"{path} holds float pixels, white at {white}: scaled to 16 bits",
    )
    assert found.pixels.dtype == np.uint16
    expected = np.minimum(picture.astype(np.float64) / white, 1) * 65535
    assert np.abs(found.pixels - expected).max() <= 0.5 + 1e-6


@pytest.mark.parametrize(
    "extremes", [(0, 2), (-1, 1), (0, 0), (0, 100), (np.nan, 1), (0, np.inf), (0, 1e9)]
)
def test_float_tiff_of_no_clear_range(tmp_path, extremes):
    picture = np.zeros((4, 5), np.float32)
    picture[0, :2] = extremes
    tifffile.imwrite(tmp_path / "a.tif", picture)
    with pytest.raises(InputError, match="a.tif .*which is white"):
        read_photograph(tmp_path / "a.tif")


@pytest.mark.parametrize("bits", [8, 10, 12, 15])
def test_signed_tiff(tmp_path, bits):
    picture = np.rint(_photo(2**bits - 1)).astype(np.int16)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, picture, photometric="rgb")
    found = read_photograph(path)
    np.testing.assert_array_equal(
        found.pixels, np.rint(picture / (2**bits - 1) * 65535)
    )
    assert f"{bits} bits" in found.notes[0]
    for unclear in (picture // 2, picture - 9):
        tifffile.imwrite(path, unclear, photometric="rgb")
        with pytest.raises(InputError, match="a.tif .*which is white"):
            read_photograph(path)


def test_a_preview_is_no_picture(tmp_path):
    preview = _photo(255).astype(np.uint8)
    path = tmp_path / "a.dng"
    tifffile.imwrite(path, preview, extratags=[(50706, "B", 4, b"\1\4\0\0", True)])
    with pytest.raises(InputError, match="a.dng .*raw .*preview of 50 x 40"):
        read_photograph(path)
    tifffile.imwrite(path, preview, subfiletype=1)
    with pytest.raises(InputError, match="a.dng .*preview of 50 x 40"):
        read_photograph(path)


_EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n{} loop\n"


@pytest.mark.parametrize("content", [_EPS, b"8BPS\0\1" + bytes(40), b"\0\0\1\0" * 20])
def test_formats_without_a_name_are_not_tried(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(InputError, match="no known picture format .PNG, JPEG, TIFF"):
        read_photograph(tmp_path / "a.png")


@pytest.mark.parametrize("file_format", FORMATS)
def test_formats_with_a_name_are_read(tmp_path, file_format):
    picture = _photo(255).astype(np.uint8)
    Image.fromarray(picture).save(tmp_path / "a.bin", file_format)
    found = read_photograph(tmp_path / "a.bin").pixels
    assert found.shape == picture.shape
    assert np.abs(found - picture.astype(float)).mean() < 12


def test_heic_is_to_be_converted(tmp_path):
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(60))
    with pytest.raises(InputError, match="a.heic, in HEIC, .*converted to PNG"):
        read_photograph(tmp_path / "a.heic")


def test_limits_are_a_choice(tmp_path):
    path = tmp_path / "a.png"
    flat = np.zeros((6000, 5000), np.uint8)
    write_picture(path, flat)  # 30 megapixels of one grey: a legal file of 30 kB.
    assert read_photograph(path).pixels.shape == flat.shape
    bits = Image.fromarray(flat).convert("1")
    bits.save(path)
    with pytest.raises(InputError, match="2000 .* .max_pixels_per_byte.*a.png .5000"):
        read_photograph(path)
    wide = Limits(max_pixels_per_byte=9000)
    assert read_photograph(path, limits=wide).pixels.shape == flat.shape
    with pytest.raises(InputError, match="5999 px a side"):
        read_photograph(path, limits=Limits(max_side=5999))
    with pytest.raises(InputError, match="29 megapixels"):
        read_photograph(path, limits=Limits(max_pixels=29_000_000))


def test_a_jpeg_cannot_hold_much_in_few_bytes(tmp_path):
    path = tmp_path / "a.jpg"
    Image.fromarray(_photo(255).astype(np.uint8)).save(path)
    data = bytearray(path.read_bytes())
    start = data.index(b"\xff\xc0") + 5  # Height and width.
    data[start : start + 4] = (12_000).to_bytes(2, "big") * 2
    path.write_bytes(data + bytes(100_000))
    with pytest.raises(InputError, match="600 pixels a byte.*a.jpg .12000 x 12000"):
        read_photograph(path)


def test_damaged_pixels_of_png_are_no_picture(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(_photo(255).astype(np.uint8)).save(path, compress_level=0)
    whole = path.read_bytes()
    start = whole.index(b"IDAT") + 50  # Stored as they are, so that a flip is no error.
    for place in range(start, start + 3000, 300):
        damaged = bytearray(whole)
        damaged[place] ^= 4
        path.write_bytes(damaged)
        with pytest.raises(InputError, match="whole"):
            read_photograph(path)


def test_ragged_rows_are_no_picture(tmp_path):
    with pytest.raises(InputError, match="a.png: expected rows of one length"):
        write_picture(tmp_path / "a.png", [[1, 2], [3]])


def _mpo(path, first, second):
    images = [Image.fromarray(view) for view in (first, second)]
    images[0].save(path, "MPO", save_all=True, append_images=images[1:], quality=95)


def test_a_file_of_two_views_is_no_single_picture(tmp_path):
    left = _photo(255).astype(np.uint8)
    _mpo(tmp_path / "a.mpo", left, left[::-1])
    Image.fromarray(np.hstack([left, left])).save(tmp_path / "a.jps", "JPEG")
    for name in ("a.mpo", "a.jps"):
        with pytest.raises(InputError, match=f"{name}, .*two views .*--pair"):
            read_photograph(tmp_path / name)
    # Phones store smaller pictures beside the photograph.
    _mpo(tmp_path / "phone.jpg", left, left[::2, ::2])
    assert read_photograph(tmp_path / "phone.jpg").pixels.shape == left.shape
    whole = (tmp_path / "phone.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: whole.rindex(b"\xff\xd8\xff")])
    assert read_photograph(tmp_path / "cut.jpg").pixels.shape == left.shape


def test_orientations_undo_one_another():
    picture = _photo(255).astype(np.uint8)
    for orientation, inverse in enumerate((1, 2, 3, 4, 5, 8, 7, 6), start=1):
        turned = upright(picture, orientation)
        np.testing.assert_array_equal(upright(turned, inverse), picture)


def test_text_chunks_of_png_are_bounded(tmp_path):
    file = io.BytesIO()
    Image.fromarray(_photo(255).astype(np.uint8)).save(file, "PNG")
    whole = file.getvalue()
    data = b"iCCPx\0\0" + zlib.compress(bytes(20_000_000), 9)
    chunk = (len(data) - 4).to_bytes(4, "big") + data
    chunk += zlib.crc32(data).to_bytes(4, "big")
    (tmp_path / "a.png").write_bytes(whole[:33] + chunk + whole[33:])
    with pytest.raises(InputError, match="whole"):
        read_photograph(tmp_path / "a.png")
