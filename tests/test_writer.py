"""Records from pictures: bytes, settings, errors, kills, Beam."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time
import warnings
from contextlib import nullcontext

import numpy as np
import pytest

from colornet.data import Records, find_records
from colornet.errors import InputError
from colornet.io.limits import Limits
from colornet.io.pictures import read_picture, write_picture
from tfrecords_tools import builder
from tfrecords_tools.checker import check_dataset, find_datasets
from tfrecords_tools.convert import in_processes
from tfrecords_tools.records import RecordConfig, make_record
from tfrecords_tools.sources import embedded
from tfrecords_tools.sources.pairs import Pairs
from tfrecords_tools.sources.registry import SOURCES
from tfrecords_tools.writer import SKIPPED, write_records

_COUNT = 6


def _run(module, *arguments, root, **environment):
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        capture_output=True,
        text=True,
        cwd=root,
        env={**os.environ, **environment},
    )


def _shards(folder):
    return sorted(folder.glob("*.tfrecord*"))


def _contents(folder):
    return {path.name: path.read_bytes() for path in _shards(folder)}


def _records(folder):
    """Every record as it is stored, by its key, in whatever shard."""
    import tensorflow as tf

    records = {}
    for path in _shards(folder):
        for serialized in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            feature = tf.train.Example.FromString(serialized).features.feature
            records[feature["key"].bytes_list.value[0].decode()] = serialized
    return records


_READER = """
import sys, hashlib
import tensorflow_datasets as tfds
builder = tfds.builder_from_directory(sys.argv[1])
for split in ("train", "test"):
    for e in builder.as_dataset(split=split).as_numpy_iterator():
        print(e["key"].decode(), e["dataset"].decode(), e["scene"].decode(),
              *(f"{e[n].dtype}{e[n].shape}{hashlib.sha256(e[n].tobytes()).hexdigest()}"
                .replace(" ", "")
                for n in ("mono", "reference", "target", "disparity")))
assert not [m for m in sys.modules if m.startswith(("colornet", "tfrecords_tools"))]
"""


def test_records_are_read_without_our_code(written, pictures, tmp_path):
    import hashlib

    output = subprocess.run(
        [sys.executable, "-c", _READER, str(written.folder)],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    ).stdout
    read = {line.split()[0]: line.split()[1:] for line in output.splitlines()}
    assert len(read) == _COUNT
    for pair in Pairs(pictures).parts()[0].pairs:
        record = make_record(pair.load(), pair.key, RecordConfig())
        expected = [pair.dataset, pair.scene]
        for name in ("mono", "reference", "target", "disparity"):
            array = getattr(record, name)
            digest = hashlib.sha256(array.tobytes()).hexdigest()
            expected.append(f"{array.dtype}{array.shape}{digest}".replace(" ", ""))
        assert read[pair.key] == expected


def test_what_was_written_is_described(written):
    assert written.is_new
    assert written.counts == {"train": 2, "test": 4}
    metadata = json.loads((written.folder / "metadata.json").read_text())
    assert metadata["settings"]["setup"] == 1
    assert metadata["noise"] == {"color": 0.03, "mono": 0.01}
    assert metadata["max_disparity"] is None
    info = json.loads((written.folder / "dataset_info.json").read_text())
    assert "dataset pairs with the noise of Setup 1" in info["description"]
    assert info["citation"].startswith("@inproceedings{dong2019learning,")
    assert info["citation"].endswith("\n}")
    (url,) = info["location"]["urls"]
    assert url.startswith("https://github.com/bupt-wx/Deep-Convolutional-Network")
    # No download folder, no half-written one.
    assert os.listdir(written.folder.parent) == ["1.0.0"]


@pytest.mark.slow
def test_command_line_in_another_process_writes_the_same_bytes(
    written, pictures, tmp_path, request
):
    root = request.config.rootpath
    flags = [f"--data_dir={pictures}", f"--out_dir={tmp_path}", "--dataset=pairs"]
    run = _run("tfrecords_tools.write", *flags, root=root, PYTHONHASHSEED="7")
    assert run.returncode == 0
    # A bar and nothing else.
    assert all("record" in x for x in run.stderr.split("\n") if x.strip()), run.stderr
    folder = tmp_path / "colornet_records" / "pairs_setup1" / "1.0.0"
    assert run.stdout.splitlines()[-2] == f"wrote: {folder}"
    assert run.stdout.splitlines()[-1].startswith("records: test 4, train 2; ")
    assert _contents(folder) == _contents(written.folder)

    run = _run("tfrecords_tools.check", f"--out_dir={tmp_path}", root=root)
    assert run.returncode == 0
    # A bar and nothing else.
    assert all("record" in x for x in run.stderr.split("\n") if x.strip()), run.stderr
    assert "test 4, train 2" in run.stdout
    sheet = read_picture(tmp_path / "contact_sheet.png")
    # Two lines of text above each of the pictures, which are 160 px wide or less.
    assert len(sheet) == 5 * (2 * 160 + 2 * 18) + 4 * 12


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--dataset=pears", "--out_dir=x"], "pears"),
        (["--dataset=pairs", "--out_dir=x"], "data_dir"),
        (["--dataset=pairs", "--out_dir=x", "--data_dir=nowhere"], "nowhere"),
        (["--out_dir=x"], "expected a dataset"),
        (["--dataset=pairs", "--out_dir=x", "--size=half"], "--size=half"),
    ],
)
def test_command_line_errors(tmp_path, request, flags, words):
    root = str(request.config.rootpath)
    module = _run("tfrecords_tools.write", *flags, root=tmp_path, PYTHONPATH=root)
    assert module.returncode == 1
    assert module.stderr.count("\n") == 1
    assert module.stderr.startswith("error: ") and words in module.stderr
    assert os.listdir(tmp_path) == []


def test_written_twice_and_with_other_settings(written, pictures):
    out_dir = written.folder.parents[2]
    before = _contents(written.folder)
    again = write_records(Pairs(pictures), out_dir)
    assert not again.is_new
    assert again.counts == written.counts and again.folder == written.folder
    with pytest.raises(InputError, match="scale is 1.0 there, 0.5 was asked"):
        write_records(Pairs(pictures), out_dir, record=RecordConfig(scale=0.5))
    with pytest.raises(InputError, match="pairs is '.*' there"):
        write_records(Pairs(pictures), out_dir, limit=1)
    assert _contents(written.folder) == before


def test_the_scale_of_the_disparity_counts(tmp_path):
    for view in ("left", "right"):
        write_picture(tmp_path / f"{view}.png", np.full((8, 8, 3), 90, np.uint8))
    write_picture(tmp_path / "disparity.png", np.full((8, 8), 12, np.uint8))
    table = tmp_path / "INDEX.tsv"
    for steps, words in ((3, ""), (3, ""), (6, "pairs is '.*' there")):
        table.write_text(
            "left\tright\tdisp_left\tdisp_steps\n"
            f"left.png\tright.png\tdisparity.png\t{steps}\n"
        )
        with pytest.raises(InputError, match=words) if words else nullcontext():
            write_records(Pairs(table), tmp_path / "records")


def test_overwrite(pictures, tmp_path):
    first = write_records(Pairs(pictures), tmp_path, limit=1)
    assert first.counts == {"train": 1, "test": 1}
    second = write_records(Pairs(pictures), tmp_path, limit=2, overwrite=True)
    assert second.is_new and second.counts == {"train": 2, "test": 2}
    assert second.folder == first.folder


def test_a_failed_overwrite_keeps_what_was_there(pictures, tmp_path):
    source = shutil.copytree(pictures, tmp_path / "pictures")
    first = write_records(Pairs(source), tmp_path)
    before = _contents(first.folder)
    picture = source / "d" / "s3" / "left.png"
    picture.write_bytes(picture.read_bytes()[:100])
    with pytest.raises(InputError, match="s3"):
        write_records(Pairs(source), tmp_path, overwrite=True)
    assert _contents(first.folder) == before
    assert os.listdir(first.folder.parent) == [first.folder.name]


@pytest.mark.parametrize("name", ["1.0.0", "1.0.0.incompleteX"])
def test_links_are_not_followed(written, tmp_path, pictures, name):
    elsewhere = shutil.copytree(written.folder, tmp_path / "elsewhere")
    place = tmp_path / "colornet_records" / "pairs_setup1" / name
    place.parent.mkdir(parents=True)
    place.symlink_to(elsewhere)
    with pytest.raises(InputError, match=f"no symbolic link. Received: .*/{name}$"):
        write_records(Pairs(pictures), tmp_path, overwrite=True)
    assert place.is_symlink() and len(list(elsewhere.iterdir())) > 3


def test_what_a_killed_overwrite_has_set_aside(written, tmp_path, pictures):
    folder = tmp_path / "colornet_records" / "pairs_setup1" / "1.0.0"
    aside = folder.with_name("incomplete.replaced_1.0.0")
    shutil.copytree(written.folder, aside)
    with pytest.raises(InputError, match="dataset_info.json"):
        find_records(str(tmp_path))
    # The records are there again, whatever becomes of the next try, and no second copy.
    bad = shutil.copytree(pictures, tmp_path / "pictures")
    (bad / "d" / "s4" / "right.png").write_bytes(b"")
    with pytest.raises(InputError, match="right.png"):
        write_records(Pairs(bad), tmp_path, overwrite=True)
    assert _contents(folder) == _contents(written.folder)
    os.replace(folder, aside)
    again = write_records(Pairs(pictures), tmp_path, overwrite=True)
    assert again.folder == folder and _contents(folder) == _contents(written.folder)
    assert os.listdir(folder.parent) == ["1.0.0"]
    # The overwrite was done, but for the removal of what it replaced.
    shutil.copytree(written.folder, aside)
    assert find_records(str(tmp_path)) == str(folder)


def test_other_pictures_of_the_same_names_are_other_records(pictures, tmp_path):
    source = shutil.copytree(pictures, tmp_path / "pictures")
    write_records(Pairs(source), tmp_path)
    path = source / "d" / "s3" / "left.png"
    write_picture(path, 255 - read_picture(path))
    with pytest.raises(InputError, match="pairs is '.*' there"):
        write_records(Pairs(source), tmp_path)


def test_places_that_cannot_be_used(pictures, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="can be written.*file"):
        write_records(Pairs(pictures), tmp_path / "file" / "x")
    with pytest.raises(InputError, match="needs no data_dir"):
        embedded.Embedded(data_dir=pictures)
    with pytest.raises(InputError, match="at least 1"):
        write_records(Pairs(pictures), tmp_path, limit=0)
    odd = tmp_path / "colornet_records" / "pairs_setup1" / "1.0.0"
    odd.mkdir(parents=True)
    with pytest.raises(InputError, match="cannot be read"):
        write_records(Pairs(pictures), tmp_path)


def test_a_bad_picture_in_the_middle_leaves_nothing(pictures, tmp_path):
    bad = tmp_path / "pictures"
    shutil.copytree(pictures, bad)
    picture = bad / "d" / "s4" / "right.png"
    picture.write_bytes(picture.read_bytes()[:100])
    with pytest.raises(InputError, match="s4/right.png") as error:
        write_records(Pairs(bad), tmp_path / "out")
    assert "\n" not in str(error.value)
    left = [p for p in (tmp_path / "out").rglob("*") if p.is_file()]
    assert left == []


_KILLED = """
import os, signal, sys
from tfrecords_tools import convert, writer
from tfrecords_tools.sources.pairs import Pairs
make_record, done = convert.make_record, []
def fatal(*arguments):
    done.append(1)
    if len(done) == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return make_record(*arguments)
convert.make_record = fatal
writer.write_records(Pairs(sys.argv[2]), sys.argv[1])
"""


def test_a_killed_run_leaves_nothing_that_looks_whole(
    written, pictures, tmp_path, request
):
    run = subprocess.run(
        [sys.executable, "-c", _KILLED, str(tmp_path), str(pictures)],
        capture_output=True,
        cwd=request.config.rootpath,
    )
    assert run.returncode == -signal.SIGKILL
    config_dir = tmp_path / "colornet_records" / "pairs_setup1"
    assert [name for name in os.listdir(config_dir) if "incomplete" in name]
    with pytest.raises(InputError, match="dataset_info.json"):
        find_datasets(tmp_path)
    again = write_records(Pairs(pictures), tmp_path)
    assert _contents(again.folder) == _contents(written.folder)
    assert os.listdir(config_dir) == ["1.0.0"]


def test_a_pool_writes_the_same_files(written, pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(builder, "PAIRS_A_PROCESS", 1)
    pooled = write_records(Pairs(pictures), tmp_path, processes=2)
    assert _contents(pooled.folder) == _contents(written.folder)


def test_results_come_in_order_and_few_at_a_time():
    drawn = []

    def items():
        for item in range(40):
            drawn.append(item)
            yield item

    results = in_processes(abs, items(), 2)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    assert len(drawn) < 20
    assert list(results) == list(range(3, 40))


def test_a_killed_process_is_one_error():
    with pytest.raises(InputError, match="fewer --processes need less"):
        list(in_processes(os._exit, [9, 9, 9], 2))


def test_an_unknown_beam_runner(pictures, tmp_path):
    pytest.importorskip("apache_beam")
    with pytest.raises(InputError, match="runner of Apache Beam. Received: Nope"):
        write_records(Pairs(pictures), tmp_path, beam_runner="Nope")


def test_beam_writes_the_same_records(written, pictures, tmp_path):
    pytest.importorskip("apache_beam")
    beam = {
        "beam_runner": "DirectRunner",
        "beam_options": ["direct_num_workers=1"],
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = write_records(Pairs(pictures), tmp_path, **beam)
    assert made.counts == written.counts
    assert _records(made.folder) == _records(written.folder)


def _spoiled(pictures, folder):
    shutil.copytree(pictures, folder)
    picture = folder / "d" / "s4" / "right.png"
    picture.write_bytes(picture.read_bytes()[:100])
    (folder / "d" / "s5" / "left.png").unlink()
    (folder / "d" / "s1" / "left.png").write_bytes(b"")
    return folder


@pytest.mark.parametrize("how", ["alone", "pool", "beam"])
def test_what_cannot_be_read_can_be_skipped(
    written, pictures, tmp_path, how, monkeypatch
):
    monkeypatch.setattr(builder, "PAIRS_A_PROCESS", 1)
    options = {"pool": {"processes": 2}, "beam": {"beam_runner": "DirectRunner"}}
    if how == "beam":
        pytest.importorskip("apache_beam")
    bad = _spoiled(pictures, tmp_path / "pictures")
    (bad / "d" / "s5" / "left.png").write_bytes(b"no picture")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = write_records(
            Pairs(bad), tmp_path, on_error="skip", **options.get(how, {})
        )
        assert made.counts == {"train": 1, "test": 2}
        assert sorted(note.split(":")[0] for note in made.skipped) == [
            "d/s1",
            "d/s4",
            "d/s5",
        ]
        assert "s1/left.png, an empty file" in " ".join(made.skipped)
        left = {key: _records(written.folder)[key] for key in ("d/s0", "d/s2", "d/s3")}
        assert _records(made.folder) == left
        assert check_dataset(made.folder).skipped == list(made.skipped)
        listed = (made.folder / SKIPPED).read_text()
        assert listed.splitlines() == list(made.skipped)
        with pytest.raises(InputError, match="d/s[145]/(left|right).png") as error:
            write_records(Pairs(bad), tmp_path / "x", **options.get(how, {}))
    assert "\n" not in str(error.value)


def test_limits_of_picture_files(pictures, tmp_path):
    with pytest.raises(InputError, match="at most 100 px a side.*d/s0/(left|right)"):
        write_records(Pairs(pictures), tmp_path, limits=Limits(max_side=100))


def test_a_split_without_a_readable_pair(pictures, tmp_path):
    bad = shutil.copytree(pictures, tmp_path / "pictures")
    for scene in ("s0", "s1"):
        (bad / "d" / scene / "left.png").write_bytes(b"")
    with pytest.raises(InputError, match="a pair that can be read in every split"):
        write_records(Pairs(bad), tmp_path / "out", on_error="skip")
    assert not list((tmp_path / "out").rglob("dataset_info.json"))


def test_workers_leave_with_a_killed_parent(pictures, tmp_path, request):
    code = (
        "import os, signal, sys, time\n"
        "from tfrecords_tools.convert import in_processes\n"
        "if __name__ == '__main__':\n"
        "    results = in_processes(time.sleep, [0, 0, 60, 60], 2)\n"
        "    import multiprocessing\n"
        "    import threading\n"
        "    threading.Thread(target=lambda: list(results), daemon=True).start()\n"
        "    while len(multiprocessing.active_children()) < 2: time.sleep(0.05)\n"
        "    time.sleep(1)\n"
        "    print(*(p.pid for p in multiprocessing.active_children()), flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    script = tmp_path / "script.py"
    script.write_text(code)
    run = subprocess.run(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=request.config.rootpath,
        env={**os.environ, "PYTHONPATH": str(request.config.rootpath)},
        timeout=60,
    )
    workers = [int(pid) for pid in run.stdout.split()]
    assert len(workers) == 2
    deadline = time.monotonic() + 20
    while any(_is_alive(pid) for pid in workers):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _is_alive(pid):
    try:
        status = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rsplit(")", 1)[1].split()[0] != "Z"


def test_a_full_disk_leaves_no_dataset(pictures, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=120k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a file system of a limited size needs the right to mount one")
    try:
        with pytest.raises(InputError, match="room for all records") as error:
            write_records(Pairs(pictures), disk / "out")
        assert "\n" not in str(error.value)
        assert not list(disk.rglob("dataset_info.json"))
        with pytest.raises(InputError, match="dataset_info.json"):
            find_datasets(disk)
        assert list((disk / "out").rglob("*.tfrecord*")) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("how", ["alone", "beam"])
def test_the_largest_disparity_of_every_split_is_noted(tmp_path, how):
    if how == "beam":
        pytest.importorskip("apache_beam")
    largest = {"train": 3, "test": 5, "validation": 0}
    rows = ["left\tright\tdisp_left\tsplit"]
    for split, disparity in largest.items():
        write_picture(tmp_path / f"{split}.png", np.full((6, 20, 3), 90, np.uint8))
        codes = np.full((6, 20), 256 * disparity, np.uint16)
        write_picture(tmp_path / f"{split}_truth.png", codes)
        rows.append(f"{split}.png\t{split}.png\t{split}_truth.png\t{split}")
    (tmp_path / "INDEX.tsv").write_text("\n".join(rows))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        runner = "DirectRunner" if how == "beam" else None
        made = write_records(Pairs(tmp_path), tmp_path / "out", beam_runner=runner)
    metadata = json.loads((made.folder / "metadata.json").read_text())
    assert metadata["max_disparity"] == 5
    assert metadata["split_max_disparity"] == {"train": 3, "test": 5}
    found = {split: Records(made.folder, split).max_disparity for split in largest}
    assert found == largest | {"validation": None}
    # Earlier versions noted that of all splits alone.
    del metadata["split_max_disparity"]
    (made.folder / "metadata.json").write_text(json.dumps(metadata))
    assert Records(made.folder, "train").max_disparity == 5


@pytest.mark.parametrize("source", SOURCES.values(), ids=list(SOURCES))
def test_the_publishers_of_every_dataset_are_cited(source, tmp_path):
    kind = builder.RecordsConfig(
        name="x", citation=source.citation, homepage=source.homepage
    )
    info = builder.ColornetRecords(config=kind, data_dir=str(tmp_path)).info
    assert info.homepage.startswith("http") and "dong2019learning" in info.citation
    if source is not Pairs:
        assert info.citation.endswith(f"The pictures: {source.citation}")
        # As the module of the source says, too.
        about = sys.modules[source.__module__].__doc__
        years = set(re.findall(r"(?:CVPR|ECCV|GCPR) \d{4}", about))
        assert years <= set(re.findall(r"(?:CVPR|ECCV|GCPR) \d{4}", source.citation))


def test_max_disparity_is_noted(pictures, tmp_path):
    made = write_records(Pairs(pictures, max_disparity=96), tmp_path, limit=1)
    metadata = json.loads((made.folder / "metadata.json").read_text())
    assert metadata["settings"]["max_disparity"] == 96
