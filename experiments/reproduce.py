r"""The main job, end to end, on pictures that need no download.

    python -m experiments.reproduce

Writes TFRecords of rendered scenes and of the Motorcycle pair, trains a small network
on the scenes, scores this network and the shipped weights on held-out scenes and on the
photographs, colours the photographs with the shipped weights, and exports the trained
network as a SavedModel. OUT_DIR/index.html shows the scores, the training curve and the
pictures, and says where everything is. A job that was stopped goes on when it is
started again.

    python -m experiments.reproduce --preset=paper --out_dir=runs/paper \
        --records=records \
        --training_records=records/colornet_records/sceneflow_setup1 \
        --training_records=records/colornet_records/sceneflow_setup2

trains the network, its ablations and the comparison networks, and makes Tables 2 to 5,
Figures 2 to 6 and a report of them, on the datasets that are there. The networks of
Tables 3 and 4 are trained for each setup whose records are given (D-40).
"""

import os
import pathlib
import shutil
import time

import numpy as np
from absl import flags

from colornet.config import VARIANTS, ModelConfig, TrainConfig
from colornet.errors import InputError
from experiments.methods import networks
from tfrecords_tools import app

_OUT_DIR = flags.DEFINE_string("out_dir", "runs/reproduce", "Where everything goes.")
_STEPS = flags.DEFINE_integer("steps", 150, "quick: training steps.", lower_bound=1)
_SETUP = flags.DEFINE_enum("setup", "1", ["1", "2"], "quick: noise of Table 2.")
_PRESET = flags.DEFINE_enum(
    "preset", "quick", ["quick", "paper"], "The main job, or the tables and figures."
)
_RECORDS = flags.DEFINE_string(
    "records", None, "paper: out_dir of tfrecords_tools.write with what to score."
)
_TRAINING_RECORDS = flags.DEFINE_multi_string(
    "training_records", [], "paper: folder of the records to train on, one a setup."
)
_ROWS = flags.DEFINE_multi_enum(
    "row",
    [],
    [*VARIANTS, *networks.names()],
    "paper: variant of the network, or comparison network, to train; all if unset.",
)
_SEEDS = flags.DEFINE_integer(
    "seeds", 1, "paper: runs of each ablation.", lower_bound=1
)
_TRAIN_FLAGS = flags.DEFINE_multi_string(
    "train_flag", [], "paper: flag of experiments.train for the network, like --n=8."
)
_NETWORK_FLAGS = flags.DEFINE_multi_string(
    "network_flag", [], "paper: the same for the comparison networks, like --width=1."
)
_TABLE_FLAGS = flags.DEFINE_multi_string(
    "table_flag", [], "paper: flag of the tables, like --max_disparity=96."
)
_ABLATION_FLAGS = flags.DEFINE_multi_string(
    "ablation_flag", [], "paper: flag of Table 5 alone, like --column=MB."
)
_SEED = flags.DEFINE_integer("seed", 0, "quick: of the training.")
_QUICK = (_STEPS, _SETUP, _SEED)
_PAPER = (_RECORDS, _TRAINING_RECORDS, _SEEDS, _ROWS)
_PAPER += (_TRAIN_FLAGS, _NETWORK_FLAGS, _TABLE_FLAGS, _ABLATION_FLAGS)

# A network and crops that two CPU cores train in a minute.
_MODEL = ModelConfig(n=8, max_disparity=64)
_CROP = (96, 256)
_SCENES = {"train_scenes": 96, "validation_scenes": 4, "height": 160, "width": 320}


def _write(out_dir: pathlib.Path) -> pathlib.Path:
    from tfrecords_tools.records import RecordConfig
    from tfrecords_tools.sources.embedded import Embedded
    from tfrecords_tools.writer import write_records

    written = write_records(
        Embedded(max_disparity=_MODEL.max_disparity, **_SCENES),
        out_dir / "records",
        record=RecordConfig(setup=int(_SETUP.value)),
        processes=os.cpu_count() or 1,
        progress=True,
    )
    return written.folder


def _train(out_dir: pathlib.Path, records: pathlib.Path):
    from colornet.training.loop import Trainer, make_strategy
    from colornet.training.run import Reporting

    config = TrainConfig(
        model=_MODEL,
        records=str(records),
        steps=_STEPS.value,
        crop_height=_CROP[0],
        crop_width=_CROP[1],
        seed=_SEED.value,
    )
    run_dir = out_dir / "run"
    trainer = Trainer(
        config,
        run_dir,
        make_strategy("one_device", "auto"),
        Reporting(checkpoint_every=50, validate_every=50, show_every=150),
    )
    if trainer.step > config.steps:
        raise InputError(
            f"expected at least the {trainer.step} steps that {run_dir} has. "
            f"Received: {config.steps}"
        )
    trainer.run()
    return trainer.model


def _evaluate(out_dir: pathlib.Path, records: pathlib.Path, rows: dict) -> dict:
    """Scores of both splits by the name of the row.

    Args:
        rows: method, network and weights by name.
    """
    from experiments.evaluation.predictors import Evaluation
    from experiments.evaluation.scoring import evaluate

    summaries = {}
    for name, (method, network, weights) in rows.items():
        datasets, settings = {}, {}
        for split in ("validation", "test"):
            summary = evaluate(
                Evaluation(str(records), split, method, weights),
                out_dir / "evaluation" / f"{name.replace(' ', '_')}_{split}",
                network,
            )
            datasets |= summary["datasets"]
            settings = summary["settings"]
        summaries[name] = {"datasets": datasets, "settings": settings}
    return summaries


def _colorize(
    out_dir: pathlib.Path, records: pathlib.Path, weights: str
) -> dict[str, pathlib.Path]:
    """Writes the pictures, and the page of the volumes; returns the pictures' files."""
    from colornet.colorizer.colorizer import Colorizer
    from colornet.data import Records
    from colornet.io.pictures import write_picture
    from colornet.noise import to_uint8
    from colornet.visualize.page import write_page
    from colornet.visualize.pictures import picture_row, scaled_example

    example = next(Records(str(records), "test").examples())
    mono = to_uint8(example["mono"][..., 0])
    reference = to_uint8(example["reference"])
    colorizer = Colorizer.from_pretrained(weights)
    explanation = colorizer.explain(mono, reference, volumes=True)
    seen, view = explanation.outputs, explanation.plan.network
    rough = seen["rough_chroma"]
    pair = {"mono": explanation.pair.luma, "reference": explanation.pair.rgb}
    write_page(
        out_dir / "volumes.html",
        scaled_example(example | pair, *seen["weights"].shape[1:]),
        seen,
        is_distribution=True,
        title="Motorcycle",
        facts={
            "weights": weights,
            "d": str(view.max_disparity),
            "scale": f"{view.scale:.2g}",
        },
    )
    folder = out_dir / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    pictures = {
        "mono": mono,
        "reference": reference,
        "colorized": explanation.picture,
        "truth": to_uint8(example["target"]),
        "overview": picture_row(example, rough, explanation.chroma),
    }
    files = {name: folder / f"motorcycle_{name}.png" for name in pictures}
    for name, picture in pictures.items():
        write_picture(files[name], picture)
    return files


def _export(out_dir: pathlib.Path, model) -> None:
    import tensorflow as tf

    from colornet.export import SIGNATURE, export_saved_model

    folder = out_dir / "saved_model"
    shutil.rmtree(folder, ignore_errors=True)
    export_saved_model(model, folder)
    rng = np.random.default_rng(0)
    inputs = {
        "mono": rng.random((1, 96, 160, 1), np.float32),
        "reference": rng.random((1, 96, 160, 3), np.float32),
    }
    loaded = tf.saved_model.load(str(folder)).signatures[SIGNATURE]
    tensors = {name: tf.constant(value) for name, value in inputs.items()}
    difference = np.abs(
        loaded(**tensors)["chroma"] - model(inputs, training=False)["chroma"]
    ).max()
    if not difference < 1e-5:
        raise RuntimeError(f"the SavedModel differs from the network by {difference}")


def _index(
    out_dir: pathlib.Path,
    records: pathlib.Path,
    summaries: dict,
    pictures: dict[str, pathlib.Path],
    size: str,
    shipped: str,
):
    """What the page says, and the program at its end."""
    from experiments.pages.index import Index

    run_dir = out_dir / "run"
    return Index(
        summaries=summaries,
        words={
            "synthetic": "rendered scenes that the training does not see",
            "middlebury2014": "the photographed Motorcycle pair",
            "grey": "no colour",
            "zero disparity": "the reference's colour at the same place",
            "colornet": "the paper's network at one scale",
            "colorizer": "colornet with its own choice of scale and search range, and "
            "a share of semi-global matching",
            "trained here": f"{size}, seed {_SEED.value}",
            "shipped": f"the weights {shipped} of this package",
            "rough": "C' of Eq. 1, before the residue is added",
        },
        run_dir=run_dir,
        setup=_SETUP.value,
        pictures=pictures,
        places={
            "volumes": (
                out_dir / "volumes.html",
                "from where each pixel has its colour",
            ),
            "pictures": (out_dir / "pictures", "the Motorcycle pair, PNG"),
            "table": (out_dir / "table.txt", "the scores, also of the rough chroma"),
            "evaluation": (out_dir / "evaluation", "the scores of each picture, CSV"),
            "records": (records, "TFRecords of the scenes and the pair"),
            "checkpoints": (run_dir / "checkpoints", "the network trained here"),
            "metrics": (run_dir / "metrics.csv", "loss and PSNR of the training"),
            "SavedModel": (out_dir / "saved_model", "the network trained here"),
        },
        commands={"TensorBoard": f"tensorboard --logdir={run_dir / 'tensorboard'}"},
    )


def _paper() -> None:
    from experiments.tables.preset import reproduce_paper

    if not _RECORDS.value:
        raise InputError("preset paper expects --records. Received: none")
    reproduce_paper(
        pathlib.Path(_OUT_DIR.value),
        _RECORDS.value,
        _TRAINING_RECORDS.value,
        _SEEDS.value,
        _ROWS.value,
        _TRAIN_FLAGS.value,
        _NETWORK_FLAGS.value,
        _TABLE_FLAGS.value,
        _ABLATION_FLAGS.value,
    )


def main() -> None:
    others = _QUICK if _PRESET.value == "paper" else _PAPER
    app.refuse_flags(others, f"preset {_PRESET.value}")
    if _PRESET.value == "paper":
        return _paper()
    from colornet import load_pretrained, pretrained_names
    from colornet.pretrained import PREFIX
    from experiments import methods
    from experiments.evaluation.show import scores_table
    from experiments.pages.index import write_index
    from experiments.provenance import made

    start = time.monotonic()
    out_dir = pathlib.Path(_OUT_DIR.value)

    def announce(number: int, stage: str, seconds: int) -> None:
        print(
            f"[{number}/5] {time.monotonic() - start:4.0f} s  {stage} (about {seconds} "
            "s on two idle cores)",
            flush=True,
        )

    announce(1, "TFRecords of rendered scenes and of the Motorcycle pair", 15)
    records = _write(out_dir)
    size = f"n={_MODEL.n}, d={_MODEL.max_disparity}, {_STEPS.value} steps"
    announce(2, f"training of a small network: {size}", 25 + _STEPS.value // 2)
    model = _train(out_dir, records)
    announce(3, "scores on held-out scenes and on the Motorcycle pair", 80)
    shipped = pretrained_names()[0]
    network = load_pretrained(shipped)
    rows = {
        "grey": ("grey", None, None),
        "zero disparity": ("zero_disparity", None, None),
        "colornet, trained here": (methods.COLORNET, model, None),
        "colornet, shipped": (methods.COLORNET, network, PREFIX + shipped),
        "colorizer, shipped": (methods.COLORIZER, network, PREFIX + shipped),
    }
    summaries = _evaluate(out_dir, records, rows)
    table = scores_table(summaries)
    announce(4, "the Motorcycle pair, coloured with the shipped weights", 15)
    pictures = _colorize(out_dir, records, shipped)
    announce(5, "SavedModel of the small network", 20)
    _export(out_dir, model)

    (out_dir / "table.txt").write_text(table + "\n", "utf-8")
    index = _index(out_dir, records, summaries, pictures, size, shipped)
    write_index(out_dir / "index.html", index, made())
    print(f"\nSetup {index.setup}; means over pictures.")
    for name, about in index.words.items():
        print(f"{name}: {about}")
    print(f"\n{table}\n")
    for name, (place, _) in index.places.items():
        print(f"{name:12} {place}")
    for name, command in index.commands.items():
        print(f"{name:12} {command}")
    print(f"\nall of it: {out_dir / 'index.html'}")
    print(f"done in {time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    app.run(main)
