"""Writes the records of a dataset: finds its pairs, and runs the TFDS builder."""

import contextlib
import dataclasses
import hashlib
import os
import pathlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow_datasets as tfds

from colornet.errors import InputError
from colornet.quiet import quiet_tfds
from tfrecords_tools.builder import ColornetRecords, RecordsConfig
from tfrecords_tools.records import RecordConfig
from tfrecords_tools.sources import Pair, embedded, pairs
from tfrecords_tools.sources.embedded import EmbeddedConfig

# Bytes at the end of a picture file that tell it from another one.
_END = 1 << 16
_Finder = Callable[[str | os.PathLike | None, EmbeddedConfig], list[Pair]]


def _find_embedded(
    data_dir: str | os.PathLike | None, config: EmbeddedConfig
) -> list[Pair]:
    if data_dir:
        raise InputError(
            f"dataset embedded needs no data_dir. Received: data_dir={data_dir}"
        )
    return embedded.find_pairs(config)


def _find_files(find: Callable[[str | os.PathLike], list[Pair]]) -> _Finder:
    def find_in(data_dir: str | os.PathLike | None, _: EmbeddedConfig) -> list[Pair]:
        if not data_dir:
            raise InputError("expected the data_dir of the pictures. Received: none")
        return find(data_dir)

    return find_in


SOURCES: dict[str, _Finder] = {
    "embedded": _find_embedded,
    "pairs": _find_files(pairs.find_pairs),
}


@dataclasses.dataclass(frozen=True)
class Written:
    """Finished records.

    Attributes:
        folder: of the dataset, for `tfds.builder_from_directory`.
        is_new: False where they had been written before, with the same settings.
        counts: records of every split.
        num_bytes: size of all shards.
    """

    folder: pathlib.Path
    is_new: bool
    counts: dict[str, int]
    num_bytes: int


def write_records(
    dataset: str,
    out_dir: str | os.PathLike,
    *,
    data_dir: str | os.PathLike | None = None,
    record: RecordConfig | None = None,
    scenes: EmbeddedConfig | None = None,
    limit: int | None = None,
    overwrite: bool = False,
    progress: bool = False,
) -> Written:
    """Writes all records of a dataset, or finds them there already.

    A dataset of one name must not be written by two processes at a time.

    Args:
        dataset: a name in `SOURCES`.
        out_dir: top folder of the records; made if missing.
        data_dir: where the pictures of the dataset are, unless it is embedded.
        record: noise, geometry and size.
        scenes: which scenes dataset "embedded" renders.
        limit: keep only the first so many pairs of every split.
        overwrite: replace what is there, whatever its settings.
        progress: whether to show a progress bar on a terminal.

    Raises:
        InputError: unknown dataset, unusable pictures, an out_dir that cannot be
            written, or records there that were written with other settings.
    """
    if dataset not in SOURCES:
        raise InputError(
            f"expected a dataset out of {', '.join(SOURCES)}. Received: {dataset}"
        )
    if limit is not None and limit < 1:
        raise InputError(f"expected a limit of at least 1. Received: {limit}")
    record, scenes = record or RecordConfig(), scenes or EmbeddedConfig()
    found = _limited(SOURCES[dataset](data_dir, scenes), limit)
    settings = {"dataset": dataset, **record.to_dict(), "pairs": _digest(found)}
    if dataset == "embedded":
        settings |= scenes.to_dict()

    out_dir = _writable(out_dir)
    name = f"{dataset}_setup{record.setup}"
    config_dir = out_dir / ColornetRecords.name / name
    folder = config_dir / str(ColornetRecords.VERSION)
    is_new = overwrite or not folder.exists()
    if is_new:
        # What a killed run left: TFDS never takes it up.
        for old in config_dir.glob("*incomplete*"):
            shutil.rmtree(old)
        config = RecordsConfig(
            name=name, record=record, pairs=found, settings=settings, progress=progress
        )
        # TFDS makes a folder for downloads even where there are none.
        with (
            _set_aside(folder),
            quiet_tfds(),
            tempfile.TemporaryDirectory() as downloads,
        ):
            ColornetRecords(
                config=config, data_dir=os.fspath(out_dir)
            ).download_and_prepare(
                download_dir=downloads,
                download_config=tfds.download.DownloadConfig(try_download_gcs=False),
            )
    info = _read_info(folder)
    if not is_new:
        _check_same(folder, info.metadata["settings"], settings)
    return Written(
        folder=folder,
        is_new=is_new,
        counts={name: split.num_examples for name, split in info.splits.items()},
        num_bytes=info.dataset_size,
    )


@contextlib.contextmanager
def _set_aside(folder: pathlib.Path) -> Iterator[None]:
    """Removes a folder once the block has ended well; else it is there as before."""
    aside = folder.with_name(f"{folder.name}.replaced")
    if not folder.exists():
        yield
        return
    shutil.rmtree(aside, ignore_errors=True)
    os.replace(folder, aside)
    try:
        yield
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(aside, folder)
        raise
    shutil.rmtree(aside)


def _writable(out_dir: str | os.PathLike) -> pathlib.Path:
    out_dir = pathlib.Path(out_dir)
    probe = out_dir / f".{os.getpid()}.incomplete"
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise InputError(
            "expected an out_dir that can be written. "
            f"Received: {out_dir} ({error.strerror})"
        ) from error
    return out_dir


def _limited(found: list[Pair], limit: int | None) -> list[Pair]:
    if limit is None:
        return found
    splits = dict.fromkeys(pair.split for pair in found)
    return [p for s in splits for p in [p for p in found if p.split == s][:limit]]


def _digest(found: list[Pair]) -> str:
    """Says which pairs there are, in which splits; not where on which machine.

    Of every file it takes the size and the end, where PNG has a checksum of the pixels.
    """
    lines = []
    for pair in sorted(found, key=lambda pair: (pair.split, pair.key)):
        ends = hashlib.sha256()
        for name in pair.files:
            with open(name, "rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - _END))
                ends.update(f"{size}".encode() + file.read())
        lines.append(f"{pair.split}\t{pair.key}\t{ends.hexdigest()}")
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def _read_info(folder: pathlib.Path) -> tfds.core.DatasetInfo:
    try:
        with quiet_tfds():
            info = tfds.builder_from_directory(folder).info
            info.metadata["settings"]
            return info
    # Whatever TFDS makes of a folder that is not its own.
    except Exception as error:
        raise InputError(
            f"expected records or nothing at {folder}. Received: a folder that "
            "cannot be read (--overwrite replaces it)"
        ) from error


def _check_same(
    folder: pathlib.Path, there: dict[str, Any], asked: dict[str, Any]
) -> None:
    different = [
        f"{name} is {there.get(name)!r} there, {asked.get(name)!r} was asked"
        for name in sorted({*there, *asked})
        if there.get(name) != asked.get(name)
    ]
    if different:
        raise InputError(
            f"expected the records at {folder} to have the settings asked for "
            f"(--overwrite replaces them). Received: {'; '.join(different)}"
        )
