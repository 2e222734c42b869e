"""How the runs of a row were trained, in words."""

import pathlib
from collections.abc import Sequence

from colornet.config import ModelConfig, TrainConfig
from colornet.errors import InputError
from colornet.training.checkpoints import Checkpoints


def describe(runs: Sequence[str], bn_statistics: str | None = None) -> str:
    """The training that runs have in common, and their seeds.

    Args:
        runs: folders of training runs; what is none, such as weights alone or a run of
            `experiments.pretrain`, is named.
        bn_statistics: of the evaluation; those of the run if None.

    Returns:
        One line; empty without runs.
    """
    texts: dict[str, list[str]] = {}
    for run in runs:
        checkpoints = Checkpoints(pathlib.Path(run))
        try:
            step = checkpoints.steps()[-1]
            config = checkpoints.config(step)
        except (IndexError, InputError):  # Weights alone, or of another program.
            texts.setdefault(f"weights {pathlib.Path(run).name}", [])
            continue
        text = _words(config, step, bn_statistics)
        texts.setdefault(text, []).append(str(config.seed))
    parts = []
    for text, seeds in texts.items():
        noun = "seed" if len(seeds) == 1 else "seeds"
        parts.append(f"{text}, {noun} {', '.join(seeds)}" if seeds else text)
    return "; ".join(parts)


def _words(config: TrainConfig, step: int, bn_statistics: str | None) -> str:
    model = config.model
    if isinstance(model, ModelConfig):
        size = f"n = {model.n}, d = {model.max_disparity}"
    else:
        size = f"width {model.width:g}"
    count = f"{step} of {config.steps}" if step < config.steps else f"{step}"
    return (
        f"{size}, {count} steps of {config.batch_size} crops of "
        f"{config.crop_height}x{config.crop_width}, learning rate "
        f"{config.learning_rate:g}, {bn_statistics or model.bn_statistics} statistics"
    )
