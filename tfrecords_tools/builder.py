"""The TFDS builder that writes records to TFRecord shards.

What it writes needs none of this code to be read: `tfds.builder_from_directory`. A
folder gets its final name only when it is whole.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from tensorflow_datasets.core.writer import ExampleWriter
from tqdm import tqdm

import colornet
from colornet.io.files import sha256_of
from colornet.noise import NOISE_SETUPS
from colornet.progress import progress_bar
from tfrecords_tools.convert import Converted, convert, in_processes
from tfrecords_tools.records import DISPARITY_STEPS, RecordConfig
from tfrecords_tools.sources import Pair

# A process takes about a second to start: with fewer pairs it is not worth it.
PAIRS_A_PROCESS = 8
# Names of Beam's metrics; that of disparity has the split behind it.
_NAMESPACE, _SKIPPED, _DISPARITY = "colornet", "skipped", "disparity_"
_PAPER = """@inproceedings{dong2019learning,
  title = {Learning a Deep Convolutional Network for Colorization in
    Monochrome-Color Dual-Lens System},
  author = {Dong, Xuan and Li, Weixin and Wang, Xiaojie and Wang, Yunhong},
  booktitle = {Proceedings of the AAAI Conference on Artificial Intelligence},
  volume = {33},
  year = {2019},
}"""
# Of the paper: the code that its authors published.
_HOMEPAGE_OF_PAPER = (
    "https://github.com/bupt-wx/Deep-Convolutional-Network-For-Colorization-In-"
    "Monochrome-Color-Dual-Lens-System"
)


@dataclasses.dataclass(eq=False)
class RecordsConfig(tfds.core.BuilderConfig):
    """One dataset in one setup, named like `pairs_setup1`.

    Attributes:
        pairs: every pair of every split.
        record: how a pair becomes a record.
        on_error: what a pair that cannot be read does: "fail", or "skip".
        settings: all that the records depend on, written to the metadata as it is.
        skipped: the files without which pairs are incomplete.
        citation, homepage: of the pictures; see `Source`.
        processes: how many convert at a time.
        beam: whether Apache Beam converts instead.
        progress: whether a progress bar is shown.
    """

    pairs: Sequence[Pair] = ()
    record: RecordConfig = dataclasses.field(default_factory=RecordConfig)
    on_error: str = "fail"
    settings: dict[str, Any] = dataclasses.field(default_factory=dict)
    skipped: Sequence[str] = ()
    citation: str = ""
    homepage: str = ""
    processes: int = 1
    beam: bool = False
    progress: bool = False

    @property
    def converter(self) -> Callable[[Pair], Converted]:
        """`convert` with these settings; it pickles."""
        return functools.partial(convert, record=self.record, on_error=self.on_error)


class _CanonicalWriter(ExampleWriter):
    """Writes the fields of a record in the order of their names.

    Protobuf orders them by chance, and the same records would be other files.
    """

    def write(self, path, examples):
        import tensorflow as tf

        def canonical(serialized: bytes) -> bytes:
            example = tf.train.Example.FromString(serialized)
            return example.SerializeToString(deterministic=True)

        return super().write(path, ((key, canonical(value)) for key, value in examples))


class ColornetRecords(tfds.core.GeneratorBasedBuilder):
    """Records of a monochrome and a colour camera.

    Features: `mono` (H, W, 1) uint8, `reference` (H, W, 3) uint8, `target` (H, W, 3)
    uint8, `disparity` (H, W, 1) uint16 in 1/64 px of the mono view (0 is unknown;
    all 0 where the source has none), and the strings `key`, `dataset` and `scene`.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First version."}

    def _info(self) -> tfds.core.DatasetInfo:
        config = self.builder_config

        def picture(channels: int, dtype: type = np.uint8) -> tfds.features.Image:
            return tfds.features.Image(
                shape=(None, None, channels), dtype=dtype, encoding_format="png"
            )

        dataset = config.settings.get("dataset", "pairs")
        citation = _PAPER
        if config.citation:
            citation += f"\n\nThe pictures: {config.citation}"
        return tfds.core.DatasetInfo(
            builder=self,
            description=(
                "Monochrome and colour pictures of a dual-lens camera, made from the "
                f"stereo pairs of dataset {dataset} with the noise of Setup "
                f"{config.record.setup} (Table 2 of the paper). Mono pixel i shows the "
                "point of reference pixel i + disparity. Disparity is stored in "
                f"1/{DISPARITY_STEPS} px; 0 is unknown."
            ),
            citation=citation,
            homepage=config.homepage or _HOMEPAGE_OF_PAPER,
            features=tfds.features.FeaturesDict(
                {
                    "mono": picture(1),
                    "reference": picture(3),
                    "target": picture(3),
                    "disparity": picture(1, np.uint16),
                    "key": tfds.features.Text(),
                    "dataset": tfds.features.Text(),
                    "scene": tfds.features.Text(),
                }
            ),
            metadata=tfds.core.MetadataDict(
                settings=config.settings,
                noise=dataclasses.asdict(NOISE_SETUPS[config.record.setup]),
                disparity_steps=DISPARITY_STEPS,
                # The largest known disparity in pixels; None where no record has any.
                max_disparity=None,
                # The same of every split that has any.
                split_max_disparity={},
                # Missing files, and "key: reason" of pairs that could not be read.
                skipped=list(config.skipped),
                colornet_version=colornet.__version__,
                # SHA-256 of every shard by its file's name.
                shards={},
            ),
        )

    def _download_and_prepare(self, dl_manager, download_config) -> None:
        super()._download_and_prepare(dl_manager, download_config)
        paths = [p for split in self.info.splits.values() for p in split.filepaths]
        self.info.metadata["shards"] = {path.name: sha256_of(path) for path in paths}

    def _example_writer(self) -> ExampleWriter:
        return _CanonicalWriter(file_format=self.info.file_format)

    def _split_generators(self, dl_manager) -> dict[str, Any]:
        del dl_manager
        config = self.builder_config
        generate = self._with_beam if config.beam else self._generate_examples
        show = config.progress and not config.beam
        bar = progress_bar(len(config.pairs), "record", show=show)
        splits = dict.fromkeys(pair.split for pair in config.pairs)
        return {
            split: generate([p for p in config.pairs if p.split == split], bar)
            for split in splits
        }

    def _generate_examples(
        self, pairs: Sequence[Pair], bar: tqdm
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        config = self.builder_config
        processes = min(config.processes, -(-len(pairs) // PAIRS_A_PROCESS))
        for converted in in_processes(config.converter, pairs, processes):
            if converted.features is None:
                self._skip([converted.reason])
            else:
                self._note(pairs[0].split, converted.max_disparity)
                yield converted.key, converted.features
            bar.update()
        if bar.n == bar.total:
            bar.close()

    def _with_beam(self, pairs: Sequence[Pair], bar: tqdm):
        del bar
        beam = tfds.core.lazy_imports.apache_beam
        return (
            beam.Create(pairs)
            | beam.Reshuffle()
            | beam.Map(self.builder_config.converter)
            | beam.FlatMap(_noted_by_beam, pairs[0].split)
        )

    def _process_pipeline_result(self, pipeline_result) -> None:
        metrics = pipeline_result.metrics().query()
        for result in metrics["string_sets"]:
            if result.key.metric.name == _SKIPPED:
                self._skip(sorted(result.committed))
        for result in metrics["distributions"]:
            if (name := result.key.metric.name).startswith(_DISPARITY):
                self._note(name.removeprefix(_DISPARITY), result.committed.max)

    def _skip(self, reasons: Iterable[str]) -> None:
        self.info.metadata["skipped"] += reasons

    def _note(self, split: str, disparity: int) -> None:
        metadata, pixels = self.info.metadata, disparity / DISPARITY_STEPS
        of_splits = metadata["split_max_disparity"]
        if pixels > of_splits.get(split, 0):
            of_splits[split] = pixels
            metadata["max_disparity"] = max(of_splits.values())


def _noted_by_beam(
    converted: Converted, split: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    from apache_beam.metrics import Metrics

    if converted.features is None:
        Metrics.string_set(_NAMESPACE, _SKIPPED).add(converted.reason)
        return
    name = f"{_DISPARITY}{split}"
    Metrics.distribution(_NAMESPACE, name).update(converted.max_disparity)
    yield converted.key, converted.features
