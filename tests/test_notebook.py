"""The notebook: as it is in the repository, and executed."""

import copy
import json
import pathlib

import pytest
from skimage import data

import experiments
from colornet.io.pictures import read_picture, write_picture

_NOTEBOOK = pathlib.Path(experiments.__file__).with_name("colorize_a_pair.ipynb")


def test_the_notebook_has_no_outputs_and_is_small():
    cells = json.loads(_NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    for cell in cells:
        assert not cell.get("outputs") and cell.get("execution_count") is None
    assert _NOTEBOOK.stat().st_size < 10_000


@pytest.mark.slow
def test_the_notebook_runs(tmp_path):
    nbformat = pytest.importorskip("nbformat")
    client = pytest.importorskip("nbclient").NotebookClient
    book = nbformat.read(_NOTEBOOK, as_version=4)
    # Once more with a pair of one's own.
    own = copy.deepcopy(book.cells[-1])
    paths = [str(tmp_path / name) for name in ("mono.png", "reference.png")]
    own.source = own.source.replace("None, None", f"{paths[0]!r}, {paths[1]!r}", 1)
    book.cells.append(own)
    left, right, _ = data.stereo_motorcycle()
    write_picture(paths[0], right[200:296, 300:428].mean(axis=-1).astype("uint8"))
    write_picture(paths[1], left[200:296, 300:428])

    client(book, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in book.cells for output in cell.get("outputs", [])]
    streams = [output for output in outputs if output.output_type == "stream"]
    assert {output.name for output in streams} == {"stdout"}, streams
    shown = [o for o in outputs if o.output_type == "display_data"]
    assert len(shown) == 7 and all("image/png" in o.data for o in shown)
    assert read_picture(tmp_path / "colour.png").shape == (96, 128, 3)
