"""python -m experiments.colorize, as a user meets it."""

import os
import pathlib
import struct
import zlib

import keras
import numpy as np
import pytest
import skimage.data
from PIL import ExifTags, Image

from colornet import Colorizer, colorize
from colornet.color import rgb_to_luma
from colornet.config import ModelConfig
from colornet.inference import colorize_outputs, float_pair
from colornet.io.archives import write_archive
from colornet.io.pairs import matched_size
from colornet.io.photograph import Photograph
from colornet.io.pictures import read_photograph, read_picture, write_picture
from colornet.model import build_colornet
from colornet.tiling import Tiling, tile_bytes
from colornet.weights import load_model, save_weights
from tests.command_line import assert_one_line_error, start, start_each
from tests.test_page import assert_close_weights, stored, stored_weights

_MODULE = "experiments.colorize"
_D = 32
_HEIGHT, _WIDTH = 33, 45
# What half the pictures, padded to 64 x 64, take.
_ONE_TILE_GB = tile_bytes(32, 64, ModelConfig(n=2, max_disparity=_D)) / 1e9

_PROFILE = bytes(16) + b"RGB " + bytes(range(108))  # The header of one for RGB.


def _picture(dtype, *shape):
    white = np.iinfo(dtype).max
    picture = np.random.default_rng(0).integers(0, white + 1, shape).astype(dtype)
    if len(shape) == 3:  # More red to the right, more blue at the bottom.
        picture[:, : shape[1] // 2, 0] //= 8
        picture[: shape[0] // 2, :, 2] //= 8
    return picture


def _huge_png(width, height):
    data = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + data
    start += struct.pack(">I", zlib.crc32(data))
    return start + struct.pack(">I", 50) + b"IDAT" + bytes(60)


def _make_weights(folder):
    model = build_colornet(ModelConfig(n=2, max_disparity=_D))
    save_weights(model, folder / "good.npz")
    whole = (folder / "good.npz").read_bytes()
    (folder / "truncated.npz").write_bytes(whole[: len(whole) // 2])
    (folder / "text.npz").write_text("no weights\n" * 100)
    np.savez(folder / "strangers.npz", kernel=np.zeros(3))
    values = dict(np.load(folder / "good.npz"))
    del values["sha256"]
    values["config"] = np.array(ModelConfig(n=3, max_disparity=_D).to_json())
    write_archive(folder / "misfit.npz", values)
    other = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    other.save(folder / "other.keras")
    (folder / "no_run").mkdir()


def _write_cameras(top):
    """A dark mono picture and a larger, lower reference, stored upside down."""
    left, right, _ = skimage.data.stereo_motorcycle()
    part = np.s_[100:260, 300:540]
    mono = np.rint(rgb_to_luma(right[part] / 2.0)).astype(np.uint8)
    lower = np.roll(left, 3, axis=0)[part].repeat(2, axis=0).repeat(2, axis=1)
    for name, picture in {"dark.png": mono[..., 0], "lower.png": lower}.items():
        turned = Image.fromarray(picture)
        exif = turned.getexif()
        exif[ExifTags.Base.Orientation] = 3
        turned.save(top / name, exif=exif)
    Image.fromarray(mono[:, ::-1, 0]).save(top / "left_dark.png")
    write_picture(top / "right_lower.png", lower[:, ::-1])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pictures and weights, good and bad."""
    top = tmp_path_factory.mktemp("colorize")
    mono, reference = (_HEIGHT, _WIDTH), (_HEIGHT, _WIDTH, 3)
    write_picture(top / "mono.png", _picture(np.uint8, *mono))
    write_picture(top / "reference.png", _picture(np.uint8, *reference))
    write_picture(top / "mono16.png", _picture(np.uint16, *mono))
    colors16 = _picture(np.uint16, *reference)
    like = Photograph(colors16, profile=_PROFILE)
    write_picture(top / "reference16.png", colors16, like)
    write_picture(top / "smaller.png", _picture(np.uint8, _HEIGHT, _WIDTH - 4, 3))
    _write_cameras(top)
    Image.fromarray(_picture(np.uint8, _HEIGHT, _WIDTH, 4)).save(top / "rgba.png")
    (top / "empty.png").touch()
    (top / "text.png").write_text("no picture\n" * 50)
    whole = (top / "reference.png").read_bytes()
    (top / "truncated.png").write_bytes(whole[: len(whole) // 2])
    (top / "huge.png").write_bytes(_huge_png(60000, 60000))
    (top / "dense.png").write_bytes(_huge_png(5000, 6000))
    (top / "old.png").write_bytes(b"what was there")
    _make_weights(top)
    return top


@pytest.fixture(scope="module")
def model(folder):
    network = load_model(folder / "good.npz")
    network.run_eagerly = True  # Tracing a graph takes longer than running it.
    return network


def _arguments(folder, **changes):
    values = {"mono": "mono.png", "reference": "reference.png", "weights": "good.npz"}
    values |= {"output": "old.png", "precision": "float32"} | changes
    paths = {"mono", "reference", "weights", "output", "save_volumes"}
    return [
        f"--{name}={folder / value if name in paths else value}"
        for name, value in values.items()
    ]


_BAD = {
    "missing mono": ({"mono": "nowhere.png"}, "nowhere.png, which does not exist"),
    "missing reference": ({"reference": "nowhere.png"}, "nowhere.png"),
    "folder": ({"mono": "no_run"}, "which is a folder"),
    "empty": ({"mono": "empty.png"}, "empty.png, an empty file"),
    "truncated": ({"reference": "truncated.png"}, "whole", "truncated.png"),
    "no picture": ({"reference": "text.png"}, "text.png, in no known picture format"),
    "bomb": ({"mono": "huge.png"}, "at most 150 megapixels", "huge.png"),
    "dense": (
        {"mono": "dense.png", "max_pixels_per_byte": 7},
        "at most 7 pixels a byte (max_pixels_per_byte)",
    ),
    "sizes": ({"reference": "smaller.png"}, "one aspect ratio", "cropped to"),
    "two ways": ({"pair": "mono.png"}, "or --pair", "--pair, --mono, --reference"),
    "no colour": ({"reference": "mono.png"}, "R = G = B"),
    "max_disparity": ({"max_disparity": 33}, "multiple of 32", "Received: 33"),
    "overlap": ({"overlap": 33}, "multiple of 32", "Received: 33"),
    "no memory": ({"memory_gb": 0}, "more than 0", "Received: 0"),
    "little memory": ({"memory_gb": 1e-6}, "at least", "overlap = 128"),
    "volumes in tiles": (
        {"memory_gb": 1e-6, "save_volumes": "no_run"},
        "as a whole for volumes",
        "more memory_gb",
    ),
    "no number": ({"max_disparity": "many"}, "max_disparity=many"),
    "unknown value": ({"mono_view": "top"}, "mono_view=top", "right|left"),
    "unknown flag": ({"colour": "yes"}, "colour"),
    "output below a file": ({"output": "mono.png/a.png"}, "can be written", "a.png"),
    "output in no folder": ({"output": "nowhere/a.png"}, "can be written", "nowhere"),
    "output is a folder": ({"output": "dir.png"}, "dir.png, a folder"),
    "output of no format": ({"output": "a.xyz"}, "ends in .png", "a.xyz"),
    "16 bit JPEG": ({"mono": "mono16.png", "output": "a.jpg"}, ".png for a 16 bit"),
    "volumes below a file": ({"save_volumes": "mono.png/v"}, "can be written", "/v"),
    "missing weights": ({"weights": "nowhere.npz"}, "Missing", "nowhere.npz"),
    "truncated weights": ({"weights": "truncated.npz"}, "whole .npz", "truncated.npz"),
    "text as weights": ({"weights": "text.npz"}, "whole .npz", "text.npz"),
    "picture as weights": ({"weights": "mono.png"}, "whole .npz", "mono.png"),
    "strangers": ({"weights": "strangers.npz"}, "configuration", "strangers.npz"),
    "misfit": ({"weights": "misfit.npz"}, "another configuration", "misfit.npz"),
    "other model": ({"weights": "other.keras"}, "with a Sequential"),
    "no checkpoint": ({"weights": "no_run"}, "folder with checkpoints", "no_run"),
}


def _tree(folder):
    return {
        str(path.relative_to(folder)): path.stat().st_mtime_ns
        for path in sorted(folder.rglob("*"))
    }


@pytest.fixture(scope="module")
def failures(folder):
    """What every bad input got, and the files before and after all of them."""
    (folder / "dir.png").mkdir()
    before = _tree(folder)
    calls = {name: _arguments(folder, **case[0]) for name, case in _BAD.items()}
    return start_each(_MODULE, calls), before, _tree(folder)


@pytest.mark.parametrize("case", _BAD)
def test_bad_input_is_one_line(failures, case):
    assert_one_line_error(failures[0][case], *_BAD[case][1:])


def test_bad_input_leaves_all_files_as_they_were(failures, folder):
    _, before, after = failures
    assert before == after
    assert (folder / "old.png").read_bytes() == b"what was there"


def test_the_same_in_a_process_of_its_own(failures, folder):
    result = start(_MODULE, *_arguments(folder, **_BAD["unknown value"][0]))
    assert result == failures[0]["unknown value"]


def test_required_flags():
    assert_one_line_error(start(_MODULE), "--output")
    assert_one_line_error(start(_MODULE, "--output=a.png"), "--mono and --reference")


@pytest.fixture(scope="module")
def outputs(folder):
    """Folder `out`, and what the program said, after all that works."""
    out = folder / "out"
    out.mkdir()
    write_picture(folder / "wide.png", _picture(np.uint8, 40, 70, 3))
    calls = {
        "16 bit": {"mono": "mono16.png", "reference": "reference16.png"},
        "mixed": {"mono": "mono16.png", "reference": "rgba.png"},
        "volumes": {"save_volumes": "out/volumes/deep", "plain": True},
        "volumes of the Colorizer": {"save_volumes": "out/enlarged"},
        "left": {"mono_view": "left", "save_volumes": "out/mirrored", "plain": True},
        "wide": {"mono": "wide.png", "reference": "wide.png", "max_disparity": 64},
        "cameras": {"mono": "dark.png", "reference": "lower.png"},
        "auto": {
            "mono": "left_dark.png",
            "reference": "right_lower.png",
            "mono_view": "auto",
        },
        "swapped": {
            "mono": "left_dark.png",
            "reference": "right_lower.png",
            "align": False,
            "match_cameras": True,
        },
        "tiles": {"overlap": 0, "memory_gb": _ONE_TILE_GB, "plain": True},
    }
    arguments = {
        name: _arguments(folder, **{"output": f"out/{name}.png", **changes})
        for name, changes in calls.items()
    }
    alone = arguments.pop("volumes")
    results = start_each(_MODULE, arguments, eagerly=True)
    return out, results | {"volumes": start(_MODULE, *alone)}


def _check(outputs, name, expected, mono):
    out, results = outputs
    assert results[name].code == 0, results[name]
    picture = read_picture(out / f"{name}.png")
    assert picture.dtype == mono.dtype
    assert np.abs(picture.astype(int) - expected).max() <= 1
    luma = rgb_to_luma(picture.astype(float))[..., 0]
    assert np.abs(luma - mono).max() <= 0.51
    size = f"{mono.shape[1]}x{mono.shape[0]}"
    first = results[name].stdout.splitlines()[0]
    assert first == f"{size} picture in {out / name}.png"


@pytest.mark.parametrize(
    ("name", "mono", "reference"),
    [
        ("16 bit", "mono16.png", "reference16.png"),
        ("volumes of the Colorizer", "mono.png", "reference.png"),
    ],
)
def test_the_picture_is_that_of_colorize(folder, model, outputs, name, mono, reference):
    mono, reference = read_picture(folder / mono), read_picture(folder / reference)
    _check(outputs, name, colorize(model, mono, reference), mono)
    assert outputs[1][name].stderr == ""
    profile = _PROFILE if name == "16 bit" else None
    assert read_photograph(outputs[0] / f"{name}.png").profile == profile


def test_plain_is_the_network_alone(folder, model, outputs):
    mono, reference = (read_picture(folder / f"{n}.png") for n in ("mono", "reference"))
    plain = colorize_outputs(model, mono, reference)["picture"]
    _check(outputs, "volumes", plain, mono)
    assert np.abs(plain.astype(int) - colorize(model, mono, reference)).max() > 1
    lines = outputs[1]["volumes"].stdout.splitlines()
    assert lines[2] == "seen with plain: d = 32; in float32"


def test_the_plan_is_said(folder, model, outputs):
    mono, reference = (read_picture(folder / f"{n}.png") for n in ("mono", "reference"))
    plan = Colorizer(model).plan(*float_pair(mono, reference))
    seen, matched = plan.network, plan.semi_global
    expected = (
        f"seen with d = {seen.max_disparity} at {seen.scale:.2g} of the size; by "
        f"semi-global matching with d = {matched.max_disparity} at 1 of the size; "
        "in float32"
    )
    lines = outputs[1]["volumes of the Colorizer"].stdout.splitlines()
    assert lines[2] == expected
    weights = np.load(outputs[0] / "enlarged" / "weights.npy")
    size = [round(seen.scale * side) for side in mono.shape]
    assert weights.shape == (seen.max_disparity, *size)


def test_two_cameras(folder, model, outputs):
    """Rows, exposure and size differ; both pictures are upside down."""
    mono = read_picture(folder / "dark.png")
    reference, note = matched_size(mono, read_picture(folder / "lower.png"))
    expected = colorize(model, mono, reference)
    _check(outputs, "cameras", expected[::-1, ::-1], mono[::-1, ::-1])
    result = outputs[1]["cameras"]
    assert result.stderr == f"warning: {note}\n"
    rows, light = result.stdout.splitlines()[2:4]
    assert rows.startswith("reference up to 3") and rows.endswith("rows: corrected")
    assert light.startswith("reference 2") and light.endswith(": matched")
    _check(outputs, "auto", expected[:, ::-1], mono[:, ::-1])
    assert "further left" not in outputs[1]["auto"].stderr


def test_views_the_wrong_way_round_are_said(outputs):
    result = outputs[1]["swapped"]
    assert "wrong way round (try --mono_view=left)" in result.stderr
    assert "matched" in result.stdout and "corrected" not in result.stdout


def test_alpha_is_dropped_with_a_warning(folder, model, outputs):
    mono = read_picture(folder / "mono16.png")
    colors = np.asarray(Image.open(folder / "rgba.png"))[..., :3]
    _check(outputs, "mixed", colorize(model, mono, colors), mono)
    warning = f"warning: {folder / 'rgba.png'}: its transparency is dropped\n"
    assert outputs[1]["mixed"].stderr == warning


def test_a_coloured_mono_and_max_disparity_of_the_flag(folder, model, outputs):
    colors = read_picture(folder / "wide.png")
    mono = np.rint(rgb_to_luma(colors.astype(float))[..., 0]).astype(np.uint8)
    _check(outputs, "wide", colorize(model, mono, colors, max_disparity=64), mono)
    warnings = outputs[1]["wide"].stderr.splitlines()
    assert warnings[0] == "warning: the mono picture has colour: its luma is taken"
    assert warnings[1].endswith("as the same picture twice would")


def test_tiles_with_a_progress_bar(folder, model, outputs):
    pair = (read_picture(folder / name) for name in ("mono.png", "reference.png"))
    tiling = Tiling(_ONE_TILE_GB, overlap=0)
    expected = colorize_outputs(model, *pair, tiling=tiling)["picture"]
    _check(outputs, "tiles", expected, read_picture(folder / "mono.png"))
    assert "2/2" in outputs[1]["tiles"].stderr
    assert "tile" not in outputs[1]["wide"].stderr


def test_volumes(outputs):
    directory = outputs[0] / "volumes" / "deep"
    names = {"weights_slices", "weights_scan_line", "weights_disparity"}
    names |= {"weights_entropy", "attention_slices"}
    files = {f"{name}.png" for name in names} | {"weights.npy", "attention.npy"}
    assert set(os.listdir(directory)) == files | {"volumes.html"}
    weights = np.load(directory / "weights.npy").astype(np.float32)
    assert weights.shape == (_D, _HEIGHT, _WIDTH)
    np.testing.assert_allclose(weights.sum(axis=0), 1, atol=0.01)
    attention = np.load(directory / "attention.npy")
    assert attention.shape == (_D // 2, 17, 23) and attention.dtype == np.float16
    for name in names:
        picture = read_picture(directory / f"{name}.png")
        assert picture.ndim == 3 and np.ptp(picture) > 100
    data = stored(directory / "volumes.html")
    assert_close_weights(stored_weights(data), weights, data, atol=1e-3)
    lines = [
        f"volumes and pictures of them in {directory}",
        f"page of the volumes: {directory / 'volumes.html'}",
    ]
    assert outputs[1]["volumes"].stdout.splitlines()[3:] == lines


def test_mono_view_left_mirrors_both_views(folder, model, outputs):
    mono, reference = (
        read_picture(folder / name) for name in ("mono.png", "reference.png")
    )
    views = mono[:, ::-1], reference[:, ::-1]
    mirrored = colorize_outputs(model, *views)["picture"]
    _check(outputs, "left", mirrored[:, ::-1], mono)
    assert "(of the mirrored views) in" in outputs[1]["left"].stdout
    weights = np.load(outputs[0] / "mirrored" / "weights.npy")
    # Candidates are missing at the right border of what the network saw.
    assert weights[-1, :, : _WIDTH - _D + 1].max() > 0
    assert weights[-1, :, _WIDTH - _D + 1 :].max() == 0


def test_a_real_pair(model):
    root = pathlib.Path(__file__).parents[1]
    folder = os.environ.get("COLORNET_REAL_DATA") or root / "../shared/stereo"
    pair = pathlib.Path(folder) / "middlebury2001" / "tsukuba"
    if not pair.is_dir():
        pytest.skip("no real data: set COLORNET_REAL_DATA")
    mono, reference = read_picture(pair / "right.png"), read_picture(pair / "left.png")
    mono = np.rint(rgb_to_luma(mono.astype(float))[..., 0]).astype(np.uint8)
    picture = colorize(model, mono, reference)
    assert picture.shape == reference.shape
    luma = rgb_to_luma(picture.astype(float))[..., 0]
    assert np.abs(luma - mono).max() <= 0.51
