"""Weights on disk: one format for every backend.

A weights file is an `.npz` archive that holds each variable under its path
(`l01_conv/kernel`, ...) and the configuration as JSON under `config`; NumPy checks its
CRC. A checkpoint is a folder `step_00000100` with `weights.npz`, `optimizer.npz` (and
`optimizer_1.npz`, ... where that would be a large file) and `train.json`; it is renamed
into place when it is whole, so a checkpoint that can be seen is complete.
"""

import contextlib
import dataclasses
import hashlib
import json
import os
import pathlib
import re
import shutil
import zipfile
import zlib
from collections.abc import Iterable, Iterator

import keras
import numpy as np

from colornet import pretrained
from colornet.config import (
    Config,
    NetworkConfig,
    TrainConfig,
    import_networks,
    network_config,
)
from colornet.errors import InputError
from colornet.io.files import replacing, writing
from colornet.model import ColorNet  # noqa: F401, known to Keras for .keras files
from colornet.networks import Network

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

_CONFIG = "config"
_STEP = re.compile(r"step_(\d{8,})")
_KEEP = 3
# Many places that files are sent through refuse those of 16 MiB and more.
_OPTIMIZER_FILE_BYTES = 15 * 2**20


def _read_archive(path: pathlib.Path) -> dict[str, np.ndarray]:
    if not path.is_file():
        raise InputError(f"expected a file of weights. Missing: {path}")
    if not zipfile.is_zipfile(path):
        raise InputError(f"expected a whole .npz file of weights. Received: {path}")
    try:
        with np.load(path) as archive:
            return {name: archive[name] for name in archive.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(
            f"expected a whole .npz file of weights. Received: {path} ({error})"
        ) from error


def _stored_config(value: np.ndarray, path: pathlib.Path) -> NetworkConfig:
    try:
        return network_config(json.loads(str(value)))
    except (InputError, ValueError, TypeError, AttributeError) as error:
        raise InputError(
            f"expected weights with their configuration as JSON. Received: {path} "
            f"({error})"
        ) from error


def _assign(variables: Iterable, values: dict[str, np.ndarray], path) -> None:
    """Gives all variables their values, or changes none of them."""
    expected = {variable.path: tuple(variable.shape) for variable in variables}
    received = {name: value.shape for name, value in values.items()}
    if expected != received:
        names = sorted(
            name
            for name in expected.keys() | received.keys()
            if expected.get(name) != received.get(name)
        )
        first = names[0]
        raise InputError(
            f"{path} holds the weights of another configuration: {len(names)} tensors "
            f"differ, first {first}: expected {expected.get(first)}. "
            f"Received: {received.get(first)}"
        )
    for variable in variables:
        variable.assign(values[variable.path])


def save_weights(
    model: Network, path: str | os.PathLike, kernels: str = "float32"
) -> None:
    """Writes the weights and the configuration of a model as an `.npz` file.

    Args:
        model: the network.
        path: where to.
        kernels: dtype of the kernels in the file; vectors stay float32, since they are
            small, and variances can be larger than float16 holds.
    """
    values = {variable.path: np.asarray(variable) for variable in model.variables}
    for name, value in values.items():
        if value.ndim > 1:
            values[name] = value.astype(kernels)
    with replacing(path) as file:
        np.savez(file, **values, **{_CONFIG: np.array(model.config.to_json())})


def weights_digest(model: Network) -> str:
    """SHA-256 of a network's weights, whatever file they came from, hexadecimal."""
    digest = hashlib.sha256()
    for value in model.get_weights():
        digest.update(np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()


def load_weights(model: Network, path: str | os.PathLike) -> None:
    """Reads an `.npz` file into a model of the same configuration.

    Raises:
        InputError: no such file, a damaged one, or weights of another configuration;
            the model is unchanged.
    """
    values = _read_archive(pathlib.Path(path))
    values.pop(_CONFIG, None)
    _assign(model.variables, values, path)


def calibrated_file(checkpoint: pathlib.Path) -> pathlib.Path:
    """Where the average of a checkpoint with calibrated statistics is kept (D-31)."""
    run_dir, step = checkpoint.parent.parent, checkpoint.name.removeprefix("step_")
    return run_dir / f"calibrated_{step}.npz"


def _weights_file(path: pathlib.Path) -> pathlib.Path:
    if not path.is_dir():
        return path
    if (path / "weights.npz").is_file():
        return path / "weights.npz"
    newest = latest_checkpoint(path)
    calibrated = calibrated_file(newest)
    return calibrated if calibrated.is_file() else newest / "weights.npz"


def load_model(path: str | os.PathLike, **changes) -> Network:
    """Loads a network from what training or Keras has saved.

    Args:
        path: a training run's folder (its last checkpoint, or what was averaged and
            calibrated from that), a checkpoint's folder, an `.npz` file of weights, a
            `.keras` file, or `pretrained:NAME` for weights that come with the package
            (see `colornet.pretrained`).
        **changes: fields of the configuration that no weight depends on; see
            `Network.rebuilt`.

    Raises:
        InputError: nothing there, something else, a damaged file, or a change that the
            network cannot have.
    """
    settings = {}
    if str(path).startswith(pretrained.PREFIX):
        settings = pretrained.settings(str(path))
        path = pretrained.weights_file(str(path))
    path = pathlib.Path(path)
    if not path.exists():
        raise InputError(f"expected a folder, .npz or .keras file. Missing: {path}")
    if path.suffix == ".keras":
        import_networks()
        try:
            model = keras.models.load_model(path)
        except (ValueError, OSError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise InputError(
                f"expected a .keras file of a ColorNet. Received: {path} ({error})"
            ) from error
        if not isinstance(model, Network):
            raise InputError(
                f"expected a .keras file of a ColorNet. Received: {path} with a "
                f"{type(model).__name__}"
            )
        return model.rebuilt(**changes)
    path = _weights_file(path)
    values = _read_archive(path)
    if _CONFIG not in values:
        raise InputError(f"expected weights with their configuration. Received: {path}")
    config = _stored_config(values.pop(_CONFIG), path)
    model = config.changed(**settings).changed(**changes).build()
    _assign(model.variables, values, path)
    return model


def _optimizer_files(variables: Iterable) -> dict[str, dict[str, np.ndarray]]:
    """Values of an optimizer's variables by path, by the file that they go to."""
    files, size = [{}], 0
    for variable in variables:
        value = np.asarray(variable)
        size += value.nbytes
        if files[-1] and size > _OPTIMIZER_FILE_BYTES:
            files.append({})
            size = value.nbytes
        files[-1][variable.path] = value
    return {
        f"optimizer_{index}.npz" if index else "optimizer.npz": values
        for index, values in enumerate(files)
    }


def _flat(values: dict, prefix: str = "") -> dict:
    """Nested dictionaries as one, with names like `model.n`."""
    flat = {}
    for name, value in values.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat


@dataclasses.dataclass(frozen=True)
class Checkpoints:
    """The checkpoints of one training run, the newest three kept.

    Args:
        run_dir: folder of the run; checkpoints go to `run_dir/checkpoints`.
        config_class: class of the run's configuration.
    """

    run_dir: pathlib.Path
    config_class: type[Config] = TrainConfig

    @property
    def directory(self) -> pathlib.Path:
        return self.run_dir / "checkpoints"

    def steps(self) -> list[int]:
        """Steps of the checkpoints there, in ascending order."""
        if not self.directory.is_dir():
            return []
        matches = map(_STEP.fullmatch, sorted(os.listdir(self.directory)))
        return sorted(int(match[1]) for match in matches if match)

    def path(self, step: int) -> pathlib.Path:
        return self.directory / f"step_{step:08d}"

    @property
    def step(self) -> int:
        """Step of the newest checkpoint, 0 without any."""
        return max(self.steps(), default=0)

    @contextlib.contextmanager
    def alone(self, step: int) -> Iterator[None]:
        """Keeps other programs from training in the folder, where files have locks.

        Args:
            step: of the newest checkpoint when this program looked.

        Raises:
            InputError: another program trains there or has done so since, or the folder
                cannot be written.
        """
        path = self.directory / ".lock"
        with contextlib.ExitStack() as stack:
            with writing(path):
                self.directory.mkdir(parents=True, exist_ok=True)
                file = stack.enter_context(path.open("w"))
            try:
                # The system lets go of it when the program ends, however that comes.
                if fcntl:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise InputError(
                    "expected a folder that no other program trains in. "
                    f"Received: {self.run_dir}"
                ) from error
            except OSError:  # A file system without locks.
                pass
            if self.step != step:
                raise InputError(
                    f"expected {self.run_dir} as it was at step {step}; start again to "
                    f"go on. Received: step {self.step}, of another program"
                )
            yield

    def save(self, step: int, model, optimizer, config: Config) -> None:
        """Writes a checkpoint, then removes the oldest ones.

        Raises:
            InputError: it cannot be written; the checkpoints before are still there.
        """
        with writing(self.path(step)):
            self._save(step, model, optimizer, config)

    def _save(self, step: int, model, optimizer, config: Config) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        part = self.directory / "part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        save_weights(model, part / "weights.npz")
        for name, values in _optimizer_files(optimizer.variables).items():
            np.savez(part / name, **values)
        state = {"step": step, "config": config.to_dict()}
        (part / "train.json").write_text(json.dumps(state, indent=2, sort_keys=True))
        shutil.rmtree(self.path(step), ignore_errors=True)
        os.replace(part, self.path(step))
        for old in self.steps()[:-_KEEP]:
            shutil.rmtree(self.path(old))

    def config(self, step: int) -> Config:
        """The configuration that a checkpoint was trained with.

        Raises:
            InputError: the checkpoint has none, or a damaged one.
        """
        path = self.path(step) / "train.json"
        try:
            return self.config_class.from_dict(json.loads(path.read_text())["config"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"expected the configuration of a training run. Received: {path} "
                f"({error})"
            ) from error

    def require_same_run(self, config: Config, may_differ: tuple[str, ...]) -> None:
        """Raises InputError if the newest checkpoint is of another configuration.

        Args:
            config: what to go on with.
            may_differ: names of fields that may have changed.
        """
        before = _flat(self.config(self.steps()[-1]).to_dict())
        now = _flat(config.to_dict())
        changed = [
            f"{name}: {before.get(name)!r} -> {now.get(name)!r}"
            for name in {**before, **now}
            if before.get(name) != now.get(name) and name not in may_differ
        ]
        if changed:
            raise InputError(
                f"{self.run_dir} holds a run of another configuration: go on with its "
                f"own flags or in another folder. Received: {'; '.join(changed)}"
            )

    def restore(self, step: int, model, optimizer) -> None:
        """Gives model and optimizer the state of a checkpoint.

        Raises:
            InputError: a damaged checkpoint, or one of another network or optimizer.
        """
        load_weights(model, self.path(step) / "weights.npz")
        values = {}
        for path in sorted(self.path(step).glob("optimizer*.npz")):
            values |= _read_archive(path)
        _assign(optimizer.variables, values, self.path(step) / "optimizer.npz")


def latest_checkpoint(run_dir: str | os.PathLike) -> pathlib.Path:
    """Folder of a run's newest checkpoint; InputError if there is none."""
    checkpoints = Checkpoints(pathlib.Path(run_dir))
    steps = checkpoints.steps()
    if not steps:
        raise InputError(f"expected a folder with checkpoints. Received: {run_dir}")
    return checkpoints.path(steps[-1])
