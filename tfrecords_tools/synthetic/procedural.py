"""Procedural textures: float32 RGB in 0..255 that tile seamlessly."""

import numpy as np
import scipy.fft
import scipy.ndimage
import scipy.spatial

from tfrecords_tools.synthetic.random_draws import log_uniform


def _fractal(
    rng: np.random.Generator, n: int, slope: float, stretch: float = 1.0
) -> np.ndarray:
    """(n, n) float32 periodic noise, mean 0, variance 1, amplitude f^-slope."""
    fy = scipy.fft.fftfreq(n)[:, None] * stretch
    fx = scipy.fft.rfftfreq(n)[None]
    f = np.hypot(fx, fy).astype(np.float32)
    f[0, 0] = 1.0
    # The Gaussian keeps the finest grain below what bicubic sampling can carry.
    gain = f**-slope * np.exp(-((f / 0.3) ** 2))
    gain[0, 0] = 0.0
    phase = rng.standard_normal((2, *gain.shape), np.float32)
    noise = scipy.fft.irfft2(gain * (phase[0] + 1j * phase[1]), s=(n, n))
    return (noise / max(float(noise.std()), 1e-6)).astype(np.float32)


def _rgb(hue: np.ndarray, saturation: np.ndarray, value: np.ndarray) -> np.ndarray:
    """(n,) hue in turns, saturation and value to (n, 3) float32 RGB in 0..255."""
    wheel = np.abs((hue[:, None] + np.array([0.0, 2 / 3, 1 / 3])) % 1.0 * 6.0 - 3.0)
    rgb = 1.0 + saturation[:, None] * (np.clip(wheel - 1.0, 0.0, 1.0) - 1.0)
    return (255.0 * value[:, None] * rgb).astype(np.float32)


def draw_palette(rng: np.random.Generator, count: int) -> np.ndarray:
    """(count, 3) float32 RGB in 0..255: mostly muted, kindred colours, some vivid."""
    vivid = rng.random() < 0.2
    # Wood, skin, stone, paper: most things around us lie between red and yellow.
    middle = rng.normal(0.08, 0.05) if rng.random() < 0.5 else rng.random()
    hue = middle + rng.normal(0.0, 0.3 if rng.random() < 0.25 else 0.03, count)
    saturation = rng.beta(3, 2) if vivid else rng.beta(1.5, 4)
    saturation = np.clip(saturation * rng.uniform(0.6, 1.3, count), 0.0, 0.95)
    value = np.clip(rng.uniform(0.15, 0.95) + rng.normal(0.0, 0.22, count), 0.06, 1.0)
    return _rgb(hue, saturation, value)


def _blend(palette: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Colours along a palette: t (h, w) in [0, 1] to (h, w, 3)."""
    knots = np.linspace(0.0, 1.0, len(palette))
    table = np.stack([np.interp(np.linspace(0, 1, 1024), knots, c) for c in palette.T])
    index = (np.clip(t, 0.0, 1.0) * 1023).astype(np.int32)
    return table.T.astype(np.float32)[index]


def _soft_wave(n: int, cycles: int, phase: float) -> np.ndarray:
    """(n,) square wave in [-1, 1] whose edges are a pixel wide, so do not alias."""
    sharpness = n / (2.4 * cycles)
    angle = 2 * np.pi * (np.arange(n) * cycles / n + phase)
    return np.clip(sharpness / np.pi * np.sin(angle), -1.0, 1.0).astype(np.float32)


def _pattern(rng: np.random.Generator, n: int) -> np.ndarray:
    """Stripes, checks, or courses of bricks and tiles."""
    cycles = int(n / log_uniform(rng, 5.0, n / 3))
    palette = draw_palette(rng, 6)
    wave = _soft_wave(n, cycles, rng.random())
    kind = rng.integers(3)
    if kind == 0:
        return _blend(palette[:2], np.tile(0.5 + 0.5 * wave, (n, 1)))
    if kind == 1:
        other = _soft_wave(n, max(1, round(cycles * rng.uniform(0.5, 1))), rng.random())
        product = wave[None] * other[:, None]
        return _blend(palette[:2], 0.5 + 0.5 * product)
    rows = 2 * max(1, round(cycles * rng.uniform(0.5, 1.2) / 2))
    y, x = np.mgrid[:n, :n].astype(np.float32)
    row, fy = np.divmod(y * (rows / n), 1.0)
    column, fx = np.divmod(x * (cycles / n) + 0.5 * rng.integers(2) * (row % 2), 1.0)
    colours = palette[rng.integers(1, 6, rows * cycles)]
    colours *= rng.uniform(0.85, 1.1, (len(colours), 1)).astype(np.float32)
    cell = row.astype(int) * cycles + column.astype(int) % cycles
    gap = np.minimum(
        np.minimum(fx, 1 - fx) * n / cycles, np.minimum(fy, 1 - fy) * n / rows
    )
    joint = np.clip(gap - rng.uniform(-0.5, 1.5), 0.0, 1.0)[..., None]
    return joint * colours[cell] + (1 - joint) * palette[0]


def _cells(rng: np.random.Generator, n: int) -> np.ndarray:
    """Voronoi cells or speckle."""
    points = rng.random((int(log_uniform(rng, 12, n * n / 40)), 2)) * n
    tree = scipy.spatial.cKDTree(points, boxsize=n)
    grid = np.stack(np.mgrid[:n, :n], axis=-1)
    distance, nearest = tree.query(grid)
    palette = draw_palette(rng, 8)
    colours = palette[rng.integers(1, 8, len(points))]
    if rng.random() < 0.5:
        radius = rng.uniform(0.2, 0.6) * n / np.sqrt(len(points))
        dots = np.clip(radius - distance + 0.5, 0.0, 1.0)[..., None]
        return (dots * colours[nearest] + (1 - dots) * palette[0]).astype(np.float32)
    return scipy.ndimage.gaussian_filter(colours[nearest], (0.6, 0.6, 0), mode="wrap")


def procedural_texture(rng: np.random.Generator, extent: float) -> np.ndarray:
    """(n, n, 3) float32 RGB in about 0..255; n grows with the extent in texels."""
    n = 256 if extent > 150 else 128
    kind = rng.choice(5, p=(0.3, 0.25, 0.25, 0.12, 0.08))
    grain = rng.uniform(0.0, 5.0)
    slope = rng.uniform(0.6, 1.5)
    if kind == 0:  # stains, stone, wood
        t = _fractal(rng, n, slope, log_uniform(rng, 0.12, 1.0))
        picture = _blend(draw_palette(rng, int(rng.integers(2, 5))), 0.5 + 0.22 * t)
    elif kind == 1:
        picture = _pattern(rng, n)
    elif kind == 2:  # paint, plastic, sky: next to nothing for a matcher to hold
        t = _fractal(rng, n, 2.5)
        t = 0.5 + rng.uniform(0.0, 0.15) * t
        picture = _blend(draw_palette(rng, 2), t)
        picture += 0.85 * (picture.mean(axis=(0, 1)) - picture)
        grain *= rng.random() ** 2
    elif kind == 3:
        picture = _cells(rng, n)
    else:  # cloth, wallpaper: one small motif again and again
        n = int(rng.integers(12, 48))
        t = _fractal(rng, n, 1.2)
        picture = _blend(draw_palette(rng, 3), 0.5 + 0.25 * t)
    return picture + grain * _fractal(rng, n, slope)[..., None]


def plain_texture(rng: np.random.Generator, vivid: bool) -> np.ndarray:
    """(64, 64, 3) float32 RGB in 0..255 of one colour, with next to no grain."""
    colour = draw_palette(rng, 1)
    if vivid and rng.random() < 0.5:
        colour = _rgb(rng.random(1), rng.uniform(0.5, 1, 1), rng.uniform(0.25, 1, 1))
    grain = np.float32(rng.uniform(0.0, 1.5))
    return colour + grain * _fractal(rng, 64, 1.0)[..., None]
