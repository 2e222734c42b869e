"""The datasets by name."""

from tfrecords_tools.sources import Source
from tfrecords_tools.sources.cityscapes import Cityscapes
from tfrecords_tools.sources.embedded import Embedded
from tfrecords_tools.sources.eth3d import Eth3d
from tfrecords_tools.sources.kitti import Kitti
from tfrecords_tools.sources.middlebury import Middlebury
from tfrecords_tools.sources.pairs import Pairs
from tfrecords_tools.sources.sceneflow import SceneFlow
from tfrecords_tools.sources.sintel import Sintel

SOURCES: dict[str, type[Source]] = {
    source.name: source
    for source in (
        Embedded,
        Pairs,
        SceneFlow,
        Cityscapes,
        Middlebury,
        Sintel,
        Kitti,
        Eth3d,
    )
}
