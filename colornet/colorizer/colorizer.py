"""The Colorizer: decides how the network sees a pair, and carries that out."""

import dataclasses
from typing import Self

import numpy as np

from colornet import pretrained
from colornet.colorizer.cameras import SeenPair, see_alike
from colornet.colorizer.classic import matching, semi_global
from colornet.colorizer.plan import (
    DisparityEstimate,
    Policy,
    View,
    ViewPlan,
    estimate_disparity,
    plan_view,
    thumbnail_size,
)
from colornet.colorizer.upsampling import with_luma_detail
from colornet.config import ModelConfig
from colornet.errors import InputError
from colornet.inference import float_pair, picture_of, predict
from colornet.io.pictures import resized
from colornet.networks import Network
from colornet.precision import built_with, inference_precision
from colornet.tiling import Tiling, fits_in_memory, padded_size
from colornet.weights import load_for_inference


@dataclasses.dataclass(frozen=True)
class Explanation:
    """A coloured picture, and how it came about.

    Attributes:
        picture: (height, width, 3) RGB of the kind of the mono picture.
        chroma: (height, width, 2) float32 Cb, Cr.
        pair: as the network saw it, at its own size.
        plan: how the pair was seen.
        outputs: of the network, at the scale of its view; C' of Eq. 1 is
            `rough_chroma` there.
        matched: (height, width, 3) float32 Y, Cb, Cr of semi-global matching (D-43);
            None if it was left out or found nothing.
    """

    picture: np.ndarray
    chroma: np.ndarray
    pair: SeenPair
    plan: ViewPlan
    outputs: dict[str, np.ndarray]
    matched: np.ndarray | None = None


class Colorizer:
    """Gives monochrome pictures the colours of the pictures of a colour camera.

    It compiles a form of the network for pairs of all sizes, and keeps it: use one for
    many pairs. Later changes of the network's weights are not seen.

    Args:
        network: of Table 1, or its form for inference.
        policy: how it is used; the defaults of `Policy` if None.
        precision: of the convolutions, as `colornet.precision.inference_precision`
            takes it; a form for inference keeps its own.

    Raises:
        InputError: another network, or another precision.
    """

    def __init__(
        self, network: Network, policy: Policy | None = None, precision: str = "float32"
    ):
        if not isinstance(network.config, ModelConfig):
            raise InputError(
                f"expected a network of Table 1. Received: {network.config.name}"
            )
        self.network, self.policy = network, policy or Policy()
        with built_with(inference_precision(precision)):
            self._form = network.for_inference()

    @classmethod
    def from_pretrained(cls, name: str | None = None, precision: str = "auto") -> Self:
        """The weights that come with the package, with the policy stored beside them.

        Args:
            name: one of `colornet.pretrained_names()`; the default's if None.
            precision: of the convolutions; "auto" is bfloat16 where the processor has
                it, and float32 elsewhere.

        Raises:
            InputError: as `colornet.load_pretrained`; another precision.
        """
        weights = pretrained.DEFAULT if name is None else pretrained.PREFIX + name
        return cls(load_for_inference(weights, precision), stored_policy(weights))

    def __call__(
        self,
        mono: np.ndarray,
        reference: np.ndarray,
        max_disparity: int | None = None,
        *,
        tiling: Tiling | None = None,
        progress: bool = False,
    ) -> np.ndarray:
        """Gives a monochrome picture the colours of the colour camera's picture.

        The pictures are rectified: a pixel (j, i) of `mono` is found in `reference` at
        (j, i ... i + d - 1), so `mono` is the right camera's view (D-01). Rows that are
        off by some pixels, another exposure and another tone are corrected first (D-41,
        D-42). Cb / Y and Cr / Y of the result are then those of the reference.

        Args:
            mono: (height, width), or (height, width, 1), luma; float in [0, 1], uint8
                or uint16.
            reference: (height, width, 3) RGB of the same size; float in [0, 1], uint8
                or uint16.
            max_disparity: d of Eq. 1, px of the pair, a multiple of 32; estimated if
                None and the policy says so (D-38).
            tiling: pictures too large for its `memory_gb` are worked on in overlapping
                tiles; the defaults of `Tiling` if None (D-32).
            progress: whether to draw a progress bar where there are several tiles.

        Returns:
            RGB (height, width, 3) of the kind of `mono`, with the luma of `mono`
            (D-10).

        Raises:
            InputError: pictures that do not fit together, of another kind or out of
                their range, or a reference without colour; a `max_disparity` that is
                no multiple of 32; too little memory for tiles
                (`colornet.tiling.plan_tiles`); weights that give no finite colours.
        """
        return self.explain(
            mono, reference, max_disparity, tiling=tiling, progress=progress
        ).picture

    def explain(
        self,
        mono: np.ndarray,
        reference: np.ndarray,
        max_disparity: int | None = None,
        *,
        volumes: bool = False,
        tiling: Tiling | None = None,
        progress: bool = False,
    ) -> Explanation:
        """As a call, and returns everything that the network has seen.

        Args:
            mono, reference, max_disparity, tiling, progress: see `__call__`.
            volumes: whether A and W are among the outputs: d float32 maps, or more.

        Raises:
            InputError: as `__call__`; volumes of a picture that would need tiles.
        """
        own_luma, rgb = float_pair(mono, reference)
        pair = see_alike(own_luma, rgb, self.policy)
        luma, rgb = pair.luma, pair.rgb
        plan = self.plan(luma, rgb, max_disparity, tiling=tiling)
        outputs = self.look(
            luma, rgb, plan.network, volumes=volumes, tiling=tiling, progress=progress
        )
        chroma = self.at_full_size(outputs["chroma"], luma, plan.network.scale)
        matched = None
        if plan.semi_global:
            matched = self.match(luma, rgb, plan.semi_global)
        chroma = pair.own_chroma(self.mixed(chroma, matched), own_luma, matched)
        dtype = np.asarray(mono).dtype
        picture = picture_of(own_luma, chroma, dtype, self.network.name)
        return Explanation(picture, chroma, pair, plan, outputs, matched)

    def plan(
        self,
        luma: np.ndarray,
        rgb: np.ndarray,
        max_disparity: int | None = None,
        *,
        tiling: Tiling | None = None,
    ) -> ViewPlan:
        """How a pair will be seen.

        Args:
            luma, rgb: of `SeenPair`.
            max_disparity, tiling: see `__call__`.
        """
        tiling = tiling or Tiling()
        config = self.network.config.with_changes(max_disparity=max_disparity)
        estimate = None
        # Without softmax W is no distribution, and says nothing about a disparity.
        distributed = config.weight_normalization == "softmax"
        if self.policy.auto_disparity and max_disparity is None and distributed:
            estimate = self._estimate(luma, rgb, tiling)
        policy = self.policy
        if policy.target_disparity is None:
            target = self.network.config.max_disparity
            policy = policy.replace(target_disparity=target)
        return plan_view(policy, config, rgb, estimate, tiling)

    def _estimate(
        self, luma: np.ndarray, rgb: np.ndarray, tiling: Tiling
    ) -> DisparityEstimate | None:
        config = self.network.config
        height, width, candidates = thumbnail_size(*luma.shape[:2], config)
        config = config.replace(max_disparity=candidates)
        if not fits_in_memory(*padded_size(height, width), config, tiling):
            return None
        views = [luma, rgb]
        if width < luma.shape[1]:
            views = [_scaled(view, height, width) for view in views]
        found = predict(self._form, *views, candidates, volumes=True, tiling=tiling)
        return estimate_disparity(found["weights"], luma.shape[1] / width)

    def look(
        self,
        luma: np.ndarray,
        rgb: np.ndarray,
        view: View,
        *,
        volumes: bool = False,
        tiling: Tiling | None = None,
        progress: bool = False,
    ) -> dict[str, np.ndarray]:
        """What the network says of a pair.

        Args:
            luma, rgb: of `SeenPair`.
            view: of the network.
            volumes, tiling, progress: see `explain`.

        Returns:
            The outputs of the network at the scale of the view, without batch axis.
        """
        pair = _at_scale(luma, rgb, view.scale)
        return predict(
            self._form,
            *pair,
            view.max_disparity,
            volumes=volumes,
            tiling=tiling,
            progress=progress,
        )

    def match(self, luma: np.ndarray, rgb: np.ndarray, view: View) -> np.ndarray | None:
        """What semi-global matching says of a pair (D-43).

        Args:
            luma, rgb: of `SeenPair`.
            view: of semi-global matching.

        Returns:
            (height, width, 3) float32 Y, Cb, Cr; None if no match is reliable.
        """
        mono, reference = _at_scale(luma, rgb, view.scale)
        colors = matching.matched_colors(
            semi_global.match, mono[..., 0], reference, view.max_disparity
        )
        return None if colors is None else self.at_full_size(colors, luma, view.scale)

    def mixed(self, chroma: np.ndarray, matched: np.ndarray | None) -> np.ndarray:
        """The network's chroma with its share of semi-global matching (D-43).

        Args:
            chroma: (height, width, 2) float, of the network, at full size.
            matched: (height, width, 3) float, of `match`; without it nothing changes.
        """
        if matched is None:
            return chroma
        weight = np.float32(self.policy.semi_global_weight)
        return chroma + weight * (matched[..., 1:] - chroma)

    def at_full_size(
        self, chroma: np.ndarray, luma: np.ndarray, scale: float
    ) -> np.ndarray:
        """Chroma or colours seen at a scale, at the size of the pair."""
        if scale == 1:
            return chroma
        if scale < 1 and self.policy.luma_detail:
            return with_luma_detail(chroma, luma)
        return resized(chroma, *luma.shape[:2])


def stored_policy(weights: str) -> Policy:
    """The policy for weights: of `pretrained:NAME` the stored one, or the default.

    Args:
        weights: what `colornet.load_model` reads.
    """
    if not str(weights).startswith(pretrained.PREFIX):
        return Policy()
    return Policy.from_dict(pretrained.policy(str(weights)))


def _at_scale(luma: np.ndarray, rgb: np.ndarray, scale: float) -> list[np.ndarray]:
    """Luma and RGB of a pair at another scale."""
    if scale == 1:
        return [luma, rgb]
    height, width = (max(1, round(scale * side)) for side in luma.shape[:2])
    return [_scaled(view, height, width) for view in (luma, rgb)]


def _scaled(view: np.ndarray, height: int, width: int) -> np.ndarray:
    """A view at another size, without what cubic interpolation overshoots.

    RGB of `SeenPair` may lie outside of [0, 1]: clipped, it would lose chroma.
    """
    low, high = min(0, view.min()), max(1, view.max())
    return np.clip(resized(view, height, width), low, high)


def colorize(
    network: Network,
    mono: np.ndarray,
    reference: np.ndarray,
    max_disparity: int | None = None,
    **options,
) -> np.ndarray:
    """Colours one pair: `Colorizer(network)(mono, reference, max_disparity)`.

    Whatever it compiles is gone after the call; keep a `Colorizer` for many pairs.

    Args:
        network: of Table 1.
        mono, reference, max_disparity, **options: see `Colorizer.__call__`.
    """
    return Colorizer(network)(mono, reference, max_disparity, **options)
