"""The note for whoever trains in bfloat16 on a processor that imitates it."""

import pytest

from colornet.training.precision import warn_if_bfloat16_emulated


@pytest.mark.parametrize(
    ("policy", "flags", "gpus", "noted"),
    [
        ("mixed_bfloat16", "fma avx2", [], True),
        ("mixed_bfloat16", "avx2 avx512_bf16", [], False),
        ("mixed_bfloat16", "avx2 amx_bf16", [], False),
        ("mixed_bfloat16", "fma avx2", ["GPU:0"], False),
        ("float32", "fma avx2", [], False),
    ],
)
def test_bfloat16_without_instructions(
    policy, flags, gpus, noted, tmp_path, monkeypatch, capsys
):
    processors = tmp_path / "cpuinfo"
    processors.write_text(f"model name : X\nflags\t\t: fpu {flags} aes\n")
    monkeypatch.setattr("tensorflow.config.get_visible_devices", lambda kind: gpus)
    warn_if_bfloat16_emulated(policy, processors)
    assert ("--precision=float32" in capsys.readouterr().err) == noted


def test_unknown_processors_are_not_judged(tmp_path, capsys):
    warn_if_bfloat16_emulated("mixed_bfloat16", tmp_path / "cpuinfo")
    assert capsys.readouterr().err == ""
