"""PSNR and SSIM of Tables 3 and 4 (D-11). NumPy and scikit-image only."""

import numpy as np
from skimage.metrics import structural_similarity

from colornet.color import STUDIO_CHROMA_SCALE, output_picture, rgb_to_chroma
from colornet.errors import InputError

# Identical pictures have no finite PSNR; tables and means stay finite.
_PSNR_CEILING = 100.0


def _psnr(prediction: np.ndarray, truth: np.ndarray, where=True) -> float:
    """PSNR of 8-bit codes with peak 255, in dB."""
    mse = np.mean(np.square(prediction - truth), where=where)
    return float(min(10 * np.log10(255**2 / max(mse, 1e-12)), _PSNR_CEILING))


def _ssim(prediction: np.ndarray, truth: np.ndarray) -> float:
    """SSIM of Wang et al. 2004 of 8-bit codes, averaged over the channels.

    The mean is over the windows that lie inside the picture.
    """
    if min(truth.shape[:2]) < 11:
        raise InputError(
            "expected pictures of at least 11 x 11 pixels, the window of SSIM. "
            f"Received: {truth.shape[1]} x {truth.shape[0]}"
        )
    return float(
        structural_similarity(
            prediction,
            truth,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=255,
            channel_axis=-1,
        )
    )


def chroma_codes(chroma: np.ndarray, scale: float = 1.0) -> np.ndarray:
    """The 8-bit codes of chroma, as float64, which scores compare (D-11).

    Args:
        chroma: float, in [-0.5, 0.5].
        scale: of the codes around 128; 1 is full range.
    """
    return np.clip(np.rint(np.asarray(chroma, np.float64) * 255 * scale + 128), 0, 255)


def _rgb_codes(rgb: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(np.asarray(rgb, np.float64) * 255), 0, 255)


def chroma_psnr(chroma: np.ndarray, truth: np.ndarray) -> float:
    """The PSNR of Table 3 in dB: 8-bit Cb and Cr together, peak 255; at most 100.

    Args:
        chroma: (height, width, 2) float Cb, Cr, in [-0.5, 0.5].
        truth: the same.
    """
    return _psnr(chroma_codes(chroma), chroma_codes(truth))


class Truth:
    """What a picture's predicted chroma is scored against; computed once.

    Args:
        mono: (height, width, 1) luma of the monochrome camera, in [0, 1].
        target: (height, width, 3) true RGB of the mono view, in [0, 1].
        visible: (height, width) bool, where the reference shows a pixel; see
            `colornet.occlusion.visible_pixels`. None where nothing is known.
    """

    def __init__(
        self, mono: np.ndarray, target: np.ndarray, visible: np.ndarray | None = None
    ):
        chroma = rgb_to_chroma(np.asarray(target, np.float64))
        self._codes = {
            prefix: (scale, chroma_codes(chroma, scale))
            for prefix, scale in (("", 1.0), ("studio_", STUDIO_CHROMA_SCALE))
        }
        self._mono, self._rgb, self._visible = mono, _rgb_codes(target), visible

    def score(self, chroma: np.ndarray) -> dict[str, float | None]:
        """Scores a predicted chroma map.

        Args:
            chroma: (height, width, 2) Cb, Cr, in [-0.5, 0.5].

        Returns:
            `psnr` (dB) and `ssim` over 8-bit Cb and Cr together, which Tables 3 and 4
            are compared with; `studio_psnr` and `studio_ssim`, the same in studio
            range; `rgb_psnr` and `rgb_ssim` of `colornet.color.output_picture`, the
            picture that is shown (D-10); `visible_psnr` and `hidden_psnr`, the PSNR
            where the reference shows a pixel and elsewhere (D-36), None where nothing
            is known or no pixel is.

        Raises:
            InputError: a picture smaller than the window of SSIM.
        """
        scores = {}
        for prefix, (scale, truth) in self._codes.items():
            codes = chroma_codes(chroma, scale)
            scores[f"{prefix}psnr"] = _psnr(codes, truth)
            scores[f"{prefix}ssim"] = _ssim(codes, truth)
        rgb = _rgb_codes(output_picture(self._mono, chroma))
        scores["rgb_psnr"] = _psnr(rgb, self._rgb)
        scores["rgb_ssim"] = _ssim(rgb, self._rgb)
        scores["visible_psnr"] = self._partial_psnr(chroma, self._visible)
        hidden = None if self._visible is None else ~self._visible
        scores["hidden_psnr"] = self._partial_psnr(chroma, hidden)
        return scores

    def _partial_psnr(self, chroma, where: np.ndarray | None) -> float | None:
        if where is None or not where.any():
            return None
        _, truth = self._codes[""]
        return _psnr(chroma_codes(chroma), truth, where[..., None])
