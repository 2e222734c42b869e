"""The model card of the weights that come with the package, from their index."""

from typing import Any

CARD = "MODEL_CARD.md"

_HEAD = """# Weights that come with ColorNet

Written by `python -m experiments.pretrain_export` from `index.json`.

**What they do.** They give the picture of a monochrome camera the colours of the
picture of a colour camera beside it, with the network of Dong, Li, Wang, Wang:
*Learning a Deep Convolutional Network for Colorization in Monochrome-Color Dual-Lens
System*, AAAI 2019. `colornet.load_pretrained(NAME)`, or `--weights=pretrained:NAME`.

**Data.** Stereo scenes that were rendered during the training, with freely licensed
pictures as surfaces and with noise of the levels of the paper's Table 2, or of others
(`mixed`, `wide`, `reduced`). No photographed pair was seen.

**Limits.** The pair must be rectified, the monochrome camera the right one (or both
mirrored), and every disparity below `max_disparity`; the default weights find out what
is needed, up to a quarter of the width and 256 candidates (BUILD_NOTES.md, D-38).
Colours of what only the monochrome camera sees are a guess from the surroundings. On
pictures that were reduced to a quarter, so have next to no noise, plain matching is
still ahead on some datasets (BUILD_NOTES.md, "Other sizes"). Rendered scenes lack
mirrors, glass and the errors of lenses; cameras that differ in exposure, white balance
or sharpness by more than the recipe says were not trained for.

**Licence.** Apache-2.0, as the code. The textures are no part of the weights; where
there is a table of their sources, it lies beside the file.
"""


def _results(evaluations: dict[str, Any]) -> list[str]:
    if not evaluations:
        return ["No evaluation of these weights is in `index.json`."]
    lines = [
        "PSNR (dB) and SSIM over 8-bit Cb and Cr together, means over pictures. The "
        "last two columns are the PSNR of C where the reference shows a pixel (and the "
        "share of such pixels), and elsewhere: hidden, or without known disparity. "
        "They are means over those pictures whose disparity is known at all, which may "
        "be few, and known at few of their pixels (KITTI). Where there is a working "
        "disparity, small pictures were enlarged until they had it, large ones "
        "reduced, and all seen at half the scale as well (D-37, D-39), and as many "
        "candidates taken as a first look `found` to be needed, where no d stands "
        "(D-38).",
        "",
        "| dataset | pictures | setup | d | working disparity | rough C' | final C "
        "| visible | hidden |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    found = [
        (
            dataset,
            evaluation["setup"],
            "found"
            if evaluation.get("find_disparity")
            else str(evaluation["max_disparity"]),
            evaluation.get("working_disparity", 0),
            mean,
        )
        for evaluation in evaluations.values()
        for dataset, mean in evaluation["datasets"].items()
    ]
    for dataset, setup, d, working, mean in sorted(found, key=lambda row: row[:4]):
        cells = [dataset, mean["count"], setup, d, working or ""]
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


def _section(name: str, entry: dict[str, Any], is_default: bool) -> list[str]:
    recipe = entry["recipe"]
    model, stream = recipe["model"], recipe["stream"]
    schedule = recipe["learning_rate_schedule"]
    average = (
        f"average of weights {recipe['ema_decay']}, " if recipe["ema_decay"] else ""
    )
    clip = (
        f"gradient norm at most {recipe['clip_norm']}, " if recipe["clip_norm"] else ""
    )
    exposure = (
        f"exposures up to 2^{stream['exposure_differences']} apart, "
        if stream.get("exposure_differences")
        else ""
    )
    start = recipe.get("initial_weights")
    statistics = f"statistics from {recipe['calibration_batches']} batches"
    if recipe.get("frozen_statistics"):
        statistics = "statistics of the initial weights"
    settings = entry.get("settings", {})
    working = settings.get("working_disparity", 0)
    lines = [
        f"## {name}" + (" (default)" if is_default else ""),
        "",
        f"- File: `{entry['file']}`, SHA-256 `{entry['sha256']}`; float16 kernels "
        f"change the Motorcycle pair by at most {entry['float16_difference']:.2f} grey "
        "levels of chroma.",
        f"- Network: n = {model['n']}, d = {model['max_disparity']} in training, "
        f"{entry['parameters']:,} numbers, moving statistics included."
        + (f" Working disparity {working} px." if working else "")
        + (" d is found for each pair." if settings.get("find_disparity") else ""),
        f"- Scenes: `{stream.get('scenes', 'sharpened')}`, crops of {stream['height']}x"
        f"{stream['width']}, noise `{stream['noise']}`, camera differences up to "
        f"{stream['camera_differences']}, {exposure}textures `{stream['textures']}`"
        + (f" (`{entry['texture_sources']}`)" if "texture_sources" in entry else "")
        + f", seed {stream['seed']}.",
        f"- Recipe: {f'from `{start}`, ' if start else ''}"
        f"{entry['step']:,} of {recipe['steps']:,} steps of batch "
        f"{stream['batch_size']}, {recipe['optimizer']}, learning rate "
        f"{recipe['learning_rate']} ({schedule}), {average}{clip}"
        f"loss `{recipe.get('loss', 'mse')}`, weight of the rough chroma's "
        f"{recipe['rough_weight']}, of the disparity's "
        f"{recipe.get('disparity_weight', 0.0)} at the start, "
        f"{recipe['precision']}, {statistics}, seed {recipe['seed']}.",
        "",
    ]
    return [*lines, *_results(entry["evaluations"]), ""]


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
