r"""Measures what two cameras that differ in more than noise cost the methods.

    python -m experiments.robustness --dataset=pairs --data_dir=stereo \
        --datasets=middlebury2014_trainingQ --exclude=ArtL --setup=1

Every pair is taken undisturbed and with one difference of the cameras at a time, at
several strengths: exposure, tone, spectral response, white balance, misalignment,
sharpness, JPEG, noise (`experiments.disturbances.cameras`). Noise of Table 2 is added
after the difference, with the seed of the pair's record, so undisturbed pairs are those
of `tfrecords_tools.write`. The score is the chroma PSNR at the luma of the undisturbed
scene (`experiments.disturbances.photographs`). --dataset=embedded, the default, needs
no data.

A stopped measurement goes on, and fewer pairs, methods or disturbances are a part of
it. The folder gets robustness_setup1.md, .csv and .svg, which `experiments.report`
shows.
"""

import pathlib

from absl import flags

from colornet.pretrained import DEFAULT, full_name
from experiments import methods
from tfrecords_tools import app, source_flags

flags.set_default(source_flags.DATASET, "embedded")
_SPLIT = flags.DEFINE_string("split", "test", "Split of the pairs.")
_DATASETS = flags.DEFINE_list("datasets", [], "Names among the pairs; all if unset.")
_EXCLUDE = flags.DEFINE_list("exclude", [], "Scenes to leave out.")
_LIMIT = flags.DEFINE_integer("limit", None, "The first so many pairs.", lower_bound=1)
_SETUP = flags.DEFINE_integer("setup", 1, "Noise of Table 2: setup 1 or 2.")
_MONO_VIEW = flags.DEFINE_string(
    "mono_view", "right", "View of the monochrome camera: right, or left (D-01)."
)
_SCALE = flags.DEFINE_float("scale", 1.0, "1 / k: averages every k x k pixels.")
_DISTURBANCES = flags.DEFINE_list(
    "disturbances", [], "NAME, or NAME=STRENGTH; all at all strengths if unset."
)
_METHODS = flags.DEFINE_list(
    "methods",
    [methods.COLORNET, methods.COLORIZER, "semi_global", "jeon"],
    "The methods to score.",
)
_WEIGHTS = flags.DEFINE_string("weights", DEFAULT, "Of colornet and colorizer.")
_CANDIDATES = flags.DEFINE_integer(
    "candidates",
    None,
    "d of Eq. 1 for all methods but the colorizer; that of the weights, and 192, if "
    "unset.",
    lower_bound=1,
)
_OUTPUT = flags.DEFINE_string("output", "runs/tables", "Folder for everything.")


def main() -> None:
    from colornet.io.files import write_text, writing
    from colornet.io.json_files import write_json
    from experiments.disturbances import show
    from experiments.disturbances.cameras import cases
    from experiments.disturbances.cells import csv_table
    from experiments.disturbances.measuring import choose_pairs, measure
    from experiments.evaluation.predictors import Evaluation, is_network
    from experiments.provenance import made
    from tfrecords_tools.records import RecordConfig

    chosen, source = cases(_DISTURBANCES.value), source_flags.source()
    settings = RecordConfig(
        setup=_SETUP.value, mono_view=_MONO_VIEW.value, scale=_SCALE.value
    )
    pairs = choose_pairs(
        source, _SPLIT.value, _DATASETS.value, _EXCLUDE.value, _LIMIT.value
    )
    evaluations = [
        Evaluation(
            records="",
            method=name,
            weights=full_name(_WEIGHTS.value) if is_network(name) else None,
            max_disparity=None if name == methods.COLORIZER else _CANDIDATES.value,
        )
        for name in dict.fromkeys(_METHODS.value)
    ]
    output, name = pathlib.Path(_OUTPUT.value), f"robustness_setup{settings.setup}"
    with writing(output):
        output.mkdir(parents=True, exist_ok=True)
    cells = measure(pairs, source, settings, evaluations, chosen, output / name)
    markdown = show.markdown(cells)
    write_text(output / f"{name}.md", markdown)
    write_text(output / f"{name}.csv", csv_table(cells))
    write_text(output / f"{name}.svg", show.picture(cells))
    write_json(output / f"{name}.json", made())
    print(markdown)
    print(f"{output}/{name}.md, .csv, .svg; per picture: {output}/{name}/*/images.csv")


if __name__ == "__main__":
    app.run(main)
