"""python -m experiments.robustness, and its place in the report."""

import csv

import pytest

from colornet.errors import InputError
from experiments.disturbances import measuring
from experiments.disturbances.cameras import cases
from experiments.disturbances.cells import read_cells
from experiments.disturbances.measuring import choose_pairs, measure
from experiments.evaluation.predictors import Evaluation
from experiments.evaluation.scoring import evaluate
from experiments.provenance import made
from experiments.tables.report import write_report
from tests.command_line import assert_one_line_error, start_each
from tests.html_pages import elements, table_rows
from tfrecords_tools.records import RecordConfig
from tfrecords_tools.sources.pairs import Pairs

_METHODS = [Evaluation("", method=name) for name in ("zero_disparity", "grey")]
_CASES = cases(["mono_gain=0.5", "white_balance=0.4"])


def _rows(folder, method):
    with open(folder / method / "images.csv", newline="") as file:
        return list(csv.DictReader(file))


def _measure(source, output, pairs=None, chosen=_CASES):
    pairs = pairs or choose_pairs(source, "test", [], [], 2)
    settings = RecordConfig()
    return measure(pairs, source, settings, _METHODS, chosen, output, progress=False)


def test_pairs(pictures):
    source = Pairs(pictures)

    def scenes(split="test", datasets=(), exclude=(), limit=None):
        found = choose_pairs(source, split, datasets, exclude, limit)
        return [pair.scene for pair in found]

    assert scenes() == ["s2", "s3", "s4", "s5"]
    assert scenes("train", ["d"]) == ["s0", "s1"]
    assert scenes(exclude=["s2", "s4"], limit=1) == ["s3"]
    with pytest.raises(InputError, match=r"d \(test\), .*Received: .*datasets e$"):
        scenes(datasets=["e"])


def test_undisturbed_scores_are_those_of_the_evaluation(pictures, written, tmp_path):
    source = Pairs(pictures)
    pairs = choose_pairs(source, "test", [], [], None)
    cells = _measure(source, tmp_path / "robustness", pairs)
    assert len(cells) == len(_CASES) * len(_METHODS)
    for method in ("zero_disparity", "grey"):
        evaluation = Evaluation(str(written.folder), method=method)
        expected = evaluate(evaluation, tmp_path / method, progress=False)["mean"]
        of_method = [cell for cell in cells if cell.method == method]
        assert of_method[0].psnr == pytest.approx(expected["psnr"], abs=0.02)
        assert of_method[0].change == 0 and of_method[0].pictures == 4
        # Half of the light in the mono picture is nothing to who copies colours.
        assert of_method[1].change == pytest.approx(0, abs=0.02)
        assert of_method[2].change == of_method[2].psnr - of_method[0].psnr != 0


def test_a_stopped_measurement_goes_on(pictures, tmp_path, monkeypatch):
    source = Pairs(pictures)
    cells = _measure(source, tmp_path)
    whole = {name: _rows(tmp_path, name) for name in ("zero_disparity", "grey")}
    # A killed process leaves half a line.
    path = tmp_path / "zero_disparity" / "images.csv"
    path.write_text(path.read_text()[:-15])
    taken, photographs = [], measuring.photographs

    def counted(views, key, settings, case):
        taken.append((key, case))
        return photographs(views, key, settings, case)

    monkeypatch.setattr(measuring, "photographs", counted)
    with pytest.warns(match="images.csv is damaged or cut after 5 rows"):
        assert _measure(source, tmp_path) == cells
    assert taken == [("d/s3", _CASES[-1])]
    assert {name: _rows(tmp_path, name) for name in whole} == whole
    # What is less is there already, and what is more is added.
    pairs = choose_pairs(source, "test", [], [], 1)
    fewer = _measure(source, tmp_path, pairs, _CASES[:2])
    assert len(taken) == 1 and [cell.pictures for cell in fewer] == [1] * 4
    more = _measure(source, tmp_path, chosen=cases(["blur=2"]))
    assert len(taken) == 3 and more[-1].disturbance == "blur"
    assert _measure(source, tmp_path) == cells and len(taken) == 3


def test_program_and_report(pictures, tmp_path):
    flags = ["--dataset=pairs", f"--data_dir={pictures}", f"--output={tmp_path}"]
    flags += ["--methods=zero_disparity,grey", "--exclude=s2", "--scale=0.5"]
    wrong = [*flags, "--methods=magic"]
    calls = {
        "run": [*flags, "--limit=1", "--disturbances=blur", "--setup=2"],
        "method": wrong,
        "disturbance": [*flags, "--disturbances=fog"],
    }
    results = start_each("experiments.robustness", calls)
    assert results["run"].code == 0, results["run"]
    assert_one_line_error(results["method"], "Received: magic")
    assert_one_line_error(results["disturbance"], "Received: fog")
    name = "robustness_setup2"
    markdown = (tmp_path / f"{name}.md").read_text()
    assert markdown in results["run"].stdout
    assert "**Setup 2, d, 1 picture**" in markdown
    assert (tmp_path / f"{name}.svg").read_text().count("<polyline") == 2
    cells = read_cells(tmp_path / f"{name}.csv", [])
    [undisturbed, *others] = [c for c in cells if c.method == "zero_disparity"]
    assert [cell.strength for cell in others] == [1, 2, 3]
    [row, *_] = _rows(tmp_path / name, "zero_disparity")
    assert row["key"] == "d/s3"
    assert float(row["psnr"]) == pytest.approx(undisturbed.psnr, abs=1e-4)
    report = write_report(tmp_path, made())
    titles = [element.text for element in elements(report, "h2")]
    assert titles == ["Robustness, Setup 2, d, 1 picture"]
    assert report.count("<polyline") == 2
    rows = {name.text: line for name, line in table_rows(report)}
    line = rows["reference blurred, sigma px 2"]
    expected = f"{others[1].psnr:.2f}{others[1].change:+.2f}"
    assert line["zero disparity"].text == expected
    # The better method of the row is marked.
    [grey] = [c.psnr for c in cells if c.method == "grey" and c.strength == 2]
    marked = [line[name].has("best") for name in ("zero disparity", "grey")]
    assert marked == [others[1].psnr > grey, others[1].psnr < grey]
    [_, command] = [e.text for e in elements(report, "p") if e.has("made")]
    assert "python -m experiments.robustness --dataset=pairs" in command
    assert command.endswith("--limit=1 --disturbances=blur --setup=2")
