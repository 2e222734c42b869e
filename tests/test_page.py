"""The page of volumes: what is in the file, and what a browser shows."""

import base64
import json
import re
import zlib

import numpy as np
import pytest

from colornet.errors import InputError
from colornet.visualize.drawing import colormap
from colornet.visualize.page import write_page
from colornet.visualize.volumes import entropy, expected_disparity, log_levels
from tests.browser import BROWSER, document

D, HEIGHT, WIDTH = 32, 24, 45
# 45 are padded to 64 by 19 at the left, so columns 2 i - 1 and 2 i share A's column i.
_OF_ATTENTION = HEIGHT // 2, WIDTH // 2 + 1

needs_browser = pytest.mark.skipif(
    BROWSER is None, reason="there is no Chromium to open the page with"
)


def pair(height: int, width: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "mono": rng.random((height, width, 1), np.float32),
        "reference": rng.random((height, width, 3), np.float32),
    }


def random_weights(d: int, height: int, width: int, peak: float) -> np.ndarray:
    """W with a softmax over the candidates that exist."""
    rng = np.random.default_rng(1)
    logits = peak * rng.standard_normal((d, height, width), np.float32)
    exists = np.arange(d)[:, None] + np.arange(width) < width
    weights = np.where(exists[:, None], np.exp(logits), 0)
    return weights / weights.sum(axis=0)


@pytest.fixture(scope="module")
def example():
    rng = np.random.default_rng(2)
    disparity = rng.uniform(0, D, (HEIGHT, WIDTH)).astype(np.float32)
    disparity[3, 7] = -1
    return pair(HEIGHT, WIDTH) | {
        "chroma": np.zeros((HEIGHT, WIDTH, 2), np.float32),
        "disparity": disparity,
    }


@pytest.fixture(scope="module")
def outputs():
    rng = np.random.default_rng(3)
    return {
        "chroma": np.zeros((HEIGHT, WIDTH, 2), np.float32),
        "weights": random_weights(D, HEIGHT, WIDTH, 2.0),
        "attention": rng.uniform(0.2, 0.9, (D // 2, *_OF_ATTENTION)),
    }


@pytest.fixture(scope="module")
def page(example, outputs, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "volumes.html"
    write_page(
        path,
        example,
        outputs,
        is_distribution=True,
        title="A </script> & <b>pair</b>",
        facts={"d": str(D)},
    )
    return path


def stored(path) -> dict:
    text = path.read_text(encoding="utf-8")
    return json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])


def unpacked(values: dict) -> np.ndarray:
    levels = zlib.decompress(base64.b64decode(values["data"]))
    kind = {1: np.uint8, 2: np.dtype("<u2")}[values["bytes"]]
    return np.frombuffer(levels, kind).reshape(values["shape"]).astype(float)


def stored_weights(data: dict) -> np.ndarray:
    levels = unpacked(data["maps"]["weights"])
    return data["weight"]["scale"] * (levels / 255) ** 2


def assert_close_weights(found, expected, data, atol=1e-5) -> None:
    """To the errors that the page itself states."""
    least, scale = data["weight"]["least"], data["weight"]["scale"]
    np.testing.assert_array_equal(found[expected < 0.99 * least], 0)
    kept = expected > 1.01 * least
    # Half a level of 255 in the square root.
    bound = np.sqrt(scale * expected[kept]) / 255 + scale / 4 / 255**2 + atol
    assert (np.abs(found[kept] - expected[kept]) <= bound).all()


def test_the_file_holds_the_volumes_to_the_errors_it_states(page, example, outputs):
    data, weights = stored(page), outputs["weights"]
    assert data["size"] == [D, HEIGHT, WIDTH] and data["step"] == 1
    found = stored_weights(data)
    assert_close_weights(found, weights, data)
    lost = np.where(found == 0, weights, 0).sum(axis=0)
    assert data["weight"]["lost_mean"] == pytest.approx(lost.mean())
    assert data["weight"]["lost_most"] == pytest.approx(lost.max())

    attention = data["maps"]["attention"]
    size = attention["high"] - attention["low"]
    values = attention["low"] + size * unpacked(attention) / attention["most"]
    expected = outputs["attention"].transpose(1, 2, 0)
    assert np.abs(values - expected).max() <= 0.5 * size / 63 + 1e-6

    for name, expected in {
        "disparity": expected_disparity(weights),
        "entropy": entropy(weights),
        "truth": example["disparity"],
    }.items():
        unit = data["maps"][name]["unit"]
        values = unit * unpacked(data["maps"][name])
        known = expected >= 0
        assert np.abs(values - expected)[known].max() <= unit / 2 + 1e-5, name
    assert unpacked(data["maps"]["truth"])[3, 7] == 0xFFFF


def test_the_file_needs_no_network(page):
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"https?:|src=|href=|@import|url\(|import ", text)


def test_weights_that_are_no_distribution(tmp_path, outputs):
    weights = 5 * outputs["weights"] - 1
    path = tmp_path / "volumes.html"
    write_page(
        path,
        pair(HEIGHT, WIDTH),
        {"chroma": outputs["chroma"], "weights": weights},
        is_distribution=False,
        title="",
        facts={},
    )
    data = stored(path)
    assert set(data["maps"]) == {"weights"}
    assert set(data["pictures"]) == {"mono", "reference", "result"}
    assert_close_weights(stored_weights(data), np.maximum(weights, 0), data)


def test_a_place_that_cannot_be_written(tmp_path, outputs):
    with pytest.raises(InputError, match="can be written.*nowhere"):
        write_page(
            tmp_path / "nowhere" / "volumes.html",
            pair(HEIGHT, WIDTH),
            outputs,
            is_distribution=True,
            title="",
            facts={},
        )


class Shown:
    """What a browser shows of the page."""

    def __init__(self, html: str):
        assert 'class="ready"' in html, html[-2000:]
        self._html = html
        number = r'data-name="(\w+)" data-value="([^"]*)"'
        self.numbers = {name: float(v or -1) for name, v in re.findall(number, html)}

    def text(self, name: str) -> str:
        return re.search(rf'id="{name}"[^>]*>([^<]*)<', self._html)[1]

    def curve(self, name: str) -> np.ndarray:
        values = re.search(rf'id="{name}"[^>]*data-values="([^"]*)"', self._html)[1]
        return np.array(values.split(), float)


def assert_shows(shown: Shown, row, column, k, page, example, outputs) -> None:
    """The numbers of a pixel and a candidate against the arrays."""
    count = min(D, WIDTH - column)
    data, weights = stored(page), outputs["weights"]
    assert shown.text("place") == f"{row}, {column}"
    expected = weights[:count, row, column]
    assert len(shown.curve("weights")) == count
    assert_close_weights(shown.curve("weights"), expected, data)
    if k < count:
        assert shown.numbers["weight"] == pytest.approx(expected[k], abs=0.004)
    attention = outputs["attention"][:, row // 2, (column + 1) // 2]
    np.testing.assert_allclose(
        shown.curve("attention"), attention[: (count + 1) // 2], atol=0.006
    )
    assert shown.numbers["attention"] == pytest.approx(attention[k // 2], abs=0.006)
    mean = (np.arange(count) * expected).sum()
    assert shown.numbers["expected"] == pytest.approx(mean, abs=0.04)
    assert shown.numbers["truth"] == pytest.approx(
        example["disparity"][row, column], abs=0.04
    )
    bits = -(expected * np.log2(expected)).sum()
    assert shown.numbers["entropy"] == pytest.approx(bits, abs=0.02)


@needs_browser
def test_the_address_names_pixel_and_candidate(page, example, outputs):
    shown = Shown(document(page, "pixel=17,30&k=3"))
    assert_shows(shown, 17, 30, 3, page, example, outputs)
    assert shown.text("title") == "A &lt;/script&gt; &amp; &lt;b&gt;pair&lt;/b&gt;"


@needs_browser
def test_a_click_and_the_keys_choose_pixel_and_candidate(page, example, outputs):
    script = """
      const stage = document.getElementById("mono");
      const box = stage.getBoundingClientRect();
      // The centre of pixel (3, 9) of 24 x 45.
      stage.dispatchEvent(new PointerEvent("pointerdown", {
        clientX: box.left + 9.5 / 45 * box.width,
        clientY: box.top + 3.5 / 24 * box.height, pointerType: "mouse"}));
      const press = (key) =>
        document.dispatchEvent(new KeyboardEvent("keydown", {key}));
      press("ArrowDown"); press("ArrowRight"); press("ArrowRight"); press("ArrowUp");
      const slider = document.getElementById("k");
      slider.value = 20;
      slider.dispatchEvent(new Event("input"));
      press("PageUp");
    """
    shown = Shown(document(page, script=script))
    assert_shows(shown, 3, 11, 21, page, example, outputs)
    assert shown.text("held").startswith("held")


@needs_browser
def test_unknown_truth_and_a_pixel_at_the_border(page, example, outputs):
    shown = Shown(document(page, "pixel=3,7"))
    best = outputs["weights"][:, 3, 7].argmax()
    assert_shows(shown, 3, 7, best, page, example, outputs)
    assert shown.numbers["truth"] == -1
    shown = Shown(document(page, f"pixel=5,{WIDTH - 1}&view=W&k=9"))
    assert_shows(shown, 5, WIDTH - 1, 9, page, example, outputs)
    assert shown.numbers["weight"] == -1


@needs_browser
def test_a_slice_is_painted_in_the_colours_of_tensorboard(page, outputs):
    script = """
      const canvas = document.querySelector("#mono canvas");
      const {data} = canvas.getContext("2d").getImageData(0, 0, 45, 24);
      document.body.dataset.slice = data.filter((_, i) => i % 4 < 3).join(" ");
    """
    html = document(page, "view=W&k=4&pixel=3,3", script)
    slice_ = np.array(re.search('data-slice="([^"]*)"', html)[1].split(), int)
    slice_ = slice_.reshape(HEIGHT, WIDTH, 3)
    assert (slice_[:, -4:] == 128).all()
    weights = stored_weights(stored(page))[4, :, :-4]
    expected = colormap(log_levels(weights), 0, 1)
    assert np.abs(slice_[:, :-4] - expected.astype(int)).max() <= 3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "d", "step"), [((500, 741), 96, 1), ((700, 920), 128, 2)]
)
def test_large_volumes_stay_below_12_megabytes(tmp_path, size, d, step):
    height, width = size
    outputs = {
        "chroma": np.zeros((height, width, 2), np.float32),
        "weights": random_weights(d, height, width, 4.0),
        "attention": np.random.default_rng(4).random(
            (d // 2, (height + 1) // 2, (width + 1) // 2), np.float32
        ),
    }
    path = tmp_path / "volumes.html"
    write_page(
        path, pair(*size), outputs, is_distribution=True, title="large", facts={}
    )
    assert path.stat().st_size < 12e6
    data = stored(path)
    assert data["step"] >= step
    kept = outputs["weights"][:, :: data["step"], :: data["step"]]
    assert_close_weights(stored_weights(data), kept, data)
    if BROWSER is not None:
        html = document(path, "pixel=200,300&k=5")
        assert int(re.search(r'data-ready-ms="(\d+)"', html)[1]) < 3000
        shown = Shown(html)
        row, column = (int(n) for n in shown.text("place").split(", "))
        expected = outputs["weights"][:, row, column]
        assert_close_weights(shown.curve("weights"), expected, data)
