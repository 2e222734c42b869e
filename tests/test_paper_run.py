"""All of the paper in one command: trainings, tables, figures and report."""

import csv
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from colornet.config import VARIANTS
from colornet.errors import InputError
from colornet.training.checkpoints import Checkpoints
from colornet.training.loop import Trainer, make_strategy
from colornet.training.run import Reporting
from colornet.weights import load_model, weights_digest
from experiments.evaluation.predictors import Evaluation
from experiments.evaluation.scoring import evaluate
from experiments.methods import networks
from experiments.tables import preset
from tests.command_line import ROOT
from tests.sceneflow_tree import make_tree, real_data
from tfrecords_tools.records import RecordConfig
from tfrecords_tools.sources.sceneflow import SceneFlow
from tfrecords_tools.writer import write_records

_TRAINING = {
    "n": 2,
    "max_disparity": 32,
    "crop_height": 64,
    "crop_width": 64,
    "steps": 6,
    "calibration_batches": 2,
    "validation_examples": 1,
}


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """Records of both setups, of pictures in Scene Flow's own tree: out_dir, folders.

    Real frames, where they are there, are reduced to a quarter.
    """
    top = tmp_path_factory.mktemp("sceneflow")
    assert make_tree(top / "tree", limit=3) == 3
    source, scale = SceneFlow(top / "tree"), 0.25 if real_data() else 1.0
    folders = [
        write_records(source, top, record=RecordConfig(setup=setup, scale=scale)).folder
        for setup in (1, 2)
    ]
    return top, [str(folder) for folder in folders]


@pytest.fixture
def programs(monkeypatch):
    """The programs that `reproduce_paper` would run, with their flags."""
    calls = []
    monkeypatch.setattr(preset, "run_program", lambda *line: calls.append(line))
    return calls


def flags_of(line, name):
    """The values of a flag."""
    start = f"--{name}="
    return [flag.removeprefix(start) for flag in line if flag.startswith(start)]


def reproduced(tmp_path, training_records, **changes):
    settings = {"seeds": 1, "rows": (), "train_flags": ["--n=8"]}
    settings |= {
        "network_flags": ["--width=1"],
        "table_flags": [],
        "ablation_flags": [],
    }
    preset.reproduce_paper(tmp_path, "top", training_records, **settings | changes)


def test_each_network_is_trained_for_each_setup(records, programs, tmp_path):
    _, (setup1, setup2) = records
    reproduced(tmp_path, [setup2, setup1], seeds=2)
    trainings = [line for line in programs if line[0] == "experiments.train"]
    found = []
    for line in trainings:
        [row] = flags_of(line, "variant") + flags_of(line, "method")
        [folder], [seed] = flags_of(line, "records"), flags_of(line, "seed")
        found.append((row, 1 + [setup1, setup2].index(folder), int(seed)))
        assert ("--n=8" in line) == (row in VARIANTS)
        assert ("--width=1" in line) == (row in networks.names())
    variants = {(row, 1, seed) for row in VARIANTS for seed in (0, 1)}
    others = {(row, setup, 0) for row in networks.names() for setup in (1, 2)}
    assert set(found) == variants | {("full", 2, 0)} | others
    assert len(found) == len(set(found)) and found[0] == ("full", 1, 0)

    # Every table gets the runs of its rows, each for its own setup.
    last = {line[0].removeprefix("experiments."): line for line in programs}
    weights = dict(text.split("=") for text in flags_of(last["table3"], "weights"))
    expected = [f"{row}@{s}" for row in ("colornet", *networks.names()) for s in (1, 2)]
    assert sorted(weights) == sorted(expected)
    assert weights["colornet@2"] == str(tmp_path / "train" / "full-setup2-seed0")
    for table in ("table4", "figures"):
        assert flags_of(last[table], "weights") == flags_of(last["table3"], "weights")
    scored = [text.split("=") for text in flags_of(last["table5"], "weights")]
    runs = {run for name, run in scored if name == "no_residue@1"}
    names = [f"no_residue-setup1-seed{seed}" for seed in (0, 1)]
    assert runs == {str(tmp_path / "train" / name) for name in names}
    assert programs[-1][0] == "experiments.report"


def test_one_network_serves_both_setups_without_records_of_both(
    records, programs, tmp_path
):
    _, (_, setup2) = records
    reproduced(tmp_path, [setup2], rows=["full", "zhang"])
    trained = [line for line in programs if line[0] == "experiments.train"]
    assert [flags_of(line, "records") for line in trained] == [[setup2]] * 2
    last = {line[0]: line for line in programs}
    run = tmp_path / "train"
    assert flags_of(last["experiments.table3"], "weights") == [
        f"colornet={run / 'full-setup2-seed0'}",
        f"zhang={run / 'zhang-setup2-seed0'}",
    ]
    assert flags_of(last["experiments.table5"], "weights") == [
        f"full={run / 'full-setup2-seed0'}"
    ]


def test_training_records_that_cannot_be(records, programs, tmp_path):
    _, (setup1, _) = records
    for folders, words in (
        ([], "expects --training_records. Received: none"),
        ([setup1, setup1], "both of Setup 1"),
        ([setup1, str(tmp_path)], "expected TFRecords"),
    ):
        with pytest.raises(InputError, match=words):
            reproduced(tmp_path, folders)
    assert programs == []


def start(top, records, out_dir):
    flags = [f"--train_flag=--{name}={value}" for name, value in _TRAINING.items()]
    flags += ["--train_flag=--checkpoint_every=2", "--train_flag=--log_every=1"]
    flags += ["--train_flag=--picture_every=0", "--table_flag=--max_disparity=32"]
    command = [sys.executable, "-m", "experiments.reproduce", "--preset=paper"]
    command += [f"--out_dir={out_dir}", f"--records={top}", "--row=full"]
    command += [f"--training_records={records}", *flags]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT
    )


# Its d is small, to be quick.
@pytest.mark.filterwarnings("ignore:split train has disparities up to")
@pytest.mark.slow
def test_an_interrupted_run_of_the_paper_ends_in_the_same_tables(records, tmp_path):
    """From records to report on Scene Flow's layout, stopped in the first training.

    The twin is a training that nothing stops, in this process, and its evaluation.
    """
    top, (setup1, _) = records
    out_dir = tmp_path / "paper"
    run_dir = out_dir / "train" / "full-setup1-seed0"
    process = start(top, setup1, out_dir)
    while not Checkpoints(run_dir).steps():
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate()
    assert process.returncode == 128 + signal.SIGTERM, output
    stopped_at = Checkpoints(run_dir).step
    assert not (out_dir / "tables" / "report.html").exists()

    process = start(top, setup1, out_dir)
    twin = Trainer(
        Checkpoints(run_dir).config(stopped_at),
        tmp_path / "twin",
        make_strategy("one_device", "cpu"),
        Reporting(2, log_every=1, validate_every=0, show_every=0, progress=False),
    )
    twin.run()
    twin.write_result()
    output, _ = process.communicate()
    assert process.returncode == 0, output
    assert f"from step {stopped_at} to 6" in output and 0 < stopped_at < 6

    expected = load_model(tmp_path / "twin")
    assert weights_digest(load_model(run_dir)) == weights_digest(expected)
    scores = evaluate(
        Evaluation(setup1, weights=str(tmp_path / "twin"), max_disparity=32),
        tmp_path / "evaluation",
        progress=False,
    )["mean"]
    cells = {}
    for path in (out_dir / "tables").glob("table*.csv"):
        with open(path, newline="") as file:
            for row in csv.DictReader(file):
                cells[path.stem, row["row"], row["column"], row["setup"]] = row["ours"]
    for table, row, metric in (
        ("table3", "colornet", "psnr"),
        ("table4", "colornet", "ssim"),
        ("table5_psnr", "full", "psnr"),
        ("table5_ssim", "full", "ssim"),
    ):
        found = float(cells[table, row, "SF", "1"])
        assert found == pytest.approx(scores[metric], abs=1e-4), table
    assert np.isfinite(float(cells["table3", "colornet", "SF", "2"]))
    assert cells["table5_psnr", "no_residue", "SF", "1"] == ""
    report = (out_dir / "tables" / "report.html").read_text()
    assert f"{scores['psnr']:.2f}" in report
    assert "6 steps of 1 crops of 64x64" in report
    pictures = list(pathlib.Path(out_dir / "tables" / "figures").rglob("*.png"))
    assert len(pictures) > 10
