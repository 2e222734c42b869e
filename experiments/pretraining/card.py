"""The model card of the weights that come with the package, from their index."""

from typing import Any

CARD = "MODEL_CARD.md"

_HEAD = """# Weights that come with ColorNet

`python -m experiments.pack_weights` writes this card from `index.json`.

**Use.** The weights are those of the network of Dong, Li, Wang, Wang: *Learning a Deep
Convolutional Network for Colorization in Monochrome-Color Dual-Lens System*, AAAI 2019.
The network gives the picture of a monochrome camera the colours of the picture of a
colour camera beside it. `colornet.load_pretrained(NAME)` and
`--weights=pretrained:NAME` load them.

**Methods of the tables.** `colornet` is the network of the paper, at one scale, with a
given d. `colorizer` is the `colornet.Colorizer` on top of it. It estimates d and scale
for each pair, and takes 35 % of its colours from semi-global matching (BUILD_NOTES.md,
D-37 to D-43).

**Limits.**

- The pair must be rectified, and the monochrome camera must be the right one. Otherwise
  both pictures must be mirrored.
- Every disparity must be below d. The Colorizer searches at most a quarter of the width
  and 256 candidates.
- Colours of a surface that only the monochrome camera sees are a guess from the
  surroundings.
- On pictures that were reduced to a quarter, and so have little noise, `colornet` alone
  is behind plain matching.
- Rendered scenes lack mirrors, glass and the errors of lenses.
- Larger differences of exposure, white balance or sharpness between the cameras than
  the recipe names were not trained for.

**Licence.** Apache-2.0, as the code. The textures are no part of the weights. A table
of their sources lies beside the file.
"""

_TABLE = """PSNR (dB) and SSIM are over 8-bit Cb and Cr together, means over pictures.
`visible` and `hidden` are the PSNR of C where the reference shows a pixel and
elsewhere, with the share of visible pixels. Both are means over the pictures whose
disparity is known, which is at few pixels of KITTI.

| dataset | pictures | setup | method | d | rough C' | final C | visible | hidden |
|---|---|---|---|---|---|---|---|---|"""


def _results(evaluations: dict[str, Any]) -> list[str]:
    if not evaluations:
        return ["No evaluation of these weights is in `index.json`."]
    found = [
        (
            dataset,
            evaluation["setup"],
            evaluation["method"],
            evaluation["max_disparity"] or "estimated",
            mean,
        )
        for evaluation in evaluations.values()
        for dataset, mean in evaluation["datasets"].items()
    ]
    lines = [_TABLE]
    for dataset, setup, method, d, mean in sorted(found, key=lambda row: row[:3]):
        cells = [dataset, mean["count"], setup, method, d]
        for prefix in ("rough_", ""):
            scores = [f"{mean[prefix + 'psnr']:.2f}"] if prefix + "psnr" in mean else []
            if prefix + "ssim" in mean:
                scores.append(f"{mean[prefix + 'ssim']:.3f}")
            cells.append(" / ".join(scores))
        share = f" ({mean['visible']:.0%})" if "visible" in mean else ""
        for key, note in (("visible_psnr", share), ("hidden_psnr", "")):
            cells.append(f"{mean[key]:.2f}{note}" if key in mean else "")
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return lines


def _fields(values: dict[str, Any]) -> str:
    """Fields of a configuration, without those that are configurations themselves."""
    texts = [f"{k} {v}" for k, v in values.items() if not isinstance(v, dict)]
    return ", ".join(texts)


def _section(name: str, entry: dict[str, Any], is_default: bool) -> list[str]:
    recipe = entry["recipe"]
    is_rendered = "stream" in recipe
    program = "experiments.pretrain" if is_rendered else "experiments.train"
    lines = [
        f"## {name}" + (" (default)" if is_default else ""),
        "",
        f"- File: `{entry['file']}`, SHA-256 `{entry['sha256']}`. Its float16 kernels "
        "change the chroma of the Motorcycle pair by at most "
        f"{entry['float16_difference']:.2f} grey levels.",
        f"- Network: {entry['parameters']:,} numbers, moving statistics included; "
        f"{_fields(recipe['model'])}.",
        f"- Training: {entry['step']:,} of {recipe['steps']:,} steps of `{program}`; "
        f"{_fields(recipe)}.",
    ]
    if is_rendered:
        lines.append(f"- Rendered scenes: {_fields(recipe['stream'])}.")
    if "texture_sources" in entry:
        lines.append(f"- Sources of the textures: `{entry['texture_sources']}`.")
    if "policy" in entry:
        lines.append(f"- Policy of the Colorizer: {_fields(entry['policy'])}.")
    if "history" in entry:
        lines.append(f"- History: {entry['history']}")
    return [*lines, "", *_results(entry["evaluations"]), ""]


def model_card(index: dict[str, Any]) -> str:
    """Markdown on all weights of an index, the default first.

    Args:
        index: as `colornet.pretrained.read_index` returns it, with the entries that
            `experiments.pretraining.packing.pack` makes.
    """
    default = index["default"]
    lines = [_HEAD]
    for name in sorted(index["weights"], key=lambda name: (name != default, name)):
        lines += _section(name, index["weights"][name], name == default)
    return "\n".join(lines).rstrip() + "\n"
