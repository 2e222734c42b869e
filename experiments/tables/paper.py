"""What the paper prints in its Tables 2 to 5, and what rows and columns are called.

Datasets, methods, ablations and setups beyond the paper need no entry here.
"""

import dataclasses

from colornet.config import VARIANTS
from colornet.noise import NOISE_SETUPS
from experiments.methods import COLORIZER, COLORNET

# Table 2 by setup: a of the noise a sqrt(kappa), of the colour and the mono camera.
NOISE = {1: (0.03, 0.01), 2: (0.07, 0.01)}

# Columns of Tables 3 to 5, and the dataset of tfrecords_tools that each one is.
COLUMNS = {
    "CT": "cityscapes",
    "MB": "middlebury",
    "ST": "sintel",
    "SF": "sceneflow",
}

# By row: CT MB ST SF under Setup 1, and under Setup 2. PSNR is in dB.
METHODS = {
    "psnr": {
        "welsh": ((37.89, 30.28, 34.94, 30.12), (35.06, 29.60, 32.70, 29.83)),
        "ironi": ((38.45, 32.98, 36.06, 31.24), (35.68, 30.42, 32.52, 30.56)),
        "gupta": ((38.09, 31.04, 35.45, 29.65), (34.53, 30.72, 33.31, 29.73)),
        "jeon": ((39.33, 36.80, 36.12, 31.32), (35.38, 34.75, 33.98, 31.78)),
        "furusawa": ((34.74, 30.86, 32.13, 28.44), (32.91, 29.52, 32.01, 27.07)),
        "he": ((39.05, 35.63, 36.28, 32.15), (36.13, 33.38, 33.17, 31.26)),
        "zhang": ((29.38, 29.12, 29.34, 17.26), (29.57, 28.41, 29.44, 18.56)),
        "iizuka": ((31.30, 29.19, 33.97, 21.02), (31.39, 28.42, 34.02, 23.13)),
        COLORNET: ((44.26, 41.94, 43.88, 45.18), (43.21, 40.30, 42.71, 44.16)),
    },
    "ssim": {
        "welsh": ((0.897, 0.906, 0.795, 0.813), (0.849, 0.876, 0.758, 0.769)),
        "ironi": ((0.897, 0.940, 0.918, 0.890), (0.778, 0.715, 0.814, 0.747)),
        "gupta": ((0.948, 0.896, 0.933, 0.869), (0.906, 0.893, 0.905, 0.750)),
        "jeon": ((0.953, 0.958, 0.943, 0.927), (0.914, 0.953, 0.924, 0.902)),
        "furusawa": ((0.841, 0.860, 0.794, 0.795), (0.825, 0.782, 0.728, 0.734)),
        "he": ((0.951, 0.949, 0.948, 0.919), (0.928, 0.947, 0.931, 0.889)),
        "zhang": ((0.460, 0.746, 0.687, 0.279), (0.455, 0.752, 0.688, 0.303)),
        "iizuka": ((0.757, 0.677, 0.852, 0.411), (0.751, 0.688, 0.852, 0.414)),
        COLORNET: ((0.982, 0.981, 0.983, 0.988), (0.979, 0.976, 0.977, 0.984)),
    },
}
# Table 5 has Setup 1 alone; rows are named as in `colornet.config.VARIANTS`.
ABLATIONS = {
    "psnr": {
        "stereo_matching": ((22.17, 24.51, 21.72, 25.31),),
        "no_weighted_average": ((39.84, 38.37, 40.14, 40.82),),
        "no_attention": ((41.91, 40.92, 41.85, 42.02),),
        "no_residue": ((36.04, 37.55, 36.05, 35.98),),
        "full": ((44.26, 41.94, 43.88, 45.18),),
    },
    "ssim": {
        "stereo_matching": ((0.755, 0.697, 0.700, 0.763),),
        "no_weighted_average": ((0.965, 0.962, 0.975, 0.979),),
        "no_attention": ((0.975, 0.975, 0.979, 0.979),),
        "no_residue": ((0.954, 0.955, 0.957, 0.959),),
        "full": ((0.982, 0.981, 0.983, 0.988),),
    },
}

# The paper's rows, and below them what it does not have: the Colorizer, the floor, and
# what an engineer would pick without a network.
METHOD_ROWS = (
    *METHODS["psnr"],
    *(COLORIZER, "grey", "zero_disparity", "semi_global"),
)
ABLATION_ROWS = tuple(dict.fromkeys((*ABLATIONS["psnr"], *VARIANTS)))


@dataclasses.dataclass(frozen=True)
class Table:
    """A table of the paper.

    Attributes:
        title: of the table.
        metric: "psnr" or "ssim".
        rows: names of its rows.
        setups: of `NOISE_SETUPS`.
    """

    title: str
    metric: str
    rows: tuple[str, ...] = METHOD_ROWS
    setups: tuple[int, ...] = tuple(NOISE_SETUPS)


# By the name of their files.
TABLES = {
    "table3": Table("Table 3, PSNR of colorization methods", "psnr"),
    "table4": Table("Table 4, SSIM of colorization methods", "ssim"),
    "table5_psnr": Table("Table 5, PSNR of ablations", "psnr", ABLATION_ROWS, (1,)),
    "table5_ssim": Table("Table 5, SSIM of ablations", "ssim", ABLATION_ROWS, (1,)),
}
DIGITS = {"psnr": 2, "ssim": 3}

_TITLES = {
    "CT": "Cityscapes",
    "MB": "Middlebury",
    "ST": "Sintel",
    "SF": "Scene Flow",
    "KT": "KITTI",
    "E3": "ETH3D",
    "EM": "Motorcycle",
    "SY": "rendered scenes",
    "PR": "pairs",
    "welsh": "Welsh 2002",
    "ironi": "Ironi 2005, after secondary descriptions",
    "gupta": "Gupta 2012, after secondary descriptions (own voting)",
    "jeon": "Jeon 2016 (denoising added)",
    "furusawa": "Furusawa 2017",
    "he": "He 2018 (no VGG)",
    "zhang": "Zhang 2016",
    "iizuka": "Iizuka 2016",
    COLORNET: "Ours: colornet",
    COLORIZER: "colorizer, beyond the paper",
    "zero_disparity": "zero disparity",
    "semi_global": "semi-global matching",
    "stereo_matching": "Stereo matching model",
    "no_weighted_average": "No weighted average",
    "no_attention": "No attention",
    "no_residue": "No color residue joint learning",
    "full": "Ours: colornet, full",
}


def title(name: str) -> str:
    """What a row or a column is called; its own name if nothing else is known."""
    return _TITLES.get(name, name)


def published(metric: str, row: str, column: str, setup: int) -> float | None:
    """The paper's number; None where it has none.

    Args:
        metric: "psnr" in dB, or "ssim".
        row: of Tables 3 to 5.
        column: a dataset.
        setup: of Table 2.
    """
    rows = METHODS[metric] | ABLATIONS[metric]
    by_setup = dict(enumerate(rows.get(row, ()), start=1))
    if setup not in by_setup or column not in COLUMNS:
        return None
    return by_setup[setup][list(COLUMNS).index(column)]
