"""What `tfrecords_tools.check` says of records, whole and damaged."""

import dataclasses
import json
import os
import shutil

import numpy as np
import pytest

from colornet.errors import InputError
from colornet.visualize.drawing import LABEL_HEIGHT, colormap
from tfrecords_tools.checker import check_dataset, find_datasets
from tfrecords_tools.contact_sheet import contact_sheet
from tfrecords_tools.records import Record, RecordConfig
from tfrecords_tools.sources import embedded
from tfrecords_tools.sources.pairs import Pairs
from tfrecords_tools.writer import write_records


@pytest.fixture
def copy(written, tmp_path):
    """The records, to be damaged."""
    folder = tmp_path / "pairs_setup1" / "1.0.0"
    shutil.copytree(written.folder, folder)
    return folder


def test_check_reads_everything(written):
    assert find_datasets(written.folder.parents[2]) == [written.folder]
    report = check_dataset(written.folder, samples=1)
    assert report.counts == {"train": 2, "test": 4}
    assert report.sizes[0][0] == report.sizes[1][0] == 160
    assert 130 <= report.sizes[0][1] < report.sizes[1][1] <= 135
    assert report.with_disparity == 0 and report.max_disparity == 0
    assert report.mono.value == pytest.approx(0.01, rel=0.02)
    assert report.color.value == pytest.approx(0.03, abs=5 * report.color.error + 3e-4)
    assert len(report.samples) == 2
    assert [key.split("/")[0] for key, _ in report.samples] == ["d", "d"]


def test_the_contact_sheet_tells_unknown_disparity_from_far_away():
    disparity = np.full((256, 256, 1), 64 * 40, np.uint16)
    disparity[:128] = 1  # As far away as can be.
    disparity[:, :128] = 0
    views = [np.full((256, 256, channels), 99, np.uint8) for channels in (1, 3, 3)]
    record = Record(*views, disparity)
    sheet = contact_sheet([("a", record), ("a", record)])
    half = (len(sheet) - 12) // 2
    first = sheet[:half]
    np.testing.assert_array_equal(first, sheet[-half:])
    maps = first[-256:, 3 * (256 + 6) :]
    np.testing.assert_array_equal(maps[:, :128], np.full((256, 128, 3), 128, np.uint8))
    np.testing.assert_array_equal(maps[20, 200], colormap(0, 0, 1))
    np.testing.assert_array_equal(maps[200, 200], colormap(1, 0, 1))
    # A line with the name of the record, and one with those of the pictures.
    other = contact_sheet([("b", record), ("a", record)])
    (rows, _) = np.nonzero((sheet != other).any(axis=-1))
    assert rows.size and rows.max() < LABEL_HEIGHT
    names = first[LABEL_HEIGHT : 2 * LABEL_HEIGHT].min(axis=(0, 2))
    assert all(names[x : x + 50].min() < 99 for x in (0, 262, 524, 786))


def test_check_finds_nothing(tmp_path):
    for place in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(InputError, match="expected <out_dir>/colornet_records"):
            find_datasets(place)


def _damage(folder, kind):
    import tensorflow as tf

    shard = next(path for path in folder.glob("*-test.*"))
    data = bytearray(shard.read_bytes())
    if kind == "flipped bit":
        data[len(data) // 2] ^= 4
        shard.write_bytes(data)
    elif kind == "cut":
        shard.write_bytes(data[: len(data) // 2])
    elif kind == "empty":
        shard.write_bytes(b"")
    elif kind == "missing":
        shard.unlink()
    else:
        parts = list(tf.data.TFRecordDataset(str(shard)).as_numpy_iterator())
        if kind == "exchanged":
            parts = parts[::-1]
        else:
            parts = parts[:-1] if kind == "one fewer" else [parts[0], *parts[:-1]]
        with tf.io.TFRecordWriter(str(shard)) as file:
            for part in parts:
                file.write(part)
    return shard


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("flipped bit", "damaged"),
        ("cut", "damaged"),
        ("empty", "expected 4 records"),
        ("missing", "missing"),
        ("one fewer", "expected 4 records .* Received: 3"),
        ("twice", "expected every key once"),
        ("exchanged", "with SHA-256 .* as it was written"),
    ],
)
def test_damaged_shards_are_named(copy, kind, words):
    shard = _damage(copy, kind)
    with pytest.raises(InputError, match=words) as error:
        check_dataset(copy)
    assert str(shard) in str(error.value)
    assert "\n" not in str(error.value)


def test_records_that_have_changed_places_between_shards(copy):
    import tensorflow as tf

    shards = {split: next(copy.glob(f"*-{split}.*")) for split in ("train", "test")}
    parts = {
        split: list(tf.data.TFRecordDataset(str(path)).as_numpy_iterator())
        for split, path in shards.items()
    }
    first = parts["train"][0], parts["test"][0]
    parts["test"][0], parts["train"][0] = first
    for split, path in shards.items():
        with tf.io.TFRecordWriter(str(path)) as file:
            for part in parts[split]:
                file.write(part)
    with pytest.raises(InputError, match="with SHA-256 .* as it was written"):
        check_dataset(copy)


def test_records_of_an_earlier_version_are_read_with_a_note(copy):
    metadata = json.loads((copy / "metadata.json").read_text())
    assert len(metadata.pop("shards")) == 2
    (copy / "metadata.json").write_text(json.dumps(metadata))
    with pytest.warns(match="has no digest"):
        assert check_dataset(copy).counts == {"train": 2, "test": 4}


@pytest.mark.parametrize(
    "name", ["dataset_info.json", "features.json", "metadata.json"]
)
def test_a_damaged_description_is_one_error(copy, name):
    (copy / name).write_text('{"name": "colornet_')
    with pytest.raises(InputError, match="a description that cannot be read") as error:
        check_dataset(copy)
    assert str(copy) in str(error.value)


def test_records_of_setup_2_cannot_pass_for_setup_1(pictures, tmp_path):
    two = RecordConfig(setup=2)
    made = write_records(Pairs(pictures), tmp_path, record=two)
    assert made.folder.parent.name == "pairs_setup2"
    assert check_dataset(made.folder).color.agrees(0.07)
    metadata = made.folder / "metadata.json"
    metadata.write_text(metadata.read_text().replace('"setup": 2', '"setup": 1'))
    with pytest.raises(InputError, match="color noise of level 0.03 .* setup 1"):
        check_dataset(made.folder)


def test_check_refuses_a_scene_in_two_splits(pictures, tmp_path):
    table = (pictures / "INDEX.tsv").read_text().splitlines()[1:]
    rows = ["dataset\tscene\tleft\tright\tsplit"]
    for row in table:
        dataset, scene, split = row.split("\t")
        paths = [
            str(pictures / dataset / scene / f"{v}.png") for v in ("left", "right")
        ]
        rows.append("\t".join([dataset, scene, *paths, split]))
    (tmp_path / "t.tsv").write_text("\n".join(rows))

    source = Pairs(tmp_path / "t.tsv")
    [part] = source.parts()
    same = [
        dataclasses.replace(pair, scene="video", frame=pair.scene)
        for pair in part.pairs
    ]
    parts = [dataclasses.replace(part, pairs=tuple(same))]
    made = write_records(source, tmp_path, parts=parts)
    with pytest.raises(InputError, match="every scene in one split .* d/video in"):
        check_dataset(made.folder)


def test_embedded_dataset(tmp_path):
    scenes = embedded.Embedded(
        train_scenes=2, validation_scenes=1, height=64, width=128
    )
    record = RecordConfig(setup=2, mono_view="left", scale=0.5)
    made = write_records(scenes, tmp_path, record=record)
    assert made.counts == {"train": 2, "validation": 1, "test": 1}
    report = check_dataset(made.folder)
    assert report.with_disparity == 4
    # Motorcycle's left disparity, 7.2 to 59.9 px, at half size.
    assert report.max_disparity == pytest.approx(59.9 / 2, abs=0.1)
    assert report.settings["textures"] == "skimage"
    assert report.sizes == ((32, 64), (250, 370))


def test_real_records(request, tmp_path):
    folder = os.environ.get("COLORNET_REAL_DATA")
    folder = folder or request.config.rootpath / "../shared/stereo"
    if not os.path.exists(os.path.join(folder, "INDEX.tsv")):
        pytest.skip("no real data: set COLORNET_REAL_DATA")
    made = write_records(Pairs(folder), tmp_path, limit=4)
    report = check_dataset(made.folder)
    assert report.counts == {"test": 4}
    assert report.color.agrees(0.03) and report.mono.agrees(0.01)
