"""Archives of arrays that announce more than they are."""

import io
import zipfile

import numpy as np
import pytest

from colornet.errors import InputError
from colornet.io.archives import MAX_EXPANSION, read_archive, read_shapes


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
        shapes = {name: array.shape for name, array in arrays.items()}
        assert read_shapes(tmp_path / "a.npz") == shapes
        few = read_archive(tmp_path / "a.npz", ["config", "step"])
        assert few == {"config": arrays["config"]}


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


def test_a_member_that_damage_hides_is_missed(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, first=np.zeros(3), second=np.ones(3))
    whole = bytearray(path.read_bytes())
    entry = whole.index(b"PK\1\2")
    # The comment of the first member becomes as long as all that follows.
    whole[entry + 32 : entry + 34] = (len(whole) - entry).to_bytes(2, "little")
    path.write_bytes(whole)
    with pytest.raises(InputError, match="whole .npz.*a.npz .1 of 2 arrays"):
        read_archive(path)
