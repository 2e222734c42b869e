"""Archives of arrays that announce more than they are."""

import io
import zipfile

import numpy as np
import pytest

from colornet.errors import InputError
from colornet.io.archives import MAX_EXPANSION, read_archive


def _header(shape, dtype="<f4"):
    file = io.BytesIO()
    values = {"descr": dtype, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, values)
    return file.getvalue()


def _archive(path, content, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("kernel.npy", content)


def test_arrays_are_read(tmp_path):
    arrays = {"l01_conv/kernel": np.arange(6.0).reshape(2, 3), "config": np.array("{}")}
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "a.npz", **arrays)
        found = read_archive(tmp_path / "a.npz")
        assert found.keys() == arrays.keys()
        for name, array in arrays.items():
            np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (_header((10**9,)) + bytes(400), "an array of .1000000000,. in 528 bytes"),
        (_header((2**40, 2**40)), "an array of"),
        (bytes(65_000_000), "65000000 bytes packed in"),
        (b"no array", "magic"),
        (b"", "0 bytes packed in"),
    ],
)
def test_archives_that_announce_too_much(tmp_path, content, words):
    path = tmp_path / "a.npz"
    _archive(path, content)
    assert path.stat().st_size * MAX_EXPANSION < 65e6
    with pytest.raises(InputError, match=f"whole .npz.*a.npz .*{words}") as error:
        read_archive(path)
    assert "\n" not in str(error.value)
