"""tf.data pipelines from TFRecords to examples and training batches.

An example is a dictionary of float32 maps without batch axis:
    mono: (height, width, 1) luma of the monochrome camera, in [0, 1].
    reference: (height, width, 3) RGB of the colour camera, in [0, 1].
    chroma: (height, width, 2) clean Cb, Cr of the mono view, in [-0.5, 0.5] (D-09).
    disparity: (height, width) pixels of the mono view, -1 where unknown.
"""

import json
import os
import pathlib
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from typing import Any

import tensorflow as tf
import tensorflow_datasets as tfds

from colornet.color import rgb_to_chroma
from colornet.errors import InputError, require_tensorflow

# A TFRecord has 8 bytes of length and 2 checksums of 4 around its content.
_FRAME = 16
# A group of shards of at least so many examples is shuffled as a whole.
_SHUFFLE_EXAMPLES = 256
_TOO_SMALL = "expected pictures at least as large as the crop. Received: crop"
_FEATURES = ("mono", "reference", "target", "disparity", "key", "dataset", "scene")


def record_folders(directory: str | os.PathLike, split: str | None = None) -> list[str]:
    """The folders of whole TFRecords at or below `directory`, sorted by their paths.

    Args:
        directory: where to look.
        split: only folders that have it; all if None. Of a folder with damaged metadata
            nobody knows, and it counts: `Records` says what is wrong with it.
    """
    found = []
    for info in sorted(pathlib.Path(directory).rglob("dataset_info.json")):
        if "incomplete" in info.parent.name:
            continue
        try:
            splits = [part["name"] for part in json.loads(info.read_bytes())["splits"]]
        except (OSError, ValueError, KeyError, TypeError):
            splits = [split]
        if split is None or split in splits:
            found.append(str(info.parent))
    return found


def find_records(directory: str) -> str:
    """The one folder of TFRecords at or below `directory`.

    Raises:
        InputError: there is none, or more than one.
    """
    if not pathlib.Path(directory).is_dir():
        raise InputError(f"expected a folder of TFRecords. Received: {directory}")
    found = record_folders(directory)
    if not found:
        raise InputError(
            "expected TFRecords made by tfrecords_tools.write (a dataset_info.json) "
            f"at or below the folder. Received: {directory}"
        )
    if len(found) > 1:
        raise InputError(
            f"expected one dataset at or below {directory}. Received: "
            + ", ".join(found)
        )
    return found[0]


def _reason(error: tf.errors.OpError) -> str:
    """TensorFlow's message without the names of its operations."""
    first = error.message.splitlines()[0]
    return re.sub(r"\{\{.*?\}\}|\[Op:.*", "", first).strip()


class Records:
    """TFRecords of pre-decolored, noise-injected stereo pairs on disk.

    Args:
        directory: the folder that `tfrecords_tools.write` made, or one above it that
            holds no other.
        split: the name of a split.

    Attributes:
        splits: the names of all splits of the records.

    Raises:
        InputError: no records, other records than ours, no such split, an empty split,
            missing or damaged shards or metadata; Keras runs on another backend than
            TensorFlow, which decodes them.
    """

    def __init__(self, directory: str, split: str):
        require_tensorflow("to read records")
        self.directory = find_records(directory)
        try:
            builder = tfds.builder_from_directory(self.directory)
        # Whatever TFDS makes of damaged JSON.
        except Exception as error:
            raise InputError(
                f"expected a whole dataset_info.json and features.json. "
                f"Received: {self.directory} ({type(error).__name__})"
            ) from error
        self.features = builder.info.features
        missing = [name for name in _FEATURES if name not in self.features]
        if missing:
            raise InputError(
                f"expected records with {', '.join(_FEATURES)}. Received: "
                f"{self.directory} without {', '.join(missing)}"
            )
        self.metadata = dict(builder.info.metadata or {})
        self.splits = sorted(builder.info.splits)
        splits = builder.info.splits
        if split not in splits or not splits[split].num_examples:
            raise InputError(
                f"expected a split of {self.directory} with examples "
                f"({', '.join(self.splits) or 'none'}){self._how_to_get_splits()}. "
                f"Received: {split!r}"
            )
        self.split = split
        if not self.metadata.get("disparity_steps"):
            raise InputError(
                "expected metadata.json with disparity_steps. "
                f"Received: {self.directory} without"
            )
        self.paths = [str(path) for path in splits[split].filepaths]
        self.shard_lengths = list(splits[split].shard_lengths)
        absent = [path for path in self.paths if not pathlib.Path(path).is_file()]
        if absent:
            raise InputError(f"expected these shards. Missing: {', '.join(absent)}")
        expected = splits[split].num_bytes + _FRAME * len(self)
        size = sum(pathlib.Path(path).stat().st_size for path in self.paths)
        if size != expected:
            raise InputError(
                f"expected whole TFRecords in {self.directory}, {expected} bytes in "
                f"split {split!r}; find the damaged shard with `python -m "
                f"tfrecords_tools.check`. Received: {size} bytes"
            )

    def _how_to_get_splits(self) -> str:
        """Of records whose splits are up to who wrote them."""
        if self.metadata.get("settings", {}).get("dataset") != "pairs":
            return ""
        return (
            "; a column `split` of the INDEX.tsv of `tfrecords_tools.write "
            "--dataset=pairs` names the split of each pair"
        )

    def __len__(self) -> int:
        return sum(self.shard_lengths)

    @property
    def max_disparity(self) -> float | None:
        """The largest known disparity in pixels, or None.

        It is that of the split, or of all splits where no more was noted.
        """
        of_all = self.metadata.get("max_disparity")
        of_splits = self.metadata.get("split_max_disparity")
        return of_all if of_splits is None else of_splits.get(self.split)

    def checked(self, dataset: Iterable) -> Iterator[Any]:
        """Iterates over a dataset of these records; damage becomes an InputError."""
        try:
            yield from dataset
        except (tf.errors.DataLossError, tf.errors.InvalidArgumentError) as error:
            if _TOO_SMALL in error.message:
                start = error.message.index(_TOO_SMALL)
                # TensorFlow goes on with the operands, in brackets.
                raise InputError(error.message[start:].split("] [")[0]) from error
            raise InputError(
                f"expected whole TFRecords in {self.directory}; find the damaged shard "
                "with `python -m tfrecords_tools.check`. Received: "
                f"{_reason(error)}"
            ) from error

    def datasets(self) -> dict[str, int]:
        """How many records each dataset has, in the order of the shards.

        Reads all of them, but decodes no picture.

        Raises:
            InputError: a damaged shard.
        """
        names = tf.data.TFRecordDataset(self.paths).map(_dataset)
        return dict(Counter(name.numpy().decode() for name in self.checked(names)))

    def raw_examples(self, datasets: Collection[str] = ()) -> Iterator[dict[str, Any]]:
        """All records in the order of the shards, as NumPy arrays, as stored.

        Args:
            datasets: names of the datasets to take; all if empty. Pictures of others
                are not decoded.

        Raises:
            InputError: a damaged shard, or more or fewer records than the split has.
        """
        dataset, expected = tf.data.TFRecordDataset(self.paths), len(self)
        if datasets:
            chosen = tf.constant(sorted(datasets))
            dataset = dataset.filter(lambda x: tf.reduce_any(_dataset(x) == chosen))
            counts = self.datasets()
            expected = sum(counts.get(name, 0) for name in datasets)
        dataset = dataset.map(self.features.deserialize_example).prefetch(2)
        count = 0
        for example in self.checked(dataset):
            count += 1
            yield {name: value.numpy() for name, value in example.items()}
        if count != expected:
            raise InputError(
                f"expected {expected} records in split {self.split!r} of "
                f"{self.directory}. Received: {count}"
            )

    def examples(self, datasets: Collection[str] = ()) -> Iterator[dict[str, Any]]:
        """All examples in the order of the shards, as NumPy maps, whole pictures.

        Beside the maps that the module's docstring lists: `target` (height, width, 3)
        RGB in [0, 1] and the strings `key`, `dataset` and `scene`.

        Args:
            datasets: names of the datasets to take; all if empty.

        Raises:
            InputError: see `raw_examples`.
        """
        for record in self.raw_examples(datasets):
            maps = to_maps(record, self.metadata["disparity_steps"])
            maps = {name: value.numpy() for name, value in maps.items()}
            maps["target"] = record["target"].astype("float32") / 255
            names = ("key", "dataset", "scene")
            yield maps | {name: record[name].decode() for name in names}


def _dataset(record):
    """The name of the dataset of a serialized record."""
    parsed = tf.io.parse_single_example(
        record, {"dataset": tf.io.FixedLenFeature((), tf.string)}
    )
    return parsed["dataset"]


def to_maps(example, disparity_steps: int):
    """A decoded record as the maps that the module's docstring lists.

    Records keep disparity as uint16 in `disparity_steps` steps a pixel, 0 if unknown.
    """
    target = tf.cast(example["target"], tf.float32) / 255
    disparity = tf.cast(example["disparity"][..., 0], tf.float32)
    return {
        "mono": tf.cast(example["mono"], tf.float32) / 255,
        "reference": tf.cast(example["reference"], tf.float32) / 255,
        "chroma": rgb_to_chroma(target),
        "disparity": tf.where(disparity > 0, disparity / disparity_steps, -1.0),
    }


def _crop(maps, crop: tuple[int, int], seed, directory: str):
    """The same random window of all maps."""
    height, width = crop
    shape = tf.shape(maps["mono"], out_type=tf.int64)[:2]
    message = f"{_TOO_SMALL} {height}x{width}: {directory}"
    large_enough = tf.debugging.assert_greater_equal(
        shape, tf.constant(crop, tf.int64), message
    )
    # Else `ensure_shape` may fail first, with a message that says nothing of crops.
    with tf.control_dependencies([large_enough]):
        shape = tf.identity(shape)
    number = tf.random.stateless_uniform([2], seed, None, None, tf.int64)
    top, left = tf.unstack(number % (shape - crop + 1))
    return {
        name: tf.ensure_shape(
            value[top : top + height, left : left + width],
            (height, width, *value.shape[2:]),
        )
        for name, value in maps.items()
    }


def training_batches(
    records: Records,
    *,
    seed: int,
    batch_size: int,
    crop: tuple[int, int],
    start_step: int = 0,
    replicas: int = 1,
    pipeline: int = 0,
    pipelines: int = 1,
) -> tf.data.Dataset:
    """An endless dataset of batches that is a function of (seed, step) alone.

    Each epoch visits all records once: shards in random order, in groups that are
    shuffled as a whole. Starting at a later step skips whole groups unread and only
    reads past the records of one group.

    Args:
        records: where from.
        seed: of the order and of the crops.
        batch_size: examples a step, over all replicas.
        crop: height and width in pixels of the random window, the same for all maps.
        start_step: number of steps that have been seen.
        replicas: how many replicas share the examples of a step.
        pipeline, pipelines: this worker's number, and how many workers read.

    Returns:
        Batches of `batch_size // replicas` examples of the maps in the module's
        docstring.
    """
    count = len(records)
    group_size = max(1, -(-_SHUFFLE_EXAMPLES * len(records.paths) // count))
    seed64 = tf.constant(seed, tf.int64)

    def shard_order(epoch):
        return tf.random.experimental.stateless_shuffle(
            tf.range(len(records.paths)), seed=tf.stack([seed64, epoch])
        )

    def groups(epoch):
        paths = tf.gather(records.paths, shard_order(epoch))
        return tf.data.Dataset.from_tensor_slices(paths).batch(group_size).enumerate()

    def shuffled_group(epoch, index, paths):
        # `Dataset.shuffle` also depends on the global seed; this on nothing else.
        # Any mixing of seed and index will do, so long as it is fixed.
        mixed = tf.stack([seed64 * 1_000_003 + index, epoch])
        whole = tf.data.TFRecordDataset(paths).batch(count)
        return whole.map(
            lambda examples: tf.random.experimental.stateless_shuffle(examples, mixed)
        ).unbatch()

    def epoch_from(epoch, skip_groups=0):
        return (
            groups(epoch)
            .skip(skip_groups)
            .flat_map(lambda index, paths: shuffled_group(epoch, index, paths))
        )

    first_example = start_step * batch_size
    first_epoch, skip_examples = divmod(first_example, count)
    lengths = tf.gather(
        records.shard_lengths, shard_order(tf.constant(first_epoch, tf.int64))
    ).numpy()
    skip_groups = 0
    while skip_examples >= (group := sum(lengths[:group_size])):
        skip_examples -= int(group)
        skip_groups += 1
        lengths = lengths[group_size:]

    dataset = epoch_from(tf.constant(first_epoch, tf.int64), skip_groups)
    dataset = dataset.skip(skip_examples)
    dataset = dataset.concatenate(
        tf.data.Dataset.counter(first_epoch + 1, dtype=tf.int64).flat_map(epoch_from)
    )
    numbers = tf.data.Dataset.counter(first_example, dtype=tf.int64)
    dataset = tf.data.Dataset.zip(numbers, dataset).shard(pipelines, pipeline)

    def example(number, serialized):
        record = records.features.deserialize_example(serialized)
        maps = to_maps(record, records.metadata["disparity_steps"])
        return _crop(maps, crop, tf.stack([seed64, number]), records.directory)

    dataset = dataset.map(example, num_parallel_calls=tf.data.AUTOTUNE)
    dataset = dataset.batch(batch_size // replicas, drop_remainder=True)
    return dataset.prefetch(tf.data.AUTOTUNE)
