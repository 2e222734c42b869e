"""How much memory a training step is expected to take. No backend."""

from colornet.config import ModelConfig, TrainConfig

# Peak of a float32 step in bytes, for each filter and voxel (height x width x d), and
# for each filter and pixel; measured by `experiments.benchmark --section=network
# --size=full` on a CPU. A GPU's convolutions have work space on top.
_FILTER_VOXEL_BYTES, _FILTER_PIXEL_BYTES = 7.6, 1150.0
# The share that is left, by whether it recomputes and by whether it has 16 bits.
_SHARES = {
    (False, False): 1.0,
    (False, True): 0.57,
    (True, False): 0.41,
    (True, True): 0.28,
}
LESS_MEMORY = (
    "--recompute, a smaller --crop_height and --crop_width, "
    "--precision=mixed_bfloat16, a smaller --max_disparity or a smaller --batch_size"
)


def step_bytes(config: TrainConfig, replicas: int = 1) -> float | None:
    """Expected peak memory of a step on each device, in bytes, beside the program.

    Args:
        config: of the training.
        replicas: over how many devices the batch is shared out.

    Returns:
        The estimate, which is right to some 20 % on a CPU; None for a network other
        than Table 1's, of which nothing was measured.
    """
    model = config.model
    if not isinstance(model, ModelConfig):
        return None
    pixels = config.batch_size // replicas * config.crop_height * config.crop_width
    of_pixel = _FILTER_VOXEL_BYTES * model.max_disparity + _FILTER_PIXEL_BYTES
    share = _SHARES[config.recompute, config.precision != "float32"]
    return share * of_pixel * model.n * pixels
