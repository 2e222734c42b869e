"""The trees of published datasets, as small fakes and with real pairs in them."""

import os
import pathlib
import shutil

import numpy as np
import pytest
from PIL import Image

from colornet.errors import InputError
from colornet.io.pictures import write_picture
from tests.command_line import assert_one_line_error, start
from tfrecords_tools import inventory
from tfrecords_tools.sources.cityscapes import Cityscapes
from tfrecords_tools.sources.disparity import DisparityFile, read_disparity
from tfrecords_tools.sources.eth3d import Eth3d
from tfrecords_tools.sources.kitti import Kitti
from tfrecords_tools.sources.middlebury import Middlebury
from tfrecords_tools.sources.sceneflow import SceneFlow
from tfrecords_tools.sources.sintel import Sintel

_SIZE = (4, 32)


def _picture(path, size=_SIZE, value=90):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((*size, 3), value, np.uint8)
    pixels[..., 0] += 9
    Image.fromarray(pixels).save(path)


def _tree(top, *paths, **options):
    for path in paths:
        _picture(top / path, **options)
    return top


def _codes(path, value, dtype=np.uint8, size=_SIZE):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full(size, value, dtype)).save(path)


def _pfm(path, values, order="<"):
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width = values.shape
    scale = b"-1.0" if order == "<" else b"1.0"
    body = values[::-1].astype(f"{order}f4").tobytes()
    path.write_bytes(b"Pf\n%d %d\n%s\n" % (width, height, scale) + body)


def _parts(source):
    return {part.name: part for part in source.parts()}


def _keys(part):
    return [pair.key for pair in part.pairs]


def _real(dataset, scene):
    top = os.environ.get("COLORNET_REAL_DATA")
    top = pathlib.Path(top or pathlib.Path(__file__).parents[2] / "shared/stereo")
    if not (top / dataset / scene).is_dir():
        pytest.skip("no real data: set COLORNET_REAL_DATA")
    return top / dataset / scene


def _place(source, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)


_THINGS = "frames_cleanpass/{}/A/0000/{}/000{}.png"


@pytest.fixture
def sceneflow(tmp_path):
    things = [
        _THINGS.format(split, view, number)
        for split in ("TRAIN", "TEST")
        for view in ("left", "right")
        for number in (6, 7)
    ]
    _tree(tmp_path / "flyingthings3d", *things)
    views = ("left", "right")
    monkaa = "monkaa/frames_cleanpass_webp/eating_x2"
    _tree(tmp_path, *(f"{monkaa}/{view}/0000.webp" for view in views))
    slow = "frames_cleanpass/15mm_focallength/scene_forwards/slow"
    _tree(tmp_path / "driving", *(f"{slow}/{view}/0001.png" for view in views))
    _tree(tmp_path / "driving", *(f"{slow}/{view}/0002.png" for view in views))
    return tmp_path


def test_scene_flow(sceneflow):
    parts = _parts(SceneFlow(sceneflow))
    assert {name: len(part.pairs) for name, part in parts.items()} == {
        "FlyingThings3D TRAIN": 2,
        "Monkaa": 1,
        "Driving": 2,
        "FlyingThings3D TEST": 2,
    }
    # The paper's 35,454 and 4,370.
    numbers = {name: part.published for name, part in parts.items()}
    assert numbers.pop("FlyingThings3D TEST") == 4_370
    assert sum(numbers.values()) == 35_454
    assert _keys(parts["FlyingThings3D TEST"]) == [
        "flyingthings3d_clean/TEST/A/0000/0006",
        "flyingthings3d_clean/TEST/A/0000/0007",
    ]
    assert _keys(parts["Monkaa"]) == ["monkaa_clean/eating_x2/0000"]
    [first, _] = parts["Driving"].pairs
    assert first.key == "driving_clean/15mm_focallength/scene_forwards/slow/0001"
    assert first.files[0].endswith("left/0001.png")
    splits = {part.name: {pair.split for pair in part.pairs} for part in parts.values()}
    assert splits.pop("FlyingThings3D TEST") == {"test"}
    assert all(split == {"train"} for split in splits.values())
    assert first.load().left.shape == (*_SIZE, 3)
    final = _parts(SceneFlow(sceneflow, render_pass="final"))
    assert not any(part.pairs for part in final.values())


def test_scene_flow_disparity(sceneflow):
    top = sceneflow / "flyingthings3d" / "disparity" / "TRAIN" / "A" / "0000"
    left = np.arange(128, dtype=np.float32).reshape(_SIZE) / 4
    _pfm(top / "left" / "0006.pfm", left)
    _pfm(top / "right" / "0006.pfm", -left, ">")
    pair, other = _parts(SceneFlow(sceneflow))["FlyingThings3D TRAIN"].pairs
    views = pair.load()
    np.testing.assert_array_equal(views.left_disparity, left)
    np.testing.assert_array_equal(views.right_disparity, left)
    assert len(pair.files) == 4 and len(other.files) == 2
    _pfm(top / "left" / "0006.pfm", left[:, :31] / 2)
    with pytest.raises(InputError, match="32 x 4; .*0006.pfm, 31 x 4"):
        pair.load()
    (top / "left" / "0006.pfm").write_bytes(b"Pf\n6 4\n-1\nshort")
    with pytest.raises(InputError, match="whole one-channel PFM.*0006.pfm"):
        pair.load()


def test_scene_flow_as_other_programs_unpack_it(tmp_path):
    views = ("left", "right")
    monkaa, driving = "monkaa_frames_cleanpass", "Driving/driving_frames_cleanpass"
    drive = "35mm_focallength/scene_backwards/fast"
    for view in views:
        _tree(tmp_path, f"{monkaa}/treeflight_x2/{view}/0003.png")
        _tree(tmp_path, f"{driving}/{drive}/{view}/0004.PNG")
        _tree(tmp_path, _THINGS.format("TEST", view, 6))
        _tree(tmp_path, f"FlyingThings3D_subset/train/image_clean/{view}/0000012.png")
        _tree(tmp_path, f"FlyingThings3D_subset/val/image_clean/{view}/0000013.webp")
    # macOS leaves such beside every file on other disks.
    (tmp_path / monkaa / "treeflight_x2/left/._0003.png").write_bytes(b"\0\5\x16\7")
    (tmp_path / monkaa / "treeflight_x2/right/._0003.png").write_bytes(b"\0\5\x16\7")
    truth = np.full(_SIZE, 5, np.float32)
    for folder in (
        "monkaa_disparity/treeflight_x2/left/0003.pfm",
        f"Driving/driving_disparity/{drive}/left/0004.PFM",
        "frames_disparity/TEST/A/0000/left/0006.pfm",
        "FlyingThings3D_subset/train/disparity/left/0000012.pfm",
        "FlyingThings3D_subset/val/disparity/left/0000013.pfm",
    ):
        _pfm(tmp_path / folder, truth)
    parts = _parts(SceneFlow(tmp_path))
    keys = {name: _keys(part) for name, part in parts.items()}
    assert keys == {
        "FlyingThings3D TRAIN": [],
        "Monkaa": ["monkaa_clean/treeflight_x2/0003"],
        "Driving": [f"driving_clean/{drive}/0004"],
        "FlyingThings3D TEST": ["flyingthings3d_clean/TEST/A/0000/0006"],
        "FlyingThings3D subset train": ["flyingthings3d_subset_clean/train/0000012"],
        "FlyingThings3D subset val": ["flyingthings3d_subset_clean/val/0000013"],
    }
    pairs = {pair.key: pair for part in parts.values() for pair in part.pairs}
    for pair in pairs.values():
        np.testing.assert_array_equal(pair.load().left_disparity, truth)
    splits = {key.split("/")[0]: pair.split for key, pair in pairs.items()}
    assert splits["flyingthings3d_subset_clean"] == "test"
    assert pairs["flyingthings3d_subset_clean/train/0000012"].split == "train"


def test_names_are_found_in_whatever_case(tmp_path):
    for view in (2, 3):
        _tree(tmp_path, f"training/Image_{view}/000001_10.PNG")
    _codes(tmp_path / "training/disp_occ_0/000001_10.PNG", 256 * 9, np.uint16)
    [pair] = _parts(Kitti(tmp_path))["KITTI 2015 training"].pairs
    assert (pair.load().left_disparity == 9).all()
    _tree(
        tmp_path, "2003/conesQ/im2.PNG", "2003/conesQ/im6.PNG", "2003/conesQ/._im2.ppm"
    )
    _codes(tmp_path / "2003/conesQ/disp2.PGM", 40)
    [pair] = _parts(Middlebury(tmp_path))["Middlebury 2003"].pairs
    assert (pair.load().left_disparity == 10).all()


def test_the_tree_that_was_met_is_shown(tmp_path):
    _tree(tmp_path, *(f"cam{n}/frame_{i:02}.png" for n in (0, 1) for i in range(12)))
    source = SceneFlow(tmp_path)
    met = r"cam#/frame_##.png \(24 files\)"
    with pytest.raises(InputError, match=f"no pair of these, but {met}$"):
        inventory.usable_pairs(source, source.parts(), strict=False, on_error="fail")
    text = inventory.describe(source, source.parts())
    assert text.endswith("all that is there: cam#/frame_##.png (24 files)")


def _wrong_pfm(path, kind):
    good = np.full(_SIZE, 7.25, np.float32)
    good[0, :4] = 0, np.inf, np.nan, 3.5
    _pfm(path, good)
    body = path.read_bytes()
    if kind == "the other byte order":
        path.write_bytes(body.replace(b"-1.0", b"1.00"))
    elif kind == "integers of the other byte order":
        _pfm(path, np.full(_SIZE, 4, np.float32))
        path.write_bytes(path.read_bytes().replace(b"-1.0", b"1.00"))
    elif kind in ("0.00", "nan0", "-inf"):
        path.write_bytes(body.replace(b"-1.0", kind.encode()))
    elif kind == "longer":
        path.write_bytes(body + bytes(4))
    elif kind == "both signs":
        good[1, 1] = -3
        _pfm(path, good)
    elif kind == "wide":
        good[1, 1] = _SIZE[1]
        _pfm(path, good)


@pytest.mark.parametrize(
    "kind",
    [
        "the other byte order",
        "integers of the other byte order",
        "0.00",
        "nan0",
        "-inf",
        "longer",
        "both signs",
        "wide",
    ],
)
def test_disparity_that_cannot_be_is_refused(tmp_path, kind):
    path = tmp_path / "a.pfm"
    _wrong_pfm(path, "")
    disparity = read_disparity(DisparityFile(path, "pfm"))
    assert disparity[0, :5].tolist() == [0, 0, 0, 3.5, 7.25]
    _wrong_pfm(path, kind)
    with pytest.raises(InputError, match=r"expected .*a\.pfm") as error:
        read_disparity(DisparityFile(path, "pfm"))
    assert "\n" not in str(error.value)


def test_disparity_of_kitti_saved_with_8_bits_is_refused(tmp_path):
    path = tmp_path / "a.png"
    # Few codes stay what they are, though a picture of them would be one of 12 bits.
    codes = np.arange(3900, 4028, dtype=np.uint16).reshape(_SIZE)
    write_picture(path, codes)
    found = read_disparity(DisparityFile(path, "codes", 256))
    np.testing.assert_array_equal(found, codes / 256)
    _codes(path, 54)
    assert (read_disparity(DisparityFile(path, "codes", 4)) == 13.5).all()
    for coding in ("codes", "codes_from_1"):
        with pytest.raises(InputError, match="256 codes a pixel.*a.png, saved with 8"):
            read_disparity(DisparityFile(path, coding, 256))
    _codes(path, 256 * 40, np.uint16)
    with pytest.raises(InputError, match="width, 32 px.*a.png with 40 to 40 px"):
        read_disparity(DisparityFile(path, "codes", 256))


def test_what_is_missing_is_said_at_once(sceneflow):
    (sceneflow / "flyingthings3d" / _THINGS.format("TRAIN", "right", 7)).unlink()
    shutil.rmtree(sceneflow / "driving")
    source = SceneFlow(sceneflow)
    parts = source.parts()
    text = inventory.describe(source, parts)
    assert "1 of 22,390 pairs" in text and "TRAIN/A/0000/right/0007.png" in text
    assert (
        "0 of 4,400 pairs" in text
        and "frames_cleanpass/*_focallength/*/*/{left,right}/*.png" in text
    )
    with pytest.raises(InputError, match="Missing: .*TRAIN/A/0000/right/0007.png"):
        inventory.usable_pairs(source, parts, strict=False, on_error="fail")
    assert len(inventory.usable_pairs(source, parts, False, "skip")) == 4
    with pytest.raises(InputError, match="Monkaa has 1 of 8,664 .*Driving has 0 of"):
        inventory.usable_pairs(source, parts, strict=True, on_error="skip")
    empty = SceneFlow(sceneflow / "flyingthings3d" / "frames_cleanpass" / "TRAIN")
    with pytest.raises(InputError, match="Monkaa at frames_cleanpass/"):
        inventory.usable_pairs(empty, empty.parts(), False, "fail")


def test_the_folders_with_unusual_numbers_are_named(sceneflow):
    _tree(
        sceneflow / "flyingthings3d",
        *(
            f"frames_cleanpass/TRAIN/{letter}/0001/{view}/0006.png"
            for letter in "AB"
            for view in ("left", "right")
        ),
    )
    source = SceneFlow(sceneflow)
    with pytest.raises(InputError, match="3 folders, most of 1; TRAIN/A/0000: 2"):
        inventory.usable_pairs(source, source.parts(), True, "fail")


def test_cityscapes(tmp_path):
    names = {
        "train": "aachen/aachen_000000_000019",
        "val": "munster/munster_000001_000019",
        "test": "berlin/berlin_000002_000019",
    }
    for split, name in names.items():
        for view in ("left", "right"):
            _tree(tmp_path, f"{view}Img8bit/{split}/{name}_{view}Img8bit.png")
    _codes(
        tmp_path / f"disparity/val/{names['val']}_disparity.png", 513, dtype=np.uint16
    )
    parts = _parts(Cityscapes(tmp_path))
    assert [part.published for part in parts.values()] == [2_975, 500, 1_525]
    pairs = {pair.split: pair for part in parts.values() for pair in part.pairs}
    assert set(pairs) == {"train", "validation", "test"}
    assert pairs["train"].key == "cityscapes/aachen/aachen_000000_000019"
    np.testing.assert_array_equal(pairs["validation"].load().left_disparity, 2)
    (tmp_path / f"leftImg8bit/test/{names['test']}_leftImg8bit.png").unlink()
    [missing] = _parts(Cityscapes(tmp_path))["Cityscapes test"].missing
    assert missing.endswith(f"leftImg8bit/test/{names['test']}_leftImg8bit.png")


def test_sintel(tmp_path):
    for render_pass in ("clean", "final"):
        for view in ("left", "right"):
            for number in (1, 2):
                name = f"training/{render_pass}_{view}/alley_1/frame_000{number}.png"
                _picture(tmp_path / name)
    truth = np.zeros((*_SIZE, 3), np.uint8)
    truth[:] = 3, 32, 128  # 12 + 1/2 + 1/128 px
    path = tmp_path / "training/disparities/alley_1/frame_0002.png"
    path.parent.mkdir(parents=True)
    Image.fromarray(truth).save(path)
    [part] = Sintel(tmp_path, render_pass="final").parts()
    assert part.published == 1_064
    assert _keys(part) == [
        "sintel_final/alley_1/frame_0001",
        "sintel_final/alley_1/frame_0002",
    ]
    views = part.pairs[1].load()
    np.testing.assert_allclose(views.left_disparity, 12.5078125)
    with pytest.raises(InputError, match="render_pass"):
        Sintel(tmp_path, render_pass="albedo")


def test_kitti(tmp_path):
    for year, views in ((2012, ("colored_0", "colored_1")), (2015, ("image_2",) * 2)):
        del year
        for view in (*views, "image_3"):
            top = "data_scene_flow" if view.startswith("image") else "data_stereo_flow"
            for split in ("training", "testing"):
                _picture(tmp_path / top / split / view / "000004_10.png")
                _picture(tmp_path / top / split / view / "000004_11.png")
    truth = tmp_path / "data_scene_flow/training/disp_occ_0/000004_10.png"
    _codes(truth, 640, dtype=np.uint16)
    parts = _parts(Kitti(tmp_path))
    assert [part.published for part in parts.values()] == [194, 195, 200, 200]
    assert [_keys(part) for part in parts.values()] == [
        ["kitti2012/training/000004"],
        ["kitti2012/testing/000004"],
        ["kitti2015/training/000004"],
        ["kitti2015/testing/000004"],
    ]
    pair = parts["KITTI 2015 training"].pairs[0]
    np.testing.assert_array_equal(pair.load().left_disparity, 2.5)
    # The folder itself may be data_dir too.
    own = _parts(Kitti(tmp_path / "data_scene_flow"))
    assert [len(part.pairs) for part in own.values()] == [0, 0, 1, 1]


def test_eth3d(tmp_path):
    for folder in ("two_view_training", "two_view_test"):
        _tree(tmp_path, *(f"{folder}/forest_1s/im{view}.png" for view in (0, 1)))
    truth = np.full(_SIZE, 3.5, np.float32)
    truth[0] = np.inf
    _pfm(tmp_path / "two_view_training/forest_1s/disp0GT.pfm", truth)
    _picture(tmp_path / "two_view_training/door/im0.png")
    training, test = Eth3d(tmp_path).parts()
    assert (training.published, test.published) == (27, 20)
    assert _keys(training) == ["eth3d/forest_1s"] and len(test.pairs) == 1
    assert training.missing == (str(tmp_path / "two_view_training/door/im1.png"),)
    disparity = training.pairs[0].load().left_disparity
    assert (disparity[0] == 0).all() and (disparity[1:] == 3.5).all()


def _middlebury(top):
    """A tree as the publisher's archives leave it, third size for 2005 and 2006."""
    _tree(top, "2001/barn1/im0.ppm", "2001/barn1/im1.ppm")
    _tree(top, "2001/barn1/im2.ppm", "2001/barn1/im6.ppm")
    _tree(top, "2001/map/im0.pgm", "2001/map/im1.pgm")
    _tree(top, *(f"2001/tsukuba/scene1.row3.col{n}.ppm" for n in range(1, 6)))
    _codes(top / "2001/tsukuba/truedisp.row3.col3.pgm", 32)
    _tree(top, "2003/conesQ/im2.png", "2003/conesQ/im6.png")
    _codes(top / "2003/conesQ/disp2.png", 40)
    for scene in ("2005/ThirdSize/Art", "2006/ThirdSize/Aloe"):
        _tree(top, f"{scene}/view1.png", f"{scene}/view5.png")
        _codes(top / scene / "disp1.png", 30)
        _codes(top / scene / "disp5.png", 60)
        for lighting in ("Illum1/Exp0", "Illum2/Exp1"):
            _tree(top, *(f"{scene}/{lighting}/view{n}.png" for n in range(7)))
    _tree(top, *(f"2006/ThirdSize/Wood1/Illum2/Exp1/view{n}.png" for n in (1, 5)))
    _tree(top, *(f"2006/ThirdSize/Wood1/Illum1/Exp0/view{n}.png" for n in (1, 5)))
    _tree(top, *(f"2005/ThirdSize/Dwarves/view{n}.png" for n in (1, 5)))
    for kind in ("perfect", "imperfect"):
        _tree(top, *(f"2014/Piano-{kind}/im{n}.png" for n in ("0", "1", "1E", "1L")))
        _pfm(top / f"2014/Piano-{kind}/disp0.pfm", np.full(_SIZE, 7.25))
    _tree(top, "2021/data/chess1/im0.png", "2021/data/chess1/im1.png")
    _tree(top, *(f"2021/data/chess1/ambient/L0/im{n}e2.png" for n in (0, 1)))
    _tree(top, *(f"MiddEval3/trainingQ/Piano/im{n}.png" for n in (0, 1)))
    _pfm(top / "MiddEval3/trainingQ/Piano/disp0GT.pfm", np.full(_SIZE, 9.0))
    _tree(top, *(f"MiddEval3/testH/Plants/im{n}.png" for n in (0, 1)))
    _tree(top, "somewhere/else/im0.png", "somewhere/else/im1.png")
    return top


def test_the_size_is_not_that_of_a_folder_above(tmp_path):
    top = tmp_path / "thirdparty" / "HalfSize"
    _tree(top, "2006/Aloe/view1.png", "2006/Aloe/view5.png")
    wide = np.zeros((20, 1282, 3), np.uint8)
    for view in ("view1", "view5"):
        write_picture(top / "2006" / "Aloe" / f"{view}.png", wide)
    (pairs,) = [p.pairs for p in _parts(Middlebury(top)).values() if p.pairs]
    assert [pair.dataset for pair in pairs] == ["middlebury2006_full"]


def test_strict_asks_for_whole_publications_of_middlebury(tmp_path):
    _tree(tmp_path, "2003/conesQ/im2.png", "2003/conesQ/im6.png")
    source = Middlebury(tmp_path)
    with pytest.raises(
        InputError, match=r"Received: Middlebury 2003 has 1 of 2 [^;]*$"
    ):
        inventory.usable_pairs(source, source.parts(), strict=True, on_error="fail")
    _tree(tmp_path, "2003/teddyQ/im2.png", "2003/teddyQ/im6.png")
    pairs = inventory.usable_pairs(source, source.parts(), strict=True, on_error="fail")
    assert len(pairs) == 2


def test_middlebury(tmp_path):
    parts = _parts(Middlebury(_middlebury(tmp_path)))
    assert [_keys(part) for part in parts.values()] == [
        ["middlebury2001/barn1", "middlebury2001/tsukuba"],
        ["middlebury2003_quarter/cones"],
        ["middlebury2005_third/Art"],
        ["middlebury2005_third/Dwarves"],
        ["middlebury2006_third/Aloe", "middlebury2006_third/Wood1/Illum2_Exp1"],
        ["middlebury2014/Piano/perfect"],
        ["middlebury2021/chess1"],
        ["middlebury_eval3_quarter/Piano"],
        ["middlebury_eval3_half/Plants"],
    ]
    test = [p for part in parts.values() for p in part.pairs if p.split == "test"]
    assert {pair.dataset for pair in test} == {
        "middlebury2005_third",
        "middlebury2006_third",
    }
    published = parts["Middlebury 2005"].published, parts["Middlebury 2006"].published
    assert sum(published) == 27
    assert "Lampshade1" in parts["Middlebury 2006"].absent

    def views(name, index=0):
        return parts[f"Middlebury {name}"].pairs[index].load()

    assert (views("2001", 1).left_disparity == 2).all()  # 32 / 16
    assert views("2001", 1).right_disparity is None
    assert (views("2003").left_disparity == 10).all()  # 40 / 4
    assert (views("2005").left_disparity == 10).all()  # 30 / 3
    assert (views("2005").right_disparity == 20).all()
    assert (views("2014").left_disparity == 7.25).all()
    assert (views("MiddEval3 training").left_disparity == 9).all()
    barn = parts["Middlebury 2001"].pairs[0]
    assert [pathlib.Path(file).stem for file in barn.files] == ["im2", "im6"]


def test_middlebury_exposures_and_sizes(tmp_path):
    top = _middlebury(tmp_path)
    parts = _parts(Middlebury(top, all_exposures=True))
    assert _keys(parts["Middlebury 2005"]) == [
        "middlebury2005_third/Art",
        "middlebury2005_third/Art/Illum1_Exp0",
        "middlebury2005_third/Art/Illum2_Exp1",
    ]
    assert (parts["Middlebury 2005"].pairs[1].load().left_disparity == 10).all()
    assert len(parts["Middlebury 2014"].pairs) == 6
    assert _keys(parts["Middlebury 2021"]) == [
        "middlebury2021/chess1",
        "middlebury2021/chess1/L0_e2",
    ]
    scenes = {pair.scene for part in parts.values() for pair in part.pairs}
    assert {"Art", "Piano", "chess1"} <= scenes

    # Without a folder that says so, the width tells the size.
    for width in (450, 680, 1300):
        _tree(top, *(f"{width}/Books/view{n}.png" for n in (1, 5)), size=(8, width))
    with pytest.raises(InputError, match="--size.*2005 is there as full, half, third"):
        Middlebury(top).parts()
    half = _parts(Middlebury(top, size="half"))
    assert _keys(half["Middlebury 2005"]) == ["middlebury2005_half/Books"]
    # Sets of one size do not care.
    assert len(half["Middlebury 2021"].pairs) == 1
    with pytest.raises(InputError, match="size must be"):
        Middlebury(top, size="tiny")


def test_real_pairs_in_their_trees(tmp_path):
    aloe, piano = _real("middlebury2006_third", "Aloe"), tmp_path / "trainingQ/Piano"
    for view, number in (("left", 1), ("right", 5)):
        _place(aloe / f"{view}.png", tmp_path / f"Aloe/view{number}.png")
    _place(aloe / "disp_left.png", tmp_path / "Aloe/disp1.png")
    for view, number in (("left", 0), ("right", 1)):
        source = _real("middlebury2014_trainingQ", "Piano") / f"{view}.png"
        _place(source, piano / f"im{number}.png")
        source = _real("kitti_segstereo", "000000_10") / f"{view}.png"
        _place(source, tmp_path / f"training/image_{number + 2}/000000_10.png")
        source = _real("sceneflow_flyingthings3d", "sampler_0006") / f"{view}.png"
        _place(source, tmp_path / f"frames_cleanpass/TRAIN/A/0000/{view}/0006.png")
    _place(
        _real("kitti_segstereo", "000000_10") / "disp_left.png",
        tmp_path / "training/disp_occ_0/000000_10.png",
    )
    keys = {
        pair.key: pair.load()
        for source in (Middlebury(tmp_path), Kitti(tmp_path), SceneFlow(tmp_path))
        for part in source.parts()
        for pair in part.pairs
    }
    assert set(keys) == {
        "middlebury2006_third/Aloe",
        "middlebury_eval3_quarter/Piano",
        "kitti2015/training/000000",
        "flyingthings3d_clean/TRAIN/A/0000/0006",
    }
    for key in ("middlebury2006_third/Aloe", "kitti2015/training/000000"):
        _assert_disparity_warps(keys[key])


def _assert_disparity_warps(views):
    """The left view moved by the left disparity is the right view, most of it."""
    rows, columns = np.nonzero(views.left_disparity > 0)
    target = np.rint(columns - views.left_disparity[rows, columns]).astype(int)
    inside = target >= 0
    rows, columns, target = rows[inside], columns[inside], target[inside]
    left = views.left[rows, columns].astype(float)
    moved = np.abs(left - views.right[rows, target]).mean()
    still = np.abs(left - views.right[rows, columns]).mean()
    assert moved < 0.5 * still


def test_the_checker_says_what_is_there(sceneflow, tmp_path):
    result = start(
        "tfrecords_tools.check", "--dataset=sceneflow", f"--data_dir={sceneflow}"
    )
    assert result.code == 0, result
    assert "frames_cleanpass/{TRAIN,TEST}/{A,B,C}" in result.stdout
    assert "2 of 22,390 pairs" in result.stdout
    lost = sceneflow / "flyingthings3d" / _THINGS.format("TRAIN", "right", 7)
    lost.unlink()
    result = start(
        "tfrecords_tools.check",
        "--dataset=sceneflow",
        f"--data_dir={sceneflow}",
        "--strict",
        "--on_error=skip",
        f"--missing={tmp_path / 'missing.txt'}",
    )
    assert "1 of 22,390 pairs" in result.stdout
    assert (tmp_path / "missing.txt").read_text() == f"{lost}\n"
    assert_one_line_error(result._replace(stdout=""), "Monkaa has 1 of 8,664")
