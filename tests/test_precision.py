"""What is known of the processor: a note for training, a choice for inference."""

import pytest

from colornet.errors import InputError
from colornet.precision import inference_precision, warn_if_bfloat16_emulated


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
    processors.write_text(f"model name : X\nflags\t\t: fpu {flags} aes\n", "utf-8")
    monkeypatch.setattr("tensorflow.config.get_visible_devices", lambda kind: gpus)
    warn_if_bfloat16_emulated(policy, processors)
    assert ("--precision=float32" in capsys.readouterr().err) == noted


def test_unknown_processors_are_not_judged(tmp_path, capsys):
    warn_if_bfloat16_emulated("mixed_bfloat16", tmp_path / "cpuinfo")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("choice", "flags", "gpus", "expected"),
    [
        ("auto", "fma avx2 avx512f", [], "float32"),
        ("auto", "avx512_bf16", [], "bfloat16"),
        ("auto", "amx_bf16", [], "bfloat16"),
        ("auto", "avx2", ["GPU:0"], "bfloat16"),
        ("auto", None, [], "float32"),
        ("auto", None, ["GPU:0"], "bfloat16"),
        ("float32", "amx_bf16", ["GPU:0"], "float32"),
        ("bfloat16", "avx2", [], "bfloat16"),
    ],
)
def test_precision_of_inference(choice, flags, gpus, expected, tmp_path, monkeypatch):
    processors = tmp_path / "cpuinfo"
    if flags is not None:
        processors.write_text(f"flags\t\t: fpu {flags} aes\n", "utf-8")
    monkeypatch.setattr("tensorflow.config.get_visible_devices", lambda kind: gpus)
    assert inference_precision(choice, processors) == expected


def test_other_precisions_are_refused():
    with pytest.raises(InputError, match="Received: 'float16'"):
        inference_precision("float16")
