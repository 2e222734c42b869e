"""How large a picture may be that a file announces."""

import dataclasses
import pathlib

from colornet.errors import InputError

MAX_PIXELS = 150_000_000
MAX_SIDE = 65_535
# Deflate packs 1032 equal bytes into one: every whole grey PNG of 8 bit passes.
MAX_PIXELS_PER_BYTE = 2_000
# Each square of 64 pixels takes a bit at least. What a JPEG lacks is read as grey.
_JPEG_PIXELS_PER_BYTE = 600
# So many may be in a file of few bytes: they need little memory.
_FREE_PIXELS = 25_000_000


@dataclasses.dataclass(frozen=True)
class Limits:
    """How large a picture a file may announce.

    A forged header can announce more pixels than memory holds: it is refused before
    anything is decoded.

    Attributes:
        max_pixels: width times height.
        max_side: width and height, px.
        max_pixels_per_byte: of the file, beyond 25 megapixels.
    """

    max_pixels: int = MAX_PIXELS
    max_side: int = MAX_SIDE
    max_pixels_per_byte: int = MAX_PIXELS_PER_BYTE

    def check(
        self, width: int, height: int, path: pathlib.Path, is_jpeg: bool = False
    ) -> None:
        """Raises InputError if the file `path` may not announce this size."""
        file_bytes = path.stat().st_size
        densest = self.max_pixels_per_byte
        densest = min(densest, _JPEG_PIXELS_PER_BYTE) if is_jpeg else densest
        per_byte = max(_FREE_PIXELS, densest * file_bytes)
        density = f"{densest} pixels a byte"
        if densest == self.max_pixels_per_byte:
            density += " (max_pixels_per_byte)"
        for value, most, unit in (
            (width * height, self.max_pixels, f"{self.max_pixels / 1e6:g} megapixels"),
            (max(width, height), self.max_side, f"{self.max_side} px a side"),
            (width * height, per_byte, density),
        ):
            if value > most:
                raise InputError(
                    f"expected a picture of at most {unit}. Received: {path} "
                    f"({width} x {height} in a header, {file_bytes} bytes in all)"
                )
