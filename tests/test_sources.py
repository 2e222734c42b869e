import os
import pathlib
import pickle

import numpy as np
import pytest
from PIL import Image

from colornet.errors import InputError
from colornet.io.pictures import write_picture
from tfrecords_tools.inventory import usable_pairs
from tfrecords_tools.sources import Pair, Part, embedded, load_files
from tfrecords_tools.sources.embedded import Embedded
from tfrecords_tools.sources.pairs import Pairs


def _real_data(root):
    folder = os.environ.get("COLORNET_REAL_DATA") or root / "../shared/stereo"
    return pathlib.Path(folder)


def _make(folder, value=0, names=("left.png", "right.png"), shape=(4, 6, 3)):
    folder.mkdir(parents=True, exist_ok=True)
    for offset, name in enumerate(names):
        write_picture(folder / name, np.full(shape, value + offset, np.uint8))


def _found(source):
    return usable_pairs(source, source.parts(), strict=False, on_error="fail")


def test_tree(tmp_path):
    _make(tmp_path / "b" / "two", 20)
    _make(tmp_path / "a", 10, ("left.jpg", "right.TIF"))
    _make(tmp_path / ".hidden", 30)
    (tmp_path / "notes").mkdir()
    pairs = _found(Pairs(tmp_path))
    assert [p.key for p in pairs] == ["pairs/a", "pairs/b/two"]
    assert {p.split for p in pairs} == {"test"}
    views = pickle.loads(pickle.dumps(pairs[1])).load()
    assert (views.left.mean(), views.right.mean()) == (20, 21)


def test_a_single_pair_is_named_by_its_folder(tmp_path):
    _make(tmp_path / "desk")
    assert [p.key for p in _found(Pairs(tmp_path / "desk"))] == ["pairs/desk"]


def test_tree_lists_all_that_is_missing(tmp_path):
    _make(tmp_path / "a", names=("left.png",))
    _make(tmp_path / "b", names=("right.png",))
    _make(tmp_path / "c", names=("left.png", "left.bmp", "right.png"))
    with pytest.raises(InputError) as error:
        _found(Pairs(tmp_path))
    message = str(error.value)
    for words in ("3 missing", "a/right.*", "b/left.*", "left.bmp, left.png"):
        assert words in message
    assert "\n" not in message


def test_folders_of_views(tmp_path):
    for view in ("left", "Right"):
        _make(tmp_path / "street" / view, 10, ("1.png", "2.PNG"))
        _make(tmp_path / view, 20, ("x.jpg",))
        (tmp_path / "street" / view / "._1.png").write_bytes(b"\0\5\x16\7")
    pairs = _found(Pairs(tmp_path))
    top = f"pairs/{tmp_path.name}/x"
    assert [p.key for p in pairs] == [top, "pairs/street/1", "pairs/street/2"]
    views = pairs[2].load()
    assert (views.left.mean(), views.right.mean()) == (11, 11)
    _make(tmp_path / "street" / "left", 10, ("3.png",))
    with pytest.raises(InputError, match="1 missing: .*street/Right/3"):
        _found(Pairs(tmp_path))


def test_disparity_in_a_tree_is_read_as_a_table_reads_it(tmp_path):
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 5 * 256, (4, 6)).astype(np.uint16)
    pixels = rng.uniform(0, 5, (4, 6)).astype("<f4")
    for folder in ("a", "b", "c"):
        _make(tmp_path / folder, 10)
    write_picture(tmp_path / "a" / "DISP_left.PNG", codes)
    pfm = b"Pf\n6 4\n-1\n" + pixels[::-1].tobytes()
    (tmp_path / "b" / "disp_left.pfm").write_bytes(pfm)
    for view in ("left", "right"):
        _make(tmp_path / "d" / view, 20, ("7.png", "8.png"))
    (tmp_path / "d" / "Disp_Left").mkdir()
    write_picture(tmp_path / "d" / "Disp_Left" / "8.png", codes)
    table = _write_table(
        tmp_path / "t.tsv",
        ("left", "right", "disp_left"),
        ("a/left.png", "a/right.png", "a/DISP_left.PNG"),
        ("b/left.png", "b/right.png", "b/disp_left.pfm"),
    )

    def disparities(source):
        return [pair.load().left_disparity for pair in _found(source)]

    a, b, c, first, second = disparities(Pairs(tmp_path))
    assert c is None and first is None
    np.testing.assert_array_equal([a, b], disparities(Pairs(table)))
    np.testing.assert_array_equal([a, second, b], [codes / 256, codes / 256, pixels])

    _make(tmp_path / "b", names=("disp_left.tif",), shape=(4, 6))
    with pytest.raises(InputError, match=r"disp_left.\* only once: .*pfm, .*tif"):
        _found(Pairs(tmp_path))


def test_views_are_found_in_whatever_case(tmp_path):
    _make(tmp_path / "a", 10, ("LEFT.PNG", "Right.Tif"))
    (tmp_path / "a" / "._LEFT.PNG").write_bytes(b"\0\5\x16\7")
    [pair] = _found(Pairs(tmp_path))
    assert (pair.load().left.mean(), pair.load().right.mean()) == (10, 11)


def test_orientation_stays_out_of_records(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    pictures = np.random.default_rng(0).integers(0, 256, (2, 4, 6, 3), np.uint8)
    for name, picture in zip(("left.png", "right.png"), pictures, strict=True):
        Image.fromarray(picture).save(tmp_path / name, exif=exif)
    [pair] = _found(Pairs(tmp_path))
    views = pair.load()
    np.testing.assert_array_equal([views.left, views.right], pictures)
    Image.fromarray(pictures[1]).save(tmp_path / "right.png")
    with pytest.raises(InputError, match="one EXIF orientation.*right.png.*left.png"):
        pair.load()


def test_the_tree_that_was_met_is_shown(tmp_path):
    _make(tmp_path / "a", names=("cam1.png", "cam2.png"))
    with pytest.raises(InputError, match=r"no pair in a/cam#.png \(2 files\)"):
        _found(Pairs(tmp_path))


def _write_table(path, *rows):
    path.write_text("\n".join("\t".join(row) for row in rows) + "\n")
    return path


def test_table_of_scenes(tmp_path):
    _make(tmp_path / "d1" / "s", 10)
    _make(tmp_path / "d2" / "s", 20, ("left.ppm", "right.png"))
    header = ("scene", "note", "dataset", "split")
    _write_table(
        tmp_path / "INDEX.tsv",
        header,
        ("s", 'a "quoted note', "d2", "train"),
        ("s", "", "d1", ""),
    )
    pairs = _found(Pairs(tmp_path))
    assert [(p.key, p.split) for p in pairs] == [("d2/s", "train"), ("d1/s", "test")]
    assert pairs[0].load().left.mean() == 20


def test_table_of_paths(tmp_path):
    # The views are paired by row: the files' own order is another one.
    for number in range(2):
        _make(tmp_path / "l", number, (f"{number}.png",))
        _make(tmp_path / "r", 100 + number, (f"{1 - number}.png",))
    table = tmp_path / "my.tsv"
    table.write_bytes(
        b"\xef\xbb\xbfleft\tright\tkey\r\nl/0.png\tr/1.png\tx\r\n\r\nl/1.png\tr/0.png\t\r\n"
    )
    pairs = _found(Pairs(table))
    assert [p.key for p in pairs] == ["pairs/x", "pairs/l/1"]
    for number, pair in enumerate(pairs):
        views = pair.load()
        assert (views.left.mean(), views.right.mean()) == (number, 100 + number)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([("left", "scene"), ("a", "b")], "columns .* Received: left, scene"),
        ([("",)], "an empty file"),
        ([("left", "right")], "Received: no pair"),
        ([("left", "right"), ("a.png", "")], "a.png.*|the right of row 2"),
        ([("dataset", "scene"), ("d", "x"), ("d", "y")], "4 missing.*x/left.*y/right"),
        ([("dataset", "scene"), ("d",), ("", "y")], "scene of row 2.*dataset of row 3"),
        ([("dataset", "scene"), ("d", "s"), ("d", "s")], "twice: d/s"),
        ([("dataset", "scene", "split"), ("d", "s", "My split")], "My split"),
        ([("dataset", "scene", "split"), ("d", "s", "all")], "all"),
    ],
)
def test_odd_tables(tmp_path, rows, words):
    _make(tmp_path / "d" / "s")
    table = _write_table(tmp_path / "t.tsv", *rows)
    with pytest.raises(InputError, match=words) as error:
        _found(Pairs(table))
    assert str(table) in str(error.value)
    assert "\n" not in str(error.value)


def test_odd_places(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        _found(Pairs(tmp_path / "nowhere"))
    with pytest.raises(InputError, match="with no pair"):
        _found(Pairs(tmp_path))
    (tmp_path / "picture.tsv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="UTF-8"):
        _found(Pairs(tmp_path / "picture.tsv"))


def test_unusable_views_name_both_files(tmp_path):
    _make(tmp_path, names=("a.png",), shape=(4, 6, 3))
    _make(tmp_path, names=("b.png",), shape=(4, 7, 3))
    _make(tmp_path, names=("grey.png",), shape=(4, 6))
    (tmp_path / "broken.png").write_bytes((tmp_path / "a.png").read_bytes()[:40])
    for other, words in (
        ("b.png", "a.png, 6 x 4; .*b.png, 7 x 4"),
        ("grey.png", "a grey picture"),
        ("broken.png", "whole|known"),
        ("missing.png", "does not exist"),
    ):
        with pytest.raises(InputError, match=words) as error:
            load_files(str(tmp_path / "a.png"), str(tmp_path / other))
        assert "a.png" in str(error.value) and other in str(error.value)


def test_16_bit_views_become_8_bit(tmp_path):
    picture = np.array([[[0, 257 * 7, 65535]]], np.uint16)
    write_picture(tmp_path / "a.png", picture)
    views = load_files(str(tmp_path / "a.png"), str(tmp_path / "a.png"))
    assert views.left.dtype == np.uint8
    np.testing.assert_array_equal(views.left, [[[0, 7, 255]]])


def test_embedded():
    config = Embedded(train_scenes=3, validation_scenes=2, height=64, width=96)
    pairs = _found(config)
    assert [p.split for p in pairs] == ["train"] * 3 + ["validation"] * 2 + ["test"]
    views = pairs[0].load()
    again = pickle.loads(pickle.dumps(pairs[0])).load()
    assert views.left.shape == views.right.shape == (64, 96, 3)
    assert views.left.dtype == np.uint8
    np.testing.assert_array_equal(views.right, again.right)
    seen = [p.load().right.tobytes() for p in pairs[:5]]
    assert len(set(seen)) == 5
    assert 0 < views.right_disparity.max() <= 32


def test_motorcycle():
    views = embedded.load_motorcycle()
    # Known matches agree in colour: the disparity has the sign that Views asks for.
    rows, columns = np.nonzero(np.isfinite(views.left_disparity))
    matches = np.rint(columns - views.left_disparity[rows, columns]).astype(int)
    inside = matches >= 0
    rows, columns, matches = rows[inside], columns[inside], matches[inside]
    left = views.left.astype(float)[rows, columns]
    right = views.right.astype(float)
    matched = np.abs(left - right[rows, matches]).mean()
    unmatched = np.abs(left - right[rows, columns]).mean()
    assert matched < 0.4 * unmatched


def test_embedded_settings():
    with pytest.raises(InputError, match="not negative"):
        Embedded(train_scenes=-1)
    with pytest.raises(InputError):
        _found(Embedded(textures="nowhere/at/all"))


def test_a_pair_that_is_there_twice_is_refused(tmp_path):
    twice = [Pair("a", "b", split, load_files) for split in ("train", "test")]
    with pytest.raises(InputError, match="twice: a/b"):
        usable_pairs(Pairs(tmp_path), [Part("p", "", tuple(twice))], False, "fail")


def test_real_pairs(request):
    folder = _real_data(request.config.rootpath)
    if not (folder / "INDEX.tsv").exists():
        pytest.skip("no real data: set COLORNET_REAL_DATA")
    pairs = _found(Pairs(folder))
    assert len({p.key for p in pairs}) == len(pairs) >= 60
    views = pairs[0].load()
    assert views.left.shape == views.right.shape
