"""Reads finished records back, every byte, and measures what is in them."""

import collections
import dataclasses
import os
import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from colornet.data import record_folders
from colornet.errors import InputError
from colornet.noise import NOISE_SETUPS
from colornet.progress import progress_bar
from colornet.quiet import quiet_tfds
from tfrecords_tools.builder import ColornetRecords
from tfrecords_tools.noise_meter import Level, NoiseMeter
from tfrecords_tools.records import DISPARITY_STEPS, Record, RecordConfig
from tfrecords_tools.sources import listed

_EXPECTED_TREE = (
    f"<out_dir>/{ColornetRecords.name}/<dataset>_setup<n>/{ColornetRecords.VERSION}/"
    "dataset_info.json, as tfrecords_tools.write leaves it"
)


@dataclasses.dataclass(frozen=True)
class Report:
    """What a dataset holds.

    Attributes:
        folder: where it is.
        settings: what it was written with.
        counts: records of every split.
        num_bytes: size of all shards.
        sizes: smallest and largest (height, width).
        with_disparity: number of records that have any known disparity.
        max_disparity: the largest known disparity in pixels, 0 without any.
        mono, color: measured noise levels.
        skipped: "key: reason" of the pairs that were left out in writing.
        samples: the first records of every split with their keys.
    """

    folder: pathlib.Path
    settings: dict[str, Any]
    counts: dict[str, int]
    num_bytes: int
    sizes: tuple[tuple[int, int], tuple[int, int]]
    with_disparity: int
    max_disparity: float
    mono: Level
    color: Level
    skipped: list[str]
    samples: list[tuple[str, Record]]


def find_datasets(out_dir: str | os.PathLike) -> list[pathlib.Path]:
    """The folders of all finished record datasets at or below a folder.

    Raises:
        InputError: there is none.
    """
    top = pathlib.Path(out_dir)
    found = [pathlib.Path(folder) for folder in record_folders(top)]
    if not found:
        left = sorted(path.name for path in top.glob("*")) if top.is_dir() else []
        raise InputError(
            f"expected {_EXPECTED_TREE}. Received: {top}, "
            f"{'with ' + listed(left, 10) if left else 'empty or not there'}"
        )
    return found


def check_dataset(
    folder: str | os.PathLike,
    noise_records: int = 200,
    samples: int = 3,
    progress: bool = False,
) -> Report:
    """Reads and decodes every record of a dataset.

    Args:
        folder: the dataset, with its `dataset_info.json`.
        noise_records: measure the noise in so many records at most.
        samples: keep so many records of every split for the contact sheet.
        progress: whether to show a progress bar on a terminal.

    Raises:
        InputError: a description that cannot be read; a shard that is missing,
            damaged or not of the length noted; a key that comes twice; pictures of
            different sizes in a record; a scene in two splits; or noise that is not
            that of the setup.
    """
    folder = pathlib.Path(folder)
    builder, record_config = _open(folder)
    meter = NoiseMeter(record_config)
    seen: dict[str, str] = {}
    scenes: dict[tuple[str, str], str] = {}
    sizes, kept, disparities, counts = [], [], [], collections.Counter()
    total = sum(split.num_examples for split in builder.info.splits.values())
    with progress_bar(total, "record", show=progress) as bar:
        for split, shard, example in _read(builder):
            key = example["key"].decode()
            if key in seen:
                raise InputError(
                    f"expected every key once in {folder}. Received: {key} in split "
                    f"{seen[key]} and again in {split} ({shard})"
                )
            seen[key] = split
            scene = example["dataset"].decode(), example["scene"].decode()
            if scenes.setdefault(scene, split) != split:
                raise InputError(
                    f"expected every scene in one split of {folder}. Received: "
                    f"{'/'.join(scene)} in {scenes[scene]} and in {split} ({key})"
                )
            record = Record.of_example(example)
            _check_sizes(record, key, shard)
            sizes.append(record.mono.shape[:2])
            disparities.append(int(record.disparity.max()) / DISPARITY_STEPS)
            if len(seen) <= noise_records:
                meter.add(record, key)
            if counts[split] < samples:
                kept.append((key, record))
            counts[split] += 1
            bar.update()
    _check_noise(meter, record_config, folder)
    return Report(
        folder=folder,
        settings=dict(builder.info.metadata["settings"]),
        counts=dict(counts),
        num_bytes=builder.info.dataset_size,
        sizes=(min(sizes), max(sizes)),
        with_disparity=sum(d > 0 for d in disparities),
        max_disparity=max(disparities),
        mono=meter.mono(),
        color=meter.color(),
        skipped=list(builder.info.metadata.get("skipped", [])),
        samples=kept,
    )


def _open(folder: pathlib.Path) -> tuple[tfds.core.DatasetBuilder, RecordConfig]:
    needed = {field.name for field in dataclasses.fields(Record)}
    needed |= {"key", "dataset", "scene"}
    try:
        with quiet_tfds():
            builder = tfds.builder_from_directory(folder)
            missing = sorted(needed - set(builder.info.features))
        config = RecordConfig.of_settings(builder.info.metadata["settings"])
    # TFDS reports broken JSON and foreign datasets with almost any exception.
    except Exception as error:
        raise InputError(
            f"expected records of tfrecords_tools.write in {folder}. Received: "
            f"a description that cannot be read ({type(error).__name__})"
        ) from error
    if missing or not builder.info.splits:
        raise InputError(
            f"expected records of tfrecords_tools.write in {folder}. Received: "
            f"no {listed(missing) or 'splits'}"
        )
    return builder, config


def _read(
    builder: tfds.core.DatasetBuilder,
) -> Iterator[tuple[str, pathlib.Path, dict[str, Any]]]:
    """Yields split, shard and example of every record, shard after shard."""
    import tensorflow as tf

    shards = [
        (name, pathlib.Path(path), length)
        for name, split in builder.info.splits.items()
        for path, length in zip(split.filepaths, split.shard_lengths, strict=True)
    ]
    missing = [str(shard) for _, shard, _ in shards if not shard.is_file()]
    if missing:
        raise InputError(f"expected all shards. Received: missing {listed(missing)}")
    for split, shard, length in shards:
        records = tf.data.TFRecordDataset(os.fspath(shard))
        records = records.map(builder.info.features.deserialize_example)
        count = 0
        try:
            # TFRecord keeps a checksum of every record: damage shows up here.
            for example in records.as_numpy_iterator():
                count += 1
                yield split, shard, example
        except tf.errors.OpError as error:
            raise InputError(
                f"expected a whole shard. Received: {shard}, damaged at or after "
                f"record {count} ({type(error).__name__})"
            ) from error
        if count != length:
            raise InputError(f"expected {length} records in {shard}. Received: {count}")


def _check_sizes(record: Record, key: str, shard: pathlib.Path) -> None:
    shapes = {f.name: getattr(record, f.name).shape for f in dataclasses.fields(Record)}
    if len({shape[:2] for shape in shapes.values()}) > 1:
        raise InputError(
            f"{shard}: expected pictures of one size in {key}. Received: {shapes}"
        )


def _check_noise(
    meter: NoiseMeter, settings: RecordConfig, folder: pathlib.Path
) -> None:
    expected = NOISE_SETUPS[settings.setup]
    for camera, level in (("mono", meter.mono()), ("color", meter.color())):
        # NaN: no pixel to measure on, such as in black pictures.
        if np.isfinite(level.value) and not level.agrees(getattr(expected, camera)):
            raise InputError(
                f"{folder}: expected {camera} noise of level "
                f"{getattr(expected, camera)} (Table 2, setup {settings.setup}). "
                f"Received: {level.value:.4f} +- {level.error:.4f}"
            )
