"""python -m experiments.evaluate and the library behind it."""

import contextlib
import dataclasses
import itertools
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from colornet import Colorizer, Policy
from colornet.color import rgb_to_chroma
from colornet.data import Records
from colornet.errors import InputError
from colornet.inference import predict
from colornet.io.pictures import write_picture
from colornet.metrics import Truth, chroma_psnr
from colornet.networks import build_network
from colornet.visualize.pictures import picture_row
from colornet.weights import load_model, save_weights
from experiments import methods
from experiments.evaluation.predictors import Evaluation
from experiments.evaluation.scoring import evaluate
from experiments.evaluation.show import scores_table
from experiments.evaluation.store import read_rows, read_summary
from experiments.methods.networks.config import MethodConfig
from tests.command_line import ROOT, assert_one_line_error, start, start_each
from tests.random_network import random_network
from tfrecords_tools.sources.pairs import Pairs
from tfrecords_tools.writer import write_records

_D = 32
_COUNT = 5
_MODULE = "experiments.evaluate"
_FILES = {"settings.json", "images.csv", "summary.json"}


def _write_pictures(folder, seed):
    rng = np.random.default_rng(seed)
    rows = ["dataset\tscene\tsplit\tdisp_left\tdisp_steps"]
    for number in range(_COUNT):
        coarse = rng.integers(40, 200, (10, 12, 3)).astype(np.uint8)
        wide = coarse.repeat(4, axis=0).repeat(4, axis=1)
        dataset = "first" if number < 3 else "second"
        scene = folder / dataset / f"{number}"  # a scene whose name is a number
        scene.mkdir(parents=True)
        write_picture(scene / "left.png", wide[:36, : 41 + number])
        write_picture(scene / "right.png", wide[:36, 3 : 44 + number])
        disparity = ""  # Known for the first dataset alone.
        if dataset == "first":
            write_picture(
                scene / "disparity.png", np.full((36, 41 + number), 12, np.uint8)
            )
            disparity = f"{dataset}/{number}/disparity.png"
        rows.append(f"{dataset}\t{number}\ttest\t{disparity}\t4")
    (folder / "INDEX.tsv").write_text("\n".join(rows))
    return folder


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """Folder of TFRecords: split test of five pictures, three first, two second."""
    pictures = _write_pictures(tmp_path_factory.mktemp("pictures"), 0)
    out_dir = tmp_path_factory.mktemp("records")
    return write_records(Pairs(pictures), out_dir).folder


@pytest.fixture(scope="module")
def model():
    # Its residue is not 0: scores of C and of C' are not the same.
    network = random_network(_D)
    kernel = network.get_layer("l93_conv").kernel
    kernel.assign(8 * kernel)
    network.run_eagerly = True  # Tracing a graph takes longer than running it.
    return network


def _read(folder):
    return read_rows(folder), read_summary(folder)


def _without_time(value):
    if isinstance(value, list):
        return [_without_time(item) for item in value]
    if isinstance(value, dict):
        kept = {k: v for k, v in value.items() if k != "seconds"}
        return {k: _without_time(v) for k, v in kept.items()}
    return value


def test_the_colorizer_and_the_network_are_two_methods(records, model, tmp_path):
    """The Colorizer enlarges these small pairs; its rough chroma is not scored."""
    pair = Evaluation(str(records), "test", methods.COLORIZER, limit=2)
    summary = evaluate(pair, tmp_path / "colorizer", model, progress=False)
    rows, _ = _read(tmp_path / "colorizer")
    plans = [Colorizer(model).plan(e["mono"], e["reference"]) for e in _first(records)]
    for row, plan in zip(rows, plans, strict=True):
        assert float(row["scale"]) == pytest.approx(plan.network.scale)
        assert int(row["candidates"]) == plan.network.max_disparity
        assert "rough_psnr" not in row
    assert summary["settings"]["policy"] == Policy().to_dict()
    alone = dataclasses.replace(pair, method=methods.COLORNET)
    other = evaluate(alone, tmp_path / "colornet", model, progress=False)
    assert other["mean"]["psnr"] != summary["mean"]["psnr"]
    assert "scale" not in other["mean"] and "rough_psnr" in other["mean"]


def _first(records):
    return itertools.islice(Records(str(records), "test").examples(), 2)


@pytest.mark.parametrize("method", [*methods.names(), methods.COLORNET])
def test_rows_means_and_table(records, model, tmp_path, method):
    summary = evaluate(
        Evaluation(str(records), "test", method, max_disparity=_D),
        tmp_path,
        model if method == methods.COLORNET else None,
        progress=False,
    )
    assert set(os.listdir(tmp_path)) == _FILES
    rows, saved = _read(tmp_path)
    assert saved == summary
    examples = list(Records(str(records), "test").examples())
    assert [row["key"] for row in rows] == [example["key"] for example in examples]
    for row, example in zip(rows, examples, strict=True):
        mono, reference = example["mono"], example["reference"]
        if method == methods.COLORNET:
            outputs = predict(model, mono, reference)
            chroma = {"": outputs["chroma"], "rough_": outputs["rough_chroma"]}
            assert abs(float(row["psnr"]) - float(row["rough_psnr"])) > 1
        else:
            chroma = {"": methods.get(method)(mono[..., 0], reference, _D)}
        truth = Truth(mono, example["target"])
        for prefix, value in chroma.items():
            for name, expected in truth.score(value).items():
                if expected is None:  # What is visible is checked below.
                    continue
                assert float(row[prefix + name]) == pytest.approx(expected, abs=1e-3)
        height, width = mono.shape[:2]
        assert (int(row["height"]), int(row["width"])) == (height, width)
        if row["dataset"] == "second":
            assert row["visible"] == row["visible_psnr"] == row["hidden_psnr"] == ""
            continue
        # The reference ends 3 columns, the disparity, before the mono view.
        assert float(row["visible"]) == pytest.approx((width - 3) / width)
        truth = rgb_to_chroma(example["target"])
        seen = chroma_psnr(chroma[""][:, :-3], truth[:, :-3])
        assert float(row["visible_psnr"]) == pytest.approx(seen, abs=1e-3)
        hidden = chroma_psnr(chroma[""][:, -3:], truth[:, -3:])
        assert float(row["hidden_psnr"]) == pytest.approx(hidden, abs=1e-3)

    numbers = [float(row["psnr"]) for row in rows]
    assert summary["mean"]["count"] == _COUNT
    assert summary["mean"]["psnr"] == pytest.approx(np.mean(numbers))
    first = [float(row["ssim"]) for row in rows if row["dataset"] == "first"]
    assert summary["datasets"]["first"]["ssim"] == pytest.approx(np.mean(first))
    assert summary["datasets"]["second"]["count"] == 2
    assert summary["datasets"]["second"]["visible_psnr"] is None
    seen = [float(row["visible_psnr"]) for row in rows if row["visible_psnr"]]
    assert summary["mean"]["visible_psnr"] == pytest.approx(np.mean(seen))
    # A scene called 3 is no number to be averaged.
    assert not {"scene", "key", "height"} & set(summary["mean"])

    lines = scores_table({method: summary}).splitlines()
    each = 2 if method == methods.COLORNET else 1
    assert len(lines) == 2 + 3 * each
    assert lines[-1].split()[:4] == [method, "all", "5", f"{np.mean(numbers):.2f}"]
    assert len({len(line) for line in lines}) == 1


def test_true_disparity_copies_the_true_colours(records, tmp_path):
    task = Evaluation(str(records), "test", methods.TRUE_DISPARITY, datasets=("first",))
    mean = evaluate(task, tmp_path, progress=False)["mean"]
    assert mean["visible_psnr"] > 33  # the noise of the reference is left
    shifted = dataclasses.replace(task, method="zero_disparity")
    assert (
        mean["visible_psnr"] > 5 + evaluate(shifted, tmp_path)["mean"]["visible_psnr"]
    )
    unknown = dataclasses.replace(task, datasets=("second",))
    with pytest.raises(InputError, match="true disparity. Received: second/3, without"):
        evaluate(unknown, tmp_path, progress=False)


def test_methods():
    rng = np.random.default_rng(0)
    mono, reference = rng.random((4, 5)), rng.random((4, 5, 3))
    assert not methods.get("grey")(mono, reference, _D).any()
    copied = methods.get("zero_disparity")(mono, reference, _D)
    blue = (reference[..., 2] - reference @ [0.299, 0.587, 0.114]) / 1.772
    np.testing.assert_allclose(copied[..., 0], blue, atol=1e-9)
    with pytest.raises(InputError, match="grey, zero_disparity.* Received: magic"):
        methods.get("magic")


@pytest.fixture
def counted(monkeypatch):
    """Method `counted`: grey, which notes how often it ran and can be stopped."""
    calls = []

    def run(mono, reference, max_disparity):
        if len(calls) == run.stop_at:
            raise KeyboardInterrupt
        calls.append(run.watch())
        return np.full((*mono.shape, 2), mono.mean() / 10)

    run.calls, run.stop_at, run.watch = calls, None, lambda: None
    monkeypatch.setitem(methods.METHODS, "counted", run)
    return run


def _counted(records, folder, **changes):
    settings = Evaluation(str(records), "test", "counted", **changes)
    return evaluate(settings, folder, progress=False)


def test_a_finished_evaluation_is_not_done_again(records, tmp_path, counted):
    summary = _counted(records, tmp_path)
    csv_before = (tmp_path / "images.csv").read_bytes()
    assert _counted(records, tmp_path) == summary
    assert len(counted.calls) == _COUNT
    assert (tmp_path / "images.csv").read_bytes() == csv_before
    (tmp_path / "images.csv").unlink()
    assert _counted(records, tmp_path)["mean"]["psnr"] == summary["mean"]["psnr"]
    assert len(counted.calls) == 2 * _COUNT


def test_an_interrupted_evaluation_goes_on(records, tmp_path, counted):
    whole = _counted(records, tmp_path / "whole")
    counted.calls.clear()
    cut = tmp_path / "cut"
    counted.stop_at = 2
    with pytest.raises(KeyboardInterrupt):
        _counted(records, cut)
    assert set(os.listdir(cut)) == _FILES - {"summary.json"}
    before = (cut / "images.csv").read_bytes()
    assert before.count(b"\n") == 3

    # At no time of the second start are the rows of the first not on the disk.
    counted.stop_at = 3
    counted.watch = (cut / "images.csv").read_bytes
    with pytest.raises(KeyboardInterrupt):
        _counted(records, cut)
    assert counted.calls[-1] == before
    counted.stop_at = None
    summary = _counted(records, cut)
    assert len(counted.calls) == _COUNT
    assert all(content.startswith(before) for content in counted.calls[2:])
    assert _without_time(summary) == _without_time(whole)
    rows, expected = _read(cut)[0], _read(tmp_path / "whole")[0]
    assert _without_time(rows) == _without_time(expected)


def test_half_a_last_row_is_done_again(records, tmp_path, counted):
    _counted(records, tmp_path)
    whole, summary = _read(tmp_path)
    content = (tmp_path / "images.csv").read_bytes()
    ends = [i + 1 for i, byte in enumerate(content) if byte == ord("\n")]
    # In the header, after it, in the first number, one digit or the end of line short,
    # after a row.
    cuts = [0, 10, ends[0], ends[1] + 30, ends[3] - 2, ends[3] - 1, ends[3]]
    for cut in cuts:
        (tmp_path / "images.csv").write_bytes(content[:cut])
        (tmp_path / "summary.json").unlink()
        counted.calls.clear()
        with contextlib.ExitStack() as stack:
            if cut not in (0, *ends):
                stack.enter_context(pytest.warns(match="images.csv is damaged or cut"))
            _counted(records, tmp_path)
        kept = max(0, content[:cut].count(b"\n") - 1)
        assert len(counted.calls) == _COUNT - kept, cut
        again, summary_again = _read(tmp_path)
        assert _without_time(again) == _without_time(whole), cut
        assert _without_time(summary_again) == _without_time(summary)


def test_a_changed_score_is_not_believed(records, tmp_path, counted):
    summary = _counted(records, tmp_path)
    rows, path = tmp_path / "images.csv", tmp_path / "summary.json"
    lines = rows.read_bytes().splitlines(keepends=True)
    psnr = _read(tmp_path)[0][2]["psnr"]
    assert float(psnr) > 10
    lines[3] = lines[3].replace(psnr.encode(), b"9" + psnr.encode())
    rows.write_bytes(b"".join(lines))
    counted.calls.clear()
    with pytest.warns(match="images.csv is damaged or cut after 2 rows"):
        again = _counted(records, tmp_path)
    assert len(counted.calls) == _COUNT - 2
    assert _without_time(again) == _without_time(summary)
    assert (tmp_path / "images.csv.damaged").read_bytes() == b"".join(lines[3:])

    mean = str(again["mean"]["psnr"])
    path.write_text(path.read_text().replace(mean, f"9{mean}"))
    with pytest.warns(match="made again: .*summary.json: crc32 must be"):
        assert _without_time(_counted(records, tmp_path)) == _without_time(summary)
    assert len(counted.calls) == _COUNT - 2
    path.unlink()
    (tmp_path / "settings.json").write_text("{")
    with pytest.raises(InputError, match="a JSON file. Received: .*settings.json"):
        _counted(records, tmp_path)
    assert len(read_rows(tmp_path)) == _COUNT


def test_a_killed_process_goes_on(records, tmp_path, monkeypatch):
    # A slow method in a process of its own, and SIGKILL, which it cannot see.
    code = (
        "import sys, time; from experiments import methods\n"
        "from experiments.evaluation import predictors, scoring\n"
        "methods.METHODS['slow'] = lambda m, r, d: time.sleep(0.3) or r[..., :2] - r"
        "[..., 1:]\n"
        "settings = predictors.Evaluation(sys.argv[1], 'test', 'slow')\n"
        "scoring.evaluate(settings, sys.argv[2])"
    )
    command = [sys.executable, "-c", code, str(records), str(tmp_path)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    path = tmp_path / "images.csv"
    deadline = time.monotonic() + 60
    while not path.exists() or path.read_bytes().count(b"\n") < 3:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = path.read_bytes()
    assert not (tmp_path / "summary.json").exists()
    monkeypatch.setitem(methods.METHODS, "slow", methods.get("zero_disparity"))
    settings = Evaluation(str(records), "test", "slow")
    assert evaluate(settings, tmp_path, progress=False)["mean"]["count"] == _COUNT
    assert path.read_bytes().startswith(before[: before.rfind(b"\n")])


def test_other_settings_start_again(records, tmp_path, counted):
    _counted(records, tmp_path)
    counted.calls.clear()
    summary = _counted(records, tmp_path, limit=4)
    assert len(counted.calls) == 4 and summary["mean"]["count"] == 4
    counted.calls.clear()
    counted.stop_at = 1
    (tmp_path / "worst").mkdir()
    with pytest.raises(KeyboardInterrupt):
        _counted(records, tmp_path, datasets=("second",))
    # Neither scores nor pictures of other settings beside these.
    assert set(os.listdir(tmp_path)) == {"settings.json", "images.csv"}
    assert (tmp_path / "images.csv").read_bytes().count(b"\n") == 2
    counted.stop_at = None
    summary = _counted(records, tmp_path, datasets=("second",))
    assert list(summary["datasets"]) == ["second"]
    assert summary["mean"]["count"] == 2


def test_other_weights_and_other_records_start_again(model, records, tmp_path):
    settings = Evaluation(str(tmp_path / "records"), "test", limit=1)
    shutil.copytree(records, tmp_path / "records")
    out = tmp_path / "out"
    before = evaluate(settings, out, model, progress=False)
    other = model.with_config()
    other.run_eagerly = True
    other.set_weights([value + 0.01 for value in model.get_weights()])
    after = evaluate(settings, out, other, progress=False)
    assert after["mean"]["psnr"] != before["mean"]["psnr"]
    assert after["settings"]["sha256"] != before["settings"]["sha256"]

    settings = Evaluation(str(tmp_path / "records"), "test", "grey")
    before = evaluate(settings, out, progress=False)
    shutil.rmtree(tmp_path / "records")
    pictures = _write_pictures(tmp_path / "pictures", 1)
    write_records(Pairs(pictures), tmp_path / "records", limit=4)
    after = evaluate(settings, out, progress=False)
    assert (before["mean"]["count"], after["mean"]["count"]) == (5, 4)


def _damage(path, kind):
    content = bytearray(path.read_bytes())
    if kind == "truncated":
        content = content[: len(content) * 3 // 4]
    elif kind == "flipped bit":
        content[len(content) * 3 // 4] ^= 8
    elif kind == "empty":
        content = b""
    path.write_bytes(content)
    if kind == "missing":
        path.unlink()


_DAMAGE = {
    "truncated": ("whole TFRecords", "tfrecords_tools.check"),
    "flipped bit": ("whole TFRecords", "tfrecords_tools.check"),
    "empty": ("whole TFRecords", "tfrecords_tools.check", "Received: 0 bytes"),
    "missing": ("Missing", "tfrecord"),
}


def test_what_was_scored_before_the_damage_is_kept(records, tmp_path, counted):
    folder = tmp_path / "records"
    shutil.copytree(records, folder)
    (shard,) = folder.glob("*.tfrecord*")
    content = shard.read_bytes()
    _damage(shard, "flipped bit")
    with pytest.raises(InputError, match="whole TFRecords"):
        _counted(folder, tmp_path / "out")
    scored = len(counted.calls)
    assert 1 <= scored < _COUNT
    assert not (tmp_path / "out" / "summary.json").exists()
    shard.write_bytes(content)
    assert _counted(folder, tmp_path / "out")["mean"]["count"] == _COUNT
    assert len(counted.calls) == _COUNT


def test_a_full_disk_is_one_error(records, tmp_path, counted, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail)
        with pytest.raises(InputError, match="No space left"):
            _counted(records, tmp_path)
    assert not (tmp_path / "summary.json").exists()
    assert _counted(records, tmp_path)["mean"]["count"] == _COUNT


def test_damage_after_the_end_leaves_the_results(records, tmp_path, counted):
    folder = tmp_path / "records"
    shutil.copytree(records, folder)
    _counted(folder, tmp_path / "out")
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    (shard,) = folder.glob("*.tfrecord*")
    _damage(shard, "truncated")
    with pytest.raises(InputError, match="whole TFRecords"):
        _counted(folder, tmp_path / "out")
    # Nor does an evaluation that cannot even begin replace another one.
    with pytest.raises(InputError, match="first, second.* Received: third"):
        _counted(records, tmp_path / "out", datasets=("third",))
    after = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert after == before and set(after) == _FILES


@pytest.fixture(scope="module")
def results(records, model, tmp_path_factory):
    """Folder, and what the program said to good and bad input."""
    top = tmp_path_factory.mktemp("evaluate")
    save_weights(model, top / "good.npz")
    save_weights(build_network(MethodConfig("zhang", width=1 / 16)), top / "zhang.npz")
    (top / "text.npz").write_text("no weights")
    (top / "file").touch()
    (top / "nothing").mkdir()
    for kind in _DAMAGE:
        shutil.copytree(records, top / kind)
        (shard,) = (top / kind).glob("*.tfrecord*")
        _damage(shard, kind)
    good = {"records": records, "output": top / "out", "method": "grey"}
    ours = {"method": "colornet", "weights": top / "good.npz", "output": top / "ours"}
    zhang = {"method": "zhang", "weights": top / "zhang.npz", "limit": 1}
    calls = {
        "grey": {"worst": 2},
        "ours": {**ours, "worst": 1},
        "zhang": {**zhang, "output": top / "zhang"},
        "weights of another": {**ours, "weights": top / "zhang.npz"},
        "weights of ours": {**zhang, "weights": top / "good.npz"},
        "no records": {"records": top / "nothing"},
        "no folder": {"records": top / "nowhere"},
        "no split": {"split": "training"},
        "no dataset": {"datasets": "third"},
        "no weights": {"method": "colornet"},
        "text as weights": {**ours, "weights": top / "text.npz"},
        "missing weights": {**ours, "weights": top / "nowhere"},
        "weights of grey": {"method": "grey", "weights": top / "good.npz"},
        "disparity of zhang": {**zhang, "max_disparity": 64},
        "no multiple": {**ours, "max_disparity": 33},
        "unknown method": {"method": "magic"},
        "no pictures": {"limit": 0},
        "output below a file": {"output": top / "file" / "out"},
        "output is a file": {"output": top / "file"},
    }
    for kind in _DAMAGE:
        calls[kind] = {"records": top / kind, "output": top / f"out of {kind}"}
    arguments = {
        name: [f"--{flag}={value}" for flag, value in {**good, **changes}.items()]
        for name, changes in calls.items()
    }
    return top, start_each(_MODULE, arguments), arguments


@pytest.mark.parametrize(
    ("case", "words"),
    [
        *_DAMAGE.items(),
        ("no records", ("dataset_info.json", "nothing")),
        ("no folder", ("folder of TFRecords", "nowhere")),
        ("no split", ("split", "Received: 'training'")),
        ("no dataset", ("first, second", "Received: third")),
        ("no weights", ("expects weights",)),
        ("weights of another", ("of method colornet", "Received: those of zhang")),
        ("weights of ours", ("of method zhang", "Received: those of colornet")),
        ("text as weights", ("whole .npz", "text.npz")),
        ("missing weights", ("Missing", "nowhere")),
        ("weights of grey", ("flags of method grey. Received: --weights",)),
        ("disparity of zhang", ("of method zhang. Received: --max_disparity",)),
        ("no multiple", ("multiple of 32. Received: 33",)),
        ("unknown method", ("magic", "zero_disparity")),
        ("no pictures", ("limit",)),
        ("output below a file", ("can be written", "file/out")),
        ("output is a file", ("can be written", "file")),
    ],
)
def test_bad_input_is_one_line(results, case, words):
    result = results[1][case]
    # Where scoring had begun, the progress bar stands above the error.
    lines = result.stderr.split("\n")
    error = "\n".join(line for line in lines if "picture/s]" not in line)
    assert_one_line_error(result._replace(stderr=error), *words)


def test_bad_input_leaves_no_summary(results):
    top = results[0]
    found = {str(path.parent.name) for path in top.rglob("summary.json")}
    assert found == {"out", "ours", "zhang"}
    assert (top / "file").read_bytes() == b""


def test_the_program_prints_the_table(results, records):
    top, by_case, _ = results
    grey = by_case["grey"]
    assert grey.code == 0, grey
    rows, summary = _read(top / "out")
    assert len(rows) == _COUNT
    assert grey.stdout.startswith(scores_table({"grey": summary}) + "\n")
    assert f"{top / 'out'}/images.csv" in grey.stdout
    assert by_case["ours"].code == 0
    assert "colornet, rough" in by_case["ours"].stdout
    assert by_case["zhang"].code == 0, by_case["zhang"]
    assert "rough" not in by_case["zhang"].stdout
    assert _read(top / "zhang")[1]["settings"]["model"]["name"] == "zhang"


def test_the_worst_pictures_are_drawn(results, records):
    top, by_case, _ = results
    for case, folder, count in (("grey", "out", 2), ("ours", "ours", 1)):
        scores = {row["key"]: float(row["psnr"]) for row in _read(top / folder)[0]}
        worst = sorted(scores, key=scores.get)[:count]
        names = [f"{n:02d}_{key}.png" for n, key in enumerate(worst, 1)]
        names = [name.replace("/", "_") for name in names]
        files = sorted((top / folder / "worst").iterdir())
        assert [path.name for path in files] == names
        assert all(str(path) in by_case[case].stdout for path in files)
    first = next(e for e in Records(records, "test").examples() if e["key"] == worst[0])
    drawn = np.asarray(Image.open(files[0]))
    form = load_model(top / "good.npz").for_inference()
    outputs = predict(form, first["mono"], first["reference"])
    expected = picture_row(first, outputs["rough_chroma"], outputs["chroma"])
    # Threads may sum in another order: a level or two are rounded to the next one.
    difference = np.abs(drawn.astype(int) - expected.astype(int))
    assert difference.max() <= 1 and np.count_nonzero(difference) <= 1e-3 * drawn.size


def test_a_damaged_shard_in_a_process_of_its_own(results):
    top, by_case, arguments = results
    shutil.rmtree(top / "out of flipped bit")
    result = start(_MODULE, *arguments["flipped bit"])
    assert result.code == by_case["flipped bit"].code
    assert result.stderr.splitlines()[-1].startswith("error: expected whole TFRecords")
    assert "Traceback" not in result.stderr
