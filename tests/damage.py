"""Random damage to files."""

import numpy as np


def damaged(whole: bytes, rng: np.random.Generator) -> bytes:
    """The file with one thing changed, mostly near its ends, where the headers are."""
    size, data = len(whole), bytearray(whole)
    spread = rng.choice([size, min(size, 200)])
    at = int(rng.integers(spread))
    at = size - 1 - at if rng.random() < 0.3 else at
    length = int(rng.integers(1, 40))
    change = rng.choice(["bit", "byte", "zeros", "ones", "cut", "lost", "twice"])
    if change == "bit":
        data[at] ^= 1 << int(rng.integers(8))
    elif change == "byte":
        data[at] = int(rng.integers(256))
    elif change in ("zeros", "ones"):
        part = data[at : at + length]
        data[at : at + length] = (b"\0" if change == "zeros" else b"\xff") * len(part)
    elif change == "cut":
        del data[at:]
    elif change == "lost":
        del data[at : at + length]
    else:
        data[at:at] = data[at : at + length]
    return bytes(data)
