"""Settings and records that tests share."""

import os

import numpy as np
import pytest

from colornet.io.pictures import write_picture

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@pytest.fixture
def eager():
    """No graphs: tracing one takes longer than running it once."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A folder of pairs with a table: two splits."""
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.RandomState(0)
    rows = ["dataset\tscene\tsplit"]
    for number in range(6):
        coarse = rng.randint(40, 180, (40, 40, 3)).astype(np.uint8)
        wide = np.repeat(np.repeat(coarse, 4, axis=0), 4, axis=1)
        scene = folder / "d" / f"s{number}"
        scene.mkdir(parents=True)
        write_picture(scene / "left.png", wide[:, : 130 + number])
        write_picture(scene / "right.png", wide[:, 8 : 138 + number])
        rows.append(f"d\ts{number}\t{'train' if number < 2 else 'test'}")
    (folder / "INDEX.tsv").write_text("\n".join(rows))
    return folder


@pytest.fixture(scope="module")
def written(pictures, tmp_path_factory):
    """What `write_records` made of them."""
    from tfrecords_tools.sources.pairs import Pairs
    from tfrecords_tools.writer import write_records

    out_dir = tmp_path_factory.mktemp("records")
    return write_records(Pairs(pictures), out_dir)


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """Records of rendered scenes, and of the Motorcycle pair."""
    from tfrecords_tools.sources.embedded import Embedded
    from tfrecords_tools.writer import write_records

    scenes = Embedded(train_scenes=5, validation_scenes=2, height=64, width=96)
    return write_records(scenes, tmp_path_factory.mktemp("records")).folder
