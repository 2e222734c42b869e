"""All of the paper: trains what is learned, then makes the tables and figures."""

import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

from colornet.errors import InputError, Interrupted
from colornet.training.stopping import StopSignals
from experiments.methods import networks
from experiments.tables.paper import ABLATION_PSNR


def reproduce_paper(
    out_dir: pathlib.Path,
    records: str,
    training_records: str,
    seeds: int,
    train_flags: Sequence[str],
    network_flags: Sequence[str],
    table_flags: Sequence[str],
    ablation_flags: Sequence[str],
) -> None:
    """Runs everything, each part in a process of its own that can be stopped.

    Args:
        out_dir: gets `train/<row>-seed<n>` and `tables`.
        records: out_dir of `tfrecords_tools.write` with the datasets to score.
        training_records: folder of the records to train on, split `train`.
        seeds: how many runs of each variant of Table 5.
        train_flags: of `experiments.train`, for the network and its variants.
        network_flags: the same for the comparison networks.
        table_flags: of table3, table4, table5 and figures.
        ablation_flags: of table5 alone, which has most runs to score.

    Raises:
        InputError: no records, or a part that failed.
        Interrupted: SIGTERM or SIGINT came, and the part that ran has ended.
    """
    train, output = out_dir / "train", out_dir / "tables"
    common = [f"--records={records}", f"--output={output}", *table_flags]
    # What needs no training comes first: a wrong flag of a table shows before it.
    _run("experiments.table5", *common, *ablation_flags)
    _run("experiments.table3", *common)
    runs = [
        (row, seed, [f"--variant={row}", *train_flags])
        for seed in range(seeds)
        for row in (*reversed(ABLATION_PSNR),)
    ]
    methods = [
        (row, 0, [f"--method={row}", *network_flags]) for row in networks.names()
    ]
    # One seed of everything, then the others.
    runs[len(ABLATION_PSNR) : len(ABLATION_PSNR)] = methods
    for number, (row, seed, flags) in enumerate(runs, start=1):
        print(f"[{number}/{len(runs)}] training {row}, seed {seed}", flush=True)
        _run(
            "experiments.train",
            f"--records={training_records}",
            f"--run_dir={train / f'{row}-seed{seed}'}",
            f"--seed={seed}",
            *flags,
        )
    learned = [f"--weights={row}={train / f'{row}-seed0'}" for row in networks.names()]
    learned.append(f"--weights=ours={train / 'full-seed0'}")
    variants = [
        f"--weights={row}={train / f'{row}-seed{seed}'}"
        for row in ABLATION_PSNR
        for seed in range(seeds)
    ]
    for module in ("table3", "table4"):
        _run(f"experiments.{module}", *common, *learned)
    _run("experiments.table5", *common, *ablation_flags, *variants)
    _run("experiments.figures", *common, *learned)
    _run("experiments.report", f"--output={output}")


def _run(module: str, *flags: str) -> None:
    """Runs a program; a signal goes to it, and it has all the time that it takes."""
    with StopSignals() as signals:
        process = subprocess.Popen([sys.executable, "-m", module, *flags])
        sent = None
        while (status := process.poll()) is None:
            if signals.number != sent:
                sent = signals.number
                process.send_signal(sent)
            time.sleep(0.1)
    if signals.number:
        name = signal.Signals(signals.number).name
        raise Interrupted(signals.number, f"{name}: start again to go on")
    if status:
        raise InputError(
            f"expected {module} to succeed; started again this goes on there. "
            f"Received: status {status} of {module} {' '.join(flags)}"
        )
