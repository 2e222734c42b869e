"""Tables 3 to 5, the figures and the report."""

import csv
import dataclasses
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
from colornet.config import VARIANTS, ModelConfig, TrainConfig
from colornet.data import Records
from colornet.errors import InputError, Interrupted
from colornet.io.json_files import read_json, write_json
from colornet.io.pictures import read_picture, write_picture
from colornet.io.rows import rows_text
from colornet.model import build_colornet
from colornet.tiling import EXACT_TILING, Tiling
from colornet.visualize.drawing import LABEL_HEIGHT
from colornet.weights import load_model, save_weights, weights_digest
from experiments.evaluation import scoring
from experiments.evaluation.predictors import Evaluation, Prediction
from experiments.evaluation.store import read_rows
from experiments.methods.networks.config import MethodConfig
from experiments.pretraining.recipe import PretrainConfig
from experiments.provenance import MADE
from experiments.tables import figures as drawn
from experiments.tables import noise, paper, preset, program, text
from experiments.tables.cells import (
    Cell,
    Row,
    evaluation,
    folder,
    make_rows,
    measure,
    read_cells,
    training_in_words,
)
from experiments.tables.columns import chosen, find_columns
from experiments.tables.figure_files import folder_of, with_box
from experiments.tables.figures import (
    figure3,
    make_figures,
    shown_columns,
    similar_pixels,
)
from experiments.tables.network_drawing import draw_network
from experiments.tables.report import write_report
from tests.command_line import assert_one_line_error, start, start_each
from tests.html_pages import elements, table_rows
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


def _columns(records, setup=1):
    """The columns of a setup with d, there or not."""
    found = [c for c in find_columns(records) if c.setup == setup]
    return chosen(found, [], {"": _D})


def _there(records):
    return [column for column in _columns(records) if column.records]


@pytest.fixture(scope="module")
def cells(records, runs, tmp_path_factory):
    output = tmp_path_factory.mktemp("output")
    rows = [Row("grey"), Row("zhang"), Row("colornet", {1: runs})]
    found = list(measure("psnr", rows, _columns(records), output))
    return output, {(cell.row, cell.column): cell for cell in found}


def test_columns(records, tmp_path):
    columns = find_columns(records)
    assert [(c.name, c.setup, bool(c.records)) for c in columns] == [
        *((name, 1, False) for name in ("CT", "MB", "ST", "SF")),
        ("PR", 1, True),
        *((name, 2, False) for name in ("CT", "MB", "ST", "SF")),
    ]
    with pytest.raises(InputError, match="middlebury_setup1. Received: .*none"):
        find_columns(tmp_path)


def test_columns_of_a_table_of_pairs(mixed, tmp_path):
    columns = {c.name: c for c in _there(mixed)}
    assert list(columns) == ["MB", "EM", "SY", "kitti_x", "middlebury2014"]
    # The paper's Middlebury test set is two datasets, and 2014 is none of them.
    expected = ("middlebury2005_third", "middlebury2006_third")
    assert columns["MB"].datasets == expected
    assert columns["SY"].split == "validation"
    cells = list(measure("psnr", [Row("grey")], columns.values(), tmp_path))
    assert [cell.pictures for cell in cells] == [3, 1, 2, 1, 1]
    assert cells[0].paper is None and cells[0].difference is None
    # Records of the dataset itself come before pairs of it.
    (mixed / "colornet_records/middlebury_setup1").symlink_to("pairs_setup1")
    own = next(c for c in _there(mixed) if c.name == "MB")
    assert "middlebury_setup1" in own.records and own.datasets == ()
    (mixed / "colornet_records/middlebury_setup1").unlink()


def test_every_column_has_its_own_disparity(mixed):
    columns = [c for c in find_columns(mixed) if c.setup == 1]
    found = chosen(columns, [], {"": 96, "SY": 64})
    assert {c.name: c.max_disparity for c in found}["SY"] == 64
    assert {c.max_disparity for c in found if c.name != "SY"} == {96}
    assert chosen(columns, [], {}) == columns
    [column] = chosen(columns, ["SY"], {"MB": 32})
    assert column.name == "SY" and column.max_disparity is None
    for names, disparities in ((["XX"], {}), ([], {"XX": 32})):
        with pytest.raises(InputError, match="CT, MB, .*SY.*Received: XX"):
            chosen(columns, names, disparities)
    assert program.disparities(["96", "SY=64"]) == {"": 96, "SY": 64}
    for wrong in ("SY", "SY=", "SY=-32", "MB=x"):
        with pytest.raises(InputError, match=f"COLUMN=d. Received: {wrong}$"):
            program.disparities([wrong])
    for wrong in ("0", "SY=100"):
        with pytest.raises(InputError, match="multiple of 32"):
            program.disparities([wrong])


def test_figures_show_the_paper_s_columns(mixed):
    columns = _columns(mixed)
    assert [c.name for c in shown_columns(columns)] == ["MB"]
    others = shown_columns([c for c in columns if c.name != "MB"])
    assert [c.name for c in others] == ["EM", "SY", "kitti_x", "middlebury2014"]


def test_cells_are_the_evaluations(records, runs, cells, tmp_path):
    output, by_place = cells
    [column] = _there(records)

    def values(*row):
        return [float(r["psnr"]) for r in read_rows(folder(*row, column, output))]

    means = [np.mean(values(Row("colornet"), weights)) for weights in runs]
    scored = Evaluation(column.records, weights=runs[1], max_disparity=_D)
    summary = scoring.evaluate(scored, tmp_path, progress=False)
    assert summary["mean"]["psnr"] == pytest.approx(means[1])
    cell = by_place["colornet", "PR"]
    assert cell.ours == pytest.approx(np.mean(means)) and cell.seeds == 2
    assert cell.seed_std == pytest.approx(np.std(means, ddof=1))
    assert cell.paper is None and cell.pictures == _COUNT
    digests = [weights_digest(load_model(path)) for path in runs]
    assert cell.sha256.split() == digests and digests[0] != digests[1]
    grey = by_place["grey", "PR"]
    half = 1.96 * np.std(values(Row("grey"), None), ddof=1) / np.sqrt(_COUNT)
    assert grey.half_interval_95 == pytest.approx(half) and grey.seed_std is None
    assert grey.sha256 == ""
    assert by_place["zhang", "PR"].why_not_run == "no weights of zhang"
    why = by_place["colornet", "MB"].why_not_run
    assert why == "no records of middlebury in Setup 1"
    assert by_place["colornet", "MB"].paper == 41.94
    assert by_place["zhang", "SF"].paper == 17.26
    assert len(list(output.glob("setup1/PR/*/images.csv"))) == 3


def test_what_is_finished_is_not_done_again(records, runs, cells, monkeypatch):
    output, by_place = cells

    def fail(*_):
        raise AssertionError("it was scored again")

    monkeypatch.setattr(scoring, "score_example", fail)
    # Table 5's row of the same runs shares the evaluations of Table 3's.
    rows = [Row("colornet", {1: runs}), Row("full", {1: runs})]
    again, full = measure("psnr", rows, _there(records), output)
    assert again == by_place["colornet", "PR"]
    assert full.ours == again.ours


def test_runs_of_the_same_name_are_told_apart(records):
    [column] = _there(records)
    row = Row("full")
    places = [folder(row, f"{top}/run", column, "out") for top in "ab"]
    assert places[0] != places[1]
    assert places[0].parent == places[1].parent == pathlib.Path("out/setup1/PR")
    # Table 3's row of the same run shares its evaluation.
    assert folder(Row("colornet"), "a/run", column, "out") == places[0]


def test_rows_know_their_weights():
    weights = program.weights(["colornet=a", "colornet@2=b", "he@1=c"])
    assert weights == {"colornet": ["a"], "colornet@2": ["b"], "he@1": ["c"]}
    for wrong in ("magic", "magic=x", "welsh=x", "he=", "he@3=x"):
        with pytest.raises(InputError, match=f"ROW of .*zhang.* Received: {wrong}$"):
            program.weights([wrong])
    rows = {row.name: row for row in make_rows(paper.METHOD_ROWS, weights)}
    assert rows["colornet"].weights == {1: ("a",), 2: ("a", "b")}
    assert rows["he"].weights == {1: ("c",)} and rows["he"].runs(2) == ()
    # The Colorizer is the network's, unless it has weights of its own.
    assert rows["colorizer"].weights == rows["colornet"].weights
    own = make_rows(["colorizer"], weights | {"colorizer": ["d"]})
    assert own[0].weights == {1: ("d",), 2: ("d",)}
    assert rows["welsh"].runs(1) == (None,)


def test_evaluations_of_rows(records):
    [column] = _there(records)
    tiling = Tiling(5, overlap=64)
    rows = {
        row.name: row
        for row in make_rows((*paper.METHOD_ROWS, "no_residue"), {}, "batch", tiling)
    }
    found = {
        name: evaluation(rows[name], None, column)
        for name in ("colornet", "no_residue", "colorizer", "zhang", "welsh")
    }
    assert found["no_residue"] == found["colornet"]
    assert found["colornet"].max_disparity == found["welsh"].max_disparity == _D
    # It finds by itself how far to search.
    assert found["colorizer"].max_disparity is None
    assert found["colorizer"].bn_statistics == found["zhang"].bn_statistics == "batch"
    assert found["welsh"].bn_statistics is None
    assert found["colornet"].tiling == found["colorizer"].tiling == tiling
    # It is scored once, whatever the network's memory.
    assert found["welsh"].tiling == EXACT_TILING


def test_what_the_paper_does_not_have(monkeypatch):
    assert set(VARIANTS) <= set(paper.ABLATION_ROWS)
    assert paper.published("psnr", "colornet", "MB", 2) == 40.30
    assert paper.published("ssim", "no_residue", "SF", 1) == 0.959
    for row, column, setup in (
        ("colorizer", "MB", 1),
        ("colornet", "KT", 1),
        ("colornet", "MB", 3),
        ("full", "MB", 2),
    ):
        assert paper.published("psnr", row, column, setup) is None


def test_trainings_in_words(tmp_path):
    def words(runs, bn_statistics=None):
        return training_in_words(Row("he", {1: tuple(runs)}, bn_statistics), 1)

    def run(name, seed, steps=2):
        config = TrainConfig(model=MethodConfig("he", 0.25), steps=2, seed=seed)
        checkpoint = tmp_path / name / "checkpoints" / f"step_{steps:08d}"
        checkpoint.mkdir(parents=True)
        state = {"step": steps, "config": config.to_dict()}
        (checkpoint / "train.json").write_text(json.dumps(state))
        (checkpoint / "weights.npz").touch()
        return str(tmp_path / name)

    both = [run("a", 3), run("b", 4)]
    same = "width 0.25, 2 steps of 1 crops of 256x512, learning rate 0.001"
    assert words(both) == f"{same}, moving statistics, seed 3, 4"
    (tmp_path / "b" / "calibrated_00000002.npz").touch()
    of_each = "moving statistics, seed 3", "calibrated statistics, seed 4"
    assert words(both) == "; ".join(f"{same}, {text}" for text in of_each)
    stopped = words([run("c", 0, steps=1)], "batch")
    assert "1 of 2 steps" in stopped and "batch statistics, seed 0" in stopped
    (tmp_path / "x.npz").touch()
    assert words([str(tmp_path / "x.npz")]) == "weights x.npz"
    other = pathlib.Path(run("pretrained", 0)) / "checkpoints/step_00000002/train.json"
    other.write_text(json.dumps({"step": 2, "config": PretrainConfig().to_dict()}))
    assert words([str(tmp_path / "pretrained")]) == "weights pretrained"
    assert words([]) == ""


_TRAINING = "n = 8, seed 0, 1", "01ab 23cd"
_MADE = {"date": "today", "version": "9.8", "command": "c <d>"}
_CELLS = [
    Cell("welsh", "MB", 1, 2, 30.5, 0.98, 1, None, 30.28),
    Cell("colornet", "MB", 1, 2, 41.0, 1.96, 2, 0.71, 41.94, "", *_TRAINING),
    Cell("welsh", "CT", 1, paper=37.89, why_not_run="no records of cityscapes"),
    Cell("colornet", "CT", 1, paper=44.26, why_not_run="no records of cityscapes"),
]


def test_markdown_csv_and_latex(tmp_path):
    lines = text.markdown("Table 3", _CELLS, "psnr").splitlines()
    assert lines[2] == "| Setup 1 | MB (2) | CT |"
    assert lines[4] == "| Welsh 2002 | 30.50 / 30.28 (+0.22) | not run / 37.89 |"
    ours = "| 41.00 ± 0.71 / 41.94 (-0.94) | not run / 44.26 |"
    assert lines[5] == f"| Ours: colornet {ours}"
    assert lines[7] == "Not run: no records of cityscapes."
    assert lines[9:] == ["- Ours: colornet: n = 8, seed 0, 1."]
    both = [*_CELLS, Cell("welsh", "MB", 2, 1, 29.0, 0.0, 1, None, 29.60)]
    assert "| Setup 2 | MB (1) |" in text.markdown("Table 3", both, "psnr")
    (tmp_path / "table3.csv").write_text(text.csv_table(_CELLS))
    assert read_cells(tmp_path / "table3.csv", notes := []) == _CELLS and not notes
    rows = list(csv.DictReader(text.csv_table(_CELLS).splitlines()))
    assert float(rows[1]["difference"]) == pytest.approx(-0.94)
    assert rows[2]["ours"] == "" and rows[2]["why_not_run"]
    latex = text.latex("Table 3 100 %", _CELLS, "psnr")
    ours = r"41.00 $\pm$ 0.71 / 41.94 (-0.94) & not run / 44.26 \\"
    assert f"Ours: colornet & {ours}" in latex
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
    ("words", "metric"), [("Table 3: Average PSNR", "psnr"), ("Table 4:", "ssim")]
)
def test_the_numbers_of_tables_3_and_4_are_the_paper_s(words, metric):
    theirs = _table_of_the_paper(words, 9)
    theirs["colornet"] = theirs.pop("Ours")
    assert {name.lower(): numbers for name, numbers in theirs.items()} == {
        name: [*one, *two] for name, (one, two) in paper.METHODS[metric].items()
    }


def test_the_numbers_of_table_5_are_the_paper_s():
    theirs = _table_of_the_paper("Table 5: Ablation", 5)
    titles = {paper.title(name): name for name in paper.ABLATION_ROWS}
    titles["Ours"] = "full"
    psnr, ssim = paper.ABLATIONS["psnr"], paper.ABLATIONS["ssim"]
    assert {titles[name]: numbers for name, numbers in theirs.items()} == {
        name: [*psnr[name][0], *ssim[name][0]] for name in psnr
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


def test_figures_show_the_extremes(records, runs, cells, monkeypatch):
    output, _ = cells
    from experiments import methods
    from experiments.methods import trivial

    monkeypatch.setattr(methods, "get", lambda _: trivial.zero_disparity)
    for name in ("welsh", "ironi", "gupta"):
        place = output / "setup1" / "PR" / name
        place.mkdir(parents=True, exist_ok=True)
        ours = next((output / "setup1" / "PR").glob("colornet-seed0*/images.csv"))
        rows = list(csv.DictReader(ours.read_text().splitlines()))
        # We lead the most on the second picture and the least on the first.
        scores = [
            {"key": row["key"], "psnr": float(row["psnr"]) - lead}
            for row, lead in zip(rows, (-5, 9, 1), strict=True)
        ]
        (place / "images.csv").write_text(rows_text(["key", "psnr"], scores))
    names = ("welsh", "ironi", "gupta")
    rows = {name: Row(name) for name in names}
    rows["colornet"] = Row("colornet", {1: runs})
    figures = list(make_figures("4", rows, _there(records), output))
    keys = [
        example["key"]
        for example in Records(_there(records)[0].records, "test").examples()
    ]
    assert {figure.key for figure in figures} == {keys[0], keys[1]}
    by_key = {figure.key: figure for figure in figures}
    words = "ours is worst beside the others, 5.0 dB below the best of them"
    assert words in by_key[keys[0]].caption
    words = "ours is best beside the others, 9.0 dB above the best of them"
    assert words in by_key[keys[1]].caption
    panels, place = figures[0].panels, figures[0].folder
    assert panels[:2] == ("input, mono", "input, reference") and panels[-1] == "truth"
    assert place.parent == folder_of("4", _there(records)[0], output)
    crop = read_picture(place / f"{len(panels) - 1}_box.png")
    whole = read_picture(place / f"{len(panels) - 1}.png")
    assert crop.shape == (10, 12, 3)
    # It is what the frame surrounds.
    red = np.argwhere((whole == (230, 20, 20)).all(axis=-1))
    (top, left), (bottom, right) = red.min(axis=0), red.max(axis=0)
    assert bottom - top <= 11 and right - left <= 13
    windows = np.lib.stride_tricks.sliding_window_view(whole, crop.shape)[:, :, 0]
    places = np.argwhere((windows == crop).all(axis=(2, 3, 4)))
    # A frame at the border of the picture lacks the side that would lie outside.
    assert any(0 <= y - top <= 1 and 0 <= x - left <= 1 for y, x in places)


def test_a_figure_is_one_picture_too(records, tmp_path):
    figure = figure3(_there(records)[0], tmp_path)
    sheet = read_picture(figure.folder / "figure.png")
    factor = 6  # of pictures 50 px wide, so that they are 256 px wide or wider
    for number in (0, 1):
        whole = read_picture(figure.folder / f"{number}.png")
        box = read_picture(figure.folder / f"{number}_box.png")
        left = number * (50 * factor + 6)
        shown = sheet[LABEL_HEIGHT:, left : left + 50 * factor]
        enlarged = whole.repeat(factor, axis=0).repeat(factor, axis=1)
        np.testing.assert_array_equal(shown[: len(enlarged)], enlarged)
        # The box is half as wide as the picture, and shown as wide.
        below = shown[len(enlarged) + 3 :][: len(box) * 2 * factor : 2 * factor]
        np.testing.assert_array_equal(below[:, :: 2 * factor], box)
    # Titles above, and the lines of the caption below.
    assert (sheet[:LABEL_HEIGHT] < 128).any() and (sheet[-LABEL_HEIGHT:] < 128).any()


def test_table_2(mixed):
    one, two = noise.noise_of_motorcycle()
    # The paper's numbers, typed here once more.
    for row, setup, color, mono in ((one, 1, 0.03, 0.01), (two, 2, 0.07, 0.01)):
        assert row.setup == setup and row.pictures == 1
        assert row.color.value == pytest.approx(color, rel=0.01)
        assert row.mono.value == pytest.approx(mono, rel=0.01)
    rows = list(noise.noise_of_records(str(mixed), limit=2))
    found = {row.name: row for row in rows}
    assert found["EM"] == one and found["SY"].pictures == 2
    assert found["MB"].pictures == 2 and found["kitti_x"].pictures == 1
    lines = noise.markdown([two, one]).splitlines()
    assert re.fullmatch(
        r"\| 1 \| Motorcycle \(1\) \| 0.0\d+ ± 0.0\d+ / 0.03 "
        r"\| 0.0\d+ ± 0.0\d+ / 0.01 \|",
        lines[4],
    )
    assert lines[5].startswith("| 2 |") and " / 0.07 |" in lines[5]


@pytest.mark.parametrize(
    ("name", "setups", "methods"),
    [
        ("4", [1], ["welsh", "ironi", "gupta"]),
        ("5", [2], ["jeon"]),
        ("6", [1, 2], ["zhang", "iizuka", "furusawa"]),
    ],
)
def test_methods_and_setups_of_the_paper_s_figures(
    name, setups, methods, records, tmp_path, monkeypatch
):
    """They are typed from the captions. Every method has a grey shade of Cb here."""
    methods, shades = [*methods, "colornet"], {}

    def predictor(task):
        shade = shades.setdefault(task.method, 0.02 * len(shades))
        return lambda pair: Prediction(np.full((*pair.mono.shape[:2], 2), shade)), {}

    monkeypatch.setattr(drawn, "predictor", predictor)
    weights = {row: ["a run"] for row in paper.METHOD_ROWS}
    rows = {row.name: row for row in make_rows(paper.METHOD_ROWS, weights)}
    [one] = _there(records)
    columns = [one, dataclasses.replace(one, setup=2)]
    made = list(make_figures(name, rows, columns, tmp_path))
    assert [int(re.search(r"Setup (\d):", f.caption)[1]) for f in made] == setups
    assert set(shades) == set(methods)
    for figure in made:
        titles = [title.split()[0].lower() for title in figure.panels[2:-1]]
        assert titles == [*methods[:-1], "ours:"]
        for number, method in enumerate(methods, start=2):
            picture = read_picture(figure.folder / f"{number}_box.png") / 255
            chroma = rgb_to_chroma(picture).mean()
            assert chroma == pytest.approx(shades[method], abs=0.008)


def test_figures_of_a_column_without_the_example_stay(records, runs, tmp_path):
    names = ("welsh", "ironi", "gupta")
    rows = {name: Row(name) for name in names}
    rows["colornet"] = Row("colornet", {1: runs})
    columns = _there(records)
    stays = folder_of("4", columns[0], tmp_path) / "of_another_key"
    stays.mkdir(parents=True)
    made = make_figures("4", rows, columns, tmp_path, examples=["elsewhere/x"])
    assert list(made) == [] and stays.is_dir()


def test_figure_3(records, tmp_path):
    figure = figure3(_there(records)[0], tmp_path)
    assert figure.panels == ("mono", "reference")
    assert figure.folder.parent == folder_of("3", _there(records)[0], tmp_path)
    reference = read_picture(figure.folder / "1.png")
    assert (reference == (20, 200, 60)).all(axis=-1).any()
    assert re.search(r"\d+% have more than one such candidate", figure.caption)
    with pytest.raises(InputError, match="no/such"):
        figure3(_there(records)[0], tmp_path, key="no/such")


def test_report(tmp_path, records):
    with pytest.raises(InputError, match="table3.csv"):
        write_report(tmp_path, _MADE)
    (tmp_path / "table3.csv").write_text(text.csv_table(_CELLS))
    old = folder_of("3", _there(records)[0], tmp_path) / "of_another_choice"
    old.mkdir(parents=True)
    stale = '{"key": "stale", "caption": "stale", "panels": []}'
    (old / "figure.json").write_text(stale)
    figure = figure3(_there(records)[0], tmp_path)
    moved = tmp_path / "moved"
    shutil.copytree(tmp_path / "figures", moved / "figures")
    shutil.copy(tmp_path / "table3.csv", moved)
    assert write_report(moved, _MADE) == write_report(tmp_path, _MADE)
    report = write_report(tmp_path, _MADE)
    assert "stale" not in report
    assert report.count("data:image/jpeg;base64,") == 4
    assert elements(report, "a") == []
    notes = [element.text for element in elements(report, "li")]
    assert "Ours: colornet: n = 8, seed 0, 1" in notes
    assert "SHA-256 of Ours: colornet: 01ab 23cd" in notes
    assert figure.key in report and 'name="viewport"' in report
    assert "<svg xmlns" not in report
    drawing = draw_network(tmp_path).read_text()
    assert drawing in write_report(tmp_path, _MADE)
    # No chart for a dataset that was not run.
    assert "Middlebury, Setup 1, 2 pictures" in report
    assert "Cityscapes, Setup 1, " not in report


def test_the_report_folds_away_what_was_not_run(tmp_path):
    of_setup2 = [dataclasses.replace(cell, setup=2) for cell in _CELLS[2:]]
    he = Cell("he", "MB", 1, paper=35.63, why_not_run="no weights of he")
    cells = [*_CELLS, he, dataclasses.replace(he, column="CT"), *of_setup2]
    (tmp_path / "table3.csv").write_text(text.csv_table(cells))
    report = write_report(tmp_path, _MADE)
    rows = [
        (name.text, {label: cell.text for label, cell in line.items()}, name)
        for name, line in table_rows(report)
    ]
    shown = [row[:2] for row in rows if not row[2].is_in("details")]
    assert shown == [
        ("Welsh 2002", {"Middlebury": "30.5030.28 (+0.22)"}),
        ("Ours: colornet", {"Middlebury": "41.00 ± 0.7141.94 (-0.94)"}),
    ]
    assert [row[:2] for row in rows if row[2].is_in("details")] == [
        ("Welsh 2002", {"Cityscapes": "37.89", "Middlebury": "above"}),
        ("Ours: colornet", {"Cityscapes": "44.26", "Middlebury": "above"}),
        ("He 2018 (no VGG)", {"Cityscapes": "35.63", "Middlebury": "35.63"}),
        ("Welsh 2002", {"Cityscapes": "37.89"}),
        ("Ours: colornet", {"Cityscapes": "44.26"}),
    ]
    best = [cell for cell in elements(report, "td") if cell.has("best")]
    assert [cell.text for cell in best] == ["41.00 ± 0.7141.94 (-0.94)"]
    # Folded, unless there is nothing else.
    details = elements(report, "details")
    assert ["open" in element.attributes for element in details] == [False, True]
    assert details[0].text.startswith("Setup 1: what was not run")
    assert "no records of cityscapes; no weights of he." in details[0].text
    # The row without a measurement is in the chart, for the paper's number.
    assert "the paper: 35.63" in report and "the paper: 37.89" not in report


def test_the_report_says_who_made_it(tmp_path):
    (tmp_path / "table3.csv").write_text(text.csv_table(_CELLS))
    of_table = {"date": "yesterday", "version": "0.1", "command": "table3 --limit=7"}
    write_json(tmp_path / "table3.json", of_table)
    report = write_report(tmp_path, _MADE)
    lines = [element.text for element in elements(report, "p") if element.has("made")]
    assert lines == [
        "today, version 9.8, c <d>",
        "yesterday, version 0.1, table3 --limit=7",
    ]
    (tmp_path / "table3.json").write_text("{")
    with pytest.warns(match="table3.json"):
        assert "Left out: " in write_report(tmp_path, _MADE)


def test_the_report_leaves_out_what_is_damaged(tmp_path, records):
    path = tmp_path / "table3.csv"
    path.write_text(text.csv_table(_CELLS).replace(",41,", ",42,"))
    figure = figure3(_there(records)[0], tmp_path)
    (figure.folder / "figure.json").write_text("{")
    with pytest.warns() as caught:
        report = write_report(tmp_path, _MADE)
    notes = [str(warning.message) for warning in caught]
    assert notes[0].startswith("table3.csv: 2 lines are left out")
    assert "figure.json" in notes[1] and len(notes) == 2
    assert "Left out: table3.csv: 2 lines" in report and "base64" not in report
    assert "30.50" in report and "42.00" not in report and "37.89" not in report


@pytest.mark.slow
def test_programs(records, tmp_path):
    record, other = RecordConfig(setup=2), tmp_path / "setup 2"
    write_records(Pairs(records / "pictures"), other, record=record)
    flags = [f"--records={records}", f"--output={tmp_path}", "--max_disparity=32"]
    absent = [f"--records={other}", f"--output={tmp_path / 'out'}", "--column=PR"]
    calls = {"not run": flags, "absent": absent}
    results = start_each("experiments.table5", calls)
    assert results["not run"].code == 0, results
    line = "| No attention | not run / 41.91 | not run / 40.92 |"
    assert line in results["not run"].stdout
    assert (tmp_path / "table5_ssim.tex").is_file()
    command = read_json(tmp_path / "table5_ssim.json", MADE)["command"]
    assert command.startswith("python -m experiments.table5 --records=")
    words = "expected a column of Setup 1. Received: PR of"
    assert_one_line_error(results["absent"], words)
    assert not (tmp_path / "out").exists()
    result = start("experiments.report", f"--output={tmp_path}")
    assert result.code == 0 and (tmp_path / "report.html").is_file()


def test_weights_are_looked_at_before_anything_is_scored(records, tmp_path):
    flags = [f"--records={records}", f"--output={tmp_path}"]
    calls = {name: [*flags, f"--weights={name}"] for name in ("magic=x", "he=gone.npz")}
    results = start_each("experiments.table3", calls)
    assert_one_line_error(results["magic=x"], "ROW=RUN", "Received: magic=x")
    assert_one_line_error(results["he=gone.npz"], "row he: ", "Missing: gone.npz")
    assert not list(tmp_path.rglob("images.csv"))


def test_flags_of_the_main_job():
    errors = {
        "--preset=paper": "preset paper expects --records",
        "--preset=paper --steps=7": "flags of preset paper. Received: --steps",
        "--seeds=3": "flags of preset quick. Received: --seeds",
    }
    calls = {arguments: arguments.split() for arguments in errors}
    for arguments, result in start_each("experiments.reproduce", calls).items():
        assert_one_line_error(result, errors[arguments])


def test_a_signal_reaches_the_program_that_runs(monkeypatch):
    started, popen = [], subprocess.Popen
    monkeypatch.setattr(
        subprocess,
        "Popen",
        lambda line: started.append(popen(line)) or started[0],
    )
    threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGTERM)).start()
    with pytest.raises(Interrupted, match="SIGTERM: start again"):
        preset.run_program("http.server", "0", "--bind=127.0.0.1")
    assert started[0].returncode == -signal.SIGTERM
