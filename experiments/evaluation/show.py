"""The scores of evaluations as a table of text."""

from experiments.text_table import text_table

_COLUMNS = {
    "PSNR dB": "psnr",
    "SSIM": "ssim",
    "studio PSNR": "studio_psnr",
    "RGB PSNR": "rgb_psnr",
    "RGB SSIM": "rgb_ssim",
    "visible PSNR": "visible_psnr",
    "hidden PSNR": "hidden_psnr",
}


def scores_table(summaries: dict[str, dict]) -> str:
    """A row for each method and dataset, and one for C' of Eq. 1 where there is one.

    Args:
        summaries: what `evaluate` returned, by the name that the rows get; without
            `mean` there is no row over all datasets.
    """
    rows = [["method", "dataset", "pictures", *_COLUMNS]]
    for method, summary in summaries.items():
        means = dict(summary["datasets"])
        if len(means) > 1 and "mean" in summary:
            means["all"] = summary["mean"]
        for dataset, mean in means.items():
            for prefix, label in (("rough_", f"{method}, rough"), ("", method)):
                if f"{prefix}psnr" in mean:
                    cells = [_cell(mean, prefix, key) for key in _COLUMNS.values()]
                    rows.append([label, dataset, str(mean["count"]), *cells])
    return text_table(rows, left=2)


def _cell(mean: dict, prefix: str, key: str) -> str:
    value = mean.get(prefix + key)
    return "" if value is None else f"{value:.{2 if 'psnr' in key else 3}f}"
