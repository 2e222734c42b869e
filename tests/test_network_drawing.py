"""Figure 2: what is connected with what, and that the drawing shows it."""

import xml.etree.ElementTree as ElementTree

import pytest

from colornet.config import ModelConfig
from colornet.model import build_colornet
from experiments.tables.network_drawing import edges, network_svg

_ADDED = {(22, 38), (25, 37), (28, 36), (31, 35)}  # Table 1: "add layer 35 and 31"
# By the text of Fig. 2 and Eq. 1 to 4.
_BETWEEN = {
    *(("mono", 1), ("reference_ycbcr", 1), (18, "feature_volume")),
    *(("feature_volume", 19), (20, "attention_volume"), ("feature_volume", 21)),
    *(("feature_volume", "attention_volume"), ("attention_volume", 21)),
    *((39, "weights"), ("weights", "rough_chroma")),
    *(("reference_ycbcr", "rough_chroma"), ("rough_chroma", 40), ("mono", 58)),
    *((57, "residue_features"), (75, "residue_features"), ("residue_features", 76)),
    *((93, "chroma"), ("rough_chroma", "chroma")),
}


@pytest.fixture(scope="module")
def found():
    return edges(build_colornet(ModelConfig(n=1, max_disparity=32)))


def test_edges_are_the_paper_s(found):
    # Eight residual blocks in every ResNet, each over two layers.
    expected = {
        (first + k, first + k + 2) for first in (1, 40, 58, 76) for k in range(0, 16, 2)
    }
    for first, last in ((1, 18), (19, 20), (21, 39), (40, 57), (58, 75), (76, 93)):
        expected |= {(row, row + 1) for row in range(first, last)}
    assert set(found) == expected | _ADDED | _BETWEEN
    assert len(found) == len(set(found))


def test_the_drawing(found):
    tree = ElementTree.fromstring(network_svg())
    name = "{http://www.w3.org/2000/svg}"
    size = float(tree.get("width")), float(tree.get("height"))
    assert len(tree.findall(f".//{name}g/{name}path")) == len(found)
    boxes = [
        tuple(float(box.get(key)) for key in ("x", "y", "width", "height"))
        for box in tree.findall(f"{name}rect")[1:]  # The first is the paper's white.
    ]
    assert len(boxes) == 93 + 8
    for number, (x, y, width, height) in enumerate(boxes):
        assert x > 0 and y > 0 and x + width < size[0] and y + height < size[1]
        for other_x, other_y, *_ in boxes[:number]:
            assert abs(other_x - x) > width or abs(other_y - y) > height
    texts = [text.text for text in tree.findall(f"{name}text")]
    assert "38: 3 x 3 x 3 3-D trans conv, n feat., stride 2" in texts
    assert "h/32 x w/32 x d/32 x 2n" in texts
    assert {text.split(":")[0] for text in texts if text} >= set(map(str, range(1, 94)))
