"""The numbers that the paper prints, typed from its Tables 3, 4 and 5."""

# Columns of all three tables, and the dataset of tfrecords_tools that each one is.
COLUMNS = {
    "CT": "cityscapes",
    "MB": "middlebury",
    "ST": "sintel",
    "SF": "sceneflow",
}
# The last five are not the paper's; see `columns`.
TITLES = {
    "CT": "Cityscapes",
    "MB": "Middlebury",
    "ST": "Sintel",
    "SF": "Scene Flow",
    "KT": "KITTI",
    "E3": "ETH3D",
    "EM": "Motorcycle",
    "SY": "rendered scenes",
    "PR": "pairs",
}

# Table 3: PSNR in dB, CT MB ST SF, under Setup 1 and under Setup 2.
PSNR = {
    "welsh": ((37.89, 30.28, 34.94, 30.12), (35.06, 29.60, 32.70, 29.83)),
    "ironi": ((38.45, 32.98, 36.06, 31.24), (35.68, 30.42, 32.52, 30.56)),
    "gupta": ((38.09, 31.04, 35.45, 29.65), (34.53, 30.72, 33.31, 29.73)),
    "jeon": ((39.33, 36.80, 36.12, 31.32), (35.38, 34.75, 33.98, 31.78)),
    "furusawa": ((34.74, 30.86, 32.13, 28.44), (32.91, 29.52, 32.01, 27.07)),
    "he": ((39.05, 35.63, 36.28, 32.15), (36.13, 33.38, 33.17, 31.26)),
    "zhang": ((29.38, 29.12, 29.34, 17.26), (29.57, 28.41, 29.44, 18.56)),
    "iizuka": ((31.30, 29.19, 33.97, 21.02), (31.39, 28.42, 34.02, 23.13)),
    "ours": ((44.26, 41.94, 43.88, 45.18), (43.21, 40.30, 42.71, 44.16)),
}

# Table 4: SSIM.
SSIM = {
    "welsh": ((0.897, 0.906, 0.795, 0.813), (0.849, 0.876, 0.758, 0.769)),
    "ironi": ((0.897, 0.940, 0.918, 0.890), (0.778, 0.715, 0.814, 0.747)),
    "gupta": ((0.948, 0.896, 0.933, 0.869), (0.906, 0.893, 0.905, 0.750)),
    "jeon": ((0.953, 0.958, 0.943, 0.927), (0.914, 0.953, 0.924, 0.902)),
    "furusawa": ((0.841, 0.860, 0.794, 0.795), (0.825, 0.782, 0.728, 0.734)),
    "he": ((0.951, 0.949, 0.948, 0.919), (0.928, 0.947, 0.931, 0.889)),
    "zhang": ((0.460, 0.746, 0.687, 0.279), (0.455, 0.752, 0.688, 0.303)),
    "iizuka": ((0.757, 0.677, 0.852, 0.411), (0.751, 0.688, 0.852, 0.414)),
    "ours": ((0.982, 0.981, 0.983, 0.988), (0.979, 0.976, 0.977, 0.984)),
}

# Table 5, Setup 1, by the names of `colornet.config.VARIANTS`.
ABLATION_PSNR = {
    "stereo_matching": (22.17, 24.51, 21.72, 25.31),
    "no_weighted_average": (39.84, 38.37, 40.14, 40.82),
    "no_attention": (41.91, 40.92, 41.85, 42.02),
    "no_residue": (36.04, 37.55, 36.05, 35.98),
    "full": (44.26, 41.94, 43.88, 45.18),
}
ABLATION_SSIM = {
    "stereo_matching": (0.755, 0.697, 0.700, 0.763),
    "no_weighted_average": (0.965, 0.962, 0.975, 0.979),
    "no_attention": (0.975, 0.975, 0.979, 0.979),
    "no_residue": (0.954, 0.955, 0.957, 0.959),
    "full": (0.982, 0.981, 0.983, 0.988),
}

METHOD_TITLES = {
    "welsh": "Welsh 2002",
    "ironi": "Ironi 2005",
    "gupta": "Gupta 2012",
    "jeon": "Jeon 2016",
    "furusawa": "Furusawa 2017",
    "he": "He 2018",
    "zhang": "Zhang 2016",
    "iizuka": "Iizuka 2016",
    "ours": "Ours",
    "grey": "grey",
    "zero_disparity": "zero disparity",
    "semi_global": "semi-global matching",
    "stereo_matching": "Stereo matching model",
    "no_weighted_average": "No weighted average",
    "no_attention": "No attention",
    "no_residue": "No color residue joint learning",
    "full": "Ours",
}
# Below the paper's own rows: the floor, and what an engineer would pick today.
BEYOND = ("grey", "zero_disparity", "semi_global")


def published(metric: str, row: str, column: str, setup: int) -> float | None:
    """The paper's number; None where it has none.

    Args:
        metric: "psnr" in dB, or "ssim".
        row: a method of Tables 3 and 4, or a variant of Table 5 (setup 1 alone).
        column: a name in `COLUMNS`.
        setup: of Table 2.
    """
    if column not in COLUMNS:
        return None
    index = list(COLUMNS).index(column)
    methods, variants = {
        "psnr": (PSNR, ABLATION_PSNR),
        "ssim": (SSIM, ABLATION_SSIM),
    }[metric]
    if row in methods:
        return methods[row][setup - 1][index]
    if row in variants and setup == 1:
        return variants[row][index]
    return None
