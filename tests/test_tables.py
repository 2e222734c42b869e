"""Tables 3 to 5, the figures and the report."""

import csv
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import threading

import numpy as np
import pytest

from colornet.color import rgb_to_chroma
from colornet.config import ModelConfig, TrainConfig
from colornet.data import Records
from colornet.errors import InputError, Interrupted
from colornet.io.pictures import read_picture, write_picture
from colornet.model import build_colornet
from colornet.weights import save_weights
from experiments.evaluation import Evaluation, evaluate
from experiments.methods.networks.config import MethodConfig
from experiments.pretraining.recipe import PretrainConfig
from experiments.tables import paper, preset, table_flags, text, trainings
from experiments.tables.cells import (
    Cell,
    Row,
    folder,
    measure,
    method_rows,
    variant_rows,
)
from experiments.tables.columns import chosen, find_columns
from experiments.tables.figure3 import figure3, similar_pixels
from experiments.tables.figures import (
    folder_of,
    make_figures,
    shown_columns,
    with_box,
)
from experiments.tables.report import write_report
from tests.command_line import assert_one_line_error, start
from tfrecords_tools.records import RecordConfig
from tfrecords_tools.sources.embedded import Embedded
from tfrecords_tools.sources.pairs import Pairs
from tfrecords_tools.writer import write_records

_D = 32
_COUNT = 3


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """An out_dir of tfrecords_tools.write with a column PR in Setup 1."""
    top = tmp_path_factory.mktemp("tables")
    _write_pairs(top / "pictures", [f"{number}" for number in range(_COUNT)])
    write_records(Pairs(top / "pictures"), top)
    return top


def _write_pairs(top, names):
    rng = np.random.default_rng(0)
    for name in names:
        coarse = rng.integers(40, 200, (10, 14, 3)).astype(np.uint8)
        wide = coarse.repeat(4, axis=0).repeat(4, axis=1)
        (top / name).mkdir(parents=True)
        write_picture(top / name / "left.png", wide[:, :50])
        write_picture(top / name / "right.png", wide[:, 4:54])


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """An out_dir with pairs of three datasets, and rendered scenes of two splits."""
    top = tmp_path_factory.mktemp("mixed")
    names = ["middlebury2005_third/a", "middlebury2006_third/b", "kitti_x/c"]
    names += ["middlebury2006_third/d", "middlebury2014/e"]
    _write_pairs(top / "pictures", names)
    lines = ["dataset\tscene", *(name.replace("/", "\t") for name in names)]
    (top / "pictures/INDEX.tsv").write_text("\n".join(lines))
    write_records(Pairs(top / "pictures"), top)
    scenes = Embedded(train_scenes=1, validation_scenes=2, height=40, width=72)
    write_records(scenes, top)
    return top


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Weights of two seeds."""
    top = tmp_path_factory.mktemp("weights")
    paths = []
    for seed in (0, 1):
        model = build_colornet(ModelConfig(n=2, max_disparity=_D))
        kernel = model.get_layer("l93_conv").kernel
        rng = np.random.default_rng(seed)
        kernel.assign(rng.normal(0, 5, kernel.shape))
        paths.append(str(top / f"seed{seed}.npz"))
        save_weights(model, paths[-1])
    return tuple(paths)


def _with_d(columns):
    return chosen(columns, [], {"": _D})


@pytest.fixture(scope="module")
def cells(records, runs, tmp_path_factory):
    output = tmp_path_factory.mktemp("output")
    rows = [
        Row("grey", "grey"),
        Row("zhang", "zhang"),
        Row("ours", "ours", {1: runs}),
    ]
    columns = _with_d(find_columns(records, (1,)))
    found = list(measure("psnr", rows, columns, output))
    return output, {(cell.row, cell.column): cell for cell in found}


def test_columns(records, tmp_path):
    columns = find_columns(records, (1, 2))
    assert [(c.name, c.setup, bool(c.records)) for c in columns] == [
        *((name, 1, False) for name in ("CT", "MB", "ST", "SF")),
        ("PR", 1, True),
        *((name, 2, False) for name in ("CT", "MB", "ST", "SF")),
    ]
    with pytest.raises(InputError, match="middlebury_setup1. Received: .*none"):
        find_columns(tmp_path, (1,))


def test_columns_of_a_table_of_pairs(mixed, tmp_path):
    columns = {c.name: c for c in find_columns(mixed, (1,)) if c.records}
    assert list(columns) == ["MB", "EM", "SY", "kitti_x", "middlebury2014"]
    # The paper's Middlebury test set is two datasets, and 2014 is none of them.
    expected = ("middlebury2005_third", "middlebury2006_third")
    assert columns["MB"].datasets == expected
    assert columns["SY"].split == "validation"
    cells = list(measure("psnr", [Row("grey", "grey")], columns.values(), tmp_path))
    assert [len(cell.values) for cell in cells] == [3, 1, 2, 1, 1]
    assert cells[0].published is None and cells[0].mean == np.mean(cells[0].values)
    # Records of the dataset itself come before pairs of it.
    (mixed / "colornet_records/middlebury_setup1").symlink_to("pairs_setup1")
    own = next(c for c in find_columns(mixed, (1,)) if c.name == "MB")
    assert "middlebury_setup1" in own.records and own.datasets == ()
    (mixed / "colornet_records/middlebury_setup1").unlink()


def test_every_column_has_its_own_disparity(mixed):
    columns = find_columns(mixed, (1,))
    found = chosen(columns, [], {"": 96, "SY": 64})
    assert {c.name: c.max_disparity for c in found}["SY"] == 64
    assert {c.max_disparity for c in found if c.name != "SY"} == {96}
    assert chosen(columns, [], {}) == columns
    [column] = chosen(columns, ["SY"], {"MB": 32})
    assert column.name == "SY" and column.max_disparity is None
    for names, disparities in ((["XX"], {}), ([], {"XX": 32})):
        with pytest.raises(InputError, match="CT, MB, .*SY.*Received: XX"):
            chosen(columns, names, disparities)
    assert table_flags.disparities(["96", "SY=64"]) == {"": 96, "SY": 64}
    for wrong in ("SY", "SY=", "SY=-32", "0", "MB=x", "100"):
        with pytest.raises(InputError, match=f"Received: {wrong}$"):
            table_flags.disparities([wrong])


def test_figures_show_the_paper_s_columns(mixed):
    columns = find_columns(mixed, (1,))
    assert [c.name for c in shown_columns(columns)] == ["MB"]
    others = shown_columns([c for c in columns if c.name != "MB"])
    assert [c.name for c in others] == ["EM", "SY", "kitti_x", "middlebury2014"]


def test_cells_are_the_evaluations(records, runs, cells, tmp_path):
    output, by_place = cells
    [column] = [c for c in find_columns(records, (1,)) if c.records]
    means = []
    for weights in runs:
        evaluation = Evaluation(
            column.records, weights=weights, max_disparity=_D, method="ours"
        )
        means.append(evaluate(evaluation, tmp_path, progress=False)["mean"]["psnr"])
    cell = by_place["ours", "PR"]
    assert cell.seeds == pytest.approx(means)
    assert cell.mean == pytest.approx(np.mean(means))
    assert cell.spread == pytest.approx(np.std(means, ddof=1))
    assert cell.published is None and len(cell.values) == _COUNT
    grey = by_place["grey", "PR"]
    half = 1.96 * np.std(grey.values, ddof=1) / np.sqrt(_COUNT)
    assert grey.error == pytest.approx(half) and grey.spread is None
    assert by_place["zhang", "PR"].why == "no weights of zhang"
    assert by_place["ours", "MB"].why == "no records of middlebury in Setup 1"
    assert by_place["ours", "MB"].published == 41.94
    assert by_place["zhang", "SF"].published == 17.26
    assert len(list(output.glob("setup1/PR/*/images.csv"))) == 3


def test_what_is_finished_is_not_done_again(records, runs, cells, monkeypatch):
    output, by_place = cells

    def fail(*_):
        raise AssertionError("it was scored again")

    monkeypatch.setattr("experiments.evaluation.score", fail)
    # Table 5's row of the same runs shares the evaluations of Table 3's.
    rows = [Row("ours", "ours", {1: runs}), Row("full", "ours", {1: runs})]
    again, full = measure("psnr", rows, _columns(records), output)
    assert again == by_place["ours", "PR"]
    assert full.values == again.values


def test_runs_of_the_same_name_are_told_apart(records):
    [column] = _columns(records)
    row = Row("full", "ours")
    places = [folder(row, f"{top}/run", column, "out") for top in "ab"]
    assert places[0] != places[1]
    assert places[0].parent == places[1].parent == pathlib.Path("out/setup1/PR")
    # Table 3's row of the same run shares its evaluation.
    assert folder(Row("ours", "ours"), "a/run", column, "out") == places[0]


def test_rows_know_their_statistics():
    rows = {row.name: row for row in method_rows({}, {"": "batch", "he": "moving"})}
    assert rows["ours"].bn_statistics == rows["zhang"].bn_statistics == "batch"
    assert rows["he"].bn_statistics == "moving"
    assert rows["welsh"].bn_statistics is None
    [row] = [row for row in variant_rows({}, {"full": "batch"}) if row.bn_statistics]
    assert row.name == "full"
    # The flags of one table do for another one.
    assert {row.bn_statistics for row in method_rows({}, {"full": "batch"})} == {None}
    for wrong in ("magic", "welsh"):
        with pytest.raises(InputError, match=f"bn_statistics of .* Received: {wrong}"):
            method_rows({}, {wrong: "batch"})
    assert table_flags.statistics(["batch", "he=moving"]) == {
        "": "batch",
        "he": "moving",
    }
    with pytest.raises(InputError, match="moving or batch.* Received: he=none"):
        table_flags.statistics(["he=none"])


def test_trainings_in_words(tmp_path):
    def run(name, seed, steps=2):
        config = TrainConfig(model=MethodConfig("he", 0.25), steps=2, seed=seed)
        checkpoint = tmp_path / name / "checkpoints" / f"step_{steps:08d}"
        checkpoint.mkdir(parents=True)
        state = {"step": steps, "config": config.to_dict()}
        (checkpoint / "train.json").write_text(json.dumps(state))
        return str(tmp_path / name)

    both = [run("a", 3), run("b", 4)]
    same = "width 0.25, 2 steps of 1 crops of 256x512, learning rate 0.001"
    assert trainings.describe(both) == f"{same}, moving statistics, seeds 3, 4"
    stopped = trainings.describe([run("c", 0, steps=1)], "batch")
    assert "1 of 2 steps" in stopped and "batch statistics, seed 0" in stopped
    (tmp_path / "x.npz").touch()
    assert trainings.describe([str(tmp_path / "x.npz")]) == "weights x.npz"
    other = pathlib.Path(run("pretrained", 0)) / "checkpoints/step_00000002/train.json"
    other.write_text(json.dumps({"step": 2, "config": PretrainConfig().to_dict()}))
    assert trainings.describe([str(tmp_path / "pretrained")]) == "weights pretrained"
    assert trainings.describe([]) == ""


_CELLS = [
    Cell("welsh", "MB", 1, (30.0, 31.0), (30.5,), 30.28),
    Cell(
        "ours",
        "MB",
        1,
        (40.0, 42.0),
        (40.5, 41.5),
        41.94,
        training="n = 8, seeds 0, 1",
    ),
    Cell("welsh", "CT", 1, published=37.89, why="no records of cityscapes"),
    Cell("ours", "CT", 1, published=44.26, why="no records of cityscapes"),
]


def test_markdown_csv_and_latex():
    lines = text.markdown("Table 3", _CELLS, "psnr").splitlines()
    assert lines[2] == "| Setup 1 | MB (2) | CT |"
    assert lines[4] == "| Welsh 2002 | 30.50 / 30.28 (+0.22) | not run / 37.89 |"
    assert lines[5] == "| Ours | 41.00 ± 0.71 / 41.94 (-0.94) | not run / 44.26 |"
    assert lines[7] == "Not run: no records of cityscapes."
    assert lines[9:] == ["- Ours: n = 8, seeds 0, 1."]
    both = [*_CELLS, Cell("welsh", "MB", 2, (29.0,), (29.0,), 29.60)]
    assert "| Setup 2 | MB (1) |" in text.markdown("Table 3", both, "psnr")
    rows = list(csv.DictReader(text.csv_table(_CELLS).splitlines()))
    assert float(rows[1]["difference"]) == pytest.approx(-0.94)
    assert float(rows[1]["half_interval_95"]) == pytest.approx(1.96)
    assert rows[2]["ours"] == "" and rows[2]["why_not_run"]
    latex = text.latex("Table 3 100 %", _CELLS, "psnr")
    assert r"Ours & 41.00 $\pm$ 0.71 / 41.94 (-0.94) & not run / 44.26 \\" in latex
    assert latex.count("&") == 2 * 3 and r"100 \%" in latex


def _table_of_the_paper(start_words, count):
    path = pathlib.Path(__file__).parents[2] / "shared/paper/paper.md"
    if not path.is_file():
        pytest.skip("the paper is not here")
    found = path.read_text()
    found = found[found.index(start_words) :]
    rows = re.findall(r"^\t?([A-Z][\w ]+?)((?:\s+\d+\.\d+){8})\s*$", found, re.M)
    return {name: [float(x) for x in numbers.split()] for name, numbers in rows[:count]}


@pytest.mark.parametrize(
    ("words", "ours"),
    [("Table 3: Average PSNR", paper.PSNR), ("Table 4:\tAverage", paper.SSIM)],
)
def test_the_numbers_of_tables_3_and_4_are_the_paper_s(words, ours):
    theirs = _table_of_the_paper(words, 9)
    assert {name.lower(): numbers for name, numbers in theirs.items()} == {
        name: [*one, *two] for name, (one, two) in ours.items()
    }


def test_the_numbers_of_table_5_are_the_paper_s():
    theirs = _table_of_the_paper("Table 5: Ablation", 5)
    titles = {title: name for name, title in paper.METHOD_TITLES.items()}
    titles["Ours"] = "full"
    assert {titles[name]: numbers for name, numbers in theirs.items()} == {
        name: [*numbers, *paper.ABLATION_SSIM[name]]
        for name, numbers in paper.ABLATION_PSNR.items()
    }


def test_similar_pixels():
    rng = np.random.default_rng(0)
    reference = rng.random((1, 40, 3))
    target = rng.random((1, 40, 3))
    reference[0, 9] = reference[0, 14] = target[0, 5]
    found = similar_pixels({"reference": reference, "target": target}, 0, 5, 20)
    expected = [
        k
        for k in range(20)
        if np.all(
            np.abs(rgb_to_chroma(reference[0, 5 + k]) - rgb_to_chroma(target[0, 5]))
            <= 3 / 255
        )
    ]
    assert found.tolist() == expected and {4, 9} <= set(expected)
    # Candidates past the border do not exist.
    assert len(similar_pixels({"reference": target, "target": target}, 0, 39, 20)) == 1


def test_with_box():
    picture = np.zeros((10, 12, 3), np.uint8)
    framed = with_box(picture, (3, 2, 4, 5))
    red = (framed == (230, 20, 20)).all(axis=-1)
    assert not red[2:7, 3:7].any()
    assert red.sum() == 6 * 7 - 4 * 5 and red[1, 2] and red[7, 7]
    assert not picture.any()


def _columns(records):
    return _with_d([c for c in find_columns(records, (1,)) if c.records])


def test_figures_show_the_extremes(records, runs, cells, monkeypatch):
    output, _ = cells
    from experiments import methods
    from experiments.methods import trivial

    for name in ("welsh", "ironi", "gupta"):
        monkeypatch.setitem(methods._METHODS, name, trivial.zero_disparity)
        place = output / "setup1" / "PR" / name
        place.mkdir(parents=True, exist_ok=True)
        ours = next((output / "setup1" / "PR").glob("ours-seed0*/images.csv"))
        rows = list(csv.DictReader(ours.read_text().splitlines()))
        lines = ["key,psnr"]
        # We lead the most on the second picture and the least on the first.
        for row, lead in zip(rows, (-5, 9, 1), strict=True):
            lines.append(f"{row['key']},{float(row['psnr']) - lead}")
        (place / "images.csv").write_text("\n".join(lines))
    names = ("welsh", "ironi", "gupta")
    rows = {name: Row(name, name) for name in names}
    rows["ours"] = Row("ours", "ours", {1: runs})
    figures = list(make_figures("4", rows, _columns(records), output))
    keys = [
        example["key"]
        for example in Records(_columns(records)[0].records, "test").examples()
    ]
    assert {figure.key for figure in figures} == {keys[0], keys[1]}
    by_key = {figure.key: figure for figure in figures}
    assert "smallest lead, -5.0 dB" in by_key[keys[0]].caption
    assert "largest lead, +9.0 dB" in by_key[keys[1]].caption
    titles = [panel.title for panel in figures[0].panels]
    assert titles[:2] == ["input, mono", "input, reference"] and titles[-1] == "truth"
    left, top, width, height = figures[0].box
    place = folder_of("4", _columns(records)[0], output)
    place /= figures[0].key.replace("/", "_")
    crop = read_picture(place / figures[0].panels[-1].crop)
    whole = read_picture(place / figures[0].panels[-1].whole)
    assert crop.shape == (height, width, 3) == (10, 12, 3)
    np.testing.assert_array_equal(crop, whole[top : top + height, left : left + width])


def test_figures_of_a_column_without_the_example_stay(records, runs, tmp_path):
    names = ("welsh", "ironi", "gupta")
    rows = {name: Row(name, name) for name in names}
    rows["ours"] = Row("ours", "ours", {1: runs})
    columns = _columns(records)
    stays = folder_of("4", columns[0], tmp_path) / "of_another_key"
    stays.mkdir(parents=True)
    made = make_figures("4", rows, columns, tmp_path, examples=["elsewhere/x"])
    assert list(made) == [] and stays.is_dir()


def test_a_table_without_a_column_of_its_setup(records, tmp_path):
    record = RecordConfig(setup=2)
    write_records(Pairs(records / "pictures"), tmp_path / "two", record=record)
    flags = [f"--records={tmp_path / 'two'}", f"--output={tmp_path / 'out'}"]
    result = start("experiments.table5", *flags, "--column=PR")
    assert_one_line_error(result, "expected a column of Setup 1. Received: PR of")
    assert not (tmp_path / "out").exists()


def test_figure_3(records, tmp_path):
    figure = figure3(_columns(records)[0], tmp_path)
    place = folder_of("3", _columns(records)[0], tmp_path)
    mono = read_picture(place / figure.key.replace("/", "_") / figure.panels[0].whole)
    assert (mono == (230, 20, 20)).all(axis=-1).any()
    assert re.search(r"\d+% have more than one such candidate", figure.caption)
    with pytest.raises(InputError, match="no/such"):
        figure3(_columns(records)[0], tmp_path, key="no/such")


def test_report(tmp_path, records):
    with pytest.raises(InputError, match="table3.csv"):
        write_report(tmp_path)
    (tmp_path / "table3.csv").write_text(text.csv_table(_CELLS))
    old = folder_of("3", _columns(records)[0], tmp_path) / "of_another_choice"
    old.mkdir(parents=True)
    (old / "figure.json").write_text('{"caption": "stale", "panels": []}')
    figure = figure3(_columns(records)[0], tmp_path)
    moved = tmp_path / "moved"
    shutil.copytree(tmp_path / "figures", moved / "figures")
    shutil.copy(tmp_path / "table3.csv", moved)
    assert write_report(moved) == write_report(tmp_path)
    report = write_report(tmp_path)
    assert "stale" not in report
    assert report.count("data:image/jpeg;base64,") == 4
    # Nothing is fetched from elsewhere.
    assert not re.search(r"""(src|href)=["']?(http|/|\.)""", report)
    assert "41.00" in report and "not run" in report
    assert "Ours: n = 8, seeds 0, 1" in report
    assert figure.key in report and 'name="viewport"' in report
    # No chart for a dataset that was not run.
    assert "Middlebury, Setup 1, 2 pictures" in report
    assert "Cityscapes, Setup 1, " not in report


def test_programs(records, tmp_path):
    flags = [f"--records={records}", f"--output={tmp_path}", "--max_disparity=32"]
    result = start("experiments.table5", *flags)
    assert result.code == 0, result
    assert "| No attention | not run / 41.91 | not run / 40.92 |" in result.stdout
    assert (tmp_path / "table5_ssim.tex").is_file()
    result = start("experiments.table3", *flags, "--weights=magic=x")
    assert_one_line_error(result, "expected weights of furusawa", "magic")
    result = start("experiments.table3", *flags, "--weights=jeon=x")
    assert_one_line_error(result, "expected weights of furusawa", "Received: jeon")
    # Before the methods that need none are scored.
    result = start("experiments.table3", *flags, "--weights=ours=gone.npz")
    assert_one_line_error(result, "row ours: ", "Missing: gone.npz")
    assert not list(tmp_path.rglob("images.csv"))
    result = start("experiments.report", f"--output={tmp_path}")
    assert result.code == 0 and (tmp_path / "report.html").is_file()
    result = start("experiments.reproduce", "--preset=paper")
    assert_one_line_error(result, "preset paper expects --records")
    result = start("experiments.reproduce", "--preset=paper", "--steps=7")
    assert_one_line_error(result, "flags of preset paper. Received: --steps")
    result = start("experiments.reproduce", "--seeds=3")
    assert_one_line_error(result, "flags of preset quick. Received: --seeds")


def test_a_signal_reaches_the_program_that_runs(monkeypatch):
    started, popen = [], subprocess.Popen
    monkeypatch.setattr(
        subprocess,
        "Popen",
        lambda line: started.append(popen(line)) or started[0],
    )
    threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGTERM)).start()
    with pytest.raises(Interrupted, match="SIGTERM: start again"):
        preset._run("http.server", "0", "--bind=127.0.0.1")
    assert started[0].returncode == -signal.SIGTERM


def test_weights_by_setup():
    found = table_flags.runs(["ours=a", "ours@2=b", "he@1=c"])
    assert found == {"ours": {1: ("a",), 2: ("a", "b")}, "he": {1: ("c",)}}
    with pytest.raises(InputError, match="NAME@SETUP=RUN. Received: magic"):
        table_flags.runs(["magic"])
