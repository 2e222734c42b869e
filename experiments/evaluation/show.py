"""The scores of evaluations as a table of text."""

from experiments.text_table import text_table

COLUMNS = {
    "PSNR dB": "psnr",
    "SSIM": "ssim",
    "studio PSNR": "studio_psnr",
    "RGB PSNR": "rgb_psnr",
    "RGB SSIM": "rgb_ssim",
    "visible PSNR": "visible_psnr",
    "hidden PSNR": "hidden_psnr",
}
EXPLANATIONS = {
    "PSNR dB": "peak signal-to-noise ratio of the chroma (8-bit Cb and Cr together); "
    "more is better",
    "SSIM": "structural similarity of the chroma; 1 is the truth",
    "studio PSNR": "PSNR of chroma in the range of television, 1.13 dB more",
    "RGB PSNR": "PSNR of the colour picture, with the noise of the mono picture",
    "RGB SSIM": "structural similarity of the colour picture",
    "visible PSNR": "PSNR of the pixels that the reference shows, too",
    "hidden PSNR": "PSNR of the pixels that the reference hides, or whose disparity is "
    "not known",
}


def digits_of(column: str) -> int:
    """Digits behind the point of a number of `COLUMNS`."""
    return 2 if "PSNR" in column else 3


def scores_table(summaries: dict[str, dict]) -> str:
    """A row for each method and dataset, and one for C' of Eq. 1 where there is one.

    Args:
        summaries: what `evaluate` returned, by the name that the rows get; without
            `mean` there is no row over all datasets.
    """
    rows = [["method", "dataset", "pictures", *COLUMNS]]
    for method, summary in summaries.items():
        means = dict(summary["datasets"])
        if len(means) > 1 and "mean" in summary:
            means["all"] = summary["mean"]
        for dataset, mean in means.items():
            for prefix, label in (("rough_", f"{method}, rough"), ("", method)):
                if f"{prefix}psnr" in mean:
                    cells = [_cell(mean, prefix, name) for name in COLUMNS]
                    rows.append([label, dataset, str(mean["count"]), *cells])
    return text_table(rows, left=2)


def _cell(mean: dict, prefix: str, column: str) -> str:
    value = mean.get(prefix + COLUMNS[column])
    return "" if value is None else f"{value:.{digits_of(column)}f}"
