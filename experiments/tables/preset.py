"""All of the paper: trains what is learned, then makes the tables and figures."""

import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

from colornet.errors import InputError, Interrupted
from colornet.training.stopping import StopSignals
from experiments.methods import COLORNET, networks
from experiments.tables.paper import ABLATION_ROWS


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
    tables = [f"--records={records}", f"--output={out_dir / 'tables'}", *table_flags]
    # What needs no training comes first: a wrong flag of a table shows before it.
    run_program("experiments.table5", *tables, *ablation_flags)
    run_program("experiments.table3", *tables)
    # One seed of everything, the full network first, then the others.
    runs = [
        (row, seed, [f"--variant={row}", *train_flags])
        for seed in range(seeds)
        for row in reversed(ABLATION_ROWS)
    ]
    runs[len(ABLATION_ROWS) : len(ABLATION_ROWS)] = [
        (row, 0, [f"--method={row}", *network_flags]) for row in networks.names()
    ]
    weights = {row: [] for row in (*ABLATION_ROWS, *networks.names())}
    for number, (row, seed, flags) in enumerate(runs, start=1):
        print(f"[{number}/{len(runs)}] training {row}, seed {seed}", flush=True)
        run_dir = out_dir / "train" / f"{row}-seed{seed}"
        run_program(
            "experiments.train",
            f"--records={training_records}",
            f"--run_dir={run_dir}",
            f"--seed={seed}",
            *flags,
        )
        weights[row].append(f"--weights={row}={run_dir}")
    learned = [text for row in networks.names() for text in weights[row]]
    learned.append(f"--weights={COLORNET}={out_dir / 'train' / 'full-seed0'}")
    variants = [text for row in ABLATION_ROWS for text in weights[row]]
    for module in ("table3", "table4", "figures"):
        run_program(f"experiments.{module}", *tables, *learned)
    run_program("experiments.table5", *tables, *ablation_flags, *variants)
    run_program("experiments.report", f"--output={out_dir / 'tables'}")


def run_program(module: str, *flags: str) -> None:
    """Runs `python -m module flags`; a signal goes to it, and it may take its time.

    Raises:
        InputError: it failed.
        Interrupted: SIGTERM or SIGINT came, and it has ended.
    """
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
