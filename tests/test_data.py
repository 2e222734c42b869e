"""The pipeline against plain NumPy, and its promise: a function of (seed, step)."""

import itertools
import shutil

import numpy as np
import pytest
import tensorflow as tf

from colornet import data
from colornet.color import rgb_to_chroma
from colornet.errors import InputError
from tfrecords_tools.sources.embedded import Embedded
from tfrecords_tools.writer import write_records

_SCENES = Embedded(train_scenes=7, validation_scenes=0, height=40, width=72)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out_dir = tmp_path_factory.mktemp("records")
    return write_records(_SCENES, out_dir).folder


@pytest.fixture(scope="module")
def sharded(folder, tmp_path_factory):
    """The same records in four shards, as a large dataset has them."""
    records = data.Records(folder, "train")
    examples = list(tf.data.TFRecordDataset(records.paths).as_numpy_iterator())
    directory = tmp_path_factory.mktemp("shards")
    records.paths, records.shard_lengths = [], [2, 1, 3, 1]
    for number, length in enumerate(records.shard_lengths):
        records.paths.append(str(directory / f"shard-{number}"))
        with tf.io.TFRecordWriter(records.paths[-1]) as writer:
            for _ in range(length):
                writer.write(examples.pop(0))
    return records


def batches(records, count, **changes):
    settings = {"seed": 3, "batch_size": 2, "crop": (32, 64)} | changes
    dataset = data.training_batches(records, **settings)
    return [
        {name: value.numpy() for name, value in batch.items()}
        for batch in itertools.islice(dataset, count)
    ]


def assert_same(first, second):
    assert len(first) == len(second)
    for mine, other in zip(first, second, strict=True):
        for name, value in mine.items():
            np.testing.assert_array_equal(value, other[name])


def identify(window, wholes):
    """Which whole picture a window is of, and where: (number, top, left)."""
    found = []
    height, width = window.shape[:2]
    for number, whole in enumerate(wholes):
        rows, columns = whole.shape[0] - height + 1, whole.shape[1] - width + 1
        for top, left in itertools.product(range(rows), range(columns)):
            if np.array_equal(whole[top : top + height, left : left + width], window):
                found.append((number, top, left))
    (place,) = found
    return place


def test_maps_are_those_of_the_stored_record(folder):
    records = data.Records(folder, "train")
    raw, examples = list(records.raw_examples()), list(records.examples())
    assert len(raw) == len(examples) == len(records) == 7
    for stored, maps in zip(raw, examples, strict=True):
        for name in ("mono", "reference", "target"):
            np.testing.assert_allclose(maps[name], stored[name] / 255, atol=1e-7)
        chroma = rgb_to_chroma(stored["target"] / 255)
        np.testing.assert_allclose(maps["chroma"], chroma, atol=1e-6)
        steps = stored["disparity"][..., 0]
        expected = np.where(steps > 0, steps / 64, -1)
        np.testing.assert_array_equal(maps["disparity"], expected)
        assert maps["key"].startswith("synthetic/train_")
    assert max(maps["disparity"].max() for maps in examples) > 8


def test_a_split_that_is_not_there(folder, written):
    with pytest.raises(InputError, match=r"\(test, train\)\. Received: 'x'"):
        data.Records(folder, "x")
    # Those of pairs are up to who wrote the table.
    with pytest.raises(InputError, match=r"\(test, train\); a column `split` of the I"):
        data.Records(written.folder, "validation")


def test_records_of_some_datasets(folder):
    records = data.Records(folder, "train")
    assert records.datasets() == {"synthetic": 7}
    assert len(list(records.examples({"synthetic", "more"}))) == 7
    assert list(records.examples(["other"])) == []


@pytest.mark.parametrize("group", [1, 3, 100])
def test_any_start_gives_the_rest_of_the_same_stream(sharded, monkeypatch, group):
    monkeypatch.setattr(data, "_SHUFFLE_EXAMPLES", group)
    whole = batches(sharded, 14)
    for start in (1, 3, 4, 9):
        assert_same(whole[start:], batches(sharded, 14 - start, start_step=start))


def test_every_epoch_visits_every_record_once_in_its_own_order(sharded):
    wholes = [example["mono"] for example in sharded.examples()]
    windows = [batch["mono"][0] for batch in batches(sharded, 21, batch_size=1)]
    numbers = [identify(window, wholes)[0] for window in windows]
    epochs = [numbers[start : start + 7] for start in (0, 7, 14)]
    assert all(sorted(epoch) == list(range(7)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]


def test_all_maps_get_the_same_window_and_windows_differ(sharded):
    wholes = list(sharded.examples())
    places = set()
    for batch in batches(sharded, 14, batch_size=1):
        place = identify(batch["mono"][0], [whole["mono"] for whole in wholes])
        number, top, left = place
        window = (slice(top, top + 32), slice(left, left + 64))
        for name in ("reference", "chroma", "disparity"):
            np.testing.assert_array_equal(batch[name][0], wholes[number][name][window])
        places.add(place[1:])
    assert len(places) > 8
    tops, lefts = zip(*places, strict=True)
    assert max(tops) > 4 and max(lefts) > 4 and min(tops) < 4 and min(lefts) < 4


def test_seeds_differ_and_global_seed_does_not_matter(sharded):
    first = batches(sharded, 3)
    tf.random.set_seed(99)
    assert_same(first, batches(sharded, 3))
    other = batches(sharded, 3, seed=4)
    assert not np.array_equal(first[0]["mono"], other[0]["mono"])


def test_two_workers_share_the_batches_of_one(sharded):
    whole = batches(sharded, 5)
    parts = [
        batches(sharded, 5, replicas=2, pipeline=worker, pipelines=2)
        for worker in (0, 1)
    ]
    joined = [
        {name: np.concatenate([a[name], b[name]]) for name in a}
        for a, b in zip(*parts, strict=True)
    ]
    assert_same(whole, joined)


def test_a_crop_larger_than_the_records_says_so(folder):
    records = data.Records(folder, "train")
    with pytest.raises(InputError, match=r"crop 64x64: [^\[\]]+$"):
        list(records.checked(data.training_batches(
            records, seed=0, batch_size=1, crop=(64, 64)
        )))  # fmt: skip


@pytest.mark.parametrize("damage", ["truncate", "whole record", "empty", "flip"])
def test_damaged_shards_say_so(folder, tmp_path, damage):
    copy = shutil.copytree(folder, tmp_path / "copy")
    (shard,) = copy.glob("*-train.tfrecord*")
    content = bytearray(shard.read_bytes())
    if damage == "flip":
        content[len(content) // 2] ^= 1
    else:
        first = 16 + int.from_bytes(content[:8], "little")
        length = {"truncate": -100, "whole record": first, "empty": 0}[damage]
        content = content[:length]
    shard.write_bytes(content)
    with pytest.raises(InputError, match="tfrecords_tools.check") as caught:
        list(data.Records(copy, "train").raw_examples())
    assert "function_node" not in str(caught.value)


def test_damaged_metadata_says_so(folder, tmp_path):
    for name in ("dataset_info.json", "features.json"):
        copy = shutil.copytree(folder, tmp_path / name)
        content = (copy / name).read_text()
        (copy / name).write_text(content[: len(content) // 2])
        with pytest.raises(InputError, match="features.json"):
            data.Records(copy, "train")
    copy = shutil.copytree(folder, tmp_path / "without")
    (copy / "metadata.json").unlink()
    with pytest.raises(InputError, match="metadata.json"):
        data.Records(copy, "train")


def test_what_is_not_there_says_so(folder, tmp_path):
    with pytest.raises(InputError, match="Received: 'dev'"):
        data.Records(folder, "dev")
    with pytest.raises(InputError, match="dataset_info.json"):
        data.find_records(tmp_path)
    with pytest.raises(InputError, match="expected a folder"):
        data.find_records(tmp_path / "none")
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "dataset_info.json").touch()
    with pytest.raises(InputError, match="expected one dataset"):
        data.find_records(tmp_path)
