"""All of the paper: trains what is learned, then makes the tables and figures."""

import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

from colornet.data import Records
from colornet.errors import InputError, Interrupted
from colornet.training.stopping import StopSignals
from experiments.methods import COLORNET, networks
from experiments.tables.paper import ABLATION_ROWS

_FULL = "full"  # The row of Table 5 that is `colornet` in Tables 3 and 4.


def setups_of(training_records: Sequence[str]) -> dict[int, str]:
    """Folders of training records by the setup of Table 2 that they were written in.

    Raises:
        InputError: no folder, one that cannot be trained on, or two of one setup.
    """
    folders: dict[int, str] = {}
    for folder in training_records:
        setup = Records(folder, "train").metadata["settings"]["setup"]
        if setup in folders:
            raise InputError(
                f"expected training records of different setups. Received: {folder} "
                f"and {folders[setup]}, both of Setup {setup}"
            )
        folders[setup] = folder
    if not folders:
        raise InputError("preset paper expects --training_records. Received: none")
    return dict(sorted(folders.items()))


def reproduce_paper(
    out_dir: pathlib.Path,
    records: str,
    training_records: Sequence[str],
    seeds: int,
    rows: Sequence[str],
    train_flags: Sequence[str],
    network_flags: Sequence[str],
    table_flags: Sequence[str],
    ablation_flags: Sequence[str],
) -> None:
    """Runs everything, each part in a process of its own that can be stopped.

    With training records of both setups, each of Tables 3 and 4's networks is trained
    for each setup (D-40). Table 5 has one setup, the first that is there.

    Args:
        out_dir: gets `train/<row>-setup<s>-seed<n>` and `tables`.
        records: out_dir of `tfrecords_tools.write` with the datasets to score.
        training_records: folders of the records to train on, split `train`, one a
            setup.
        seeds: how many runs of each variant of Table 5.
        rows: what to train, of Table 5's variants and the comparison networks; all if
            empty.
        train_flags: of `experiments.train`, for the network and its variants.
        network_flags: the same for the comparison networks.
        table_flags: of table3, table4, table5 and figures.
        ablation_flags: of table5 alone, which has most runs to score.

    Raises:
        InputError: no records, or a part that failed.
        Interrupted: SIGTERM or SIGINT came, and the part that ran has ended.
    """
    folders = setups_of(training_records)
    first, *others = folders
    tables = [f"--records={records}", f"--output={out_dir / 'tables'}", *table_flags]
    # What needs no training comes first: a wrong flag of a table shows before it.
    run_program("experiments.table5", *tables, *ablation_flags)
    run_program("experiments.table3", *tables)
    run_program(
        "experiments.table2", f"--records={records}", f"--output={out_dir / 'tables'}"
    )
    # One seed of everything, then the other seeds of Table 5.
    variants = [row for row in reversed(ABLATION_ROWS) if row in (rows or [row])]
    learned = [row for row in networks.names() if row in (rows or [row])]
    runs = [(row, first, 0) for row in variants]
    runs += [(_FULL, setup, 0) for setup in others if _FULL in variants]
    runs += [(row, setup, 0) for row in learned for setup in folders]
    runs += [(row, first, seed) for seed in range(1, seeds) for row in variants]
    trained: dict[str, list[str]] = {}
    for number, (row, setup, seed) in enumerate(runs, start=1):
        print(
            f"[{number}/{len(runs)}] training {row}, Setup {setup}, seed {seed}",
            flush=True,
        )
        run_dir = out_dir / "train" / f"{row}-setup{setup}-seed{seed}"
        of_ours = row in variants
        run_program(
            "experiments.train",
            f"--records={folders[setup]}",
            f"--run_dir={run_dir}",
            f"--seed={seed}",
            f"--{'variant' if of_ours else 'method'}={row}",
            *(train_flags if of_ours else network_flags),
        )
        name = f"{row}@{setup}" if others else row
        trained.setdefault(name, []).append(str(run_dir))
    of_table5 = [
        f"--weights={name}={run}"
        for name, found in trained.items()
        if name.partition("@")[0] in variants
        for run in found
    ]
    of_tables = [
        f"--weights={name.replace(_FULL, COLORNET)}={found[0]}"
        for name, found in trained.items()
        if name.partition("@")[0] in (_FULL, *learned)
    ]
    for module in ("table3", "table4", "figures"):
        run_program(f"experiments.{module}", *tables, *of_tables)
    run_program("experiments.table5", *tables, *ablation_flags, *of_table5)
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
