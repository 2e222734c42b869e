r"""The learned comparison methods of Tables 3 and 4, each after its own paper.

| name | paper | sees the reference |
|---|---|---|
| zhang | Colorful Image Colorization, ECCV 2016 | no |
| iizuka | Let there be Color!, SIGGRAPH 2016 | no |
| furusawa | Comicolorization, SIGGRAPH Asia 2017 Technical Briefs | its histogram |
| he | Deep Exemplar-based Colorization, SIGGRAPH 2018 | yes |

Each is a `colornet.networks.Network` with a loss of its own, trained from fresh weights
by the project's own loop on the project's own records:

    python -m experiments.train --method=zhang --records=records --run_dir=runs/zhang
    python -m experiments.evaluate --method=zhang --records=records \
        --weights=runs/zhang --output=runs/zhang/evaluation

Another network, `released`, has the released protocol of the paper itself. It is fed
the truth, so it is in no table (`experiments.pretrain --method=released`).

What departs from a paper is listed in its module (D-27). Common to all: no weights
trained on other pictures, and the project's RMSProp in place of each paper's optimizer.
"""

from colornet.registry import register_network
from experiments.methods.networks.config import (
    NAMES,
    RELEASED,
    MethodConfig,
    ReleasedConfig,
)

for _name in NAMES:
    register_network(_name, MethodConfig, f"{__name__}.{_name}:{_name.capitalize()}")
register_network(RELEASED, ReleasedConfig, f"{__name__}.released:Released")


def names() -> list[str]:
    """The methods that need weights, but for the network of this project itself."""
    return list(NAMES)
