"""Says, before any work, what of a dataset is there and what is not."""

import collections
import pathlib
import re
from collections.abc import Sequence

from colornet.errors import InputError
from tfrecords_tools.sources import Pair, Part, Source, listed
from tfrecords_tools.sources.folders import sketch

_MOST_FOLDERS = 20


def describe(source: Source, parts: Sequence[Part]) -> str:
    """Every part with the pairs that are there and those that should be, as text."""
    top = source.data_dir or "no folder"
    lines = [f"{source.name}: {top}"]
    width = max(len(part.name) for part in parts)
    for part in parts:
        published = "" if part.published is None else f" of {part.published:,}"
        lines.append(
            f"  {part.name.ljust(width)}  {len(part.pairs):,}{published} pairs"
        )
        if not part.pairs:
            lines.append(f"  {'':{width}}  belongs to {part.place}")
        elif part.absent:
            lines.append(f"  {'':{width}}  not there: {listed(part.absent, 30)}")
        if part.missing:
            lines.append(
                f"  {'':{width}}  {len(part.missing):,} pairs are incomplete, missing: "
                f"{listed(part.missing, 10)}"
            )
    if source.data_dir and any(not part.pairs for part in parts):
        lines.append(f"  all that is there: {sketch(pathlib.Path(source.data_dir))}")
    return "\n".join(lines)


def usable_pairs(
    source: Source, parts: Sequence[Part], strict: bool, on_error: str
) -> list[Pair]:
    """The pairs that can be written.

    Args:
        source: of the parts.
        parts: of the source.
        strict: whether every part must have the published number of pairs; where parts
            come alone, every part that is there.
        on_error: "skip" leaves incomplete pairs out, "fail" refuses them.

    Raises:
        InputError: no pair at all, an incomplete one, keys that come twice, splits
            without a name that TFDS takes, or, if strict, other numbers than the
            published ones, with the folders that differ.
    """
    pairs = [pair for part in parts for pair in part.pairs]
    missing = [name for part in parts for name in part.missing]
    if missing and on_error == "fail":
        raise InputError(
            f"expected both views of every pair of {source.name} in {source.data_dir} "
            f"(--on_error=skip leaves such pairs out). Missing: {listed(missing)}"
        )
    if not pairs:
        places = "; ".join(f"{part.name} at {part.place}" for part in parts)
        met = sketch(pathlib.Path(source.data_dir)) if source.data_dir else "nothing"
        raise InputError(
            f"expected dataset {source.name} below {source.data_dir}: {places}. "
            f"Received: no pair of these, but {met}"
        )
    _check_names(pairs, source.data_dir or source.name)
    wrong = [
        f"{part.name} has {len(part.pairs):,} of {part.published:,} pairs"
        f"{_unusual_folders(part.pairs)}"
        for part in parts
        if part.published is not None
        and len(part.pairs) != part.published
        and (part.pairs or not source.parts_come_alone)
    ]
    if strict and wrong:
        raise InputError(
            f"expected the published numbers of pairs in {source.data_dir}. "
            f"Received: {'; '.join(wrong)}"
        )
    return pairs


def _check_names(pairs: Sequence[Pair], where: str) -> None:
    counts = collections.Counter(pair.key for pair in pairs)
    twice = [key for key, count in counts.items() if count > 1]
    if twice:
        raise InputError(
            f"expected every pair once in {where}. Received twice: {listed(twice)}"
        )
    splits = sorted({pair.split for pair in pairs})
    odd = [s for s in splits if s == "all" or not re.fullmatch("[a-z][a-z0-9_]*", s)]
    if odd:
        raise InputError(
            f"expected splits such as train, validation, test in {where}. "
            f"Received: {listed(odd)}"
        )


def _unusual_folders(pairs: Sequence[Pair]) -> str:
    """The scenes whose number of pairs is not the usual one, with that number."""
    counts = collections.Counter(pair.scene for pair in pairs)
    if not counts:
        return ""
    [(usual, _)] = collections.Counter(counts.values()).most_common(1)
    unusual = [f"{scene}: {n}" for scene, n in sorted(counts.items()) if n != usual]
    text = f" ({len(counts)} folders, most of {usual}"
    return text + (f"; {listed(unusual, _MOST_FOLDERS)})" if unusual else ")")
