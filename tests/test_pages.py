"""Pages of results: their frame, tables and curves, and that of the main job."""

import base64
import io
import re
import sys
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from colornet.io.pictures import write_picture
from colornet.io.rows import rows_text
from experiments.evaluation.show import COLUMNS, EXPLANATIONS
from experiments.pages.charts import Curve, chart, legend
from experiments.pages.index import Index, write_index
from experiments.pages.page import (
    best_of,
    folded,
    made_line,
    page,
    panel,
    panels,
    table,
)
from experiments.provenance import MADE, made
from tests.html_pages import elements, table_rows

_MADE = {"date": "2026-01-02", "version": "9.8", "command": "python -m x '--a=b <c>'"}


def test_best_of():
    for numbers, places in (
        ([1.0, 3.0, 2.0], {1}),
        ([1.004, None, 1.001, 0.99], {0, 2}),
        ([None, 5.0], set()),
        ([-7.0, -9.0], {0}),
        ([], set()),
    ):
        assert best_of(numbers, 2) == places


def test_a_page_escapes_text_and_closes_what_it_opens():
    rows = [("a & b", ["<b>1</b>", "<b>2</b>"]), ("c", ["<b>3</b>", ""])]
    tables = [
        table(["x<y", "z"], rows, best=[(0, 1)], about={"z": "5 pictures"}),
        table(["x", "y", "z"], [("d", ["1", "2", "3"])]),
    ]
    text = page("<A>", [made_line(_MADE), folded("more <x>", tables[0]), tables[1]])
    assert [e.text for e in elements(text, "title", "h1")] == ["<A>", "<A>"]
    [line] = [e for e in elements(text, "p") if e.has("made")]
    assert line.text == "2026-01-02, version 9.8, python -m x '--a=b <c>'"
    assert [e.text for e in elements(text, "summary")] == ["more <x>"]
    first, second, last = table_rows(text)
    assert first[0].text == "a & b" and first[0].is_in("details")
    assert {label: cell.text for label, cell in first[1].items()} == {
        "x<y": "1",
        "z": "2",
    }
    marked = [cell.has("best") for row in (first, second) for cell in row[1].values()]
    assert marked == [False, True, False, False]
    assert not last[0].is_in("details")
    # Those of more than two columns become blocks on a phone.
    assert [e.has("many") for e in elements(text, "table")] == [False, True]
    assert [e.text for e in elements(text, "th") if e.is_in("thead")][:3] == [
        "",
        "x<y",
        "z5 pictures",
    ]


def test_pictures_are_in_the_page(tmp_path):
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (6, 8, 3)).astype(np.uint8)
    picture = coarse.repeat(8, axis=0).repeat(8, axis=1)
    write_picture(tmp_path / "a.png", picture)
    write_picture(tmp_path / "wide.png", np.zeros((4, 3000, 3), np.uint8))
    text = panels([panel("A", tmp_path / "a.png", crop=tmp_path / "wide.png")])
    images = []
    for element in elements(text, "img"):
        data = element.attributes["src"].removeprefix("data:image/jpeg;base64,")
        images.append(np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))))
    assert np.abs(images[0].astype(int) - picture).mean() < 4
    assert images[1].shape[1] == 1400


def test_a_chart_is_to_scale():
    curves = [
        Curve("a<b", "#123456", [(0, 10, "ten"), (5, 30, "thirty")], hollow=[5]),
        Curve("many", "#654321", [(x / 20, 20, "") for x in range(100)]),
    ]
    svg = chart("T & t", curves, {0: "0", 5: "five"}, (0, 10), (10, 30))
    root = ElementTree.fromstring(svg)
    points = [
        np.array([p.split(",") for p in line.get("points").split()], float)
        for line in root.iter("polyline")
    ]
    (x0, y0), (x1, y1) = points[0]
    assert len(points[1]) == 100
    # Up is better, and the line of the other curve lies in the middle.
    assert y1 < y0 and points[1][0][1] == pytest.approx((y0 + y1) / 2, abs=0.1)
    assert points[1][0][0] == x0
    texts = {e.text: float(e.get("x")) for e in root.iter("text")}
    assert texts["five"] == pytest.approx(x1) and "T & t" in texts
    # Lines of the scale at 10, 15, ... 30.
    lines = sorted(float(e.get("y1")) for e in root.iter("line"))
    assert lines == pytest.approx(np.linspace(y1, y0, 5), abs=0.06)
    # No circles on a curve of many points.
    circles = list(root.iter("circle"))
    assert [c.get("fill") for c in circles] == ["#123456", "white"]
    assert circles[1].find("title").text == "a<b, thirty"
    items = elements(legend([("a<b", "#123456")]), "li")
    assert [item.text for item in items] == ["● a<b"]


def test_provenance(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["program.py", "--scene=two words"])
    found = made()
    assert {name: type(value) for name, value in found.items()} == MADE
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", found["date"])
    assert found["command"].endswith(" '--scene=two words'")


@pytest.fixture
def index(tmp_path):
    """What the page of a main job says, and the files that it names."""
    top = tmp_path / "main job"
    numbers = dict.fromkeys(COLUMNS.values(), 0.5)

    def summary(psnr, hidden, **settings):
        mean = numbers | {"count": 4, "psnr": psnr, "hidden_psnr": hidden}
        photographs = numbers | {"count": 1, "psnr": 2.0}
        datasets = {"synthetic": mean, "motorcycle": photographs}
        return {"datasets": datasets, "settings": settings}

    run = top / "run"
    run.mkdir(parents=True)
    for name, psnrs in (("metrics", [20, 30]), ("validation", [25, 24, 28])):
        rows = [{"step": 10 * n, "psnr_final": x} for n, x in enumerate(psnrs, start=1)]
        (run / f"{name}.csv").write_text(rows_text(["step", "psnr_final"], rows))
    pictures = {name: top / f"{name}.png" for name in ("mono", "truth", "overview")}
    for file in pictures.values():
        write_picture(file, np.full((4, 6, 3), 90, np.uint8))
    (top / "volumes.html").touch()
    (top / "saved model").mkdir()
    return Index(
        summaries={
            "grey": summary(21.234, None),
            "shipped <n>": summary(30.567, 25.0, sha256="0123abcd"),
        },
        words={"shipped": "the weights <n>"},
        run_dir=run,
        setup="2",
        pictures=pictures,
        places={
            "volumes": (top / "volumes.html", "where colours come from"),
            "SavedModel": (top / "saved model", "the network"),
        },
        commands={"TensorBoard": "tensorboard --logdir='runs/a b'"},
    )


def test_the_page_of_the_main_job(index, tmp_path):
    path = tmp_path / "main job" / "index.html"
    write_index(path, index, _MADE)
    text = path.read_text(encoding="utf-8")
    rows = [(name.text, cells) for name, cells in table_rows(text)]
    assert [name for name, _ in rows] == 2 * ["grey", "shipped <n>"]
    assert list(rows[0][1]) == list(COLUMNS)
    found = [[cells[name].text for name in ("PSNR dB", "SSIM")] for _, cells in rows]
    assert found == [["21.23", "0.500"], ["30.57", "0.500"], *2 * [["2.00", "0.500"]]]
    assert [cells["PSNR dB"].has("best") for _, cells in rows] == [
        False,
        True,
        *2 * [1],
    ]
    # There is none where one row alone has a number.
    assert [cells["hidden PSNR"].text for _, cells in rows[:2]] == ["", "25.00"]
    assert not rows[1][1]["hidden PSNR"].has("best")
    headings = [e.text for e in elements(text, "h3")]
    assert headings == ["synthetic, 4 pictures", "motorcycle, 1 picture"]

    names = [e.text for e in elements(text, "dt")]
    about = [e.text for e in elements(text, "dd")]
    words = dict(zip(names, about, strict=True))
    assert words.items() >= EXPLANATIONS.items()
    assert words["shipped"] == "the weights <n>"
    assert words["volumes"] == "where colours come from"
    assert words["TensorBoard"] == "tensorboard --logdir='runs/a b'"
    assert "0123abcd" in text and "Setup 2" in text
    [line] = [e.text for e in elements(text, "p") if e.has("made")]
    assert line == "2026-01-02, version 9.8, python -m x '--a=b <c>'"

    # The links stay right when the folder is moved.
    moved = path.parent.rename(tmp_path / "moved")
    links = {e.text: e.attributes["href"] for e in elements(text, "a")}
    assert set(links) == {*index.pictures, *index.places}
    assert all((moved / link).exists() for link in links.values())
    assert len(elements(text, "img")) == 3 + 1  # and the enlarged one

    svg = re.search(r"<svg.*?</svg>", text, re.S)[0]
    lines = list(ElementTree.fromstring(svg).iter("polyline"))
    assert [len(line.get("points").split()) for line in lines] == [2, 3]
    assert "crops of the training, step 20: 30.00 dB" in svg
    assert "held-out pictures, step 30: 28.00 dB" in svg


def test_a_main_job_without_metrics_has_no_curve(index, tmp_path):
    for file in index.run_dir.iterdir():
        file.unlink()
    path = tmp_path / "main job" / "index.html"
    write_index(path, index, _MADE)
    text = path.read_text(encoding="utf-8")
    assert elements(text, "svg") == []
    assert "Training" not in [e.text for e in elements(text, "h2")]
