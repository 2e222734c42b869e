"""Middlebury stereo, 2001 to 2021, and the third evaluation (MiddEval3).

Scenes are known by their names and those of their views, wherever they are below
data_dir, with their disparity maps beside them:

    2001        <scene>/im{2,6}.ppm; tsukuba/scene1.row3.col{3,4}.ppm; not map: grey
    2003        {cones,teddy}{Q,H,F}/im{2,6}.ppm or .png
    2005, 2006  [{Full,Half,Third}Size/]<Scene>/[Illum<n>/Exp<n>/]view{1,5}.png
    2014        <Scene>-{perfect,imperfect}/im{0,1}.png; im1E.png, im1L.png
    2021        <scene>/im{0,1}.png; ambient/<light>/im{0,1}e<n>.png
    MiddEval3   {training,test}{F,H,Q}/<Scene>/im{0,1}.png

Split `test` is the paper's test set, the 27 scenes of 2005 and 2006 with ground truth;
the others are `scenes2001`, `scenes2003`, `scenes2005` (three without ground truth),
`scenes2014`, `scenes2021`, `eval3_training` and `eval3_test`.

MiddEval3 has scenes of the other sets: `eval3_training` holds ArtL, which is Art of
2005 in another light and so a test scene, and Teddy of 2003. Whoever tunes on it leaves
ArtL out.
"""

import dataclasses
import os
import pathlib
import re
from collections.abc import Iterator
from typing import ClassVar, NamedTuple

from PIL import Image

from colornet.errors import InputError
from colornet.io.decoding import FORMATS
from tfrecords_tools.sources import DisparityFile, Pair, Part, Source, files_pair

SIZES = ("full", "half", "third", "quarter")
_LETTERS = {"F": "full", "H": "half", "Q": "quarter"}
# Grey levels of a disparity map that are one pixel.
_STEPS = {"full": 1, "half": 2, "third": 3, "quarter": 4}
# Of several pictures of a scene the first of these is taken, else the first there is.
_USUAL = ("", "perfect", "Illum2_Exp1")
# Left view, right view, and what tells the pair from others in the same folder. Where
# several without a name are there, the first one counts.
_VIEWS = (
    ("view1", "view5", ""),
    ("im2", "im6", ""),
    ("im0", "im1", ""),
    ("scene1.row3.col3", "scene1.row3.col4", ""),
    ("im0", "im1E", "E"),
    ("im0", "im1L", "L"),
    *((f"im0e{n}", f"im1e{n}", f"e{n}") for n in range(10)),
)
_DISPARITIES = {
    "disp{}.pfm": "pfm",
    "disp{}GT.pfm": "pfm",
    "disp{}.png": "codes",
    "disp{}.pgm": "codes",
}


_SCENES = {
    "2001": "barn1 barn2 bull poster sawtooth tsukuba venus",
    "2003": "cones teddy",
    "2005": "Art Books Dolls Laundry Moebius Reindeer",
    "2005 without truth": "Computer Drumsticks Dwarves",
    "2006": "Aloe Baby1 Baby2 Baby3 Bowling1 Bowling2 Cloth1 Cloth2 Cloth3 Cloth4 "
    "Flowerpots Lampshade1 Lampshade2 Midd1 Midd2 Monopoly Plastic Rocks1 Rocks2 Wood1 "
    "Wood2",
    "2014": "Adirondack Backpack Bicycle1 Cable Classroom1 Couch Flowers Jadeplant "
    "Mask Motorcycle Piano Pipes Playroom Playtable Recycle Shelves Shopvac Sticks "
    "Storage Sword1 Sword2 Umbrella Vintage",
    "2021": "artroom1 artroom2 bandsaw1 bandsaw2 chess1 chess2 chess3 curule1 curule2 "
    "curule3 ladder1 ladder2 octogons1 octogons2 pendulum1 pendulum2 podium1 skates1 "
    "skates2 skiboots1 skiboots2 skiboots3 traproom1 traproom2",
    "MiddEval3 training": "Adirondack ArtL Jadeplant Motorcycle MotorcycleE Piano "
    "PianoL Pipes Playroom Playtable PlaytableP Recycle Shelves Teddy Vintage",
    "MiddEval3 test": "Australia AustraliaP Bicycle2 Classroom2 Classroom2E Computer "
    "Crusade CrusadeP Djembe DjembeL Hoops Livingroom Newkuba Plants Staircase",
}
_THIRDS, _QUARTERS = ("full", "half", "third"), ("full", "half", "quarter")


class _Set(NamedTuple):
    """One publication: its name, our split, its place, the sizes that it comes in."""

    name: str
    split: str
    place: str
    sizes: tuple[str, ...] = ()

    @property
    def dataset(self) -> str:
        year = self.name.split()[0]
        return "middlebury_eval3" if year == "MiddEval3" else f"middlebury{year}"

    @property
    def scenes(self) -> list[str]:
        return _SCENES[self.name].split()


_SETS = (
    _Set("2001", "scenes2001", "<scene>/im{2,6}.ppm"),
    _Set("2003", "scenes2003", "{cones,teddy}{Q,H,F}/im{2,6}.ppm", _QUARTERS),
    _Set("2005", "test", "<Scene>/view{1,5}.png", _THIRDS),
    _Set("2005 without truth", "scenes2005", "<Scene>/view{1,5}.png", _THIRDS),
    _Set("2006", "test", "<Scene>/view{1,5}.png", _THIRDS),
    _Set("2014", "scenes2014", "<Scene>-{perfect,imperfect}/im{0,1}.png"),
    _Set("2021", "scenes2021", "<scene>/im{0,1}.png"),
)
_EVAL3 = {
    part: _Set(
        f"MiddEval3 {part}",
        f"eval3_{part}",
        f"{part}{{F,H,Q}}/<Scene>/im{{0,1}}.png",
        _QUARTERS,
    )
    for part in ("training", "test")
}
_BY_SCENE = {
    scene.lower(): (published, scene)
    for published in _SETS
    for scene in published.scenes
}


@dataclasses.dataclass(frozen=True)
class Middlebury(Source):
    """Middlebury stereo.

    Attributes:
        size: which of several sizes of a set to take, one of `SIZES`; needed only where
            more than one is there.
        all_exposures: whether every lighting, exposure and rectification of a scene is
            a pair; else there is one pair a scene.
    """

    name: ClassVar[str] = "middlebury"
    citation: ClassVar[str] = (
        "2001: Scharstein and Szeliski, IJCV 2002; 2003: Scharstein and Szeliski, CVPR "
        "2003; 2005: Scharstein and Pal, CVPR 2007; 2006: Hirschmüller and Scharstein, "
        "CVPR 2007; 2014: Scharstein et al., GCPR 2014"
    )
    homepage: ClassVar[str] = "https://vision.middlebury.edu/stereo/data"
    parts_come_alone: ClassVar[bool] = True

    size: str = ""
    all_exposures: bool = False

    def __post_init__(self):
        if self.size not in ("", *SIZES):
            raise InputError(f"size must be one of {SIZES}. Received: {self.size!r}")

    def parts(self) -> list[Part]:
        found = {published: {} for published in (*_SETS, *_EVAL3.values())}
        for published, size, pair in _pairs_below(self.top()):
            found[published].setdefault(size, []).append(pair)
        return [self._part(published, sizes) for published, sizes in found.items()]

    def _part(self, published: _Set, found: dict[str, list[Pair]]) -> Part:
        if self.size and published.sizes:
            found = {self.size: found.get(self.size, [])}
        if len(found) > 1:
            raise InputError(
                f"expected --size, as Middlebury {published.name} is there as "
                f"{', '.join(sorted(found, key=SIZES.index))}. Received: none"
            )
        pairs = [pair for of_size in found.values() for pair in of_size]
        if not self.all_exposures:
            pairs = _one_a_scene(pairs)
        there, scenes = {pair.scene for pair in pairs}, published.scenes
        return Part(
            f"Middlebury {published.name}",
            published.place,
            tuple(pairs),
            None if self.all_exposures else len(scenes),
            absent=tuple(scene for scene in scenes if scene not in there),
        )


def _one_a_scene(pairs: list[Pair]) -> list[Pair]:
    scenes = {}
    for pair in pairs:
        scenes.setdefault(pair.scene, {})[pair.frame] = pair
    return [
        next((frames[f] for f in _USUAL if f in frames), next(iter(frames.values())))
        for frames in scenes.values()
    ]


def _pairs_below(top: pathlib.Path) -> Iterator[tuple[_Set, str, Pair]]:
    for name, children, files in os.walk(top):
        children.sort()
        folder = pathlib.Path(name)
        found = {
            pathlib.Path(file).stem: folder / file
            for file in files
            if file.lower().endswith((".png", ".ppm")) and not file.startswith(".")
        }
        views = [v for v in _VIEWS if v[0] in found and v[1] in found]
        unnamed = [v for v in views if not v[2]][:1]
        scene = _scene_of(folder) if views else None
        if scene is None:
            continue
        published, scene_name, frame, scene_folder = scene
        for left, right, suffix in unnamed + [v for v in views if v[2]]:
            size = _size_of(published, scene_folder, top, found[left])
            pair = files_pair(
                f"{published.dataset}_{size}" if size else published.dataset,
                scene_name,
                published.split,
                found[left],
                found[right],
                frame="_".join(filter(None, (*frame, suffix))),
                left_disparity=_disparity(size, scene_folder, left),
                right_disparity=_disparity(size, scene_folder, right),
            )
            yield published, size, pair


def _scene_of(folder: pathlib.Path) -> tuple[_Set, str, list[str], pathlib.Path] | None:
    """Set, scene, what tells its pictures apart, and the folder with its disparity."""
    frame = []
    while re.fullmatch(r"Illum\d|Exp\d|ambient|[A-Z]\d", folder.name):
        frame[:0] = [] if folder.name == "ambient" else [folder.name]
        folder = folder.parent
    benchmark = re.fullmatch("(training|test)[FHQ]", folder.parent.name)
    if benchmark:
        return _EVAL3[benchmark[1]], folder.name, frame, folder
    name, _, rectification = folder.name.partition("-")
    name = re.sub("^((?i:cones|teddy))[QHF]$", r"\1", name)
    if name.lower() not in _BY_SCENE:
        return None
    published, scene = _BY_SCENE[name.lower()]
    return published, scene, [*filter(None, [rectification]), *frame], folder


def _size_of(
    published: _Set, folder: pathlib.Path, top: pathlib.Path, picture: pathlib.Path
) -> str:
    """The size that the names of the folders in `top` say, or that the picture has."""
    if not published.sizes:
        return ""
    for part in (folder.parent.name, folder.name):
        if re.fullmatch("(training|test|(?i:cones|teddy))[FHQ]", part):
            return _LETTERS[part[-1]]
    for part in reversed(picture.relative_to(top).parts):
        for size in published.sizes:
            if re.fullmatch(f"{size}(size)?", part.lower()):
                return size
    with Image.open(picture, formats=FORMATS) as image:
        width = image.width
    if "third" in published.sizes:  # Of 1240 to 1390 pixels in full.
        return "full" if width > 900 else "half" if width > 520 else "third"
    return "full" if width > 1300 else "half" if width > 700 else "quarter"


def _disparity(size: str, folder: pathlib.Path, view: str) -> DisparityFile | None:
    if view.startswith("scene1."):  # tsukuba has the left view's alone
        truth = folder / f"truedisp.{view.removeprefix('scene1.')}.pgm"
        return DisparityFile(truth, "codes", 16)
    steps = _STEPS.get(size, 8)
    number = re.search(r"\d", view)[0]
    for name, coding in _DISPARITIES.items():
        truth = DisparityFile(folder / name.format(number), coding, steps)
        if found := truth.where_it_is():
            return found
    return None
